// A random mixture and rows, and the sums that plain loops in double give for them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
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
    std::vector<double> df;  // empty: Gaussian components
    Noise noise;
    std::vector<std::int32_t> labels;  // empty: nothing is known
    std::vector<double> log_terms;
    std::vector<double> errors;  // N x d, or N x d x d; empty: none

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

    Mixture mixture() const {
        return {structure, k, d, weights.data(), means.data(), factors.data(), df.empty() ? nullptr : df.data(), noise};
    }
    std::ptrdiff_t n_densities() const { return k + (mixture().has_noise() ? 1 : 0); }
    template <class Real>
    Rows<Real> rows_in(const std::vector<Real>& values, bool weighted) const {
        Rows<Real> view{values.data(), n, d, d, 1, weighted ? sample_weights.data() : nullptr};
        if (!labels.empty()) view.labels.components = labels.data();
        if (!log_terms.empty()) {
            view.labels.log_terms = log_terms.data();
            view.labels.n_terms = n_densities();
        }
        if (!errors.empty())
            view.errors = {errors.data(), has_matrices_of_errors() ? d * d : d, has_matrices_of_errors()};
        return view;
    }
    Rows<double> view(bool weighted) const { return rows_in(rows, weighted); }

    bool has_matrices_of_errors() const { return static_cast<std::ptrdiff_t>(errors.size()) > n * d; }
    // Covariance of features a and b in the error of row i.
    double error(std::ptrdiff_t i, std::ptrdiff_t a, std::ptrdiff_t b) const {
        if (errors.empty()) return 0;
        if (has_matrices_of_errors()) return errors[static_cast<std::size_t>((i * d + a) * d + b)];
        return a == b ? errors[static_cast<std::size_t>(i * d + a)] : 0;
    }

    // Makes it one of Student's t components, with noise, with rows of known and half known components.
    void add_tails() {
        for (std::ptrdiff_t i = 0; i < k; ++i) df.push_back(i == 1 ? 300 : 1.5 + static_cast<double>(i));
    }
    void add_noise() {
        for (double& weight : weights) weight *= 0.9;
        noise = {0.1, -4.5 * static_cast<double>(d)};
    }
    void add_labels() {
        for (std::ptrdiff_t i = 0; i < n; ++i) labels.push_back(i % 3 == 1 ? static_cast<std::int32_t>(i % k) : -1);
    }
    void add_log_terms() {
        for (std::ptrdiff_t i = 0; i < n * n_densities(); ++i) {
            const std::ptrdiff_t row = i / n_densities(), of = i % n_densities();
            const bool is_known = !labels.empty() && labels[static_cast<std::size_t>(row)] >= 0;
            const bool is_out = row % 4 == 2 && of != 0 && !is_known;
            log_terms.push_back(is_out ? -std::numeric_limits<double>::infinity() : row % 4 == 1 ? -0.3 * of : 0.0);
        }
    }
};

// Sums about the problem's means.
struct Sums {
    explicit Sums(const RandomProblem& p) : owned(layout_of(p.mixture())) { owned.centres = p.means; }

    Statistics view() { return owned.view(); }
    std::vector<double> counts() { return piece(view().counts, owned.layout().n_components); }
    std::vector<double> scales() {
        if (!owned.layout().has_scales) return {};
        std::vector<double> out = piece(view().masses, owned.layout().n_components);
        out.insert(out.end(), view().log_scales, view().log_scales + owned.layout().n_components);
        return out;
    }
    std::vector<double> firsts() { return piece(view().firsts, static_cast<std::ptrdiff_t>(owned.centres.size())); }
    std::vector<double> seconds() { return piece(view().seconds, owned.layout().n_seconds()); }

    OwnedStatistics owned;

  private:
    static std::vector<double> piece(const double* first, std::ptrdiff_t n) { return {first, first + n}; }
};

// Of a row from a component: the square distance, and the log-determinant of the factor.
struct Distance {
    double square = 0, log_det = 0;
};

