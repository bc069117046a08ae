// Whole fits of small tables.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "fitting/of_rows.hpp"
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
    for (Outcome& one : found) {
        if (one.fit)
            all.append(
                nb::cast(std::make_unique<WholeFit>(std::move(*one.fit)).release(), nb::rv_policy::take_ownership));
        else if (one.found)
            all.append(
                nb::make_tuple(as_arrays(std::move(*one.found->mixture)), as_list(one.found->records), one.n_searched));
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

// Of the noise of all fits: weights, log densities, log sides and corners of its box, None where there is none.
nb::object noise_of(std::vector<Refit>& fits, std::ptrdiff_t d) {
    if (!fits.front().mixture.view().has_noise()) return nb::none();
    const auto n = static_cast<std::ptrdiff_t>(fits.size());
    std::vector<double> weights, log_densities, corners;
    for (const Refit& fit : fits) {
        weights.push_back(fit.mixture.noise.weight);
        log_densities.push_back(fit.mixture.noise.log_density);
        corners.insert(corners.end(), fit.corners.begin(), fit.corners.end());
    }
    nb::object log_sides = nb::none(), boxes = nb::none();
    if (!fits.front().mixture.log_sides.empty()) log_sides = nb::cast(together(fits, &OwnedMixture::log_sides, {d}));
    if (!corners.empty()) boxes = nb::cast(as_array(std::move(corners), {n, 2, d}));
    return nb::make_tuple(as_array(std::move(weights), {n}), as_array(std::move(log_densities), {n}), log_sides, boxes);
}

nb::tuple refits(const RowsArrays& rows, const Doubles& weights, const MixtureArrays& start, const nb::list& m_steps,
                 bool missing, int n_bits, bool has_box, bool default_prior, double tol, std::ptrdiff_t max_iter,
                 int n_threads) {
    const Sizes& sizes = start.sizes;
    require_matrix("weights", weights);
    require(!rows.is_single(), "rows must be of float64");
    rows.require_sizes(sizes);
    require_matrix("weights", weights);
    const std::ptrdiff_t n = static_cast<std::ptrdiff_t>(weights.shape(0)), n_rows = rows.n_rows();
    require_shape("weights", weights, {n, n_rows});
    Refitting asked{{}, missing, n_bits, has_box, default_prior, tol, max_iter};
    for (std::size_t i = 0; i < m_steps.size(); ++i) {
        const auto& m_step = nb::cast<const MaximumLikelihood&>(m_steps[i]);
        sizes.require_fits(m_step);
        require(m_step.structure() == sizes.structure, "the M-step is of another structure than the mixture");
        require(m_step.has_tails() == sizes.has_tails && m_step.has_noise() == sizes.has_noise,
                "the mixture must be of the M-step's kind");
        require(m_step.has_noise() || !has_box, "has_box is of noise, and the M-step has none");
        require(m_step.has_prior() || !default_prior, "default_prior is of a prior, and the M-step has none");
        asked.m_steps.push_back(&m_step);
    }
    require(asked.m_steps.size() == 1 || static_cast<std::ptrdiff_t>(asked.m_steps.size()) == n,
            "m_steps must be one, or one a row of weights");
    require(!(missing && default_prior && has_matrices(sizes.structure)),
            "rows with missing features have no covariance for a default prior");
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        const double* own = weights.data() + i * n_rows;
        require(std::any_of(own, own + n_rows, [](double w) { return w > 0; }), "a row must have a weight");
    }
    const OwnedMixture from = start.owned();
    std::vector<Refit> fits = without_gil(n_threads, [&](Control& control) {
        return mixtura::refits(rows.of_doubles(), weights.data(), n, from, asked, control);
    });
    nb::list failures;
    for (const Refit& fit : fits) failures.append(nb::make_tuple(fit.failed, fit.count));
    nb::object df = nb::none(), noise = nb::none();
    if (sizes.has_tails) df = nb::cast(together(fits, &OwnedMixture::df, {sizes.k}));
    if (n > 0) noise = noise_of(fits, sizes.d);
    return nb::make_tuple(together(fits, &OwnedMixture::weights, {sizes.k}),
                          together(fits, &OwnedMixture::means, {sizes.k, sizes.d}),
                          together(fits, &OwnedMixture::covariances, sizes.covariances()),
                          together(fits, &OwnedMixture::precisions_cholesky, sizes.covariances()), df, noise, failures);
}

