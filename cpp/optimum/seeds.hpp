// Rows far apart, to begin from.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mixtura {

// n_components of them, each the best of n_trials draws. rows: n_rows x n_features, contiguous; weights: null where
// each weighs 1; uniforms: n_components x n_trials in [0, 1); units: by which features are multiplied (d), null where
// by 1.
void plus_plus(const double* rows, const double* weights, std::ptrdiff_t n_rows, std::ptrdiff_t n_features,
               std::ptrdiff_t n_components, std::ptrdiff_t n_trials, const double* uniforms, std::int64_t* seeds,
               const double* units = nullptr);

}  // namespace mixtura
