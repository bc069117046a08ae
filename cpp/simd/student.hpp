// From Gaussian to Student's t components (Peel & McLachlan 2000): densities before the normalisation, and the weights
// u of rows behind it.
#pragma once

#include "simd/exp_log.hpp"
#include "simd/job.hpp"
#include "simd/lane_sums.hpp"
#include "simd/skipping.hpp"
#include "simd/vector.hpp"

namespace mixtura {
namespace {

// log(1 + x) of x >= 0, also where it is far below 1: the error of 1 + x is known, and taken back (Kahan).
template <class Real>
inline Vector<Real> log_one_plus(Vector<Real> x) {
    const Vector<Real> y = Real(1) + x, added = y - Real(1);
    const auto is_lost = added == Real(0), is_infinite = y - y != Real(0);
    const Vector<Real> corrected = log_positive<Real>(y) * (x / (is_lost ? splat<Real>(1) : added));
    return is_lost ? x : (is_infinite ? y : corrected);
}

// Rows of a tile under component k, in whose place of the log joint densities stands -1/2 of the squared distances
// (find_coefficients). more_height, more_rest: where the term is of fewer features than the job's own.
template <class Real>
void student_rows(const StudentTerm& term, double more_height, double more_rest, std::ptrdiff_t k, std::ptrdiff_t begin,
                  std::ptrdiff_t end, const Job<Real>& job, const Workspace<Real>& work) {
    const auto height = static_cast<Real>(term.height + more_height), half = static_cast<Real>(term.half);
    const auto scale = static_cast<Real>(-2 * term.inverse_df), ratio = static_cast<Real>(term.ratio);
    const auto log_ratio = static_cast<Real>(term.log_ratio + more_rest);
    Real* joint = work.responsibilities + k * job.tile_stride;
    Real* u = work.scales + k * job.tile_stride;
    Real* log_scales = work.log_scales + k * job.tile_stride;
    for (std::ptrdiff_t r = begin; r < end; r += lanes<Real>) {
        const Vector<Real> a = load<Real>(joint + r) * scale;
        const Vector<Real> x = a < Real(0) ? Vector<Real>{} : a;  // NaN stays
        const Vector<Real> tail = log_one_plus<Real>(x), weight = ratio / (Real(1) + x);
        // Of a row beyond all range, which has no share unless it is settled: a number all the same.
        const Vector<Real> log_scale = tail - tail == Real(0) ? (log_ratio - tail) - weight : Vector<Real>{};
        store_first<Real>(joint + r, height - half * tail, end - r);
        store_first<Real>(u + r, weight, end - r);
        store_first<Real>(log_scales + r, log_scale, end - r);
    }
}

template <class Real>
void to_student(const Job<Real>& job, std::ptrdiff_t n_active, const Workspace<Real>& work) {
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) student_rows(job.student[k], 0, 0, k, 0, n_active, job, work);
}

// Counts and log scales from w r, which becomes w r u: what the moments weigh.
template <class Real>
void scale_responsibilities(const Job<Real>& job, std::ptrdiff_t n_active, const Workspace<Real>& work,
                            Statistics& statistics) {
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        Real* responsibilities = work.responsibilities + k * job.tile_stride;
        const Real* u = work.scales + k * job.tile_stride;
        const Real* log_scales = work.log_scales + k * job.tile_stride;
        Vector<Real> count = {}, log_scale = {};
        for_active_vectors<Real>(work.active[k] & all_active<Real>(n_active), [&](std::ptrdiff_t r) {
            const Vector<Real> wr = load<Real>(responsibilities + r);
            count += wr;
            log_scale += wr * load<Real>(log_scales + r);
            store<Real>(responsibilities + r, wr * load<Real>(u + r));
        });
        const double n = sum_lanes<Real>(count);
        statistics.counts[k] += n;
        statistics.log_scales[k] += sum_lanes<Real>(log_scale) + job.student[k].rest * n;
    }
}

}  // namespace
}  // namespace mixtura
