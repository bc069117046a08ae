// The one file that knows Python: arrays in, numbers out. Python allocates every array.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>

#include <optional>
#include <tuple>

#include "acceleration.hpp"
#include "core.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using mixtura::Model;
using mixtura::Structure;

template <class Real>
using RowArray = nb::ndarray<const Real, nb::ndim<2>, nb::device::cpu>;
template <class Real>
using OutArray = nb::ndarray<Real, nb::c_contig, nb::device::cpu>;
using Doubles = nb::ndarray<const double, nb::c_contig, nb::device::cpu>;
using MutableDoubles = nb::ndarray<double, nb::c_contig, nb::device::cpu>;
using AnyMatrix = nb::ndarray<const double, nb::ndim<2>, nb::device::cpu>;

template <class Real>
mixtura::Rows<Real> as_rows(const RowArray<Real>& array, const std::optional<Doubles>& sample_weight) {
    mixtura::Rows<Real> rows;
    rows.data = array.data();
    rows.n_rows = static_cast<std::ptrdiff_t>(array.shape(0));
    rows.n_features = static_cast<std::ptrdiff_t>(array.shape(1));
    rows.row_stride = array.stride(0);
    rows.feature_stride = array.stride(1);
    if (sample_weight) rows.weights = sample_weight->data();
    return rows;
}

void require(bool condition, const char* message) {
    if (!condition) throw nb::value_error(message);
}

mixtura::Mixture as_mixture(Structure structure, const Doubles& weights, const Doubles& means,
                            const Doubles& precisions_cholesky) {
    require(means.ndim() == 2 && weights.size() == means.shape(0), "means must be (n_components, n_features)");
    mixtura::Mixture mixture;
    mixture.structure = structure;
    mixture.n_components = static_cast<std::ptrdiff_t>(means.shape(0));
    mixture.n_features = static_cast<std::ptrdiff_t>(means.shape(1));
    mixture.weights = weights.data();
    mixture.means = means.data();
    mixture.precisions_cholesky = precisions_cholesky.data();
    const std::ptrdiff_t size = mixtura::seconds_size(structure, mixture.n_components, mixture.n_features);
    require(static_cast<std::ptrdiff_t>(precisions_cholesky.size()) == size, "precisions_cholesky has the wrong size");
    return mixture;
}

mixtura::Statistics as_statistics(Structure structure, const Doubles& centres, const MutableDoubles& counts,
                                  const MutableDoubles& firsts, const MutableDoubles& seconds, bool moments) {
    require(centres.ndim() == 2, "centres must be (n_components, n_features)");
    const auto k = static_cast<std::ptrdiff_t>(centres.shape(0));
    const auto d = static_cast<std::ptrdiff_t>(centres.shape(1));
    const bool fits = static_cast<std::ptrdiff_t>(counts.size()) == k && static_cast<std::ptrdiff_t>(firsts.size()) == k * d &&
                      (!moments || static_cast<std::ptrdiff_t>(seconds.size()) == mixtura::seconds_size(structure, k, d));
    require(fits, "counts, firsts or seconds has the wrong size");
    mixtura::Statistics statistics;
    statistics.counts = counts.data();
    statistics.firsts = firsts.data();
    statistics.seconds = seconds.data();
    return statistics;
}

// Python's signal handlers run when asked; a handler that raises (Ctrl-C) ends the call.
bool signal_arrived(void*) {
    nb::gil_scoped_acquire gil;
    return PyErr_CheckSignals() != 0;
}

// Runs f(control) without the GIL and raises what a signal handler raised meanwhile.
template <class Function>
auto without_gil(int n_threads, const Function& f) {
    mixtura::Control control;
    control.n_threads = n_threads;
    control.poll = &signal_arrived;
    const auto run = [&] {
        nb::gil_scoped_release release;
        return f(control);
    };
    if constexpr (std::is_void_v<decltype(f(control))>) {
        run();
        if (control.interrupted) throw nb::python_error();
    } else {
        const auto result = run();
        if (control.interrupted) throw nb::python_error();
        return result;
    }
}

using Sums = std::tuple<double, double, double>;

template <class Real>
Sums run_accumulate(const mixtura::Rows<Real>& rows, const mixtura::Mixture& mixture,
                          const mixtura::AccumulateOptions& options, mixtura::Statistics& statistics, int n_threads) {
    require(rows.n_features == mixture.n_features, "rows and means differ in their number of features");
    without_gil(n_threads, [&](mixtura::Control& control) {
        mixtura::accumulate(rows, mixture, options, statistics, control);
    });
    return {statistics.weight, statistics.log_likelihood, statistics.log_certainty};
}

