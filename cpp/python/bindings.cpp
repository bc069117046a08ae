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

#include "em/acceleration.hpp"
#include "em/loop.hpp"
#include "python/bindings.hpp"

using namespace mixtura::python;

namespace {

// Sums about `centres`, which give the sizes.
mixtura::Statistics as_statistics(const Sizes& sizes, const Doubles& centres, const MutableDoubles& counts,
                                  const MutableDoubles& firsts, const MutableDoubles& seconds) {
    require_shape("centres", centres, {sizes.k, sizes.d});
    require_shape("counts", counts, {sizes.k});
    require_shape("firsts", firsts, {sizes.k, sizes.d});
    require_shape("seconds", seconds, sizes.covariances());
    mixtura::Statistics statistics;
    statistics.counts = counts.data();
    statistics.firsts = firsts.data();
    statistics.seconds = seconds.data();
    return statistics;
}

template <class Real>
Sums run_accumulate(const mixtura::Rows<Real>& rows, const mixtura::Mixture& mixture,
                    const mixtura::AccumulateOptions& options, mixtura::Statistics& statistics, int n_threads) {
    without_gil(n_threads,
                [&](mixtura::Control& control) { mixtura::accumulate(rows, mixture, options, statistics, control); });
    return {statistics.weight, statistics.log_likelihood, statistics.log_certainty};
}

template <class Real>
Sums accumulate(Structure structure, const RowArray<Real>& rows, const std::optional<Doubles>& sample_weight,
                const Doubles& weights, const Doubles& means, const Doubles& precisions_cholesky,
                const Doubles& centres, const MutableDoubles& counts, const MutableDoubles& firsts,
                const MutableDoubles& seconds, int n_threads, bool moments, bool hard,
                const std::optional<Total>& total) {
    const Sizes sizes = Sizes::of(structure, "means", means);
    require_shape("rows", rows, {n_rows_of(rows), sizes.d});
    const mixtura::Mixture mixture = as_mixture(sizes, weights, means, precisions_cholesky);
    mixtura::Statistics statistics = as_statistics(sizes, centres, counts, firsts, seconds);
    mixtura::AccumulateOptions options;
    options.centres = centres.data();
    options.moments = moments;
    options.hard = hard;
    options.total = as_total(total, sizes.d);
    return run_accumulate(as_rows(rows, sample_weight), mixture, options, statistics, n_threads);
}

template <class Real>
Sums accumulate_given(Structure structure, const RowArray<Real>& rows, const std::optional<Doubles>& sample_weight,
                      const AnyMatrix& responsibilities, const Doubles& centres, const MutableDoubles& counts,
                      const MutableDoubles& firsts, const MutableDoubles& seconds, int n_threads) {
    const Sizes sizes = Sizes::of(structure, "centres", centres);
    require_shape("rows", rows, {n_rows_of(rows), sizes.d});
    require_shape("responsibilities", responsibilities, {n_rows_of(rows), sizes.k});
    mixtura::Statistics statistics = as_statistics(sizes, centres, counts, firsts, seconds);
    mixtura::Mixture mixture;
    mixture.structure = structure;
    mixture.n_components = sizes.k;
    mixture.n_features = sizes.d;
    mixtura::AccumulateOptions options;
    options.centres = centres.data();
    options.given = {responsibilities.data(), responsibilities.stride(0), responsibilities.stride(1)};
    return run_accumulate(as_rows(rows, sample_weight), mixture, options, statistics, n_threads);
}

template <class Real>
void evaluate(Structure structure, const RowArray<Real>& rows, const Doubles& weights, const Doubles& means,
              const Doubles& precisions_cholesky, const std::optional<OutArray<Real>>& log_density,
              const std::optional<OutArray<Real>>& responsibilities,
              const std::optional<OutArray<std::int64_t>>& labels, const std::optional<OutArray<Real>>& log_joint,
              int n_threads) {
    const Sizes sizes = Sizes::of(structure, "means", means);
    const std::ptrdiff_t n = n_rows_of(rows);
    require_shape("rows", rows, {n, sizes.d});
    const mixtura::Mixture mixture = as_mixture(sizes, weights, means, precisions_cholesky);
    require_shape("log_density", log_density, {n});
    require_shape("responsibilities", responsibilities, {n, sizes.k});
    require_shape("labels", labels, {n});
    require_shape("log_joint", log_joint, {n, sizes.k});
    mixtura::Evaluation<Real> out;
    if (log_density) out.log_density = log_density->data();
    if (responsibilities) out.responsibilities = responsibilities->data();
    if (labels) out.labels = labels->data();
    if (log_joint) out.log_joint = log_joint->data();
    without_gil(n_threads,
                [&](mixtura::Control& control) { mixtura::evaluate(as_rows(rows, {}), mixture, out, control); });
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
    without_gil(n_threads, [&](mixtura::Control& control) {
        mixtura::find_extent(as_rows(rows, {}), least.data(), most.data(), control);
    });
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
    return without_gil(1, [&](mixtura::Control& control) {
        return mixtura::find_distinct(all, most, first.data(), weights.data(), control);
    });
}

bool cancels(Structure structure, const MutableDoubles& counts, const MutableDoubles& firsts,
             const MutableDoubles& seconds, const Doubles& centres, bool single) {
    const Sizes sizes = Sizes::of(structure, "centres", centres);
    const mixtura::Statistics statistics = as_statistics(sizes, centres, counts, firsts, seconds);
    const auto test = single ? &mixtura::cancels<float> : &mixtura::cancels<double>;
    return test(structure, sizes.k, sizes.d, statistics, nullptr);
}

void move_centres(Structure structure, const MutableDoubles& counts, const MutableDoubles& firsts,
                  const MutableDoubles& seconds, const Doubles& centres, const Doubles& new_centres) {
    const Sizes sizes = Sizes::of(structure, "centres", centres);
    const mixtura::Statistics statistics = as_statistics(sizes, centres, counts, firsts, seconds);
    require_shape("new_centres", new_centres, {sizes.k, sizes.d});
    mixtura::move_centres(structure, sizes.k, sizes.d, centres.data(), new_centres.data(), statistics);
}

std::ptrdiff_t maximise(Model model, const MutableDoubles& counts, const MutableDoubles& firsts,
                        const MutableDoubles& seconds, const Doubles& centres, const Doubles& reg_covar,
                        const std::optional<Doubles>& previous, const MutableDoubles& weights,
                        const MutableDoubles& means, const MutableDoubles& covariances,
                        const MutableDoubles& precisions_cholesky, int n_threads) {
    const Sizes sizes = Sizes::of(mixtura::structure_of(model), "centres", centres);
    const mixtura::Statistics statistics = as_statistics(sizes, centres, counts, firsts, seconds);
    require_shape("reg_covar", reg_covar, {sizes.d});
    require_shape("previous", previous, sizes.covariances());
    require_shape("weights", weights, {sizes.k});
    require_shape("means", means, {sizes.k, sizes.d});
    require_shape("covariances", covariances, sizes.covariances());
    require_shape("precisions_cholesky", precisions_cholesky, sizes.covariances());
    const mixtura::Parameters out{weights.data(), means.data(), covariances.data(), precisions_cholesky.data()};
    return without_gil(n_threads, [&](mixtura::Control& control) {
        return mixtura::maximise(model, sizes.k, sizes.d, statistics, centres.data(), reg_covar.data(),
                                 previous ? previous->data() : nullptr, out, control);
    });
}

std::ptrdiff_t factorise(Structure structure, const Doubles& covariances, const MutableDoubles& precisions_cholesky,
                         std::ptrdiff_t n_components, std::ptrdiff_t n_features, int n_threads) {
    const Sizes sizes(structure, n_components, n_features);
    require_shape("covariances", covariances, sizes.covariances());
    require_shape("precisions_cholesky", precisions_cholesky, sizes.covariances());
    return without_gil(n_threads, [&](mixtura::Control& control) {
        return mixtura::factorise(structure, n_components, n_features, covariances.data(), precisions_cholesky.data(),
                                  control);
    });
}

bool serves(const std::optional<Total>& total, const Doubles& precisions_cholesky, bool single) {
    const Sizes sizes(Structure::tied, 1,
                      precisions_cholesky.ndim() == 0 ? 0 : static_cast<std::ptrdiff_t>(precisions_cholesky.shape(0)));
    require_shape("precisions_cholesky", precisions_cholesky, sizes.covariances());
    mixtura::Mixture mixture;
    mixture.structure = Structure::tied;
    mixture.n_features = sizes.d;
    mixture.precisions_cholesky = precisions_cholesky.data();
    const mixtura::TotalScatter scatter = as_total(total, sizes.d);
    return without_gil(1, [&](mixtura::Control&) {
        return single ? mixtura::serves<float>(scatter, mixture) : mixtura::serves<double>(scatter, mixture);
    });
}

// A source that knows which mixtures it can be asked with.
class CheckedRows : public mixtura::RowSource {
  public:
    virtual void require_features(std::ptrdiff_t n_features) const = 0;
};

// Rows in memory of Python's, float or double.
class RowsInMemory : public CheckedRows {
  public:
    void require_features(std::ptrdiff_t n_features) const override {
        require(n_features == n_features_, "means must have the " + std::to_string(n_features_) +
                                               " features of the rows, got " + std::to_string(n_features));
    }
    void accumulate(const mixtura::OwnedMixture& mixture, mixtura::OwnedStatistics& out,
                    mixtura::Control& control) const override {
        source_->accumulate(mixture, out, control);
    }
    void accumulate_given(const mixtura::GivenResponsibilities& given, mixtura::OwnedStatistics& out,
                          mixtura::Control& control) const override {
        source_->accumulate_given(given, out, control);
    }
    bool is_single() const override { return source_->is_single(); }

