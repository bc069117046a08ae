// Where descents of a search begin.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "optimum/random.hpp"
#include "optimum/search.hpp"

namespace mixtura {

// Labels by hard EM from k-means++ seeds. Structure EEI measures distances in units of each feature's spread within
// clusters; EEE in the Mahalanobis metric of the clusters, which no linear map of the features changes.
std::vector<std::int64_t> partition(const Problem& problem, Model metric, std::ptrdiff_t max_iter, Random& random,
                                    Control& control);

// A random `share` of the rows given wholly to components drawn by weight.
Responsibilities perturbed(Responsibilities given, const SearchRows& rows, double share, Random& random);

}  // namespace mixtura
