// Averages, then what the structure shares, then factors.
#include "m_step/maximum_likelihood.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

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

// Weights of the components among themselves.
std::vector<double> shares_of_components(const OwnedMixture& mixture) {
    std::vector<double> shares = mixture.weights;
    if (mixture.noise.weight > 0) {
        for (double& share : shares) share /= 1 - mixture.noise.weight;
    }
    return shares;
}

std::vector<double> shares_among(std::vector<double> counts) {
    const double sum = std::accumulate(counts.begin(), counts.end(), 0.0);
    for (double& count : counts) count /= sum;
    return counts;
}

}  // namespace

std::ptrdiff_t MaximumLikelihood::maximise(const Statistics& statistics, const OwnedMixture* before, OwnedMixture& next,
                                           Control& control) const {
    estimate(statistics, added_, next);
    const Knowledge& known = kind_.known;
    const std::vector<double> counts =
        known.of_moments() ? take_moments(known, model_, statistics, next) : std::vector<double>{};
    const std::vector<double> shares = counts.empty() ? shares_of_components(next) : shares_among(counts);
    const Components components{next.n_components, next.n_features, shares.data(),
                                before != nullptr ? before->covariances.data() : nullptr, next.covariances.data()};
    const std::ptrdiff_t failed = constrain(model_, components, control);
    if (failed >= 0 || control.interrupted) return failed;
    if (known.bounds.has_ratio()) bound_eigenvalues(known.bounds, counts, next, control);
    put_covariances(known.fixed, next);
    if (kind_.tails) take_tails(*kind_.tails, model_, statistics, before, !known.of_moments(), next);
    take_noise(kind_.noise, share_of_components(statistics, before), next);
    if (known.of_weights()) take_weights(known, statistics, next);
    if (model_ != Model::VVV && model_ != Model::EEE) return factorise(next, control);
    const double n_rows = std::accumulate(statistics.counts, statistics.counts + next.n_components, 0.0);
    return factorise(next, control, {added_.data(), n_rows});
}

void MaximumLikelihood::complete(OwnedMixture& mixture) const {
    if (kind_.tails && mixture.df.empty()) mixture.df = first_df(*kind_.tails, mixture.n_components);
    if (!has_noise()) return;
    take_noise(kind_.noise, 1, mixture);
    put_weights(kind_.known.fixed, mixture);
}

double MaximumLikelihood::bound(const OwnedMixture& mixture) const {
    return kind_.known.prior ? log_density(*kind_.known.prior, model_, mixture) : 0;
}

// What the M-step raises is the expected log-likelihood less 1/2 sum_k w_k tr(R inv(Sigma_k)), w the new weights. Where
// these are not the shares of the rows nothing may fall.
double MaximumLikelihood::least_rise(const OwnedMixture& before, const OwnedMixture& after) const {
    if (!is_free()) return 0;
    double sum = 0;
    for (std::ptrdiff_t k = 0; k < after.n_components; ++k) {
        const double weight = after.weights[static_cast<std::size_t>(k)];
        sum += weight * (added_share(added_, after, k) - added_share(added_, before, k));
    }
    return std::abs(sum) < negligible ? 0 : sum / 2;
}

}  // namespace mixtura
