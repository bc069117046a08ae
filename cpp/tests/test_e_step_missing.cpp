// Rows with missing features, against sums by elimination in plain loops; at every instruction set.
#include <cmath>
#include <cstdio>
#include <limits>
#include <vector>

#include "e_step/patterns.hpp"
#include "tests/checks.hpp"
#include "tests/random_problem.hpp"

using namespace mixtura;

namespace {

using Matrix = std::vector<double>;

// The inverse of a positive definite matrix, and its log-determinant.
Matrix inverse(Matrix a, std::ptrdiff_t n, double& log_determinant) {
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
Matrix covariance_of(const RandomProblem& p, std::ptrdiff_t k) {
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

struct Completed {
    double log_joint = 0;
    std::vector<double> row;  // about the mean
    Matrix spread;            // d x d
};

Completed complete(const RandomProblem& p, std::ptrdiff_t i, std::ptrdiff_t k, const Matrix& covariance) {
    const double* x = p.rows.data() + i * p.d;
    const double* mean = p.means.data() + k * p.d;
    std::vector<std::ptrdiff_t> seen;
    for (std::ptrdiff_t j = 0; j < p.d; ++j) {
        if (!std::isnan(x[j])) seen.push_back(j);
    }
    const auto o = static_cast<std::ptrdiff_t>(seen.size());
    Matrix among;
    for (const std::ptrdiff_t a : seen) {
        for (const std::ptrdiff_t b : seen) among.push_back(covariance[static_cast<std::size_t>(a * p.d + b)]);
    }
    Completed out;
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
    out.row.resize(static_cast<std::size_t>(p.d));
    out.spread.resize(static_cast<std::size_t>(p.d * p.d));
    for (std::ptrdiff_t f = 0; f < p.d; ++f) {
        if (!std::isnan(x[f])) {
            out.row[static_cast<std::size_t>(f)] = x[f] - mean[f];
            continue;
        }
        for (std::size_t a = 0; a < seen.size(); ++a)
            out.row[static_cast<std::size_t>(f)] += covariance[static_cast<std::size_t>(f * p.d + seen[a])] * solved[a];
        for (std::ptrdiff_t g = 0; g < p.d; ++g) {
            if (!std::isnan(x[g])) continue;
            double explained = 0;
            for (std::size_t a = 0; a < seen.size(); ++a) {
                for (std::size_t b = 0; b < seen.size(); ++b)
                    explained += covariance[static_cast<std::size_t>(f * p.d + seen[a])] *
                                 inverted[a * seen.size() + b] *
                                 covariance[static_cast<std::size_t>(g * p.d + seen[b])];
            }
            out.spread[static_cast<std::size_t>(f * p.d + g)] =
                covariance[static_cast<std::size_t>(f * p.d + g)] - explained;
        }
    }
    return out;
}

void sums_by_elimination(const RandomProblem& p, const Statistics& out) {
    std::vector<Matrix> covariances;
    for (std::ptrdiff_t k = 0; k < p.k; ++k) covariances.push_back(covariance_of(p, k));
    for (std::ptrdiff_t i = 0; i < p.n; ++i) {
        bool is_empty = true;
        for (std::ptrdiff_t j = 0; j < p.d; ++j)
            is_empty = is_empty && std::isnan(p.rows[static_cast<std::size_t>(i * p.d + j)]);
        if (is_empty) continue;
        const double w = p.sample_weights[static_cast<std::size_t>(i)];
        std::vector<Completed> each;
        double highest = -std::numeric_limits<double>::infinity(), sum = 0;
        for (std::ptrdiff_t k = 0; k < p.k; ++k) {
            each.push_back(complete(p, i, k, covariances[static_cast<std::size_t>(k)]));
            highest = std::max(highest, each.back().log_joint);
        }
        for (const Completed& one : each) sum += std::exp(one.log_joint - highest);
        out.weight += w;
        out.log_likelihood += w * (highest + std::log(sum));
        out.log_certainty -= w * std::log(sum);
        for (std::ptrdiff_t k = 0; k < p.k; ++k) {
            const Completed& one = each[static_cast<std::size_t>(k)];
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

template <class Real>
void check_sums(const RandomProblem& p, Sums& theirs, double tolerance, const char* where) {
    const std::vector<Real> values(p.rows.begin(), p.rows.end());
    Rows<Real> rows = p.rows_in(values, true);
    const PatternOrder order(rows);
    rows.patterns = order.view();
    Sums ours(p);
    Control control;
    accumulate(rows, p.mixture(), {}, ours.view(), control);
    const double weight = theirs.view().weight;
    CHECK(close(ours.view().weight, weight, 1e-13, 0), where);
    CHECK(close(ours.view().log_likelihood, theirs.view().log_likelihood, tolerance, 0), where);
    CHECK(close(ours.view().log_certainty, theirs.view().log_certainty, tolerance, tolerance * weight), where);
    check_close(ours.counts(), theirs.counts(), tolerance, where);
    check_close(ours.firsts(), theirs.firsts(), tolerance, where);
    check_close(ours.seconds(), theirs.seconds(), tolerance, where);
}

// Around widths of vectors and tiles; few patterns of many rows, and nearly as many patterns as rows.
void sums_equal_elimination() {
    const std::ptrdiff_t sizes[][3] = {{1, 1, 2}, {33, 3, 3}, {300, 4, 6}, {70, 2, 17}, {600, 3, 4}, {40, 2, 20}};
    for (const Structure structure : structures) {
        for (const auto& size : sizes) {
            for (const int missing_of_ten : {1, 5, 9}) {
                RandomProblem p(structure, size[0], size[1], size[2], 11);
                std::mt19937 generator(7);
                for (std::size_t i = 0; i < p.rows.size(); ++i) {
                    p.rows[i] = static_cast<float>(p.rows[i]);
                    if (i > 0 && static_cast<int>(generator() % 10) < missing_of_ten)
                        p.rows[i] = std::numeric_limits<double>::quiet_NaN();
                }
                Sums theirs(p);
                sums_by_elimination(p, theirs.view());
                char where[80];
                std::snprintf(where, sizeof where, "%s, N = %td, K = %td, d = %td, %d of 10 missing",
                              names[static_cast<int>(structure)], size[0], size[1], size[2], missing_of_ten);
                check_sums<double>(p, theirs, 1e-11, where);
                check_sums<float>(p, theirs, 1e-4, where);
            }
        }
    }
}

// Rows with the same features stand together, those without any last, each in its order.
void patterns_are_in_order() {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const std::vector<double> values{1, 2, nan, 3, nan, nan, 4, 5, nan, 6, nan, nan};
    const Rows<double> rows{values.data(), 6, 2, 2, 1};
    const PatternOrder order(rows);
    const Patterns found = order.view();
    const std::vector<std::int64_t> expected{0, 3, 1, 4, 2, 5}, begins{0, 2, 4};
    CHECK(found.n_present == 4 && found.n_patterns == 2, "two patterns, and rows without any value");
    CHECK(std::equal(expected.begin(), expected.end(), found.order), "rows by pattern");
    CHECK(std::equal(begins.begin(), begins.end(), found.begins), "where patterns begin");
    const std::vector<double> whole{1, 2, 3, 4};
    CHECK(!PatternOrder(Rows<double>{whole.data(), 2, 2, 2, 1}).view().are_there(), "none where nothing is missing");
}

}  // namespace

int main() {
    sums_equal_elimination();
    patterns_are_in_order();
    return report();
}
