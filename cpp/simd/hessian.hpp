// Hessians of the log density of a tile's rows. With r the responsibilities, Q_k = P_k P_k^T the precisions, u and the
// slopes of the components as in slopes.hpp, s_k = -u_k Q_k (x - mu_k), their mean s = sum_k r_k s_k, and how the
// slopes of t components bend, b_k = 2 / (df_k + d), 0 of a Gaussian one:
//
//     Hess log p(x) = sum_k r_k (1 + b_k) (s_k - s)(s_k - s)^T + s q^T + q s^T - sum_k r_k u_k Q_k,
//     q = sum_k r_k b_k (s_k - s) + s sum_k r_k b_k / 2.
//
// Squares of differences: of the slopes' own less that of their mean nothing would be left far away.
//
// A vector of rows at a time, and of its Hessians blocks that stay in registers while the components go by: of each row
// and component that matters two sums for each of d (d + 1) / 2 entries, or one where there is no Q_k of its own.
#pragma once

#include "simd/job.hpp"
#include "simd/load.hpp"
#include "simd/slopes.hpp"
#include "simd/vector.hpp"

namespace mixtura {
namespace {

// Rows of a block: with the 2 to 5 columns of a strip its sums, and what they are made of, fill the registers.
constexpr std::ptrdiff_t block_rows = registers == 32 ? 4 : 2;

template <class Function>
inline void with_rows(std::ptrdiff_t rows, const Function& f) {
    if (rows == 1) return f.template call<1>();
    if constexpr (block_rows > 2) {
        if (rows == 3) return f.template call<3>();
        if (rows == 4) return f.template call<4>();
    }
    f.template call<2>();
}

// s_k, in the place of the whitened distances; 0 where component k does not matter.
template <bool far, class Real>
void find_slopes_of(const Job<Real>& job, std::ptrdiff_t k, std::ptrdiff_t n_active, const Workspace<Real>& work) {
    constexpr std::ptrdiff_t width = row_vectors * lanes<Real>;
    for (std::ptrdiff_t r = 0; r < n_active; r += width) {
        Vector<Real> pulls[row_vectors];
        if (!pulls_of<row_vectors, false>(job, k, r, work, pulls)) continue;
        Real* slopes = residuals_of(job, k, work) + r;
        for (std::ptrdiff_t j = 0; j < job.n_features; ++j) {
            for (std::ptrdiff_t v = 0; v < row_vectors; ++v) {
                Real* y = slopes + j * job.tile_stride + v * lanes<Real>;
                store<Real>(work.pulled + j * width + v * lanes<Real>, pulled<far, Real>(pulls[v], load<Real>(y)));
                store<Real>(y, Vector<Real>{});
            }
        }
        add_product(job, k, work.pulled, width, slopes);
    }
}

// The same where features are apart.
template <bool far, class Real>
void find_slopes_apart_of(const Job<Real>& job, std::ptrdiff_t k, std::ptrdiff_t n_active,
                          const Workspace<Real>& work) {
    const SplitPoint<Real> mean = offset(job.means, k * job.n_features);
    const std::ptrdiff_t step = job.structure == Structure::diag ? 1 : 0;
    const Real* factor = job.factors + k * job.factor_stride;
    for (std::ptrdiff_t r = 0; r < n_active; r += lanes<Real>) {
        Vector<Real> pull;
        if (!pulls_of<1, false>(job, k, r, work, &pull)) continue;
        for (std::ptrdiff_t j = 0; j < job.n_features; ++j) {
            const Real precision = factor[j * step] * factor[j * step];
            const Vector<Real> x = load<Real>(work.rows + j * job.tile_stride + r);
            store<Real>(residuals_of(job, k, work) + j * job.tile_stride + r,
                        pulled<far, Real>(pull, minus<Real>(x, mean.high[j], mean.low[j]) * precision));
        }
    }
}

template <bool far, class Real>
void find_slopes_of_any(const Job<Real>& job, std::ptrdiff_t k, std::ptrdiff_t n_active, const Workspace<Real>& work) {
    if (has_matrices(job.structure)) return find_slopes_of<far>(job, k, n_active, work);
    find_slopes_apart_of<far>(job, k, n_active, work);
}

// The Hessians of a vector of rows.
template <class Real>
class HessianOfRows {
  public:
    HessianOfRows(const Job<Real>& job, std::ptrdiff_t r, const Workspace<Real>& work)
        : job_(job), r_(r), work_(work), d_(job.n_features) {
        for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
            Vector<Real> pull;
            if (pulls_of<1>(job, k, r, work, &pull)) work.listed[n_listed_++] = static_cast<std::int32_t>(k);
        }
    }

