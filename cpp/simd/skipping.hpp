// What need not be computed when there are many components, most of them far from a row.
//
// Let a_k be a row's log joint densities, m their maximum, T = negligible<Real> (job.hpp). A term with a_k < m - T
// enters the row's sum S = sum_k exp(a_k - m) >= 1 with less than exp(-T), and a component's statistics with a
// responsibility r < exp(-T).
//
// float: T = 87, where exp gives 0 anyway: nothing changes by leaving it out.
//
// double: T = 81, exp(-T) < 7e-36. "Does not matter" means here: less than 2^-30 of a sum's last bit, 2^-83 = 1e-25 of
// it.
//   S >= 1:  K terms do not matter up to K = 1.5e10.
//   n_k = sum r:  N terms do not matter where N / n_k < 1.5e10.
//   sum r |y|^2 ~ n_k d, y = x - mu_k in units of the component's spread:  where (N / n_k) (|y|^2 / d) < 1.5e10,
//   that is, up to 1e5 spreads away for a component that holds all rows, 1e3 for one that holds a part of 1e-4.
//
// Terms are left out by whole granules of rows, in which every row is negligible, so the order of all
// other additions is the same with and without.
#pragma once

#include "simd/job.hpp"
#include "simd/vector.hpp"

namespace mixtura {
namespace {

// Rows that are computed or left out together: a vector of them, and at least 4, so that the 256 rows of a tile are
// at most 64 granules, the bits of one number.
template <class Real>
constexpr std::ptrdiff_t granule = lanes<Real> > 4 ? lanes<Real> : 4;

// Bit i tells whether lane i of a comparison holds.
template <class Real, class Mask>
inline std::uint32_t lane_bits(Mask mask) {
    constexpr bool wide = sizeof(Real) == 8;
#if defined(__AVX512DQ__)
    return wide ? _mm512_movepi64_mask((__m512i)mask) : _mm512_movepi32_mask((__m512i)mask);
#elif defined(__AVX2__)
    return static_cast<std::uint32_t>(wide ? _mm256_movemask_pd((__m256d)mask) : _mm256_movemask_ps((__m256)mask));
#elif defined(__SSE2__)
    return static_cast<std::uint32_t>(wide ? _mm_movemask_pd((__m128d)mask) : _mm_movemask_ps((__m128)mask));
#elif defined(__aarch64__)
    // NEON has no such instruction: each lane keeps its own bit, and these are added up.
    if constexpr (wide) {
        constexpr uint64x2_t own = {1, 2};
        return static_cast<std::uint32_t>(vaddvq_u64(vandq_u64((uint64x2_t)mask, own)));
    } else {
        constexpr uint32x4_t own = {1, 2, 4, 8};
        return vaddvq_u32(vandq_u32((uint32x4_t)mask, own));
    }
#else
    std::uint32_t bits = 0;
    for (std::ptrdiff_t i = 0; i < lanes<Real>; ++i) bits |= std::uint32_t{mask[i] != 0} << i;
    return bits;
#endif
}

// The rows of the active granules, in order: calls f(r) for each vector of rows.
template <class Real, class Function>
inline void for_active_vectors(std::uint64_t active, const Function& f) {
    for (; active != 0; active &= active - 1) {
        const std::ptrdiff_t first = __builtin_ctzll(active) * granule<Real>;
        for (std::ptrdiff_t r = first; r < first + granule<Real>; r += lanes<Real>) f(r);
    }
}

template <class Real>
constexpr std::uint64_t all_active(std::ptrdiff_t n_active) {
    const std::ptrdiff_t n = n_active / granule<Real>;
    return n >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << n) - 1;
}

// What did not pay is left for 7 tiles, then for 15, up to 255.
inline void postpone(Trials& trials) {
    trials.pause = trials.pause == 0 ? 7 : (trials.pause < 255 ? 2 * trials.pause + 1 : 255);
    trials.tiles_left = trials.pause;
}

// Asked once a tile.
inline bool is_postponed(Trials& trials) {
    if (trials.tiles_left == 0) return false;
    --trials.tiles_left;
    return true;
}

}  // namespace
}  // namespace mixtura
