// Squared Mahalanobis distances of a tile's rows from one component.
#pragma once

#include "job.hpp"
#include "vector.hpp"

namespace mixtura {
namespace {

// differences[j] = x_j - c_j for the first `n_active` rows.
template <class Real>
void subtract_point(const Real* rows, SplitPoint<Real> point, std::ptrdiff_t n_features, std::ptrdiff_t stride,
                    std::ptrdiff_t n_active, Real* differences) {
    for (std::ptrdiff_t j = 0; j < n_features; ++j) {
        const Real high = point.high[j];
        const Real low = point.low[j];
        const Real* x = rows + j * stride;
        Real* out = differences + j * stride;
        for (std::ptrdiff_t r = 0; r < n_active; r += lanes<Real>) {
            store<Real>(out + r, (load<Real>(x + r) - high) - low);
        }
    }
}

// |P^T y|^2, P upper triangular and packed in blocks of columns: a product of small register tiles,
// rows along the lanes, which never touches the zero half beyond a block's own triangle.
template <class Real>
void full_distances(const Real* differences, const Real* packed, std::ptrdiff_t n_features, std::ptrdiff_t stride,
                    std::ptrdiff_t n_active, Real* distances) {
    constexpr std::ptrdiff_t width = row_vectors * lanes<Real>;
    for (std::ptrdiff_t r = 0; r < n_active; r += width) {
        Vector<Real> total[row_vectors] = {};
        const Real* factor = packed;
        for (std::ptrdiff_t block = 0; block < n_features; block += factor_block) {
            Vector<Real> y[factor_block][row_vectors] = {};
            const std::ptrdiff_t last = block + factor_block < n_features ? block + factor_block : n_features;
            for (std::ptrdiff_t i = 0; i < last; ++i, factor += factor_block) {
                Vector<Real> x[row_vectors];
                for (std::ptrdiff_t v = 0; v < row_vectors; ++v) {
                    x[v] = load<Real>(differences + i * stride + r + v * lanes<Real>);
                }
                for (std::ptrdiff_t j = 0; j < factor_block; ++j) {
                    const Vector<Real> p = splat<Real>(factor[j]);
                    for (std::ptrdiff_t v = 0; v < row_vectors; ++v) y[j][v] += p * x[v];
                }
            }
            for (std::ptrdiff_t j = 0; j < factor_block; ++j) {
                for (std::ptrdiff_t v = 0; v < row_vectors; ++v) total[v] += y[j][v] * y[j][v];
            }
        }
        for (std::ptrdiff_t v = 0; v < row_vectors; ++v) store<Real>(distances + r + v * lanes<Real>, total[v]);
    }
}

template <class Real>
void diag_distances(const Real* rows, SplitPoint<Real> mean, const Real* factor, std::ptrdiff_t n_features,
                    std::ptrdiff_t stride, std::ptrdiff_t n_active, Real* distances) {
    constexpr std::ptrdiff_t width = row_vectors * lanes<Real>;
    for (std::ptrdiff_t r = 0; r < n_active; r += width) {
        Vector<Real> total[row_vectors] = {};
        for (std::ptrdiff_t j = 0; j < n_features; ++j) {
            for (std::ptrdiff_t v = 0; v < row_vectors; ++v) {
                const Vector<Real> x = load<Real>(rows + j * stride + r + v * lanes<Real>);
                const Vector<Real> y = ((x - mean.high[j]) - mean.low[j]) * factor[j];
                total[v] += y * y;
            }
        }
        for (std::ptrdiff_t v = 0; v < row_vectors; ++v) store<Real>(distances + r + v * lanes<Real>, total[v]);
    }
}

template <class Real>
void spherical_distances(const Real* rows, SplitPoint<Real> mean, Real factor, std::ptrdiff_t n_features,
                         std::ptrdiff_t stride, std::ptrdiff_t n_active, Real* distances) {
    constexpr std::ptrdiff_t width = row_vectors * lanes<Real>;
    for (std::ptrdiff_t r = 0; r < n_active; r += width) {
        Vector<Real> total[row_vectors] = {};
        for (std::ptrdiff_t j = 0; j < n_features; ++j) {
            for (std::ptrdiff_t v = 0; v < row_vectors; ++v) {
                const Vector<Real> x = load<Real>(rows + j * stride + r + v * lanes<Real>);
                const Vector<Real> y = ((x - mean.high[j]) - mean.low[j]) * factor;
                total[v] += y * y;
            }
        }
        for (std::ptrdiff_t v = 0; v < row_vectors; ++v) store<Real>(distances + r + v * lanes<Real>, total[v]);
    }
}

// z = P^T y for every feature, so that a tied structure pays for its factor once a row, not once a component.
template <class Real>
void whiten(const Real* differences, const Real* packed, std::ptrdiff_t n_features, std::ptrdiff_t stride,
            std::ptrdiff_t n_active, Real* whitened) {
    constexpr std::ptrdiff_t width = row_vectors * lanes<Real>;
    for (std::ptrdiff_t r = 0; r < n_active; r += width) {
        const Real* factor = packed;
        for (std::ptrdiff_t block = 0; block < n_features; block += factor_block) {
            Vector<Real> y[factor_block][row_vectors] = {};
            const std::ptrdiff_t last = block + factor_block < n_features ? block + factor_block : n_features;
            for (std::ptrdiff_t i = 0; i < last; ++i, factor += factor_block) {
                Vector<Real> x[row_vectors];
                for (std::ptrdiff_t v = 0; v < row_vectors; ++v) {
                    x[v] = load<Real>(differences + i * stride + r + v * lanes<Real>);
                }
                for (std::ptrdiff_t j = 0; j < factor_block; ++j) {
                    const Vector<Real> p = splat<Real>(factor[j]);
                    for (std::ptrdiff_t v = 0; v < row_vectors; ++v) y[j][v] += p * x[v];
                }
            }
            for (std::ptrdiff_t j = 0; block + j < last; ++j) {
                for (std::ptrdiff_t v = 0; v < row_vectors; ++v) {
                    store<Real>(whitened + (block + j) * stride + r + v * lanes<Real>, y[j][v]);
                }
            }
        }
    }
}

// |z - zeta|^2 between whitened rows and a whitened mean.
template <class Real>
void whitened_distances(const Real* whitened, const Real* mean, std::ptrdiff_t n_features, std::ptrdiff_t stride,
                        std::ptrdiff_t n_active, Real* distances) {
    constexpr std::ptrdiff_t width = row_vectors * lanes<Real>;
    for (std::ptrdiff_t r = 0; r < n_active; r += width) {
        Vector<Real> total[row_vectors] = {};
        for (std::ptrdiff_t j = 0; j < n_features; ++j) {
            for (std::ptrdiff_t v = 0; v < row_vectors; ++v) {
                const Vector<Real> y = load<Real>(whitened + j * stride + r + v * lanes<Real>) - mean[j];
                total[v] += y * y;
            }
        }
        for (std::ptrdiff_t v = 0; v < row_vectors; ++v) store<Real>(distances + r + v * lanes<Real>, total[v]);
    }
}

}  // namespace
}  // namespace mixtura
