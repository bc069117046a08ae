// The background of noise in an M-step.
#pragma once

#include <algorithm>
#include <numeric>
#include <optional>
#include <vector>

#include "model/owned.hpp"

namespace mixtura {

// Of constant density.
struct Background {
    std::optional<double> log_density;  // none: there is no background
    std::vector<double> log_sides;      // of the box in which it is uniform; empty: not known
};

// Share of the rows that are taken to be noise where responsibilities are given, which know none.
constexpr double first_noise = 0.05;

// given: share of the rows in responsibilities that are given, without noise; what is left is noise. 0: not given.
inline void take_noise(const Background& background, double given, OwnedMixture& next) {
    if (!background.log_density) return;
    next.noise.log_density = *background.log_density;
    next.log_sides = background.log_sides;
    if (given == 0 || next.noise.weight > 0) return;
    next.noise.weight = std::max(1 - given, first_noise);
    for (double& weight : next.weights) weight *= 1 - next.noise.weight;
}

// Which is given, where the sums were not taken under a mixture.
inline double share_of_components(const Statistics& statistics, const OwnedMixture* before) {
    if (before != nullptr) return 0;
    const double* counts = statistics.counts;
    return std::accumulate(counts, counts + statistics.n_components(), 0.0) / statistics.weight;
}

}  // namespace mixtura
