// Conjugate priors: their log density.
#include "m_step/prior.hpp"

#include <algorithm>
#include <cmath>

#include "m_step/linear_algebra.hpp"
#include "support/interrupt.hpp"

namespace mixtura {
namespace {

bool is_above_zero(double count) { return count > 0; }

// Of the covariance of component k, by its precision factor P with P P^T = inv(Sigma_k).
class Precision {
  public:
    Precision(const OwnedMixture& mixture, std::ptrdiff_t k)
        : structure_(mixture.structure), d(mixture.n_features),
          factor_(mixture.precisions_cholesky.data() + k * covariance_stride(structure_, d)) {}

    // log|Sigma_k|
    double log_determinant() const {
        double sum = 0;
        if (structure_ == Structure::spherical) return -2 * static_cast<double>(d) * std::log(factor_[0]);
        const std::ptrdiff_t step = has_matrices(structure_) ? d + 1 : 1;
        for (std::ptrdiff_t j = 0; j < d; ++j) sum -= 2 * std::log(factor_[j * step]);
        return sum;
    }

    // (x - m)^T inv(Sigma_k) (x - m)
    double square(const double* x, const double* m) const {
        double sum = 0;
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            double whitened = 0;
            if (has_matrices(structure_)) {
                for (std::ptrdiff_t i = 0; i <= j; ++i) whitened += factor_[i * d + j] * (x[i] - m[i]);
            } else {
                whitened = factor_[structure_ == Structure::diag ? j : 0] * (x[j] - m[j]);
            }
            sum += whitened * whitened;
        }
        return sum;
    }

    // tr(A inv(Sigma_k)); spherical: of the trace of A.
    double trace(const double* a) const {
        if (structure_ == Structure::spherical) return a[0] * factor_[0] * factor_[0];
        double sum = 0;
        if (structure_ == Structure::diag) {
            for (std::ptrdiff_t j = 0; j < d; ++j) sum += a[j] * factor_[j] * factor_[j];
            return sum;
        }
        if (d >= wide) check_interrupted();
        std::vector<double> product(static_cast<std::size_t>(d * d));
        times_upper(a, factor_, d, d, product.data());
        return inner_product(product.data(), factor_, d * d);
    }

  private:
    const Structure structure_;
    const std::ptrdiff_t d;
    const double* const factor_;
};

}  // namespace

bool Prior::has_means() const { return std::any_of(mean_counts.begin(), mean_counts.end(), is_above_zero); }

bool Prior::has_covariances() const {
    return std::any_of(covariance_counts.begin(), covariance_counts.end(), is_above_zero);
}

bool has_common_covariance(Model model) { return model == Model::EII || model == Model::EEI || model == Model::EEE; }

double log_density(const Prior& prior, Model model, const OwnedMixture& mixture) {
    const std::ptrdiff_t d = mixture.n_features, size = covariance_size(mixture.structure, d);
    double sum = 0;
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) {
        const Precision precision(mixture, k);
        const double of_weight = prior.weight_count(k), of_mean = prior.mean_count(k);
        if (of_weight > 0) sum += of_weight * std::log(mixture.weights[static_cast<std::size_t>(k)]);
        if (of_mean > 0) {
            const double square = precision.square(mixture.means.data() + k * d, prior.mean(k, d));
            sum -= (prior.volume_count(k) * precision.log_determinant() + of_mean * square) / 2;
        }
        if (prior.covariance_count(k) > 0 && (k == 0 || !has_common_covariance(model))) {
            const double trace = precision.trace(prior.scatter(k, size));
            sum -= (prior.covariance_count(k) * precision.log_determinant() + trace) / 2;
        }
    }
    return sum;
}

}  // namespace mixtura
