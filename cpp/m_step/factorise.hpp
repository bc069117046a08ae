// From covariances to the factors of their inverses.
#pragma once

#include <cstddef>

#include "model/owned.hpp"
#include "support/control.hpp"

namespace mixtura {

// What is known of how covariances came about: what was added to their diagonals (d), and how many rows have made them.
struct Made {
    const double* added = nullptr;  // null: not known
    double n_rows = 0;
};

// precisions_cholesky = inv(chol(covariance))^T, upper triangular. Returns -1, or the index of the first component
// whose covariance is not positive definite.
std::ptrdiff_t factorise(OwnedMixture& mixture, Control& control, const Made& made = {});

}  // namespace mixtura
