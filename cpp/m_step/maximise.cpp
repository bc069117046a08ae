// The M-step: weights, means, covariances and their factors from the statistics.
//
//     n = counts, delta = firsts / n:   w = n / sum n,   mu = c + delta,   Sigma = seconds / n - delta delta^T
//
// The centres c are the means of the last iteration, so delta tends to 0 and nothing cancels. Models that
// share a volume, a shape or an orientation between the components go on from these Sigma (constrain.cpp).
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "m_step/constrain.hpp"
#include "model/core.hpp"
#include "support/interrupt.hpp"
#include "support/linear_algebra.hpp"
#include "support/parallel.hpp"

namespace mixtura {
namespace {

bool factorise_matrix(const double* covariance, std::ptrdiff_t d, double* factor) {
    std::vector<double> upper(covariance, covariance + d * d);
    if (!cholesky(upper.data(), d)) return false;
    invert_upper(upper.data(), d, factor);
    return true;
}

bool factorise_variances(const double* variances, std::ptrdiff_t size, double* factor) {
    for (std::ptrdiff_t j = 0; j < size; ++j) {
        if (!(variances[j] > 0) || !std::isfinite(variances[j])) return false;
        factor[j] = 1 / std::sqrt(variances[j]);
    }
    return true;
}

// The mean of component k and delta, its distance from the centre; a component without rows stays where it is.
void move_mean(const Statistics& statistics, const double* centres, std::ptrdiff_t k, std::ptrdiff_t d, double* delta,
               double* mean) {
    const double n = statistics.counts[k];
    for (std::ptrdiff_t j = 0; j < d; ++j) {
        delta[j] = n > 0 ? statistics.firsts[k * d + j] / n : 0;
        mean[j] = centres[k * d + j] + delta[j];
    }
}

class Maximisation {
  public:
    Maximisation(std::ptrdiff_t n_components, std::ptrdiff_t n_features, const Statistics& statistics,
                 const double* centres, const double* reg_covar, const Parameters& out)
        : K(n_components), d(n_features), statistics_(statistics), reg_covar_(reg_covar), out_(out),
          deltas_(static_cast<std::size_t>(K * d)) {
        double total = 0;
        for (std::ptrdiff_t k = 0; k < K; ++k) total += statistics.counts[k];
        for (std::ptrdiff_t k = 0; k < K; ++k) {
            out.weights[k] = statistics.counts[k] / total;
            move_mean(statistics, centres, k, d, delta(k), out.means + k * d);
        }
    }

    void full(std::ptrdiff_t k) {
        const double n = statistics_.counts[k];
        const double* seconds = statistics_.seconds + k * d * d;
        double* covariance = out_.covariances + k * d * d;
        for (std::ptrdiff_t i = 0; i < d; ++i) {
            if (d >= wide) check_interrupted_sometimes();
            for (std::ptrdiff_t j = 0; j < d; ++j) {
                covariance[i * d + j] = n > 0 ? seconds[i * d + j] / n - delta(k)[i] * delta(k)[j] : 0;
            }
            covariance[i * d + i] += reg_covar_[i];
        }
    }

    void tied() {
        double total = 0;
        std::copy_n(statistics_.seconds, d * d, out_.covariances);
        for (std::ptrdiff_t k = 0; k < K; ++k) {
            const double n = statistics_.counts[k];
            total += n;
            for (std::ptrdiff_t i = 0; i < d; ++i) {
                if (d >= wide) check_interrupted_sometimes();
                for (std::ptrdiff_t j = 0; j < d; ++j) out_.covariances[i * d + j] -= n * delta(k)[i] * delta(k)[j];
            }
        }
        for (std::ptrdiff_t i = 0; i < d * d; ++i) out_.covariances[i] /= total;
        for (std::ptrdiff_t i = 0; i < d; ++i) out_.covariances[i * d + i] += reg_covar_[i];
    }

    void diag(std::ptrdiff_t k) {
        const double n = statistics_.counts[k];
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            const double square = delta(k)[j] * delta(k)[j];
            const double variance = n > 0 ? statistics_.seconds[k * d + j] / n - square : 0;
            out_.covariances[k * d + j] = variance + reg_covar_[j];
        }
    }

    void spherical(std::ptrdiff_t k) {
        const double n = statistics_.counts[k];
        double square = 0;
        for (std::ptrdiff_t j = 0; j < d; ++j) square += delta(k)[j] * delta(k)[j];
        const double variance = n > 0 ? (statistics_.seconds[k] / n - square) / static_cast<double>(d) : 0;
        out_.covariances[k] = variance + mean_reg_covar();
    }