inline Distance distance(const RandomProblem& p, std::ptrdiff_t i, std::ptrdiff_t k) {
    const double* x = p.rows.data() + i * p.d;
    const double* mean = p.means.data() + k * p.d;
    Distance out;
    for (std::ptrdiff_t j = 0; j < p.d; ++j) {
        double y = 0;
        switch (p.structure) {
            case Structure::diag:
                y = (x[j] - mean[j]) * p.factors[static_cast<std::size_t>(k * p.d + j)];
                out.log_det += std::log(p.factors[static_cast<std::size_t>(k * p.d + j)]);
                break;
            case Structure::spherical:
                y = (x[j] - mean[j]) * p.factors[static_cast<std::size_t>(k)];
                out.log_det += std::log(p.factors[static_cast<std::size_t>(k)]);
                break;
            default: {
                const double* f = p.factors.data() + (p.structure == Structure::full ? k * p.d * p.d : 0);
                for (std::ptrdiff_t m = 0; m <= j; ++m) y += f[m * p.d + j] * (x[m] - mean[m]);
                out.log_det += std::log(f[j * p.d + j]);
            }
        }
        out.square += y * y;
    }
    return out;
}

inline double log_joint(const RandomProblem& p, std::ptrdiff_t i, std::ptrdiff_t k) {
    const double pi = std::acos(-1.0), d = static_cast<double>(p.d);
    const auto [square, log_det] = distance(p, i, k);
    const double height = std::log(p.weights[static_cast<std::size_t>(k)]) + log_det;
    if (p.df.empty()) return height - 0.5 * (d * std::log(2 * pi) + square);
    const double df = p.df[static_cast<std::size_t>(k)];
    return height + std::lgamma((df + d) / 2) - std::lgamma(df / 2) - d / 2 * std::log(df * pi) -
           (df + d) / 2 * std::log1p(square / df);
}

// What a row's density is the sum of: log joint densities of the components, noise, what is known of the row.
inline std::vector<double> log_terms(const RandomProblem& p, std::ptrdiff_t i) {
    std::vector<double> out;
    for (std::ptrdiff_t k = 0; k < p.k; ++k) out.push_back(log_joint(p, i, k));
    if (p.mixture().has_noise()) out.push_back(std::log(p.noise.weight) + p.noise.log_density);
    for (std::size_t k = 0; k < out.size(); ++k) {
        if (!p.log_terms.empty()) out[k] += p.log_terms[static_cast<std::size_t>(i) * out.size() + k];
        const std::int32_t label = p.labels.empty() ? -1 : p.labels[static_cast<std::size_t>(i)];
        if (label >= 0 && label != static_cast<std::int32_t>(k)) out[k] = -std::numeric_limits<double>::infinity();
    }
    return out;
}

// By the recurrence, and three terms of the series from 1e3 on.
inline double digamma(double x) {
    double below = 0;
    for (; x < 1e3; x += 1) below += 1 / x;
    return std::log(x) - 0.5 / x - 1 / (12 * x * x) - below;
}

inline void plain_loops(const RandomProblem& p, bool weighted, const Statistics& out) {
    for (std::ptrdiff_t i = 0; i < p.n; ++i) {
        const double w = weighted ? p.sample_weights[static_cast<std::size_t>(i)] : 1.0;
        const std::vector<double> r = log_terms(p, i);
        const double highest = *std::max_element(r.begin(), r.end());
        double sum = 0;
        for (const double a : r) sum += std::exp(a - highest);
        const double log_density = highest + std::log(sum);
        out.weight += w;
        out.log_likelihood += w * log_density;
        out.log_certainty += w * (highest - log_density);
        if (p.mixture().has_noise()) out.noise += w * std::exp(r.back() - log_density);
        for (std::ptrdiff_t k = 0; k < p.k; ++k) {
            double wr = w * std::exp(r[static_cast<std::size_t>(k)] - log_density);
            out.counts[k] += wr;
            if (!p.df.empty()) {
                const double df = p.df[static_cast<std::size_t>(k)], d = static_cast<double>(p.d);
                const double below = df + distance(p, i, k).square, u = (df + d) / below;
                out.log_scales[k] += wr * (digamma((df + d) / 2) - std::log(below / 2) - u);
                wr *= u;
                out.masses[k] += wr;
            }
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