    // In work.curved: d x d, each entry a vector of rows. False when the call was stopped.
    bool find() {
        centre_slopes();
        sum_precisions();
        const Real* strip = job_.slopes.precisions;
        std::ptrdiff_t columns;
        for (std::ptrdiff_t first = 0; first < d_; first += columns) {
            if (job_.stopped(job_.stop_argument)) return false;
            columns = block_columns(d_ - first);
            with_columns(columns, Strip{*this, first, strip});
            strip += (first + columns) * columns;
        }
        return true;
    }

  private:
    Vector<Real> share_of(std::ptrdiff_t k) const {
        const Vector<Real> share = load<Real>(work_.responsibilities + k * job_.tile_stride + r_);
        return share > least_share<Real> ? share : Vector<Real>{};
    }
    Real bend_of(std::ptrdiff_t k) const {
        return job_.student == nullptr ? Real(0) : static_cast<Real>(1 / job_.student[k].half);
    }
    Real* slopes_of(std::ptrdiff_t k) const { return residuals_of(job_, k, work_) + r_; }

    // s_k becomes sqrt(r_k (1 + b_k)) (s_k - s); s and q.
    void centre_slopes() {
        for (std::ptrdiff_t j = 0; j < d_; ++j) {
            store<Real>(mean() + j * job_.tile_stride, Vector<Real>{});
            store<Real>(bent() + j * job_.tile_stride, Vector<Real>{});
        }
        Vector<Real> bends = {};
        for (std::ptrdiff_t n = 0; n < n_listed_; ++n) {
            const Vector<Real> share = share_of(work_.listed[n]);
            bends += share * bend_of(work_.listed[n]);
            add_scaled(share, slopes_of(work_.listed[n]), mean());
        }
        for (std::ptrdiff_t n = 0; n < n_listed_; ++n) {
            const Vector<Real> share = share_of(work_.listed[n]);
            const Real bend = bend_of(work_.listed[n]);
            Real* slopes = slopes_of(work_.listed[n]);
            add_scaled(splat<Real>(-1), mean(), slopes);
            if (bend > 0) add_scaled(share * bend, slopes, bent());
            const Vector<Real> root = square_root<Real>(share * (1 + bend));
            for (std::ptrdiff_t j = 0; j < d_; ++j)
                store<Real>(slopes + j * job_.tile_stride, root * load<Real>(slopes + j * job_.tile_stride));
        }
        if (job_.student != nullptr) add_scaled(Real(0.5) * bends, mean(), bent());
    }

    void add_scaled(Vector<Real> scale, const Real* from, Real* to) const {
        for (std::ptrdiff_t j = 0; j < d_ * job_.tile_stride; j += job_.tile_stride)
            store<Real>(to + j, load<Real>(to + j) + scale * load<Real>(from + j));
    }

    // r_k u_k in the place of r_k; their sum; and of features apart that of r_k u_k Q_k.
    void sum_precisions() {
        for (std::ptrdiff_t j = 0; j < d_; ++j) store<Real>(diagonal() + j * lanes<Real>, Vector<Real>{});
        for (std::ptrdiff_t n = 0; n < n_listed_; ++n) {
            const std::ptrdiff_t k = work_.listed[n];
            Vector<Real> pull = share_of(k);
            if (job_.student != nullptr) pull *= load<Real>(work_.scales + k * job_.tile_stride + r_);
            store<Real>(work_.responsibilities + k * job_.tile_stride + r_, pull);
            pull_ += pull;
            if (has_matrices(job_.structure)) continue;
            const Real* factor = job_.factors + k * job_.factor_stride;
            const std::ptrdiff_t step = job_.structure == Structure::diag ? 1 : 0;
            for (std::ptrdiff_t j = 0; j < d_; ++j) {
                Real* sum = diagonal() + j * lanes<Real>;
                store<Real>(sum, load<Real>(sum) + pull * (factor[j * step] * factor[j * step]));
            }
        }
    }

    // Columns of the upper triangle.
    struct Strip {
        const HessianOfRows& of;
        std::ptrdiff_t first;
        const Real* precisions;

        template <int columns>
        void call() const {
            std::ptrdiff_t rows;
            for (std::ptrdiff_t i = 0; i < first + columns; i += rows) {
                rows = first + columns - i < block_rows ? first + columns - i : block_rows;
                with_rows(rows, Block<columns>{of, i, first, precisions + i * columns});
            }
        }
    };

    template <int columns>
    struct Block {
        const HessianOfRows& of;
        std::ptrdiff_t i, j;
        const Real* precisions;

