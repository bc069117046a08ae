// From log joint densities to responsibilities, in place: log-sum-exp by the row's maximum.
#pragma once

#include "exp_log.hpp"
#include "job.hpp"
#include "vector.hpp"

namespace mixtura {
namespace {

// joint[k * stride + r] holds log(w_k p_k(x)) - shift; after the call it holds weights[r] * r_k(x).
// log_density[r] = log p(x) - shift and log_certainty[r] = log max_k r_k(x).
// Several vectors of rows at a time: their chains of dependent instructions overlap.
template <class Real>
void normalise(Real* joint, std::ptrdiff_t n_components, std::ptrdiff_t stride, std::ptrdiff_t n_active,
               const Real* weights, Real* log_density, Real* log_certainty) {
    constexpr int n = row_vectors;
    for (std::ptrdiff_t r = 0; r < n_active; r += n * lanes<Real>) {
        Vector<Real> highest[n], sum[n] = {};
        for (int v = 0; v < n; ++v) highest[v] = load<Real>(joint + r + v * lanes<Real>);
        for (std::ptrdiff_t k = 1; k < n_components; ++k) {
            for (int v = 0; v < n; ++v) {
                const Vector<Real> a = load<Real>(joint + k * stride + r + v * lanes<Real>);
                highest[v] = a > highest[v] ? a : highest[v];
            }
        }
        for (int v = 0; v < n; ++v) {
            // Where every density vanishes, -inf - -inf must not become NaN.
            highest[v] = highest[v] == splat<Real>(-__builtin_inf()) ? Vector<Real>{} : highest[v];
        }
        for (std::ptrdiff_t k = 0; k < n_components; ++k) {
            for (int v = 0; v < n; ++v) {
                Real* at = joint + k * stride + r + v * lanes<Real>;
                const Vector<Real> e = exp_nonpositive<Real>(load<Real>(at) - highest[v]);
                store<Real>(at, e);
                sum[v] += e;
            }
        }
        for (int v = 0; v < n; ++v) {
            const std::ptrdiff_t at = r + v * lanes<Real>;
            const Vector<Real> log_sum = log_positive<Real>(sum[v]);
            store<Real>(log_density + at, highest[v] + log_sum);
            store<Real>(log_certainty + at, -log_sum);
            sum[v] = sum[v] > Real(0) ? load<Real>(weights + at) / sum[v] : Vector<Real>{};
        }
        for (std::ptrdiff_t k = 0; k < n_components; ++k) {
            for (int v = 0; v < n; ++v) {
                Real* at = joint + k * stride + r + v * lanes<Real>;
                store<Real>(at, load<Real>(at) * sum[v]);
            }
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
