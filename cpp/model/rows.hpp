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

// Rows of which features are missing (NaN), in an order in which those that have the same ones stand together.
struct Patterns {
    const std::int64_t* order = nullptr;   // N: those without any feature stand last; null: every row has all
    std::ptrdiff_t n_present = 0;          // rows with a feature at least
    const std::int64_t* begins = nullptr;  // n_patterns + 1: where in `order` each pattern begins
    std::ptrdiff_t n_patterns = 0;
    std::ptrdiff_t most_missing = 0, least_missing = 0;  // features, in patterns where some are
    bool are_there() const { return order != nullptr; }
};

// With what errors rows were measured: a variance of each feature, or covariances. Infinite: the feature is not known.
struct RowErrors {
    const double* data = nullptr;   // N x d, or N x d x d; null: without errors
    std::ptrdiff_t row_stride = 0;  // 0: all rows have those of the first
    bool are_matrices = false;
    bool are_there() const { return data != nullptr; }
};

// Any strides (in elements), float or double. What a row brings beside its features stands here, and is read by a stage
// of the tile (simd/tile.hpp).
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
    Patterns patterns{};
    RowErrors errors{};  // with them patterns are not asked for: each row is by itself
};

}  // namespace mixtura
