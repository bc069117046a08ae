// Whether the likelihood of a mixture is spurious: a component of too few rows, without a volume of its own, or a spike.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "row_source.hpp"

namespace mixtura {

// Share of reg_covar in a component's smallest variance from which it is held up by it.
constexpr double held_up = 0.5;

// Effective rows below which a component's covariance is degenerate: an orientation of its own takes d + 1 of them, a shape
// or a volume along axes that are shared takes two.
double rows_needed(Model model, std::ptrdiff_t n_features);

// Largest share of reg_covar in the variance of each component in any direction: the largest eigenvalue of
// D^(1/2) inv(Sigma_k) D^(1/2), D = diag(reg_covar); without matrices the largest ratio.
std::vector<double> floor_shares(const OwnedMixture& mixture, const double* reg_covar);

// The first component (or `only`, unless it is -1) of few rows that is far thinner than components are on average; -1: none.
// needed: rows_needed.
std::ptrdiff_t spike(const OwnedMixture& mixture, const double* effective_rows, double needed, std::ptrdiff_t only = -1);

// What makes the likelihood spurious, in words; empty where nothing does. all_held_up: whether reg_covar holds all rows
// together up too, as with a constant column: then it does so in every mixture, and in no one more than in another.
std::string why_improper(const OwnedMixture& mixture, const double* effective_rows, double needed, const double* reg_covar,
                         const std::function<bool()>& all_held_up);

// That, from the covariance of all rows (d x d), of which the structure sees all or the diagonal.
bool is_held_up(Structure structure, const std::vector<double>& covariance, std::ptrdiff_t n_features, const double* reg_covar);

}  // namespace mixtura