template <class Real>
Sums accumulate(Structure structure, const RowArray<Real>& rows, const std::optional<Doubles>& sample_weight,
                const Doubles& weights, const Doubles& means, const Doubles& precisions_cholesky, const Doubles& centres,
                const MutableDoubles& counts, const MutableDoubles& firsts, const MutableDoubles& seconds, int n_threads,
                bool moments, bool hard, const std::optional<Doubles>& total_mean,
                const std::optional<Doubles>& total_scatter) {
    const mixtura::Mixture mixture = as_mixture(structure, weights, means, precisions_cholesky);
    mixtura::Statistics statistics = as_statistics(structure, centres, counts, firsts, seconds, moments);
    require(centres.shape(0) == means.shape(0) && centres.shape(1) == means.shape(1), "centres and means differ in shape");
    mixtura::AccumulateOptions options;
    options.centres = centres.data();
    options.moments = moments;
    options.hard = hard;
    if (total_mean && total_scatter) {
        require(structure == Structure::tied, "a total scatter serves the tied structure only");
        require(total_mean->size() == means.shape(1) && total_scatter->size() == means.shape(1) * means.shape(1),
                "the total scatter has the wrong size");
        options.total = {total_mean->data(), total_scatter->data()};
    }
    return run_accumulate(as_rows(rows, sample_weight), mixture, options, statistics, n_threads);
}

template <class Real>
Sums accumulate_given(Structure structure, const RowArray<Real>& rows, const std::optional<Doubles>& sample_weight,
                      const AnyMatrix& responsibilities, const Doubles& centres, const MutableDoubles& counts,
                      const MutableDoubles& firsts, const MutableDoubles& seconds, int n_threads) {
    mixtura::Statistics statistics = as_statistics(structure, centres, counts, firsts, seconds, true);
    require(responsibilities.shape(0) == rows.shape(0) && responsibilities.shape(1) == centres.shape(0),
            "responsibilities must be (n_rows, n_components)");
    mixtura::Mixture mixture;
    mixture.structure = structure;
    mixture.n_components = static_cast<std::ptrdiff_t>(centres.shape(0));
    mixture.n_features = static_cast<std::ptrdiff_t>(centres.shape(1));
    mixtura::AccumulateOptions options;
    options.centres = centres.data();
    options.given = {responsibilities.data(), responsibilities.stride(0), responsibilities.stride(1)};
    return run_accumulate(as_rows(rows, sample_weight), mixture, options, statistics, n_threads);
}

template <class Real>
void evaluate(Structure structure, const RowArray<Real>& rows, const Doubles& weights, const Doubles& means,
              const Doubles& precisions_cholesky, const std::optional<OutArray<Real>>& log_density,
              const std::optional<OutArray<Real>>& responsibilities, const std::optional<OutArray<std::int64_t>>& labels,
              int n_threads) {
    const mixtura::Mixture mixture = as_mixture(structure, weights, means, precisions_cholesky);
    require(rows.shape(1) == means.shape(1), "rows and means differ in their number of features");
    const std::size_t n = rows.shape(0);
    mixtura::Evaluation<Real> out;
    if (log_density) {
        require(log_density->size() == n, "log_density has the wrong size");
        out.log_density = log_density->data();
    }
    if (responsibilities) {
        require(responsibilities->size() == n * means.shape(0), "responsibilities has the wrong size");
        out.responsibilities = responsibilities->data();
    }
    if (labels) {
        require(labels->size() == n, "labels has the wrong size");
        out.labels = labels->data();
    }
    without_gil(n_threads, [&](mixtura::Control& control) { mixtura::evaluate(as_rows(rows, {}), mixture, out, control); });
}

template <class Real>
std::tuple<std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t> find_nonfinite(const RowArray<Real>& rows, int n_threads) {
    const mixtura::NonFinite found = without_gil(
        n_threads, [&](mixtura::Control& control) { return mixtura::find_nonfinite(as_rows(rows, {}), control); });
    return {found.count, found.row, found.feature};
}

bool cancels(Structure structure, const MutableDoubles& counts, const MutableDoubles& firsts, const MutableDoubles& seconds,
             const Doubles& centres, bool single) {
    const mixtura::Statistics statistics = as_statistics(structure, centres, counts, firsts, seconds, true);
    const auto k = static_cast<std::ptrdiff_t>(centres.shape(0));
    const auto d = static_cast<std::ptrdiff_t>(centres.shape(1));
    return single ? mixtura::cancels<float>(structure, k, d, statistics) : mixtura::cancels<double>(structure, k, d, statistics);
}

