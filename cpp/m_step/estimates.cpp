// The averages of an M-step, and the digits that they keep.
#include "m_step/estimates.hpp"

#include <algorithm>
#include <numeric>

#include "support/interrupt.hpp"

namespace mixtura {
namespace {

class Estimates {
  public:
    Estimates(const Statistics& statistics, const std::vector<double>& added, OwnedMixture& next)
        : K(next.n_components), d(next.n_features), sums_(statistics), added_(added.data()), next_(next),
          deltas_(next.means.size()) {}

    void take() {
        take_weights_and_means();
        if (next_.structure == Structure::tied) return tied();
        for (std::ptrdiff_t k = 0; k < K; ++k) {
            switch (next_.structure) {
                case Structure::diag: diag(k); break;
                case Structure::spherical: spherical(k); break;
                default: full(k);
            }
        }
    }

  private:
    // A component without rows stays where it is.
    void take_weights_and_means() {
        double total = 0;
        for (std::ptrdiff_t k = 0; k < K; ++k) total += sums_.counts[k];
        total += sums_.noise;
        next_.noise.weight = sums_.noise / total;
        for (std::ptrdiff_t k = 0; k < K; ++k) {
            const double mass = sums_.masses[k];
            next_.weights[static_cast<std::size_t>(k)] = sums_.counts[k] / total;
            double* mean = next_.means.data() + k * d;
            for (std::ptrdiff_t j = 0; j < d; ++j) {
                delta(k)[j] = mass > 0 ? sums_.firsts[k * d + j] / mass : 0;
                mean[j] = sums_.centres[k * d + j] + delta(k)[j];
            }
        }
    }

    void full(std::ptrdiff_t k) {
        const double n = sums_.counts[k], u = mean_scale(k);
        const double* seconds = sums_.seconds + k * d * d;
        double* covariance = next_.covariances.data() + k * d * d;
        for (std::ptrdiff_t i = 0; i < d; ++i) {
            if (d >= wide) check_interrupted_sometimes();
            for (std::ptrdiff_t j = 0; j < d; ++j) {
                covariance[i * d + j] = n > 0 ? seconds[i * d + j] / n - u * delta(k)[i] * delta(k)[j] : 0;
            }
            covariance[i * d + i] += added_[i];
        }
    }

    void tied() {
        double total = 0;
        double* covariance = next_.covariances.data();
        std::copy_n(sums_.seconds, d * d, covariance);
        for (std::ptrdiff_t k = 0; k < K; ++k) {
            const double mass = sums_.masses[k];
            total += sums_.counts[k];
            for (std::ptrdiff_t i = 0; i < d; ++i) {
                if (d >= wide) check_interrupted_sometimes();
                for (std::ptrdiff_t j = 0; j < d; ++j) covariance[i * d + j] -= mass * delta(k)[i] * delta(k)[j];
            }
        }
        for (std::ptrdiff_t i = 0; i < d * d; ++i) covariance[i] /= total;
        for (std::ptrdiff_t i = 0; i < d; ++i) covariance[i * d + i] += added_[i];
    }

    void diag(std::ptrdiff_t k) {
        const double n = sums_.counts[k];
        double* variances = next_.covariances.data() + k * d;
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            const double square = mean_scale(k) * delta(k)[j] * delta(k)[j];
            variances[j] = (n > 0 ? sums_.seconds[k * d + j] / n - square : 0) + added_[j];
        }
    }

    void spherical(std::ptrdiff_t k) {
        const double n = sums_.counts[k], features = static_cast<double>(d);
        double square = 0;
        for (std::ptrdiff_t j = 0; j < d; ++j) square += mean_scale(k) * delta(k)[j] * delta(k)[j];
        const double variance = n > 0 ? (sums_.seconds[k] / n - square) / features : 0;
        next_.covariances[static_cast<std::size_t>(k)] = variance + std::accumulate(added_, added_ + d, 0.0) / features;
    }

    double* delta(std::ptrdiff_t k) { return deltas_.data() + k * d; }

    // Of the rows of a component; 1 where it is Gaussian.
    double mean_scale(std::ptrdiff_t k) const { return sums_.counts[k] > 0 ? sums_.masses[k] / sums_.counts[k] : 1; }

    const std::ptrdiff_t K, d;
    const Statistics& sums_;
    const double* const added_;
    OwnedMixture& next_;
    std::vector<double> deltas_;  // of the means from the centres
};

// How much of its variance a square distance from the centre may be: seconds / n - delta^2 keeps about
// log10(delta^2 / variance) digits fewer than the sums have. What is added is part of the variance, so that a component
// on a single row does not ask for its sums twice in every iteration.
class Cancellation {
  public:
    Cancellation(const Statistics& statistics, const std::vector<double>& added, const double* scatter, bool is_single)
        : K(statistics.n_components()), d(statistics.n_features()), sums_(statistics), added_(added.data()),
          scatter_(scatter), most_(is_single ? 10 : 1e5) {}

    bool is_there() const {
        if (sums_.structure() == Structure::tied) {
            for (std::ptrdiff_t j = 0; j < d; ++j) {
                if (in_pooled(j)) return true;
            }
            return false;
        }
        for (std::ptrdiff_t k = 0; k < K; ++k) {
            if (!(sums_.counts[k] > 0)) continue;
            if (sums_.structure() == Structure::spherical ? in_spherical(k) : in_diagonal(k)) return true;
        }
        return false;
    }

  private:
    // Of the variances themselves, or on the diagonal of a matrix.
    bool in_diagonal(std::ptrdiff_t k) const {
        const double n = sums_.counts[k];
        const std::ptrdiff_t step = sums_.structure() == Structure::full ? d + 1 : 1;
        const double* seconds = sums_.seconds + k * covariance_size(sums_.structure(), d);
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            const double delta = sums_.firsts[k * d + j] / sums_.masses[k], square = delta * delta;
            if (square > most_ * (seconds[j * step] / n - square + added_[j] + scatter(j * step) / n)) return true;
        }
        return false;
    }

    bool in_spherical(std::ptrdiff_t k) const {
        const double n = sums_.counts[k];
        double square = 0;
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            const double delta = sums_.firsts[k * d + j] / sums_.masses[k];
            square += delta * delta;
        }
        const double all_added = std::accumulate(added_, added_ + d, 0.0) + static_cast<double>(d) * scatter(0) / n;
        return square > most_ * (sums_.seconds[k] / n - square + all_added);
    }

    bool in_pooled(std::ptrdiff_t j) const {
        double between = 0, total = 0;
        for (std::ptrdiff_t k = 0; k < K; ++k) {
            const double n = sums_.counts[k], first = sums_.firsts[k * d + j];
            total += n;
            if (n > 0) between += first * first / sums_.masses[k];
        }
        return between > most_ * (sums_.seconds[j * d + j] - between + total * added_[j] + scatter(j * d + j));
    }

    double scatter(std::ptrdiff_t i) const { return scatter_ == nullptr ? 0 : scatter_[i]; }

    const std::ptrdiff_t K, d;
    const Statistics& sums_;
    const double* const added_;
    const double* const scatter_;  // null: none
    const double most_;
};

}  // namespace

void estimate(const Statistics& statistics, const std::vector<double>& added, OwnedMixture& next) {
    Estimates(statistics, added, next).take();
}

bool cancels(const Statistics& statistics, const std::vector<double>& added, const double* scatter, bool is_single) {
    return Cancellation(statistics, added, scatter, is_single).is_there();
}

}  // namespace mixtura
