// Moments under covariances that are matrices, of many features: features along the lanes. Nothing is summed across
// lanes.
//
// Panel p of a tile holds features p * lanes ... of every row, row after row: one vector a row.
#pragma once

#include "simd/lane_sums.hpp"
#include "simd/skipping.hpp"
#include "simd/vector.hpp"

namespace mixtura {
namespace {

// Rows of accumulators in a register tile, and vectors of columns.
constexpr int panel_rows = registers == 32 ? 8 : 4;
constexpr int panel_columns = 2;

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

}  // namespace
}  // namespace mixtura
