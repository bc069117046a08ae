// What is asked of the rows, whoever computes it and wherever they lie: sums over them, or numbers for each.
#pragma once

#include <cstdint>

namespace mixtura {

// The constant total scatter sum w (x - mean)(x - mean)^T of all rows. With it a tied iteration needs no second moments
// of its own, where that loses no digits (e_step/total.hpp).
struct TotalScatter {
    double weight = 0;
    const double* mean = nullptr;     // d; null: not known
    const double* scatter = nullptr;  // d x d
};

// Of an E-step.
struct Expectation {
    bool hard = false;    // a row belongs wholly to its likeliest component
    bool moments = true;  // false: only the scalars
    TotalScatter total{};
};

// Numbers for each row; each may be null.
template <class Real>
struct Evaluation {
    Real* log_density = nullptr;       // N
    Real* responsibilities = nullptr;  // N x K
    std::int64_t* labels = nullptr;    // N
    Real* log_joint = nullptr;         // N x K
    Real* gradient = nullptr;          // N x d: of the log density; of complete rows that were measured exactly
    Real* hessian = nullptr;           // N x d x d: of the same; where there is no noise
    // What the components expect of missing features, given the others; cells of observed ones are left as they are. Of
    // rows that were measured with errors: of what is true, every cell.
    Real* expected = nullptr;     // N x d
    Real* variances = nullptr;    // N x d; with `expected`, of missing features
    Real* covariances = nullptr;  // N x d x d; with `expected`, of what is true
};

}  // namespace mixtura
