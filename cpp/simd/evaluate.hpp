// A tile of rows through the stages before the moments, and what is asked for of each row written out.
#pragma once

#include "simd/job.hpp"
#include "simd/load.hpp"
#include "simd/responsibilities.hpp"
#include "simd/tile.hpp"

namespace mixtura {
namespace {

// What stands in the place of the responsibilities, plus a number, row by row.
template <class Real>
void write_by_rows(const Job<Real>& job, std::ptrdiff_t n_rows, const Workspace<Real>& work, double shift, Real* out) {
    for (std::ptrdiff_t r = 0; r < n_rows; ++r) {
        for (std::ptrdiff_t k = 0; k < job.n_densities; ++k) {
            out[r * job.n_densities + k] = Real(work.responsibilities[k * job.tile_stride + r] + shift);
        }
    }
}

// Of rows so far away that no component had a number: the log density and the logarithms of what was settled instead.
template <class Real>
void write_far_joint(const Job<Real>& job, std::ptrdiff_t n_rows, const Workspace<Real>& work, Real* out) {
    for (std::ptrdiff_t r = 0; r < n_rows; ++r) {
        Real* row = out + r * job.n_densities;
        bool is_far = true;
        for (std::ptrdiff_t k = 0; k < job.n_densities; ++k) is_far = is_far && !__builtin_isfinite(row[k]);
        if (!is_far) continue;
        for (std::ptrdiff_t k = 0; k < job.n_densities; ++k) {
            const double share = work.responsibilities[k * job.tile_stride + r];
            row[k] = Real(work.log_density[r] + job.shift + __builtin_log(share));
        }
    }
}

// The first of the largest responsibilities, so that labels are the argmax of what is written; noise is -1.
template <class Real>
void write_labels(const Job<Real>& job, std::ptrdiff_t n_rows, const Workspace<Real>& work, std::int64_t* out) {
    for (std::ptrdiff_t r = 0; r < n_rows; ++r) {
        std::int64_t best = 0;
        for (std::ptrdiff_t k = 1; k < job.n_densities; ++k) {
            if (work.responsibilities[k * job.tile_stride + r] > work.responsibilities[best * job.tile_stride + r])
                best = k;
        }
        out[r] = best < job.n_components ? best : -1;
    }
}

template <class Real>
void evaluate_tile(const Job<Real>& job, std::ptrdiff_t begin, std::ptrdiff_t n_rows, const Workspace<Real>& work,
                   const Evaluation<Real>& out) {
    const Tile tile = tile_of<Real>(begin, n_rows);
    load_rows(job.rows, tile, job.tile_stride, work.rows);
    for (std::ptrdiff_t r = 0; r < tile.n_active; ++r) work.weights[r] = 1;
    if (find_log_terms(job, tile, false, work) == Found::none) return;
    if (out.log_joint != nullptr) {
        write_by_rows(job, n_rows, work, job.shift, out.log_joint + begin * job.n_densities);
    }
    normalise_tile(job, tile.n_active, false, work);
    if (has_far_rows(work.log_density, n_rows)) {
        settle_far_rows(job, begin, n_rows, tile.n_active, work);
        if (out.log_joint != nullptr) write_far_joint(job, n_rows, work, out.log_joint + begin * job.n_densities);
    }
    if (out.log_density != nullptr) {
        for (std::ptrdiff_t r = 0; r < n_rows; ++r) out.log_density[begin + r] = Real(work.log_density[r] + job.shift);
    }
    if (out.responsibilities != nullptr) {
        write_by_rows(job, n_rows, work, 0, out.responsibilities + begin * job.n_densities);
    }
    if (out.labels != nullptr) write_labels(job, n_rows, work, out.labels + begin);
}

}  // namespace
}  // namespace mixtura
