// Sources of rows, the loop, the online step.
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
#include "em/centring.hpp"
#include "em/loop.hpp"
#include "em/online.hpp"
#include "em/spread.hpp"
#include "python/values.hpp"

namespace mixtura::python {
namespace {

// A source that knows which mixtures it can be asked with.
class CheckedSource : public RowSource {
  public:
    virtual void require_sizes(const Sizes&) const {}
};

// Rows in arrays that stay alive as long as this, the largest first.
class MemoryRows final : public CheckedSource {
  public:
    explicit MemoryRows(const nb::list& parts) : parts_(parts) {
        require(parts.size() > 0, "parts must hold some rows at least");
        const RowsArrays& first = part(0);
        for (std::size_t p = 1; p < parts.size(); ++p) {
            require(part(p).is_single() == first.is_single(), "parts must be arrays of one type");
            require(part(p).n_features() == first.n_features(), "parts must have the same features");
            require(part(p).n_rows() <= first.n_rows(), "the first of the parts must have the most rows");
        }
        for (std::size_t p = 0; p < parts.size(); ++p) parts_of_rows_.push_back(&part(p));
        first.visit([&](const auto& rows) { source_ = source_like(rows); });
    }

    void require_sizes(const Sizes& sizes) const override {
        for (const RowsArrays* rows : parts_of_rows_) rows->require_sizes(sizes);
    }
    void accumulate(const Expectation& asked, const Mixture& mixture, OwnedStatistics& out,
                    Control& control) const override {
        for (const RowsArrays* rows : parts_of_rows_) rows->require_sums(asked);
        source_->accumulate(asked, mixture, out, control);
    }
    std::unique_ptr<RowSource> bringing(const GivenResponsibilities& given) const override {
        return source_->bringing(given);
    }
    bool is_single() const override { return source_->is_single(); }

  private:
    const RowsArrays& part(std::size_t p) const { return nb::cast<const RowsArrays&>(parts_[p]); }

    template <class Real>
    std::unique_ptr<RowSource> source_like(const mixtura::Rows<Real>&) const {
        std::vector<mixtura::Rows<Real>> all;
        for (std::size_t p = 0; p < parts_.size(); ++p) {
            part(p).visit([&](const auto& rows) {
                if constexpr (std::is_same_v<std::decay_t<decltype(rows)>, mixtura::Rows<Real>>) all.push_back(rows);
            });
        }
        return std::make_unique<MemorySource<Real>>(std::move(all));
    }

    nb::list parts_;
    std::vector<const RowsArrays*> parts_of_rows_;
    std::unique_ptr<RowSource> source_;
};

// Rows that Python brings part after part: parts() gives an iterator over Rows, anew for each pass.
class StreamRows final : public CheckedSource {
  public:
    StreamRows(nb::callable parts, bool single) : parts_(std::move(parts)), single_(single) {}

    void accumulate(const Expectation& asked, const Mixture& mixture, OwnedStatistics& out,
                    Control& control) const override {
        SumOverParts sum(asked, mixture, single_, out);
        Sizes sizes(mixture.structure, mixture.n_components, mixture.n_features);
        sizes.has_noise = mixture.has_noise();
        const GilHeld gil;  // but while the sums of a part are taken
        nb::object iterator = nb::steal(PyObject_GetIter(call(parts_).ptr()));
        if (!iterator.is_valid()) throw nb::python_error();
        while (!control.interrupted) {
            PyObject* const next = or_sleep([&] { return PyIter_Next(iterator.ptr()); });
            if (next == nullptr && PyErr_Occurred()) throw nb::python_error();
            if (next == nullptr) break;
            const nb::object part = nb::steal(next);
            const auto& rows = nb::cast<const RowsArrays&>(part);
            rows.require_sizes(sizes);
            rows.require_sums(asked);
            const GilReleased released;
            rows.visit([&](const auto& of_part) { sum.add(of_part, control); });
        }
        sum.finish();
    }
    bool is_single() const override { return single_; }