  protected:
    RowsInMemory(const std::optional<Total>& total, std::ptrdiff_t n_features)
        : total_(total), n_features_(n_features) {
        as_total(total, n_features);  // asks for its shapes
    }

    std::optional<Total> total_;  // what the source points to
    std::ptrdiff_t n_features_;
    std::unique_ptr<mixtura::RowSource> source_;
};

// Rows in an array that stays alive as long as this.
class ArrayRows final : public RowsInMemory {
  public:
    template <class Real>
    ArrayRows(const RowArray<Real>& rows, const std::optional<Doubles>& sample_weight, bool hard,
              const std::optional<Total>& total)
        : RowsInMemory(total, static_cast<std::ptrdiff_t>(rows.shape(1))), rows_(rows), weight_(sample_weight) {
        source_ = std::make_unique<mixtura::ArraySource<Real>>(as_rows(rows, sample_weight), hard,
                                                               as_total(total, n_features_));
    }

    std::ptrdiff_t n_rows() const { return static_cast<std::ptrdiff_t>(rows_.shape(0)); }
    std::ptrdiff_t n_features() const { return n_features_; }

  private:
    nb::ndarray<> rows_;
    std::optional<Doubles> weight_;
};

// Rows in arrays that stay alive as long as this.
class PartsRows final : public RowsInMemory {
  public:
    PartsRows(const nb::list& arrays, const nb::list& weights, bool hard, const std::optional<Total>& total)
        : RowsInMemory(total, n_features_of(arrays)), arrays_(arrays), weights_(weights) {
        require(arrays.size() == weights.size(), "parts and weights differ in number");
        RowArray<float> probe;
        if (nb::try_cast(arrays[0], probe, false)) {
            read<float>(hard);
        } else {
            read<double>(hard);
        }
    }

