// The search from nothing: in float where that is as good.
#include "optimum/search.hpp"

#include <cmath>
#include <optional>
#include <utility>

#include "optimum/searching.hpp"

namespace mixtura {
namespace {

// All rows as one component of a diagonal covariance.
OwnedMixture spread_of(const TotalScatter& total, std::ptrdiff_t d) {
    OwnedMixture one(Structure::diag, 1, d);
    for (std::ptrdiff_t j = 0; j < d; ++j)
        one.precisions_cholesky[static_cast<std::size_t>(j)] = std::sqrt(total.weight / total.scatter[j * (d + 1)]);
    return one;
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
    const SingleCopy rows(problem.rows.view(), {problem.total.mean, problem.total.mean + d});
    if (!rows.is_fine_for(spread_of(problem.total, d))) return {};
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
