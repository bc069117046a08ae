// Moments under diagonal and spherical covariances: rows along the lanes. gaps: where a feature is missing its mean
// stands, and what it varies by is not added here (incomplete.hpp).
#pragma once

#include "simd/job.hpp"
#include "simd/lane_sums.hpp"
#include "simd/skipping.hpp"
#include "simd/vector.hpp"

namespace mixtura {
namespace {

// x - c, or mean - c where x is missing.
template <bool gaps, class Real>
inline Vector<Real> from_centre(Vector<Real> x, Real centre, [[maybe_unused]] SplitPoint<Real> mean,
                                [[maybe_unused]] std::ptrdiff_t j) {
    if constexpr (gaps) {
        return if_observed<Real>(x, x - centre, splat<Real>((mean.high[j] - centre) + mean.low[j]));
    } else {
        return x - centre;
    }
}

// sum r y and sum r y^2, y = x - c, of `features` features from j on; rows along the lanes.
template <class Real, int features, bool gaps>
inline void diag_block(const Real* rows, const Real* centre, SplitPoint<Real> mean, const Real* responsibilities,
                       std::ptrdiff_t j, std::ptrdiff_t stride, std::uint64_t active, double* firsts, double* seconds) {
    Vector<Real> total[2 * features] = {};
    for_active_vectors<Real>(active, [&](std::ptrdiff_t r) {
        const Vector<Real> weight = load<Real>(responsibilities + r);
#pragma GCC unroll 4
        for (int a = 0; a < features; ++a) {
            const Vector<Real> x = load<Real>(rows + (j + a) * stride + r);
            const Vector<Real> y = from_centre<gaps>(x, centre[j + a], mean, j + a);
            const Vector<Real> scaled = weight * y;
            total[2 * a] += scaled;
            total[2 * a + 1] += scaled * y;
        }
    });
    Real sums[room<Real>(2 * features)];
    sum_all<Real, 2 * features>(total, sums);
    for (int a = 0; a < features; ++a) {
        firsts[j + a] += sums[2 * a];
        seconds[j + a] += sums[2 * a + 1];
    }
}

template <bool gaps, class Real>
void diag_moments(const Real* rows, const Real* centre, SplitPoint<Real> mean, const Real* responsibilities,
                  std::ptrdiff_t n_features, std::ptrdiff_t stride, std::uint64_t active, double* firsts,
                  double* seconds) {
    std::ptrdiff_t j = 0;
    for (; j + 4 <= n_features; j += 4) {
        diag_block<Real, 4, gaps>(rows, centre, mean, responsibilities, j, stride, active, firsts, seconds);
    }
    switch (n_features - j) {
        case 3:
            return diag_block<Real, 3, gaps>(rows, centre, mean, responsibilities, j, stride, active, firsts, seconds);
        case 2:
            return diag_block<Real, 2, gaps>(rows, centre, mean, responsibilities, j, stride, active, firsts, seconds);
        case 1:
            return diag_block<Real, 1, gaps>(rows, centre, mean, responsibilities, j, stride, active, firsts, seconds);
    }
}

// Features of a block whose sums, their squares' and the count stay in registers. NEON has centres there too: with two
// doubles to a vector they take too many.
#if defined(__aarch64__)
template <class Real>
constexpr int most_spherical_features = sizeof(Real) == sizeof(float) ? 14 : 7;
#else
template <class Real>
constexpr int most_spherical_features = registers == 32 ? 14 : 7;
#endif

// sum r y of `features` features from j on and the sum of their r y^2, rows along the lanes; with_count: and sum r.
template <class Real, int features, bool with_count, bool gaps>
inline void spherical_block(const Real* rows, const Real* centre, SplitPoint<Real> mean, const Real* responsibilities,
                            std::ptrdiff_t j, std::ptrdiff_t stride, std::uint64_t active, double* count,
                            double* firsts, double* second) {
    constexpr int n = features + 1 + with_count;
    Vector<Real> total[n] = {};
    for_active_vectors<Real>(active, [&](std::ptrdiff_t r) {
        const Vector<Real> weight = load<Real>(responsibilities + r);
        Vector<Real> square = {};
#pragma GCC unroll 16
        for (int a = 0; a < features; ++a) {
            const Vector<Real> x = load<Real>(rows + (j + a) * stride + r);
            const Vector<Real> y = from_centre<gaps>(x, centre[j + a], mean, j + a);
            total[a] += weight * y;
            square += y * y;
        }
        total[features] += weight * square;
        if (with_count) total[n - 1] += weight;
    });
    Real sums[room<Real>(n)];
    sum_all<Real, n>(total, sums);
    add_to(firsts + j, sums, features);
    *second += sums[features];
    if (with_count) *count += sums[n - 1];
}

// The last `n_features` features, `most` at most, in one block.
template <bool gaps, class Real, int most = most_spherical_features<Real>>
void last_spherical_block(const Real* rows, const Real* centre, SplitPoint<Real> mean, const Real* responsibilities,
                          std::ptrdiff_t j, std::ptrdiff_t n_features, std::ptrdiff_t stride, std::uint64_t active,
                          double* count, double* firsts, double* second) {
    if (n_features == most) {
        spherical_block<Real, most, true, gaps>(rows, centre, mean, responsibilities, j, stride, active, count, firsts,
                                                second);
    } else if constexpr (most > 1) {
        last_spherical_block<gaps, Real, most - 1>(rows, centre, mean, responsibilities, j, n_features, stride, active,
                                                   count, firsts, second);
    }
}

template <bool gaps, class Real>
void spherical_moments(const Real* rows, const Real* centre, SplitPoint<Real> mean, const Real* responsibilities,
                       std::ptrdiff_t n_features, std::ptrdiff_t stride, std::uint64_t active, double* count,
                       double* firsts, double* second) {
    constexpr int half = most_spherical_features<Real> / 2;
    std::ptrdiff_t j = 0;
    for (; n_features - j > most_spherical_features<Real>; j += half) {
        spherical_block<Real, half, false, gaps>(rows, centre, mean, responsibilities, j, stride, active, nullptr,
                                                 firsts, second);
    }
    last_spherical_block<gaps>(rows, centre, mean, responsibilities, j, n_features - j, stride, active, count, firsts,
                               second);
}

}  // namespace
}  // namespace mixtura
