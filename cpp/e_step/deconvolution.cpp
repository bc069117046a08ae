// Covariances from the factors.
#include "e_step/deconvolution.hpp"

#include <cmath>

#include "e_step/density.hpp"
#include "model/structure.hpp"

namespace mixtura {

template <class Real>
void Covariances::prepare(const Mixture& mixture, const Lacking& lacking, Job<Real>& job) {
    Deconvolution& deconvolution = job.deconvolution;
    deconvolution.is_needed = true;
    deconvolution.log_sides = mixture.noise.log_sides;
    log_weights_.clear();
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) log_weights_.push_back(log_weight(mixture, k));
    deconvolution.log_weights = log_weights_.data();
    if (!has_matrices(mixture.structure)) {
        const double* factors = mixture.precisions_cholesky;
        variances_.assign(factors, factors + seconds_size(mixture.structure, mixture.n_components, mixture.n_features));
        for (double& value : variances_) value = 1 / (value * value);
        deconvolution.variances = variances_.data();
        if (!lacking.independence) return;
    }
    find_matrices(mixture);
    deconvolution.matrices = matrices_.data();
}

void Covariances::find_matrices(const Mixture& mixture) {
    const std::ptrdiff_t d = mixture.n_features, size = d * d;
    const std::ptrdiff_t n = n_covariances(mixture.structure, mixture.n_components);
    matrices_.assign(static_cast<std::size_t>(n * size), 0.0);
    for (std::ptrdiff_t c = 0; c < n; ++c) {
        double* matrix = matrices_.data() + c * size;
        if (has_matrices(mixture.structure)) {
            find_covariance(mixture.precisions_cholesky + c * size, d, matrix);
            continue;
        }
        const bool is_diagonal = mixture.structure == Structure::diag;
        for (std::ptrdiff_t j = 0; j < d; ++j)
            matrix[j * (d + 1)] = variances_[static_cast<std::size_t>(is_diagonal ? c * d + j : c)];
    }
}

template void Covariances::prepare<double>(const Mixture&, const Lacking&, Job<double>&);
template void Covariances::prepare<float>(const Mixture&, const Lacking&, Job<float>&);

}  // namespace mixtura
