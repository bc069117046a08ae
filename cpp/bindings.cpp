// The core as Python sees it: arrays in, numbers out. Python allocates every array.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "acceleration.hpp"
#include "bindings.hpp"
#include "em.hpp"

using namespace mixtura::python;

namespace {

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
                bool moments, bool hard, const std::optional<Total>& total) {
    const mixtura::Mixture mixture = as_mixture(structure, weights, means, precisions_cholesky);
    mixtura::Statistics statistics = as_statistics(structure, centres, counts, firsts, seconds, moments);
    require(centres.shape(0) == means.shape(0) && centres.shape(1) == means.shape(1), "centres and means differ in shape");
    mixtura::AccumulateOptions options;
    options.centres = centres.data();
    options.moments = moments;
    options.hard = hard;
    options.total = as_total(total, means.shape(1));
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

template <class Real>
nb::tuple find_extent(const RowArray<Real>& rows, int n_threads) {
    std::vector<double> least(rows.shape(1)), most(rows.shape(1));
    without_gil(n_threads, [&](mixtura::Control& control) { mixtura::find_extent(as_rows(rows, {}), least.data(), most.data(), control); });
    const auto d = static_cast<std::ptrdiff_t>(rows.shape(1));
    return nb::make_tuple(as_array(std::move(least), {d}), as_array(std::move(most), {d}));
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

bool serves(const std::optional<Total>& total, const Doubles& precisions_cholesky, bool single) {
    require(precisions_cholesky.ndim() == 2 && precisions_cholesky.shape(0) == precisions_cholesky.shape(1), "a tied factor is wanted");
    mixtura::Mixture mixture;
    mixture.structure = Structure::tied;
    mixture.n_features = static_cast<std::ptrdiff_t>(precisions_cholesky.shape(0));
    mixture.precisions_cholesky = precisions_cholesky.data();
    const mixtura::TotalScatter scatter = as_total(total, precisions_cholesky.shape(0));
    return without_gil(1, [&](mixtura::Control&) {
        return single ? mixtura::serves<float>(scatter, mixture) : mixtura::serves<double>(scatter, mixture);
    });
}

// Rows in memory of Python's, float or double.
class RowsInMemory : public mixtura::RowSource {
  public:
    void accumulate(const mixtura::OwnedMixture& mixture, mixtura::OwnedStatistics& out, mixtura::Control& control) const override {
        source_->accumulate(mixture, out, control);
    }
    void accumulate_given(const mixtura::GivenResponsibilities& given, mixtura::OwnedStatistics& out,
                          mixtura::Control& control) const override {
        source_->accumulate_given(given, out, control);
    }
    bool is_single() const override { return source_->is_single(); }

  protected:
    explicit RowsInMemory(const std::optional<Total>& total) : total_(total) {}

    std::optional<Total> total_;  // what the source points to
    std::unique_ptr<mixtura::RowSource> source_;
};

// Rows in an array that stays alive as long as this.
class ArrayRows final : public RowsInMemory {
  public:
    template <class Real>
    ArrayRows(const RowArray<Real>& rows, const std::optional<Doubles>& sample_weight, bool hard, const std::optional<Total>& total)
        : RowsInMemory(total), rows_(rows), weight_(sample_weight) {
        require(!sample_weight || sample_weight->size() == rows.shape(0), "sample_weight has the wrong size");
        source_ = std::make_unique<mixtura::ArraySource<Real>>(as_rows(rows, sample_weight), hard, as_total(total, rows.shape(1)));
    }

    std::ptrdiff_t n_rows() const { return static_cast<std::ptrdiff_t>(rows_.shape(0)); }
    std::ptrdiff_t n_features() const { return static_cast<std::ptrdiff_t>(rows_.shape(1)); }

  private:
    nb::ndarray<> rows_;
    std::optional<Doubles> weight_;
};

// Rows in arrays that stay alive as long as this.
class PartsRows final : public RowsInMemory {
  public:
    PartsRows(const nb::list& arrays, const nb::list& weights, bool hard, const std::optional<Total>& total)
        : RowsInMemory(total), arrays_(arrays), weights_(weights) {
        require(arrays.size() > 0 && arrays.size() == weights.size(), "parts and weights differ in number");
        RowArray<float> probe;
        if (nb::try_cast(arrays[0], probe, false)) {
            read<float>(hard);
        } else {
            read<double>(hard);
        }
    }


  private:
    template <class Real>
    void read(bool hard) {
        std::vector<mixtura::Rows<Real>> parts;
        for (std::size_t p = 0; p < arrays_.size(); ++p) {
            RowArray<Real> array;
            std::optional<Doubles> weight;
            require(nb::try_cast(arrays_[p], array, false), "parts must be arrays of one type");
            if (!weights_[p].is_none()) weight = nb::cast<Doubles>(weights_[p], false);
            require(!weight || weight->size() == array.shape(0), "sample_weight has the wrong size");
            parts.push_back(as_rows(array, weight));
            require(parts.back().n_features == parts.front().n_features && parts.back().n_rows <= parts.front().n_rows,
                    "parts must have the same features, and the first the most rows");
        }
        const auto n_features = static_cast<std::size_t>(parts.front().n_features);
        source_ = std::make_unique<mixtura::PartsSource<Real>>(std::move(parts), hard, as_total(total_, n_features));
    }

    nb::list arrays_, weights_;
};

void copy_into(std::vector<double>& out, const nb::handle& array) {
    const auto values = nb::cast<Doubles>(array);
    require(values.size() == out.size(), "a sum has the wrong size");
    std::copy_n(values.data(), out.size(), out.begin());
}

// Rows that Python knows where to find: accumulate((weights, means, covariances, precisions_cholesky), centres) returns
// (weight, log_likelihood, log_certainty, counts, firsts, seconds).
class CalledRows final : public mixtura::RowSource {
  public:
    CalledRows(nb::callable accumulate, bool single) : accumulate_(std::move(accumulate)), single_(single) {}

    void accumulate(const mixtura::OwnedMixture& mixture, mixtura::OwnedStatistics& out, mixtura::Control&) const override {
        const nb::gil_scoped_acquire gil;
        const auto sums = nb::cast<nb::tuple>(accumulate_(as_arrays(mixture), as_array(out.centres, {mixture.n_components, mixture.n_features})));
        require(sums.size() == 6, "six sums are wanted");
        out.weight = nb::cast<double>(sums[0]);
        out.log_likelihood = nb::cast<double>(sums[1]);
        out.log_certainty = nb::cast<double>(sums[2]);
        copy_into(out.counts, sums[3]);
        copy_into(out.firsts, sums[4]);
        copy_into(out.seconds, sums[5]);
    }
    void accumulate_given(const mixtura::GivenResponsibilities&, mixtura::OwnedStatistics&, mixtura::Control&) const override {
        throw nb::type_error("rows elsewhere are asked block by block");
    }
    bool is_single() const override { return single_; }

  private:
    nb::callable accumulate_;
    bool single_;
};

mixtura::Outside outside_of(double seconds, const Stop* stop, const std::optional<nb::callable>& hear, std::ptrdiff_t first,
                            std::ptrdiff_t every) {
    mixtura::Outside outside;
    outside.deadline = deadline_after(seconds);
    if (stop != nullptr) outside.stop = &stop->is_set;
    outside.first = first;
    outside.every = std::max<std::ptrdiff_t>(every, 1);
    if (!hear) return outside;
    outside.hear = [&hear](const mixtura::OwnedMixture& mixture) {
        const nb::gil_scoped_acquire gil;
        return nb::cast<std::string>((*hear)(as_arrays(mixture)));
    };
    return outside;
}

nb::tuple statistics_of(const ArrayRows& rows, Structure structure, const AnyMatrix& responsibilities, int n_threads) {
    require(static_cast<std::ptrdiff_t>(responsibilities.shape(0)) == rows.n_rows(), "responsibilities must be (n_rows, n_components)");
    mixtura::OwnedStatistics sums(structure, static_cast<std::ptrdiff_t>(responsibilities.shape(1)), rows.n_features());
    without_gil(n_threads, [&](mixtura::Control& control) {
        rows.accumulate_given({responsibilities.data(), responsibilities.stride(0), responsibilities.stride(1)}, sums, control);
    });
    return as_arrays(std::move(sums));
}

nb::tuple expectation_maximisation(Model model, const mixtura::RowSource& rows, const Doubles& weights, const Doubles& means,
                                   const Doubles& covariances, const Doubles& precisions_cholesky, const Doubles& reg_covar,
                                   mixtura::Monitor& monitor, mixtura::Acceleration* acceleration, double seconds,
                                   const Stop* stop, const std::optional<nb::callable>& hear, std::ptrdiff_t first,
                                   std::ptrdiff_t every, int n_threads) {
    const Structure structure = mixtura::structure_of(model);
    mixtura::OwnedMixture mixture = as_owned(structure, weights, means, covariances, precisions_cholesky);
    require(reg_covar.size() == means.shape(1), "reg_covar has the wrong size");
    mixtura::OwnedStatistics sums(structure, mixture.n_components, mixture.n_features);
    const mixtura::Outside outside = outside_of(seconds, stop, hear, first, every);
    without_gil(n_threads, [&](mixtura::Control& control) {
        mixtura::expectation_maximisation(model, rows, reg_covar.data(), monitor, acceleration, outside, mixture, sums, control);
        if (acceleration != nullptr && !control.interrupted) monitor.predicted_gain = acceleration->remaining_gain(sums.view(), sums.centres.data());
    });
    return nb::make_tuple(as_arrays(std::move(mixture)), as_arrays(std::move(sums)));
}

void eigen(const MutableDoubles& matrix, const MutableDoubles& values, const MutableDoubles& vectors) {
    const std::size_t d = values.size();
    require(matrix.size() == d * d && vectors.size() == d * d, "matrix or vectors has the wrong size");
    without_gil(1, [&](mixtura::Control&) {
        mixtura::eigen(matrix.data(), static_cast<std::ptrdiff_t>(d), values.data(), vectors.data());
    });
}

template <class Real>
void bind_rows(nb::module_& m) {
    m.def("accumulate", &accumulate<Real>, "structure"_a, "rows"_a.noconvert(), "sample_weight"_a.none(), "weights"_a,
          "means"_a, "precisions_cholesky"_a, "centres"_a, "counts"_a.noconvert(), "firsts"_a.noconvert(),
          "seconds"_a.noconvert(), "n_threads"_a, "moments"_a, "hard"_a, "total"_a.none(),
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
    m.def("find_extent", &find_extent<Real>, "rows"_a.noconvert(), "n_threads"_a, "The least and the most of each feature.");
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
    nb::class_<mixtura::Acceleration>(m, "Acceleration", "Quasi-Newton acceleration of EM; see acceleration.hpp.")
        .def(nb::init<Structure, std::ptrdiff_t, std::ptrdiff_t>(), "structure"_a, "n_components"_a, "n_features"_a)
        .def("state", [](const mixtura::Acceleration& a) {
            std::vector<double> state = a.state();
            const auto size = static_cast<std::ptrdiff_t>(state.size());
            return as_array(std::move(state), {size});
        }, "All that it remembers, as numbers.")
        .def("restore", [](mixtura::Acceleration& a, const Doubles& state) {
            return a.restore(std::vector<double>(state.data(), state.data() + state.size()));
        }, "state"_a, "Go on from there; False where the numbers are not those of such a one.");
    nb::class_<mixtura::RowSource>(m, "RowSource", "Who answers the E-step of the EM loop.");
    nb::class_<ArrayRows, mixtura::RowSource>(m, "ArrayRows", "Rows in memory. total: (weight, mean, scatter) of all of them.")
        .def(nb::init<const RowArray<double>&, const std::optional<Doubles>&, bool, const std::optional<Total>&>(),
             "rows"_a.noconvert(), "sample_weight"_a.none(), "hard"_a, "total"_a.none())
        .def(nb::init<const RowArray<float>&, const std::optional<Doubles>&, bool, const std::optional<Total>&>(),
             "rows"_a.noconvert(), "sample_weight"_a.none(), "hard"_a, "total"_a.none());
    nb::class_<PartsRows, mixtura::RowSource>(m, "PartsRows", "Rows in memory, in several arrays, the largest first; weights: arrays or None.")
        .def(nb::init<const nb::list&, const nb::list&, bool, const std::optional<Total>&>(), "parts"_a, "weights"_a, "hard"_a,
             "total"_a.none());
    nb::class_<CalledRows, mixtura::RowSource>(m, "CalledRows", "Rows elsewhere; accumulate(parameters, centres) returns the sums.")
        .def(nb::init<nb::callable, bool>(), "accumulate"_a, "single"_a);
    nb::class_<Stop>(m, "Stop", "Ends loops and searches in other threads.")
        .def(nb::init<>())
        .def("set", [](Stop& stop) { stop.is_set = true; }, "End them.")
        .def("is_set", [](const Stop& stop) { return stop.is_set.load(); }, "Whether they are to end.");
    nb::class_<mixtura::Monitor>(m, "Monitor", "Hears the mean log-likelihood of every mixture; see em.hpp.")
        .def(nb::init<double, std::ptrdiff_t, bool>(), "tol"_a, "max_iter"_a, "accelerated"_a)
        .def_ro("tol", &mixtura::Monitor::tol)
        .def_ro("max_iter", &mixtura::Monitor::max_iter)
        .def_ro("accelerated", &mixtura::Monitor::accelerated)
        .def_ro("history", &mixtura::Monitor::history)
        .def_ro("converged", &mixtura::Monitor::converged)
        .def_rw("n_refused", &mixtura::Monitor::n_refused)
        .def_ro("failed", &mixtura::Monitor::failed)
        .def_ro("failed_count", &mixtura::Monitor::failed_count)
        .def_rw("stopped", &mixtura::Monitor::stopped)
        .def_ro("predicted_gain", &mixtura::Monitor::predicted_gain)
        .def_prop_ro("n_iter", &mixtura::Monitor::n_iter)
        .def_prop_ro("n_passes", &mixtura::Monitor::n_passes)
        .def_prop_ro("change", &mixtura::Monitor::change)
        .def("goes_on", &mixtura::Monitor::goes_on, "mean_log_likelihood"_a);
    m.def("expectation_maximisation", &expectation_maximisation, "model"_a, "rows"_a, "weights"_a, "means"_a, "covariances"_a,
          "precisions_cholesky"_a, "reg_covar"_a, "monitor"_a, "acceleration"_a.none(), "seconds"_a, "stop"_a.none(),
          "hear"_a.none(), "first"_a, "every"_a, "n_threads"_a,
          "EM from a mixture on. Returns the last one's (weights, means, covariances, precisions_cholesky), and its\n"
          "(centres, weight, log_likelihood, log_certainty, counts, firsts, seconds).");
    m.def("statistics_of", &statistics_of, "rows"_a, "structure"_a, "responsibilities"_a.noconvert(), "n_threads"_a,
          "Sums of responsibilities that are given, about the means that they imply; in the same order.");
    m.def("serves", &serves, "total"_a, "precisions_cholesky"_a, "single"_a,
          "Whether second moments of a tied mixture from the total scatter lose no digits.");
    m.def("eigen", &eigen, "matrix"_a.noconvert(), "values"_a.noconvert(), "vectors"_a.noconvert(),
          "Eigenvalues of a symmetric matrix, descending, and eigenvectors as rows; destroys the matrix.");
    bind_search(m);
    m.def("simd_level", &mixtura::simd_level, "The instruction set in use.");
    m.def("simd_levels", &mixtura::simd_levels, "Those that this machine has, the best first.");
}
