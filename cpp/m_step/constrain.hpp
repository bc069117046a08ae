// The M-steps that share something between the components.
#pragma once

#include <cstddef>

#include "model/structure.hpp"
#include "support/control.hpp"

namespace mixtura {

// Weights w_k = n_k / n and the covariances S_k that each component would have by itself (diag: K x d, full:
// K x d x d, spherical: K). They are all that is known of the rows: the expected log-likelihood is
//
//     -n/2 sum_k w_k (log |Sigma_k| + tr(S_k inv(Sigma_k))) + constant
//
// A component without rows has w_k = 0, and S_k = diag(reg_covar) decides what is its own.
struct Components {
    std::ptrdiff_t K = 0;
    std::ptrdiff_t d = 0;
    const double* weights = nullptr;
    const double* previous = nullptr;  // covariances of the mixture before, in the same shape; null: none
    double* covariances = nullptr;
};

// Replaces each S_k by the Sigma_k that is likeliest among the model's. Returns -1, or the first component
// whose covariance cannot be made: without bound the likelihood rises as its determinant tends to 0.
std::ptrdiff_t constrain(Model model, const Components& components, Control& control);

// The same for EVE and VVE (orientation.cpp).
std::ptrdiff_t constrain_orientation(const Components& components, bool equal_volumes, Control& control);

}  // namespace mixtura