void move_centres(Structure structure, const MutableDoubles& counts, const MutableDoubles& firsts, const MutableDoubles& seconds,
                  const Doubles& centres, const Doubles& new_centres) {
    const mixtura::Statistics statistics = as_statistics(structure, centres, counts, firsts, seconds, true);
    require(new_centres.size() == centres.size(), "new_centres has the wrong size");
    mixtura::move_centres(structure, static_cast<std::ptrdiff_t>(centres.shape(0)),
                          static_cast<std::ptrdiff_t>(centres.shape(1)), centres.data(), new_centres.data(), statistics);
}

std::ptrdiff_t maximise(Model model, const MutableDoubles& counts, const MutableDoubles& firsts,
                        const MutableDoubles& seconds, const Doubles& centres, const Doubles& reg_covar,
                        const std::optional<Doubles>& previous, const MutableDoubles& weights, const MutableDoubles& means,
                        const MutableDoubles& covariances, const MutableDoubles& precisions_cholesky, int n_threads) {
    const Structure structure = mixtura::structure_of(model);
    const mixtura::Statistics statistics = as_statistics(structure, centres, counts, firsts, seconds, true);
    const bool fits = weights.size() == counts.size() && means.size() == firsts.size() &&
                      covariances.size() == seconds.size() && precisions_cholesky.size() == seconds.size();
    require(fits, "an output array has the wrong size");
    require(reg_covar.size() == centres.shape(1), "reg_covar has the wrong size");
    require(!previous || previous->size() == seconds.size(), "previous has the wrong size");
    const mixtura::Parameters out{weights.data(), means.data(), covariances.data(), precisions_cholesky.data()};
    return without_gil(n_threads, [&](mixtura::Control& control) {
        return mixtura::maximise(model, static_cast<std::ptrdiff_t>(centres.shape(0)),
                                 static_cast<std::ptrdiff_t>(centres.shape(1)), statistics, centres.data(), reg_covar.data(),
                                 previous ? previous->data() : nullptr, out, control);
    });
}

std::ptrdiff_t factorise(Structure structure, const Doubles& covariances, const MutableDoubles& precisions_cholesky,
                         std::ptrdiff_t n_components, std::ptrdiff_t n_features, int n_threads) {
    const auto size = static_cast<std::size_t>(mixtura::seconds_size(structure, n_components, n_features));
    require(covariances.size() == size && precisions_cholesky.size() == size, "covariances has the wrong size");
    return without_gil(n_threads, [&](mixtura::Control& control) {
        return mixtura::factorise(structure, n_components, n_features, covariances.data(), precisions_cholesky.data(),
                                  control);
    });
}

double cut(Structure structure, const Doubles& rows, const Doubles& weights, const Doubles& reg_covar, double least_rows,
           const nb::ndarray<std::int8_t, nb::c_contig, nb::device::cpu>& sides) {
    require(rows.ndim() == 2 && weights.size() == rows.shape(0) && sides.size() == rows.shape(0), "rows, weights and sides differ");
    require(reg_covar.size() == rows.shape(1), "reg_covar has the wrong size");
    return mixtura::cut(structure, rows.data(), weights.data(), static_cast<std::ptrdiff_t>(rows.shape(0)),
                        static_cast<std::ptrdiff_t>(rows.shape(1)), reg_covar.data(), least_rows, sides.data());
}

void plus_plus(const Doubles& rows, const std::optional<Doubles>& sample_weight, const Doubles& uniforms,
               const OutArray<std::int64_t>& seeds) {
    require(rows.ndim() == 2 && uniforms.ndim() == 2 && uniforms.shape(0) == seeds.size(), "rows, uniforms or seeds do not fit");
    require(!sample_weight || sample_weight->size() == rows.shape(0), "sample_weight has the wrong size");
    mixtura::plus_plus(rows.data(), sample_weight ? sample_weight->data() : nullptr, static_cast<std::ptrdiff_t>(rows.shape(0)),
                       static_cast<std::ptrdiff_t>(rows.shape(1)), static_cast<std::ptrdiff_t>(uniforms.shape(0)),
                       static_cast<std::ptrdiff_t>(uniforms.shape(1)), uniforms.data(), seeds.data());
}

