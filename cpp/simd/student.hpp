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

// The term of a component in the precision of the rows, and where its rows stand.
template <class Real>
struct StudentRows {
    Real height, half, scale, ratio, log_ratio;
    Real* joint;  // -1/2 of the squared distances before, log joint densities behind
    Real* u;
    Real* log_scales;
};

// Of `n` vectors of rows from r on, all of them before `end`, or of one that may reach beyond; several at a time, so
// that their chains of instructions overlap. The sum of all log(1 + x), which tells whether one is no finite number.
// One division a row: of it come 1 / (1 + x) and log m = 2 atanh((m - 1) / (m + 1)); where x is small, m - 1 is x
// itself, of which 1 + x has lost digits.
template <class Real, int n>
inline Vector<Real> student_vectors(const StudentRows<Real>& rows, std::ptrdiff_t r, std::ptrdiff_t end) {
    Vector<Real> x[n], y[n], above[n], both[n], tail[n], sum = {};
    Parts<Real> parts[n];
    for (int v = 0; v < n; ++v) {
        // Rounding may leave a distance below zero; NaN stays.
        x[v] = larger<Real>(Vector<Real>{}, load<Real>(rows.joint + r + v * lanes<Real>) * rows.scale);
        y[v] = Real(1) + x[v];
        parts[v] = parts_of<Real>(y[v]);
        above[v] = parts[v].mantissa + Real(1);
    }
    for (int v = 0; v < n; ++v) both[v] = Real(1) / (y[v] * above[v]);
    for (int v = 0; v < n; ++v) {
        const Vector<Real> below = x[v] < Real(0.4) ? x[v] : parts[v].mantissa - Real(1);
        tail[v] = log_of_parts<Real>(parts[v].exponent, below * (both[v] * y[v]));
        sum += tail[v];
    }
    for (int v = 0; v < n; ++v) {
        const std::ptrdiff_t at = r + v * lanes<Real>;
        const Vector<Real> u = rows.ratio * (both[v] * above[v]);
        const std::ptrdiff_t n_rows = n > 1 ? lanes<Real> : end - at;
        store_first<Real>(rows.joint + at, rows.height - rows.half * tail[v], n_rows);
        store_first<Real>(rows.u + at, u, n_rows);
        store_first<Real>(rows.log_scales + at, (rows.log_ratio - tail[v]) - u, n_rows);
    }
    return sum;
}

// Rows beyond all range, of which u came out as 0: no density, and a number for the rest, since they have no share
// unless they are settled (far_rows.hpp).
template <class Real>
void mend_infinite(const StudentRows<Real>& rows, std::ptrdiff_t begin, std::ptrdiff_t end) {
    for (std::ptrdiff_t r = begin; r < end; ++r) {
        if (__builtin_isfinite(rows.log_scales[r])) continue;
        if (rows.u[r] == 0) rows.joint[r] = -__builtin_inf();
        rows.log_scales[r] = 0;
    }
}

// Rows of a tile under component k, in whose place of the log joint densities stands -1/2 of the squared distances
// (find_coefficients). more_height, more_rest: where the term is of fewer features than the job's own.
template <class Real>
void student_rows(const StudentTerm& term, double more_height, double more_rest, std::ptrdiff_t k, std::ptrdiff_t begin,
                  std::ptrdiff_t end, const Job<Real>& job, const Workspace<Real>& work) {
    const StudentRows<Real> rows = {static_cast<Real>(term.height + more_height),
                                    static_cast<Real>(term.half),
                                    static_cast<Real>(-2 * term.inverse_df),
                                    static_cast<Real>(term.ratio),
                                    static_cast<Real>(term.log_ratio + more_rest),
                                    work.responsibilities + k * job.tile_stride,
                                    work.scales + k * job.tile_stride,
                                    work.log_scales + k * job.tile_stride};
    constexpr int n = row_vectors;
    Vector<Real> tails = {};
    std::ptrdiff_t r = begin;
    for (; r + n * lanes<Real> <= end; r += n * lanes<Real>) tails += student_vectors<Real, n>(rows, r, end);
    for (; r < end; r += lanes<Real>) tails += student_vectors<Real, 1>(rows, r, end);
    const Real sum = sum_lanes<Real>(tails);
    if (!__builtin_isfinite(sum)) mend_infinite(rows, begin, end);
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
