// A tile's share of the statistics: counts, first and second moments about each component's centre; which kernel
// computes them, by structure and number of features. Sums within a tile are taken in the rows' precision, sums over
// tiles in double.
#pragma once

#include "simd/diagonal_moments.hpp"
#include "simd/job.hpp"
#include "simd/lane_sums.hpp"
#include "simd/load.hpp"
#include "simd/matrix_moments.hpp"
#include "simd/panel_moments.hpp"
#include "simd/products.hpp"
#include "simd/unrolled.hpp"

namespace mixtura {
namespace {

// Sums of few features in registers, rows along the lanes.
template <class Real>
bool uses_strips(const Job<Real>& job) {
    return has_matrices(job.structure) && job.n_features <= most_strip_features<Real>;
}

// Matrices of many features: features along the lanes from two vectors of them on; below, rows along the lanes waste
// less.
template <class Real>
bool uses_panels(const Job<Real>& job) {
    return has_matrices(job.structure) && job.second_moments && job.n_features >= 2 * lanes<Real> && !uses_strips(job);
}

template <class Real>
struct StripMoments {
    const Job<Real>& job;
    std::ptrdiff_t k;
    const Workspace<Real>& work;
    double *count, *firsts, *seconds;

    template <int D>
    void call() const {
        if constexpr (D <= most_strip_features<Real>) {
            strip_moments<Real, D>(work.rows, job.centres + k * D, work.responsibilities + k * job.tile_stride,
                                   job.tile_stride, work.active[k], count, firsts, seconds);
        }
    }
};

// Moments of one component whose covariance is a matrix.
template <class Real>
void matrix_moments(const Job<Real>& job, std::ptrdiff_t k, const Tile& tile, const Workspace<Real>& work,
                    double* count, double* firsts, double* seconds) {
    const std::ptrdiff_t d = job.n_features;
    const std::ptrdiff_t stride = job.tile_stride;
    const Real* centre = job.centres + k * d;
    const Real* responsibilities = work.responsibilities + k * stride;
    if (uses_strips(job)) {
        with_features<1>(d, StripMoments<Real>{job, k, work, count, firsts, seconds});
    } else if (uses_panels(job)) {
        *count += sum_active_rows(responsibilities, work.active[k]);
        for_active_vectors<Real>(work.active[k], [&](std::ptrdiff_t r) {
            store<Real>(work.roots + r, square_root<Real>(load<Real>(responsibilities + r)));
        });
        const std::ptrdiff_t n_scaled = scale_panels(work.panels, centre, work.roots, d, stride, tile.n_rows,
                                                     work.active[k], work.differences, firsts);
        panel_second_moments(work.differences, d, stride, n_scaled, seconds);
    } else {
        subtract_from_active(work.rows, centre, d, stride, work.active[k], work.differences);
        blocked_moments(work.differences, responsibilities, d, stride, work.active[k], count, firsts, seconds);
    }
}

template <bool gaps, class Real>
void component_moments_apart(const Job<Real>& job, std::ptrdiff_t k, const Workspace<Real>& work,
                             Statistics& statistics) {
    const std::ptrdiff_t d = job.n_features, stride = job.tile_stride;
    const SplitPoint<Real> mean = offset(job.means, k * d);
    const Real* centre = job.centres + k * d;
    const Real* responsibilities = work.responsibilities + k * stride;
    double *count = statistics.counts + k, *firsts = statistics.firsts + k * d;
    if (job.structure == Structure::spherical)
        return spherical_moments<gaps>(work.rows, centre, mean, responsibilities, d, stride, work.active[k], count,
                                       firsts, statistics.seconds + k);
    *count += sum_active_rows(responsibilities, work.active[k]);
    diag_moments<gaps>(work.rows, centre, mean, responsibilities, d, stride, work.active[k], firsts,
                       statistics.seconds + k * d);
}

template <class Real>
void component_moments(const Job<Real>& job, std::ptrdiff_t k, const Tile& tile, const Workspace<Real>& work,
                       Statistics& statistics) {
    const std::ptrdiff_t d = job.n_features;
    double* count = statistics.counts + k;
    double* firsts = statistics.firsts + k * d;
    switch (job.structure) {
        case Structure::full: return matrix_moments(job, k, tile, work, count, firsts, statistics.seconds + k * d * d);
        case Structure::tied: return matrix_moments(job, k, tile, work, count, firsts, statistics.seconds);
        case Structure::diag:
        case Structure::spherical:
            if (job.n_runs > 0) return component_moments_apart<true>(job, k, work, statistics);
            return component_moments_apart<false>(job, k, work, statistics);
    }
}

// Counts, and moments about the common point; tied: only the first, the total scatter is known.
template <class Real>
void all_moments(const Job<Real>& job, std::ptrdiff_t n_active, const Workspace<Real>& work, Statistics& statistics) {
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        statistics.counts[k] += sum_rows(work.responsibilities + k * job.tile_stride, n_active);
    }
    product_moments(work.responsibilities, work.differences, job.n_components, job.n_features,
                    job.whitened ? job.n_features : job.n_terms, job.tile_stride, n_active, statistics.firsts,
                    statistics.seconds);
}

// A feature of ones after the last, for the counts and first moments, and zeros up to whole blocks.
template <class Real>
void append_ones(const Job<Real>& job, std::ptrdiff_t n_active, const Workspace<Real>& work) {
    for (std::ptrdiff_t j = job.n_features; j < round_up(job.n_features + 1, 4); ++j) {
        Real* feature = work.differences + j * job.tile_stride;
        for (std::ptrdiff_t r = 0; r < n_active; ++r) feature[r] = j == job.n_features ? Real(1) : Real(0);
    }
}

template <class Real>
void add_moments(const Job<Real>& job, const Tile& tile, const Workspace<Real>& work, Statistics& statistics) {
    if (sums_by_products(job)) return all_moments(job, tile.n_active, work, statistics);
    if (uses_panels(job)) {
        load_panels(job, tile, work);
    } else if (has_matrices(job.structure) && !uses_strips(job)) {
        append_ones(job, tile.n_active, work);
    }
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        if (job.stopped(job.stop_argument)) return;
        if (work.active[k] == 0) continue;
        component_moments(job, k, tile, work, statistics);
    }
}

}  // namespace
}  // namespace mixtura
