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

double digamma(double x) { return std::log(x) + digamma_less_log(x); }

// Unlike std::lgamma it may run in several threads.
double lgamma_of(double x) {
    int sign = 0;
    return ::lgamma_r(x, &sign);
}

double log_beta(double a, double b) { return lgamma_of(a) + lgamma_of(b) - lgamma_of(a + b); }

double total(const std::vector<double>& counts) { return std::accumulate(counts.begin(), counts.end(), 0.0); }

double log_determinant(Structure structure, const double* scatter, std::ptrdiff_t size, std::ptrdiff_t d) {
    std::vector<double> root(scatter, scatter + size);
    double sum = 0;
    if (!has_matrices(structure)) {
        for (const double value : root) sum += value > 0 ? std::log(value) : -std::numeric_limits<double>::infinity();
        return structure == Structure::spherical ? static_cast<double>(d) * sum : sum;
    }
    if (!cholesky(root.data(), d)) return -std::numeric_limits<double>::infinity();
    for (std::ptrdiff_t j = 0; j < d; ++j) sum += 2 * std::log(root[static_cast<std::size_t>(j * d + j)]);
    return sum;
}

// Of which something is known of each, by what there is of one; 0: of none.
std::ptrdiff_t n_own_of(const ConjugatePrior& prior, std::ptrdiff_t d, std::ptrdiff_t size) {
    std::ptrdiff_t n = 1;
    const auto count = [&](const std::vector<double>& values, std::ptrdiff_t of_one) {
        const std::ptrdiff_t own = static_cast<std::ptrdiff_t>(values.size()) / of_one;
        if (own != 1 && n != 1 && own != n)
            throw std::invalid_argument("the prior must be one for all components, or one of each");
        n = std::max(n, own);
    };
    for (const auto* values :
         {&prior.concentration, &prior.stick_counts, &prior.mean_precision, &prior.degrees_of_freedom})
        count(*values, 1);
    count(prior.mean, d);
    count(prior.scatter, size);
    return n == 1 ? 0 : n;
}

// All are finite numbers above that.
void check_above(double least, const std::vector<double>& values) {
    for (const double value : values) {
        if (!(value > least) || !std::isfinite(value)) throw std::invalid_argument("the prior must be a proper one");
    }
}

// E[log v] and E[log(1 - v)] of v ~ Beta(a, b).
struct LogShares {
    LogShares(double a, double b) : of_it(digamma(a) - digamma(a + b)), of_rest(digamma(b) - digamma(a + b)) {}
    double of_it, of_rest;
};