  private:
    static std::ptrdiff_t n_features_of(const nb::list& arrays) {
        require(arrays.size() > 0, "parts must hold an array at least");
        AnyArray first;
        require(nb::try_cast(arrays[0], first, false), "parts must be arrays of one type");
        require_matrix("parts", first);
        return static_cast<std::ptrdiff_t>(first.shape(1));
    }

    template <class Real>
    void read(bool hard) {
        std::vector<mixtura::Rows<Real>> parts;
        for (std::size_t p = 0; p < arrays_.size(); ++p) {
            RowArray<Real> array;
            std::optional<Doubles> weight;
            require(nb::try_cast(arrays_[p], array, false), "parts must be arrays of one type");
            if (!weights_[p].is_none()) weight = nb::cast<Doubles>(weights_[p], false);
            require_shape("parts", array, {n_rows_of(array), n_features_});
            parts.push_back(as_rows(array, weight));
            require(parts.back().n_rows <= parts.front().n_rows, "the first of the parts must have the most rows");
        }
        source_ = std::make_unique<mixtura::PartsSource<Real>>(std::move(parts), hard, as_total(total_, n_features_));
    }

    nb::list arrays_, weights_;
};

void copy_into(std::vector<double>& out, const char* name, const nb::handle& array, const Shape& shape) {
    const auto values = nb::cast<Doubles>(array);
    require_shape(name, values, shape);
    std::copy_n(values.data(), out.size(), out.begin());
}

// Rows that Python knows where to find: accumulate((weights, means, covariances, precisions_cholesky), centres) returns
// (weight, log_likelihood, log_certainty, counts, firsts, seconds).
class CalledRows final : public CheckedRows {
  public:
    CalledRows(nb::callable accumulate, bool single) : accumulate_(std::move(accumulate)), single_(single) {}

