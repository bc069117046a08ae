// From covariances to the factors of their inverses.
#pragma once

#include <cstddef>

#include "model/owned.hpp"
#include "support/control.hpp"

namespace mixtura {

// precisions_cholesky = inv(chol(covariance))^T, upper triangular. Returns -1, or the index of the first component
// whose covariance is not positive definite.
std::ptrdiff_t factorise(OwnedMixture& mixture, Control& control);

}  // namespace mixtura
