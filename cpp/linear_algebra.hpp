// The little linear algebra that the M-step needs, beside `eigen`: symmetric d x d matrices, row-major, no allocation.
#pragma once

#include <cstddef>

namespace mixtura {

// Lower Cholesky factor in place (the strict upper part is left as it is). False where not positive definite.
bool cholesky(double* a, std::ptrdiff_t d);

// out = inv(L)^T, upper triangular.
void inverse_transposed(const double* lower, std::ptrdiff_t d, double* out);

// out = sum_j values[j] v_j v_j^T, the v_j being the rows of `vectors`.
void compose(const double* vectors, const double* values, std::ptrdiff_t d, double* out);

// Rotates rows, then columns p and q of a symmetric matrix: new axes c p + s q and c q - s p.
void rotate_symmetric(double* a, std::ptrdiff_t d, std::ptrdiff_t p, std::ptrdiff_t q, double c, double s);

// The same rotation of rows p and q alone.
void rotate_rows(double* a, std::ptrdiff_t d, std::ptrdiff_t p, std::ptrdiff_t q, double c, double s);

}  // namespace mixtura
