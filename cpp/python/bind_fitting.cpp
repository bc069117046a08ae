// Whole fits of small tables.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "fitting/refits.hpp"
#include "fitting/whole_fit.hpp"
#include "m_step/regularisation.hpp"
#include "python/values.hpp"

namespace mixtura::python {
namespace {

using Range = std::tuple<double, double>;  // least, most

void make_asked(Asked* self, Model model, std::ptrdiff_t n_components, double tol, std::ptrdiff_t max_iter,
                bool accelerate, const std::optional<double>& reg_covar, int n_bits, double min_rows,
                const Range& range, std::ptrdiff_t few_rows, const MixtureArrays* start, double seconds) {
    require(n_components > 0, "n_components must be 1 at least, got " + std::to_string(n_components));
    require(few_rows > 0, "few_rows must be 1 at least, got " + std::to_string(few_rows));
    new (self) Asked{model,     n_components, tol,      max_iter,           accelerate,
                     reg_covar, n_bits,       min_rows, std::get<0>(range), std::get<1>(range),
                     few_rows,  {},           seconds};
    if (start == nullptr) return;
    require(start->sizes.structure == structure_of(model) && start->sizes.k == n_components,
            "start must be of n_components components and of the model");
    self->start = start->owned();
}

nb::list whole_fits(const nb::list& tables, const std::vector<std::uint64_t>& seeds, const Asked& asked,
                    int n_threads) {
    require(tables.size() == seeds.size(), "seeds must be one a table");
    std::vector<mixtura::Rows<double>> rows;
    std::vector<RowArray<double>> arrays;  // which keep the memory
    for (std::size_t i = 0; i < tables.size(); ++i) {
        arrays.push_back(nb::cast<RowArray<double>>(tables[i], false));
        rows.push_back(as_rows(arrays.back()));
        require(rows.back().n_rows > 0 && rows.back().n_features > 0, "rows must have a row and a feature at least");
        Sizes(structure_of(asked.model), asked.n_components, rows.back().n_features);  // throws where it cannot be
        require(!asked.start || asked.start->n_features == rows.back().n_features,
                "start must have the features of the rows");
    }
    auto found =
        without_gil(n_threads, [&](Control& control) { return mixtura::whole_fits(rows, seeds, asked, control); });
    nb::list all;
    for (std::optional<WholeFit>& fit : found) {
        if (fit)
            all.append(nb::cast(std::make_unique<WholeFit>(std::move(*fit)).release(), nb::rv_policy::take_ownership));
        else
            all.append(nb::none());
    }
    return all;
}

// What all fits have of one parameter, one after the other.
template <class Part>
Array together(std::vector<Refit>& fits, Part OwnedMixture::* part, Shape shape) {
    Part all;
    for (const Refit& fit : fits) all.insert(all.end(), (fit.mixture.*part).begin(), (fit.mixture.*part).end());
    shape.insert(shape.begin(), static_cast<std::ptrdiff_t>(fits.size()));
    return as_array(std::move(all), shape);
}

nb::tuple refits(const RowArray<double>& rows, const Doubles& weights, const MixtureArrays& start, const MStep& m_step,
                 int n_bits, double tol, std::ptrdiff_t max_iter, int n_threads) {
    const Sizes& sizes = start.sizes;
    require_matrix("weights", weights);
    const auto n = static_cast<std::ptrdiff_t>(weights.shape(0));
    require_shape("rows", rows, {n_rows_of(rows), sizes.d});
    require_shape("weights", weights, {n, n_rows_of(rows)});
    sizes.require_fits(m_step);
    require(m_step.structure() == sizes.structure, "the M-step is of another structure than the mixture");
    require(m_step.has_tails() == sizes.has_tails && !m_step.has_noise() && !sizes.has_noise,
            "the mixture must be of the M-step's kind, without noise");
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        const double* own = weights.data() + i * n_rows_of(rows);
        require(std::any_of(own, own + n_rows_of(rows), [](double w) { return w > 0; }), "a row must have a weight");
    }
    const OwnedMixture from = start.owned();
    std::vector<Refit> fits = without_gil(n_threads, [&](Control& control) {
        return mixtura::refits(as_rows(rows), weights.data(), n, from, {m_step, n_bits, tol, max_iter}, control);
    });
    nb::list failures;
    for (const Refit& fit : fits) failures.append(nb::make_tuple(fit.failed, fit.count));
    nb::object df = nb::none();
    if (sizes.has_tails) df = nb::cast(together(fits, &OwnedMixture::df, {sizes.k}));
    return nb::make_tuple(together(fits, &OwnedMixture::weights, {sizes.k}),
                          together(fits, &OwnedMixture::means, {sizes.k, sizes.d}),
                          together(fits, &OwnedMixture::covariances, sizes.covariances()),
                          together(fits, &OwnedMixture::precisions_cholesky, sizes.covariances()), df, failures);
}

Array drawn_counts(const std::optional<Doubles>& weights, std::ptrdiff_t n_rows, std::ptrdiff_t n_drawn,
                   const std::vector<std::uint64_t>& seeds) {
    require(n_rows > 0, "n_rows must be 1 at least, got " + std::to_string(n_rows));
    require_shape("weights", weights, {n_rows});
    const double* own = weights ? weights->data() : nullptr;
    const auto is_weight = [](double w) { return w >= 0 && std::isfinite(w); };
    require(own == nullptr || std::all_of(own, own + n_rows, is_weight), "weights must be finite and not below 0");
    require(own == nullptr || std::any_of(own, own + n_rows, [](double w) { return w > 0; }),
            "a row must have a weight");
    return as_array(mixtura::drawn_counts(own, n_rows, n_drawn, seeds),
                    {static_cast<std::ptrdiff_t>(seeds.size()), n_rows});
}

Array rounded(const Doubles& values, int n_bits) {
    std::vector<double> found;
    Shape shape;
    for (std::size_t i = 0; i < values.size(); ++i) found.push_back(significant(values.data()[i], n_bits));
    for (std::size_t axis = 0; axis < values.ndim(); ++axis)
        shape.push_back(static_cast<std::ptrdiff_t>(values.shape(axis)));
    return as_array(std::move(found), shape);
}

std::vector<double> as_vector(const Doubles& values) { return {values.data(), values.data() + values.size()}; }

Array added(const Doubles& mean, const Doubles& variances, int n_bits) {
    const auto d = static_cast<std::ptrdiff_t>(mean.size());
    require_shape("variances", variances, {d});
    return as_array(added_by_default(as_vector(mean), as_vector(variances), n_bits), {d});
}

bool sound(const Doubles& mean, const Doubles& variances, const Doubles& covariance) {
    const auto d = static_cast<std::ptrdiff_t>(mean.size());
    require_shape("variances", variances, {d});
    require_shape("covariance", covariance, {d, d});
    return are_surely_sound(as_vector(mean), as_vector(variances), as_vector(covariance));
}

Array array_of(const std::vector<double>& values) {
    return as_array(values, {static_cast<std::ptrdiff_t>(values.size())});
}

}  // namespace

