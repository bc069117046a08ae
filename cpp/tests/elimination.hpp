// What rows with missing features or measurement errors say of a mixture, by elimination in plain loops.
#pragma once

#include <cmath>
#include <limits>
#include <vector>

#include "tests/random_problem.hpp"

namespace mixtura {

using Matrix = std::vector<double>;

// The inverse of a positive definite matrix, and its log-determinant.
inline Matrix inverse(Matrix a, std::ptrdiff_t n, double& log_determinant) {
    Matrix out(static_cast<std::size_t>(n * n));
    log_determinant = 0;
    for (std::ptrdiff_t i = 0; i < n; ++i) out[static_cast<std::size_t>(i * n + i)] = 1;
    for (std::ptrdiff_t p = 0; p < n; ++p) {
        const double pivot = a[static_cast<std::size_t>(p * n + p)];
        log_determinant += std::log(pivot);
        for (std::ptrdiff_t i = 0; i < n; ++i) {
            const double factor = a[static_cast<std::size_t>(i * n + p)] / pivot;
            for (std::ptrdiff_t j = 0; i != p && j < n; ++j) {
                a[static_cast<std::size_t>(i * n + j)] -= factor * a[static_cast<std::size_t>(p * n + j)];
                out[static_cast<std::size_t>(i * n + j)] -= factor * out[static_cast<std::size_t>(p * n + j)];
            }
        }
        for (std::ptrdiff_t j = 0; j < n; ++j) {
            a[static_cast<std::size_t>(p * n + j)] /= pivot;
            out[static_cast<std::size_t>(p * n + j)] /= pivot;
        }
    }
    return out;
}

// Covariance of component k as a matrix.
inline Matrix covariance_of(const RandomProblem& p, std::ptrdiff_t k) {
    Matrix precision(static_cast<std::size_t>(p.d * p.d));
    for (std::ptrdiff_t i = 0; i < p.d; ++i) {
        for (std::ptrdiff_t j = 0; j < p.d; ++j) {
            double& sum = precision[static_cast<std::size_t>(i * p.d + j)];
            if (!has_matrices(p.structure)) {
                const std::ptrdiff_t at = p.structure == Structure::diag ? k * p.d + i : k;
                sum = i == j ? std::pow(p.factors[static_cast<std::size_t>(at)], 2) : 0;
                continue;
            }
            const double* f = p.factors.data() + (p.structure == Structure::full ? k * p.d * p.d : 0);
            for (std::ptrdiff_t l = std::max(i, j); l < p.d; ++l) sum += f[i * p.d + l] * f[j * p.d + l];
        }
    }
    double ignored;
    return inverse(precision, p.d, ignored);
}

// What is known of a row's true features in a component.
struct Posterior {
    double log_joint = 0;
    std::vector<double> row;  // about the mean
    Matrix spread;            // d x d
};

// Features that were measured with a finite error.
inline std::vector<std::ptrdiff_t> seen_features(const RandomProblem& p, std::ptrdiff_t i) {
    std::vector<std::ptrdiff_t> seen;
    for (std::ptrdiff_t j = 0; j < p.d; ++j) {
        if (!std::isnan(p.rows[static_cast<std::size_t>(i * p.d + j)]) && std::isfinite(p.error(i, j, j)))
            seen.push_back(j);
    }
    return seen;
}

inline Posterior posterior_of(const RandomProblem& p, std::ptrdiff_t i, std::ptrdiff_t k, const Matrix& covariance) {
    const double* x = p.rows.data() + i * p.d;
    const double* mean = p.means.data() + k * p.d;
    const std::vector<std::ptrdiff_t> seen = seen_features(p, i);
    const auto at = [&](std::ptrdiff_t f, std::ptrdiff_t g) {
        return covariance[static_cast<std::size_t>(f * p.d + g)];
    };
    const auto o = static_cast<std::ptrdiff_t>(seen.size());
    Matrix among;
    for (const std::ptrdiff_t a : seen) {
        for (const std::ptrdiff_t b : seen) among.push_back(at(a, b) + p.error(i, a, b));
    }
    Posterior out;
    double log_determinant, square = 0;
    const Matrix inverted = inverse(among, o, log_determinant);
    std::vector<double> solved(seen.size());
    for (std::size_t a = 0; a < seen.size(); ++a) {
        for (std::size_t b = 0; b < seen.size(); ++b)
            solved[a] += inverted[a * seen.size() + b] * (x[seen[b]] - mean[seen[b]]);
        square += solved[a] * (x[seen[a]] - mean[seen[a]]);
    }
    out.log_joint = std::log(p.weights[static_cast<std::size_t>(k)]) -
                    0.5 * (static_cast<double>(o) * std::log(2 * std::acos(-1.0)) + log_determinant + square);
    for (std::ptrdiff_t f = 0; f < p.d; ++f) {
        double expected = 0;
        for (std::size_t a = 0; a < seen.size(); ++a) expected += at(f, seen[a]) * solved[a];
        out.row.push_back(expected);
        for (std::ptrdiff_t g = 0; g < p.d; ++g) {
            double explained = 0;
            for (std::size_t a = 0; a < seen.size(); ++a) {
                for (std::size_t b = 0; b < seen.size(); ++b)
                    explained += at(f, seen[a]) * inverted[a * seen.size() + b] * at(g, seen[b]);
            }
            out.spread.push_back(at(f, g) - explained);
        }
    }
    return out;
}

inline void sums_by_elimination(const RandomProblem& p, const Statistics& out) {
    std::vector<Matrix> covariances;
    for (std::ptrdiff_t k = 0; k < p.k; ++k) covariances.push_back(covariance_of(p, k));
    for (std::ptrdiff_t i = 0; i < p.n; ++i) {
        if (seen_features(p, i).empty() && p.errors.empty()) continue;
        const double w = p.sample_weights[static_cast<std::size_t>(i)];
        std::vector<Posterior> each;
        double highest = -std::numeric_limits<double>::infinity(), sum = 0;
        for (std::ptrdiff_t k = 0; k < p.k; ++k) {
            each.push_back(posterior_of(p, i, k, covariances[static_cast<std::size_t>(k)]));
            highest = std::max(highest, each.back().log_joint);
        }
        for (const Posterior& one : each) sum += std::exp(one.log_joint - highest);
        out.weight += w;
        out.log_likelihood += w * (highest + std::log(sum));
        out.log_certainty -= w * std::log(sum);
        for (std::ptrdiff_t k = 0; k < p.k; ++k) {
            const Posterior& one = each[static_cast<std::size_t>(k)];
            const double wr = w * std::exp(one.log_joint - highest) / sum;
            out.counts[k] += wr;
            for (std::ptrdiff_t a = 0; a < p.d; ++a) {
                out.firsts[k * p.d + a] += wr * one.row[static_cast<std::size_t>(a)];
                for (std::ptrdiff_t b = 0; b < p.d; ++b) {
                    const double second =
                        wr * (one.row[static_cast<std::size_t>(a)] * one.row[static_cast<std::size_t>(b)] +
                              one.spread[static_cast<std::size_t>(a * p.d + b)]);
                    if (p.structure == Structure::full) out.seconds[(k * p.d + a) * p.d + b] += second;
                    if (p.structure == Structure::tied) out.seconds[a * p.d + b] += second;
                    if (p.structure == Structure::diag && a == b) out.seconds[k * p.d + a] += second;
                    if (p.structure == Structure::spherical && a == b) out.seconds[k] += second;
                }
            }
        }
    }
}

}  // namespace mixtura
