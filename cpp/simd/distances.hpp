// Log joint densities of a tile's rows under one component: coefficient - (squared Mahalanobis distance) / 2.
#pragma once

#include "simd/job.hpp"
#include "simd/unrolled.hpp"
#include "simd/vector.hpp"

namespace mixtura {
namespace {

template <class Real>
inline void store_joint(Real* joint, Real coefficient, const Vector<Real>* squares) {
    for (std::ptrdiff_t v = 0; v < row_vectors; ++v) {
        store<Real>(joint + v * lanes<Real>, coefficient - Real(0.5) * squares[v]);
    }
}

// differences[j] = x_j - c_j for the first `n_active` rows.
template <class Real>
void subtract_point(const Real* rows, SplitPoint<Real> point, std::ptrdiff_t n_features, std::ptrdiff_t stride,
                    std::ptrdiff_t n_active, Real* differences, std::ptrdiff_t to_stride) {
    for (std::ptrdiff_t j = 0; j < n_features; ++j) {
        const Real high = point.high[j];
        const Real low = point.low[j];
        const Real* x = rows + j * stride;
        Real* out = differences + j * to_stride;
        for (std::ptrdiff_t r = 0; r < n_active; r += lanes<Real>) {
            store<Real>(out + r, minus<Real>(load<Real>(x + r), high, low));
        }
    }
}

// What rounding left of a mean, whitened: -P^T (mu - high), from which P^T (x - high) is summed up. Zero for double
// rows.
template <class Real>
inline Vector<Real> residue_of([[maybe_unused]] const Real* residue, [[maybe_unused]] std::ptrdiff_t j) {
    if constexpr (sizeof(Real) == sizeof(double)) {
        return Vector<Real>{};
    } else {
        return splat<Real>(residue[j]);
    }
}

// P^T y for the columns of one block of P, from y = the start values: rows along the lanes, so many outputs and vectors
// of rows that the sums' chains overlap. Returns where the next block begins.
template <class Real, int columns>
inline const Real* multiply_block(const Real* differences, std::ptrdiff_t stride, std::ptrdiff_t last,
                                  const Real* factor, Vector<Real> (&y)[columns][row_vectors]) {
    for (std::ptrdiff_t i = 0; i < last; ++i, factor += columns) {
        Vector<Real> x[row_vectors];
        for (std::ptrdiff_t v = 0; v < row_vectors; ++v) x[v] = load<Real>(differences + i * stride + v * lanes<Real>);
#pragma GCC unroll 5
        for (int j = 0; j < columns; ++j) {
            const Vector<Real> p = splat<Real>(factor[j]);
            for (std::ptrdiff_t v = 0; v < row_vectors; ++v) y[j][v] += p * x[v];
        }
    }
    return factor;
}

// Adds the squares of a block's outputs to `total`. keep: and writes them.
template <bool keep, class Real>
struct SquareBlock {
    const Real*& factor;
    const Real *differences, *residue;
    std::ptrdiff_t block, stride;
    Vector<Real>* total;
    Real* kept;

