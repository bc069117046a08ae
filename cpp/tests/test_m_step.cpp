// The M-step of every model, precision factors, and when sums are good enough for them.
#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "m_step/estimates.hpp"
#include "m_step/factorise.hpp"
#include "m_step/few_rows.hpp"
#include "m_step/maximum_likelihood.hpp"
#include "tests/checks.hpp"
#include "tests/random_problem.hpp"

using namespace mixtura;

namespace {

const Model models[] = {Model::EII, Model::VII, Model::EEI, Model::VEI, Model::EVI, Model::VVI, Model::EEE,
                        Model::VEE, Model::EVE, Model::VVE, Model::EEV, Model::VEV, Model::EVV, Model::VVV};

// Sum of w_k log |Sigma_k| of the next mixture: where a volume can be chosen, tr(S_k inv(Sigma_k)) adds up to d.
double log_volume(const RandomProblem& p, const std::vector<double>& weights, const Numbers& factors) {
    double sum = 0;
    for (std::ptrdiff_t k = 0; k < p.k; ++k) {
        for (std::ptrdiff_t j = 0; j < p.d; ++j) {
            std::ptrdiff_t index = k;
            if (p.structure == Structure::diag) index = k * p.d + j;
            if (p.structure == Structure::tied) index = j * p.d + j;
            if (p.structure == Structure::full) index = (k * p.d + j) * p.d + j;
            sum -= 2 * weights[static_cast<std::size_t>(k)] * std::log(factors[static_cast<std::size_t>(index)]);
        }
    }
    return sum;
}

void factorise_inverts() {
    OwnedMixture one(Structure::full, 1, 3);
    one.covariances = {4, 2, 0.6, 2, 5, 1, 0.6, 1, 3};
    Control control;
    CHECK(factorise(one, control) == -1, "factorise");
    const Numbers& factor = one.precisions_cholesky;
    for (std::size_t i = 0; i < 3; ++i) {
        for (std::size_t j = 0; j < 3; ++j) {
            double product = 0;
            for (std::size_t a = 0; a < 3; ++a) {
                for (std::size_t b = 0; b < 3; ++b) {
                    product += one.covariances[i * 3 + a] * factor[a * 3 + b] * factor[j * 3 + b];
                }
            }
            CHECK(close(product, i == j ? 1 : 0, 1e-14, 1e-14), "factorise");
        }
    }
    OwnedMixture two(Structure::full, 2, 2);
    two.covariances = {1, 1, 1, 1, 1, 2, 2, 1};
    CHECK(factorise(two, control) == 0, "singular");
    two.covariances = {2, 0, 0, 1, 1, 2, 2, 1};
    CHECK(factorise(two, control) == 1, "second singular");
}

// In d^2 operations a row, where few rows have made the covariance; false where they have not.
void factors_of_few_rows_are_those_of_any() {
    for (const std::ptrdiff_t d : {1, 5, 64, 101}) {
        for (const std::ptrdiff_t n : {0, 1, 7, 16}) {
            std::mt19937_64 random(static_cast<unsigned>(d * 31 + n));
            std::normal_distribution<double> normal;
            const auto size = static_cast<std::size_t>(d * d);
            std::vector<double> rows(static_cast<std::size_t>(n * d)), added(static_cast<std::size_t>(d));
            for (double& value : rows) value = normal(random);
            for (double& value : added) value = 1e-4 * (1 + std::abs(normal(random)));
            OwnedMixture one(Structure::full, 1, d);
            for (std::ptrdiff_t i = 0; i < d * d; ++i) {
                const std::ptrdiff_t a = i / d, b = i % d;
                double& value = one.covariances[static_cast<std::size_t>(i)];
                if (a == b) value = added[static_cast<std::size_t>(a)];
                for (std::ptrdiff_t row = 0; row < n; ++row)
                    value += rows[static_cast<std::size_t>(row * d + a)] * rows[static_cast<std::size_t>(row * d + b)];
            }
            Control control;
            CHECK(factorise(one, control) == -1, "few rows");
            std::vector<double> found(size);
            const std::ptrdiff_t rank = std::min(n, d);
            CHECK(factorise_few_rows(one.covariances.data(), added.data(), d, rank, found.data()), "few rows");
            double largest = 0;
            for (const double value : one.precisions_cholesky) largest = std::max(largest, std::abs(value));
            for (std::size_t i = 0; i < size; ++i)
                CHECK(close(found[i], one.precisions_cholesky[i], 0, 1e-9 * largest), "few rows");
            if (rank < 2) continue;
            CHECK(!factorise_few_rows(one.covariances.data(), added.data(), d, rank - 2, found.data()), "more rows");
        }
    }
}

void every_model_has_an_m_step() {
    const std::ptrdiff_t sizes[][2] = {{1, 1}, {3, 1}, {1, 4}, {2, 2}, {5, 3}, {3, 9}};
    for (const Model model : models) {
        for (const auto& size : sizes) {
            const RandomProblem p(structure_of(model), 400, size[0], size[1], 31);
            Sums sums(p);
            Control control;
            accumulate(p.view(true), p.mixture(), {}, sums.view(), control);
            const MaximumLikelihood m_step(model, std::vector<double>(static_cast<std::size_t>(p.d), 1e-6));
            OwnedMixture next(p.structure, p.k, p.d);
            CHECK(m_step.maximise(sums.view(), nullptr, next, control) == -1, "M-step");
            const double cold = log_volume(p, next.weights, next.precisions_cholesky);
            const OwnedMixture before = next;
            CHECK(m_step.maximise(sums.view(), &before, next, control) == -1, "M-step from the mixture before");
            CHECK(close(log_volume(p, next.weights, next.precisions_cholesky), cold, 1e-12, 1e-12),
                  "M-step from the mixture before");
        }
    }
}

// A component on a single row, which is not yet its mean: its variance is nothing but what is added to it.
void sums_are_good_enough_beside_what_is_added() {
    for (const Structure structure : structures) {
        OwnedStatistics sums(structure, 1, 1);
        const Statistics statistics = sums.view();
        statistics.counts[0] = 1;
        statistics.firsts[0] = 0.5;
        statistics.seconds[0] = 0.25;
        CHECK(cancels(statistics, {0.0}, nullptr, false), "zero is added");
        CHECK(!cancels(statistics, {1e-3}, nullptr, false), "enough is added");
        CHECK(cancels(statistics, {1e-3}, nullptr, true), "enough in double is not enough in float");
    }
}

}  // namespace

int main() {
    factorise_inverts();
    factors_of_few_rows_are_those_of_any();
    every_model_has_an_m_step();
    sums_are_good_enough_beside_what_is_added();
    return report();
}
