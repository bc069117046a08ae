// What a component expects of the features that rows lack, given those that they have.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mixtura {

// Of the rows of one pattern, m of whose features are missing and o observed.
struct Conditional {
    double height = 0;                         // m/2 log 2 pi + 1/2 log |C|
    const double* covariance = nullptr;        // C, m x m
    const double* inverse_observed = nullptr;  // of Sigma_oo, o x o, where that is factorised; else null
};

// A component's matrices, d x d: the precision, the covariance where some observed block is factorised.
struct Matrices {
    const double* precision = nullptr;
    const double* covariance = nullptr;
    double log_determinant = 0;  // of the covariance
    std::ptrdiff_t d = 0;
};

// Whether it is the observed block that is factorised. With m = t d missing C takes t^3 d^3 / 2 multiplications from
// the missing block and (1 - t) (1 - t + t^2) d^3 / 2 from the observed one: equal at t = 0.64.
static inline bool factorises_observed(std::ptrdiff_t n_missing, std::ptrdiff_t d) { return 3 * n_missing > 2 * d; }

// Numbers of a conditional.
static inline std::ptrdiff_t conditional_size(std::ptrdiff_t n_missing, std::ptrdiff_t d) {
    const std::ptrdiff_t n_observed = d - n_missing;
    return n_missing * n_missing + (factorises_observed(n_missing, d) ? n_observed * n_observed : 0);
}

// features: those missing, then those observed, each in ascending order. room: conditional_size numbers, which the
// result points to.
Conditional find_conditional(const Matrices& component, const std::int32_t* features, std::ptrdiff_t n_missing,
                             double* room);

}  // namespace mixtura
