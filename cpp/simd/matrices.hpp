// The M-step's linear algebra: d x d matrices, row-major, in double. Four rows of a result at a time, and as many
// columns as fit the registers: rows are added to rows, so that nothing is summed across lanes.
#pragma once

#include "simd/vector.hpp"

namespace mixtura {
namespace {

constexpr std::ptrdiff_t matrix_rows = 4;

// Vectors of columns at a time: their sums stay in registers, beside a vector of each and a factor.
constexpr int matrix_columns = registers == 32 ? 4 : 2;

// A matrix read as (i, m) -> at[i * row + m * step]: itself, or transposed.
struct Scalars {
    const double* at;
    std::ptrdiff_t row, step;
};

// The columns of one or of several vectors: out_ij = start_ij +- sum_m a_im b_mj, for `n` terms; start and out may be
// the same.
template <bool subtract, class V, int rows, int columns>
inline void add_products(Scalars a, const double* b, std::ptrdiff_t stride, std::ptrdiff_t n, const double* start,
                         double* out) {
    // NOLINTNEXTLINE(bugprone-sizeof-expression): V is a vector, or double itself.
    constexpr auto width = static_cast<std::ptrdiff_t>(sizeof(V) / sizeof(double));
    V sums[rows][columns];
    for (int i = 0; i < rows; ++i) {
        for (int c = 0; c < columns; ++c) {
            if (start == nullptr) {
                sums[i][c] = V{};
            } else {
                __builtin_memcpy(&sums[i][c], start + i * stride + c * width, sizeof(V));
            }
        }
    }
    for (std::ptrdiff_t m = 0; m < n; ++m) {
        V row[columns];
        for (int c = 0; c < columns; ++c) __builtin_memcpy(&row[c], b + m * stride + c * width, sizeof(V));
        for (int i = 0; i < rows; ++i) {
            const double scale = a.at[i * a.row + m * a.step];
            for (int c = 0; c < columns; ++c) subtract ? sums[i][c] -= scale * row[c] : sums[i][c] += scale * row[c];
        }
    }
    for (int i = 0; i < rows; ++i) {
        for (int c = 0; c < columns; ++c) __builtin_memcpy(out + i * stride + c * width, &sums[i][c], sizeof(V));
    }
}

// Columns begin to end of some rows of a product. terms(end) tells how many terms reach into columns before `end`.
template <bool subtract, int rows, class Terms>
inline void add_row_products(Scalars a, const double* b, std::ptrdiff_t d, std::ptrdiff_t begin, std::ptrdiff_t end,
                             const Terms& terms, const double* start, double* out) {
    constexpr std::ptrdiff_t width = lanes<double>, several = matrix_columns * width;
    const auto from = [&](std::ptrdiff_t j) { return start == nullptr ? nullptr : start + j; };
    std::ptrdiff_t j = begin;
    for (; j + several <= end; j += several) {
        add_products<subtract, Vector<double>, rows, matrix_columns>(a, b + j, d, terms(j + several), from(j), out + j);
    }
    for (; j + width <= end; j += width) {
        add_products<subtract, Vector<double>, rows, 1>(a, b + j, d, terms(j + width), from(j), out + j);
    }
    for (; j < end; ++j) add_products<subtract, double, rows, 1>(a, b + j, d, terms(j + 1), from(j), out + j);
}

template <bool subtract, class Terms>
inline void add_block(std::ptrdiff_t rows, Scalars a, const double* b, std::ptrdiff_t d, std::ptrdiff_t begin,
                      std::ptrdiff_t end, const Terms& terms, const double* start, double* out) {
    switch (rows) {
        case 1: return add_row_products<subtract, 1>(a, b, d, begin, end, terms, start, out);
        case 2: return add_row_products<subtract, 2>(a, b, d, begin, end, terms, start, out);
        case 3: return add_row_products<subtract, 3>(a, b, d, begin, end, terms, start, out);
        default: return add_row_products<subtract, 4>(a, b, d, begin, end, terms, start, out);
    }
}

inline std::ptrdiff_t rows_from(std::ptrdiff_t i, std::ptrdiff_t d) {
    return d - i < matrix_rows ? d - i : matrix_rows;
}

// a = U^T U: u_ij = (a_ij - sum_m<i u_mi u_mj) / u_ii, in place of the upper triangle; what is below means nothing
// then. From the first rows to the last; terms m < from are subtracted already.
bool cholesky(double* a, std::ptrdiff_t d, std::ptrdiff_t from, std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t block = begin; block < end; block += matrix_rows) {
        const std::ptrdiff_t rows = rows_from(block, d);
        double* first = a + block * d;
        const double* above = a + from * d;
        add_block<true>(
            rows, {above + block, 1, d}, above, d, block, d, [&](std::ptrdiff_t) { return block - from; }, first,
            first);
        for (std::ptrdiff_t i = block; i < block + rows; ++i) {
            double* row = a + i * d;
            const double pivot = row[i];
            if (!(pivot > 0) || !(pivot < __builtin_inf())) return false;
            row[i] = __builtin_sqrt(pivot);
            for (std::ptrdiff_t j = i + 1; j < d; ++j) row[j] /= row[i];
            for (std::ptrdiff_t below = i + 1; below < block + rows; ++below) {
                double* next = a + below * d;
                for (std::ptrdiff_t j = below; j < d; ++j) next[j] -= row[below] * row[j];
            }
        }
    }
    return true;
}

// Subtracts the terms from <= m < to of `cholesky` from rows begin to end.
void subtract_squares(double* a, std::ptrdiff_t d, std::ptrdiff_t from, std::ptrdiff_t to, std::ptrdiff_t begin,
                      std::ptrdiff_t end) {
    const double* above = a + from * d;
    for (std::ptrdiff_t i = begin; i < end; i += matrix_rows) {
        double* first = a + i * d;
        add_block<true>(
            rows_from(i, end), {above + i, 1, d}, above, d, i, d, [&](std::ptrdiff_t) { return to - from; }, first,
            first);
    }
}

// out = inv(U), upper triangular: v_ij = (e_ij - sum_i<m<=j u_im v_mj) / u_ii, the last rows first. `out` holds zeros
// before, or what the terms m >= to have left.
void invert_upper(const double* upper, std::ptrdiff_t d, double* out, std::ptrdiff_t to, std::ptrdiff_t begin,
                  std::ptrdiff_t last) {
    for (std::ptrdiff_t end = last; end > begin; end -= rows_from(0, end)) {
        const std::ptrdiff_t rows = rows_from(0, end), block = end - rows;
        const auto terms = [&](std::ptrdiff_t j) { return (j < to ? j : to) - end; };
        double* first = out + block * d;
        add_block<true>(rows, {upper + block * d + end, d, 1}, out + end * d, d, end, d, terms, first, first);
        for (std::ptrdiff_t i = end - 1; i >= block; --i) {
            const double diagonal = upper[i * d + i];
            double* row = out + i * d;
            for (std::ptrdiff_t m = i + 1; m < end; ++m) {
                const double scale = upper[i * d + m];
                for (std::ptrdiff_t j = m; j < d; ++j) row[j] -= scale * out[m * d + j];
            }
            for (std::ptrdiff_t j = i + 1; j < d; ++j) row[j] /= diagonal;
            row[i] = 1 / diagonal;
        }
    }
}

// Subtracts the terms from <= m < to of `invert_upper` from rows begin to end.
void subtract_products(const double* upper, std::ptrdiff_t d, double* out, std::ptrdiff_t from, std::ptrdiff_t to,
                       std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t i = begin; i < end; i += matrix_rows) {
        const auto terms = [&](std::ptrdiff_t j) { return (j < to ? j : to) - from; };
        double* first = out + i * d;
        add_block<true>(rows_from(i, end), {upper + i * d + from, d, 1}, out + from * d, d, from, d, terms, first,
                        first);
    }
}

