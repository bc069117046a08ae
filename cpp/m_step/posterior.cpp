// Weights, means and covariances where more is known of them than the rows tell.
#include "m_step/posterior.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "m_step/quadratic.hpp"

namespace mixtura {
namespace {

std::size_t at(std::ptrdiff_t i) { return static_cast<std::size_t>(i); }

bool is_above_zero(double count) { return count > 0; }

const Prior& prior_of(const Knowledge& known) {
    static const Prior none{{0}, {}, {0}, {0}, {}};
    return known.prior ? *known.prior : none;
}

class Moments {
  public:
    Moments(const Knowledge& known, Model model, const Statistics& statistics, OwnedMixture& next)
        : known_(known), prior_(prior_of(known)), is_common_(has_common_covariance(model)), sums_(statistics),
          next_(next), K(next.n_components), d(next.n_features), size(covariance_size(next.structure, d)),
          averages_(next.means) {}

    std::vector<double> take() {
        take_means();
        return next_.structure == Structure::tied ? tied() : own();
    }

  private:
    void take_means() {
        for (std::ptrdiff_t k = 0; k < K; ++k) {
            double* mean = next_.means.data() + k * d;
            const double *fixed = known_.fixed.mean(k, d), s = sums_.masses[k], count = mean_count(k);
            if (fixed != nullptr) {
                std::copy_n(fixed, d, mean);
            } else if (count > 0) {
                const double* m = prior_.mean(k, d);
                for (std::ptrdiff_t j = 0; j < d; ++j) mean[j] += count / (s + count) * (m[j] - mean[j]);
            }
        }
    }

    std::vector<double> own() {
        std::vector<double> counts(at(K));
        for (std::ptrdiff_t k = 0; k < K; ++k) {
            double* covariance = next_.covariances.data() + k * size;
            const double n = sums_.counts[k];
            for (std::ptrdiff_t i = 0; i < size; ++i) covariance[i] *= n * n_pooled();
            add_squares(k, covariance);
            const double share = is_common_ ? 1 / static_cast<double>(K) : 1;
            add_scatter(k, share, covariance);
            counts[at(k)] = n + volume_count(k) + share * covariance_count(k);
            divide(covariance, k, counts[at(k)]);
        }
        return counts;
    }

    std::vector<double> tied() {
        double count = std::accumulate(sums_.counts, sums_.counts + K, 0.0);
        double* covariance = next_.covariances.data();
        for (std::ptrdiff_t i = 0; i < size; ++i) covariance[i] *= count;
        for (std::ptrdiff_t k = 0; k < K; ++k) {
            add_squares(k, covariance);
            count += volume_count(k);
        }
        add_scatter(0, 1, covariance);
        count += covariance_count(0);
        for (std::ptrdiff_t i = 0; i < size; ++i) covariance[i] /= count;
        return {count};
    }

    // A spherical variance is the mean over the features.
    double n_pooled() const { return next_.structure == Structure::spherical ? static_cast<double>(d) : 1; }

    // One without rows of which nothing is known keeps the variance that was added.
    void divide(double* covariance, std::ptrdiff_t k, double count) {
        if (count > 0) {
            for (std::ptrdiff_t i = 0; i < size; ++i) covariance[i] /= count * n_pooled();
        } else {
            const double* before = unknown_.data();
            std::copy_n(before + k * size, size, covariance);
        }
    }

    void add_squares(std::ptrdiff_t k, double* out) const {
        const double* mean = next_.means.data() + k * d;
        add_square(next_.structure, d, sums_.masses[k], averages_.data() + k * d, mean, out);
        if (mean_count(k) > 0) add_square(next_.structure, d, mean_count(k), mean, prior_.mean(k, d), out);
    }

    void add_scatter(std::ptrdiff_t k, double share, double* out) const {
        if (!(covariance_count(k) > 0)) return;
        const double* scatter = prior_.scatter(k, size);
        for (std::ptrdiff_t i = 0; i < size; ++i) out[i] += share * scatter[i];
    }

    // What the prior of a mean adds to the count of log|Sigma_k|.
    double volume_count(std::ptrdiff_t k) const { return prior_.volume_count(k); }
    double mean_count(std::ptrdiff_t k) const { return prior_.mean_count(k); }
    double covariance_count(std::ptrdiff_t k) const { return prior_.covariance_count(k); }

    const Knowledge& known_;
    const Prior& prior_;
    const bool is_common_;
    const Statistics& sums_;
    OwnedMixture& next_;
    const std::ptrdiff_t K, d, size;
    const std::vector<double> averages_;  // of each component's rows
    const Numbers unknown_ = next_.covariances;
};

}  // namespace

bool Knowledge::of_weights() const {
    const bool of_prior = prior && std::any_of(prior->weight_counts.begin(), prior->weight_counts.end(), is_above_zero);
    return of_prior || !fixed.weights.empty() || bounds.has_weights();
}

bool Knowledge::of_moments() const {
    const bool of_prior = prior && (prior->has_means() || prior->has_covariances());
    return of_prior || !fixed.means.empty() || !fixed.covariances.empty() || bounds.has_ratio();
}

bool Knowledge::holds_covariance(std::ptrdiff_t k, std::ptrdiff_t size) const {
    return (prior && prior->covariance_count(k) > 0) || fixed.covariance(k, size) != nullptr;
}

std::vector<double> take_moments(const Knowledge& known, Model model, const Statistics& statistics,
                                 OwnedMixture& next) {
    return Moments(known, model, statistics, next).take();
}

// The noise is one more count, without a bound.
void take_weights(const Knowledge& known, const Statistics& statistics, OwnedMixture& next) {
    const std::ptrdiff_t K = next.n_components;
    const bool has_noise = next.view().has_noise();
    double rest = 1, all = 0;
    std::vector<double> counts;
    std::vector<double*> free;
    for (std::ptrdiff_t k = 0; k < K; ++k) {
        all += statistics.counts[k];
        const double fixed = known.fixed.weight(k);
        if (std::isnan(fixed)) {
            free.push_back(&next.weights[at(k)]);
            counts.push_back(statistics.counts[k] + (known.prior ? known.prior->weight_count(k) : 0));
        } else {
            next.weights[at(k)] = fixed;
            rest -= fixed;
        }
    }
    rest = std::max(rest, 0.0);
    if (free.empty()) {
        if (has_noise) next.noise.weight = rest;
        return;
    }
    // Where responsibilities are given the mixture knows the noise, and the sums do not.
    const double share = next.noise.weight, of_noise = share < 1 ? share / (1 - share) * all : statistics.weight;
    const auto n_free = static_cast<double>(free.size());
    if (known.bounds.equal_weights) {
        const double sum = std::accumulate(counts.begin(), counts.end(), of_noise);
        if (has_noise) next.noise.weight = sum > 0 ? rest * of_noise / sum : 0;
        for (double* weight : free) *weight = (rest - next.noise.weight) / n_free;
        return;
    }
    std::vector<double> least(free.size(), std::min(known.bounds.min_weight, rest / n_free));
    if (has_noise) {
        free.push_back(&next.noise.weight);
        counts.push_back(of_noise);
        least.push_back(0);
    }
    const std::vector<double> shares = likeliest_shares(counts, rest, least);
    for (std::size_t i = 0; i < free.size(); ++i) *free[i] = shares[i];
}

}  // namespace mixtura
