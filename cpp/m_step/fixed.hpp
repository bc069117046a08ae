// Parameters that an M-step leaves as they are.
#pragma once

#include <cstddef>
#include <vector>

#include "model/owned.hpp"

namespace mixtura {

// Values of those that are fixed, NaN where they are free; an array is empty where all are.
struct Fixed {
    std::vector<double> weights;      // K
    std::vector<double> means;        // K x d
    std::vector<double> covariances;  // in the structure's shape

    // NaN: free. null: free.
    double weight(std::ptrdiff_t k) const;
    const double* mean(std::ptrdiff_t k, std::ptrdiff_t d) const;
    const double* covariance(std::ptrdiff_t k, std::ptrdiff_t size) const;
};

// Puts those of weights in place; the others and the noise share the rest as they shared all.
void put_weights(const Fixed& fixed, OwnedMixture& mixture);

// Puts those of covariances in place.
void put_covariances(const Fixed& fixed, OwnedMixture& next);

}  // namespace mixtura
