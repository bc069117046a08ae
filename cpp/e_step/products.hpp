// Means and factors about a common point: whitened ones under a shared covariance, and those of products of matrices.
#pragma once

#include <vector>

#include "e_step/packing.hpp"
#include "model/mixture.hpp"
#include "simd/job.hpp"

namespace mixtura {

// Owns what it sets in a Job whose density is prepared.
template <class Real>
class Products {
  public:
    // Distances between whitened rows and means, about the mean of all rows.
    void whiten(const Mixture& mixture, const double* total_mean, Job<Real>& job);

    // Log densities as products of terms and factors (simd/products.hpp), where no component is too far from the
    // others.
    void prepare_terms(const Mixture& mixture, Job<Real>& job);

    // d: the point about which moments are summed, of all components; null: about the centres, or the total mean.
    const double* common_point(const Job<Real>& job) const {
        return job.n_terms > 0 && !job.whitened ? common_point_.data() : nullptr;
    }

  private:
    SplitArray<Real> origin_;
    std::vector<double> common_point_;
    std::vector<Real> whitened_means_, term_factors_, coefficients_;
};

}  // namespace mixtura
