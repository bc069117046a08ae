// Weights, means, and the covariances that components have by themselves, from the sums.
#pragma once

#include <vector>

#include "model/owned.hpp"

namespace mixtura {

//     n = counts, s = masses, delta = firsts / s:   w = n / sum n,   mu = c + delta,   Sigma = seconds / n - s / n
//     delta delta^T
//
// with the noise, if any, in the sum of n; s = n where components are Gaussian.
//
// and what is added to the diagonal. The centres c are the means of the last iteration, so delta tends to 0 and nothing
// cancels. A component without rows keeps its place.
void estimate(const Statistics& statistics, const std::vector<double>& added, OwnedMixture& next);

// True where the centres lie so far from the new means, measured in the new spread, that seconds / counts - delta
// delta^T would lose digits of the sums (of a float where is_single); they should be taken again about the new means.
// added, scatter: to the spread, as by the M-step.
bool cancels(const Statistics& statistics, const std::vector<double>& added, const double* scatter, bool is_single);

}  // namespace mixtura
