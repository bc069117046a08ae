// The M-step of every model, precision factors, and when sums are good enough for them.
#include <cmath>
#include <vector>

#include "m_step/estimates.hpp"
#include "m_step/factorise.hpp"
#include "m_step/maximum_likelihood.hpp"
#include "tests/checks.hpp"
#include "tests/random_problem.hpp"

using namespace mixtura;

namespace {

const Model models[] = {Model::EII, Model::VII, Model::EEI, Model::VEI, Model::EVI, Model::VVI, Model::EEE,
                        Model::VEE, Model::EVE, Model::VVE, Model::EEV, Model::VEV, Model::EVV, Model::VVV};

// Sum of w_k log |Sigma_k| of the next mixture: where a volume can be chosen, tr(S_k inv(Sigma_k)) adds up to d.
double log_volume(const RandomProblem& p, const std::vector<double>& weights, const std::vector<double>& factors) {
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
    const std::vector<double>& factor = one.precisions_cholesky;
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
    every_model_has_an_m_step();
    sums_are_good_enough_beside_what_is_added();
    return report();
}
