// Where descents of a search begin.
#include "optimum/starts.hpp"

#include <algorithm>
#include <cmath>

#include "em/loop.hpp"
#include "m_step/factorise.hpp"
#include "m_step/linear_algebra.hpp"
#include "m_step/maximum_likelihood.hpp"
#include "optimum/seeds.hpp"
#include "support/interrupt.hpp"

namespace mixtura {
namespace {

constexpr double partition_tol = 1e-3;

std::size_t at(std::ptrdiff_t i) { return static_cast<std::size_t>(i); }

// All rows as one component: the metric that a partition begins with.
OwnedMixture metric_of(Structure structure, const Problem& problem) {
    const std::ptrdiff_t d = problem.rows.n_features;
    OwnedMixture one(structure, 1, d);
    const std::ptrdiff_t n = structure == Structure::diag ? 1 : d;  // of each row of the scatter
    for (std::ptrdiff_t i = 0; i < d; ++i) {
        for (std::ptrdiff_t m = 0; m < n; ++m) {
            const std::ptrdiff_t j = n == 1 ? i : m;
            one.covariances[at(i * n + m)] =
                problem.total.scatter[i * d + j] / problem.total.weight + (i == j ? problem.metric_reg_covar[j] : 0.0);
        }
    }
    return one;
}

// The rows about their mean, in a metric in which all of them together are round.
std::vector<double> whitened(const OwnedMixture& metric, const Problem& problem) {
    const std::ptrdiff_t d = problem.rows.n_features;
    const double* factor = metric.precisions_cholesky.data();
    std::vector<double> Z(at(problem.rows.n_rows * d));
    if (d >= wide && metric.structure != Structure::diag) {
        std::vector<double> centred(problem.rows.data, problem.rows.data + problem.rows.n_rows * d);
        for (std::ptrdiff_t i = 0; i < problem.rows.n_rows; ++i) {
            for (std::ptrdiff_t j = 0; j < d; ++j) centred[at(i * d + j)] -= problem.total.mean[j];
        }
        times_upper(centred.data(), factor, problem.rows.n_rows, d, Z.data());
        return Z;
    }
    for (std::ptrdiff_t i = 0; i < problem.rows.n_rows; ++i) {
        double* z = Z.data() + i * d;
        for (std::ptrdiff_t m = 0; m < d; ++m) {
            const double value = problem.rows.row(i)[m] - problem.total.mean[m];
            if (metric.structure == Structure::diag) {
                z[m] = value * factor[m];
            } else {
                for (std::ptrdiff_t j = m; j < d; ++j) z[j] += factor[m * d + j] * value;
            }
        }
    }
    return Z;
}

// Greedy k-means++ of the rows in that metric; of many features whose metric is diagonal no copy of them is made.
std::vector<std::int64_t> plus_plus_seeds(const OwnedMixture& metric, const Problem& problem, Random& random) {
    const SearchRows& rows = problem.rows;
    const std::ptrdiff_t K = problem.n_components;
    const auto n_trials = 2 + static_cast<std::ptrdiff_t>(std::log(static_cast<double>(K)));
    const std::vector<double> uniforms = random.uniforms(K * n_trials);
    std::vector<std::int64_t> seeds(at(K));
    const bool is_scaled = rows.n_features >= wide && metric.structure == Structure::diag;
    const std::vector<double> Z = is_scaled ? std::vector<double>{} : whitened(metric, problem);
    plus_plus(is_scaled ? rows.data : Z.data(), rows.weights, rows.n_rows, rows.n_features, K, n_trials,
              uniforms.data(), seeds.data(), is_scaled ? metric.precisions_cholesky.data() : nullptr);
    return seeds;
}

}  // namespace

std::vector<std::int64_t> partition(const Problem& problem, Model metric, std::ptrdiff_t max_iter, Random& random,
                                    Control& control) {
    const Structure structure = structure_of(metric);
    const std::ptrdiff_t K = problem.n_components, d = problem.rows.n_features;
    OwnedMixture one = metric_of(structure, problem);
    factorise(one, control);
    const std::vector<std::int64_t> seeds = plus_plus_seeds(one, problem, random);
    Point point(structure, K, d);
    OwnedMixture& mixture = point.mixture;
    std::fill(mixture.weights.begin(), mixture.weights.end(), 1.0 / static_cast<double>(K));
    for (std::ptrdiff_t k = 0; k < K; ++k) std::copy_n(problem.rows.row(seeds[at(k)]), d, mixture.means.data() + k * d);
    for (std::size_t i = 0; i < mixture.covariances.size(); ++i) {
        mixture.covariances[i] = one.covariances[i % one.covariances.size()];
        mixture.precisions_cholesky[i] = one.precisions_cholesky[i % one.covariances.size()];
    }
    if (max_iter == 0) return labels(mixture, problem.rows, control);
    const MaximumLikelihood m_step(metric, {problem.metric_reg_covar, problem.metric_reg_covar + d});
    Monitor monitor(partition_tol, max_iter, false);
    LoopOptions options;
    options.deadline = problem.deadline;
    expectation_maximisation(problem.hard_task(m_step), monitor, nullptr, options, point, control);
    check(control);
    return labels(mixture, problem.rows, control);
}

Responsibilities perturbed(Responsibilities given, const SearchRows& rows, double share, Random& random) {
    const std::ptrdiff_t K = given.n_components;
    std::vector<double> sums(at(K));
    for (std::ptrdiff_t i = 0; i < rows.n_rows; ++i) {
        for (std::ptrdiff_t k = 0; k < K; ++k) sums[at(k)] += rows.weight_of(i) * given.row(i)[k];
    }
    for (std::size_t k = 1; k < sums.size(); ++k) sums[k] += sums[k - 1];
    const std::vector<double> picks = random.uniforms(rows.n_rows);
    for (std::ptrdiff_t i = 0; i < rows.n_rows; ++i) {
        if (!(picks[at(i)] < share)) continue;
        const double drawn = random.uniform() * sums.back();
        const auto k =
            std::min<std::ptrdiff_t>(std::upper_bound(sums.begin(), sums.end(), drawn) - sums.begin(), K - 1);
        std::fill_n(given.row(i), K, 0.0);
        given.row(i)[k] = 1.0;
    }
    return given;
}

}  // namespace mixtura