Array drawn_counts(const std::optional<Doubles>& weights, std::ptrdiff_t n_rows, std::ptrdiff_t n_drawn,
                   const std::vector<std::uint64_t>& seeds) {
    require(n_rows > 0, "n_rows must be 1 at least, got " + std::to_string(n_rows));
    require_shape("weights", weights, {n_rows});
    const std::size_t room = std::vector<double>().max_size();
    require(seeds.empty() || static_cast<std::size_t>(n_rows) <= room / seeds.size(),
            std::to_string(n_rows) + " rows are too many for " + std::to_string(seeds.size()) + " seeds");
    require(n_drawn >= 0 && (n_drawn - 1) / most_draws_a_row < n_rows,
            "n_drawn must be 0 to " + std::to_string(most_draws_a_row) + " a row, got " + std::to_string(n_drawn));
    const double* own = weights ? weights->data() : nullptr;
    const auto is_weight = [](double w) { return w >= 0 && std::isfinite(w); };
    require(own == nullptr || std::all_of(own, own + n_rows, is_weight), "weights must be finite and not below 0");
    require(own == nullptr || std::any_of(own, own + n_rows, [](double w) { return w > 0; }),
            "a row must have a weight");
    std::vector<double> counts =
        without_gil(1, [&](Control&) { return mixtura::drawn_counts(own, n_rows, n_drawn, seeds); });
    return as_array(std::move(counts), {static_cast<std::ptrdiff_t>(seeds.size()), n_rows});
}

std::vector<double> as_vector(const Doubles& values) { return {values.data(), values.data() + values.size()}; }

nb::tuple observed(const RowArray<double>& rows, const std::optional<Doubles>& weight) {
    Observed found = observed_in(as_rows(rows, weight));
    const auto d = static_cast<std::ptrdiff_t>(found.mean.size());
    return nb::make_tuple(as_array(std::move(found.weight), {d}), as_array(std::move(found.mean), {d}),
                          as_array(std::move(found.squares), {d}));
}

// As Python holds directions of a box.
using DirectionArrays = std::tuple<std::vector<std::int64_t>, Doubles, std::optional<Doubles>>;

nb::tuple directions_of_box(const Doubles& mean, const Doubles& variances, const std::optional<Doubles>& covariance,
                            const nb::callable& solver) {
    const auto d = static_cast<std::ptrdiff_t>(mean.size());
    require_shape("variances", variances, {d});
    require_shape("covariance", covariance, {d, d});
    const auto solve = [&](std::vector<double>& matrix, std::vector<double>& values, std::vector<double>& vectors) {
        const auto size = static_cast<std::ptrdiff_t>(values.size());
        const auto [own, axes] =
            nb::cast<std::tuple<Doubles, Doubles>>(solver(as_array(std::move(matrix), {size, size})));
        require_shape("eigenvalues", own, {size});
        require_shape("eigenvectors", axes, {size, size});
        values = as_vector(own);
        vectors = as_vector(axes);
    };
    BoxDirections found =
        box_directions(as_vector(mean), as_vector(variances), covariance ? covariance->data() : nullptr, solve);
    const auto n = static_cast<std::ptrdiff_t>(found.features.size());
    nb::object axes = nb::none();
    if (!found.axes.empty()) axes = nb::cast(as_array(std::move(found.axes), {n, n}));
    return nb::make_tuple(found.features, as_array(std::move(found.spreads), {n}), axes);
}

BoxDirections directions_in(const DirectionArrays& arrays, std::ptrdiff_t d) {
    const auto& [features, spreads, axes] = arrays;
    const auto n = static_cast<std::ptrdiff_t>(features.size());
    require(std::all_of(features.begin(), features.end(), [d](std::int64_t j) { return j >= 0 && j < d; }),
            "features must be some of the rows'");
    require_shape("spreads", spreads, {n});
    require_shape("axes", axes, {n, n});
    return {features, as_vector(spreads), axes ? as_vector(*axes) : std::vector<double>{}};
}

Array sides_of_box(const RowArray<double>& rows, const std::optional<Doubles>& weight, const Doubles& mean,
                   const DirectionArrays& arrays) {
    const mixtura::Rows<double> own = as_rows(rows, weight);
    require_shape("mean", mean, {own.n_features});
    BoxSides found = box_sides(own, as_vector(mean), directions_in(arrays, own.n_features));
    const auto n = static_cast<std::ptrdiff_t>(found.least.size());
    found.least.insert(found.least.end(), found.most.begin(), found.most.end());
    return as_array(std::move(found.least), {2, n});
}

