// Fits to the same rows with other weights, each from one mixture on: bootstraps and the jackknife.
//
// A fit of some hundred rows takes some ten microseconds, so that thousands are one call, side by side in threads.
#pragma once

#include <cstdint>
#include <vector>

#include "em/loop.hpp"
#include "m_step/maximum_likelihood.hpp"

namespace mixtura {

// How each is fitted.
struct Refitting {
    std::vector<const MaximumLikelihood*> m_steps;  // one for all, or one of each
    bool missing = false;                           // whether NaN stands for a feature that was not observed
    int n_bits = 0;              // what is added to variances: a share of those of the rows that are drawn, of so many
                                 // digits; 0: what the M-step adds
    bool has_box = false;        // whether noise is uniform in a box around these rows
    bool default_prior = false;  // whether the prior has its mean and its scatter from these rows
    double tol = 0;
    std::ptrdiff_t max_iter = 0;
};

// Where EM ends, and what of the noise's box the core's mixture does not know; failed: the component that collapsed,
// of so many rows; -1: none.
struct Refit {
    OwnedMixture mixture;
    std::vector<double> corners;  // 2 x d; empty: there is no box
    std::ptrdiff_t failed = -1;
    double count = 0;
};

// weights: n x N; rows of weight 0 cost nothing. Accelerated EM. Throws Interrupted.
std::vector<Refit> refits(const Rows<double>& rows, const double* weights, std::ptrdiff_t n, const OwnedMixture& start,
                          const Refitting& asked, Control& control);

// How often each of `n_rows` rows comes up in so many draws with replacement, for each seed: n_seeds x n_rows.
// weights: they come up in proportion to these; null: evenly. One draw after the other, for most_draws_a_row a row at
// most: beyond, a binomial number for each row costs less but of a dozen rows. Throws Interrupted.
constexpr std::ptrdiff_t most_draws_a_row = 16;
std::vector<double> drawn_counts(const double* weights, std::ptrdiff_t n_rows, std::ptrdiff_t n_drawn,
                                 const std::vector<std::uint64_t>& seeds);

}  // namespace mixtura