    void accumulate(const mixtura::OwnedMixture& mixture, mixtura::OwnedStatistics& out,
                    mixtura::Control&) const override {
        const GilHeld gil;
        const Sizes sizes(mixture.structure, mixture.n_components, mixture.n_features);
        const auto sums =
            nb::cast<nb::tuple>(call(accumulate_, as_arrays(mixture), as_array(out.centres, {sizes.k, sizes.d})));
        require(sums.size() == 6, "accumulate must return 6 sums, got " + std::to_string(sums.size()));
        out.weight = nb::cast<double>(sums[0]);
        out.log_likelihood = nb::cast<double>(sums[1]);
        out.log_certainty = nb::cast<double>(sums[2]);
        copy_into(out.counts, "counts", sums[3], {sizes.k});
        copy_into(out.firsts, "firsts", sums[4], {sizes.k, sizes.d});
        copy_into(out.seconds, "seconds", sums[5], sizes.covariances());
    }
    void require_features(std::ptrdiff_t) const override {}  // it is asked what it can; its sums are looked at
    void accumulate_given(const mixtura::GivenResponsibilities&, mixtura::OwnedStatistics&,
                          mixtura::Control&) const override {
        throw nb::type_error("rows elsewhere are asked block by block");
    }
    bool is_single() const override { return single_; }