    template <int columns>
    void call() const {
        Vector<Real> y[columns][row_vectors];
#pragma GCC unroll 5
        for (int j = 0; j < columns; ++j) {
            for (std::ptrdiff_t v = 0; v < row_vectors; ++v) y[j][v] = residue_of(residue, block + j);
        }
        factor = multiply_block<Real, columns>(differences, row_vectors * lanes<Real>, block + columns, factor, y);
#pragma GCC unroll 5
        for (int j = 0; j < columns; ++j) {
            for (std::ptrdiff_t v = 0; v < row_vectors; ++v) {
                total[v] += y[j][v] * y[j][v];
                if constexpr (keep) store<Real>(kept + (block + j) * stride + v * lanes<Real>, y[j][v]);
            }
        }
    }
};

// |P^T y|^2, P upper triangular and packed in blocks of columns: a product of small register tiles,
// which never touches the zero half beyond a block's own triangle. The differences of a
// few vectors of rows stay together, in the first-level cache. keep: y = P^T (x - mu) is written too, feature by
// feature.
template <bool keep, class Real>
void full_joint(const Real* rows, const Real* mean, const Real* residue, const Real* packed, std::ptrdiff_t n_features,
                std::ptrdiff_t stride, std::ptrdiff_t n_active, Real* differences, Real coefficient, Real* joint,
                Real* kept) {
    constexpr std::ptrdiff_t width = row_vectors * lanes<Real>;
    for (std::ptrdiff_t r = 0; r < n_active; r += width) {
        for (std::ptrdiff_t j = 0; j < n_features; ++j) {
            for (std::ptrdiff_t v = 0; v < width; v += lanes<Real>) {
                store<Real>(differences + j * width + v, load<Real>(rows + j * stride + r + v) - mean[j]);
            }
        }
        Vector<Real> total[row_vectors] = {};
        const Real* factor = packed;
        std::ptrdiff_t columns;
        for (std::ptrdiff_t block = 0; block < n_features; block += columns) {
            columns = block_columns(n_features - block);
            with_columns(columns,
                         SquareBlock<keep, Real>{factor, differences, residue, block, stride, total, kept + r});
        }
        store_joint<Real>(joint + r, coefficient, total);
    }
}

// Vectors of rows at a time, D features.
constexpr int small_row_vectors(std::ptrdiff_t n_features) { return 2 * n_features + 4 <= registers ? 2 : 1; }

// Full covariances are computed for a multiple of this many rows.
template <class Real>
constexpr std::ptrdiff_t full_rows_at_once(std::ptrdiff_t n_features) {
    return (n_features <= most_unrolled_features ? small_row_vectors(n_features) : row_vectors) * lanes<Real>;
}

// The same with the number of features known, so that everything unrolls and stays in registers. `factor` is the
// upper triangle by rows: p_00, p_01 ... p_11, p_12 ...
template <bool keep, class Real, int D>
void small_full_joint(const Real* rows, const Real* mean, const Real* residue, const Real* factor,
                      std::ptrdiff_t stride, std::ptrdiff_t n_active, Real coefficient, Real* joint,
                      [[maybe_unused]] Real* kept) {
    constexpr int n = small_row_vectors(D);
    for (std::ptrdiff_t r = 0; r < n_active; r += n * lanes<Real>) {
        Vector<Real> y[D][n];
#pragma GCC unroll 16
        for (int j = 0; j < D; ++j) {
#pragma GCC unroll 2
            for (int v = 0; v < n; ++v) y[j][v] = residue_of(residue, j);
        }
        const Real* p = factor;
#pragma GCC unroll 16
        for (int i = 0; i < D; ++i) {
            Vector<Real> x[n];
#pragma GCC unroll 2
            for (int v = 0; v < n; ++v) {
                x[v] = load<Real>(rows + i * stride + r + v * lanes<Real>) - mean[i];
            }
#pragma GCC unroll 16
            for (int j = i; j < D; ++j, ++p) {
#pragma GCC unroll 2
                for (int v = 0; v < n; ++v) y[j][v] += splat<Real>(*p) * x[v];
            }
        }
#pragma GCC unroll 2
        for (int v = 0; v < n; ++v) {
            Vector<Real> total = y[0][v] * y[0][v];
#pragma GCC unroll 16
            for (int j = 1; j < D; ++j) total += y[j][v] * y[j][v];
            store<Real>(joint + r + v * lanes<Real>, coefficient - Real(0.5) * total);
            if constexpr (keep) {
#pragma GCC unroll 16
                for (int j = 0; j < D; ++j) store<Real>(kept + j * stride + r + v * lanes<Real>, y[j][v]);
            }
        }
    }
}

// gaps: a missing feature adds unseen[j] instead (Completion).
template <bool gaps, class Real>
void diag_joint(const Real* rows, const Real* mean, const Real* residue, const Real* factor, std::ptrdiff_t n_features,
                std::ptrdiff_t stride, std::ptrdiff_t n_active, Real coefficient, [[maybe_unused]] const double* unseen,
                Real* joint) {
    constexpr std::ptrdiff_t width = row_vectors * lanes<Real>;
    for (std::ptrdiff_t r = 0; r < n_active; r += width) {
        Vector<Real> total[row_vectors] = {};
        for (std::ptrdiff_t j = 0; j < n_features; ++j) {
            for (std::ptrdiff_t v = 0; v < row_vectors; ++v) {
                const Vector<Real> x = load<Real>(rows + j * stride + r + v * lanes<Real>);
                const Vector<Real> y = residue_of(residue, j) + (x - mean[j]) * factor[j];
                if constexpr (gaps) {
                    total[v] += if_observed<Real>(x, y * y, splat<Real>(static_cast<Real>(unseen[j])));
                } else {
                    total[v] += y * y;
                }
            }
        }
        store_joint<Real>(joint + r, coefficient, total);
    }
}

template <bool gaps, class Real>
void spherical_joint(const Real* rows, SplitPoint<Real> mean, Real factor, std::ptrdiff_t n_features,
                     std::ptrdiff_t stride, std::ptrdiff_t n_active, Real coefficient,
                     [[maybe_unused]] const double* unseen, Real* joint) {
    constexpr std::ptrdiff_t width = row_vectors * lanes<Real>;
    for (std::ptrdiff_t r = 0; r < n_active; r += width) {
        Vector<Real> total[row_vectors] = {};
        [[maybe_unused]] Vector<Real> n_missing[row_vectors] = {};
        for (std::ptrdiff_t j = 0; j < n_features; ++j) {
            for (std::ptrdiff_t v = 0; v < row_vectors; ++v) {
                const Vector<Real> x = load<Real>(rows + j * stride + r + v * lanes<Real>);
                const Vector<Real> y = minus<Real>(x, mean.high[j], mean.low[j]);
                if constexpr (gaps) {
                    total[v] += if_observed<Real>(x, y * y, Vector<Real>{});
                    n_missing[v] += if_observed<Real>(x, Vector<Real>{}, splat<Real>(1));
                } else {
                    total[v] += y * y;
                }
            }
        }
        for (std::ptrdiff_t v = 0; v < row_vectors; ++v) {
            total[v] *= factor * factor;
            if constexpr (gaps) total[v] += n_missing[v] * static_cast<Real>(*unseen);
        }
        store_joint<Real>(joint + r, coefficient, total);
    }
}

// Writes a block's outputs.
template <class Real>
struct WhitenBlock {
    const Real*& factor;
    const Real* differences;
    std::ptrdiff_t block, stride;
    Real* whitened;

