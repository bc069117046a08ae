// Rows with measurement errors, against sums by elimination in plain loops; at every instruction set.
#include <cmath>
#include <cstdio>
#include <limits>
#include <random>
#include <vector>

#include "tests/checks.hpp"
#include "tests/elimination.hpp"
#include "tests/random_problem.hpp"

using namespace mixtura;

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();

// Some errors are zero, some infinite; some features are missing.
void add_errors(RandomProblem& p, bool are_matrices, std::mt19937& generator) {
    std::normal_distribution<double> normal;
    for (std::ptrdiff_t i = 0; i < p.n; ++i) {
        const double size = i % 5 == 2 ? 0 : 0.3 + static_cast<double>(i % 3);
        if (!are_matrices) {
            for (std::ptrdiff_t j = 0; j < p.d; ++j)
                p.errors.push_back(i % 7 == 4 && j == 0 ? infinity : size * std::pow(normal(generator), 2));
            continue;
        }
        std::vector<double> root(static_cast<std::size_t>(p.d * p.d));
        for (double& value : root) value = size * normal(generator) / std::sqrt(static_cast<double>(p.d));
        for (std::ptrdiff_t a = 0; a < p.d; ++a) {
            for (std::ptrdiff_t b = 0; b < p.d; ++b) {
                double sum = 0;
                for (std::ptrdiff_t l = 0; l < p.d; ++l)
                    sum += root[static_cast<std::size_t>(a * p.d + l)] * root[static_cast<std::size_t>(b * p.d + l)];
                p.errors.push_back(i % 7 == 4 && a == 0 && b == 0 ? infinity : sum);
            }
        }
    }
    for (std::size_t i = 0; i < p.rows.size(); ++i) {
        p.rows[i] = static_cast<float>(p.rows[i]);
        if (i > 0 && generator() % 12 == 0) p.rows[i] = nan;
    }
}

template <class Real>
void check_sums(const RandomProblem& p, Sums& theirs, double tolerance, const char* where) {
    const std::vector<Real> values(p.rows.begin(), p.rows.end());
    const Rows<Real> rows = p.rows_in(values, true);
    Sums ours(p);
    Control control;
    accumulate(rows, p.mixture(), {}, ours.view(), control);
    CHECK(close(ours.view().weight, theirs.view().weight, 1e-13, 0), where);
    CHECK(close(ours.view().log_likelihood, theirs.view().log_likelihood, tolerance, 0), where);
    CHECK(close(ours.view().log_certainty, theirs.view().log_certainty, tolerance, tolerance * ours.view().weight),
          where);
    check_close(ours.counts(), theirs.counts(), tolerance, where);
    check_close(ours.firsts(), theirs.firsts(), tolerance, where);
    check_close(ours.seconds(), theirs.seconds(), tolerance, where);
}

// Means and covariances of what is true, over the components.
void check_true_rows(const RandomProblem& p, const char* where) {
    Control control;
    const auto n = static_cast<std::size_t>(p.n), d = static_cast<std::size_t>(p.d), k = static_cast<std::size_t>(p.k);
    std::vector<double> expected(n * d), covariances(n * d * d), responsibilities(n * k);
    Evaluation<double> out;
    out.expected = expected.data();
    out.covariances = covariances.data();
    out.responsibilities = responsibilities.data();
    evaluate(p.view(false), p.mixture(), out, control);
    for (std::size_t i = 0; i < n; ++i) {
        std::vector<Posterior> each;
        std::vector<double> mean(d);
        for (std::size_t c = 0; c < k; ++c) {
            const auto at = static_cast<std::ptrdiff_t>(c);
            each.push_back(posterior_of(p, static_cast<std::ptrdiff_t>(i), at, covariance_of(p, at)));
            for (std::size_t j = 0; j < d; ++j)
                mean[j] += responsibilities[i * k + c] * (each[c].row[j] + p.means[c * d + j]);
        }
        for (std::size_t a = 0; a < d; ++a) {
            CHECK(close(expected[i * d + a], mean[a], 1e-11, 1e-11), where);
            for (std::size_t b = 0; b < d; ++b) {
                double sum = 0;
                for (std::size_t c = 0; c < k; ++c) {
                    const double away_a = each[c].row[a] + p.means[c * d + a] - mean[a];
                    const double away_b = each[c].row[b] + p.means[c * d + b] - mean[b];
                    sum += responsibilities[i * k + c] * (each[c].spread[a * d + b] + away_a * away_b);
                }
                CHECK(close(covariances[(i * d + a) * d + b], sum, 1e-10, 1e-10), where);
            }
        }
    }
}

// Around widths of vectors and tiles, and where matrices are unrolled.
void sums_equal_elimination() {
    const std::ptrdiff_t sizes[][3] = {{1, 1, 2}, {33, 3, 3}, {300, 4, 6}, {70, 2, 9}, {600, 3, 1}, {130, 2, 4}};
    for (const Structure structure : structures) {
        for (const auto& size : sizes) {
            for (const bool are_matrices : {false, true}) {
                std::mt19937 generator(7);
                RandomProblem p(structure, size[0], size[1], size[2], 11);
                add_errors(p, are_matrices, generator);
                Sums theirs(p);
                sums_by_elimination(p, theirs.view());
                char where[80];
                std::snprintf(where, sizeof where, "%s, N = %td, K = %td, d = %td, %s",
                              names[static_cast<int>(structure)], size[0], size[1], size[2],
                              are_matrices ? "matrices" : "variances");
                check_sums<double>(p, theirs, 1e-11, where);
                check_sums<float>(p, theirs, 1e-4, where);
                check_true_rows(p, where);
            }
        }
    }
}

// Rows that are far beyond the squares that a double holds still have a density, and responsibilities.
void far_rows_are_settled() {
    RandomProblem p(Structure::full, 3, 2, 2, 5);
    p.rows = {1e170, 0, 0.5, 1e-3, -1e200, 2e200};
    p.errors = {1, 2, 3, 4, 5, 6};
    Control control;
    std::vector<double> log_density(3), responsibilities(6);
    Evaluation<double> out;
    out.log_density = log_density.data();
    out.responsibilities = responsibilities.data();
    evaluate(p.view(false), p.mixture(), out, control);
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(std::isfinite(log_density[i]), "a far row has a density");
        CHECK(close(responsibilities[2 * i] + responsibilities[2 * i + 1], 1, 1e-12, 0), "shares sum to 1");
    }
}

// All rows may have the errors of one.
void errors_of_one_serve_all() {
    RandomProblem p(Structure::full, 90, 2, 3, 5);
    const std::vector<double> own{0.5, 0.1, 0, 0.1, 0.7, 0.2, 0, 0.2, 0.4};
    for (std::ptrdiff_t i = 0; i < p.n; ++i) p.errors.insert(p.errors.end(), own.begin(), own.end());
    Rows<double> rows = p.view(true);
    Sums each(p), shared(p);
    Control control;
    accumulate(rows, p.mixture(), {}, each.view(), control);
    rows.errors = {own.data(), 0, true};
    accumulate(rows, p.mixture(), {}, shared.view(), control);
    CHECK(each.owned.block == shared.owned.block, "the same bits");
}

}  // namespace

int main() {
    sums_equal_elimination();
    far_rows_are_settled();
    errors_of_one_serve_all();
    return report();
}
