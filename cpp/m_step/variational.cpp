// The posterior from the sums, and its divergence from the prior.
#include "m_step/variational.hpp"

#include <math.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "e_step/student.hpp"
#include "m_step/estimates.hpp"
#include "m_step/factorise.hpp"
#include "m_step/linear_algebra.hpp"
#include "m_step/prior.hpp"
#include "m_step/quadratic.hpp"

namespace mixtura {
namespace {

constexpr double log_pi = 1.1447298858494001741;

// Nats a row, by which the bound may fall where numbers are added to covariances that no prior knows of.
constexpr double tolerated = 1e-8;

std::size_t at(std::ptrdiff_t i) { return static_cast<std::size_t>(i); }

double digamma(double x) { return std::log(x) + digamma_less_log(x); }

// Unlike std::lgamma it may run in several threads.
double lgamma_of(double x) {
    int sign = 0;
    return ::lgamma_r(x, &sign);
}

double log_beta(double a, double b) { return lgamma_of(a) + lgamma_of(b) - lgamma_of(a + b); }

double total(const std::vector<double>& counts) { return std::accumulate(counts.begin(), counts.end(), 0.0); }

double log_determinant(Structure structure, const std::vector<double>& scatter, std::ptrdiff_t d) {
    std::vector<double> root(scatter);
    double sum = 0;
    if (!has_matrices(structure)) {
        for (const double value : scatter)
            sum += value > 0 ? std::log(value) : -std::numeric_limits<double>::infinity();
        return structure == Structure::spherical ? static_cast<double>(d) * sum : sum;
    }
    if (!cholesky(root.data(), d)) return -std::numeric_limits<double>::infinity();
    for (std::ptrdiff_t j = 0; j < d; ++j) sum += 2 * std::log(root[at(j * d + j)]);
    return sum;
}

}  // namespace

bool ConjugatePrior::has(Model model) {
    switch (model) {
        case Model::EII:
        case Model::VII:
        case Model::EEI:
        case Model::VVI:
        case Model::EEE:
        case Model::VVV: return true;
        default: return false;
    }
}

Variational::Variational(Model model, std::vector<double> added, ConjugatePrior prior)
    : model_(model), added_(std::move(added)), prior_(std::move(prior)), structure_(structure_of(model)),
      d(static_cast<std::ptrdiff_t>(added_.size())), size_(covariance_size(structure_, d)),
      log_determinant_(log_determinant(structure_, prior_.scatter, d)) {
    if (!ConjugatePrior::has(model)) throw std::invalid_argument("these covariances have no conjugate prior");
    if (!std::isfinite(log_determinant_)) throw std::invalid_argument("the scatter must be positive definite");
    const double least_df = has_matrices(structure_) ? static_cast<double>(d) - 1 : 0;
    const double numbers[] = {prior_.concentration, prior_.mean_precision, prior_.degrees_of_freedom - least_df};
    for (const double number : numbers) {
        if (!(number > 0) || !std::isfinite(number)) throw std::invalid_argument("the prior must be a proper one");
    }
}

bool Variational::has_common_precision() const { return has_common_covariance(model_); }

std::vector<std::size_t> Variational::order_of_sticks(const std::vector<double>& counts) const {
    std::vector<std::size_t> order(counts.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto has_more = [&](std::size_t a, std::size_t b) { return counts[a] > counts[b]; };
    if (prior_.by_size) std::stable_sort(order.begin(), order.end(), has_more);
    return order;
}

std::vector<double> Variational::counts_behind(const std::vector<double>& counts) const {
    const std::vector<std::size_t> order = order_of_sticks(counts);
    std::vector<double> behind(counts.size());
    double sum = 0;
    for (std::size_t i = order.size(); i-- > 0;) {
        behind[order[i]] = sum;
        sum += counts[order[i]];
    }
    return behind;
}

double Variational::degrees_of_freedom(const std::vector<double>& counts, std::ptrdiff_t k) const {
    return prior_.degrees_of_freedom + (has_common_precision() ? total(counts) : counts[at(k)]);
}

std::ptrdiff_t Variational::maximise(const Statistics& statistics, const OwnedMixture*, OwnedMixture& next,
                                     Control& control) const {
    estimate(statistics, added_, next);
    next.counts.assign(statistics.counts, statistics.counts + next.n_components);
    for (double& count : next.counts) count = std::max(count, 0.0);
    take_moments(next);
    take_weights(next);
    return factorise(next, control);
}

// Of the mean x_k and covariance S_k of each component's rows (Bishop's equations 10.61 and 10.62):
//     scatter_k = scatter + n_k S_k + mean_precision n_k / (mean_precision + n_k) (x_k - mean)(x_k - mean)^T
//     mean_k = (mean_precision mean + n_k x_k) / (mean_precision + n_k)
void Variational::take_moments(OwnedMixture& next) const {
    const std::ptrdiff_t K = next.n_components;
    double* covariances = next.covariances.data();
    std::vector<double> scatter(prior_.scatter);
    if (structure_ == Structure::tied) {
        const double n = total(next.counts);
        for (std::ptrdiff_t i = 0; i < size_; ++i) scatter[at(i)] += n * covariances[i];
    }
    for (std::ptrdiff_t k = 0; k < K; ++k) {
        if (!has_common_precision()) scatter = prior_.scatter;
        add_scatter(k, next, scatter.data());
        if (has_common_precision()) continue;
        const double nu = degrees_of_freedom(next.counts, k);
        for (std::ptrdiff_t i = 0; i < size_; ++i) covariances[k * size_ + i] = scatter[at(i)] / nu;
    }
    if (!has_common_precision()) return;
    for (double& value : scatter) value /= degrees_of_freedom(next.counts, 0);
    for (std::ptrdiff_t k = 0; k < n_covariances(structure_, K); ++k)
        std::copy_n(scatter.data(), size_, covariances + k * size_);
}

// What the rows of component k add to the scatter; moves its mean. A spherical scatter is the mean over the features.
void Variational::add_scatter(std::ptrdiff_t k, OwnedMixture& next, double* scatter) const {
    const double n = next.counts[at(k)], all = mean_precision(n);
    double* mean = next.means.data() + k * d;
    if (n > 0) {
        const double features = structure_ == Structure::spherical ? static_cast<double>(d) : 1;
        const double factor = prior_.mean_precision * n / all / features;
        add_square(structure_, d, factor, mean, prior_.mean.data(), scatter);
        const double* own = next.covariances.data() + k * size_;
        for (std::ptrdiff_t i = 0; structure_ != Structure::tied && i < size_; ++i) scatter[i] += n * own[i];
    }
    const double share = prior_.mean_precision / all;
    for (std::ptrdiff_t j = 0; j < d; ++j) mean[j] += share * (prior_.mean[at(j)] - mean[j]);
}

// E[w] and the log weights of the E-step (Bishop's equations 10.65 and 10.66; Blei & Jordan's section 3).
void Variational::take_weights(OwnedMixture& next) const {
    const std::vector<double>& counts = next.counts;
    const std::ptrdiff_t K = next.n_components;
    const double alpha = prior_.concentration, all = static_cast<double>(K) * alpha + total(counts);
    const std::vector<double> behind = counts_behind(counts);
    next.log_weights.resize(at(K));
    double left = 1, log_left = 0, sum = 0;
    for (const std::size_t k : order_of_sticks(counts)) {
        const double n = counts[k], rest = alpha + behind[k], stick = 1 + n + rest;
        double& weight = next.weights[k];
        double& log_weight = next.log_weights[k];
        if (prior_.sticks) {
            weight = left * (1 + n) / stick;
            log_weight = log_left + digamma(1 + n) - digamma(stick);
            left *= rest / stick;
            log_left += digamma(rest) - digamma(stick);
        } else {
            weight = alpha + n;
            log_weight = digamma(alpha + n) - digamma(all);
        }
        sum += weight;
        const double nu = degrees_of_freedom(counts, static_cast<std::ptrdiff_t>(k)), features = static_cast<double>(d);
        const double half_trace = structure_ == Structure::spherical ? features * nu / 2 : nu / 2;
        log_weight += (sum_of_digammas(nu) - features * std::log(half_trace) - features / mean_precision(n)) / 2;
    }
    for (double& weight : next.weights) weight /= sum;
}

// E[log|Lambda|] of a scatter of 2, spherical 2 / d, times the identity.
double Variational::sum_of_digammas(double nu) const {
    if (structure_ == Structure::diag) return static_cast<double>(d) * digamma(nu / 2);
    if (structure_ == Structure::spherical) return static_cast<double>(d) * digamma(static_cast<double>(d) * nu / 2);
    double sum = 0;
    for (std::ptrdiff_t i = 0; i < d; ++i) sum += digamma((nu - static_cast<double>(i)) / 2);
    return sum;
}

// Of the normalising constant of the precisions' distribution.
double Variational::log_gamma(double nu) const {
    const auto features = static_cast<double>(d);
    if (structure_ == Structure::diag) return features * lgamma_of(nu / 2);
    if (structure_ == Structure::spherical) return lgamma_of(features * nu / 2);
    double sum = features * (features - 1) / 4 * log_pi;
    for (std::ptrdiff_t i = 0; i < d; ++i) sum += lgamma_of((nu - static_cast<double>(i)) / 2);
    return sum;
}

double Variational::bound(const OwnedMixture& mixture) const {
    if (mixture.counts.empty()) return -std::numeric_limits<double>::infinity();  // it is no posterior
    double divergence = divergence_of_weights(mixture.counts);
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) {
        divergence += divergence_of_mean(mixture, k);
        if (k == 0 || !has_common_precision()) divergence += divergence_of_precision(mixture, k);
    }
    return -divergence;
}

// Of Dirichlet, or of Beta distributions.
double Variational::divergence_of_weights(const std::vector<double>& counts) const {
    const double alpha = prior_.concentration, n = total(counts);
    double sum = 0;
    if (prior_.sticks) {
        const std::vector<double> behind = counts_behind(counts);
        for (std::size_t k = 0; k < counts.size(); ++k) {
            const double a = 1 + counts[k], b = alpha + behind[k], of_both = digamma(a + b);
            sum += counts[k] * (digamma(a) - of_both) + behind[k] * (digamma(b) - of_both);
            sum += log_beta(1, alpha) - log_beta(a, b);
        }
        return sum;
    }
    const double all = static_cast<double>(counts.size()) * alpha, of_all = digamma(all + n);
    for (const double count : counts) {
        sum += count * (digamma(alpha + count) - of_all) + lgamma_of(alpha) - lgamma_of(alpha + count);
    }
    return sum + lgamma_of(all + n) - lgamma_of(all);
}

double Variational::divergence_of_mean(const OwnedMixture& mixture, std::ptrdiff_t k) const {
    const double ratio = prior_.mean_precision / mean_precision(mixture.counts[at(k)]);
    const double square = Precision(mixture, k).square(mixture.means.data() + k * d, prior_.mean.data());
    return (static_cast<double>(d) * (ratio - 1 - std::log(ratio)) + prior_.mean_precision * square) / 2;
}

double Variational::divergence_of_precision(const OwnedMixture& mixture, std::ptrdiff_t k) const {
    const Precision precision(mixture, k);
    const double nu = degrees_of_freedom(mixture.counts, k), before = prior_.degrees_of_freedom;
    const auto features = static_cast<double>(d);
    const double repeated = structure_ == Structure::spherical ? features : 1;
    const double log_growth = features * std::log(nu) + precision.log_determinant() - log_determinant_;
    const double trace = repeated * precision.trace(prior_.scatter.data());
    return ((nu - before) * sum_of_digammas(nu) - nu * features + trace + before * log_growth) / 2 - log_gamma(nu) +
           log_gamma(before);
}

// Where numbers are added to the covariances, as scikit-learn adds reg_covar, a step is none of the bound's.
double Variational::least_rise(const OwnedMixture&, const OwnedMixture&) const {
    const bool adds = std::any_of(added_.begin(), added_.end(), [](double value) { return value > 0; });
    return adds ? -tolerated : 0;
}

}  // namespace mixtura