// From Beta(a, b), after so many rows on either side.
double divergence_of_beta(double a, double b, double n, double m) {
    const LogShares logs(a + n, b + m);
    return n * logs.of_it + m * logs.of_rest + log_beta(a, b) - log_beta(a + n, b + m);
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

Variational::Variational(Model model, std::vector<double> added, ConjugatePrior prior, Background noise)
    : model_(model), added_(std::move(added)), prior_(std::move(prior)), noise_(std::move(noise)),
      structure_(structure_of(model)), d(static_cast<std::ptrdiff_t>(added_.size())),
      size_(covariance_size(structure_, d)), n_own_(n_own_of(prior_, d, size_)) {
    if (!ConjugatePrior::has(model)) throw std::invalid_argument("these covariances have no conjugate prior");
    check_above(0, prior_.concentration);
    check_above(0, prior_.stick_counts);
    check_above(0, prior_.mean_precision);
    check_above(has_matrices(structure_) ? static_cast<double>(d) - 1 : 0, prior_.degrees_of_freedom);
    check_above(0, {prior_.noise_counts.begin(), prior_.noise_counts.end()});
    if (n_own_ > 0 && prior_.by_size) throw std::invalid_argument("components that are told apart have an order");
    if (has_common_precision() && (prior_.scatter.size() != at(size_) || prior_.degrees_of_freedom.size() != 1))
        throw std::invalid_argument("one precision has one prior");
    for (std::size_t i = 0; i < prior_.scatter.size(); i += at(size_)) {
        log_determinants_.push_back(log_determinant(structure_, prior_.scatter.data() + i, size_, d));
        if (!std::isfinite(log_determinants_.back()))
            throw std::invalid_argument("the scatter must be positive definite");
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
    return one_of(prior_.degrees_of_freedom, k) + (has_common_precision() ? total(counts) : counts[at(k)]);
}

double Variational::sum_of_concentrations(std::ptrdiff_t n) const {
    double sum = 0;
    for (std::ptrdiff_t k = 0; k < n; ++k) sum += concentration(k);
    return sum;
}

std::ptrdiff_t Variational::maximise(const Statistics& statistics, const OwnedMixture* before, OwnedMixture& next,
                                     Control& control) const {
    estimate(statistics, added_, next);
    next.counts.assign(statistics.counts, statistics.counts + next.n_components);
    for (double& count : next.counts) count = std::max(count, 0.0);
    take_noise(noise_, share_of_components(statistics, before), next);
    const double share = next.noise.weight;  // of the rows; where responsibilities are given the sums know of none
    const double of_noise = share < 1 ? share / (1 - share) * total(next.counts) : statistics.noise;
    take_moments(next);
    take_weights(next);
    if (has_noise()) take_noise_weight(of_noise, next);
    return factorise(next, control);
}

// A posterior of a mixture without noise is none of one with it.
void Variational::complete(OwnedMixture& mixture) const {
    if (has_noise() && !mixture.view().has_noise()) {
        mixture.counts.clear();
        mixture.log_weights.clear();
    }
    take_noise(noise_, 1, mixture);
}

// Of the mean x_k and covariance S_k of each component's rows (Bishop's equations 10.61 and 10.62):
//     scatter_k = scatter + n_k S_k + mean_precision n_k / (mean_precision + n_k) (x_k - mean)(x_k - mean)^T
//     mean_k = (mean_precision mean + n_k x_k) / (mean_precision + n_k)
void Variational::take_moments(OwnedMixture& next) const {
    const std::ptrdiff_t K = next.n_components;
    double* covariances = next.covariances.data();
    std::vector<double> sum(scatter(0), scatter(0) + size_);
    if (structure_ == Structure::tied) {
        const double n = total(next.counts);
        for (std::ptrdiff_t i = 0; i < size_; ++i) sum[at(i)] += n * covariances[i];
    }
    for (std::ptrdiff_t k = 0; k < K; ++k) {
        if (!has_common_precision()) sum.assign(scatter(k), scatter(k) + size_);
        add_scatter(k, next, sum.data());
        if (has_common_precision()) continue;
        const double nu = degrees_of_freedom(next.counts, k);
        for (std::ptrdiff_t i = 0; i < size_; ++i) covariances[k * size_ + i] = sum[at(i)] / nu;
    }
    if (!has_common_precision()) return;
    for (double& value : sum) value /= degrees_of_freedom(next.counts, 0);
    for (std::ptrdiff_t k = 0; k < n_covariances(structure_, K); ++k)
        std::copy_n(sum.data(), size_, covariances + k * size_);
}

// What the rows of component k add to the scatter; moves its mean. A spherical scatter is the mean over the features.
void Variational::add_scatter(std::ptrdiff_t k, OwnedMixture& next, double* scatter) const {
    const double n = next.counts[at(k)], all = mean_precision(k, n);
    double* mean = next.means.data() + k * d;
    if (n > 0) {
        const double features = structure_ == Structure::spherical ? static_cast<double>(d) : 1;
        const double factor = mean_precision(k) * n / all / features;
        add_square(structure_, d, factor, mean, this->mean(k), scatter);
        const double* own = next.covariances.data() + k * size_;
        for (std::ptrdiff_t i = 0; structure_ != Structure::tied && i < size_; ++i) scatter[i] += n * own[i];
    }
    const double share = mean_precision(k) / all;
    for (std::ptrdiff_t j = 0; j < d; ++j) mean[j] += share * (this->mean(k)[j] - mean[j]);
}

// E[w] and the log weights of the E-step (Bishop's equations 10.65 and 10.66; Blei & Jordan's section 3).
void Variational::take_weights(OwnedMixture& next) const {
    const std::vector<double>& counts = next.counts;
    const std::ptrdiff_t K = next.n_components;
    const double all = sum_of_concentrations(K) + total(counts);
    const std::vector<double> behind = counts_behind(counts);
    next.log_weights.resize(at(K));
    double left = 1, log_left = 0, sum = 0;
    for (const std::size_t i : order_of_sticks(counts)) {
        const auto k = static_cast<std::ptrdiff_t>(i);
        double& weight = next.weights[i];
        double& log_weight = next.log_weights[i];
        if (prior_.sticks) {
            const double own = stick_count(k) + counts[i], rest = concentration(k) + behind[i];
            const LogShares logs(own, rest);
            weight = left * own / (own + rest);
            log_weight = log_left + logs.of_it;
            left *= rest / (own + rest);
            log_left += logs.of_rest;
        } else {
            weight = concentration(k) + counts[i];
            log_weight = digamma(weight) - digamma(all);
        }
        sum += weight;
        const double nu = degrees_of_freedom(counts, k), features = static_cast<double>(d);
        const double half_trace = structure_ == Structure::spherical ? features * nu / 2 : nu / 2, n = counts[i];
        log_weight += (sum_of_digammas(nu) - features * std::log(half_trace) - features / mean_precision(k, n)) / 2;
    }
    for (double& weight : next.weights) weight /= sum;
}

// The components share what is left by it. Its own log weight and rows stand behind theirs.
void Variational::take_noise_weight(double rows_of_noise, OwnedMixture& next) const {
    const double of_noise = prior_.noise_counts[0] + rows_of_noise,
                 of_rows = prior_.noise_counts[1] + total(next.counts);
    const LogShares logs(of_noise, of_rows);
    next.noise.weight = of_noise / (of_noise + of_rows);
    for (double& weight : next.weights) weight *= 1 - next.noise.weight;
    for (double& log_weight : next.log_weights) log_weight += logs.of_rest;
    next.log_weights.push_back(logs.of_it);
    next.counts.push_back(rows_of_noise);
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
    const std::vector<double> counts(mixture.counts.begin(), mixture.counts.begin() + mixture.n_components);
    double divergence = divergence_of_weights(counts);
    if (has_noise()) divergence += divergence_of_noise(mixture.counts.back(), total(counts));
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) {
        divergence += divergence_of_mean(mixture, k);
        if (k == 0 || !has_common_precision()) divergence += divergence_of_precision(mixture, k);
    }
    return -divergence;
}

// Of Dirichlet, or of Beta distributions.
double Variational::divergence_of_weights(const std::vector<double>& counts) const {
    const auto K = static_cast<std::ptrdiff_t>(counts.size());
    double sum = 0;
    if (prior_.sticks) {
        const std::vector<double> behind = counts_behind(counts);
        for (std::ptrdiff_t k = 0; k < K; ++k)
            sum += divergence_of_beta(stick_count(k), concentration(k), counts[at(k)], behind[at(k)]);
        return sum;
    }
    const double all = sum_of_concentrations(K), n = total(counts), of_all = digamma(all + n);
    for (std::ptrdiff_t k = 0; k < K; ++k) {
        const double count = counts[at(k)], before = concentration(k), after = before + count;
        sum += count * (digamma(after) - of_all) + lgamma_of(before) - lgamma_of(after);
    }
    return sum + lgamma_of(all + n) - lgamma_of(all);
}

double Variational::divergence_of_noise(double rows_of_noise, double rows) const {
    return divergence_of_beta(prior_.noise_counts[0], prior_.noise_counts[1], rows_of_noise, rows);
}

double Variational::divergence_of_mean(const OwnedMixture& mixture, std::ptrdiff_t k) const {
    const double ratio = mean_precision(k) / mean_precision(k, mixture.counts[at(k)]);
    const double square = Precision(mixture, k).square(mixture.means.data() + k * d, mean(k));
    return (static_cast<double>(d) * (ratio - 1 - std::log(ratio)) + mean_precision(k) * square) / 2;
}

double Variational::divergence_of_precision(const OwnedMixture& mixture, std::ptrdiff_t k) const {
    const Precision precision(mixture, k);
    const std::vector<double> counts(mixture.counts.begin(), mixture.counts.begin() + mixture.n_components);
    const double nu = degrees_of_freedom(counts, k), before = one_of(prior_.degrees_of_freedom, k);
    const auto features = static_cast<double>(d);
    const double repeated = structure_ == Structure::spherical ? features : 1;
    const double log_growth = features * std::log(nu) + precision.log_determinant() - one_of(log_determinants_, k);
    const double trace = repeated * precision.trace(scatter(k));
    return ((nu - before) * sum_of_digammas(nu) - nu * features + trace + before * log_growth) / 2 - log_gamma(nu) +
           log_gamma(before);
}

// Where numbers are added to the covariances, as scikit-learn adds reg_covar, a step is none of the bound's.
double Variational::least_rise(const OwnedMixture&, const OwnedMixture&) const {
    const bool adds = std::any_of(added_.begin(), added_.end(), [](double value) { return value > 0; });
    return adds ? -tolerated : 0;
}

}  // namespace mixtura
