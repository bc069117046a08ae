// Moves from a mixture to a better one: merge two components and split one, all in one step.
//
// Ueda et al. 2000, SMEM, with other criteria: what a merge costs is bounded from the parameters alone, what a split
// gains is the classification likelihood of the best cut through the component's rows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "optimum/random.hpp"
#include "optimum/rows.hpp"

namespace mixtura {

// Cut the rows of `united`, one component (twice the same) or two that touch, in two; where it is one, merge `merged`.
struct Move {
    using Pair = std::array<std::ptrdiff_t, 2>;

    bool splits_one() const { return united[0] == united[1]; }
    // The components that are other ones afterwards.
    std::set<std::ptrdiff_t> touched() const { return {united[0], united[1], merged[0], merged[1]}; }

    double gain;  // what it promises, in nats a row
    Pair united, merged;
    std::shared_ptr<const std::vector<double>> share;  // of each row, that goes to the second part
};

// Bound on the loss, in nats a row, of replacing two components by one of their joint moments (K x K): infinite on and
// below the diagonal, above it ((w_i + w_j) log|S_ij| - w_i log|S_i| - w_j log|S_j|) / 2 (Runnalls 2007, eq. 21).
// error_variances (d): by which the components are wider as they are measured; null: by nothing.
std::vector<double> merge_losses(const OwnedMixture& mixture, const double* error_variances);

// The mixture with so much (d) added to every component's variances: of a spherical one the mean. Without factors.
OwnedMixture widened_by(const double* variances, const OwnedMixture& mixture);

// The best cut through one component.
struct Cut {
    double gain;
    std::ptrdiff_t component;
    std::vector<std::int8_t> sides;  // of each row, 1: the other side
};

// Those of all components that can be cut, the best first. added (d): to the covariances of the sides; rows_per_weight:
// effective rows in a unit of weight.
std::vector<Cut> cuts(const OwnedMixture& mixture, const Responsibilities& given, const SearchRows& rows,
                      const double* added, double rows_per_weight);

// All moves worth looking at, the most promising first, by these cuts and those of pairs that touch.
std::vector<Move> moves(const std::vector<Cut>& of_components, const OwnedMixture& mixture,
                        const Responsibilities& given, const SearchRows& rows, const double* added,
                        double rows_per_weight);

// The same moves, split by EM of two components on the rows of each union, the most promising first. Where the two
// halves overlap, a cut sees no gain that EM sees.
std::vector<Move> refined(const std::vector<Move>& candidates, const OwnedMixture& mixture,
                          const Responsibilities& given, const SearchRows& rows, const MStep& m_step, Control& control);

// What EM of two components gains over one on the rows of each of so many, in log-likelihood, from these cuts: 0 where
// it has no cut, infinite where EM fails.
std::vector<double> split_gains(const std::vector<Cut>& of_components, std::ptrdiff_t n_components,
                                const Responsibilities& given, const SearchRows& rows, const MStep& m_step,
                                Control& control);

// The component of the largest covariance; the same responsibilities without one of the components.
std::ptrdiff_t widest(const OwnedMixture& mixture);
Responsibilities without(const Responsibilities& given, std::ptrdiff_t component);

// Moves that promise a gain and can be made together.
std::vector<Move> disjoint(const std::vector<Move>& candidates);

// Responsibilities after moves that touch no component twice.
Responsibilities apply(const std::vector<Move>& chosen, const Responsibilities& given);

// One component, drawn by its rows, cut half-way between its mean and a row, in units of the columns' spread. scatter
// (d x d): of all rows.
Cut drawn_cut(const OwnedMixture& mixture, const Responsibilities& given, const SearchRows& rows, const double* scatter,
              Random& random);

// Responsibilities of one component more.
Responsibilities split(const Responsibilities& given, const Cut& cut);

// The pairs of components whose merges cost least, the cheapest first.
std::vector<Move::Pair> closest_pairs(const OwnedMixture& mixture, const SearchRows& rows);

// Responsibilities of one component fewer: the pair, in ascending order, is one.
Responsibilities merged(const Responsibilities& given, Move::Pair pair);

}  // namespace mixtura
