// What the density of a row is the sum of, beside what the components say: labels that exclude some of them, and noise.
#pragma once

#include "simd/job.hpp"
#include "simd/lane_sums.hpp"
#include "simd/load.hpp"
#include "simd/skipping.hpp"
#include "simd/vector.hpp"

namespace mixtura {
namespace {

template <class Real>
constexpr Real excluded = -__builtin_inf();

// n of the components that rows of a tile are known to belong to, -1 where they are not; rows beyond the last repeat
// it.
template <std::ptrdiff_t n>
struct LabelsOf {
    typedef std::int32_t type __attribute__((vector_size(n * sizeof(std::int32_t))));
};

template <std::ptrdiff_t n>
inline typename LabelsOf<n>::type load_labels(const std::int32_t* labels, std::ptrdiff_t n_rows, std::ptrdiff_t r) {
    typename LabelsOf<n>::type v;
    if (r + n <= n_rows) {
        __builtin_memcpy(&v, labels + r, sizeof v);
    } else {
        for (std::ptrdiff_t i = 0; i < n; ++i) v[i] = labels[r + i < n_rows ? r + i : n_rows - 1];
    }
    return v;
}

// Bit i tells whether something is known of row first + i of a tile.
inline std::uint64_t known_rows(const std::int32_t* labels, const Tile& tile, std::ptrdiff_t first) {
    constexpr std::ptrdiff_t n = lanes<float>;
    const std::ptrdiff_t end = first + 64 < tile.n_active ? first + 64 : tile.n_active;
    std::uint64_t known = 0;
    for (std::ptrdiff_t r = first; r < end; r += n) {
        const auto are_known = load_labels<n>(labels, tile.n_rows, r) >= 0;
        known |= std::uint64_t{lane_bits<float>(are_known)} << (r - first);
    }
    return known;
}

// A vector of rows keeps the density of each one's own component alone, where that is known.
template <class Real>
void exclude_others(const Job<Real>& job, Vector<Real> labels, Real* joint) {
    const auto unknown = labels < Real(0);
    for (std::ptrdiff_t k = 0; k < job.n_densities; ++k) {
        const auto may_be = unknown | (labels == static_cast<Real>(k));
        Real* at = joint + k * job.tile_stride;
        store<Real>(at, may_be ? load<Real>(at) : splat<Real>(excluded<Real>));
    }
}

// Rows of which nothing is known, which may be most, are not touched.
template <class Real>
void exclude_by_labels(const Job<Real>& job, const Tile& tile, Real* joint) {
    constexpr std::uint64_t of_vector = (std::uint64_t{1} << lanes<Real>)-1;
    const std::int32_t* all = job.rows.labels.components + tile.begin;
    for (std::ptrdiff_t first = 0; first < tile.n_active; first += 64) {
        for (std::uint64_t known = known_rows(all, tile, first); known != 0;) {
            const std::ptrdiff_t in_word = __builtin_ctzll(known) / lanes<Real> * lanes<Real>, r = first + in_word;
            const auto labels = load_labels<lanes<Real>>(all, tile.n_rows, r);
            exclude_others(job, __builtin_convertvector(labels, Vector<Real>), joint + r);
            known &= ~(of_vector << in_word);
        }
    }
}

// How credible a mask or confidences make density k, the noise last.
template <class Real>
void add_label_terms(const Job<Real>& job, const Tile& tile, std::ptrdiff_t k, Real* joint) {
    const Labels& labels = job.rows.labels;
    const std::ptrdiff_t column = term_of_density(job, k);
    if (column < 0) return;
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
    const Labels& labels = job.rows.labels;
    if (labels.components != nullptr) exclude_by_labels(job, tile, work.responsibilities);
    for (std::ptrdiff_t k = 0; k < job.n_densities && labels.log_terms != nullptr; ++k)
        add_label_terms(job, tile, k, work.responsibilities + k * job.tile_stride);
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
