// Variational Bayes in the one EM loop: the whole bound never falls, and one component's is the evidence.
#include "m_step/variational.hpp"

#include <cmath>
#include <stdexcept>
#include <vector>

#include "em/loop.hpp"
#include "m_step/prior.hpp"
#include "tests/checks.hpp"
#include "tests/random_problem.hpp"

using namespace mixtura;

namespace {

const Model conjugate[] = {Model::VVV, Model::EEE, Model::VVI, Model::VII, Model::EEI, Model::EII};
const char* const model_names[] = {"VVV", "EEE", "VVI", "VII", "EEI", "EII"};

ConjugatePrior prior_of(Model model, std::ptrdiff_t d, bool sticks, bool by_size) {
    std::vector<double> scatter(static_cast<std::size_t>(covariance_size(structure_of(model), d)));
    const std::ptrdiff_t step = has_matrices(structure_of(model)) ? d + 1 : 1;
    for (std::size_t i = 0; i < scatter.size(); i += static_cast<std::size_t>(step)) scatter[i] = 1.5;
    return {sticks, by_size, {0.3},  {1.0}, std::vector<double>(static_cast<std::size_t>(d), 0.1),
            {0.7},  {3.5},   scatter};
}

// Of each of so many components, some more sure than others.
ConjugatePrior of_each(Model model, std::ptrdiff_t d, std::ptrdiff_t n, bool sticks) {
    const ConjugatePrior one = prior_of(model, d, sticks, false);
    ConjugatePrior all = one;
    for (std::ptrdiff_t k = 1; k < n; ++k) {
        const double more = 1 + 0.5 * static_cast<double>(k);
        all.concentration.push_back(0.3 * more);
        all.stick_counts.push_back(more);
        all.mean_precision.push_back(0.7 * more);
        for (const double value : one.mean) all.mean.push_back(value + more);
        if (has_common_covariance(model)) continue;
        all.degrees_of_freedom.push_back(3.5 * more);
        for (const double value : one.scatter) all.scatter.push_back(value * more);
    }
    return all;
}

std::vector<double> history_of(const RandomProblem& p, const MStep& m_step, bool accelerated) {
    OwnedMixture mixture(p.structure, p.k, p.d);
    mixture.weights = p.weights;
    mixture.means = p.means;
    mixture.precisions_cholesky.assign(p.factors.begin(), p.factors.end());
    Point point(std::move(mixture));
    const MemorySource<double> rows(p.view(true));
    Monitor monitor(0, 40, accelerated);
    Acceleration acceleration(p.structure, p.k, p.d);
    Control control;
    expectation_maximisation({rows, m_step}, monitor, accelerated ? &acceleration : nullptr, {}, point, control);
    const auto size = static_cast<std::size_t>(p.k + (m_step.has_noise() ? 1 : 0));
    CHECK(point.mixture.counts.size() == size && point.mixture.log_weights.size() == size, "the posterior is whole");
    return monitor.history;
}

// The first mixture is no posterior: its bound is -infinity.
void the_bound_never_falls_with(const RandomProblem& p, const MStep& m_step, const char* name) {
    for (const bool accelerated : {false, true}) {
        const std::vector<double> history = history_of(p, m_step, accelerated);
        CHECK(history.size() > 5 && std::isinf(history[0]) && std::isfinite(history[1]), name);
        for (std::size_t i = 2; i < history.size(); ++i) {
            CHECK(history[i] >= history[i - 1] - 1e-12 * std::abs(history[1]), name);
        }
    }
}

void the_bound_never_falls() {
    for (int m = 0; m < 6; ++m) {
        const RandomProblem p(structure_of(conjugate[m]), 400, 3, 3, 17);
        const std::vector<double> nothing(3);
        for (const Background& noise : {Background{}, Background{-3.0, {}}}) {
            for (const int kind : {0, 1, 2}) {
                const ConjugatePrior prior = prior_of(conjugate[m], 3, kind > 0, kind > 1);
                the_bound_never_falls_with(p, Variational(conjugate[m], nothing, prior, noise), model_names[m]);
                if (kind > 1) continue;
                const ConjugatePrior own = of_each(conjugate[m], 3, 3, kind > 0);
                the_bound_never_falls_with(p, Variational(conjugate[m], nothing, own, noise), model_names[m]);
            }
        }
    }
}

void an_improper_prior_is_refused() {
    const auto refuses = [](Model model, ConjugatePrior prior) {
        try {
            const Variational m_step(model, {0.0, 0.0, 0.0}, std::move(prior));
            return false;
        } catch (const std::invalid_argument&) {
            return true;
        }
    };
    ConjugatePrior few = prior_of(Model::VVV, 3, false, false), flat = few, none = few;
    few.degrees_of_freedom = {2};
    flat.scatter[0] = 0;
    none.concentration = {0};
    ConjugatePrior unordered = of_each(Model::VVV, 3, 2, true), uneven = of_each(Model::VVV, 3, 2, true);
    unordered.by_size = true;
    uneven.mean_precision.push_back(1);
    CHECK(refuses(Model::VVV, unordered), "components of their own in the order of their rows");
    CHECK(refuses(Model::VVV, uneven), "values of two and of three components");
    CHECK(refuses(Model::VVV, few), "d - 1 degrees of freedom");
    CHECK(refuses(Model::VVV, flat), "a singular scatter");
    CHECK(refuses(Model::VVV, none), "no concentration");
    CHECK(refuses(Model::VEV, prior_of(Model::VEV, 3, false, false)), "no conjugate prior");
    CHECK(!refuses(Model::VVI, prior_of(Model::VVI, 3, true, true)), "a proper one");
}

}  // namespace

int main() {
    the_bound_never_falls();
    an_improper_prior_is_refused();
    return report();
}