  private:
    nb::callable parts_;
    bool single_;
};

// Rows whose sums another computes: accumulate((hard, moments, total), structure, (weights, means,
// precisions_cholesky, df, noise, log_weights), centres) returns the block of them all. The parameters are None where
// the rows bring their responsibilities.
class CalledRows final : public CheckedSource {
  public:
    CalledRows(nb::callable accumulate, bool single) : accumulate_(std::move(accumulate)), single_(single) {}

    void accumulate(const Expectation& asked, const Mixture& mixture, OwnedStatistics& out, Control&) const override {
        SumOverParts sum(asked, mixture, single_, out);
        const GilHeld gil;
        const Sizes sizes(mixture.structure, mixture.n_components, mixture.n_features);
        const auto block = nb::cast<Doubles>(call(accumulate_, as_tuple(sum.of_a_part(), sizes.d), mixture.structure,
                                                  as_tuple(mixture, sizes), as_array(out.centres, {sizes.k, sizes.d})));
        require_shape("the block", block, {out.layout().size()});
        sum.add({block.data(), block.data() + block.size()});
        sum.finish();
    }
    bool is_single() const override { return single_; }

  private:
    static Array copy_of(const double* values, const Shape& shape) {
        std::ptrdiff_t size = 1;
        for (const std::ptrdiff_t n : shape) size *= n;
        return as_array({values, values + size}, shape);
    }
    static nb::object as_tuple(const Expectation& asked, std::ptrdiff_t d) {
        nb::object total = nb::none();
        if (asked.total.mean != nullptr) {
            total = nb::make_tuple(asked.total.weight, copy_of(asked.total.mean, {d}),
                                   copy_of(asked.total.scatter, {d, d}));
        }
        return nb::make_tuple(asked.hard, asked.moments, total);
    }
    static nb::object as_tuple(const Mixture& mixture, const Sizes& sizes) {
        if (mixture.means == nullptr) return nb::none();  // the rows bring their responsibilities
        const Shape densities{sizes.k + (mixture.has_noise() ? 1 : 0)};
        return nb::make_tuple(
            copy_of(mixture.weights, {sizes.k}), copy_of(mixture.means, {sizes.k, sizes.d}),
            copy_of(mixture.precisions_cholesky, sizes.covariances()),
            mixture.df == nullptr ? nb::none() : nb::cast(copy_of(mixture.df, {sizes.k})),
            python::as_tuple(mixture.noise, sizes.d),
            mixture.log_weights == nullptr ? nb::none() : nb::cast(copy_of(mixture.log_weights, densities)));
    }

    nb::callable accumulate_;
    bool single_;
};

LoopOptions options_of(double seconds, const Stop* stop, const std::optional<nb::callable>& callback,
                       std::ptrdiff_t first, std::ptrdiff_t every) {
    LoopOptions options;
    options.deadline = deadline_after(seconds);
    if (stop != nullptr) options.stop = &stop->is_set;
    options.first = first;
    options.every = std::max<std::ptrdiff_t>(every, 1);
    if (!callback) return options;
    options.callback = [callback = *callback](const OwnedMixture& mixture) {
        const GilHeld gil;
        return nb::cast<std::string>(call(callback, as_arrays(mixture)));
    };
    return options;
}

// The acceleration, and what it was made for.
struct SizedAcceleration : Acceleration {
    SizedAcceleration(Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features, bool has_scales)
        : SizedAcceleration(Sizes(structure, n_components, n_features), has_scales) {}
    SizedAcceleration(const Sizes& sizes, bool has_scales)
        : Acceleration(sizes.structure, sizes.k, sizes.d, has_scales), sizes(sizes), has_scales(has_scales) {}

