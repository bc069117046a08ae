// What the density of a row is the sum of, beside what the components say: labels that exclude some of them, and noise.
#pragma once

#include "simd/job.hpp"
#include "simd/lane_sums.hpp"
#include "simd/load.hpp"
#include "simd/vector.hpp"

namespace mixtura {
namespace {

template <class Real>
constexpr Real excluded = -__builtin_inf();

// Components that the rows of a tile are known to belong to, as numbers of its precision; -1: not known.
template <class Real>
void load_labels(const Job<Real>& job, const Tile& tile, Real* labels) {
    const std::int32_t* from = job.rows.labels.components + tile.begin;
    for (std::ptrdiff_t r = 0; r < tile.n_active; ++r) {
        labels[r] = static_cast<Real>(from[r < tile.n_rows ? r : tile.n_rows - 1]);
    }
}

template <class Real>
void exclude_others(const Real* labels, std::ptrdiff_t k, std::ptrdiff_t n_active, Real* joint) {
    const auto own = static_cast<Real>(k);
    for (std::ptrdiff_t r = 0; r < n_active; r += lanes<Real>) {
        const Vector<Real> label = load<Real>(labels + r), distance = (label - own) * (label + Real(1));
        // Zero where it is this component or none.
        store<Real>(joint + r, distance == Real(0) ? load<Real>(joint + r) : splat<Real>(excluded<Real>));
    }
}

// Of density k, the noise last.
template <class Real>
void label_density(const Job<Real>& job, const Tile& tile, std::ptrdiff_t k, const Workspace<Real>& work) {
    const Labels& labels = job.rows.labels;
    Real* joint = work.responsibilities + k * job.tile_stride;
    if (labels.components != nullptr) exclude_others(work.labels, k, tile.n_active, joint);
    const std::ptrdiff_t column = term_of_density(job, k);
    if (labels.log_terms == nullptr || column < 0) return;
    const double* terms = labels.log_terms + tile.begin * labels.n_terms + column;
    for (std::ptrdiff_t r = 0; r < tile.n_active; ++r) {
        const double term = terms[(r < tile.n_rows ? r : tile.n_rows - 1) * labels.n_terms];
        joint[r] = term < 0 && term - term != 0 ? excluded<Real> : joint[r] + static_cast<Real>(term);
    }
}

// The densities' terms but the components' own: noise, and what rows are known to be.
template <class Real>
void add_row_terms(const Job<Real>& job, const Tile& tile, const Workspace<Real>& work) {
    if (job.n_densities > job.n_components) {
        Real* joint = work.responsibilities + job.n_components * job.tile_stride;
        for (std::ptrdiff_t r = 0; r < tile.n_active; ++r) joint[r] = static_cast<Real>(job.noise_height);
    }
    if (!job.rows.labels.are_there()) return;
    if (job.rows.labels.components != nullptr) load_labels(job, tile, work.labels);
    for (std::ptrdiff_t k = 0; k < job.n_densities; ++k) label_density(job, tile, k, work);
}

// Sum of w r of the noise in a tile; of what does not matter there is none.
template <class Real>
double noise_of_tile(const Job<Real>& job, std::ptrdiff_t n_active, const Workspace<Real>& work) {
    const std::ptrdiff_t k = job.n_components;
    Vector<Real> sum = {};
    for_active_vectors<Real>(work.active[k] & all_active<Real>(n_active), [&](std::ptrdiff_t r) {
        sum += load<Real>(work.responsibilities + k * job.tile_stride + r);
    });
    return sum_lanes<Real>(sum);
}

}  // namespace
}  // namespace mixtura
