// A tile's share of one component's statistics, about the component's centre. Sums within a tile are
// taken in the rows' precision, sums over tiles in double.
#pragma once

#include "job.hpp"
#include "vector.hpp"

namespace mixtura {
namespace {

template <class Real>
Real sum_rows(const Real* values, std::ptrdiff_t n_active) {
    Vector<Real> total = {};
    for (std::ptrdiff_t r = 0; r < n_active; r += lanes<Real>) total += load<Real>(values + r);
    return sum_lanes<Real>(total);
}

// scaled_j = r (x_j - c_j); adds their sums to `firsts`.
template <class Real>
void first_moments(const Real* differences, const Real* responsibilities, std::ptrdiff_t n_features,
                   std::ptrdiff_t stride, std::ptrdiff_t n_active, Real* scaled, double* firsts) {
    for (std::ptrdiff_t j = 0; j < n_features; ++j) {
        Vector<Real> total = {};
        for (std::ptrdiff_t r = 0; r < n_active; r += lanes<Real>) {
            const Vector<Real> y = load<Real>(responsibilities + r) * load<Real>(differences + j * stride + r);
            store<Real>(scaled + j * stride + r, y);
            total += y;
        }
        firsts[j] += sum_lanes<Real>(total);
    }
}

// The lower triangle of sum r (x - c)(x - c)^T in tiles of 4 x 4 accumulators over all the rows.
// Features are padded to a multiple of 4 by zeros.
template <class Real>
void full_second_moments(const Real* differences, const Real* scaled, std::ptrdiff_t n_features,
                         std::ptrdiff_t stride, std::ptrdiff_t n_active, double* seconds) {
    constexpr std::ptrdiff_t block = factor_block;
    for (std::ptrdiff_t i = 0; i < n_features; i += block) {
        for (std::ptrdiff_t j = 0; j <= i; j += block) {
            Vector<Real> total[block][block] = {};
            for (std::ptrdiff_t r = 0; r < n_active; r += lanes<Real>) {
                Vector<Real> x[block];
                for (std::ptrdiff_t b = 0; b < block; ++b) x[b] = load<Real>(differences + (j + b) * stride + r);
                for (std::ptrdiff_t a = 0; a < block; ++a) {
                    const Vector<Real> y = load<Real>(scaled + (i + a) * stride + r);
                    for (std::ptrdiff_t b = 0; b < block; ++b) total[a][b] += y * x[b];
                }
            }
            for (std::ptrdiff_t a = 0; a < block && i + a < n_features; ++a) {
                for (std::ptrdiff_t b = 0; b < block && j + b <= i + a; ++b) {
                    seconds[(i + a) * n_features + j + b] += sum_lanes<Real>(total[a][b]);
                }
            }
        }
    }
}

template <class Real>
Real weighted_square(const Real* differences, const Real* scaled, std::ptrdiff_t n_active) {
    Vector<Real> total = {};
    for (std::ptrdiff_t r = 0; r < n_active; r += lanes<Real>) {
        total += load<Real>(scaled + r) * load<Real>(differences + r);
    }
    return sum_lanes<Real>(total);
}

}  // namespace
}  // namespace mixtura
