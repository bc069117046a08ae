// From log joint densities to responsibilities, in place: log-sum-exp by the row's maximum.
#pragma once

#include "exp_log.hpp"
#include "job.hpp"
#include "skipping.hpp"
#include "vector.hpp"

namespace mixtura {
namespace {

// The highest log joint density of each row; 0 where every density vanishes, as -inf - -inf must not become NaN.
template <class Real, int n>
inline void find_highest(const Real* joint, std::ptrdiff_t n_components, std::ptrdiff_t stride, Vector<Real>* highest) {
    for (int v = 0; v < n; ++v) highest[v] = load<Real>(joint + v * lanes<Real>);
    for (std::ptrdiff_t k = 1; k < n_components; ++k) {
        for (int v = 0; v < n; ++v) {
            const Vector<Real> a = load<Real>(joint + k * stride + v * lanes<Real>);
            highest[v] = highest[v] > a ? highest[v] : a;
        }
    }
    for (int v = 0; v < n; ++v) {
        highest[v] = highest[v] == splat<Real>(-__builtin_inf()) ? Vector<Real>{} : highest[v];
    }
}

// exp(joint - highest) in place, added to `sum`; returns the granules that are not negligible, as bits.
template <class Real, int n>
inline std::uint64_t exponentials(Real* joint, const Vector<Real>* highest, bool skip, Vector<Real>* sum) {
    std::uint64_t kept = 0;
    for (int v = 0; v < n; ++v) {
        const Vector<Real> below = load<Real>(joint + v * lanes<Real>) - highest[v];
        // NaN is not negligible: it must come out at the end.
        if (skip && !any_lane(!(below < -negligible<Real>))) {
            store<Real>(joint + v * lanes<Real>, Vector<Real>{});
            continue;
        }
        kept |= std::uint64_t{1} << (v * lanes<Real> / granule<Real>);
        const Vector<Real> e = exp_nonpositive<Real>(below);
        store<Real>(joint + v * lanes<Real>, e);
        sum[v] += e;
    }
    return kept;
}

// joint[k * stride + r] holds log(w_k p_k(x)) - shift; after the call it holds weights[r] * r_k(x).
// log_density[r] = log p(x) - shift and log_certainty[r] = log max_k r_k(x). Bit g of active[k] tells whether the k-th
// component has responsibilities in granule g; with `skip` negligible ones are zero (skipping.hpp).
template <class Real>
void normalise(Real* joint, std::ptrdiff_t n_components, std::ptrdiff_t stride, std::ptrdiff_t n_active, bool skip,
               const Real* weights, Real* log_density, Real* log_certainty, std::uint64_t* active) {
    constexpr int n = row_vectors;  // several vectors of rows at a time: their chains of instructions overlap
    for (std::ptrdiff_t k = 0; k < n_components; ++k) active[k] = skip ? 0 : all_active<Real>(n_active);
    for (std::ptrdiff_t r = 0; r < n_active; r += n * lanes<Real>) {
        Vector<Real> highest[n], sum[n] = {};
        find_highest<Real, n>(joint + r, n_components, stride, highest);
        for (std::ptrdiff_t k = 0; k < n_components; ++k) {
            Real* at = joint + k * stride + r;
            const std::uint64_t kept = exponentials<Real, n>(at, highest, skip, sum);
            active[k] |= kept << (r / granule<Real>);
        }
        for (int v = 0; v < n; ++v) {
            const std::ptrdiff_t at = r + v * lanes<Real>;
            const Vector<Real> log_sum = log_positive<Real>(sum[v]);
            store<Real>(log_density + at, highest[v] + log_sum);
            store<Real>(log_certainty + at, -log_sum);
            sum[v] = sum[v] > Real(0) ? load<Real>(weights + at) / sum[v] : Vector<Real>{};
        }
        constexpr std::uint64_t all = all_active<Real>(n * lanes<Real>);
        for (std::ptrdiff_t k = 0; k < n_components; ++k) {
            if ((active[k] >> (r / granule<Real>) & all) == 0) continue;
            Real* at = joint + k * stride + r;
            for (int v = 0; v < n; ++v) store<Real>(at + v * lanes<Real>, load<Real>(at + v * lanes<Real>) * sum[v]);
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

}  // namespace
}  // namespace mixtura
