// What the code asks of a covariance structure: the shapes of its covariances, factors and second moments.
#pragma once

#include <cstddef>

#include "model/core.hpp"

namespace mixtura {

// static: each instruction set keeps its own copy of what it does not inline (simd/job.hpp).

// Whether a component's covariance is a matrix, and its factor an upper triangular one.
static constexpr bool has_matrices(Structure structure) {
    return structure == Structure::full || structure == Structure::tied;
}

// Whether all components have one covariance.
static constexpr bool is_shared(Structure structure) { return structure == Structure::tied; }

// Numbers of one covariance, and of its factor.
static constexpr std::ptrdiff_t covariance_size(Structure structure, std::ptrdiff_t n_features) {
    switch (structure) {
        case Structure::full:
        case Structure::tied: return n_features * n_features;
        case Structure::diag: return n_features;
        case Structure::spherical: return 1;
    }
    return 0;
}

static constexpr std::ptrdiff_t n_covariances(Structure structure, std::ptrdiff_t n_components) {
    return is_shared(structure) ? 1 : n_components;
}

// Numbers between one component's covariance and the next one's: 0 where they share it.
static constexpr std::ptrdiff_t covariance_stride(Structure structure, std::ptrdiff_t n_features) {
    return is_shared(structure) ? 0 : covariance_size(structure, n_features);
}

}  // namespace mixtura
