// Log joint densities of a tile, log(w_k p_k(x)) - shift: which kernel computes them, by structure and number of
// features.
#pragma once

#include "simd/distances.hpp"
#include "simd/job.hpp"
#include "simd/load.hpp"
#include "simd/products.hpp"
#include "simd/unrolled.hpp"

namespace mixtura {
namespace {

template <class Real, bool keep = false>
struct SmallJoint {
    const Real* rows;
    const Real* mean;
    const Real* residue;
    const Real* factor;
    std::ptrdiff_t stride, n_active;
    Real coefficient;
    Real* joint;
    Real* kept = nullptr;

    template <int D>
    void call() const {
        small_full_joint<keep, Real, D>(rows, mean, residue, factor, stride, n_active, coefficient, joint, kept);
    }
};

// Log joint densities under a covariance that is a matrix, of rows that lie in a tile or were gathered. keep: the rows'
// whitened distances from the mean are written too.
template <bool keep = false, class Real>
void full_component_joint(const Job<Real>& job, std::ptrdiff_t k, const Real* rows, std::ptrdiff_t n_active,
                          Real* differences, Real* joint, Real* kept = nullptr) {
    const std::ptrdiff_t d = job.n_features;
    const std::ptrdiff_t stride = job.tile_stride;
    const Real* mean = job.means.high + k * d;
    const Real* residue = job.residues + k * job.residue_stride;
    const Real* factor = job.factors + k * job.factor_stride;
    if (packs_triangle(job.structure, d)) {
        with_features<1>(
            d, SmallJoint<Real, keep>{rows, mean, residue, factor, stride, n_active, job.coefficients[k], joint, kept});
    } else {
        full_joint<keep>(rows, mean, residue, factor, d, stride, n_active, differences, job.coefficients[k], joint,
                         kept);
    }
}

// Where the whitened distances of component k are kept.
template <class Real>
Real* residuals_of(const Job<Real>& job, std::ptrdiff_t k, const Workspace<Real>& work) {
    return work.residuals + (job.slopes.keeps_all ? k * job.n_features * job.tile_stride : 0);
}

template <class Real>
void keep_residuals(const Job<Real>& job, std::ptrdiff_t k, std::ptrdiff_t n_active, const Workspace<Real>& work,
                    Real* joint) {
    full_component_joint<true>(job, k, work.rows, n_active, work.differences, joint, residuals_of(job, k, work));
}

// Of features that are apart, and may be missing.
template <bool gaps, class Real>
void component_joint_apart(const Job<Real>& job, std::ptrdiff_t k, std::ptrdiff_t n_active,
                           const Workspace<Real>& work) {
    const std::ptrdiff_t d = job.n_features;
    const std::ptrdiff_t stride = job.tile_stride;
    const SplitPoint<Real> mean = offset(job.means, k * d);
    const Real* factor = job.factors + k * job.factor_stride;
    const Real coefficient = job.coefficients[k];
    const double* unseen = gaps ? of_component(job.structure, job.completion.unseen, k, d) : nullptr;
    Real* joint = work.responsibilities + k * stride;
    if (job.structure == Structure::spherical)
        return spherical_joint<gaps>(work.rows, mean, *factor, d, stride, n_active, coefficient, unseen, joint);
    diag_joint<gaps>(work.rows, mean.high, job.residues + k * job.residue_stride, factor, d, stride, n_active,
                     coefficient, unseen, joint);
}

template <class Real>
void component_joint(const Job<Real>& job, std::ptrdiff_t k, std::ptrdiff_t n_active, const Workspace<Real>& work) {
    const std::ptrdiff_t d = job.n_features;
    const std::ptrdiff_t stride = job.tile_stride;
    Real* joint = work.responsibilities + k * stride;
    if (job.whitened)
        return whitened_joint(work.panels, job.whitened_means + k * d, d, stride, n_active, job.coefficients[k], joint);
    if (has_matrices(job.structure) && work.residuals != nullptr) return keep_residuals(job, k, n_active, work, joint);
    if (has_matrices(job.structure)) return full_component_joint(job, k, work.rows, n_active, work.differences, joint);
    if (job.n_runs > 0) return component_joint_apart<true>(job, k, n_active, work);
    component_joint_apart<false>(job, k, n_active, work);
}

// Rows about a common point, whitened under a tied structure.
template <class Real>
void centre_rows(const Job<Real>& job, std::ptrdiff_t n_active, const Workspace<Real>& work) {
    subtract_point(work.rows, job.origin, job.n_features, job.tile_stride, n_active, work.differences, job.tile_stride);
    if (job.whitened) whiten(work.differences, job.factors, job.n_features, job.tile_stride, n_active, work.panels);
}

// By products of terms and factors (products.hpp). False when the call was stopped.
template <class Real>
bool product_log_joint(const Job<Real>& job, std::ptrdiff_t n_active, const Ahead& ahead, const Workspace<Real>& work) {
    Real* terms = job.whitened ? work.panels : work.differences;
    append_square(terms, job.n_features, job.tile_stride, n_active);
    std::ptrdiff_t columns;
    for (std::ptrdiff_t k = 0; k < job.n_components; k += columns) {
        if (job.stopped(job.stop_argument)) return false;
        columns = block_columns(job.n_components - k);
        with_columns(columns,
                     JointBlock<Real>{terms, job.term_factors + k * job.n_terms, job.coefficients + k, job.n_terms,
                                      job.tile_stride, n_active, work.responsibilities + k * job.tile_stride});
        for (std::ptrdiff_t i = k; i < k + columns; ++i) ahead.prefetch(i, job.n_components);
    }
    return true;
}

// Of every component. False when the call was stopped.
template <class Real>
bool all_log_joint(const Job<Real>& job, const Tile& tile, const Workspace<Real>& work) {
    const Ahead ahead = look_ahead(job, tile);
    if (sums_by_products(job)) centre_rows(job, tile.n_active, work);
    if (job.n_terms > 0) return product_log_joint(job, tile.n_active, ahead, work);
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        if (job.stopped(job.stop_argument)) return false;
        component_joint(job, k, tile.n_active, work);
        ahead.prefetch(k, job.n_components);
    }
    return true;
}

}  // namespace
}  // namespace mixtura
