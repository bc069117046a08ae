// Rows as they lie in memory, with all that each of them brings.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mixtura {

// Responsibilities that rows bring along instead of having them computed (starts); any strides, K columns.
struct GivenResponsibilities {
    const double* data = nullptr;
    std::ptrdiff_t row_stride = 0;
    std::ptrdiff_t component_stride = 0;
};

// What rows are known to be. A component that a row cannot belong to has no share in its density.
struct Labels {
    const std::int32_t* components = nullptr;  // N: -1 where nothing is known; null: of no row
    const double* log_terms = nullptr;         // N x n_terms: of each density, that of the noise last, the logarithm of
                                               // how credible it is, -inf where it is excluded; null: nothing is known
    std::ptrdiff_t n_terms = 0;
    bool are_there() const { return components != nullptr || log_terms != nullptr; }
};

// Any strides (in elements), float or double. What a row brings beside its features stands here: an error covariance
// would be one member more, read by a stage of the tile (simd/tile.hpp).
template <class Real>
struct Rows {
    const Real* data = nullptr;
    std::ptrdiff_t n_rows = 0;
    std::ptrdiff_t n_features = 0;
    std::ptrdiff_t row_stride = 0;
    std::ptrdiff_t feature_stride = 0;
    const double* weights = nullptr;  // null: every row weighs 1
    GivenResponsibilities given{};    // data null: computed from the mixture
    Labels labels{};
};

}  // namespace mixtura
