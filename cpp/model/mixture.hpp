// A mixture: weights, means, covariances, the factors of their inverses, and what is not Gaussian about it.
#pragma once

#include <cstddef>
#include <limits>

#include "model/structure.hpp"

namespace mixtura {

// A background of constant density beside the components, whose weights then sum to 1 - weight; none by default.
struct Noise {
    double weight = 0;
    double log_density = -std::numeric_limits<double>::infinity();
    const double* log_sides = nullptr;  // d: of the box in which it is uniform, for rows with missing features
};

// What an E-step reads of it, in memory of the caller's. Row-major, double whatever the rows' precision.
struct Mixture {
    Structure structure = Structure::full;
    std::ptrdiff_t n_components = 0;
    std::ptrdiff_t n_features = 0;
    const double* weights = nullptr;              // K
    const double* means = nullptr;                // K x d
    const double* precisions_cholesky = nullptr;  // full K x d x d, tied d x d, diag K x d, spherical K
    const double* df = nullptr;                   // K: of Student's t components; null: Gaussian ones
    Noise noise{};
    const double* log_weights = nullptr;  // K, that of the noise behind them: in place of the logarithms of the
                                          // weights; their exponentials need not sum to 1; null: those of the weights

    bool has_noise() const { return noise.log_density > -std::numeric_limits<double>::infinity(); }
    // Whether rows have the density of a Gaussian mixture, and nothing else.
    bool is_gaussian() const { return df == nullptr && !has_noise(); }
};

}  // namespace mixtura
