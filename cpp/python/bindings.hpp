// What the bindings share: arrays in, numbers out. Python allocates or owns every array.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cxxabi.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "em/row_source.hpp"
#include "model/core.hpp"
#include "support/parallel.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace mixtura::python {

using mixtura::Model;
using mixtura::Structure;

template <class Real>
using RowArray = nb::ndarray<const Real, nb::ndim<2>, nb::device::cpu>;
template <class Real>
using OutArray = nb::ndarray<Real, nb::c_contig, nb::device::cpu>;
using Doubles = nb::ndarray<const double, nb::c_contig, nb::device::cpu>;
using MutableDoubles = nb::ndarray<double, nb::c_contig, nb::device::cpu>;
using AnyMatrix = nb::ndarray<const double, nb::ndim<2>, nb::device::cpu>;
using AnyArray = nb::ndarray<nb::device::cpu>;

// Sizes. The core trusts them, so every array is held against the shape that a function needs before it goes there.

using Shape = std::vector<std::ptrdiff_t>;

inline std::string as_text(const Shape& shape) {
    std::string text;
    for (const std::ptrdiff_t size : shape) text += (text.empty() ? "" : ", ") + std::to_string(size);
    return "(" + text + (shape.size() == 1 ? ",)" : ")");
}

inline void require(bool condition, const std::string& message) {
    if (!condition) throw nb::value_error(message.c_str());
}

template <class Ndarray>
Shape shape_of(const Ndarray& array) {
    Shape shape;
    for (std::size_t i = 0; i < array.ndim(); ++i) shape.push_back(static_cast<std::ptrdiff_t>(array.shape(i)));
    return shape;
}

template <class Ndarray>
void require_shape(const char* name, const Ndarray& array, const Shape& wanted) {
    const Shape shape = shape_of(array);
    require(shape == wanted, std::string(name) + " must have shape " + as_text(wanted) + ", got " + as_text(shape));
}

template <class Ndarray>
void require_shape(const char* name, const std::optional<Ndarray>& array, const Shape& wanted) {
    if (array) require_shape(name, *array, wanted);
}

template <class Ndarray>
void require_matrix(const char* name, const Ndarray& array) {
    require(array.ndim() == 2, std::string(name) + " must have 2 dimensions, got " + std::to_string(array.ndim()));
}

// Of a mixture and of its sums; where they were made, there is one component and one feature at least, and no product
// of them overflows.
struct Sizes {
    Sizes(Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features)
        : structure(structure), k(n_components), d(n_features) {
        require(k > 0, "n_components must be at least 1, got " + std::to_string(k));
        require(d > 0, "n_features must be at least 1, got " + std::to_string(d));
        constexpr double most_numbers = 1e15;
        const bool has_room = static_cast<double>(k) * static_cast<double>(d) * static_cast<double>(d) < most_numbers;
        require(has_room, std::to_string(k) + " components of " + std::to_string(d) + " features are too many");
    }

    // Those that the means give.
    template <class Ndarray>
    static Sizes of(Structure structure, const char* name, const Ndarray& means) {
        require_matrix(name, means);
        return {structure, static_cast<std::ptrdiff_t>(means.shape(0)), static_cast<std::ptrdiff_t>(means.shape(1))};
    }

    // Of covariances, their factors and second moments.
    Shape covariances() const {
        switch (structure) {
            case Structure::full: return {k, d, d};
            case Structure::tied: return {d, d};
            case Structure::diag: return {k, d};
            default: return {k};
        }
    }

    bool operator==(const Sizes& other) const { return structure == other.structure && k == other.k && d == other.d; }

    Structure structure;
    std::ptrdiff_t k, d;
};

template <class Ndarray>
std::ptrdiff_t n_rows_of(const Ndarray& rows) {
    return static_cast<std::ptrdiff_t>(rows.shape(0));
}

template <class Real>
mixtura::Rows<Real> as_rows(const RowArray<Real>& array, const std::optional<Doubles>& sample_weight) {
    require_shape("sample_weight", sample_weight, {n_rows_of(array)});
    mixtura::Rows<Real> rows;
    rows.data = array.data();
    rows.n_rows = static_cast<std::ptrdiff_t>(array.shape(0));
    rows.n_features = static_cast<std::ptrdiff_t>(array.shape(1));
    rows.row_stride = array.stride(0);
    rows.feature_stride = array.stride(1);
    if (sample_weight) rows.weights = sample_weight->data();
    return rows;
}

inline mixtura::Mixture as_mixture(const Sizes& sizes, const Doubles& weights, const Doubles& means,
                                   const Doubles& precisions_cholesky) {
    require_shape("weights", weights, {sizes.k});
    require_shape("means", means, {sizes.k, sizes.d});
    require_shape("precisions_cholesky", precisions_cholesky, sizes.covariances());
    return {sizes.structure, sizes.k, sizes.d, weights.data(), means.data(), precisions_cholesky.data()};
}

// Set by one thread, seen by the loops of others.
struct Stop {
    std::atomic<bool> is_set{false};
};

// The GIL. After its end Python stops a thread that asks for it by pthread_exit, which unwinds the stack and aborts the
// process at the first function that may not throw. So such a thread (a daemon that still fits) sleeps until the
// process is gone, as all do from Python 3.14 on.

template <class Function>
auto or_sleep(const Function& f) {
    try {
        return f();
    } catch (abi::__forced_unwind&) {
        for (;;) pause();
    }
}

// The thread that has let go of the GIL, of those that are this one. PyGILState_Ensure would look it up, and fail after
// Python's end.
inline thread_local PyThreadState* released = nullptr;

