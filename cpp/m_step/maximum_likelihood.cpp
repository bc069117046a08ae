// Averages, then what the structure shares, then factors.
#include "m_step/maximum_likelihood.hpp"

#include <cmath>

#include "m_step/constrain.hpp"
#include "m_step/estimates.hpp"
#include "m_step/factorise.hpp"

namespace mixtura {
namespace {

// Nats a row: of what the added numbers are due, so that without their doing nothing falls at all.
constexpr double negligible = 1e-8;

// tr(R inv(Sigma_k)), R = diag(added)
double added_share(const std::vector<double>& added, const OwnedMixture& mixture, std::ptrdiff_t k) {
    const auto d = static_cast<std::ptrdiff_t>(added.size());
    const double* factor = mixture.precisions_cholesky.data() + k * covariance_stride(mixture.structure, d);
    double sum = 0;
    for (std::ptrdiff_t i = 0; i < d; ++i) {
        double precision = 0;
        if (has_matrices(mixture.structure)) {
            for (std::ptrdiff_t j = i; j < d; ++j) precision += factor[i * d + j] * factor[i * d + j];
        } else {
            const double root = factor[mixture.structure == Structure::diag ? i : 0];
            precision = root * root;
        }
        sum += added[static_cast<std::size_t>(i)] * precision;
    }
    return sum;
}

}  // namespace

std::ptrdiff_t MaximumLikelihood::maximise(const Statistics& statistics, const OwnedMixture* before, OwnedMixture& next,
                                           Control& control) const {
    estimate(statistics, added_, next);
    const Components components{next.n_components, next.n_features, next.weights.data(),
                                before != nullptr ? before->covariances.data() : nullptr, next.covariances.data()};
    const std::ptrdiff_t failed = constrain(model_, components, control);
    if (failed >= 0 || control.interrupted) return failed;
    return factorise(next, control);
}

// What the M-step raises is the expected log-likelihood less 1/2 sum_k w_k tr(R inv(Sigma_k)), w the new weights.
double MaximumLikelihood::least_rise(const OwnedMixture& before, const OwnedMixture& after) const {
    double sum = 0;
    for (std::ptrdiff_t k = 0; k < after.n_components; ++k) {
        const double weight = after.weights[static_cast<std::size_t>(k)];
        sum += weight * (added_share(added_, after, k) - added_share(added_, before, k));
    }
    return std::abs(sum) < negligible ? 0 : sum / 2;
}

}  // namespace mixtura
