// A tile's share of the statistics: counts, first and second moments about each component's centre. Sums within a
// tile are taken in the rows' precision, sums over tiles in double.
//
// Few features: rows along the lanes. The features are followed by one that is constantly 1, so that counts and
// first moments are the last row of the second moments, and one kernel computes all three.
// Matrices of many features: features along the lanes, in panels of one vector of features a row. Nothing is summed
// across lanes.
#pragma once

#include "simd/job.hpp"
#include "simd/skipping.hpp"
#include "simd/vector.hpp"

namespace mixtura {
namespace {

template <class Real>
Real sum_rows(const Real* values, std::ptrdiff_t n_active) {
    Vector<Real> total[row_vectors] = {};
    for (std::ptrdiff_t r = 0; r < n_active; r += row_vectors * lanes<Real>) {
        for (std::ptrdiff_t v = 0; v < row_vectors; ++v) total[v] += load<Real>(values + r + v * lanes<Real>);
    }
    for (std::ptrdiff_t v = 1; v < row_vectors; ++v) total[0] += total[v];
    return sum_lanes<Real>(total[0]);
}

// The same where only active granules hold anything.
template <class Real>
Real sum_active_rows(const Real* values, std::uint64_t active) {
    Vector<Real> total = {};
    for_active_vectors<Real>(active, [&](std::ptrdiff_t r) { total += load<Real>(values + r); });
    return sum_lanes<Real>(total);
}

// The sums of the lanes of `n` vectors, as numbers.
template <class Real, std::ptrdiff_t n>
inline void sum_all(const Vector<Real>* v, Real* sums) {
    for (std::ptrdiff_t first = 0; first < n; first += lanes<Real>) {
        Vector<Real> group[lanes<Real>] = {};
        for (std::ptrdiff_t i = 0; i < lanes<Real> && first + i < n; ++i) group[i] = v[first + i];
        store<Real>(sums + first, sum_each<Real>(group));
    }
}

// Room for the sums of n vectors, whole vectors.
template <class Real>
constexpr std::ptrdiff_t room(std::ptrdiff_t n) {
    return (n + lanes<Real> - 1) / lanes<Real> * lanes<Real>;
}

// differences = x - c in the active granules.
template <class Real>
void subtract_from_active(const Real* rows, const Real* centre, std::ptrdiff_t n_features, std::ptrdiff_t stride,
                          std::uint64_t active, Real* differences) {
    for (std::ptrdiff_t j = 0; j < n_features; ++j) {
        const Real c = centre[j];
        for_active_vectors<Real>(active, [&](std::ptrdiff_t r) {
            store<Real>(differences + j * stride + r, load<Real>(rows + j * stride + r) - c);
        });
    }
}

// ---- Few features, full covariances -------------------------------------------------------------------------------

// Up to here the rows of sums r (x, 1) (x, 1)^T are taken in strips of as many as registers hold.
template <class Real>
constexpr int most_strip_features = MIXTURA_VECTOR_BYTES == 64   ? (sizeof(Real) == 8 ? 15 : 12)
                                    : MIXTURA_VECTOR_BYTES == 32 ? 7
                                                                 : 10;

// One beyond the last row of the strip that begins at row `first`; row i of the lower triangle has i + 1 sums.
constexpr int strip_end(int first, int n_rows) {
    int n = first + 1;
    int end = first + 1;
    while (end < n_rows && n + end + 1 <= (registers == 32 ? 24 : 21)) n += ++end;
    return end;
}

// All moments of D features, from row `first` of the sums on; differences are never stored.
template <class Real, int D, int first = 0>
void strip_moments(const Real* rows, const Real* centre, const Real* responsibilities, std::ptrdiff_t stride,
                   std::uint64_t active, double* count, double* firsts, double* seconds) {
    constexpr int end = strip_end(first, D + 1);
    constexpr int before = first * (first + 1) / 2;
    constexpr int n = end * (end + 1) / 2 - before;
    Vector<Real> total[n] = {};
    for_active_vectors<Real>(active, [&](std::ptrdiff_t r) {
        const auto x = [&](int j) { return load<Real>(rows + j * stride + r) - centre[j]; };
        const Vector<Real> weight = load<Real>(responsibilities + r);
        Vector<Real> y[end - first];
#pragma GCC unroll 16
        for (int i = first; i < end; ++i) y[i - first] = i < D ? weight * x(i) : weight;
#pragma GCC unroll 16
        for (int j = 0; j < end; ++j) {
            const Vector<Real> x_j = j < D ? x(j) : splat<Real>(1);
#pragma GCC unroll 16
            for (int i = j > first ? j : first; i < end; ++i) total[i * (i + 1) / 2 + j - before] += y[i - first] * x_j;
        }
    });
    Real sums[room<Real>(n)];
    sum_all<Real, n>(total, sums);
    const Real* sum = sums;
    for (int i = first; i < end; ++i) {
        double* to = i < D ? seconds + i * D : firsts;
        for (int j = 0; j <= i && j < D; ++j) to[j] += *sum++;
    }
    if constexpr (end < D + 1) {
        strip_moments<Real, D, end>(rows, centre, responsibilities, stride, active, count, firsts, seconds);
    } else {
        *count += *sum;
    }
}

// Rows i..i+3 and columns j..j+3 of sum r x x^T; on the diagonal only the lower triangle.
template <class Real, bool diagonal>
inline void moment_block(const Real* row_features, const Real* column_features, const Real* responsibilities,
                         std::ptrdiff_t stride, std::uint64_t active, Real* sums) {
    constexpr int block = 4;
    Vector<Real> total[block * block] = {};
    for_active_vectors<Real>(active, [&](std::ptrdiff_t r) {
        const Vector<Real> weight = load<Real>(responsibilities + r);
        Vector<Real> x[block];
#pragma GCC unroll 4
        for (int b = 0; b < block; ++b) x[b] = load<Real>(column_features + b * stride + r);
#pragma GCC unroll 4
        for (int a = 0; a < block; ++a) {
            const Vector<Real> y = weight * (diagonal ? x[a] : load<Real>(row_features + a * stride + r));
#pragma GCC unroll 4
            for (int b = 0; b < (diagonal ? a + 1 : block); ++b) total[a * block + b] += y * x[b];
        }
    });
    sum_all<Real, block * block>(total, sums);
}

// differences: d features, one of ones, zeros up to a multiple of 4.
template <class Real>
void blocked_moments(const Real* differences, const Real* responsibilities, std::ptrdiff_t n_features,
                     std::ptrdiff_t stride, std::uint64_t active, double* count, double* firsts, double* seconds) {
    const std::ptrdiff_t d = n_features;
    for (std::ptrdiff_t i = 0; i < d + 1; i += 4) {
        for (std::ptrdiff_t j = 0; j <= i; j += 4) {
            Real sums[room<Real>(16)];
            if (i == j) {
                moment_block<Real, true>(nullptr, differences + j * stride, responsibilities, stride, active, sums);
            } else {
                moment_block<Real, false>(differences + i * stride, differences + j * stride, responsibilities, stride,
                                          active, sums);
            }
            for (std::ptrdiff_t a = i; a < i + 4 && a <= d; ++a) {
                double* to = a < d ? seconds + a * d : firsts;
                const Real* from = sums + (a - i) * 4;
                for (std::ptrdiff_t b = j; b < j + 4 && b <= a && b < d; ++b) to[b] += from[b - j];
            }
            if (i == j && d - i < 4) *count += sums[(d - i) * 5];
        }
    }
}

// ---- Many features: panels ----------------------------------------------------------------------------------------
//
// Panel p of a tile holds features p * lanes ... of every row, row after row: one vector a row.

// Rows of accumulators in a register tile, and vectors of columns.
constexpr int panel_rows = MIXTURA_VECTOR_BYTES == 64 ? 8 : 4;
constexpr int panel_columns = 2;

inline void add_to(double* to, const double* from, std::ptrdiff_t n) {
    for (std::ptrdiff_t i = 0; i < n; ++i) to[i] += from[i];
}

inline void add_to(double* to, const float* from, std::ptrdiff_t n) {
    for (std::ptrdiff_t i = 0; i < n; ++i) to[i] += from[i];
}

// Calls f(r) for each of the first n_rows rows that is in an active granule.
template <class Real, class Function>
inline void for_active_rows(std::uint64_t active, std::ptrdiff_t n_rows, const Function& f) {
    for (; active != 0; active &= active - 1) {
        const std::ptrdiff_t first = __builtin_ctzll(active) * granule<Real>;
        const std::ptrdiff_t last = first + granule<Real> < n_rows ? first + granule<Real> : n_rows;
        for (std::ptrdiff_t r = first; r < last; ++r) f(r);
    }
}

// Of `n` panels from feature j on, side by side so that their sums' chains overlap.
template <class Real, int n>
std::ptrdiff_t scale_some_panels(const Real* panels, const Real* centre, const Real* roots, std::ptrdiff_t j,
                                 std::ptrdiff_t n_features, std::ptrdiff_t stride, std::ptrdiff_t n_rows,
                                 std::uint64_t active, Real* scaled, double* firsts) {
    const auto width = [&](int p) { return n_features - j - p * lanes<Real>; };
    Vector<Real> c[n], total[n] = {};
    for (int p = 0; p < n; ++p) {
        Real padded_centre[lanes<Real>] = {};
        const std::ptrdiff_t known = width(p) < lanes<Real> ? width(p) : lanes<Real>;
        __builtin_memcpy(padded_centre, centre + j + p * lanes<Real>, static_cast<std::size_t>(known) * sizeof(Real));
        c[p] = load<Real>(padded_centre);
    }
    const Real* const from = panels + j * stride;
    Real* const first = scaled + j * stride;
    Real* to = first;
    for_active_rows<Real>(active, n_rows, [&](std::ptrdiff_t r) {
        const Vector<Real> root = splat<Real>(roots[r]);
#pragma GCC unroll 4
        for (int p = 0; p < n; ++p) {
            const Vector<Real> z = (load<Real>(from + p * lanes<Real> * stride + r * lanes<Real>) - c[p]) * root;
            store<Real>(to + p * lanes<Real> * stride, z);
            total[p] += z * root;
        }
        to += lanes<Real>;
    });
    for (int p = 0; p < n; ++p) {
        Real sums[lanes<Real>];
        store<Real>(sums, total[p]);
        add_to(firsts + j + p * lanes<Real>, sums, width(p) < lanes<Real> ? width(p) : lanes<Real>);
    }
    return (to - first) / lanes<Real>;
}

// z = sqrt(r) (x - c) of the active rows, one after the other, so that the second moments are z^T z; adds
// sum r (x - c) to `firsts`. Returns the number of those rows.
template <class Real>
std::ptrdiff_t scale_panels(const Real* panels, const Real* centre, const Real* roots, std::ptrdiff_t n_features,
                            std::ptrdiff_t stride, std::ptrdiff_t n_rows, std::uint64_t active, Real* scaled,
                            double* firsts) {
    std::ptrdiff_t n_scaled = 0, j = 0;
    for (; j + 3 * lanes<Real> < n_features; j += 4 * lanes<Real>) {
        n_scaled =
            scale_some_panels<Real, 4>(panels, centre, roots, j, n_features, stride, n_rows, active, scaled, firsts);
    }
    for (; j + lanes<Real> < n_features; j += 2 * lanes<Real>) {
        n_scaled =
            scale_some_panels<Real, 2>(panels, centre, roots, j, n_features, stride, n_rows, active, scaled, firsts);
    }
    if (j < n_features) {
        n_scaled =
            scale_some_panels<Real, 1>(panels, centre, roots, j, n_features, stride, n_rows, active, scaled, firsts);
    }
    return n_scaled;
}

// Rows i ... of z^T z against `columns` panels from panel feature j on.
template <class Real, int columns, int n_block_rows = panel_rows>
inline void panel_block(const Real* scaled, std::ptrdiff_t i, std::ptrdiff_t j, std::ptrdiff_t n_features,
                        std::ptrdiff_t stride, std::ptrdiff_t n_rows, double* seconds) {
    const Real* left = scaled + i / lanes<Real> * lanes<Real> * stride + i % lanes<Real>;
    const Real* right = scaled + j * stride;
    Vector<Real> total[n_block_rows][columns] = {};
    for (std::ptrdiff_t r = 0; r < n_rows; ++r) {
        Vector<Real> z[columns];
        for (int b = 0; b < columns; ++b) z[b] = load<Real>(right + b * lanes<Real> * stride + r * lanes<Real>);
#pragma GCC unroll 8
        for (int a = 0; a < n_block_rows; ++a) {
            // Narrow vectors: the rows of a block stand in more than one panel.
            const std::ptrdiff_t at = a / lanes<Real> * lanes<Real> * stride + a % lanes<Real>;
            const Vector<Real> y = splat<Real>(left[r * lanes<Real> + at]);
#pragma GCC unroll 2
            for (int b = 0; b < columns; ++b) total[a][b] += y * z[b];
        }
    }
    for (int a = 0; a < n_block_rows && i + a < n_features; ++a) {
        for (int b = 0; b < columns; ++b) {
            const std::ptrdiff_t first = j + b * lanes<Real>;
            const std::ptrdiff_t reach = i + a + 1 - first;  // up to the diagonal
            if (reach <= 0) continue;
            Real sums[lanes<Real>];
            store<Real>(sums, total[a][b]);
            add_to(seconds + (i + a) * n_features + first, sums, reach < lanes<Real> ? reach : lanes<Real>);
        }
    }
}

// Rows i ... of z^T z, up to the diagonal.
template <class Real, int n_block_rows>
void panel_block_row(const Real* scaled, std::ptrdiff_t i, std::ptrdiff_t n_features, std::ptrdiff_t stride,
                     std::ptrdiff_t n_rows, double* seconds) {
    constexpr std::ptrdiff_t pair = panel_columns * lanes<Real>;
    const std::ptrdiff_t last = i + n_block_rows < n_features ? i + n_block_rows : n_features;
    std::ptrdiff_t j = 0;
    for (; j + lanes<Real> < last; j += pair) {
        panel_block<Real, panel_columns, n_block_rows>(scaled, i, j, n_features, stride, n_rows, seconds);
    }
    if (j < last) panel_block<Real, 1, n_block_rows>(scaled, i, j, n_features, stride, n_rows, seconds);
}

template <class Real>
void panel_second_moments(const Real* scaled, std::ptrdiff_t n_features, std::ptrdiff_t stride, std::ptrdiff_t n_rows,
                          double* seconds) {
    std::ptrdiff_t i = 0;
    for (; i + panel_rows / 2 < n_features; i += panel_rows) {
        panel_block_row<Real, panel_rows>(scaled, i, n_features, stride, n_rows, seconds);
    }
    if (i < n_features) panel_block_row<Real, panel_rows / 2>(scaled, i, n_features, stride, n_rows, seconds);
}

// ---- Diagonal and spherical ---------------------------------------------------------------------------------------

// sum r y and sum r y^2, y = x - c, of `features` features from j on; rows along the lanes.
template <class Real, int features>
inline void diag_block(const Real* rows, const Real* centre, const Real* responsibilities, std::ptrdiff_t j,
                       std::ptrdiff_t stride, std::uint64_t active, double* firsts, double* seconds) {
    Vector<Real> total[2 * features] = {};
    for_active_vectors<Real>(active, [&](std::ptrdiff_t r) {
        const Vector<Real> weight = load<Real>(responsibilities + r);
#pragma GCC unroll 4
        for (int a = 0; a < features; ++a) {
            const Vector<Real> x = load<Real>(rows + (j + a) * stride + r);
            const Vector<Real> y = x - centre[j + a];
            const Vector<Real> scaled = weight * y;
            total[2 * a] += scaled;
            total[2 * a + 1] += scaled * y;
        }
    });
    Real sums[room<Real>(2 * features)];
    sum_all<Real, 2 * features>(total, sums);
    for (int a = 0; a < features; ++a) {
        firsts[j + a] += sums[2 * a];
        seconds[j + a] += sums[2 * a + 1];
    }
}

template <class Real>
void diag_moments(const Real* rows, const Real* centre, const Real* responsibilities, std::ptrdiff_t n_features,
                  std::ptrdiff_t stride, std::uint64_t active, double* firsts, double* seconds) {
    std::ptrdiff_t j = 0;
    for (; j + 4 <= n_features; j += 4) {
        diag_block<Real, 4>(rows, centre, responsibilities, j, stride, active, firsts, seconds);
    }
    switch (n_features - j) {
        case 3: return diag_block<Real, 3>(rows, centre, responsibilities, j, stride, active, firsts, seconds);
        case 2: return diag_block<Real, 2>(rows, centre, responsibilities, j, stride, active, firsts, seconds);
        case 1: return diag_block<Real, 1>(rows, centre, responsibilities, j, stride, active, firsts, seconds);
    }
}

// Features of a block whose sums, their squares' and the count stay in registers.
constexpr int most_spherical_features = registers == 32 ? 14 : 7;

// sum r y of `features` features from j on and the sum of their r y^2, rows along the lanes; with_count: and sum r.
template <class Real, int features, bool with_count>
inline void spherical_block(const Real* rows, const Real* centre, const Real* responsibilities, std::ptrdiff_t j,
                            std::ptrdiff_t stride, std::uint64_t active, double* count, double* firsts,
                            double* second) {
    constexpr int n = features + 1 + with_count;
    Vector<Real> total[n] = {};
    for_active_vectors<Real>(active, [&](std::ptrdiff_t r) {
        const Vector<Real> weight = load<Real>(responsibilities + r);
        Vector<Real> square = {};
#pragma GCC unroll 16
        for (int a = 0; a < features; ++a) {
            const Vector<Real> x = load<Real>(rows + (j + a) * stride + r);
            const Vector<Real> y = x - centre[j + a];
            total[a] += weight * y;
            square += y * y;
        }
        total[features] += weight * square;
        if (with_count) total[n - 1] += weight;
    });
    Real sums[room<Real>(n)];
    sum_all<Real, n>(total, sums);
    add_to(firsts + j, sums, features);
    *second += sums[features];
    if (with_count) *count += sums[n - 1];
}

// The last `n_features` features, `most` at most, in one block.
template <class Real, int most = most_spherical_features>
void last_spherical_block(const Real* rows, const Real* centre, const Real* responsibilities, std::ptrdiff_t j,
                          std::ptrdiff_t n_features, std::ptrdiff_t stride, std::uint64_t active, double* count,
                          double* firsts, double* second) {
    if (n_features == most) {
        spherical_block<Real, most, true>(rows, centre, responsibilities, j, stride, active, count, firsts, second);
    } else if constexpr (most > 1) {
        last_spherical_block<Real, most - 1>(rows, centre, responsibilities, j, n_features, stride, active, count,
                                             firsts, second);
    }
}

template <class Real>
void spherical_moments(const Real* rows, const Real* centre, const Real* responsibilities, std::ptrdiff_t n_features,
                       std::ptrdiff_t stride, std::uint64_t active, double* count, double* firsts, double* second) {
    constexpr int half = most_spherical_features / 2;
    std::ptrdiff_t j = 0;
    for (; n_features - j > most_spherical_features; j += half) {
        spherical_block<Real, half, false>(rows, centre, responsibilities, j, stride, active, nullptr, firsts, second);
    }
    last_spherical_block(rows, centre, responsibilities, j, n_features - j, stride, active, count, firsts, second);
}

}  // namespace
}  // namespace mixtura