        template <int rows>
        void call() const {
            Vector<Real> sums[rows][columns] = {};
            of.add_squares(i, j, sums);
            of.subtract_precisions(precisions, i, j, sums);
            if (of.job_.student != nullptr) of.add_bend(i, j, sums);
            for (int a = 0; a < rows; ++a) {
                for (int b = 0; b < columns; ++b) {
                    if (i + a > j + b) continue;
                    store<Real>(of.entry(i + a, j + b), sums[a][b]);
                    store<Real>(of.entry(j + b, i + a), sums[a][b]);
                }
            }
        }
    };

    template <int rows, int columns>
    void add_squares(std::ptrdiff_t i, std::ptrdiff_t j, Vector<Real> (&sums)[rows][columns]) const {
        for (std::ptrdiff_t n = 0; n < n_listed_; ++n) {
            const Real* slopes = slopes_of(work_.listed[n]);
            Vector<Real> right[columns];
#pragma GCC unroll 5
            for (int b = 0; b < columns; ++b) right[b] = load<Real>(slopes + (j + b) * job_.tile_stride);
#pragma GCC unroll 4
            for (int a = 0; a < rows; ++a) {
                const Vector<Real> left = load<Real>(slopes + (i + a) * job_.tile_stride);
#pragma GCC unroll 5
                for (int b = 0; b < columns; ++b) sums[a][b] += left * right[b];
            }
        }
    }

    template <int rows, int columns>
    void subtract_precisions(const Real* precisions, std::ptrdiff_t i, std::ptrdiff_t j,
                             Vector<Real> (&sums)[rows][columns]) const {
        if (!has_matrices(job_.structure)) {
            for (int a = 0; a < rows; ++a) {
                if (i + a >= j && i + a < j + columns)
                    sums[a][i + a - j] -= load<Real>(diagonal() + (i + a) * lanes<Real>);
            }
        } else if (is_shared(job_.structure)) {
            subtract_scaled(pull_, precisions, sums);
        } else {
            for (std::ptrdiff_t n = 0; n < n_listed_; ++n) {
                const std::ptrdiff_t k = work_.listed[n];
                subtract_scaled(load<Real>(work_.responsibilities + k * job_.tile_stride + r_),
                                precisions + k * job_.slopes.stride_of_precisions, sums);
            }
        }
    }

    template <int rows, int columns>
    static void subtract_scaled(Vector<Real> scale, const Real* precisions, Vector<Real> (&sums)[rows][columns]) {
#pragma GCC unroll 4
        for (int a = 0; a < rows; ++a) {
#pragma GCC unroll 5
            for (int b = 0; b < columns; ++b) sums[a][b] -= scale * splat<Real>(precisions[a * columns + b]);
        }
    }

    template <int rows, int columns>
    void add_bend(std::ptrdiff_t i, std::ptrdiff_t j, Vector<Real> (&sums)[rows][columns]) const {
        for (int a = 0; a < rows; ++a) {
            const Vector<Real> s = load<Real>(mean() + (i + a) * job_.tile_stride);
            const Vector<Real> q = load<Real>(bent() + (i + a) * job_.tile_stride);
            for (int b = 0; b < columns; ++b) {
                sums[a][b] += s * load<Real>(bent() + (j + b) * job_.tile_stride) +
                              q * load<Real>(mean() + (j + b) * job_.tile_stride);
            }
        }
    }

    Real* mean() const { return work_.slopes + r_; }
    Real* bent() const { return work_.pulled + r_; }
    Real* diagonal() const { return work_.differences; }
    Real* entry(std::ptrdiff_t i, std::ptrdiff_t j) const { return work_.curved + (i * d_ + j) * lanes<Real>; }

    const Job<Real>& job_;
    const std::ptrdiff_t r_;
    const Workspace<Real>& work_;
    const std::ptrdiff_t d_;
    std::ptrdiff_t n_listed_ = 0;  // components that matter, in work.listed
    Vector<Real> pull_ = {};
};

// Behind the normalisation with weights of 1, and behind all that reads responsibilities or whitened distances.
template <class Real>
void write_hessian(const Job<Real>& job, const Tile& tile, const Workspace<Real>& work, bool far, Real* out) {
    const std::ptrdiff_t size = job.n_features * job.n_features;
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        if (job.stopped(job.stop_argument)) return;
        far ? find_slopes_of_any<true>(job, k, tile.n_active, work)
            : find_slopes_of_any<false>(job, k, tile.n_active, work);
    }
    for (std::ptrdiff_t r = 0; r < tile.n_rows; r += lanes<Real>) {
        if (!HessianOfRows<Real>(job, r, work).find()) return;
        const std::ptrdiff_t n_rows = tile.n_rows - r < lanes<Real> ? tile.n_rows - r : lanes<Real>;
        write_rows(work.curved, lanes<Real>, size, n_rows, out + (tile.begin + r) * size);
    }
}

}  // namespace
}  // namespace mixtura