    template <int columns>
    void call() const {
        Vector<Real> y[columns][row_vectors] = {};
        factor = multiply_block<Real, columns>(differences, stride, block + columns, factor, y);
#pragma GCC unroll 5
        for (int j = 0; j < columns; ++j) {
            for (std::ptrdiff_t v = 0; v < row_vectors; ++v)
                store<Real>(whitened + (block + j) * stride + v * lanes<Real>, y[j][v]);
        }
    }
};

// z = P^T y for every feature, so that a tied structure pays for its factor once a row, not once a component.
template <class Real>
void whiten(const Real* differences, const Real* packed, std::ptrdiff_t n_features, std::ptrdiff_t stride,
            std::ptrdiff_t n_active, Real* whitened) {
    for (std::ptrdiff_t r = 0; r < n_active; r += row_vectors * lanes<Real>) {
        const Real* factor = packed;
        std::ptrdiff_t columns;
        for (std::ptrdiff_t block = 0; block < n_features; block += columns) {
            columns = block_columns(n_features - block);
            with_columns(columns, WhitenBlock<Real>{factor, differences + r, block, stride, whitened + r});
        }
    }
}

// |z - zeta|^2 between whitened rows and a whitened mean.
template <class Real>
void whitened_joint(const Real* whitened, const Real* mean, std::ptrdiff_t n_features, std::ptrdiff_t stride,
                    std::ptrdiff_t n_active, Real coefficient, Real* joint) {
    constexpr std::ptrdiff_t width = row_vectors * lanes<Real>;
    for (std::ptrdiff_t r = 0; r < n_active; r += width) {
        Vector<Real> total[row_vectors] = {};
        for (std::ptrdiff_t j = 0; j < n_features; ++j) {
            for (std::ptrdiff_t v = 0; v < row_vectors; ++v) {
                const Vector<Real> y = load<Real>(whitened + j * stride + r + v * lanes<Real>) - mean[j];
                total[v] += y * y;
            }
        }
        store_joint<Real>(joint + r, coefficient, total);
    }
}

}  // namespace
}  // namespace mixtura
