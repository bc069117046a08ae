// Cholesky factors, inverted.
#include "m_step/factorise.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "m_step/linear_algebra.hpp"
#include "support/parallel.hpp"

namespace mixtura {
namespace {

bool factorise_matrix(const double* covariance, std::ptrdiff_t d, double* factor) {
    std::vector<double> upper(covariance, covariance + d * d);
    if (!cholesky(upper.data(), d)) return false;
    invert_upper(upper.data(), d, factor);
    return true;
}

bool factorise_variances(const double* variances, std::ptrdiff_t size, double* factor) {
    for (std::ptrdiff_t j = 0; j < size; ++j) {
        if (!(variances[j] > 0) || !std::isfinite(variances[j])) return false;
        factor[j] = 1 / std::sqrt(variances[j]);
    }
    return true;
}

}  // namespace

std::ptrdiff_t factorise(OwnedMixture& mixture, Control& control) {
    const std::ptrdiff_t d = mixture.n_features, size = covariance_size(mixture.structure, d);
    const bool is_matrix = has_matrices(mixture.structure);
    const double work = is_matrix ? static_cast<double>(d) * static_cast<double>(size) : static_cast<double>(size);
    const std::ptrdiff_t n = n_covariances(mixture.structure, mixture.n_components);
    return first_failure(n, work, control, [&](std::ptrdiff_t k) {
        const double* covariance = mixture.covariances.data() + k * size;
        double* factor = mixture.precisions_cholesky.data() + k * size;
        return is_matrix ? factorise_matrix(covariance, d, factor) : factorise_variances(covariance, size, factor);
    });
}

}  // namespace mixtura