void leave_one_out(Structure structure, const Doubles& rows, const std::optional<Doubles>& sample_weight, const Doubles& weights,
                   const Doubles& means, const Doubles& precisions_cholesky, const MutableDoubles& responsibilities) {
    const mixtura::Mixture mixture = as_mixture(structure, weights, means, precisions_cholesky);
    require(structure == Structure::full || structure == Structure::tied, "only matrices have leverage");
    require(rows.ndim() == 2 && rows.shape(1) == means.shape(1), "rows and means differ in their number of features");
    require(responsibilities.size() == rows.shape(0) * means.shape(0), "responsibilities has the wrong size");
    require(!sample_weight || sample_weight->size() == rows.shape(0), "sample_weight has the wrong size");
    nb::gil_scoped_release release;
    mixtura::leave_one_out(mixture, rows.data(), sample_weight ? sample_weight->data() : nullptr,
                           static_cast<std::ptrdiff_t>(rows.shape(0)), responsibilities.data());
}

// Statistics and mixtures as arrays, for the acceleration.
class BoundAcceleration {
  public:
    BoundAcceleration(Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features)
        : structure_(structure), acceleration_(structure, n_components, n_features) {}

    bool propose(const MutableDoubles& counts, const MutableDoubles& firsts, const MutableDoubles& seconds,
                 const Doubles& centres, const Doubles& weights, const Doubles& precisions_cholesky,
                 const MutableDoubles& out_counts, const MutableDoubles& out_firsts, const MutableDoubles& out_seconds,
                 const MutableDoubles& out_centres) {
        const mixtura::Statistics statistics = as_statistics(structure_, centres, counts, firsts, seconds, true);
        mixtura::Statistics out = as_statistics(structure_, centres, out_counts, out_firsts, out_seconds, true);
        require(out_centres.size() == centres.size() && weights.size() == counts.size() &&
                    precisions_cholesky.size() == seconds.size(), "an array has the wrong size");
        return acceleration_.propose(statistics, centres.data(), weights.data(), precisions_cholesky.data(), out,
                                     out_centres.data());
    }

    void refuse(const MutableDoubles& counts, const MutableDoubles& firsts, const MutableDoubles& seconds,
                const Doubles& centres) {
        acceleration_.refuse(as_statistics(structure_, centres, counts, firsts, seconds, true), centres.data());
    }

    void accept() { acceleration_.accept(); }
    void shorten() { acceleration_.shorten(); }
    void step() { acceleration_.step(); }
    double predicted_gain() const { return acceleration_.predicted_gain(); }

  private:
    Structure structure_;
    mixtura::Acceleration acceleration_;
};

void eigen(const MutableDoubles& matrix, const MutableDoubles& values, const MutableDoubles& vectors) {
    const std::size_t d = values.size();
    require(matrix.size() == d * d && vectors.size() == d * d, "matrix or vectors has the wrong size");
    mixtura::eigen(matrix.data(), static_cast<std::ptrdiff_t>(d), values.data(), vectors.data());
}

template <class Real>
void bind_rows(nb::module_& m) {
    m.def("accumulate", &accumulate<Real>, "structure"_a, "rows"_a.noconvert(), "sample_weight"_a.none(), "weights"_a,
          "means"_a, "precisions_cholesky"_a, "centres"_a, "counts"_a.noconvert(), "firsts"_a.noconvert(),
          "seconds"_a.noconvert(), "n_threads"_a, "moments"_a, "hard"_a, "total_mean"_a.none(), "total_scatter"_a.none(),
          "E-step fused with the sums; fills counts, firsts, seconds (zeroed by the caller) and returns\n"
          "(weight, log_likelihood, log_certainty).");
    m.def("accumulate_given", &accumulate_given<Real>, "structure"_a, "rows"_a.noconvert(), "sample_weight"_a.none(),
          "responsibilities"_a.noconvert(), "centres"_a, "counts"_a.noconvert(), "firsts"_a.noconvert(),
          "seconds"_a.noconvert(), "n_threads"_a, "The same sums for responsibilities that are given.");
    m.def("evaluate", &evaluate<Real>, "structure"_a, "rows"_a.noconvert(), "weights"_a, "means"_a,
          "precisions_cholesky"_a, "log_density"_a.noconvert().none(), "responsibilities"_a.noconvert().none(),
          "labels"_a.noconvert().none(), "n_threads"_a, "Per-row results, into those arrays that are given.");
    m.def("find_nonfinite", &find_nonfinite<Real>, "rows"_a.noconvert(), "n_threads"_a,
          "(count, row, feature) of the NaN and infinities; the first one's place, or -1.");
}

}  // namespace

