// The best cut of some rows in two.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/structure.hpp"

namespace mixtura {

// Cuts the rows of positive weight in two (n_rows x n_features, contiguous). Fills `sides` with 0 and 1, -1 where the
// weight is 0, and returns the gain in classification log-likelihood of two components over one; -infinity where
// no cut leaves `least_rows` (in weight) on both sides or the covariance is singular. added (d): to each diagonal.
double cut(Structure structure, const double* rows, const double* weights, std::ptrdiff_t n_rows,
           std::ptrdiff_t n_features, const double* added, double least_rows, std::int8_t* sides);

}  // namespace mixtura