  private:
    double mean_reg_covar() const {
        double sum = 0;
        for (std::ptrdiff_t j = 0; j < d; ++j) sum += reg_covar_[j];
        return sum / static_cast<double>(d);
    }

    double* delta(std::ptrdiff_t k) { return deltas_.data() + k * d; }

    const std::ptrdiff_t K;
    const std::ptrdiff_t d;
    const Statistics& statistics_;
    const double* const reg_covar_;
    const Parameters& out_;
    std::vector<double> deltas_;
};

}  // namespace

std::ptrdiff_t factorise(Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features,
                         const double* covariances, double* precisions_cholesky, Control& control) {
    const std::ptrdiff_t d = n_features;
    const double cube = static_cast<double>(d) * static_cast<double>(d) * static_cast<double>(d);
    switch (structure) {
        case Structure::full:
            return first_failure(n_components, cube, control, [&](std::ptrdiff_t k) {
                return factorise_matrix(covariances + k * d * d, d, precisions_cholesky + k * d * d);
            });
        case Structure::tied: return factorise_matrix(covariances, d, precisions_cholesky) ? -1 : 0;
        case Structure::diag:
            for (std::ptrdiff_t k = 0; k < n_components; ++k) {
                if (!factorise_variances(covariances + k * d, d, precisions_cholesky + k * d)) return k;
            }
            return -1;
        case Structure::spherical:
            for (std::ptrdiff_t k = 0; k < n_components; ++k) {
                if (!factorise_variances(covariances + k, 1, precisions_cholesky + k)) return k;
            }
            return -1;
    }
    return -1;
}

std::ptrdiff_t maximise(Model model, std::ptrdiff_t n_components, std::ptrdiff_t n_features,
                        const Statistics& statistics, const double* centres, const double* reg_covar,
                        const double* previous, const Parameters& out, Control& control) {
    const Structure structure = structure_of(model);
    Maximisation step(n_components, n_features, statistics, centres, reg_covar, out);
    for (std::ptrdiff_t k = 0; k < n_components; ++k) {
        if (structure == Structure::full) step.full(k);
        if (structure == Structure::diag) step.diag(k);
        if (structure == Structure::spherical) step.spherical(k);
    }
    if (structure == Structure::tied) step.tied();
    const Components components{n_components, n_features, out.weights, previous, out.covariances};
    const std::ptrdiff_t failed = constrain(model, components, control);
    if (failed >= 0 || control.interrupted) return failed;
    return factorise(structure, n_components, n_features, out.covariances, out.precisions_cholesky, control);
}

// seconds / n - delta^2 keeps about log10(delta^2 / variance) digits fewer than the sums have; reg_covar is part of the
// variance, so that a component on a single row does not ask for its sums twice in every iteration.
template <class Real>
bool cancels(Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features, const Statistics& statistics,
             const double* reg_covar) {
    constexpr double most = sizeof(Real) == sizeof(double) ? 1e5 : 10;
    const std::ptrdiff_t d = n_features;
    const auto added = [&](std::ptrdiff_t j) { return reg_covar != nullptr ? reg_covar[j] : 0.0; };
    double added_sum = 0;
    for (std::ptrdiff_t j = 0; j < d; ++j) added_sum += added(j);
    for (std::ptrdiff_t k = 0; k < n_components; ++k) {
        const double n = statistics.counts[k];
        if (!(n > 0)) continue;
        double square_sum = 0;
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            const double delta = statistics.firsts[k * d + j] / n;
            const double square = delta * delta;
            square_sum += square;
            if (structure != Structure::full && structure != Structure::diag) continue;
            const std::ptrdiff_t at = structure == Structure::full ? (k * d + j) * d + j : k * d + j;
            if (square > most * (statistics.seconds[at] / n - square + added(j))) return true;
        }
        if (structure == Structure::spherical &&
            square_sum > most * (statistics.seconds[k] / n - square_sum + added_sum))
            return true;
    }
    if (structure != Structure::tied) return false;
    for (std::ptrdiff_t j = 0; j < d; ++j) {
        double between = 0, total = 0;
        for (std::ptrdiff_t k = 0; k < n_components; ++k) {
            const double n = statistics.counts[k];
            total += n;
            if (n > 0) between += statistics.firsts[k * d + j] * statistics.firsts[k * d + j] / n;
        }
        if (between > most * (statistics.seconds[j * d + j] - between + total * added(j))) return true;
    }
    return false;
}

template bool cancels<double>(Structure, std::ptrdiff_t, std::ptrdiff_t, const Statistics&, const double*);
template bool cancels<float>(Structure, std::ptrdiff_t, std::ptrdiff_t, const Statistics&, const double*);

}  // namespace mixtura