  private:
    nb::callable accumulate_;
    bool single_;
};

mixtura::Outside outside_of(double seconds, const Stop* stop, const std::optional<nb::callable>& hear,
                            std::ptrdiff_t first, std::ptrdiff_t every) {
    mixtura::Outside outside;
    outside.deadline = deadline_after(seconds);
    if (stop != nullptr) outside.stop = &stop->is_set;
    outside.first = first;
    outside.every = std::max<std::ptrdiff_t>(every, 1);
    if (!hear) return outside;
    outside.hear = [&hear](const mixtura::OwnedMixture& mixture) {
        const GilHeld gil;
        return nb::cast<std::string>(call(*hear, as_arrays(mixture)));
    };
    return outside;
}

nb::tuple statistics_of(const ArrayRows& rows, Structure structure, const AnyMatrix& responsibilities, int n_threads) {
    const Sizes sizes(structure, static_cast<std::ptrdiff_t>(responsibilities.shape(1)), rows.n_features());
    require_shape("responsibilities", responsibilities, {rows.n_rows(), sizes.k});
    mixtura::OwnedStatistics sums(structure, sizes.k, sizes.d);
    without_gil(n_threads, [&](mixtura::Control& control) {
        rows.accumulate_given({responsibilities.data(), responsibilities.stride(0), responsibilities.stride(1)}, sums,
                              control);
    });
    return as_arrays(std::move(sums));
}

// The acceleration, and what it was made for.
struct SizedAcceleration : mixtura::Acceleration {
    SizedAcceleration(Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features)
        : SizedAcceleration(Sizes(structure, n_components, n_features)) {}
    explicit SizedAcceleration(const Sizes& sizes)
        : mixtura::Acceleration(sizes.structure, sizes.k, sizes.d), sizes(sizes) {}

    const Sizes sizes;
};

nb::tuple expectation_maximisation(Model model, const CheckedRows& rows, const Doubles& weights, const Doubles& means,
                                   const Doubles& covariances, const Doubles& precisions_cholesky,
                                   const Doubles& reg_covar, mixtura::Monitor& monitor, SizedAcceleration* acceleration,
                                   double seconds, const Stop* stop, const std::optional<nb::callable>& hear,
                                   std::ptrdiff_t first, std::ptrdiff_t every, int n_threads) {
    const Structure structure = mixtura::structure_of(model);
    mixtura::OwnedMixture mixture = as_owned(structure, weights, means, covariances, precisions_cholesky);
    const Sizes sizes(structure, mixture.n_components, mixture.n_features);
    require_shape("reg_covar", reg_covar, {sizes.d});
    rows.require_features(sizes.d);
    require(acceleration == nullptr || acceleration->sizes == sizes, "acceleration was made for other mixtures");
    mixtura::OwnedStatistics sums(structure, sizes.k, sizes.d);
    const mixtura::Outside outside = outside_of(seconds, stop, hear, first, every);
    without_gil(n_threads, [&](mixtura::Control& control) {
        mixtura::expectation_maximisation(model, rows, reg_covar.data(), monitor, acceleration, outside, mixture, sums,
                                          control);
        if (acceleration != nullptr && !control.interrupted)
            monitor.predicted_gain = acceleration->remaining_gain(sums.view(), sums.centres.data());
    });
    return nb::make_tuple(as_arrays(std::move(mixture)), as_arrays(std::move(sums)));
}

void eigen(const MutableDoubles& matrix, const MutableDoubles& values, const MutableDoubles& vectors) {
    const auto d = static_cast<std::ptrdiff_t>(values.size());
    require_shape("values", values, {d});
    require_shape("matrix", matrix, {d, d});
    require_shape("vectors", vectors, {d, d});
    without_gil(1, [&](mixtura::Control&) { mixtura::eigen(matrix.data(), d, values.data(), vectors.data()); });
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
          "labels"_a.noconvert().none(), "log_joint"_a.noconvert().none(), "n_threads"_a,
          "Per-row results, into those arrays that are given.");
    m.def("find_nonfinite", &find_nonfinite<Real>, "rows"_a.noconvert(), "n_threads"_a,
          "(count, row, feature) of the NaN and infinities; the first one's place, or -1.");
    m.def("find_extent", &find_extent<Real>, "rows"_a.noconvert(), "n_threads"_a,
          "The least and the most of each feature.");
    m.def("find_distinct", &find_distinct<Real>, "rows"_a.noconvert(), "sample_weight"_a.none(), "first"_a.noconvert(),
          "weights"_a.noconvert(),
          "Fills the places and the weights of the distinct rows; returns their number, or one more than there is room "
          "for.");
}

}  // namespace

