// Which components are thin, in the metric of all of them together.
#include <vector>

#include "core.hpp"
#include "linear_algebra.hpp"

namespace mixtura {

// Every eigenvalue of inv(W) S exceeds t where S - t W has a Cholesky factor.
std::ptrdiff_t first_thin(const double* weights, const double* covariances, std::ptrdiff_t n_components,
                          std::ptrdiff_t n_features, const std::int64_t* named, const double* limits, std::ptrdiff_t n_named) {
    const auto size = static_cast<std::size_t>(n_features * n_features);
    std::vector<double> within(size), rest(size);
    for (std::ptrdiff_t k = 0; k < n_components; ++k) {
        for (std::size_t i = 0; i < size; ++i) within[i] += weights[k] * covariances[static_cast<std::size_t>(k) * size + i];
    }
    for (std::ptrdiff_t at = 0; at < n_named; ++at) {
        const double* covariance = covariances + named[at] * n_features * n_features;
        for (std::size_t i = 0; i < size; ++i) rest[i] = covariance[i] - limits[at] * within[i];
        if (!cholesky(rest.data(), n_features)) return named[at];
    }
    return -1;
}

}  // namespace mixtura
