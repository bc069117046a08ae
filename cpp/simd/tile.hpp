// A tile of rows through the stages of an E-step and into the statistics, and blocks of rows that are sorted first.
#pragma once

#include "simd/grouping.hpp"
#include "simd/incomplete.hpp"
#include "simd/job.hpp"
#include "simd/load.hpp"
#include "simd/moments.hpp"
#include "simd/near.hpp"
#include "simd/responsibilities.hpp"
#include "simd/row_errors.hpp"
#include "simd/row_terms.hpp"
#include "simd/student.hpp"

namespace mixtura {
namespace {

template <class Real>
double weight_of_tile(const Rows<Real>& rows, const Tile& tile) {
    if (rows.weights == nullptr) return static_cast<double>(tile.n_rows);
    double weight = 0;
    for (std::ptrdiff_t r = 0; r < tile.n_rows; ++r) weight += rows.weights[tile.begin + r];
    return weight;
}

// Which terms of a tile's densities were computed: none, since the call was stopped; those that can matter, in the
// granules of work.active; all.
enum class Found { none, active, all };

// The stages before the normalisation, of accumulate and evaluate alike. They leave what a row's density is the sum of:
// logarithms, less job.shift, in the place of the responsibilities. skip: what cannot matter may be left out.
template <class Real>
Found find_log_terms(const Job<Real>& job, const Tile& tile, bool skip, const Workspace<Real>& work) {
    Found found = Found::all;
    if (job.rows.errors.are_there()) {
        if (!deconvolved_log_joint(job, tile, work)) found = Found::none;
    } else if (job.n_runs > 0) {
        if (!incomplete_log_joint(job, tile, work)) found = Found::none;
    } else if (skip && near_log_joint(job, tile, work)) {
        found = Found::active;
    } else if (!all_log_joint(job, tile, work)) {
        found = Found::none;
    }
    // These need all terms, so there are no bounds and no sorted rows where they come in: those compare Gaussian
    // densities. The granules that matter are found behind them (few_are_active).
    if (job.student != nullptr && job.n_runs == 0) to_student(job, tile.n_active, work);
    add_row_terms(job, tile, work);
    if (job.n_runs > 0) add_log_sides(job, work);
    if (job.rows.errors.are_there()) add_unseen_sides(job, tile, work);
    return found;
}

template <class Real>
void accumulate_tile(const Job<Real>& job, std::ptrdiff_t begin, std::ptrdiff_t n_rows, const Workspace<Real>& work,
                     Statistics& statistics) {
    const Tile tile = tile_of<Real>(begin, n_rows);
    if (job.n_runs == 0) load_rows(job.rows, tile, job.tile_stride, work.rows);
    load_weights(job.rows, tile, work.weights);
    const double weight = weight_of_tile(job.rows, tile);
    statistics.weight += weight;
    if (job.given.data != nullptr) {
        load_given(job, tile, work);
    } else {
        const bool skip = job.skip && !job.hard;  // hard assignment looks at every responsibility
        const Found found = find_log_terms(job, tile, skip, work);
        if (found == Found::none) return;
        const bool few = found == Found::active || (skip && few_are_active(job, tile.n_active, work));
        normalise_tile(job, tile.n_active, few, work);
        statistics.log_likelihood += log_likelihood_of_tile(job, tile, work) + weight * job.shift;
        statistics.log_certainty += weighted_sum(work.weights, work.log_certainty, tile.n_active);
        if (job.hard) harden(work.responsibilities, job.n_densities, job.tile_stride, tile.n_active, work.weights);
        if (job.n_densities > job.n_components) statistics.noise += noise_of_tile(job, tile.n_active, work);
    }
    if (!job.moments) return;
    if (job.rows.errors.are_there() && job.given.data == nullptr)
        return deconvolved_moments(job, tile, work, statistics);
    if (job.n_runs > 0) add_conditional_covariances(job, work, statistics);
    Statistics scaled = statistics;
    if (job.student != nullptr) {
        scale_responsibilities(job, tile.n_active, work, statistics);
        scaled.counts = statistics.masses;
    }
    if (job.n_runs > 0) return incomplete_moments(job, tile, work, scaled);
    add_moments(job, tile, work, scaled);
}

// Rows of which features may be missing, in the order of their patterns.
template <class Real>
void accumulate_incomplete(const Job<Real>& job, std::ptrdiff_t begin, std::ptrdiff_t n_rows,
                           const Workspace<Real>& work, Statistics& statistics) {
    for (std::ptrdiff_t done = 0; done < n_rows;) {
        if (job.stopped(job.stop_argument)) return;
        const Job<Real> of_tile = gather_tile(job, begin + done, n_rows - done, work);
        accumulate_tile(of_tile, 0, of_tile.rows.n_rows, work, statistics);
        done += of_tile.rows.n_rows;
    }
}

// For each row of a block the component that it seems nearest to.
template <class Real>
void guess_block(const Job<Real>& job, std::ptrdiff_t begin, std::ptrdiff_t n_rows, const Workspace<Real>& work) {
    const SortedRows<Real>& sorted = work.sorted;
    const std::ptrdiff_t d = job.n_features;
    float* guesses = sorted.centred + d * scan_stride;
    for (std::ptrdiff_t t = 0; t < n_rows; t += job.tile_rows) {
        const std::ptrdiff_t n = n_rows - t < job.tile_rows ? n_rows - t : job.tile_rows;
        load_rows(job.rows, Tile{begin + t, n, n}, job.tile_stride, work.rows);
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            const Real* from = work.rows + j * job.tile_stride;
            const Real origin = static_cast<Real>(job.grouping.origin[j]);
            for (std::ptrdiff_t r = 0; r < n; ++r)
                sorted.centred[j * scan_stride + r] = static_cast<float>(from[r] - origin);
        }
        guess_components(sorted.centred, job.grouping.scores, job.n_components, d, scan_stride, n, guesses);
        for (std::ptrdiff_t r = 0; r < n; ++r) sorted.unsorted[t + r] = static_cast<std::int32_t>(guesses[r]);
    }
}

template <class Real>
void copy_row(const Real* from, std::ptrdiff_t feature_stride, std::ptrdiff_t d, Real* to) {
    if (feature_stride == 1) {
        __builtin_memcpy(to, from, static_cast<std::size_t>(d) * sizeof(Real));
        return;
    }
    for (std::ptrdiff_t j = 0; j < d; ++j) to[j] = from[j * feature_stride];
}

// The rows of a block, sorted by the component that each seems nearest to.
template <class Real>
Rows<Real> sort_block(const Job<Real>& job, std::ptrdiff_t begin, std::ptrdiff_t n_rows, const Workspace<Real>& work) {
    const SortedRows<Real>& sorted = work.sorted;
    const Rows<Real>& rows = job.rows;
    const std::ptrdiff_t d = job.n_features;
    guess_block(job, begin, n_rows, work);
    place_rows(sorted.unsorted, n_rows, job.n_components, sorted.starts, sorted.places);
    for (std::ptrdiff_t r = 0; r < n_rows; ++r) {
        const std::ptrdiff_t to = sorted.places[r];
        copy_row(rows.data + (begin + r) * rows.row_stride, rows.feature_stride, d, sorted.rows + to * d);
        sorted.guesses[to] = sorted.unsorted[r];
        if (rows.weights != nullptr) sorted.weights[to] = rows.weights[begin + r];
    }
    return {sorted.rows, n_rows, d, d, 1, rows.weights != nullptr ? sorted.weights : nullptr};
}

template <class Real>
void accumulate_block(const Job<Real>& job, std::ptrdiff_t begin, std::ptrdiff_t n_rows, const Workspace<Real>& work,
                      Statistics& statistics) {
    Job<Real> sorted = job;
    sorted.rows = sort_block(job, begin, n_rows, work);
    for (std::ptrdiff_t t = 0; t < n_rows; t += job.tile_rows) {
        if (job.stopped(job.stop_argument)) return;
        accumulate_tile(sorted, t, n_rows - t < job.tile_rows ? n_rows - t : job.tile_rows, work, statistics);
    }
}

}  // namespace
}  // namespace mixtura