NB_MODULE(_core, m) {
    m.doc() = "The kernels of mixtura. Internal: use the classes of the package.";
    nb::enum_<Structure>(m, "Structure")
        .value("full", Structure::full)
        .value("tied", Structure::tied)
        .value("diag", Structure::diag)
        .value("spherical", Structure::spherical);
    nb::enum_<Model>(m, "Model", "The 14 models of Celeux & Govaert 1995.")
        .value("EII", Model::EII)
        .value("VII", Model::VII)
        .value("EEI", Model::EEI)
        .value("VEI", Model::VEI)
        .value("EVI", Model::EVI)
        .value("VVI", Model::VVI)
        .value("EEE", Model::EEE)
        .value("VEE", Model::VEE)
        .value("EVE", Model::EVE)
        .value("VVE", Model::VVE)
        .value("EEV", Model::EEV)
        .value("VEV", Model::VEV)
        .value("EVV", Model::EVV)
        .value("VVV", Model::VVV);
    bind_rows<double>(m);
    bind_rows<float>(m);
    m.def("maximise", &maximise, "model"_a, "counts"_a, "firsts"_a, "seconds"_a, "centres"_a, "reg_covar"_a,
          "previous"_a.none(), "weights"_a.noconvert(), "means"_a.noconvert(), "covariances"_a.noconvert(), "precisions_cholesky"_a.noconvert(),
          "n_threads"_a,
          "The M-step; fills the four parameter arrays. Returns -1, or the first component whose covariance is not\n"
          "positive definite.");
    m.def("move_centres", &move_centres, "structure"_a, "counts"_a.noconvert(), "firsts"_a.noconvert(), "seconds"_a.noconvert(),
          "centres"_a, "new_centres"_a, "Makes sums about centres sums about others, in place.");
    m.def("cancels", &cancels, "structure"_a, "counts"_a, "firsts"_a, "seconds"_a, "centres"_a, "single"_a,
          "True where the sums lose digits because their centres lie far from the new means.");
    m.def("factorise", &factorise, "structure"_a, "covariances"_a, "precisions_cholesky"_a.noconvert(), "n_components"_a,
          "n_features"_a, "n_threads"_a, "precisions_cholesky from covariances; returns as maximise does.");
    nb::class_<BoundAcceleration>(m, "Acceleration", "Quasi-Newton acceleration of EM; see acceleration.hpp.")
        .def(nb::init<Structure, std::ptrdiff_t, std::ptrdiff_t>(), "structure"_a, "n_components"_a, "n_features"_a)
        .def("propose", &BoundAcceleration::propose, "counts"_a, "firsts"_a, "seconds"_a, "centres"_a, "weights"_a,
             "precisions_cholesky"_a, "out_counts"_a.noconvert(), "out_firsts"_a.noconvert(), "out_seconds"_a.noconvert(),
             "out_centres"_a.noconvert(), "Fills the statistics of a point to try; False: make an EM step.")
        .def("accept", &BoundAcceleration::accept, "The proposal is the current point.")
        .def("refuse", &BoundAcceleration::refuse, "counts"_a, "firsts"_a, "seconds"_a, "centres"_a,
             "The proposal was worse; these are the statistics of the E-step there.")
        .def("shorten", &BoundAcceleration::shorten, "There is no mixture at the proposal.")
        .def("step", &BoundAcceleration::step, "The EM step is the current point.")
        .def_prop_ro("predicted_gain", &BoundAcceleration::predicted_gain,
                     "Mean log-likelihood still to gain by the quadratic model; NaN before there is one.");
    m.def("plus_plus", &plus_plus, "rows"_a.noconvert(), "sample_weight"_a.none(), "uniforms"_a, "seeds"_a.noconvert(),
          "Fills seeds with rows far apart, each the best of as many draws as uniforms has columns.");
    m.def("leave_one_out", &leave_one_out, "structure"_a, "rows"_a.noconvert(), "sample_weight"_a.none(), "weights"_a, "means"_a,
          "precisions_cholesky"_a, "responsibilities"_a.noconvert(),
          "Replaces responsibilities by those that leave each row itself out.");
    m.def("cut", &cut, "structure"_a, "rows"_a.noconvert(), "weights"_a, "reg_covar"_a, "least_rows"_a, "sides"_a.noconvert(),
          "Cuts the rows of positive weight in two; fills sides with 0 and 1 (-1: weight 0) and returns the gain.");
    m.def("eigen", &eigen, "matrix"_a.noconvert(), "values"_a.noconvert(), "vectors"_a.noconvert(),
          "Eigenvalues of a symmetric matrix, descending, and eigenvectors as rows; destroys the matrix.");
    m.def("simd_level", &mixtura::simd_level, "The instruction set in use.");
}
