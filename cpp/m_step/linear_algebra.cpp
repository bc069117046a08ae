// Cholesky, inverse and congruence in pieces that can be interrupted; eigenvalues by Jacobi's rotations.
#include "m_step/linear_algebra.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "simd/dispatch.hpp"
#include "support/interrupt.hpp"

namespace mixtura {

namespace {

// Rows of a result that are computed in some milliseconds, of `work` multiplications each: whole blocks of them.
std::ptrdiff_t rows_of_a_piece(std::ptrdiff_t work) {
    constexpr std::ptrdiff_t multiplications = 1 << 23, block = 4;
    return std::max(multiplications / work / block, std::ptrdiff_t{1}) * block;
}

// Features of a matrix that stays in the cache, and rows of a larger one that do, beside which all others pass.
constexpr std::ptrdiff_t most_of_small = 256, panel_rows = 48;

std::ptrdiff_t rows_of_a_panel(std::ptrdiff_t d) { return d <= most_of_small ? d : panel_rows; }

// Calls rows(begin, end) for pieces of n rows of so much work each; between them asks whether the call is to end.
template <class Rows>
void in_pieces(std::ptrdiff_t n, std::ptrdiff_t work, const Rows& rows) {
    const std::ptrdiff_t size = rows_of_a_piece(work);
    for (std::ptrdiff_t begin = 0; begin < n; begin += size) {
        if (begin > 0) check_interrupted();
        rows(begin, std::min(begin + size, n));
    }
}

template <class Rows>
void in_pieces(std::ptrdiff_t d, const Rows& rows) {
    in_pieces(d, d * d, rows);
}

// What is above the diagonal, below it. By squares, whose rows and columns the cache holds both.
void mirror(double* matrix, std::ptrdiff_t d) {
    constexpr std::ptrdiff_t side = 16;
    for (std::ptrdiff_t top = 0; top < d; top += side) {
        if (d >= wide) check_interrupted_sometimes();
        for (std::ptrdiff_t left = 0; left <= top; left += side) {
            for (std::ptrdiff_t i = top; i < std::min(top + side, d); ++i) {
                for (std::ptrdiff_t j = left; j < std::min(left + side, i); ++j) matrix[i * d + j] = matrix[j * d + i];
            }
        }
    }
}

}  // namespace

bool cholesky(double* a, std::ptrdiff_t d) {
    check_interrupted_sometimes();
    bool done = true;
    const MatrixKernels& kernels = active_kernels().matrices;
    const std::ptrdiff_t panel = rows_of_a_panel(d);
    for (std::ptrdiff_t from = 0; done && from < d; from += panel) {
        const std::ptrdiff_t to = std::min(from + panel, d);
        in_pieces(to - from, d * d, [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
            done = done && kernels.cholesky(a, d, from, from + begin, from + end);
        });
        if (!done) break;
        in_pieces(d - to, panel_rows * d, [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
            kernels.subtract_squares(a, d, from, to, to + begin, to + end);
        });
    }
    return done;
}

void invert_upper(const double* upper, std::ptrdiff_t d, double* out) {
    std::fill(out, out + d * d, 0.0);
    const MatrixKernels& kernels = active_kernels().matrices;
    const std::ptrdiff_t panel = rows_of_a_panel(d);
    for (std::ptrdiff_t last = d; last > 0; last -= std::min(panel, last)) {
        const std::ptrdiff_t first = last - std::min(panel, last);
        for (std::ptrdiff_t from = last; from < d; from += panel) {
            check_interrupted_sometimes();
            kernels.subtract_products(upper, d, out, from, std::min(from + panel, d), first, last);
        }
        in_pieces(last - first, d * d, [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
            kernels.invert_upper(upper, d, out, last, last - end, last - begin);
        });
    }
}

void congruence(const double* upper, const double* a, double* half, double* out, std::ptrdiff_t d) {
    const MatrixKernels& kernels = active_kernels().matrices;
    in_pieces(d, [&](std::ptrdiff_t begin, std::ptrdiff_t end) { kernels.times_upper(a, upper, d, half, begin, end); });
    in_pieces(d,
              [&](std::ptrdiff_t begin, std::ptrdiff_t end) { kernels.upper_times(upper, half, d, out, begin, end); });
    mirror(out, d);
}

void times_upper(const double* a, const double* upper, std::ptrdiff_t n, std::ptrdiff_t d, double* out) {
    in_pieces(n, d * d, [&](std::ptrdiff_t begin, std::ptrdiff_t end) {
        active_kernels().matrices.times_upper(a + begin * d, upper, d, out + begin * d, 0, end - begin);
    });
}

void gram(const double* a, const double* b, std::ptrdiff_t n, std::ptrdiff_t d, double* out) {
    constexpr std::ptrdiff_t rows = 64;  // as many as stay in the cache while all of the result passes
    std::fill(out, out + d * d, 0.0);
    for (std::ptrdiff_t begin = 0; begin < n; begin += rows) {
        check_interrupted();
        active_kernels().matrices.add_gram(a + begin * d, b + begin * d, std::min(rows, n - begin), d, out);
    }
    mirror(out, d);
}

double inner_product(const double* a, const double* b, std::ptrdiff_t n) {
    return active_kernels().matrices.inner_product(a, b, n);
}

double squared_distance(const double* a, const double* b, const double* units, std::ptrdiff_t n) {
    return active_kernels().matrices.squared_distance(a, b, units, n);
}

void compose(const double* vectors, const double* values, std::ptrdiff_t d, double* out) {
    std::fill(out, out + d * d, 0.0);
    for (std::ptrdiff_t m = 0; m < d; ++m) {
        if (d >= wide) check_interrupted_sometimes();
        const double* v = vectors + m * d;
        for (std::ptrdiff_t i = 0; i < d; ++i) {
            const double scaled = values[m] * v[i];
            for (std::ptrdiff_t j = i; j < d; ++j) out[i * d + j] += scaled * v[j];
        }
    }
    mirror(out, d);
}

void rotate_rows(double* a, std::ptrdiff_t d, std::ptrdiff_t p, std::ptrdiff_t q, double c, double s) {
    double* row_p = a + p * d;
    double* row_q = a + q * d;
    for (std::ptrdiff_t j = 0; j < d; ++j) {
        const double x = row_p[j], y = row_q[j];
        row_p[j] = c * x + s * y;
        row_q[j] = c * y - s * x;
    }
}

void rotate_symmetric(double* a, std::ptrdiff_t d, std::ptrdiff_t p, std::ptrdiff_t q, double c, double s) {
    const double a_pp = a[p * d + p], a_pq = a[p * d + q], a_qq = a[q * d + q];
    rotate_rows(a, d, p, q, c, s);
    a[p * d + p] = c * c * a_pp + 2 * c * s * a_pq + s * s * a_qq;
    a[q * d + q] = c * c * a_qq - 2 * c * s * a_pq + s * s * a_pp;
    a[p * d + q] = c * s * (a_qq - a_pp) + (c * c - s * s) * a_pq;
    for (std::ptrdiff_t j = 0; j < d; ++j) {
        a[j * d + p] = a[p * d + j];
        if (j != p) a[j * d + q] = a[q * d + j];
    }
}

namespace {

constexpr int most_sweeps = 60;  // ten are many

// True where a_pq was not negligible.
bool annihilate(double* a, std::ptrdiff_t d, std::ptrdiff_t p, std::ptrdiff_t q, double* vectors) {
    const double a_pp = a[p * d + p], a_pq = a[p * d + q], a_qq = a[q * d + q];
    constexpr double negligible = std::numeric_limits<double>::epsilon();
    if (!(std::abs(a_pq) > negligible * std::sqrt(std::abs(a_pp)) * std::sqrt(std::abs(a_qq)))) return false;
    const double cotangent = (a_pp - a_qq) / (2 * a_pq);  // of twice the angle
    const double t = std::copysign(1.0, cotangent) / (std::abs(cotangent) + std::sqrt(1 + cotangent * cotangent));
    const double c = 1 / std::sqrt(1 + t * t);
    rotate_symmetric(a, d, p, q, c, t * c);
    // Equal to what the rotation gives, with less rounding; without it small diagonals lose digits.
    a[p * d + p] = a_pp + t * a_pq;
    a[q * d + q] = a_qq - t * a_pq;
    a[p * d + q] = a[q * d + p] = 0;
    rotate_rows(vectors, d, p, q, c, t * c);
    return true;
}

void sort_descending(double* values, double* vectors, std::ptrdiff_t d) {
    for (std::ptrdiff_t i = 0; i < d; ++i) {
        const std::ptrdiff_t largest = std::max_element(values + i, values + d) - values;
        if (largest == i) continue;
        std::swap(values[i], values[largest]);
        std::swap_ranges(vectors + i * d, vectors + (i + 1) * d, vectors + largest * d);
    }
}

}  // namespace

// Cyclic Jacobi rotations until every off-diagonal is negligible beside its own two diagonals: where the
// features' units differ by many orders of magnitude the small eigenvalues of a positive matrix keep their
// digits too, which a tridiagonal solver loses (Demmel & Veselic 1992).
void eigen(double* a, std::ptrdiff_t d, double* values, double* vectors) {
    std::fill(vectors, vectors + d * d, 0.0);
    for (std::ptrdiff_t j = 0; j < d; ++j) vectors[j * d + j] = 1;
    bool rotated = true;
    for (int sweep = 0; rotated && sweep < most_sweeps; ++sweep) {
        rotated = false;
        for (std::ptrdiff_t p = 0; p < d; ++p) {
            if (d >= wide) check_interrupted();
            for (std::ptrdiff_t q = p + 1; q < d; ++q) rotated |= annihilate(a, d, p, q, vectors);
        }
    }
    for (std::ptrdiff_t j = 0; j < d; ++j) values[j] = a[j * d + j];
    sort_descending(values, vectors, d);
}

}  // namespace mixtura
