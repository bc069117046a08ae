// What a fit takes from its rows where nobody says it.
#include "fitting/of_rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "m_step/linear_algebra.hpp"

namespace mixtura {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// Of the size of a feature: below, its spread is the rounding of its mean.
constexpr double no_spread = 1e-12;

// Of all directions' mean variance, which is 1: below, rows lie in a plane, whose box has no volume.
constexpr double no_variance = 1e-10;

double weight_of(const Rows<double>& rows, std::ptrdiff_t i) { return rows.weights == nullptr ? 1 : rows.weights[i]; }

double value_of(const Rows<double>& rows, std::ptrdiff_t i, std::ptrdiff_t j) {
    return rows.data[i * rows.row_stride + j * rows.feature_stride];
}

// Principal axes of the features in their spreads; none where there is one without any variance.
std::vector<double> axes_of(const BoxDirections& directions, const double* covariance, std::size_t d,
                            const EigenSolver& solve) {
    const std::size_t n = directions.features.size();
    std::vector<double> correlations, values(n), axes(n * n);
    for (std::size_t a = 0; a < n; ++a) {
        for (std::size_t b = 0; b < n; ++b) {
            const auto i = static_cast<std::size_t>(directions.features[a]);
            const auto j = static_cast<std::size_t>(directions.features[b]);
            correlations.push_back(covariance[i * d + j] / directions.spreads[b] / directions.spreads[a]);
        }
    }
    solve(correlations, values, axes);
    return values.back() > no_variance ? axes : std::vector<double>{};
}

double log_volume(const BoxSides& sides, std::size_t first, std::size_t n) {
    double sum = 0;
    for (std::size_t i = first; i < first + n; ++i) sum += std::log(sides.most[i] - sides.least[i]);
    return sum;
}

}  // namespace

void solve_eigen(std::vector<double>& matrix, std::vector<double>& values, std::vector<double>& vectors) {
    eigen(matrix.data(), static_cast<std::ptrdiff_t>(values.size()), values.data(), vectors.data());
}

std::vector<double> Observed::variances() const {
    std::vector<double> out(squares);
    for (std::size_t j = 0; j < out.size(); ++j) out[j] /= weight[j] > 0 ? weight[j] : 1;
    return out;
}

Observed observed_in(const Rows<double>& rows) {
    const auto d = static_cast<std::size_t>(rows.n_features);
    Observed found{std::vector<double>(d), std::vector<double>(d), std::vector<double>(d)};
    const auto each = [&](const auto& add) {
        for (std::ptrdiff_t i = 0; i < rows.n_rows; ++i) {
            for (std::size_t j = 0; j < d; ++j) {
                const double x = value_of(rows, i, static_cast<std::ptrdiff_t>(j));
                if (x == x) add(j, x, weight_of(rows, i));
            }
        }
    };
    each([&](std::size_t j, double x, double w) {
        found.weight[j] += w;
        found.mean[j] += w * x;
    });
    for (std::size_t j = 0; j < d; ++j) found.mean[j] /= found.weight[j] > 0 ? found.weight[j] : 1;
    each([&](std::size_t j, double x, double w) { found.squares[j] += w * (x - found.mean[j]) * (x - found.mean[j]); });
    return found;
}

BoxDirections box_directions(const std::vector<double>& mean, const std::vector<double>& variances,
                             const double* covariance, const EigenSolver& solve) {
    BoxDirections found;
    for (std::size_t j = 0; j < mean.size(); ++j) {
        const double spread = std::sqrt(variances[j]);
        const double size = std::max(std::abs(mean[j]), std::numeric_limits<double>::min());
        if (!(spread > no_spread * size)) continue;
        found.features.push_back(static_cast<std::int64_t>(j));
        found.spreads.push_back(spread);
    }
    if (covariance != nullptr && found.features.size() > 1) found.axes = axes_of(found, covariance, mean.size(), solve);
    return found;
}

BoxSides box_sides(const Rows<double>& rows, const std::vector<double>& mean, const BoxDirections& directions) {
    const std::size_t n = directions.features.size(), n_axes = directions.axes.empty() ? 0 : n;
    BoxSides found{std::vector<double>(n + n_axes, infinity), std::vector<double>(n + n_axes, -infinity)};
    const auto take = [&](std::size_t at, double value) {
        found.least[at] = std::min(found.least[at], value);
        found.most[at] = std::max(found.most[at], value);
    };
    std::vector<double> away(n);
    for (std::ptrdiff_t i = 0; i < rows.n_rows; ++i) {
        if (!(weight_of(rows, i) > 0)) continue;
        for (std::size_t a = 0; a < n; ++a) {
            const std::int64_t j = directions.features[a];
            const double x = value_of(rows, i, static_cast<std::ptrdiff_t>(j));
            away[a] = (x - mean[static_cast<std::size_t>(j)]) / directions.spreads[a];
            if (x == x) take(a, away[a]);
        }
        for (std::size_t b = 0; b < n_axes; ++b) {
            const double* axis = directions.axes.data() + b * n;
            take(n + b, std::inner_product(away.begin(), away.end(), axis, 0.0));
        }
    }
    return found;
}

Box box_of(const std::vector<double>& mean, const BoxDirections& directions, const BoxSides& sides) {
    const std::size_t n = directions.features.size();
    Box found{log_volume(sides, 0, n), std::vector<double>(mean.size()), mean, mean};
    if (!directions.axes.empty()) found.log_volume = std::min(found.log_volume, log_volume(sides, n, n));
    for (std::size_t a = 0; a < n; ++a) {
        const auto j = static_cast<std::size_t>(directions.features[a]);
        const double spread = directions.spreads[a];
        found.log_volume += std::log(spread);
        found.log_sides[j] = std::log(sides.most[a] - sides.least[a]) + std::log(spread);
        found.least[j] += spread * sides.least[a];
        found.most[j] += spread * sides.most[a];
    }
    return found;
}

std::vector<double> default_scatter(Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features,
                                    const double* covariance, double n_rows) {
    const double unbiased = n_rows > 1 ? n_rows / (n_rows - 1) : 1;
    const double factor =
        unbiased * std::pow(static_cast<double>(n_components), -2.0 / static_cast<double>(n_features));
    std::vector<double> scatter(static_cast<std::size_t>(covariance_size(structure, n_features)));
    if (has_matrices(structure)) {
        std::transform(covariance, covariance + scatter.size(), scatter.begin(), [&](double c) { return c * factor; });
        return scatter;
    }
    const double trace = std::accumulate(covariance, covariance + n_features, 0.0) * factor;
    std::fill(scatter.begin(), scatter.end(), trace / static_cast<double>(n_features));
    return scatter;
}

double effective_rows(const double* weights, std::ptrdiff_t n_rows) {
    if (weights == nullptr) return static_cast<double>(n_rows);
    const double* end = weights + n_rows;
    const double sum = std::accumulate(weights, end, 0.0);
    if (std::all_of(weights, end, [](double w) { return w == std::floor(w); })) return sum;
    return sum * sum / std::inner_product(weights, end, weights, 0.0);
}

}  // namespace mixtura
