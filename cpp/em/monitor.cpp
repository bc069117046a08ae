// When EM stops.
#include "em/monitor.hpp"

#include <algorithm>
#include <cmath>

namespace mixtura {
namespace {

// Iterations without a rise after which all further change is rounding, and the most that rounding changes, as a share
// of the likelihood (in float32): where each falls by more, the M-step goes its way to what reg_covar makes of it.
constexpr std::size_t patience = 10;
constexpr double rounding = 1e-6;

// Small changes in a row after which accelerated EM has converged.
constexpr std::size_t small_changes = 3;

}  // namespace

bool Monitor::goes_on(double mean_log_likelihood) {
    history.push_back(mean_log_likelihood);
    if (converged) return false;
    if (tol == 0) {
        converged = has_stalled();
    } else if (accelerated) {
        const bool stalled = has_stalled();
        converged = changes_are_small() || stalled;
        return !converged && n_iter() < max_iter;
    } else {
        converged = change() <= tol;
    }
    return n_iter() < max_iter;
}

std::string Monitor::ended() const {
    if (!stopped.empty()) return stopped;
    return converged ? "converged" : "max_iter reached";
}

double Monitor::change() const {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    if (history.size() < 2) return infinity;
    const double change = std::abs(history.back() - history[history.size() - 2]);
    return std::isnan(change) ? infinity : change;
}

double Monitor::remaining_gain() const {
    if (history.size() < 3) return std::numeric_limits<double>::quiet_NaN();
    const double* const end = history.data() + history.size();
    const double before = end[-2] - end[-3], last = end[-1] - end[-2];
    if (last <= 0) return 0;
    return before > last ? last * last / (before - last) : std::numeric_limits<double>::infinity();
}

bool Monitor::changes_are_small() const {
    // Fewer where no more are allowed.
    const std::size_t needed = std::min(small_changes, static_cast<std::size_t>(std::max<std::ptrdiff_t>(max_iter, 1)));
    if (history.size() <= needed) return false;
    for (std::size_t i = history.size() - needed; i < history.size(); ++i) {
        if (!(std::abs(history[i] - history[i - 1]) <= tol)) return false;
    }
    return true;
}

bool Monitor::has_stalled() {
    if (history.size() <= patience) return false;
    const double latest_before = history[history.size() - patience - 1];
    highest_before_ = history.size() == patience + 1 ? latest_before : std::max(highest_before_, latest_before);
    const auto [least, most] = std::minmax_element(history.end() - patience, history.end());
    return *most <= highest_before_ && *most - *least <= rounding * std::max(1.0, std::abs(*most));
}

}  // namespace mixtura
