// Conjugate priors: their log density.
#include "m_step/prior.hpp"

#include <algorithm>
#include <cmath>

#include "m_step/quadratic.hpp"

namespace mixtura {
namespace {

bool is_above_zero(double count) { return count > 0; }

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
