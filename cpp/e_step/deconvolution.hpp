// What rows that were measured with errors need of a mixture.
#pragma once

#include <vector>

#include "e_step/completion.hpp"
#include "simd/job.hpp"

namespace mixtura {

// Of a mixture, for all parts of the rows.
class Covariances {
  public:
    template <class Real>
    void prepare(const Mixture& mixture, const Lacking& lacking, Job<Real>& job);

  private:
    void find_matrices(const Mixture& mixture);

    std::vector<double> matrices_, variances_, log_weights_;
};

}  // namespace mixtura
