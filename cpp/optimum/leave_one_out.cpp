// Responsibilities of each row under the mixture that EM would have made without that row.
//
// Where components have few rows a feature, a row pulls the component that it was given to so close that it never
// leaves: EM keeps nearly any partition. Without its own share h = w r / n_k in the mean and g = w r / m in the
// covariance (m its weight: n_k, or all where it is shared) the whitened square distance D and the determinant become
// (Sherman & Morrison 1950)
//
//     D' = (1 - g) D / (1 - h)^2 / (1 - q),   log|S'| = log|S| + log(1 - q) - d log(1 - g),   q = D g / (1 - h).
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "e_step/expect.hpp"
#include "optimum/leave_one_out.hpp"

namespace mixtura {
namespace {

constexpr double log_two_pi = 1.8378770664093454836;

constexpr double most_share = 0.5, most_leverage = 0.95;  // so that what is left stays regular

// A share of a component and of its distance below which a row leaves no trace in it.
constexpr double no_trace = 1e-12;

void normalise(double* logs, std::ptrdiff_t n) {
    const double most = *std::max_element(logs, logs + n);
    double sum = 0;
    for (std::ptrdiff_t k = 0; k < n; ++k) sum += logs[k] = std::exp(logs[k] - most);
    for (std::ptrdiff_t k = 0; k < n; ++k) logs[k] /= sum;
}

// log w_k |P_k| of each component: its log density at its mean, but for the constant that all have.
std::vector<double> log_heights(const Mixture& mixture) {
    const std::ptrdiff_t d = mixture.n_features;
    std::vector<double> heights;
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) {
        const double* factor = mixture.precisions_cholesky + (mixture.structure == Structure::tied ? 0 : k * d * d);
        double height = std::log(std::max(mixture.weights[k], std::numeric_limits<double>::min()));
        for (std::ptrdiff_t j = 0; j < d; ++j) height += std::log(factor[j * d + j]);
        heights.push_back(height);
    }
    return heights;
}

// |P_k^T (x - mu_k)|^2 of every row and component, from what the kernels say of the densities.
std::vector<double> square_distances(const Mixture& mixture, const std::vector<double>& heights, const double* rows,
                                     std::ptrdiff_t n_rows, Control& control) {
    const std::ptrdiff_t K = mixture.n_components, d = mixture.n_features;
    Mixture gaussian = mixture;
    gaussian.df = gaussian.log_weights = nullptr;
    gaussian.noise = {};
    std::vector<double> squares(static_cast<std::size_t>(n_rows * K));
    Evaluation<double> evaluation;
    evaluation.log_joint = squares.data();
    evaluate(Rows<double>{rows, n_rows, d, d, 1}, gaussian, evaluation, control);
    check(control);
    const double constant = static_cast<double>(d) / 2 * log_two_pi;
    for (std::size_t i = 0; i < squares.size(); ++i) {
        const double height = heights[i % static_cast<std::size_t>(K)];
        squares[i] = std::max(2 * (height - constant - squares[i]), 0.0);
    }
    return squares;
}

}  // namespace

void leave_one_out(const Mixture& mixture, const double* rows, const double* weights, std::ptrdiff_t n_rows,
                   double* responsibilities, Control& control) {
    const std::ptrdiff_t K = mixture.n_components;
    const bool shared = mixture.structure == Structure::tied;
    const auto features = static_cast<double>(mixture.n_features);
    const std::vector<double> heights = log_heights(mixture);
    const std::vector<double> squares = square_distances(mixture, heights, rows, n_rows, control);
    std::vector<double> counts(static_cast<std::size_t>(K));
    const auto weight_of = [&](std::ptrdiff_t i) { return weights ? weights[i] : 1.0; };
    double total = 0;
    for (std::ptrdiff_t i = 0; i < n_rows; ++i) {
        const double w = weight_of(i);
        total += w;
        for (std::ptrdiff_t k = 0; k < K; ++k) counts[static_cast<std::size_t>(k)] += w * responsibilities[i * K + k];
    }
    for (std::ptrdiff_t i = 0; i < n_rows; ++i) {
        double* r = responsibilities + i * K;
        for (std::ptrdiff_t k = 0; k < K; ++k) {
            const double height = heights[static_cast<std::size_t>(k)];
            const double distance = squares[static_cast<std::size_t>(i * K + k)];
            const double count = std::max(counts[static_cast<std::size_t>(k)], std::numeric_limits<double>::min());
            const double h = std::min(weight_of(i) * r[k] / count, most_share);
            if (h * (1 + distance) < no_trace) {
                r[k] = height - distance / 2;
                continue;
            }
            const double g = shared ? h * count / total : h;
            const double q = std::min(distance * g / (1 - h), most_leverage);
            const double left = (1 - g) * distance / ((1 - h) * (1 - h)) / (1 - q);
            r[k] = height - (std::log1p(-q) - features * std::log1p(-g) + left) / 2;
        }
        normalise(r, K);
    }
}

void LeftOut::accumulate(const Expectation& asked, const Mixture& mixture, OwnedStatistics& out,
                         Control& control) const {
    Responsibilities given = responsibilities(mixture, rows_, control);
    leave_one_out(mixture, rows_.data, rows_.weights, rows_.n_rows, given.values.data(), control);
    source_.bringing(given.view())->accumulate(asked, mixture, out, control);
}

}  // namespace mixtura
