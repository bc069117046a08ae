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

#include "m_step/linear_algebra.hpp"
#include "optimum/leave_one_out.hpp"
#include "support/interrupt.hpp"

namespace mixtura {
namespace {

constexpr double most_share = 0.5, most_leverage = 0.95;  // so that what is left stays regular

// |P^T (row - mean)|^2 of every row.
std::vector<double> square_distances(const double* rows, std::ptrdiff_t n_rows, const double* mean,
                                     const double* factor, std::ptrdiff_t d) {
    constexpr std::ptrdiff_t at_once = 64;
    std::vector<double> centred(static_cast<std::size_t>(at_once * d)), z(centred.size()), squares;
    for (std::ptrdiff_t begin = 0; begin < n_rows; begin += at_once) {
        const std::ptrdiff_t n = std::min(at_once, n_rows - begin);
        for (std::ptrdiff_t i = 0; i < n; ++i) {
            for (std::ptrdiff_t j = 0; j < d; ++j)
                centred[static_cast<std::size_t>(i * d + j)] = rows[(begin + i) * d + j] - mean[j];
        }
        times_upper(centred.data(), factor, n, d, z.data());
        for (std::ptrdiff_t i = 0; i < n; ++i) squares.push_back(inner_product(z.data() + i * d, z.data() + i * d, d));
    }
    return squares;
}

double square_distance(const double* row, const double* mean, const double* factor, std::ptrdiff_t d,
                       std::vector<double>& z) {
    std::fill(z.begin(), z.end(), 0.0);
    for (std::ptrdiff_t m = 0; m < d; ++m) {
        const double value = row[m] - mean[m];
        for (std::ptrdiff_t j = m; j < d; ++j) z[static_cast<std::size_t>(j)] += factor[m * d + j] * value;
    }
    double sum = 0;
    for (const double value : z) sum += value * value;
    return sum;
}

void normalise(double* logs, std::ptrdiff_t n) {
    const double most = *std::max_element(logs, logs + n);
    double sum = 0;
    for (std::ptrdiff_t k = 0; k < n; ++k) sum += logs[k] = std::exp(logs[k] - most);
    for (std::ptrdiff_t k = 0; k < n; ++k) logs[k] /= sum;
}

}  // namespace

void leave_one_out(const Mixture& mixture, const double* rows, const double* weights, std::ptrdiff_t n_rows,
                   double* responsibilities) {
    const std::ptrdiff_t K = mixture.n_components, d = mixture.n_features;
    const bool shared = mixture.structure == Structure::tied;
    std::vector<double> counts(static_cast<std::size_t>(K)), logs(counts), z(static_cast<std::size_t>(d));
    const auto weight_of = [&](std::ptrdiff_t i) { return weights ? weights[i] : 1.0; };
    double total = 0;
    for (std::ptrdiff_t i = 0; i < n_rows; ++i) {
        const double w = weight_of(i);
        total += w;
        for (std::ptrdiff_t k = 0; k < K; ++k) counts[static_cast<std::size_t>(k)] += w * responsibilities[i * K + k];
    }
    for (std::ptrdiff_t k = 0; k < K; ++k) {
        const double* factor = mixture.precisions_cholesky + (shared ? 0 : k * d * d);
        double& log_k = logs[static_cast<std::size_t>(k)];
        log_k = std::log(std::max(mixture.weights[k], std::numeric_limits<double>::min()));
        for (std::ptrdiff_t j = 0; j < d; ++j) log_k += std::log(factor[j * d + j]);
    }
    const auto features = static_cast<double>(d);
    std::vector<std::vector<double>> distances;
    for (std::ptrdiff_t k = 0; d >= wide && k < K; ++k) {
        const double* factor = mixture.precisions_cholesky + (shared ? 0 : k * d * d);
        distances.push_back(square_distances(rows, n_rows, mixture.means + k * d, factor, d));
    }
    for (std::ptrdiff_t i = 0; i < n_rows; ++i) {
        double* r = responsibilities + i * K;
        for (std::ptrdiff_t k = 0; k < K; ++k) {
            const double* factor = mixture.precisions_cholesky + (shared ? 0 : k * d * d);
            const double distance = d >= wide ? distances[static_cast<std::size_t>(k)][static_cast<std::size_t>(i)]
                                              : square_distance(rows + i * d, mixture.means + k * d, factor, d, z);
            const double count = std::max(counts[static_cast<std::size_t>(k)], std::numeric_limits<double>::min());
            const double h = std::min(weight_of(i) * r[k] / count, most_share);
            const double g = shared ? h * count / total : h;
            const double q = std::min(distance * g / (1 - h), most_leverage);
            const double left = (1 - g) * distance / ((1 - h) * (1 - h)) / (1 - q);
            r[k] = logs[static_cast<std::size_t>(k)] - (std::log1p(-q) - features * std::log1p(-g) + left) / 2;
        }
        normalise(r, K);
    }
}

void LeftOut::accumulate(const Expectation& asked, const Mixture& mixture, OwnedStatistics& out,
                         Control& control) const {
    Responsibilities given = responsibilities(mixture, rows_, control);
    leave_one_out(mixture, rows_.data, rows_.weights, rows_.n_rows, given.values.data());
    source_.bringing(given.view())->accumulate(asked, mixture, out, control);
}

}  // namespace mixtura
