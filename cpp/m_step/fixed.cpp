// Parameters that an M-step leaves as they are.
#include "m_step/fixed.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mixtura {
namespace {

// Entry k of `values`, of so many numbers; null where it is free.
const double* entry(const std::vector<double>& values, std::ptrdiff_t k, std::ptrdiff_t size) {
    if (values.empty()) return nullptr;
    const double* first = values.data() + k * size;
    return std::isnan(*first) ? nullptr : first;
}

}  // namespace

double Fixed::weight(std::ptrdiff_t k) const {
    return weights.empty() ? std::numeric_limits<double>::quiet_NaN() : weights[static_cast<std::size_t>(k)];
}

const double* Fixed::mean(std::ptrdiff_t k, std::ptrdiff_t d) const { return entry(means, k, d); }

const double* Fixed::covariance(std::ptrdiff_t k, std::ptrdiff_t size) const { return entry(covariances, k, size); }

void put_weights(const Fixed& fixed, OwnedMixture& mixture) {
    if (fixed.weights.empty()) return;
    double rest = 1, all_free = mixture.noise.weight;
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) {
        const double weight = fixed.weight(k);
        (std::isnan(weight) ? all_free : rest) +=
            std::isnan(weight) ? mixture.weights[static_cast<std::size_t>(k)] : -weight;
    }
    const double factor = all_free > 0 ? std::max(rest, 0.0) / all_free : 0;
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) {
        double& weight = mixture.weights[static_cast<std::size_t>(k)];
        weight = std::isnan(fixed.weight(k)) ? factor * weight : fixed.weight(k);
    }
    mixture.noise.weight *= factor;
}

void put_covariances(const Fixed& fixed, OwnedMixture& next) {
    const std::ptrdiff_t size = covariance_size(next.structure, next.n_features);
    for (std::ptrdiff_t k = 0; k < n_covariances(next.structure, next.n_components); ++k) {
        const double* covariance = fixed.covariance(k, size);
        if (covariance != nullptr) std::copy_n(covariance, size, next.covariances.data() + k * size);
    }
}

}  // namespace mixtura
