// The little linear algebra that M-steps need: d x d matrices, row-major, no allocation.
#pragma once

#include <cstddef>

namespace mixtura {

// The first seven are compiled for each instruction set (simd/matrices.hpp).

// a = U^T U, in place of the upper triangle; what is below the diagonal means nothing then. False where not positive
// definite.
bool cholesky(double* a, std::ptrdiff_t d);

// out = inv(U), upper triangular with zeros below.
void invert_upper(const double* upper, std::ptrdiff_t d, double* out);

// out = U^T a U, a symmetric and U upper triangular with zeros below; `half` takes d x d numbers.
void congruence(const double* upper, const double* a, double* half, double* out, std::ptrdiff_t d);

// out = a U for the n x d numbers of a, U upper triangular with zeros below.
void times_upper(const double* a, const double* upper, std::ptrdiff_t n, std::ptrdiff_t d, double* out);

// out = a^T b, d x d and symmetric, of n x d numbers each.
void gram(const double* a, const double* b, std::ptrdiff_t n, std::ptrdiff_t d, double* out);

// sum_j a_j b_j, in several sums side by side.
double inner_product(const double* a, const double* b, std::ptrdiff_t n);

// sum_j ((a_j - b_j) units_j)^2, units null: of 1 each.
double squared_distance(const double* a, const double* b, const double* units, std::ptrdiff_t n);

// out = sum_j values[j] v_j v_j^T, the v_j being the rows of `vectors`.
void compose(const double* vectors, const double* values, std::ptrdiff_t d, double* out);

// Eigenvalues of a symmetric matrix in descending order, eigenvectors as the rows of `vectors`. `matrix` is destroyed.
void eigen(double* matrix, std::ptrdiff_t d, double* values, double* vectors);

// Rotates rows, then columns p and q of a symmetric matrix: new axes c p + s q and c q - s p.
void rotate_symmetric(double* a, std::ptrdiff_t d, std::ptrdiff_t p, std::ptrdiff_t q, double c, double s);

// The same rotation of rows p and q alone.
void rotate_rows(double* a, std::ptrdiff_t d, std::ptrdiff_t p, std::ptrdiff_t q, double c, double s);

}  // namespace mixtura
