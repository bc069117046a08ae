// Gradients of the log density of a tile's rows. With r the responsibilities, P P^T a precision and u = 1, of t
// components (df + d) / (df + squared distance),
//
//     grad log p(x) = -sum_k r_k u_k P_k y_k,   y_k = P_k^T (x - mu_k),
//
// of which the densities have made y: beside them it takes one more product with a triangle. Where covariances are
// shared the sum goes first, and there is one product a row.
//
// A component does not matter to a row where r < exp(-T), see skipping.hpp: its slope would have to be 1e20 times as
// steep as the others' to be seen among them. What is left out is not multiplied either: far away y may be infinite.
#pragma once

#include "simd/distances.hpp"
#include "simd/job.hpp"
#include "simd/joint.hpp"
#include "simd/load.hpp"
#include "simd/skipping.hpp"
#include "simd/unrolled.hpp"
#include "simd/vector.hpp"

namespace mixtura {
namespace {

template <class Real>
constexpr Real least_share = sizeof(Real) == sizeof(double) ? Real(6.6e-36) : Real(1.7e-38f);  // exp(-negligible)

// -r u of n vectors of rows from r on, or -u where shares are left out; false: component k matters to none of them.
template <int n, bool by_share = true, class Real>
inline bool pulls_of(const Job<Real>& job, std::ptrdiff_t k, std::ptrdiff_t r, const Workspace<Real>& work,
                     Vector<Real>* pulls) {
    std::uint32_t matter = 0;
    for (int v = 0; v < n; ++v) {
        const std::ptrdiff_t at = k * job.tile_stride + r + v * lanes<Real>;
        const Vector<Real> share = load<Real>(work.responsibilities + at);
        const auto matters = share > least_share<Real>;
        matter |= lane_bits<Real>(matters);
        pulls[v] = matters ? (by_share ? -share : splat<Real>(-1)) : Vector<Real>{};
        if (job.student != nullptr) pulls[v] *= load<Real>(work.scales + at);
    }
    return matter != 0;
}

// What component k adds to the sums of a tile: distances times pulls. far: where one may be infinite, and its pull is
// 0.
template <bool far, class Real>
inline Vector<Real> pulled(Vector<Real> pull, Vector<Real> y) {
    if constexpr (far) return pull != Real(0) ? pull * y : Vector<Real>{};
    return pull * y;
}

// Few features: all sums stay in registers, while the components go by. P as small_full_joint reads it.
template <class Real, bool far>
struct SmallSlopes {
    const Job<Real>& job;
    const Workspace<Real>& work;
    std::ptrdiff_t n_active;

    template <int D>
    void call() const {
        constexpr int n = small_row_vectors(D);
        for (std::ptrdiff_t r = 0; r < n_active; r += n * lanes<Real>) {
            Vector<Real> sums[D][n] = {};
            for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
                Vector<Real> pulls[n];
                if (pulls_of<n>(job, k, r, work, pulls)) add<D, n>(k, r, pulls, sums);
            }
            for (int i = 0; i < D; ++i) {
                for (int v = 0; v < n; ++v)
                    store<Real>(work.slopes + i * job.tile_stride + r + v * lanes<Real>, sums[i][v]);
            }
        }
    }

    template <int D, int n>
    inline void add(std::ptrdiff_t k, std::ptrdiff_t r, const Vector<Real>* pulls, Vector<Real> (&sums)[D][n]) const {
        const Real* factor = job.factors + k * job.factor_stride;
        const Real* residuals = residuals_of(job, k, work) + r;
#pragma GCC unroll 16
        for (int j = 0; j < D; ++j) {
            Vector<Real> y[n];
#pragma GCC unroll 2
            for (int v = 0; v < n; ++v)
                y[v] = pulled<far, Real>(pulls[v], load<Real>(residuals + j * job.tile_stride + v * lanes<Real>));
#pragma GCC unroll 16
            for (int i = 0; i <= j; ++i) {
                const Vector<Real> p = splat<Real>(factor[i * D - i * (i - 1) / 2 + j - i]);
#pragma GCC unroll 2
                for (int v = 0; v < n; ++v) sums[i][v] += p * y[v];
            }
        }
    }
};

// Adds P_k times what is pulled, vectors of rows.
template <class Real>
struct PullBlock {
    const Real*& factor;
    const Real* pulled;
    std::ptrdiff_t pulled_stride, block, n_features, stride;
    Real* slopes;

