// A random mixture and rows, and the sums that plain loops in double give for them.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "e_step/expect.hpp"
#include "model/owned.hpp"
#include "tests/checks.hpp"

namespace mixtura {

inline const Structure structures[] = {Structure::full, Structure::tied, Structure::diag, Structure::spherical};
inline const char* const names[] = {"full", "tied", "diag", "spherical"};

struct RandomProblem {
    Structure structure;
    std::ptrdiff_t n, k, d;
    std::vector<double> rows, sample_weights, weights, means, covariances, factors;

    RandomProblem(Structure s, std::ptrdiff_t n_rows, std::ptrdiff_t n_components, std::ptrdiff_t n_features,
                  unsigned seed)
        : structure(s), n(n_rows), k(n_components), d(n_features) {
        std::mt19937 generator(seed);
        std::normal_distribution<double> normal;
        std::uniform_real_distribution<double> uniform(0.5, 2.0);
        for (std::ptrdiff_t i = 0; i < n * d; ++i) rows.push_back(2 * normal(generator));
        for (std::ptrdiff_t i = 0; i < n; ++i) sample_weights.push_back(i % 7 == 3 ? 0.0 : uniform(generator));
        for (std::ptrdiff_t i = 0; i < k; ++i) weights.push_back(1.0 / static_cast<double>(k));
        for (std::ptrdiff_t i = 0; i < k * d; ++i) means.push_back(normal(generator));
        const std::ptrdiff_t size = seconds_size(s, k, d);
        factors.assign(static_cast<std::size_t>(size), 0.0);
        if (s == Structure::diag || s == Structure::spherical) {
            for (double& f : factors) f = uniform(generator);
        } else {
            for (std::ptrdiff_t m = 0; m < size / (d * d); ++m) {
                for (std::ptrdiff_t i = 0; i < d; ++i) {
                    for (std::ptrdiff_t j = i; j < d; ++j) {
                        factors[static_cast<std::size_t>(m * d * d + i * d + j)] =
                            i == j ? uniform(generator) : 0.2 * normal(generator) / std::sqrt(static_cast<double>(d));
                    }
                }
            }
        }
    }

    Mixture mixture() const { return {structure, k, d, weights.data(), means.data(), factors.data()}; }
    Rows<double> view(bool weighted) const {
        return {rows.data(), n, d, d, 1, weighted ? sample_weights.data() : nullptr};
    }
};

// Sums about the problem's means.
struct Sums {
    explicit Sums(const RandomProblem& p) : owned(p.structure, p.k, p.d) { owned.centres = p.means; }

    Statistics view() { return owned.view(); }
    std::vector<double> counts() { return piece(view().counts, owned.layout().n_components); }
    std::vector<double> firsts() { return piece(view().firsts, static_cast<std::ptrdiff_t>(owned.centres.size())); }
    std::vector<double> seconds() { return piece(view().seconds, owned.layout().n_seconds()); }

    OwnedStatistics owned;

  private:
    static std::vector<double> piece(const double* first, std::ptrdiff_t n) { return {first, first + n}; }
};

inline double log_joint(const RandomProblem& p, std::ptrdiff_t i, std::ptrdiff_t k) {
    const double* x = p.rows.data() + i * p.d;
    const double* mean = p.means.data() + k * p.d;
    double square = 0, log_det = 0;
    for (std::ptrdiff_t j = 0; j < p.d; ++j) {
        double y = 0;
        switch (p.structure) {
            case Structure::diag:
                y = (x[j] - mean[j]) * p.factors[static_cast<std::size_t>(k * p.d + j)];
                log_det += std::log(p.factors[static_cast<std::size_t>(k * p.d + j)]);
                break;
            case Structure::spherical:
                y = (x[j] - mean[j]) * p.factors[static_cast<std::size_t>(k)];
                log_det += std::log(p.factors[static_cast<std::size_t>(k)]);
                break;
            default: {
                const double* f = p.factors.data() + (p.structure == Structure::full ? k * p.d * p.d : 0);
                for (std::ptrdiff_t m = 0; m <= j; ++m) y += f[m * p.d + j] * (x[m] - mean[m]);
                log_det += std::log(f[j * p.d + j]);
            }
        }
        square += y * y;
    }
    const double log_two_pi = std::log(2 * std::acos(-1.0));
    return std::log(p.weights[static_cast<std::size_t>(k)]) + log_det -
           0.5 * (static_cast<double>(p.d) * log_two_pi + square);
}

inline void plain_loops(const RandomProblem& p, bool weighted, const Statistics& out) {
    std::vector<double> r(static_cast<std::size_t>(p.k));
    for (std::ptrdiff_t i = 0; i < p.n; ++i) {
        const double w = weighted ? p.sample_weights[static_cast<std::size_t>(i)] : 1.0;
        double highest = -std::numeric_limits<double>::infinity(), sum = 0;
        for (std::ptrdiff_t k = 0; k < p.k; ++k) {
            r[static_cast<std::size_t>(k)] = log_joint(p, i, k);
            highest = std::max(highest, r[static_cast<std::size_t>(k)]);
        }
        for (double& a : r) sum += std::exp(a - highest);
        const double log_density = highest + std::log(sum);
        out.weight += w;
        out.log_likelihood += w * log_density;
        out.log_certainty += w * (highest - log_density);
        for (std::ptrdiff_t k = 0; k < p.k; ++k) {
            const double wr = w * std::exp(r[static_cast<std::size_t>(k)] - log_density);
            out.counts[k] += wr;
            for (std::ptrdiff_t a = 0; a < p.d; ++a) {
                const double xa =
                    p.rows[static_cast<std::size_t>(i * p.d + a)] - p.means[static_cast<std::size_t>(k * p.d + a)];
                out.firsts[k * p.d + a] += wr * xa;
                if (p.structure == Structure::diag) out.seconds[k * p.d + a] += wr * xa * xa;
                if (p.structure == Structure::spherical) out.seconds[k] += wr * xa * xa;
                if (p.structure == Structure::diag || p.structure == Structure::spherical) continue;
                const std::ptrdiff_t base = p.structure == Structure::full ? k * p.d * p.d : 0;
                for (std::ptrdiff_t b = 0; b < p.d; ++b) {
                    const double xb =
                        p.rows[static_cast<std::size_t>(i * p.d + b)] - p.means[static_cast<std::size_t>(k * p.d + b)];
                    out.seconds[base + a * p.d + b] += wr * xa * xb;
                }
            }
        }
    }
}

inline void check_close(const std::vector<double>& ours, const std::vector<double>& theirs, double tolerance,
                        const char* where) {
    double size = 0;
    for (double v : theirs) size = std::max(size, std::abs(v));
    for (std::size_t i = 0; i < ours.size(); ++i) CHECK(close(ours[i], theirs[i], tolerance, tolerance * size), where);
}

inline void check_close(const std::vector<double>& ours, const std::vector<double>& theirs, const char* where) {
    check_close(ours, theirs, 1e-12, where);
}

}  // namespace mixtura
