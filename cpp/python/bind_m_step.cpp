// M-steps.
#include "m_step/estimates.hpp"
#include "m_step/factorise.hpp"
#include "m_step/maximum_likelihood.hpp"
#include "m_step/variational.hpp"
#include "python/values.hpp"

namespace mixtura::python {
namespace {

// The mixture's arrays, or the number of the first component that is singular.
nb::object maximise(const MStep& m_step, const Doubles& centres, const Doubles& block, const MixtureArrays* before,
                    int n_threads) {
    const OwnedStatistics statistics = as_statistics(m_step.structure(), centres, block);
    const SumLayout& layout = statistics.layout();
    const Sizes sizes(layout.structure, layout.n_components, layout.n_features);
    sizes.require_fits(m_step);
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

std::vector<double> added_of(const Doubles& values) {
    require(values.ndim() == 1 && values.size() > 0, "added must be one number a feature");
    return {values.data(), values.data() + values.size()};
}

// Flat; each is checked for its length.
using PriorArrays = std::tuple<Doubles, Doubles, Doubles, Doubles, Doubles>;
// Concentration, stick counts, mean, mean precision, degrees of freedom, scatter: of one or of each.
using ConjugateArrays = std::tuple<Doubles, Doubles, Doubles, Doubles, Doubles, Doubles>;
using FixedArrays = std::tuple<std::optional<Doubles>, std::optional<Doubles>, std::optional<Doubles>>;
using BoundNumbers = std::tuple<bool, double, double, std::optional<Doubles>>;

std::vector<double> numbers_in(const char* name, const std::optional<Doubles>& values, std::ptrdiff_t size) {
    if (!values) return {};
    require(
        static_cast<std::ptrdiff_t>(values->size()) == size,
        std::string(name) + " must have " + std::to_string(size) + " numbers, got " + std::to_string(values->size()));
    return {values->data(), values->data() + values->size()};
}

Background background_of(std::optional<double> log_density, const std::optional<Doubles>& log_sides,
                         std::size_t n_features) {
    return {log_density, numbers_in("noise_log_sides", log_sides, static_cast<std::ptrdiff_t>(n_features))};
}

// One number for all components, or one of each; the same of `size` numbers.
std::vector<double> numbers_of_each(const char* name, const Doubles& values, std::ptrdiff_t size) {
    const auto n = static_cast<std::ptrdiff_t>(values.size());
    require(n > 0 && n % size == 0, std::string(name) + " must have " + std::to_string(size) +
                                        " numbers a component, got " + std::to_string(n));
    return {values.data(), values.data() + values.size()};
}

ConjugatePrior conjugate_of(Model model, std::ptrdiff_t d, bool sticks, bool by_size, const ConjugateArrays& arrays,
                            const std::array<double, 2>& noise_counts) {
    const auto& [concentration, stick_counts, mean, mean_precision, degrees_of_freedom, scatter] = arrays;
    return {sticks,
            by_size,
            numbers_of_each("concentration", concentration, 1),
            numbers_of_each("stick_counts", stick_counts, 1),
            numbers_of_each("mean", mean, d),
            numbers_of_each("mean_precision", mean_precision, 1),
            numbers_of_each("degrees_of_freedom", degrees_of_freedom, 1),
            numbers_of_each("scatter", scatter, covariance_size(structure_of(model), d)),
            noise_counts};
}

Knowledge knowledge_of(Model model, std::ptrdiff_t n_components, std::ptrdiff_t n_features,
                       const std::optional<PriorArrays>& prior, const FixedArrays& fixed, const BoundNumbers& bounds) {
    require(n_components >= 0, "n_components must be 0 or more, got " + std::to_string(n_components));
    const std::ptrdiff_t n = std::max<std::ptrdiff_t>(n_components, 1);
    const Sizes sizes(structure_of(model), n, n_features);
    const std::ptrdiff_t size = covariance_size(sizes.structure, sizes.d), n_own = n_covariances(sizes.structure, n);
    Knowledge known;
    known.n_components = n_components;
    if (prior) {
        const auto& [weight_counts, means, mean_counts, covariance_counts, scatters] = *prior;
        known.prior = {numbers_in("weight_counts", weight_counts, n), numbers_in("means", means, n * sizes.d),
                       numbers_in("mean_counts", mean_counts, n),
                       numbers_in("covariance_counts", covariance_counts, n_own),
                       numbers_in("scatters", scatters, n_own * size)};
    }
    const auto& [weights, means, covariances] = fixed;
    known.fixed = {numbers_in("weights", weights, n), numbers_in("means", means, n * sizes.d),
                   numbers_in("covariances", covariances, n_own * size)};
    const auto& [equal_weights, min_weight, max_eigenvalue_ratio, spreads] = bounds;
    known.bounds = {equal_weights, min_weight, max_eigenvalue_ratio, numbers_in("spreads", spreads, sizes.d)};
    return known;
}

}  // namespace

void bind_m_step(nb::module_& m) {
    nb::class_<MStep>(m, "MStep", "What makes a mixture from sums.")
        .def_prop_ro("model", &MStep::model)
        .def_prop_ro("n_features", &MStep::n_features)
        .def_prop_ro("n_components", &MStep::n_components)
        .def(
            "bound",
            [](const MStep& m_step, const MixtureArrays& mixture) {
                mixture.sizes.require_fits(m_step);
                require(mixture.sizes.structure == m_step.structure(), "the M-step is of another structure");
                return m_step.bound(mixture.owned());
            },
            "mixture"_a, "What the objective has beside the log-likelihood, in nats.");
    nb::class_<Knowledge>(
        m, "Knowledge",
        "What is known of the parameters of so many components; 0: of each of any number.\n"
        "prior: weight_counts, means, mean_counts, covariance_counts, scatters. fixed: weights, means,\n"
        "covariances, NaN where they are free. bounds: whether weights are equal, the least, the greatest\n"
        "ratio of eigenvalues, by what columns are divided before.")
        .def(
            "__init__",
            [](Knowledge* self, Model model, std::ptrdiff_t n_components, std::ptrdiff_t n_features,
               const std::optional<PriorArrays>& prior, const FixedArrays& fixed, const BoundNumbers& bounds) {
                new (self) Knowledge(knowledge_of(model, n_components, n_features, prior, fixed, bounds));
            },
            "model"_a, "n_components"_a, "n_features"_a, "prior"_a.none(), "fixed"_a, "bounds"_a);
    nb::class_<MaximumLikelihood, MStep>(
        m, "MaximumLikelihood",
        "added: to the variance of each feature. tails: of Student's t components, whether they share their degrees\n"
        "of freedom, and these, if they are given. noise_log_density: of a constant background. known: of parameters.\n"
        "noise_log_sides: of the box in which the background is uniform.")
        .def(
            "__init__",
            [](MaximumLikelihood* self, Model model, const Doubles& added, const std::optional<TailsPair>& tails,
               std::optional<double> noise_log_density, const Knowledge* known,
               const std::optional<Doubles>& noise_log_sides) {
                std::vector<double> numbers = added_of(added);
                Background noise = background_of(noise_log_density, noise_log_sides, numbers.size());
                Kind kind{tails_of(tails), std::move(noise), known == nullptr ? Knowledge{} : *known};
                new (self) MaximumLikelihood(model, std::move(numbers), std::move(kind));
            },
            "model"_a, "added"_a, "tails"_a.none() = nb::none(), "noise_log_density"_a.none() = nb::none(),
            "known"_a.none() = nb::none(), "noise_log_sides"_a.none() = nb::none());
    nb::class_<Variational, MStep>(
        m, "Variational",
        "The posterior of variational Bayes. added: to the variance of each feature. sticks: whether the weights' "
        "prior\n"
        "is of sticks, and not a Dirichlet distribution. by_size: whether the sticks are in the order of the\n"
        "components' rows. counts: concentration, stick counts, mean, mean precision, degrees of freedom and scatter\n"
        "(in the shape of one covariance), each one for all components or one of each. noise_counts: of the Beta\n"
        "distribution of the noise's weight.")
        .def(
            "__init__",
            [](Variational* self, Model model, const Doubles& added, bool sticks, bool by_size,
               const ConjugateArrays& counts, std::optional<double> noise_log_density,
               const std::optional<Doubles>& noise_log_sides, std::pair<double, double> noise_counts) {
                std::vector<double> numbers = added_of(added);
                const auto d = static_cast<std::ptrdiff_t>(numbers.size());
                ConjugatePrior prior =
                    conjugate_of(model, d, sticks, by_size, counts, {noise_counts.first, noise_counts.second});
                Background noise = background_of(noise_log_density, noise_log_sides, numbers.size());
                new (self) Variational(model, std::move(numbers), std::move(prior), std::move(noise));
            },
            "model"_a, "added"_a, "sticks"_a, "by_size"_a, "counts"_a, "noise_log_density"_a.none() = nb::none(),
            "noise_log_sides"_a.none() = nb::none(), "noise_counts"_a = std::pair<double, double>(1, 1));
    m.def("maximise", &maximise, "m_step"_a, "centres"_a, "block"_a, "before"_a.none(), "n_threads"_a,
          "(weights, means, covariances, precisions_cholesky, df, noise, posterior), or the number of the first "
          "component whose covariance is\n"
          "not positive definite.");
    m.def("factorise", &factorise, "structure"_a, "covariances"_a, "n_components"_a, "n_features"_a, "n_threads"_a,
          "precisions_cholesky from covariances; the number of the first that is not positive definite.");
}

}  // namespace mixtura::python
