// The search from nothing: in float where that is as good.
#include "optimum/search.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "optimum/searching.hpp"

namespace mixtura {
namespace {

// Standard deviations of the features; of spherical components that of all of them.
std::vector<double> scales_of(const TotalScatter& total, Structure structure, std::ptrdiff_t d) {
    std::vector<double> variances;
    for (std::ptrdiff_t j = 0; j < d; ++j) variances.push_back(total.scatter[j * (d + 1)] / total.weight);
    if (structure == Structure::spherical) {
        const double mean = std::accumulate(variances.begin(), variances.end(), 0.0) / static_cast<double>(d);
        variances.assign(variances.size(), mean);
    }
    for (double& variance : variances) variance = std::sqrt(variance);
    return variances;
}

Found search_by(const Problem& problem, Control& control) {
    Searching searching(problem, control);
    searching.run();
    searching.look_before_degenerate({});
    return searching.found();
}

// With E-steps in float, and EM in double from the end. None where a component is too thin for float, or EM in double
// leads from there to a spurious maximum.
std::optional<Found> search_in_single(const Problem& problem, Control& control) {
    const std::ptrdiff_t d = problem.rows.n_features;
    if (!problem.is_exact() || problem.source->is_single() || d >= wide || problem.total.mean == nullptr) return {};
    const std::vector<double> scales = scales_of(problem.total, problem.m_step->structure(), d);
    if (!std::all_of(scales.begin(), scales.end(), [](double scale) { return scale > 0 && std::isfinite(1 / scale); }))
        return {};
    const SingleCopy rows(problem.rows.view(), {problem.total.mean, problem.total.mean + d}, scales);
    Problem rounded = problem;
    rounded.source = rounded.rounded = &rows;
    Searching in_single(rounded, control);
    in_single.run();
    Searching searching(problem, control);
    if (in_single.is_rounded() || !searching.end_from(in_single.found())) return {};
    return searching.found();
}

}  // namespace

Found search(const Problem& problem, Control& control) {
    std::optional<Found> found = search_in_single(problem, control);
    return found ? std::move(*found) : search_by(problem, control);
}

}  // namespace mixtura