    const Sizes sizes;
    const bool has_scales;
};

// What EM works with: the rows, the M-step, what the E-steps are asked for.
class BoundTask {
  public:
    BoundTask(const CheckedSource& rows, const MStep& m_step, const ExpectationArrays& expectation)
        : rows_(rows), expectation_(expectation), task{rows, m_step, expectation.value} {}

    void require_sizes(Sizes sizes) const {
        sizes.has_noise = sizes.has_noise || task.m_step.has_noise();  // a mixture that begins without gets it
        rows_.require_sizes(sizes);
        expectation_.require_sizes(sizes);
        sizes.require_fits(task.m_step);
        require(task.m_step.structure() == sizes.structure, "the M-step is of another structure than the mixture");
    }

  private:
    const CheckedSource& rows_;
    const ExpectationArrays& expectation_;

  public:
    const Task task;
};

OwnedStatistics statistics_for(const Sizes& sizes) { return {sizes.structure, sizes.k, sizes.d}; }

Array accumulate(const CheckedSource& rows, const ExpectationArrays& expectation, const MixtureArrays& mixture,
                 const std::optional<Doubles>& centres, int n_threads) {
    const Sizes& sizes = mixture.sizes;
    rows.require_sizes(sizes);
    expectation.require_sizes(sizes);
    require_shape("centres", centres, {sizes.k, sizes.d});
    OwnedStatistics sums(layout_of(mixture.view()));
    const double* about = centres ? centres->data() : mixture.view().means;
    std::copy_n(about, sums.centres.size(), sums.centres.begin());
    without_gil(n_threads,
                [&](Control& control) { rows.accumulate(expectation.value, mixture.view(), sums, control); });
    const std::ptrdiff_t size = sums.layout().size();
    return as_array(std::move(sums.block), {size});
}

// The block of rows that bring their responsibilities, about centres.
Array accumulate_given(const CheckedSource& rows, Structure structure, const Doubles& centres, int n_threads) {
    const Sizes sizes = Sizes::of(structure, "centres", centres);
    rows.require_sizes(sizes);
    Mixture mixture;
    mixture.structure = structure;
    mixture.n_components = sizes.k;
    mixture.n_features = sizes.d;
    OwnedStatistics sums = statistics_for(sizes);
    std::copy_n(centres.data(), sums.centres.size(), sums.centres.begin());
    without_gil(n_threads, [&](Control& control) { rows.accumulate({}, mixture, sums, control); });
    const std::ptrdiff_t size = sums.layout().size();
    return as_array(std::move(sums.block), {size});
}

// (weight, mean, scatter, rest, variances or None) of all rows, which bring responsibility 1.
nb::tuple spread_about(const CheckedSource& rows, Structure structure, const Doubles& centre, int n_threads) {
    const auto d = static_cast<std::ptrdiff_t>(centre.size());
    rows.require_sizes(Sizes(structure, 1, d));
    require(structure == Structure::full || structure == Structure::diag, "structure must be full or diag");
    Spread found = without_gil(n_threads, [&](Control& control) {
        return mixtura::spread_about({centre.data(), centre.data() + centre.size()}, structure, rows, control);
    });
    const Shape shape = structure == Structure::diag ? Shape{d} : Shape{d, d};
    nb::object variances = nb::none();
    if (structure == Structure::diag) variances = nb::cast(as_array(std::move(found.variances), {d}));
    return nb::make_tuple(found.weight, as_array(std::move(found.mean), {d}), as_array(std::move(found.scatter), shape),
                          as_array(std::move(found.rest), {d}), variances);
}

nb::object expect_given(const CheckedSource& rows, Structure structure, std::ptrdiff_t n_components,
                        std::ptrdiff_t n_features, int n_threads) {
    const Sizes sizes(structure, n_components, n_features);
    rows.require_sizes(sizes);
    OwnedStatistics sums = statistics_for(sizes);
    const bool has_rows =
        without_gil(n_threads, [&](Control& control) { return mixtura::expect_given(rows, sums, control); });
    if (!has_rows) return nb::none();
    return as_arrays(std::move(sums));
}

nb::tuple expectation_maximisation(const BoundTask& bound, const MixtureArrays& start, Monitor& monitor,
                                   SizedAcceleration* acceleration, const LoopOptions& options, int n_threads) {
    bound.require_sizes(start.sizes);
    require(acceleration == nullptr ||
                (acceleration->sizes == start.sizes && acceleration->has_scales == bound.task.m_step.has_tails()),
            "acceleration was made for other mixtures");
    Point point(start.owned());
    without_gil(n_threads, [&](Control& control) {
        mixtura::expectation_maximisation(bound.task, monitor, acceleration, options, point, control);
        if (acceleration != nullptr && !control.interrupted && std::isnan(monitor.predicted_gain)) {
            monitor.predicted_gain = acceleration->remaining_gain(point.statistics);
        }
    });
    return nb::make_tuple(as_arrays(std::move(point.mixture)), as_arrays(std::move(point.statistics)));
}

// (mixture, statistics), or (the first singular component, its rows).
nb::tuple online_step(const BoundTask& bound, double step, const MixtureArrays& mixture, const Doubles& centres,
                      const Doubles& block, int n_threads) {
    bound.require_sizes(mixture.sizes);
    Point point(mixture.owned());
    point.statistics = as_statistics(mixture.sizes.structure, centres, block);
    require(point.statistics.layout().n_components == mixture.sizes.k &&
                point.statistics.layout().n_features == mixture.sizes.d,
            "the statistics are not the mixture's");
    double count = 0;
    const std::ptrdiff_t failed = without_gil(
        n_threads, [&](Control& control) { return mixtura::online_step(bound.task, step, point, count, control); });
    if (failed >= 0) return nb::make_tuple(failed, count);
    return nb::make_tuple(as_arrays(std::move(point.mixture)), as_arrays(std::move(point.statistics)));
}

struct Held {
    std::unique_ptr<Recycling> recycling;
};

}  // namespace

void bind_em(nb::module_& m) {
    nb::class_<Held>(m, "Recycling", "A context within which large matrices lie where others lay before.")
        .def(nb::init<>())
        .def("__enter__", [](Held& held) { held.recycling = std::make_unique<Recycling>(); })
        .def(
            "__exit__", [](Held& held, const nb::args&) { held.recycling.reset(); },
            nb::sig("def __exit__(self, *args: object) -> None"));
    nb::class_<SizedAcceleration>(m, "Acceleration", "Quasi-Newton acceleration of EM; see acceleration.hpp.")
        .def(nb::init<Structure, std::ptrdiff_t, std::ptrdiff_t, bool>(), "structure"_a, "n_components"_a,
             "n_features"_a, "has_scales"_a = false)
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
    nb::class_<CheckedSource>(m, "RowSource", "Who answers the E-step.");
    nb::class_<MemoryRows, CheckedSource>(m, "MemoryRows", "Rows in memory, in one part or several, the largest first.")
        .def(nb::init<const nb::list&>(), "parts"_a);
    nb::class_<StreamRows, CheckedSource>(
        m, "StreamRows", "Rows that come part after part: parts() gives an iterator over Rows, anew for each pass.")
        .def(nb::init<nb::callable, bool>(), "parts"_a, "single"_a);
    nb::class_<CalledRows, CheckedSource>(m, "CalledRows",
                                          "Rows whose sums another computes: accumulate((hard, moments, total), "
                                          "parameters, centres) returns their block.")
        .def(nb::init<nb::callable, bool>(), "accumulate"_a, "single"_a);
    nb::class_<Stop>(m, "Stop", "Ends loops and searches in other threads.")
        .def(nb::init<>())
        .def(
            "set", [](Stop& stop) { stop.is_set = true; }, "End them.")
        .def("is_set", [](const Stop& stop) { return stop.is_set.load(); }, "Whether they are to end.");
    nb::class_<Monitor>(m, "Monitor", "Is told the objective of every mixture; see monitor.hpp.")
        .def(nb::init<double, std::ptrdiff_t, bool>(), "tol"_a, "max_iter"_a, "accelerated"_a)
        .def_ro("tol", &Monitor::tol)
        .def_ro("max_iter", &Monitor::max_iter)
        .def_ro("accelerated", &Monitor::accelerated)
        .def_ro("history", &Monitor::history)
        .def_ro("converged", &Monitor::converged)
        .def_rw("n_refused", &Monitor::n_refused)
        .def_ro("failed", &Monitor::failed)
        .def_ro("failed_count", &Monitor::failed_count)
        .def_rw("stopped", &Monitor::stopped)
        .def_ro("predicted_gain", &Monitor::predicted_gain)
        .def_prop_ro("n_iter", &Monitor::n_iter)
        .def_prop_ro("n_passes", &Monitor::n_passes)
        .def_prop_ro("ended", &Monitor::ended)
        .def_prop_ro("change", &Monitor::change)
        .def_prop_ro("remaining_gain", &Monitor::remaining_gain,
                     "Mean log-likelihood that EM would still gain, by Aitken's estimate.")
        .def("goes_on", &Monitor::goes_on, "mean_log_likelihood"_a);
    nb::class_<LoopOptions>(m, "LoopOptions",
                            "What ends a loop from outside. callback(parameters): at iteration `first` and every "
                            "`every`-th one\nafter it; what it returns ends the loop unless empty.")
        .def(
            "__init__",
            [](LoopOptions* self, double seconds, const Stop* stop, const std::optional<nb::callable>& callback,
               std::ptrdiff_t first,
               std::ptrdiff_t every) { new (self) LoopOptions(options_of(seconds, stop, callback, first, every)); },
            "seconds"_a, "stop"_a.none() = nb::none(), nb::keep_alive<1, 3>(), "callback"_a.none() = nb::none(),
            "first"_a = 0, "every"_a = 1);
    nb::class_<BoundTask>(m, "Task", "What EM works with.")
        .def(nb::init<const CheckedSource&, const MStep&, const ExpectationArrays&>(), "rows"_a, "m_step"_a,
             "expectation"_a, nb::keep_alive<1, 2>(), nb::keep_alive<1, 3>(), nb::keep_alive<1, 4>());
    m.def("accumulate", &accumulate, "rows"_a, "expectation"_a, "mixture"_a, "centres"_a.none(), "n_threads"_a,
          "E-step: the block of the sums about centres (None: the means).");
    m.def("accumulate_given", &accumulate_given, "rows"_a, "structure"_a, "centres"_a, "n_threads"_a,
          "The same of rows that bring their responsibilities.");
    m.def("spread_about", &spread_about, "rows"_a, "structure"_a, "centre"_a, "n_threads"_a,
          "(weight, mean, scatter, what the mean was rounded by, variances) of all rows, each of which brings\n"
          "responsibility 1, from their sums about a point: full, or diag, whose scatter is the diagonal.");
    m.def("expect_given", &expect_given, "rows"_a, "structure"_a, "n_components"_a, "n_features"_a, "n_threads"_a,
          "(centres, block) of rows that bring their responsibilities, about the means that they imply; None: no\n"
          "component has a row.");
    m.def("expectation_maximisation", &expectation_maximisation, "task"_a, "mixture"_a, "monitor"_a,
          "acceleration"_a.none(), "options"_a, "n_threads"_a,
          "EM from a mixture on. Returns the last one's (weights, means, covariances, precisions_cholesky), and its\n"
          "(centres, block).");
    m.def("online_step", &online_step, "task"_a, "step"_a, "mixture"_a, "centres"_a, "block"_a, "n_threads"_a,
          "One M-step from the sums so far and those of a batch: as expectation_maximisation, or (the first singular\n"
          "component, its rows).");
}

}  // namespace mixtura::python
