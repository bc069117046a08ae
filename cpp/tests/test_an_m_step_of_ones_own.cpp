// An M-step, as docs/architecture.md shows it: maximum likelihood with a Dirichlet prior on the weights. The loop is
// told of its objective by `bound`, and of nothing else.
#include <algorithm>
#include <cmath>
#include <vector>

#include "em/loop.hpp"
#include "m_step/maximum_likelihood.hpp"
#include "tests/checks.hpp"
#include "tests/random_problem.hpp"

using namespace mixtura;

namespace {

// p(w) ~ prod_k w_k^count: as many rows more in every component, so that zero means no prior.
class WithDirichlet final : public MStep {
  public:
    WithDirichlet(MaximumLikelihood likelihood, double count) : likelihood_(std::move(likelihood)), count_(count) {}

    Model model() const override { return likelihood_.model(); }
    std::ptrdiff_t n_features() const override { return likelihood_.n_features(); }
    const std::vector<double>& added() const override { return likelihood_.added(); }
    std::unique_ptr<MStep> gaussian() const override { return likelihood_.gaussian(); }
    std::unique_ptr<MStep> adding(std::vector<double> added) const override {
        return std::make_unique<WithDirichlet>(MaximumLikelihood(model(), std::move(added)), count_);
    }

    std::ptrdiff_t maximise(const Statistics& statistics, const OwnedMixture* before, OwnedMixture& next,
                            Control& control) const override {
        const std::ptrdiff_t failed = likelihood_.maximise(statistics, before, next, control);
        double total = 0;  // not the weight: the counts of a proposal of the acceleration sum to it roughly
        for (std::ptrdiff_t k = 0; k < next.n_components; ++k) total += statistics.counts[k] + count_;
        for (std::ptrdiff_t k = 0; k < next.n_components; ++k) {
            next.weights[static_cast<std::size_t>(k)] = (statistics.counts[k] + count_) / total;
        }
        return failed;
    }

    double bound(const OwnedMixture& mixture) const override {
        double sum = 0;
        for (const double weight : mixture.weights) sum += count_ * std::log(weight);
        return sum;
    }

  private:
    MaximumLikelihood likelihood_;
    double count_;
};

Point start_of(const RandomProblem& p) {
    OwnedMixture mixture(p.structure, p.k, p.d);
    mixture.weights = p.weights;
    mixture.means = p.means;
    mixture.precisions_cholesky.assign(p.factors.begin(), p.factors.end());
    return Point(std::move(mixture));
}

std::vector<double> history_of(const RandomProblem& p, const MStep& m_step, bool accelerated, Point& point) {
    const MemorySource<double> rows(p.view(true));
    Monitor monitor(0, 40, accelerated);
    Acceleration acceleration(p.structure, p.k, p.d);
    Control control;
    expectation_maximisation({rows, m_step}, monitor, accelerated ? &acceleration : nullptr, {}, point, control);
    return monitor.history;
}

void the_objective_never_falls() {
    const Model models[] = {Model::VVV, Model::EEE, Model::VVI, Model::VII};
    for (int s = 0; s < 4; ++s) {
        const RandomProblem p(structures[s], 400, 3, 2, 17);
        const WithDirichlet m_step(MaximumLikelihood(models[s], {0.0, 0.0}), 30);
        for (const bool accelerated : {false, true}) {
            Point point = start_of(p);
            const std::vector<double> history = history_of(p, m_step, accelerated, point);
            CHECK(history.size() > 5 && history.back() > history.front(), names[s]);
            for (std::size_t i = 1; i < history.size(); ++i) {
                CHECK(history[i] >= history[i - 1] - 1e-12 * std::abs(history[0]), names[s]);
            }
            const double objective_now = objective(m_step, point.mixture, point.statistics);
            CHECK(close(objective_now, history.back(), 1e-12, 0), names[s]);
        }
    }
}

void no_prior_is_maximum_likelihood() {
    const RandomProblem p(Structure::full, 400, 3, 2, 17);
    const MaximumLikelihood likelihood(Model::VVV, {1e-6, 1e-6});
    Point one = start_of(p), other = start_of(p);
    CHECK(history_of(p, likelihood, false, one) == history_of(p, WithDirichlet(likelihood, 0), false, other), "none");
}

}  // namespace

int main() {
    the_objective_never_falls();
    no_prior_is_maximum_likelihood();
    return report();
}
