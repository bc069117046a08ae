// The search from nothing: in float where that is as good.
#include "optimum/search.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "optimum/searching.hpp"
#include "support/memory.hpp"

namespace mixtura {
namespace {

// Where the rows lie and how they spread: of spherical components all features have one scale.
struct Units {
    std::vector<double> centre, scale;
};

// From these rows alone, in their order: nothing that was known of them before may change what is rounded.
Units units_of(const SearchRows& rows, Structure structure) {
    const auto d = static_cast<std::size_t>(rows.n_features);
    const double weight = rows.weight();
    const double* first = rows.row(0);
    std::vector<double> mean(d), variances(d);
    for (std::ptrdiff_t i = 0; i < rows.n_rows; ++i) {
        for (std::size_t j = 0; j < d; ++j) mean[j] += rows.weight_of(i) * (rows.row(i)[j] - first[j]);
    }
    for (std::size_t j = 0; j < d; ++j) mean[j] = first[j] + mean[j] / weight;
    for (std::ptrdiff_t i = 0; i < rows.n_rows; ++i) {
        for (std::size_t j = 0; j < d; ++j) {
            const double difference = rows.row(i)[j] - mean[j];
            variances[j] += rows.weight_of(i) * difference * difference / weight;
        }
    }
    if (structure == Structure::spherical) {
        const double of_all = std::accumulate(variances.begin(), variances.end(), 0.0) / static_cast<double>(d);
        variances.assign(d, of_all);
    }
    for (double& variance : variances) variance = std::sqrt(variance);
    return {mean, variances};
}

Found search_by(const Problem& problem, Control& control) {
    Searching searching(problem, control);
    searching.run();
    searching.look_before_degenerate({});
    return searching.found();
}

// Whether a float holds the weights, their sum and a millionth of each.
bool are_for_single(const SearchRows& rows) {
    if (rows.weights == nullptr) return true;
    constexpr double least = 1e6 * std::numeric_limits<float>::min(), most = std::numeric_limits<float>::max();
    const auto fits = [](double weight) { return weight == 0 || weight > least; };
    return rows.weight() < most && std::all_of(rows.weights, rows.weights + rows.n_rows, fits);
}

// The rows in float; none where there are none.
std::optional<SingleCopy> single_copy_of(const Problem& problem) {
    if (!problem.is_exact() || problem.source->is_single() || problem.rows.n_features >= wide) return {};
    if (!are_for_single(problem.rows)) return {};
    Units units = units_of(problem.rows, problem.m_step->structure());
    const auto is_usable = [](double scale) { return scale > 0 && std::isfinite(scale) && std::isfinite(1 / scale); };
    if (!std::all_of(units.scale.begin(), units.scale.end(), is_usable)) return {};
    return SingleCopy(problem.rows.view(), std::move(units.centre), std::move(units.scale));
}

Problem with_rows(const SingleCopy& rows, Problem problem) {
    problem.source = problem.rounded = &rows;
    return problem;
}

// With E-steps in float, and EM in double from the end. None where float cannot tell ends apart, a component of the
// best is too thin for it, or EM in double leads from there to a spurious maximum.
std::optional<Found> search_in_single(const Problem& problem, Control& control) {
    const std::optional<SingleCopy> rows = single_copy_of(problem);
    if (!rows) return {};
    const Problem rounded = with_rows(*rows, problem);
    Searching in_single(rounded, control);
    in_single.run();
    Searching searching(problem, control);
    if (in_single.is_rounded() || !searching.end_from(in_single)) return {};
    return searching.found();
}

class Comparing final : public Searching {
  public:
    using Searching::Searching;

    void run_from(const std::vector<Start>& starts) {
        for (const Start& start : starts) {
            descend(start.kind, [&](Descent&) { return Beginning{start.mixture}; });
        }
    }

    Found proper_end() {
        const bool is_proper = best_ != nullptr;
        Found found = Searching::found();
        if (!is_proper) found.mixture.reset();
        return found;
    }

  protected:
    bool is_worth_mending(const Optimum&) const override { return false; }
};

}  // namespace

Found search(const Problem& problem, Control& control) {
    const Recycling recycling;
    std::optional<Found> found = search_in_single(problem, control);
    return found ? std::move(*found) : search_by(problem, control);
}

Found better_end(const std::vector<Start>& starts, const Problem& problem, Control& control) {
    const Recycling recycling;
    if (const std::optional<SingleCopy> rows = single_copy_of(problem)) {
        const Problem rounded = with_rows(*rows, problem);
        Comparing in_single(rounded, control);
        in_single.run_from(starts);
        if (!in_single.is_rounded()) return in_single.proper_end();
    }
    Comparing comparing(problem, control);
    comparing.run_from(starts);
    return comparing.proper_end();
}

}  // namespace mixtura
