// Conjugate priors, for the maximum a posteriori.
#pragma once

#include <cstddef>
#include <vector>

#include "model/owned.hpp"

namespace mixtura {

// Pseudo-counts, of which zero means no prior. Each array has one entry for each component, or one for all of them.
//
//     log p = sum_k weight_counts_k log w_k
//             - 1/2 sum_k volume_count_k log|Sigma_k| + mean_counts_k (mu_k - means_k)^T inv(Sigma_k) (mu_k - means_k)
//             - 1/2 sum_k covariance_counts_k log|Sigma_k| + tr(scatters_k inv(Sigma_k))  + constant
//
// where all components have one covariance (EII, EEI, EEE) the last sum is one term. So these are a Dirichlet
// distribution (alpha - 1), normal ones of covariances Sigma_k / mean_counts_k, and inverse Wishart ones (nu + d + 1).
// Of variances Sigma_k is diagonal, and the last are inverse gamma distributions.
struct Prior {
    std::vector<double> weight_counts;      // 1 or K
    std::vector<double> means;              // d or K x d
    std::vector<double> mean_counts;        // 1 or K
    std::vector<double> covariance_counts;  // 1 or K
    std::vector<double> scatters;           // in the shape of one covariance, or K times; spherical: of all features

    double weight_count(std::ptrdiff_t k) const { return weight_counts[entry(weight_counts, k)]; }
    double mean_count(std::ptrdiff_t k) const { return mean_counts[entry(mean_counts, k)]; }
    // What the prior of a mean adds to that: a normal distribution has a volume too. Without a prior of the covariance
    // it would make the smallest volume the likeliest, so that then it is left out.
    double volume_count(std::ptrdiff_t k) const { return mean_count(k) > 0 && covariance_count(k) > 0 ? 1 : 0; }
    double covariance_count(std::ptrdiff_t k) const { return covariance_counts[entry(covariance_counts, k)]; }
    const double* mean(std::ptrdiff_t k, std::ptrdiff_t d) const { return piece(means, k, d); }
    const double* scatter(std::ptrdiff_t k, std::ptrdiff_t size) const { return piece(scatters, k, size); }

    bool has_means() const;
    bool has_covariances() const;

  private:
    static std::size_t entry(const std::vector<double>& values, std::ptrdiff_t k) {
        return values.size() == 1 ? 0 : static_cast<std::size_t>(k);
    }
    static const double* piece(const std::vector<double>& values, std::ptrdiff_t k, std::ptrdiff_t size) {
        return values.data() + (static_cast<std::ptrdiff_t>(values.size()) == size ? 0 : k * size);
    }
};

// Without the constant that makes it integrate to 1.
double log_density(const Prior& prior, Model model, const OwnedMixture& mixture);

// Whether all components have one covariance, which then has one prior.
bool has_common_covariance(Model model);

}  // namespace mixtura
