// Variational Bayes in the one EM loop: the whole bound never falls, and one component's is the evidence.
#include "m_step/variational.hpp"

#include <cmath>
#include <stdexcept>
#include <vector>

#include "em/loop.hpp"
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
    return {sticks, by_size, 0.3, std::vector<double>(static_cast<std::size_t>(d), 0.1), 0.7, 3.5, scatter};
}

std::vector<double> history_of(const RandomProblem& p, const MStep& m_step, bool accelerated) {
    OwnedMixture mixture(p.structure, p.k, p.d);
    mixture.weights = p.weights;
    mixture.means = p.means;
    mixture.precisions_cholesky = p.factors;
    Point point(std::move(mixture));
    const MemorySource<double> rows(p.view(true));
    Monitor monitor(0, 40, accelerated);
    Acceleration acceleration(p.structure, p.k, p.d);
    Control control;
    expectation_maximisation({rows, m_step}, monitor, accelerated ? &acceleration : nullptr, {}, point, control);
    CHECK(point.mixture.counts.size() == static_cast<std::size_t>(p.k), "the posterior is whole");
    return monitor.history;
}

// The first mixture is no posterior: its bound is -infinity.
void the_bound_never_falls() {
    for (int m = 0; m < 6; ++m) {
        const RandomProblem p(structure_of(conjugate[m]), 400, 3, 3, 17);
        for (const int kind : {0, 1, 2}) {
            const Variational m_step(conjugate[m], {0.0, 0.0, 0.0}, prior_of(conjugate[m], 3, kind > 0, kind > 1));
            for (const bool accelerated : {false, true}) {
                const std::vector<double> history = history_of(p, m_step, accelerated);
                CHECK(history.size() > 5 && std::isinf(history[0]) && std::isfinite(history[1]), model_names[m]);
                for (std::size_t i = 2; i < history.size(); ++i) {
                    CHECK(history[i] >= history[i - 1] - 1e-12 * std::abs(history[1]), model_names[m]);
                }
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
    few.degrees_of_freedom = 2;
    flat.scatter[0] = 0;
    none.concentration = 0;
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