    template <int rows>
    void call() const {
        Vector<Real> y[rows][row_vectors];
#pragma GCC unroll 5
        for (int i = 0; i < rows; ++i) {
            for (std::ptrdiff_t v = 0; v < row_vectors; ++v)
                y[i][v] = load<Real>(slopes + (block + i) * stride + v * lanes<Real>);
        }
        factor =
            multiply_block<Real, rows>(pulled + block * pulled_stride, pulled_stride, n_features - block, factor, y);
#pragma GCC unroll 5
        for (int i = 0; i < rows; ++i) {
            for (std::ptrdiff_t v = 0; v < row_vectors; ++v)
                store<Real>(slopes + (block + i) * stride + v * lanes<Real>, y[i][v]);
        }
    }
};

template <class Real>
void add_product(const Job<Real>& job, std::ptrdiff_t k, const Real* pulled, std::ptrdiff_t pulled_stride,
                 Real* slopes) {
    const Real* factor = job.slopes.factors + k * job.slopes.stride;
    std::ptrdiff_t rows;
    for (std::ptrdiff_t block = 0; block < job.n_features; block += rows) {
        rows = block_columns(job.n_features - block);
        with_columns(rows,
                     PullBlock<Real>{factor, pulled, pulled_stride, block, job.n_features, job.tile_stride, slopes});
    }
}

// Component k of covariances that are matrices. A shared one: into work.pulled, to be multiplied at the end.
template <bool far, class Real>
void add_slopes(const Job<Real>& job, std::ptrdiff_t k, std::ptrdiff_t n_active, const Workspace<Real>& work) {
    constexpr std::ptrdiff_t width = row_vectors * lanes<Real>;
    const bool is_shared = job.slopes.stride == 0;
    const Real* residuals = residuals_of(job, k, work);
    bool are_there = job.slopes.keeps_all;
    for (std::ptrdiff_t r = 0; r < n_active; r += width) {
        Vector<Real> pulls[row_vectors];
        if (!pulls_of<row_vectors>(job, k, r, work, pulls)) continue;
        if (!are_there) keep_residuals(job, k, n_active, work, work.roots);
        are_there = true;
        Real* sums = is_shared ? work.pulled + r : work.pulled;
        const std::ptrdiff_t stride = is_shared ? job.tile_stride : width;
        for (std::ptrdiff_t j = 0; j < job.n_features; ++j) {
            for (std::ptrdiff_t v = 0; v < row_vectors; ++v) {
                const Vector<Real> y = load<Real>(residuals + j * job.tile_stride + r + v * lanes<Real>);
                const Vector<Real> pull = pulled<far, Real>(pulls[v], y);
                Real* to = sums + j * stride + v * lanes<Real>;
                store<Real>(to, is_shared ? load<Real>(to) + pull : pull);
            }
        }
        if (!is_shared) add_product(job, k, sums, width, work.slopes + r);
    }
}

// Some features of all components that matter to some vectors of rows, where features are apart: their sums stay in
// registers. step: from a feature's factor to the next one's; 0: they share one, whose square the pulls have.
template <class Real, int step, bool far>
struct SlopesApart {
    const Job<Real>& job;
    const Workspace<Real>& work;
    std::ptrdiff_t first, r, n_listed;