// out = a U, U upper triangular.
void times_upper(const double* a, const double* upper, std::ptrdiff_t d, double* out, std::ptrdiff_t begin,
                 std::ptrdiff_t end) {
    for (std::ptrdiff_t i = begin; i < end; i += matrix_rows) {
        add_block<false>(
            rows_from(i, end), {a + i * d, d, 1}, upper, d, 0, d, [](std::ptrdiff_t j) { return j; }, nullptr,
            out + i * d);
    }
}

// The upper triangle of U^T a, U upper triangular.
void upper_times(const double* upper, const double* a, std::ptrdiff_t d, double* out, std::ptrdiff_t begin,
                 std::ptrdiff_t end) {
    for (std::ptrdiff_t i = begin; i < end; i += matrix_rows) {
        const std::ptrdiff_t rows = rows_from(i, d), last = i + rows;
        add_block<false>(
            rows, {upper + i, 1, d}, a, d, i, d, [&](std::ptrdiff_t) { return last; }, nullptr, out + i * d);
    }
}

// out = U a, n x columns numbers each; U upper triangular with zeros below.
void upper_times_rows(const double* upper, const double* a, std::ptrdiff_t n, std::ptrdiff_t columns, double* out) {
    for (std::ptrdiff_t i = 0; i < n; i += matrix_rows) {
        add_block<false>(
            rows_from(i, n), {upper + i * n + i, n, 1}, a + i * columns, columns, 0, columns,
            [&](std::ptrdiff_t) { return n - i; }, nullptr, out + i * columns);
    }
}

// Adds a^T b, which is symmetric, to the upper triangle of out; a and b are n x d.
void add_gram(const double* a, const double* b, std::ptrdiff_t n, std::ptrdiff_t d, double* out) {
    for (std::ptrdiff_t i = 0; i < d; i += matrix_rows) {
        double* rows = out + i * d;
        add_block<false>(rows_from(i, d), {a + i, 1, d}, b, d, i, d, [&](std::ptrdiff_t) { return n; }, rows, rows);
    }
}

// Of term(j), j < n, in sums side by side that do not wait for each other: as many for every instruction set.
template <class Term>
inline double sum_in_lanes(std::ptrdiff_t n, const Term& term) {
    constexpr std::ptrdiff_t n_sums = 8;
    if (n < n_sums) {
        double sum = 0;
        for (std::ptrdiff_t j = 0; j < n; ++j) sum += term(j);
        return sum;
    }
    double sums[n_sums] = {};
    const std::ptrdiff_t whole = n / n_sums * n_sums;
    for (std::ptrdiff_t j = 0; j < whole; j += n_sums) {
        for (std::ptrdiff_t lane = 0; lane < n_sums; ++lane) sums[lane] += term(j + lane);
    }
    for (std::ptrdiff_t j = whole; j < n; ++j) sums[j - whole] += term(j);
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

double inner_product(const double* a, const double* b, std::ptrdiff_t n) {
    return sum_in_lanes(n, [=](std::ptrdiff_t j) { return a[j] * b[j]; });
}

// |(a - b) units|^2, units null: of 1 each.
double squared_distance(const double* a, const double* b, const double* units, std::ptrdiff_t n) {
    const auto square = [](double difference) { return difference * difference; };
    if (units == nullptr) return sum_in_lanes(n, [=](std::ptrdiff_t j) { return square(a[j] - b[j]); });
    return sum_in_lanes(n, [=](std::ptrdiff_t j) { return square((a[j] - b[j]) * units[j]); });
}

}  // namespace
}  // namespace mixtura
