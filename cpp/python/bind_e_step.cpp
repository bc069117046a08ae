// What is asked about rows in an array.
#include <memory>
#include <vector>

#include "e_step/inspect.hpp"
#include "e_step/patterns.hpp"
#include "python/values.hpp"

namespace mixtura::python {
namespace {

template <class Real>
void evaluate(const RowArray<Real>& rows, const MixtureArrays& mixture, int n_threads, bool missing,
              const std::optional<ErrorArray>& errors, const std::optional<OutArray<Real>>& log_density,
              const std::optional<OutArray<Real>>& responsibilities,
              const std::optional<OutArray<std::int64_t>>& labels, const std::optional<OutArray<Real>>& log_joint,
              const std::optional<OutArray<Real>>& expected, const std::optional<OutArray<Real>>& variances,
              const std::optional<OutArray<Real>>& covariances, const std::optional<OutArray<Real>>& gradient,
              const std::optional<OutArray<Real>>& hessian) {
    const Sizes& sizes = mixture.sizes;
    const std::ptrdiff_t n = n_rows_of(rows);
    require_shape("rows", rows, {n, sizes.d});
    require_shape("log_density", log_density, {n});
    require_shape("responsibilities", responsibilities, {n, sizes.n_densities()});
    require_shape("labels", labels, {n});
    require_shape("log_joint", log_joint, {n, sizes.n_densities()});
    Evaluation<Real> out;
    if (log_density) out.log_density = log_density->data();
    if (responsibilities) out.responsibilities = responsibilities->data();
    if (labels) out.labels = labels->data();
    if (log_joint) out.log_joint = log_joint->data();
    require_shape("expected", expected, {n, sizes.d});
    require_shape("variances", variances, {n, sizes.d});
    require_shape("covariances", covariances, {n, sizes.d, sizes.d});
    require(expected || (!variances && !covariances), "variances and covariances are found with what is expected");
    require(!variances || !errors, "variances are found of missing features, covariances of rows with errors");
    if (expected) out.expected = expected->data();
    if (variances) out.variances = variances->data();
    if (covariances) out.covariances = covariances->data();
    require_shape("gradient", gradient, {n, sizes.d});
    require(!gradient || (!missing && !errors), "gradients are found of complete rows that were measured exactly");
    if (gradient) out.gradient = gradient->data();
    require_shape("hessian", hessian, {n, sizes.d, sizes.d});
    require(!hessian || (!missing && !errors), "Hessians are found of complete rows that were measured exactly");
    require(!hessian || sizes.n_densities() == sizes.k, "Hessians are found of mixtures without noise");
    if (hessian) out.hessian = hessian->data();
    mixtura::Rows<Real> given = as_rows(rows);
    given.errors = errors_of(errors, n, sizes.d);
    require_gaussian(given.errors, sizes.has_tails);
    std::unique_ptr<PatternOrder> patterns;
    without_gil(n_threads, [&](Control& control) {
        if (missing && !errors) {
            patterns = std::make_unique<PatternOrder>(given);
            given.patterns = patterns->view();
        }
        mixtura::evaluate(given, mixture.view(), out, control);
    });
}

template <class Real>
std::tuple<std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t> find_nonfinite(const RowArray<Real>& rows, int n_threads) {
    const NonFinite found =
        without_gil(n_threads, [&](Control& control) { return mixtura::find_nonfinite(as_rows(rows), control); });
    return {found.count, found.row, found.feature};
}

template <class Real>
nb::tuple find_extent(const RowArray<Real>& rows, int n_threads) {
    std::vector<double> least(rows.shape(1)), most(rows.shape(1));
    without_gil(n_threads,
                [&](Control& control) { mixtura::find_extent(as_rows(rows), least.data(), most.data(), control); });
    const auto d = static_cast<std::ptrdiff_t>(rows.shape(1));
    return nb::make_tuple(as_array(std::move(least), {d}), as_array(std::move(most), {d}));
}

template <class Real>
std::ptrdiff_t find_distinct(const RowArray<Real>& rows, const std::optional<Doubles>& sample_weight,
                             const nb::ndarray<std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>& first,
                             const MutableDoubles& weights) {
    const auto most = static_cast<std::ptrdiff_t>(first.shape(0));
    require_shape("weights", weights, {most});
    const mixtura::Rows<Real> all = as_rows(rows, sample_weight);
    return without_gil(
        1, [&](Control& control) { return mixtura::find_distinct(all, most, first.data(), weights.data(), control); });
}

template <class Real>
void bind_rows(nb::module_& m) {
    m.def("evaluate", &evaluate<Real>, "rows"_a.noconvert(), "mixture"_a, "n_threads"_a, "missing"_a = false,
          "errors"_a.noconvert().none() = nb::none(), nb::kw_only(), "log_density"_a.noconvert().none() = nb::none(),
          "responsibilities"_a.noconvert().none() = nb::none(), "labels"_a.noconvert().none() = nb::none(),
          "log_joint"_a.noconvert().none() = nb::none(), "expected"_a.noconvert().none() = nb::none(),
          "variances"_a.noconvert().none() = nb::none(), "covariances"_a.noconvert().none() = nb::none(),
          "gradient"_a.noconvert().none() = nb::none(), "hessian"_a.noconvert().none() = nb::none(),
          "Per-row results, into those arrays that are given.");
    m.def("find_nonfinite", &find_nonfinite<Real>, "rows"_a.noconvert(), "n_threads"_a,
          "(count, row, feature) of the NaN and infinities; the first one's place, or -1.");
    m.def("find_extent", &find_extent<Real>, "rows"_a.noconvert(), "n_threads"_a,
          "The least and the most of each feature.");
    m.def("find_distinct", &find_distinct<Real>, "rows"_a.noconvert(), "sample_weight"_a.none(), "first"_a.noconvert(),
          "weights"_a.noconvert(),
          "Fills the places and the weights of the distinct rows; returns their number, or one more than there is "
          "room for.");
}

}  // namespace

void bind_e_step(nb::module_& m) {
    nb::class_<RowsArrays>(m, "Rows", "Rows in an array, with all that they bring.")
        .def(nb::init<const RowArray<double>&, const std::optional<Doubles>&, const std::optional<AnyMatrix>&,
                      const std::optional<LabelArray>&, const std::optional<Doubles>&, bool,
                      const std::optional<ErrorArray>&>(),
             "rows"_a.noconvert(), "sample_weight"_a.none() = nb::none(),
             "responsibilities"_a.noconvert().none() = nb::none(), "labels"_a.noconvert().none() = nb::none(),
             "log_terms"_a.noconvert().none() = nb::none(), "missing"_a = false,
             "errors"_a.noconvert().none() = nb::none())
        .def(nb::init<const RowArray<float>&, const std::optional<Doubles>&, const std::optional<AnyMatrix>&,
                      const std::optional<LabelArray>&, const std::optional<Doubles>&, bool,
                      const std::optional<ErrorArray>&>(),
             "rows"_a.noconvert(), "sample_weight"_a.none() = nb::none(),
             "responsibilities"_a.noconvert().none() = nb::none(), "labels"_a.noconvert().none() = nb::none(),
             "log_terms"_a.noconvert().none() = nb::none(), "missing"_a = false,
             "errors"_a.noconvert().none() = nb::none());
    nb::class_<ExpectationArrays>(m, "Expectation",
                                  "What an E-step is asked for. hard: a row belongs wholly to its likeliest component; "
                                  "moments: more than the\nscalars; total: (weight, mean, scatter) of all rows.")
        .def(nb::init<bool, bool, const std::optional<Total>&>(), "hard"_a = false, "moments"_a = true,
             "total"_a.none() = nb::none());
    bind_rows<double>(m);
    bind_rows<float>(m);
}

}  // namespace mixtura::python