class GilReleased {
  public:
    GilReleased() { released = PyEval_SaveThread(); }
    ~GilReleased() {
        or_sleep([] { PyEval_RestoreThread(released); });
    }
    GilReleased(const GilReleased&) = delete;
    GilReleased& operator=(const GilReleased&) = delete;
};

// While GilReleased lives.
class GilHeld {
  public:
    GilHeld() {
        or_sleep([] { PyEval_RestoreThread(released); });
    }
    ~GilHeld() { released = PyEval_SaveThread(); }
    GilHeld(const GilHeld&) = delete;
    GilHeld& operator=(const GilHeld&) = delete;
};

// What a function of Python's returns. The arguments are destroyed out here: where the thread sleeps, they are not.
template <class... Arguments>
nb::object call(const nb::callable& function, Arguments&&... arguments) {
    const nb::tuple all = nb::make_tuple(std::forward<Arguments>(arguments)...);
    PyObject* const result = or_sleep([&] { return PyObject_Call(function.ptr(), all.ptr(), nullptr); });
    if (result == nullptr) throw nb::python_error();
    return nb::steal(result);
}

// Whether a call is to end: another thread has set its stop, or one of Python's signal handlers, which run when asked,
// raises (Ctrl-C).
inline bool is_to_end(void* stop) {
    if (stop != nullptr && static_cast<const Stop*>(stop)->is_set) return true;
    const GilHeld gil;
    return PyErr_CheckSignals() != 0;
}

// Runs f(control) without the GIL and raises what a signal handler raised meanwhile.
template <class Function>
auto without_gil(int n_threads, const Function& f, Stop* stop = nullptr) {
    mixtura::Control control;
    control.n_threads = n_threads;
    control.poll = &is_to_end;
    control.poll_argument = stop;
    const auto run = [&] {
        const GilReleased gil;
        mixtura::StopFlag flag(control);
        const mixtura::WorkingFor call(flag);
        return f(control);
    };
    const auto raise = [&] {
        if (control.interrupted && PyErr_Occurred()) throw nb::python_error();
    };
    try {
        if constexpr (std::is_void_v<decltype(f(control))>) {
            run();
            raise();
        } else {
            auto result = run();
            raise();
            return result;
        }
    } catch (const mixtura::Interrupted&) {
        raise();
        throw std::runtime_error("stopped by another thread");
    }
}

using Sums = std::tuple<double, double, double>;
using Total = std::tuple<double, Doubles, Doubles>;  // weight, mean, scatter of all rows

inline mixtura::TotalScatter as_total(const std::optional<Total>& total, std::ptrdiff_t n_features) {
    if (!total) return {};
    const auto& [weight, mean, scatter] = *total;
    require_shape("the total's mean", mean, {n_features});
    require_shape("the total's scatter", scatter, {n_features, n_features});
    return {weight, mean.data(), scatter.data()};
}

// Numbers that Python owns from now on.
using Array = nb::ndarray<nb::numpy, double>;

inline Array as_array(std::vector<double> values, const Shape& shape) {
    auto* owned = new std::vector<double>(std::move(values));
    const nb::capsule owner(owned, [](void* memory) noexcept { delete static_cast<std::vector<double>*>(memory); });
    const std::vector<std::size_t> sizes(shape.begin(), shape.end());
    return Array(owned->data(), sizes.size(), sizes.data(), owner);
}

// weights, means, covariances, precisions_cholesky.
inline nb::tuple as_arrays(mixtura::OwnedMixture mixture) {
    const Sizes sizes(mixture.structure, mixture.n_components, mixture.n_features);
    return nb::make_tuple(as_array(std::move(mixture.weights), {sizes.k}),
                          as_array(std::move(mixture.means), {sizes.k, sizes.d}),
                          as_array(std::move(mixture.covariances), sizes.covariances()),
                          as_array(std::move(mixture.precisions_cholesky), sizes.covariances()));
}

// centres, weight, log_likelihood, log_certainty, counts, firsts, seconds.
inline nb::tuple as_arrays(mixtura::OwnedStatistics sums) {
    const Sizes sizes(sums.structure, sums.n_components, sums.n_features);
    return nb::make_tuple(as_array(std::move(sums.centres), {sizes.k, sizes.d}), sums.weight, sums.log_likelihood,
                          sums.log_certainty, as_array(std::move(sums.counts), {sizes.k}),
                          as_array(std::move(sums.firsts), {sizes.k, sizes.d}),
                          as_array(std::move(sums.seconds), sizes.covariances()));
}

// More than a century is never.
inline std::chrono::steady_clock::time_point deadline_after(double seconds) {
    using Clock = std::chrono::steady_clock;
    if (!(seconds < 3e9)) return Clock::time_point::max();
    return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

// A copy of weights, means, covariances and precisions_cholesky.
inline mixtura::OwnedMixture as_owned(Structure structure, const Doubles& weights, const Doubles& means,
                                      const Doubles& covariances, const Doubles& precisions_cholesky) {
    const Sizes sizes = Sizes::of(structure, "means", means);
    as_mixture(sizes, weights, means, precisions_cholesky);  // asks for their shapes
    require_shape("covariances", covariances, sizes.covariances());
    mixtura::OwnedMixture mixture(structure, sizes.k, sizes.d);
    std::copy_n(weights.data(), weights.size(), mixture.weights.begin());
    std::copy_n(means.data(), means.size(), mixture.means.begin());
    std::copy_n(covariances.data(), covariances.size(), mixture.covariances.begin());
    std::copy_n(precisions_cholesky.data(), precisions_cholesky.size(), mixture.precisions_cholesky.begin());
    return mixture;
}

// The classes and functions of the search, in bindings_search.cpp.
void bind_search(nb::module_& m);

}  // namespace mixtura::python
