// Log joint densities where they can matter: bounds tell which rows are candidates of a component (bounds.hpp), or rows
// are sorted and reaches tell which components are near (grouping.hpp).
#pragma once

#include "simd/bounds.hpp"
#include "simd/grouping.hpp"
#include "simd/job.hpp"
#include "simd/joint.hpp"
#include "simd/load.hpp"
#include "simd/skipping.hpp"

namespace mixtura {
namespace {

// Where more than this share of the distances must be complete, the bounds do not pay; judged by this many components.
constexpr double most_complete = 0.25;
constexpr std::ptrdiff_t components_to_judge_by = 8;

// Where sorted rows need more than this share of the distances, all are computed at once; judged by this many groups.
constexpr double most_near = 0.6;
constexpr std::ptrdiff_t groups_to_judge_by = 4;

// Complete log joint densities of the listed rows under component k, one after the other in candidates.joint.
template <class Real>
void listed_joint(const Job<Real>& job, std::ptrdiff_t k, std::ptrdiff_t n_listed, std::ptrdiff_t n_rows,
                  const Workspace<Real>& work) {
    const Candidates<Real>& candidates = work.candidates;
    const std::ptrdiff_t at_once = full_rows_at_once<Real>(job.n_features);
    const std::ptrdiff_t n = round_up(n_listed, at_once);
    for (std::ptrdiff_t i = n_listed; i < n; ++i) candidates.list[i] = candidates.list[n_listed - 1];
    gather_rows(work.panels, candidates.list, n, n_rows, job.n_features, job.tile_stride, candidates.gathered);
    full_component_joint(job, k, candidates.gathered, n, work.differences, candidates.joint);
}

// The log joint densities that the first features alone would have: bounds on the complete ones.
template <class Real>
void find_bounds(const Job<Real>& job, std::ptrdiff_t n_active, const Workspace<Real>& work) {
    const std::ptrdiff_t p = job.bound_features;
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        with_features<1>(
            p, SmallJoint<Real>{work.rows, job.means.high + k * job.n_features, job.residues + k * job.residue_stride,
                                job.bound_factors + k * p * (p + 1) / 2, job.tile_stride, n_active, job.coefficients[k],
                                work.responsibilities + k * job.tile_stride});
    }
}

// The complete densities of each row's likeliest component by the bounds, and the thresholds that follow. Their
// bounds are then -inf, so that they are not candidates again.
template <class Real>
void find_thresholds(const Job<Real>& job, const Tile& tile, const Workspace<Real>& work) {
    const Candidates<Real>& candidates = work.candidates;
    chain_rows(candidates.likeliest, tile.n_active, job.n_components, candidates.heads, candidates.next);
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        std::ptrdiff_t n = 0;
        for (std::int32_t r = candidates.heads[k]; r != 0; r = candidates.next[r - 1]) {
            candidates.list[n++] = static_cast<std::uint8_t>(r - 1);
        }
        if (n == 0) continue;
        listed_joint(job, k, n, tile.n_rows, work);
        for (std::ptrdiff_t i = 0; i < n; ++i) {
            const std::uint8_t r = candidates.list[i];
            candidates.highest[r] = candidates.joint[i];
            candidates.thresholds[r] = candidates.joint[i] - negligible<Real>;
            work.responsibilities[k * job.tile_stride + r] = -__builtin_inf();
        }
    }
}

// Complete log joint densities of the rows that are candidates of component k; returns their number.
template <class Real>
std::ptrdiff_t candidates_joint(const Job<Real>& job, std::ptrdiff_t k, const Tile& tile, const Workspace<Real>& work) {
    const Candidates<Real>& candidates = work.candidates;
    Real* joint = work.responsibilities + k * job.tile_stride;
    work.active[k] = 0;
    const std::ptrdiff_t n = list_candidates(joint, candidates.thresholds, tile.n_active, candidates.list);
    if (n == 0) return 0;
    listed_joint(job, k, n, tile.n_rows, work);
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        const std::uint8_t r = candidates.list[i];
        joint[r] = candidates.joint[i];
        work.active[k] |= std::uint64_t(!(joint[r] < candidates.thresholds[r])) << (r / granule<Real>);
    }
    return n;
}

