// Fits to the same rows with other weights.
#include "fitting/refits.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>

#include "fitting/table.hpp"
#include "m_step/regularisation.hpp"
#include "optimum/random.hpp"
#include "support/interrupt.hpp"
#include "support/side_by_side.hpp"

namespace mixtura {
namespace {

Refit refit(const Rows<double>& all, const double* all_weights, const OwnedMixture& start, const Refitting& asked,
            Control& control) {
    std::vector<std::int64_t> some;
    std::vector<double> weights;
    for (std::ptrdiff_t i = 0; i < all.n_rows; ++i) {
        if (!(all_weights[i] > 0)) continue;
        some.push_back(i);
        weights.push_back(all_weights[i]);
    }
    const std::vector<double> values = copied(all, some);
    Rows<double> rows = contiguous(values, all.n_features);
    rows.weights = weights.data();
    const bool is_tied = asked.m_step.structure() == Structure::tied;
    const Table table(rows, control, is_tied);
    std::unique_ptr<MStep> own;
    if (asked.n_bits > 0) own = asked.m_step.adding(added_by_default(table.mean, table.variances, asked.n_bits));
    const MStep& m_step = own ? *own : asked.m_step;
    Expectation expectation;
    if (is_tied) expectation.total = table.spread.total();
    Point point(start);
    Monitor monitor(asked.tol, asked.max_iter, true);
    Acceleration acceleration(m_step.structure(), start.n_components, start.n_features, m_step.has_tails());
    expectation_maximisation({table.source(), m_step, expectation}, monitor, &acceleration, {}, point, control);
    if (control.interrupted) throw Interrupted{};
    return {std::move(point.mixture), monitor.failed, monitor.failed_count};
}

}  // namespace

std::vector<Refit> refits(const Rows<double>& rows, const double* weights, std::ptrdiff_t n, const OwnedMixture& start,
                          const Refitting& asked, Control& control) {
    SideBySide<Refit> fits(n, n, control, [&](std::ptrdiff_t i, Control& own) {
        return refit(rows, weights + i * rows.n_rows, start, asked, own);
    });
    std::vector<Refit> found;
    found.reserve(static_cast<std::size_t>(n));
    for (std::ptrdiff_t i = 0; i < n; ++i) found.push_back(std::move(fits[i]));
    return found;
}

std::vector<double> drawn_counts(const double* weights, std::ptrdiff_t n_rows, std::ptrdiff_t n_drawn,
                                 const std::vector<std::uint64_t>& seeds) {
    std::vector<double> sums;
    if (weights != nullptr) {
        sums.resize(static_cast<std::size_t>(n_rows));
        std::partial_sum(weights, weights + n_rows, sums.begin());
    }
    // The first row whose sum is above the drawn one: never a row of weight 0, nor, where a product rounds up, none.
    const auto drawn_row = [&](Random& random) -> std::ptrdiff_t {
        if (weights == nullptr) return random.below(n_rows);
        const double drawn = std::min(random.uniform() * sums.back(), std::nextafter(sums.back(), 0.0));
        return std::upper_bound(sums.begin(), sums.end(), drawn) - sums.begin();
    };
    std::vector<double> counts(seeds.size() * static_cast<std::size_t>(n_rows));
    for (std::size_t s = 0; s < seeds.size(); ++s) {
        Random random(seeds[s]);
        double* own = counts.data() + s * static_cast<std::size_t>(n_rows);
        for (std::ptrdiff_t i = 0; i < n_drawn; ++i) own[drawn_row(random)] += 1;
    }
    return counts;
}

}  // namespace mixtura
