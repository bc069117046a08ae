// A tile of rows through the stages before the moments, and what is asked for of each row written out.
#pragma once

#include "simd/hessian.hpp"
#include "simd/job.hpp"
#include "simd/load.hpp"
#include "simd/responsibilities.hpp"
#include "simd/slopes.hpp"
#include "simd/tile.hpp"

namespace mixtura {
namespace {

// Where row r of a tile stands among all.
template <class Real>
inline std::ptrdiff_t place_of(const Job<Real>& job, const Tile& tile, std::ptrdiff_t r) {
    return job.places == nullptr ? tile.begin + r : static_cast<std::ptrdiff_t>(job.places[r]);
}

// What stands in the place of the responsibilities, plus a number, row by row.
template <class Real>
void write_by_rows(const Job<Real>& job, const Tile& tile, const Workspace<Real>& work, double shift, Real* out) {
    for (std::ptrdiff_t r = 0; r < tile.n_rows; ++r) {
        Real* row = out + place_of(job, tile, r) * job.n_densities;
        for (std::ptrdiff_t k = 0; k < job.n_densities; ++k)
            row[k] = Real(work.responsibilities[k * job.tile_stride + r] + shift);
    }
}

// Of rows so far away that no component had a number: the log density and the logarithms of what was settled instead.
template <class Real>
void write_far_joint(const Job<Real>& job, const Tile& tile, const Workspace<Real>& work, Real* out) {
    for (std::ptrdiff_t r = 0; r < tile.n_rows; ++r) {
        Real* row = out + place_of(job, tile, r) * job.n_densities;
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
void write_labels(const Job<Real>& job, const Tile& tile, const Workspace<Real>& work, std::int64_t* out) {
    for (std::ptrdiff_t r = 0; r < tile.n_rows; ++r) {
        std::int64_t best = 0;
        for (std::ptrdiff_t k = 1; k < job.n_densities; ++k) {
            if (work.responsibilities[k * job.tile_stride + r] > work.responsibilities[best * job.tile_stride + r])
                best = k;
        }
        out[place_of(job, tile, r)] = best < job.n_components ? best : -1;
    }
}

template <class Real>
void evaluate_tile(const Job<Real>& job, std::ptrdiff_t begin, std::ptrdiff_t n_rows, const Workspace<Real>& work,
                   const Evaluation<Real>& out) {
    const Tile tile = tile_of<Real>(begin, n_rows);
    if (job.n_runs == 0) load_rows(job.rows, tile, job.tile_stride, work.rows);
    for (std::ptrdiff_t r = 0; r < tile.n_active; ++r) work.weights[r] = 1;
    if (find_log_terms(job, tile, false, work) == Found::none) return;
    if (out.log_joint != nullptr) write_by_rows(job, tile, work, job.shift, out.log_joint);
    normalise_tile(job, tile.n_active, false, work);
    const bool far = has_far_rows(work.log_density, n_rows);
    if (far) {
        settle_far_rows(job, begin, n_rows, tile.n_active, work);
        if (out.log_joint != nullptr) write_far_joint(job, tile, work, out.log_joint);
    }
    if (out.log_density != nullptr) {
        for (std::ptrdiff_t r = 0; r < n_rows; ++r)
            out.log_density[place_of(job, tile, r)] = Real(work.log_density[r] + job.shift);
    }
    if (out.responsibilities != nullptr) write_by_rows(job, tile, work, 0, out.responsibilities);
    if (out.labels != nullptr) write_labels(job, tile, work, out.labels);
    if (out.gradient != nullptr) write_gradient(job, tile, work, far, out.gradient);
    if (out.hessian != nullptr) write_hessian(job, tile, work, far, out.hessian);
    if (out.expected != nullptr && job.n_runs > 0) write_expected(job, work, out);
    if (out.expected == nullptr || !job.rows.errors.are_there()) return;
    for (std::ptrdiff_t r = 0; r < n_rows; ++r) write_true_row(job, begin + r, r, work, out);
}

// Rows of which features may be missing, in the order of their patterns.
template <class Real>
void evaluate_incomplete(const Job<Real>& job, std::ptrdiff_t begin, std::ptrdiff_t n_rows, const Workspace<Real>& work,
                         const Evaluation<Real>& out) {
    for (std::ptrdiff_t done = 0; done < n_rows;) {
        if (job.stopped(job.stop_argument)) return;
        const Job<Real> of_tile = gather_tile(job, begin + done, n_rows - done, work);
        evaluate_tile(of_tile, 0, of_tile.rows.n_rows, work, out);
        done += of_tile.rows.n_rows;
    }
}

}  // namespace
}  // namespace mixtura