NB_MODULE(_core, m) {
    m.doc() = "The kernels of mixtura. Internal: use the classes of the package.";
    nb::set_leak_warnings(false);  // a daemon thread that still fits at exit keeps what it works on
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
          "previous"_a.none(), "weights"_a.noconvert(), "means"_a.noconvert(), "covariances"_a.noconvert(),
          "precisions_cholesky"_a.noconvert(), "n_threads"_a,
          "The M-step; fills the four parameter arrays. Returns -1, or the first component whose covariance is not\n"
          "positive definite.");
    m.def("move_centres", &move_centres, "structure"_a, "counts"_a.noconvert(), "firsts"_a.noconvert(),
          "seconds"_a.noconvert(), "centres"_a, "new_centres"_a,
          "Makes sums about centres sums about others, in place.");
    m.def("cancels", &cancels, "structure"_a, "counts"_a, "firsts"_a, "seconds"_a, "centres"_a, "single"_a,
          "True where the sums lose digits because their centres lie far from the new means.");
    m.def("factorise", &factorise, "structure"_a, "covariances"_a, "precisions_cholesky"_a.noconvert(),
          "n_components"_a, "n_features"_a, "n_threads"_a,
          "precisions_cholesky from covariances; returns as maximise does.");
    nb::class_<SizedAcceleration>(m, "Acceleration", "Quasi-Newton acceleration of EM; see acceleration.hpp.")
        .def(nb::init<Structure, std::ptrdiff_t, std::ptrdiff_t>(), "structure"_a, "n_components"_a, "n_features"_a)
        .def(
            "state",
            [](const SizedAcceleration& a) {
                std::vector<double> state = a.state();
                const auto size = static_cast<std::ptrdiff_t>(state.size());
                return as_array(std::move(state), {size});
            },
            "All that it remembers, as numbers.")
        .def(
            "restore",
            [](SizedAcceleration& a, const Doubles& state) {
                return a.restore(std::vector<double>(state.data(), state.data() + state.size()));
            },
            "state"_a, "Go on from there; False where the numbers are not those of such a one.");
    nb::class_<CheckedRows>(m, "RowSource", "Who answers the E-step of the EM loop.");
    nb::class_<ArrayRows, CheckedRows>(m, "ArrayRows", "Rows in memory. total: (weight, mean, scatter) of all of them.")
        .def(nb::init<const RowArray<double>&, const std::optional<Doubles>&, bool, const std::optional<Total>&>(),
             "rows"_a.noconvert(), "sample_weight"_a.none(), "hard"_a, "total"_a.none())
        .def(nb::init<const RowArray<float>&, const std::optional<Doubles>&, bool, const std::optional<Total>&>(),
             "rows"_a.noconvert(), "sample_weight"_a.none(), "hard"_a, "total"_a.none());
    nb::class_<PartsRows, CheckedRows>(m, "PartsRows",
                                       "Rows in memory, in several arrays, the largest first; weights: arrays or None.")
        .def(nb::init<const nb::list&, const nb::list&, bool, const std::optional<Total>&>(), "parts"_a, "weights"_a,
             "hard"_a, "total"_a.none());
    nb::class_<CalledRows, CheckedRows>(m, "CalledRows",
                                        "Rows elsewhere; accumulate(parameters, centres) returns the sums.")
        .def(nb::init<nb::callable, bool>(), "accumulate"_a, "single"_a);
    nb::class_<Stop>(m, "Stop", "Ends loops and searches in other threads.")
        .def(nb::init<>())
        .def(
            "set", [](Stop& stop) { stop.is_set = true; }, "End them.")
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
    m.def("expectation_maximisation", &expectation_maximisation, "model"_a, "rows"_a, "weights"_a, "means"_a,
          "covariances"_a, "precisions_cholesky"_a, "reg_covar"_a, "monitor"_a, "acceleration"_a.none(), "seconds"_a,
          "stop"_a.none(), "hear"_a.none(), "first"_a, "every"_a, "n_threads"_a,
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
