// Rows as they lie in memory, with all that each of them brings.
#pragma once

#include <cstddef>

namespace mixtura {

// Responsibilities that rows bring along instead of having them computed (starts); any strides, K columns.
struct GivenResponsibilities {
    const double* data = nullptr;
    std::ptrdiff_t row_stride = 0;
    std::ptrdiff_t component_stride = 0;
};

// Any strides (in elements), float or double. What a row brings beside its features stands here: a label or an error
// covariance would be one member more, read by a stage of the tile (simd/tile.hpp).
template <class Real>
struct Rows {
    const Real* data = nullptr;
    std::ptrdiff_t n_rows = 0;
    std::ptrdiff_t n_features = 0;
    std::ptrdiff_t row_stride = 0;
    std::ptrdiff_t feature_stride = 0;
    const double* weights = nullptr;  // null: every row weighs 1
    GivenResponsibilities given{};    // data null: computed from the mixture
};

}  // namespace mixtura