void bind_fitting(nb::module_& m) {
    nb::class_<Asked>(
        m, "Asked",
        "What is fitted to small tables. reg_covar: None is a share of each feature's variance, of n_bits\n"
        "digits; range: sizes whose squares can be computed with; few_rows: so many distinct rows are a\n"
        "word worth; start: None is what a search finds; seconds: after which no iteration begins.")
        .def("__init__", &make_asked, "model"_a, "n_components"_a, "tol"_a, "max_iter"_a, "accelerate"_a,
             "reg_covar"_a.none(), "n_bits"_a, "min_rows"_a, "range"_a, "few_rows"_a, "start"_a.none(), "seconds"_a);
    nb::class_<WholeFit>(m, "WholeFit", "The fit of a small table.")
        .def_prop_ro(
            "mixture", [](const WholeFit& fit) { return as_arrays(fit.point.mixture); },
            "(weights, means, covariances, precisions_cholesky, df, noise).")
        .def_prop_ro(
            "statistics", [](const WholeFit& fit) { return as_arrays(fit.point.statistics); }, "(centres, block).")
        .def_ro("monitor", &WholeFit::monitor, "What EM came to.")
        .def_prop_ro(
            "reg_covar", [](const WholeFit& fit) { return array_of(fit.added); }, nb::rv_policy::move,
            "What was added to the variance of each feature.")
        .def_prop_ro(
            "records", [](const WholeFit& fit) { return as_list(fit.records); }, "What became of each descent.")
        .def_ro("n_searched", &WholeFit::n_searched, "Distinct rows, which the search saw; 0: there was none.");
    m.def("whole_fits", &whole_fits, "tables"_a, "seeds"_a, "asked"_a, "n_threads"_a,
          "Fits side by side, one a table of float64; None where something is to be told of rows or components.");
    m.def("refits", &refits, "rows"_a, "weights"_a, "start"_a, "m_step"_a, "n_bits"_a, "tol"_a, "max_iter"_a,
          "n_threads"_a,
          "Fits to the rows with each row of weights, from one mixture on: (weights, means, covariances,\n"
          "precisions_cholesky, df or None, [(component that collapsed or -1, its rows)]), one after the other.\n"
          "n_bits: of what is added to variances, a share of those of the rows; 0: what the M-step adds.");
    m.def("drawn_counts", &drawn_counts, "weights"_a.none(), "n_rows"_a, "n_drawn"_a, "seeds"_a,
          "How often each row comes up in draws with replacement, for each seed; None: all are as likely.");
    m.def("significant", &rounded, "values"_a, "n_bits"_a, "Numbers rounded to so many binary digits.");
    m.def("added_by_default", &added, "mean"_a, "variances"_a, "n_bits"_a,
          "What is added to the variance of each feature where nobody says how much.");
    m.def("are_surely_sound", &sound, "mean"_a, "variances"_a, "covariance"_a,
          "Whether no column is constant, or a combination of others, beyond doubt.");
}

}  // namespace mixtura::python