// Log joint densities where they can matter, and work.active; elsewhere in an active granule stands a bound that is
// negligible. False where too many would have to be computed, or the call was stopped.
template <class Real>
bool bounded_log_joint(const Job<Real>& job, const Tile& tile, const Workspace<Real>& work) {
    const Candidates<Real>& candidates = work.candidates;
    const std::ptrdiff_t stride = job.tile_stride;
    find_bounds(job, tile.n_active, work);
    find_likeliest(work.responsibilities, job.n_components, stride, tile.n_active, candidates.likeliest);
    find_thresholds(job, tile, work);
    std::ptrdiff_t n_complete = 0;
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        if (job.stopped(job.stop_argument)) return false;
        n_complete += candidates_joint(job, k, tile, work);
        const auto n_judged = static_cast<double>(components_to_judge_by * tile.n_active);
        if (k + 1 == components_to_judge_by && static_cast<double>(n_complete) > most_complete * n_judged) return false;
    }
    for (std::ptrdiff_t r = 0; r < tile.n_active; ++r) {
        const auto k = static_cast<std::ptrdiff_t>(candidates.likeliest[r]);
        work.responsibilities[k * stride + r] = candidates.highest[r];
        work.active[k] |= std::uint64_t{1} << (r / granule<Real>);
    }
    return true;
}

// Sorted rows that are looked at together: `n` of a tile from row `first` on.
struct Group {
    std::ptrdiff_t first, n;
};

template <class Real>
std::ptrdiff_t rows_of_a_group(std::ptrdiff_t d) {
    const std::ptrdiff_t n = full_rows_at_once<Real>(d);
    return n > granule<Real> ? n : granule<Real>;
}

// Log joint densities of a group under component k.
template <class Real>
void group_joint(const Job<Real>& job, std::ptrdiff_t k, Group group, const Workspace<Real>& work) {
    full_component_joint(job, k, work.rows + group.first, group.n, work.differences,
                         work.responsibilities + k * job.tile_stride + group.first);
}

// Log joint densities under the components guessed for a group's rows, the thresholds that follow, and the components
// that can matter to one of them. Returns how many were guessed; these are the first of work.listed.
template <class Real>
std::ptrdiff_t find_near(const Job<Real>& job, const Tile& tile, Group group, const Workspace<Real>& work) {
    const SortedRows<Real>& sorted = work.sorted;
    const std::ptrdiff_t end = group.first + group.n;
    std::ptrdiff_t n_guessed = 0;
    for (std::ptrdiff_t r = group.first; r < end && r < tile.n_rows;) {
        const std::int32_t k = sorted.guesses[tile.begin + r];
        const Real* joint = work.responsibilities + k * job.tile_stride;
        group_joint(job, k, group, work);
        work.listed[n_guessed++] = k;
        Real lowest = joint[r];
        for (; r < end && r < tile.n_rows && sorted.guesses[tile.begin + r] == k; ++r) {
            lowest = joint[r] < lowest || joint[r] != joint[r] ? joint[r] : lowest;
            work.candidates.thresholds[r] = joint[r] - negligible<Real>;
        }
        const Real square = 2 * (job.coefficients[k] - lowest);
        const float radius = static_cast<float>(__builtin_sqrt(square > 0 || square != square ? square : Real(0)));
        add_near(job.grouping.reaches + k * job.grouping.reach_stride, job.n_components, radius * 1.001f + 0.001f,
                 sorted.near);
    }
    for (std::ptrdiff_t r = tile.n_rows; r < end; ++r) work.candidates.thresholds[r] = __builtin_inf();
    return n_guessed;
}

