// What gradients and Hessians of log densities need beside the densities: factors by rows, precisions, and room for
// distances.
#pragma once

#include <vector>

#include "model/mixture.hpp"
#include "simd/job.hpp"

namespace mixtura {

// Owns what it sets in a Job.
template <class Real>
class PackedSlopes {
  public:
    void prepare(const Mixture& mixture, bool hessians, Job<Real>& job);

  private:
    void pack_factors(const Mixture& mixture, Job<Real>& job);

    void pack_precisions(const Mixture& mixture, Job<Real>& job);

    std::vector<Real> factors_, precisions_;
};

}  // namespace mixtura