    template <int features>
    void call() const {
        Vector<Real> sums[features][row_vectors] = {};
        for (std::ptrdiff_t n = 0; n < n_listed; ++n) {
            const std::ptrdiff_t k = work.listed[n];
            const Real* pulls = work.pulls + n * row_vectors * lanes<Real>;
            const SplitPoint<Real> mean = offset(job.means, k * job.n_features + first);
            const Real* factor = job.factors + k * job.factor_stride + first * step;
#pragma GCC unroll 5
            for (int j = 0; j < features; ++j) {
                for (std::ptrdiff_t v = 0; v < row_vectors; ++v) {
                    const Vector<Real> x = load<Real>(work.rows + (first + j) * job.tile_stride + r + v * lanes<Real>);
                    Vector<Real> away = minus<Real>(x, mean.high[j], mean.low[j]);
                    if constexpr (step > 0) away *= factor[j] * factor[j];
                    sums[j][v] += pulled<far, Real>(load<Real>(pulls + v * lanes<Real>), away);
                }
            }
        }
#pragma GCC unroll 5
        for (int j = 0; j < features; ++j) {
            for (std::ptrdiff_t v = 0; v < row_vectors; ++v)
                store<Real>(work.slopes + (first + j) * job.tile_stride + r + v * lanes<Real>, sums[j][v]);
        }
    }
};

// Components that matter to some vectors of rows, into work.listed, and their pulls; returns their number.
template <class Real>
std::ptrdiff_t list_pulls(const Job<Real>& job, std::ptrdiff_t r, const Workspace<Real>& work) {
    std::ptrdiff_t n = 0;
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        Vector<Real> pulls[row_vectors];
        if (!pulls_of<row_vectors>(job, k, r, work, pulls)) continue;
        const Real factor = job.structure == Structure::spherical ? job.factors[k * job.factor_stride] : Real(1);
        for (std::ptrdiff_t v = 0; v < row_vectors; ++v)
            store<Real>(work.pulls + (n * row_vectors + v) * lanes<Real>, pulls[v] * (factor * factor));
        work.listed[n++] = static_cast<std::int32_t>(k);
    }
    return n;
}

template <bool far, class Real>
void find_slopes_apart(const Job<Real>& job, std::ptrdiff_t n_active, const Workspace<Real>& work) {
    for (std::ptrdiff_t r = 0; r < n_active; r += row_vectors * lanes<Real>) {
        const std::ptrdiff_t n_listed = list_pulls(job, r, work);
        std::ptrdiff_t features;
        for (std::ptrdiff_t first = 0; first < job.n_features; first += features) {
            features = block_columns(job.n_features - first);
            if (job.structure == Structure::diag) {
                with_columns(features, SlopesApart<Real, 1, far>{job, work, first, r, n_listed});
            } else {
                with_columns(features, SlopesApart<Real, 0, far>{job, work, first, r, n_listed});
            }
        }
    }
}

template <class Real>
void clear_tile(const Job<Real>& job, std::ptrdiff_t n_active, Real* tile) {
    for (std::ptrdiff_t j = 0; j < job.n_features; ++j)
        __builtin_memset(tile + j * job.tile_stride, 0, static_cast<std::size_t>(n_active) * sizeof(Real));
}

// In work.slopes, behind the normalisation with weights of 1. far: whether the tile has far rows.
template <bool far, class Real>
void find_slopes(const Job<Real>& job, std::ptrdiff_t n_active, const Workspace<Real>& work) {
    const std::ptrdiff_t d = job.n_features;
    if (!has_matrices(job.structure)) return find_slopes_apart<far>(job, n_active, work);
    if (packs_triangle(job.structure, d)) return with_features<1>(d, SmallSlopes<Real, far>{job, work, n_active});
    const bool is_shared = job.slopes.stride == 0;
    clear_tile(job, n_active, work.slopes);
    if (is_shared) clear_tile(job, n_active, work.pulled);
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        if (job.stopped(job.stop_argument)) return;
        add_slopes<far>(job, k, n_active, work);
    }
    for (std::ptrdiff_t r = 0; is_shared && r < n_active; r += row_vectors * lanes<Real>)
        add_product(job, 0, work.pulled + r, job.tile_stride, work.slopes + r);
}

template <class Real>
void write_gradient(const Job<Real>& job, const Tile& tile, const Workspace<Real>& work, bool far, Real* out) {
    far ? find_slopes<true>(job, tile.n_active, work) : find_slopes<false>(job, tile.n_active, work);
    for (std::ptrdiff_t r = 0; r < tile.n_rows; r += lanes<Real>) {
        const std::ptrdiff_t n_rows = tile.n_rows - r < lanes<Real> ? tile.n_rows - r : lanes<Real>;
        write_rows(work.slopes + r, job.tile_stride, job.n_features, n_rows, out + (tile.begin + r) * job.n_features);
    }
}

}  // namespace
}  // namespace mixtura
