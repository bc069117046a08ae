// Densities of Student's t components as the kernels read them.
#pragma once

#include <cstddef>
#include <vector>

#include "model/mixture.hpp"
#include "simd/job.hpp"

namespace mixtura {

// How much higher the log density of a t component is at its mean than a Gaussian's with the same scale matrix:
//     log Gamma((df + d) / 2) - log Gamma(df / 2) - d/2 log(df / 2).
double student_excess(double df, std::ptrdiff_t n_features);

// digamma(x) - log x, x > 0.
double digamma_less_log(double x);

// Owns what it sets in a Job whose density is prepared.
class StudentTerms {
  public:
    // For rows with missing features too, where job.completion is needed.
    template <class Real>
    void prepare(const Mixture& mixture, Job<Real>& job);

  private:
    std::vector<StudentTerm> terms_;
};

}  // namespace mixtura
