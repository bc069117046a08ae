// Sums over rows or vectors, and across the lanes of vectors.
#pragma once

#include "simd/skipping.hpp"
#include "simd/vector.hpp"

namespace mixtura {
namespace {

template <class Real>
Real sum_rows(const Real* values, std::ptrdiff_t n_active) {
    Vector<Real> total[row_vectors] = {};
    for (std::ptrdiff_t r = 0; r < n_active; r += row_vectors * lanes<Real>) {
        for (std::ptrdiff_t v = 0; v < row_vectors; ++v) total[v] += load<Real>(values + r + v * lanes<Real>);
    }
    for (std::ptrdiff_t v = 1; v < row_vectors; ++v) total[0] += total[v];
    return sum_lanes<Real>(total[0]);
}

// The same where only active granules hold anything.
template <class Real>
Real sum_active_rows(const Real* values, std::uint64_t active) {
    Vector<Real> total = {};
    for_active_vectors<Real>(active, [&](std::ptrdiff_t r) { total += load<Real>(values + r); });
    return sum_lanes<Real>(total);
}

// The sums of the lanes of `n` vectors, as numbers.
template <class Real, std::ptrdiff_t n>
inline void sum_all(const Vector<Real>* v, Real* sums) {
    for (std::ptrdiff_t first = 0; first < n; first += lanes<Real>) {
        Vector<Real> group[lanes<Real>] = {};
        for (std::ptrdiff_t i = 0; i < lanes<Real> && first + i < n; ++i) group[i] = v[first + i];
        store<Real>(sums + first, sum_each<Real>(group));
    }
}

// Room for the sums of n vectors, whole vectors.
template <class Real>
constexpr std::ptrdiff_t room(std::ptrdiff_t n) {
    return (n + lanes<Real> - 1) / lanes<Real> * lanes<Real>;
}

// sum w v over the rows; those beyond the last have weight 0, and some no v.
template <class Real>
double weighted_sum(const Real* weights, const Real* values, std::ptrdiff_t n_active) {
    Vector<Real> total = {};
    for (std::ptrdiff_t r = 0; r < n_active; r += lanes<Real>) {
        const Vector<Real> weight = load<Real>(weights + r);
        total += weight == Real(0) ? Vector<Real>{} : weight * load<Real>(values + r);
    }
    return sum_lanes<Real>(total);
}

inline void add_to(double* to, const double* from, std::ptrdiff_t n) {
    for (std::ptrdiff_t i = 0; i < n; ++i) to[i] += from[i];
}

inline void add_to(double* to, const float* from, std::ptrdiff_t n) {
    for (std::ptrdiff_t i = 0; i < n; ++i) to[i] += from[i];
}

}  // namespace
}  // namespace mixtura
