// From log joint densities to responsibilities, in place: log-sum-exp by the row's maximum.
#pragma once

#include "exp_log.hpp"
#include "job.hpp"
#include "vector.hpp"

namespace mixtura {
namespace {

// joint[k * stride + r] holds log(w_k p_k(x)) - shift; after the call it holds weights[r] * r_k(x).
// log_density[r] = log p(x) - shift and log_certainty[r] = log max_k r_k(x).
template <class Real>
void normalise(Real* joint, std::ptrdiff_t n_components, std::ptrdiff_t stride, std::ptrdiff_t n_active,
               const Real* weights, Real* log_density, Real* log_certainty) {
    for (std::ptrdiff_t r = 0; r < n_active; r += lanes<Real>) {
        Vector<Real> highest = load<Real>(joint + r);
        for (std::ptrdiff_t k = 1; k < n_components; ++k) {
            const Vector<Real> a = load<Real>(joint + k * stride + r);
            highest = a > highest ? a : highest;
        }
        // Where every density vanishes, -inf - -inf must not become NaN.
        const Vector<Real> base = highest == splat<Real>(-__builtin_inf()) ? Vector<Real>{} : highest;
        Vector<Real> sum = {};
        for (std::ptrdiff_t k = 0; k < n_components; ++k) {
            const Vector<Real> e = exp_nonpositive<Real>(load<Real>(joint + k * stride + r) - base);
            store<Real>(joint + k * stride + r, e);
            sum += e;
        }
        const Vector<Real> log_sum = log_positive<Real>(sum);
        store<Real>(log_density + r, base + log_sum);
        store<Real>(log_certainty + r, -log_sum);
        const Vector<Real> scale = sum > Real(0) ? load<Real>(weights + r) / sum : Vector<Real>{};
        for (std::ptrdiff_t k = 0; k < n_components; ++k) {
            store<Real>(joint + k * stride + r, load<Real>(joint + k * stride + r) * scale);
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
