// Moments under covariances that are matrices, of few features: rows along the lanes. The features are followed by one
// that is constantly 1, so that counts and first moments are the last row of the second moments, and one kernel
// computes all three.
#pragma once

#include "simd/lane_sums.hpp"
#include "simd/skipping.hpp"
#include "simd/vector.hpp"

namespace mixtura {
namespace {

// differences = x - c in the active granules.
template <class Real>
void subtract_from_active(const Real* rows, const Real* centre, std::ptrdiff_t n_features, std::ptrdiff_t stride,
                          std::uint64_t active, Real* differences) {
    for (std::ptrdiff_t j = 0; j < n_features; ++j) {
        const Real c = centre[j];
        for_active_vectors<Real>(active, [&](std::ptrdiff_t r) {
            store<Real>(differences + j * stride + r, load<Real>(rows + j * stride + r) - c);
        });
    }
}

// Up to here the rows of sums r (x, 1) (x, 1)^T are taken in strips of as many as registers hold.
template <class Real>
constexpr int most_strip_features = MIXTURA_VECTOR_BYTES == 64   ? (sizeof(Real) == 8 ? 15 : 12)
                                    : MIXTURA_VECTOR_BYTES == 32 ? 7
                                                                 : 10;

// Sums of a strip of the triangle of n_rows. NEON takes no operand from memory, so that centres need registers too; two
// doubles to a vector, they are read so often that fewer sums and more room for them take fewer instructions.
template <class Real>
constexpr int most_strip_sums([[maybe_unused]] int n_rows) {
#if defined(__aarch64__)
    return sizeof(Real) == sizeof(float) ? 24 : n_rows * (n_rows + 1) / 2 <= 21 ? 21 : 18;
#else
    return registers == 32 ? 24 : 21;
#endif
}

// One beyond the last row of the strip that begins at row `first`; row i of the lower triangle has i + 1 sums.
constexpr int strip_end(int first, int n_rows, int most_sums) {
    int n = first + 1;
    int end = first + 1;
    while (end < n_rows && n + end + 1 <= most_sums) n += ++end;
    return end;
}

// All moments of D features, from row `first` of the sums on; differences are never stored.
template <class Real, int D, int first = 0>
void strip_moments(const Real* rows, const Real* centre, const Real* responsibilities, std::ptrdiff_t stride,
                   std::uint64_t active, double* count, double* firsts, double* seconds) {
    constexpr int end = strip_end(first, D + 1, most_strip_sums<Real>(D + 1));
    constexpr int before = first * (first + 1) / 2;
    constexpr int n = end * (end + 1) / 2 - before;
    Vector<Real> total[n] = {};
    for_active_vectors<Real>(active, [&](std::ptrdiff_t r) {
        const auto x = [&](int j) { return load<Real>(rows + j * stride + r) - centre[j]; };
        const Vector<Real> weight = load<Real>(responsibilities + r);
        Vector<Real> y[end - first];
#pragma GCC unroll 16
        for (int i = first; i < end; ++i) y[i - first] = i < D ? weight * x(i) : weight;
#pragma GCC unroll 16
        for (int j = 0; j < end; ++j) {
            const Vector<Real> x_j = j < D ? x(j) : splat<Real>(1);
#pragma GCC unroll 16
            for (int i = j > first ? j : first; i < end; ++i) total[i * (i + 1) / 2 + j - before] += y[i - first] * x_j;
        }
    });
    Real sums[room<Real>(n)];
    sum_all<Real, n>(total, sums);
    const Real* sum = sums;
    for (std::ptrdiff_t i = first; i < end; ++i) {
        double* to = i < D ? seconds + i * D : firsts;
        for (std::ptrdiff_t j = 0; j <= i && j < D; ++j) to[j] += *sum++;
    }
    if constexpr (end < D + 1) {
        strip_moments<Real, D, end>(rows, centre, responsibilities, stride, active, count, firsts, seconds);
    } else {
        *count += *sum;
    }
}

// Rows i..i+3 and columns j..j+3 of sum r x x^T; on the diagonal only the lower triangle.
template <class Real, bool diagonal>
inline void moment_block(const Real* row_features, const Real* column_features, const Real* responsibilities,
                         std::ptrdiff_t stride, std::uint64_t active, Real* sums) {
    constexpr int block = 4;
    Vector<Real> total[block * block] = {};
    for_active_vectors<Real>(active, [&](std::ptrdiff_t r) {
        const Vector<Real> weight = load<Real>(responsibilities + r);
        Vector<Real> x[block];
#pragma GCC unroll 4
        for (int b = 0; b < block; ++b) x[b] = load<Real>(column_features + b * stride + r);
#pragma GCC unroll 4
        for (int a = 0; a < block; ++a) {
            const Vector<Real> y = weight * (diagonal ? x[a] : load<Real>(row_features + a * stride + r));
#pragma GCC unroll 4
            for (int b = 0; b < (diagonal ? a + 1 : block); ++b) total[a * block + b] += y * x[b];
        }
    });
    sum_all<Real, block * block>(total, sums);
}

// differences: d features, one of ones, zeros up to a multiple of 4.
template <class Real>
void blocked_moments(const Real* differences, const Real* responsibilities, std::ptrdiff_t n_features,
                     std::ptrdiff_t stride, std::uint64_t active, double* count, double* firsts, double* seconds) {
    const std::ptrdiff_t d = n_features;
    for (std::ptrdiff_t i = 0; i < d + 1; i += 4) {
        for (std::ptrdiff_t j = 0; j <= i; j += 4) {
            Real sums[room<Real>(16)];
            if (i == j) {
                moment_block<Real, true>(nullptr, differences + j * stride, responsibilities, stride, active, sums);
            } else {
                moment_block<Real, false>(differences + i * stride, differences + j * stride, responsibilities, stride,
                                          active, sums);
            }
            for (std::ptrdiff_t a = i; a < i + 4 && a <= d; ++a) {
                double* to = a < d ? seconds + a * d : firsts;
                const Real* from = sums + (a - i) * 4;
                for (std::ptrdiff_t b = j; b < j + 4 && b <= a && b < d; ++b) to[b] += from[b - j];
            }
            if (i == j && d - i < 4) *count += sums[(d - i) * 5];
        }
    }
}

}  // namespace
}  // namespace mixtura
