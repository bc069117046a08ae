// The structures of covariances: what of each the E-step, the sums and the M-step keep.
#pragma once

#include <cstddef>

namespace mixtura {

// The shape of the precision factors and of the second moments.
enum class Structure { full, tied, diag, spherical };

// The 14 models of Celeux & Govaert 1995, Sigma_k = lambda_k D_k A_k D_k^T: volume lambda_k, shape A_k and
// orientation D_k each Equal over the components, Variable, or the Identity. What the M-step asks; the
// E-step and the sums know only the shape, structure_of.
enum class Model { EII, VII, EEI, VEI, EVI, VVI, EEE, VEE, EVE, VVE, EEV, VEV, EVV, VVV };

// static: each instruction set keeps its own copy of what its kernels ask.

static inline Structure structure_of(Model model) {
    switch (model) {
        case Model::EII:
        case Model::VII: return Structure::spherical;
        case Model::EEI:
        case Model::VEI:
        case Model::EVI:
        case Model::VVI: return Structure::diag;
        case Model::EEE: return Structure::tied;
        default: return Structure::full;
    }
}

// Whether covariances are matrices, d x d, and not variances.
static inline bool has_matrices(Structure structure) {
    return structure == Structure::full || structure == Structure::tied;
}

// Whether all components have one covariance, of which there is one in memory.
static inline bool is_shared(Structure structure) { return structure == Structure::tied; }

// Numbers in one covariance, and in its factor.
static inline std::ptrdiff_t covariance_size(Structure structure, std::ptrdiff_t n_features) {
    if (has_matrices(structure)) return n_features * n_features;
    return structure == Structure::diag ? n_features : 1;
}

// Covariances in memory.
static inline std::ptrdiff_t n_covariances(Structure structure, std::ptrdiff_t n_components) {
    return is_shared(structure) ? 1 : n_components;
}

// From the covariance of a component to the next one's: 0 where they share it.
static inline std::ptrdiff_t covariance_stride(Structure structure, std::ptrdiff_t n_features) {
    return is_shared(structure) ? 0 : covariance_size(structure, n_features);
}

// Numbers in all covariances, in their factors, and in second moments.
static inline std::ptrdiff_t seconds_size(Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features) {
    return n_covariances(structure, n_components) * covariance_size(structure, n_features);
}

}  // namespace mixtura
