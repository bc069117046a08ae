// The M-step of every model, precision factors, and when sums are good enough for them.
#include <cmath>
#include <vector>

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
    const double covariance[] = {4, 2, 0.6, 2, 5, 1, 0.6, 1, 3};
    double factor[9];
    Control control;
    CHECK(factorise(Structure::full, 1, 3, covariance, factor, control) == -1, "factorise");
    for (int i = 0; i < 3; ++i) {
        for (int j = 0; j < 3; ++j) {
            double product = 0;
            for (int a = 0; a < 3; ++a) {
                for (int b = 0; b < 3; ++b) product += covariance[i * 3 + a] * factor[a * 3 + b] * factor[j * 3 + b];
            }
            CHECK(close(product, i == j ? 1 : 0, 1e-14, 1e-14), "factorise");
        }
    }
    const double singular[] = {1, 1, 1, 1, 1, 2, 2, 1};
    double two[8];
    CHECK(factorise(Structure::full, 2, 2, singular, two, control) == 0, "singular");
    const double second[] = {2, 0, 0, 1, 1, 2, 2, 1};
    CHECK(factorise(Structure::full, 2, 2, second, two, control) == 1, "second singular");
}

void every_model_has_an_m_step() {
    const std::ptrdiff_t sizes[][2] = {{1, 1}, {3, 1}, {1, 4}, {2, 2}, {5, 3}, {3, 9}};
    for (const Model model : models) {
        for (const auto& size : sizes) {
            const RandomProblem p(structure_of(model), 400, size[0], size[1], 31);
            Sums sums(p);
            Control control;
            accumulate(p.view(true), p.mixture(), {}, sums.statistics, control);
            std::vector<double> weights(sums.counts), means(sums.firsts), covariances(sums.seconds),
                factors(sums.seconds);
            const std::vector<double> reg_covar(static_cast<std::size_t>(p.d), 1e-6);
            const Parameters out{weights.data(), means.data(), covariances.data(), factors.data()};
            const auto step = [&](const double* previous) {
                return maximise(model, p.k, p.d, sums.statistics, p.means.data(), reg_covar.data(), previous, out,
                                control);
            };
            CHECK(step(nullptr) == -1, "M-step");
            const double cold = log_volume(p, weights, factors);
            const std::vector<double> previous = covariances;
            CHECK(step(previous.data()) == -1, "M-step from the mixture before");
            CHECK(close(log_volume(p, weights, factors), cold, 1e-12, 1e-12), "M-step from the mixture before");
        }
    }
}

// A component on a single row, which is not yet its mean: its variance is nothing but what is added to it.
void sums_are_good_enough_beside_what_is_added() {
    for (const Structure structure : structures) {
        double count = 1, first = 0.5, second = 0.25;
        Statistics statistics;
        statistics.counts = &count;
        statistics.firsts = &first;
        statistics.seconds = &second;
        const double none = 0, some = 1e-3;
        CHECK(cancels<double>(structure, 1, 1, statistics), "nothing is added");
        CHECK(cancels<double>(structure, 1, 1, statistics, &none), "zero is added");
        CHECK(!cancels<double>(structure, 1, 1, statistics, &some), "enough is added");
        CHECK(cancels<float>(structure, 1, 1, statistics, &some), "enough in double is not enough in float");
    }
}

}  // namespace

int main() {
    factorise_inverts();
    every_model_has_an_m_step();
    sums_are_good_enough_beside_what_is_added();
    return report();
}