// Notes in which granules of a group component k matters.
template <class Real>
void note_active(const Job<Real>& job, std::ptrdiff_t k, Group group, const Workspace<Real>& work) {
    const Real* joint = work.responsibilities + k * job.tile_stride;
    const Real* thresholds = work.candidates.thresholds;
    std::uint64_t active = 0;
    for (std::ptrdiff_t r = group.first; r < group.first + group.n; r += lanes<Real>) {
        const auto matters = !(load<Real>(joint + r) < load<Real>(thresholds + r));
        active |= std::uint64_t{lane_bits<Real>(matters) != 0} << (r / granule<Real>);
    }
    work.active[k] |= active;
}

// Log joint densities of a group where they can matter; returns under how many components.
template <class Real>
std::ptrdiff_t near_joint(const Job<Real>& job, const Tile& tile, Group group, const Workspace<Real>& work) {
    const std::ptrdiff_t n_words = (job.n_components + 63) / 64;
    std::uint64_t* near = work.sorted.near;
    for (std::ptrdiff_t w = 0; w < n_words; ++w) near[w] = 0;
    const std::ptrdiff_t n_guessed = group.first < tile.n_rows ? find_near(job, tile, group, work) : 0;
    std::ptrdiff_t n_complete = n_guessed;
    for (std::ptrdiff_t i = 0; i < n_guessed; ++i) {
        const std::int32_t k = work.listed[i];
        near[k / 64] &= ~(std::uint64_t{1} << (k % 64));
        note_active(job, k, group, work);
    }
    for (std::ptrdiff_t w = 0; w < n_words; ++w) {
        for (std::uint64_t bits = near[w]; bits != 0; bits &= bits - 1) {
            const std::ptrdiff_t k = 64 * w + __builtin_ctzll(bits);
            if (k >= job.n_components) break;
            group_joint(job, k, group, work);
            note_active(job, k, group, work);
            ++n_complete;
        }
    }
    return n_complete;
}

// Log joint densities of sorted rows where they can matter, and work.active. False where too many would have to be
// computed, or the call was stopped.
template <class Real>
bool sorted_log_joint(const Job<Real>& job, const Tile& tile, const Workspace<Real>& work) {
    const std::ptrdiff_t n = rows_of_a_group<Real>(job.n_features);
    std::ptrdiff_t n_complete = 0;
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) work.active[k] = 0;
    for (std::ptrdiff_t first = 0; first < tile.n_active; first += n) {
        if (job.stopped(job.stop_argument)) return false;
        n_complete += near_joint(job, tile, {first, n}, work);
        const std::ptrdiff_t n_groups = first / n + 1;
        if (n_groups == groups_to_judge_by && n_complete > most_near * n_groups * job.n_components) return false;
    }
    return true;
}

template <class Real>
bool try_sorted(const Job<Real>& job, const Tile& tile, const Workspace<Real>& work) {
    if (is_postponed(work.experience->grouping)) return false;
    if (sorted_log_joint(job, tile, work)) return true;
    postpone(work.experience->grouping);
    return false;
}

template <class Real>
bool try_bounds(const Job<Real>& job, const Tile& tile, const Workspace<Real>& work) {
    if (is_postponed(work.experience->bounds)) return false;
    load_panels(job, tile, work);
    if (bounded_log_joint(job, tile, work)) return true;
    postpone(work.experience->bounds);
    return false;
}

// Log joint densities of a tile where they can matter, and work.active. False where that does not pay, or the call was
// stopped.
template <class Real>
bool near_log_joint(const Job<Real>& job, const Tile& tile, const Workspace<Real>& work) {
    return (job.grouping.n_rows > 0 && try_sorted(job, tile, work)) ||
           (job.bound_features > 0 && try_bounds(job, tile, work));
}

}  // namespace
}  // namespace mixtura
