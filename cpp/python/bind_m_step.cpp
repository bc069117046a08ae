// M-steps.
#include "m_step/estimates.hpp"
#include "m_step/factorise.hpp"
#include "m_step/maximum_likelihood.hpp"
#include "python/values.hpp"

namespace mixtura::python {
namespace {

// The mixture's arrays, or the number of the first component that is singular.
nb::object maximise(const MStep& m_step, const Doubles& centres, const Doubles& block, const MixtureArrays* before,
                    int n_threads) {
    const OwnedStatistics statistics = as_statistics(m_step.structure(), centres, block);
    const SumLayout& layout = statistics.layout();
    const Sizes sizes(layout.structure, layout.n_components, layout.n_features);
    require(m_step.n_features() == sizes.d, "the M-step was made for other features");
    require(before == nullptr || before->sizes == sizes, "before must have the sizes of the statistics");
    OwnedMixture next(sizes.structure, sizes.k, sizes.d);
    std::optional<OwnedMixture> from;
    if (before != nullptr) from = before->owned();
    const std::ptrdiff_t failed = without_gil(n_threads, [&](Control& control) {
        return m_step.maximise(statistics.view(), from ? &*from : nullptr, next, control);
    });
    if (failed >= 0) return nb::int_(failed);
    return as_arrays(std::move(next));
}

nb::object factorise(Structure structure, const Doubles& covariances, std::ptrdiff_t n_components,
                     std::ptrdiff_t n_features, int n_threads) {
    const Sizes sizes(structure, n_components, n_features);
    require_shape("covariances", covariances, sizes.covariances());
    OwnedMixture mixture(structure, sizes.k, sizes.d);
    std::copy_n(covariances.data(), covariances.size(), mixture.covariances.begin());
    const std::ptrdiff_t failed =
        without_gil(n_threads, [&](Control& control) { return mixtura::factorise(mixture, control); });
    if (failed >= 0) return nb::int_(failed);
    return nb::cast(as_array(std::move(mixture.precisions_cholesky), sizes.covariances()));
}

using TailsPair = std::tuple<bool, std::optional<Doubles>>;

std::optional<Tails> tails_of(const std::optional<TailsPair>& pair) {
    if (!pair) return {};
    const auto& [shared, df] = *pair;
    Tails tails{shared};
    if (df) tails.df.assign(df->data(), df->data() + df->size());
    return tails;
}

std::vector<double> values_of(const Doubles& values) {
    require(values.ndim() == 1 && values.size() > 0, "added must be one number a feature");
    return {values.data(), values.data() + values.size()};
}

}  // namespace

void bind_m_step(nb::module_& m) {
    nb::class_<MStep>(m, "MStep", "What makes a mixture from sums.")
        .def_prop_ro("model", &MStep::model)
        .def_prop_ro("n_features", &MStep::n_features)
        .def(
            "bound", [](const MStep& m_step, const MixtureArrays& mixture) { return m_step.bound(mixture.owned()); },
            "mixture"_a, "What the objective has beside the log-likelihood, in nats.");
    nb::class_<MaximumLikelihood, MStep>(
        m, "MaximumLikelihood",
        "added: to the variance of each feature. tails: of Student's t components, whether they share their degrees\n"
        "of freedom, and these, if they are given. noise_log_density: of a constant background.")
        .def(
            "__init__",
            [](MaximumLikelihood* self, Model model, const Doubles& added, const std::optional<TailsPair>& tails,
               std::optional<double> noise_log_density) {
                new (self) MaximumLikelihood(model, values_of(added), {tails_of(tails), noise_log_density});
            },
            "model"_a, "added"_a, "tails"_a.none() = nb::none(), "noise_log_density"_a.none() = nb::none());
    m.def(
        "maximise", &maximise, "m_step"_a, "centres"_a, "block"_a, "before"_a.none(), "n_threads"_a,
        "(weights, means, covariances, precisions_cholesky), or the number of the first component whose covariance is\n"
        "not positive definite.");
    m.def("factorise", &factorise, "structure"_a, "covariances"_a, "n_components"_a, "n_features"_a, "n_threads"_a,
          "precisions_cholesky from covariances; the number of the first that is not positive definite.");
}

}  // namespace mixtura::python
