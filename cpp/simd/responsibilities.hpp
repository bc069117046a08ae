// From log joint densities to responsibilities, in place: log-sum-exp by the row's maximum. Where every density
// vanishes, or is not a number since terms in it were infinite, the row's log density comes out as no finite number:
// far_rows.hpp settles it.
#pragma once

#include "simd/exp_log.hpp"
#include "simd/far_rows.hpp"
#include "simd/job.hpp"
#include "simd/lane_sums.hpp"
#include "simd/load.hpp"
#include "simd/skipping.hpp"
#include "simd/vector.hpp"

namespace mixtura {
namespace {

// The highest log joint density of each row.
template <class Real, int n>
inline void find_highest(const Real* joint, std::ptrdiff_t n_components, std::ptrdiff_t stride, Vector<Real>* highest) {
    for (int v = 0; v < n; ++v) highest[v] = load<Real>(joint + v * lanes<Real>);
    for (std::ptrdiff_t k = 1; k < n_components; ++k) {
        for (int v = 0; v < n; ++v) {
            highest[v] = larger<Real>(highest[v], load<Real>(joint + k * stride + v * lanes<Real>));
        }
    }
}

// Of one vector of rows: log density and certainty, and the weight over the sum.
template <class Real>
inline Vector<Real> finish_rows(Vector<Real> highest, Vector<Real> sum, const Real* weights, Real* log_density,
                                Real* log_certainty) {
    const Vector<Real> log_sum = log_positive<Real>(sum);
    store<Real>(log_density, highest + log_sum);
    store<Real>(log_certainty, -log_sum);
    return load<Real>(weights) / sum;
}

// One component takes the whole row.
template <class Real>
void normalise_one(Real* joint, std::ptrdiff_t n_active, const Real* weights, Real* log_density, Real* log_certainty) {
    for (std::ptrdiff_t r = 0; r < n_active; r += lanes<Real>) {
        const Vector<Real> a = load<Real>(joint + r);
        store<Real>(log_density + r, a);
        store<Real>(log_certainty + r, a - a);
        store<Real>(joint + r, load<Real>(weights + r) + (a - a));
    }
}

// Vectors of rows whose responsibilities are computed at a time: their chains of instructions overlap. Four floats to a
// vector of NEON, the constants of exp and log leave registers for two chains.
template <class Real>
#if defined(__aarch64__)
constexpr int normalised_vectors = sizeof(Real) == sizeof(float) ? 2 : row_vectors;
#else
constexpr int normalised_vectors = row_vectors;
#endif

// joint[k * stride + r] holds log(w_k p_k(x)) - shift; after the call it holds weights[r] * r_k(x).
// log_density[r] = log p(x) - shift and log_certainty[r] = log max_k r_k(x).
template <class Real>
void normalise(Real* joint, std::ptrdiff_t n_components, std::ptrdiff_t stride, std::ptrdiff_t n_active,
               const Real* weights, Real* log_density, Real* log_certainty) {
    if (n_components == 1) return normalise_one(joint, n_active, weights, log_density, log_certainty);
    constexpr int n = normalised_vectors<Real>;
    for (std::ptrdiff_t r = 0; r < n_active; r += n * lanes<Real>) {
        Vector<Real> highest[n], sum[n] = {};
        find_highest<Real, n>(joint + r, n_components, stride, highest);
        for (std::ptrdiff_t k = 0; k < n_components; ++k) {
            Real* at = joint + k * stride + r;
            for (int v = 0; v < n; ++v) {
                const Vector<Real> below = load<Real>(at + v * lanes<Real>) - highest[v];
                const Vector<Real> e = exp_nonpositive<Real>(below, Format<Real>::smallest_exponent);
                store<Real>(at + v * lanes<Real>, e);
                sum[v] += e;
            }
        }
        for (int v = 0; v < n; ++v) {
            const std::ptrdiff_t at = r + v * lanes<Real>;
            sum[v] = finish_rows<Real>(highest[v], sum[v], weights + at, log_density + at, log_certainty + at);
        }
        for (std::ptrdiff_t k = 0; k < n_components; ++k) {
            Real* at = joint + k * stride + r;
            for (int v = 0; v < n; ++v) store<Real>(at + v * lanes<Real>, load<Real>(at + v * lanes<Real>) * sum[v]);
        }
    }
}

// Bit g of active[k] tells whether the k-th component matters to any row of granule g (skipping.hpp). No branch: which
// do is hard to predict.
template <class Real>
void find_active(const Real* joint, std::ptrdiff_t n_components, std::ptrdiff_t stride, std::ptrdiff_t n_active,
                 std::uint64_t* active) {
    constexpr int n = row_vectors;
    for (std::ptrdiff_t k = 0; k < n_components; ++k) active[k] = 0;
    for (std::ptrdiff_t r = 0; r < n_active; r += n * lanes<Real>) {
        Vector<Real> threshold[n];
        find_highest<Real, n>(joint + r, n_components, stride, threshold);
        for (int v = 0; v < n; ++v) threshold[v] -= negligible<Real>;
        for (std::ptrdiff_t k = 0; k < n_components; ++k) {
            std::uint64_t found = 0;
            for (int v = 0; v < n; ++v) {
                // NaN is not negligible: it must come out at the end.
                const auto matters = !(load<Real>(joint + k * stride + r + v * lanes<Real>) < threshold[v]);
                found |= std::uint64_t{lane_bits<Real>(matters) != 0} << (v * lanes<Real> / granule<Real>);
            }
            active[k] |= found << (r / granule<Real>);
        }
    }
}

// The same where active[k] tells in which granules a component can matter: others are not touched, and in these what
// is negligible becomes zero. Their components are listed first, by a sum instead of a branch that cannot be predicted.
template <class Real>
void normalise_active(Real* joint, std::ptrdiff_t n_components, std::ptrdiff_t stride, std::ptrdiff_t n_active,
                      const Real* weights, const std::uint64_t* active, Real* log_density, Real* log_certainty,
                      std::int32_t* listed) {
    constexpr int n = static_cast<int>(granule<Real> / lanes<Real>);
    for (std::ptrdiff_t r = 0; r < n_active; r += granule<Real>) {
        std::ptrdiff_t n_listed = 0;
        for (std::ptrdiff_t k = 0; k < n_components; ++k) {
            listed[n_listed] = static_cast<std::int32_t>(k);
            n_listed += static_cast<std::ptrdiff_t>(active[k] >> (r / granule<Real>)&1);
        }
        for (std::ptrdiff_t at = r; at < r + n * lanes<Real>; at += lanes<Real>) {
            const auto component = [&](std::ptrdiff_t i) { return joint + listed[i] * stride + at; };
            Vector<Real> highest = splat<Real>(-__builtin_inf()), sum = {};
            for (std::ptrdiff_t i = 0; i < n_listed; ++i) {
                highest = larger<Real>(highest, load<Real>(component(i)));
            }
            for (std::ptrdiff_t i = 0; i < n_listed; ++i) {
                const Vector<Real> e = exp_nonpositive<Real>(load<Real>(component(i)) - highest, -negligible<Real>);
                store<Real>(component(i), e);
                sum += e;
            }
            sum = finish_rows<Real>(highest, sum, weights + at, log_density + at, log_certainty + at);
            for (std::ptrdiff_t i = 0; i < n_listed; ++i) store<Real>(component(i), load<Real>(component(i)) * sum);
        }
    }
}

// The whole weight to the first of the largest responsibilities.
template <class Real>
void harden(Real* responsibilities, std::ptrdiff_t n_components, std::ptrdiff_t stride, std::ptrdiff_t n_active,
            const Real* weights) {
    for (std::ptrdiff_t r = 0; r < n_active; ++r) {
        std::ptrdiff_t best = 0;
        for (std::ptrdiff_t k = 1; k < n_components; ++k) {
            if (responsibilities[k * stride + r] > responsibilities[best * stride + r]) best = k;
        }
        for (std::ptrdiff_t k = 0; k < n_components; ++k) {
            responsibilities[k * stride + r] = k == best ? weights[r] : Real(0);
        }
    }
}

// Where more than this share of the granules is active, it does not pay to leave out the others.
constexpr double most_active = 0.7;

// Finds the active granules of a tile; whether they are so few that it pays to leave out the others.
template <class Real>
bool few_are_active(const Job<Real>& job, std::ptrdiff_t n_active, const Workspace<Real>& work) {
    if (is_postponed(work.experience->skipping)) return false;
    find_active(work.responsibilities, job.n_densities, job.tile_stride, n_active, work.active);
    std::ptrdiff_t n = 0;
    for (std::ptrdiff_t k = 0; k < job.n_densities; ++k) n += __builtin_popcountll(work.active[k]);
    const auto n_rows = static_cast<double>(n * granule<Real>);
    if (n_rows / static_cast<double>(n_active * job.n_densities) <= most_active) return true;
    postpone(work.experience->skipping);
    return false;
}

// For those who take whole tiles.
template <class Real>
void clear_inactive(const Job<Real>& job, std::ptrdiff_t n_active, const Workspace<Real>& work) {
    for (std::ptrdiff_t k = 0; k < job.n_densities; ++k) {
        for_active_vectors<Real>(all_active<Real>(n_active) & ~work.active[k], [&](std::ptrdiff_t r) {
            store<Real>(work.responsibilities + k * job.tile_stride + r, Vector<Real>{});
        });
    }
}

// weights[r] r_k(x) in place of the log joint densities of a tile, and its rows' log densities and certainties; only in
// the granules of work.active, or in all.
template <class Real>
void normalise_tile(const Job<Real>& job, std::ptrdiff_t n_active, bool only_active, const Workspace<Real>& work) {
    if (only_active) {
        normalise_active(work.responsibilities, job.n_densities, job.tile_stride, n_active, work.weights, work.active,
                         work.log_density, work.log_certainty, work.listed);
        if (sums_by_products(job) || job.n_runs > 0 || job.rows.errors.are_there()) clear_inactive(job, n_active, work);
        return;
    }
    for (std::ptrdiff_t k = 0; k < job.n_densities; ++k) work.active[k] = all_active<Real>(n_active);
    normalise(work.responsibilities, job.n_densities, job.tile_stride, n_active, work.weights, work.log_density,
              work.log_certainty);
}

// Whether a log density came out as no finite number.
template <class Real>
bool has_far_rows(const Real* log_density, std::ptrdiff_t n_rows) {
    Vector<Real> differences = {};
    for (std::ptrdiff_t r = 0; r < n_rows; r += lanes<Real>)
        differences += load<Real>(log_density + r) - load<Real>(log_density + r);
    return sum_lanes<Real>(differences) != 0;
}

// sum w log p(x) of a tile, less the shift; settles rows that are far from all components.
template <class Real>
double log_likelihood_of_tile(const Job<Real>& job, const Tile& tile, const Workspace<Real>& work) {
    if (!has_far_rows(work.log_density, tile.n_rows))
        return weighted_sum(work.weights, work.log_density, tile.n_active);
    clear_inactive(job, tile.n_active, work);
    for (std::ptrdiff_t k = 0; k < job.n_densities; ++k) work.active[k] = all_active<Real>(tile.n_active);
    return settle_far_rows(job, tile.begin, tile.n_rows, tile.n_active, work);
}

}  // namespace
}  // namespace mixtura
