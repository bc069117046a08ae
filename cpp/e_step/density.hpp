// The density of each component as the kernels read it: split means, packed factors, log coefficients.
#pragma once

#include <vector>

#include "e_step/packing.hpp"
#include "model/mixture.hpp"
#include "simd/job.hpp"
#include "support/memory.hpp"

namespace mixtura {

// Owns what it sets in a Job.
template <class Real>
class PackedDensity {
  public:
    void prepare(const Mixture& mixture, Job<Real>& job);

  private:
    void pack_factors(const Mixture& mixture, Job<Real>& job);
    void find_coefficients(const Mixture& mixture, Job<Real>& job);
    void find_residues(const Mixture& mixture, Job<Real>& job);

    SplitArray<Real> means_;
    std::vector<double> log_heights_;
    std::vector<Real, Recycled<Real>> factors_;
    std::vector<Real> coefficients_, residues_;
};

// Of component k, as an E-step takes it.
double log_weight(const Mixture& mixture, std::ptrdiff_t k);
double log_weight_of_noise(const Mixture& mixture);

// d: the mean of a mixture, sum_k w_k mu_k.
std::vector<double> mean_of(const Mixture& mixture);

}  // namespace mixtura