nb::tuple box(const Doubles& mean, const DirectionArrays& arrays, const Doubles& sides) {
    const auto d = static_cast<std::ptrdiff_t>(mean.size());
    const BoxDirections directions = directions_in(arrays, d);
    const auto n = static_cast<std::ptrdiff_t>(directions.features.size() * (directions.axes.empty() ? 1 : 2));
    require_shape("sides", sides, {2, n});
    Box found = box_of(as_vector(mean), directions,
                       {{sides.data(), sides.data() + n}, {sides.data() + n, sides.data() + 2 * n}});
    found.least.insert(found.least.end(), found.most.begin(), found.most.end());
    return nb::make_tuple(found.log_volume, as_array(std::move(found.log_sides), {d}),
                          as_array(std::move(found.least), {2, d}));
}

Array scatter_by_default(Structure structure, std::ptrdiff_t n_components, const Doubles& covariance, double n_rows) {
    require(covariance.ndim() > 0, "covariance must have 1 or 2 dimensions, got 0");
    const auto d = static_cast<std::ptrdiff_t>(covariance.shape(0));
    const Sizes sizes(structure, n_components, d);
    require_shape("covariance", covariance, has_matrices(structure) ? Shape{d, d} : Shape{d});
    std::vector<double> found = default_scatter(structure, n_components, d, covariance.data(), n_rows);
    const auto size = static_cast<std::ptrdiff_t>(found.size());
    return as_array(std::move(found), has_matrices(structure) ? Shape{d, d} : Shape{size});
}

Array rounded(const Doubles& values, int n_bits) {
    std::vector<double> found;
    Shape shape;
    for (std::size_t i = 0; i < values.size(); ++i) found.push_back(significant(values.data()[i], n_bits));
    for (std::size_t axis = 0; axis < values.ndim(); ++axis)
        shape.push_back(static_cast<std::ptrdiff_t>(values.shape(axis)));
    return as_array(std::move(found), shape);
}

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
    m.attr("MOST_OF_A_FACTOR") = mixtura::most_of_a_factor;
    m.def("whole_fits", &whole_fits, "tables"_a, "seeds"_a, "asked"_a, "n_threads"_a,
          "Fits side by side, one a table of float64. Where something is to be told of components what the search\n"
          "found, (parameters, records, distinct rows); where it is of rows, None.");
    m.def(
        "refits", &refits, "rows"_a, "weights"_a, "start"_a, "m_steps"_a, "missing"_a, "n_bits"_a, "has_box"_a,
        "default_prior"_a, "tol"_a, "max_iter"_a, "n_threads"_a,
        "Fits to the rows with each row of weights, from one mixture on: (weights, means, covariances,\n"
        "precisions_cholesky, df or None, noise or None, [(component that collapsed or -1, its rows)]), one after\n"
        "the other; noise: weights, log densities, log sides and corners of its box, or None. m_steps: one for\n"
        "all, or one of each. missing: whether NaN may be among the features. n_bits: of what is added to variances,\n"
        "a share of those of the rows; 0: what the M-step adds. has_box: noise is uniform around the rows.\n"
        "default_prior: the prior has its mean and scatter from the rows.");
    m.def("observed", &observed, "rows"_a.noconvert(), "weight"_a.none(),
          "(weight, mean, squares about it) of what is not NaN, of each feature.");
    m.def("box_directions", &directions_of_box, "mean"_a, "variances"_a, "covariance"_a.none(), "solver"_a,
          "(features that vary, their spreads, principal axes or None): in which a box may lie. solver: gives\n"
          "eigenvalues of a matrix, the largest first, and eigenvectors as rows.");
    m.def("box_sides", &sides_of_box, "rows"_a.noconvert(), "weight"_a.none(), "mean"_a, "directions"_a,
          "The least and the most of the rows along the features, then along the axes.");
    m.def("box", &box, "mean"_a, "directions"_a, "sides"_a,
          "(log volume, log sides, corners) of a box with such sides.");
    m.def("default_scatter", &scatter_by_default, "structure"_a, "n_components"_a, "covariance"_a, "n_rows"_a,
          "Of the default prior, in the shape of one covariance; without matrices covariance is its diagonal.");
    m.def("drawn_counts", &drawn_counts, "weights"_a.none(), "n_rows"_a, "n_drawn"_a, "seeds"_a,
          "How often each row comes up in draws with replacement, for each seed; None: all are as likely. As many as\n"
          "MOST_DRAWS_A_ROW a row at most.");
    m.attr("MOST_DRAWS_A_ROW") = most_draws_a_row;
    m.def("significant", &rounded, "values"_a, "n_bits"_a, "Numbers rounded to so many binary digits.");
    m.def("added_by_default", &added, "mean"_a, "variances"_a, "n_bits"_a,
          "What is added to the variance of each feature where nobody says how much.");
    m.def("are_surely_sound", &sound, "mean"_a, "variances"_a, "covariance"_a,
          "Whether no column is constant, or a combination of others, beyond doubt.");
}

}  // namespace mixtura::python
