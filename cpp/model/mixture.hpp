// A mixture: weights, means, covariances, and the factors of their inverses.
#pragma once

#include <cstddef>

#include "model/structure.hpp"

namespace mixtura {

// What an E-step reads of it, in memory of the caller's. Row-major, double whatever the rows' precision.
struct Mixture {
    Structure structure = Structure::full;
    std::ptrdiff_t n_components = 0;
    std::ptrdiff_t n_features = 0;
    const double* weights = nullptr;              // K
    const double* means = nullptr;                // K x d
    const double* precisions_cholesky = nullptr;  // full K x d x d, tied d x d, diag K x d, spherical K
};

}  // namespace mixtura
