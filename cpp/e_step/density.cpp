// Factors and coefficients as the kernels of log densities read them.
#include "e_step/density.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "e_step/student.hpp"
#include "model/structure.hpp"

namespace mixtura {
namespace {

constexpr double log_two_pi = 1.8378770664093454836;

double log_determinant(Structure structure, const double* factor, std::ptrdiff_t d) {
    if (structure == Structure::spherical) return static_cast<double>(d) * std::log(*factor);
    const std::ptrdiff_t stride = has_matrices(structure) ? d + 1 : 1;
    double sum = 0;
    for (std::ptrdiff_t j = 0; j < d; ++j) sum += std::log(factor[j * stride]);
    return sum;
}

std::ptrdiff_t packed_size(Structure structure, std::ptrdiff_t d) {
    return has_matrices(structure) ? blocks_size(d) : covariance_size(structure, d);
}

template <class Real>
void pack_factor(Structure structure, const double* factor, std::ptrdiff_t d, Real* packed) {
    if (!has_matrices(structure)) {
        std::copy(factor, factor + covariance_size(structure, d), packed);
    } else if (packs_triangle(structure, d)) {
        pack_triangle(factor, d, d, packed);
    } else {
        pack_blocks(factor, d, packed);
    }
}

}  // namespace

template <class Real>
void PackedDensity<Real>::prepare(const Mixture& mixture, Job<Real>& job) {
    means_.assign(mixture.means, static_cast<std::size_t>(mixture.n_components * mixture.n_features));
    job.means = means_.view();
    pack_factors(mixture, job);
    find_coefficients(mixture, job);
    if (sizeof(Real) < sizeof(double)) find_residues(mixture, job);
}

template <class Real>
void PackedDensity<Real>::pack_factors(const Mixture& mixture, Job<Real>& job) {
    const Structure structure = mixture.structure;
    const std::ptrdiff_t d = mixture.n_features;
    const std::ptrdiff_t n = n_covariances(structure, mixture.n_components);
    const std::ptrdiff_t size = covariance_size(structure, d), stride = packed_size(structure, d);
    factors_.resize(static_cast<std::size_t>(stride * n));
    for (std::ptrdiff_t k = 0; k < n; ++k) {
        pack_factor(structure, mixture.precisions_cholesky + k * size, d, factors_.data() + k * stride);
    }
    job.factors = factors_.data();
    job.factor_stride = is_shared(structure) ? 0 : stride;
}

template <class Real>
void PackedDensity<Real>::find_coefficients(const Mixture& mixture, Job<Real>& job) {
    const std::ptrdiff_t d = mixture.n_features;
    const std::ptrdiff_t n = n_covariances(mixture.structure, mixture.n_components);
    const std::ptrdiff_t size = covariance_size(mixture.structure, d);
    log_heights_.resize(static_cast<std::size_t>(mixture.n_components));
    for (std::ptrdiff_t k = 0; k < n; ++k) {
        log_heights_[static_cast<std::size_t>(k)] =
            log_determinant(mixture.structure, mixture.precisions_cholesky + k * size, d) -
            0.5 * static_cast<double>(d) * log_two_pi;
    }
    std::fill(log_heights_.begin() + n, log_heights_.end(), log_heights_.front());
    double shift = -std::numeric_limits<double>::infinity();
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) {
        double& height = log_heights_[static_cast<std::size_t>(k)];
        if (mixture.df != nullptr) height += student_excess(mixture.df[k], d);
        height += log_weight(mixture, k);
        shift = std::max(shift, height);
    }
    for (double& height : log_heights_) height -= shift;
    job.noise_height = log_weight_of_noise(mixture) + mixture.noise.log_density - shift;
    if (mixture.df == nullptr) {
        coefficients_.assign(log_heights_.begin(), log_heights_.end());
    } else {
        coefficients_.assign(log_heights_.size(), Real(0));  // the stage behind asks for distances
    }
    job.log_heights = log_heights_.data();
    job.coefficients = coefficients_.data();
    job.shift = shift;
}

// -P^T (mu - high), in double before it is rounded.
template <class Real>
void PackedDensity<Real>::find_residues(const Mixture& mixture, Job<Real>& job) {
    const std::ptrdiff_t d = mixture.n_features;
    const bool is_matrix = has_matrices(mixture.structure), is_diagonal = mixture.structure == Structure::diag;
    const std::ptrdiff_t stride = covariance_stride(mixture.structure, d);
    residues_.resize(static_cast<std::size_t>(mixture.n_components * d));
    Real* residue = residues_.data();
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) {
        const double* factor = mixture.precisions_cholesky + k * stride;
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            double sum = 0;
            for (std::ptrdiff_t i = is_matrix ? 0 : j; i <= j; ++i) {
                const double p = is_matrix ? factor[i * d + j] : factor[is_diagonal ? j : 0];
                sum += p * (mixture.means[k * d + i] -
                            static_cast<double>(means_.high[static_cast<std::size_t>(k * d + i)]));
            }
            *residue++ = static_cast<Real>(-sum);
        }
    }
    job.residues = residues_.data();
    job.residue_stride = d;
}

double log_weight(const Mixture& mixture, std::ptrdiff_t k) {
    return mixture.log_weights != nullptr ? mixture.log_weights[k] : std::log(mixture.weights[k]);
}

double log_weight_of_noise(const Mixture& mixture) {
    const bool is_posterior = mixture.log_weights != nullptr && mixture.has_noise();
    return is_posterior ? mixture.log_weights[mixture.n_components] : std::log(mixture.noise.weight);
}

std::vector<double> mean_of(const Mixture& mixture) {
    const std::ptrdiff_t d = mixture.n_features;
    std::vector<double> mean(static_cast<std::size_t>(d));
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) {
        for (std::ptrdiff_t j = 0; j < d; ++j)
            mean[static_cast<std::size_t>(j)] += mixture.weights[k] * mixture.means[k * d + j];
    }
    return mean;
}

template class PackedDensity<double>;
template class PackedDensity<float>;

}  // namespace mixtura
