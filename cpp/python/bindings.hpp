// What the bindings share: arrays in, numbers out. Python allocates or owns every array.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "em/row_source.hpp"
#include "m_step/m_step.hpp"
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

    // Raises where an M-step makes other mixtures.
    template <class Step>
    void require_fits(const Step& m_step) const {
        require(m_step.n_features() == d, "the M-step was made for other features");
        require(m_step.n_components() == 0 || m_step.n_components() == k, "the M-step was made for " +
                                                                              std::to_string(m_step.n_components()) +
                                                                              " components, got " + std::to_string(k));
    }

    std::ptrdiff_t n_densities() const { return k + (has_noise ? 1 : 0); }

    Structure structure;
    std::ptrdiff_t k, d;
    bool has_noise = false;  // of the mixture; the sums have room for it in any case
    bool has_tails = false;  // its components are Student's t
};

template <class Ndarray>
std::ptrdiff_t n_rows_of(const Ndarray& rows) {
    return static_cast<std::ptrdiff_t>(rows.shape(0));
}

template <class Real>
mixtura::Rows<Real> as_rows(const RowArray<Real>& array, const std::optional<Doubles>& sample_weight = {}) {
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

// Set by one thread, seen by the loops of others.
struct Stop {
    std::atomic<bool> is_set{false};
};

// The GIL. After its end Python stops a thread that asks for it by pthread_exit, which unwinds the stack and aborts the
// process at the first function that may not throw. So such a thread (a daemon that still fits) sleeps until the
// process is gone, as all do from Python 3.14 on.

// Calls function(argument), and sleeps where that would end the thread (or_sleep.cpp).
void call_or_sleep(void (*function)(void*), void* argument);

// What f() returns, or sleep. f calls Python, and throws nothing.
template <class Function>
auto or_sleep(const Function& f) {
    using Result = decltype(f());
    if constexpr (std::is_void_v<Result>) {
        call_or_sleep([](void* at) { (*static_cast<const Function*>(at))(); }, const_cast<Function*>(&f));
    } else {
        struct Call {
            const Function& f;
            Result result;
        } one{f, Result{}};
        call_or_sleep(
            [](void* at) {
                auto& asked = *static_cast<Call*>(at);
                asked.result = asked.f();
            },
            &one);
        return one.result;
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

// Numbers that Python owns from now on.
using Array = nb::ndarray<nb::numpy, double>;

template <class Allocator = std::allocator<double>>
Array as_array(std::vector<double, Allocator> values, const Shape& shape) {
    using Vector = std::vector<double, Allocator>;
    auto* owned = new Vector(std::move(values));
    const nb::capsule owner(owned, [](void* memory) noexcept { delete static_cast<Vector*>(memory); });
    const std::vector<std::size_t> sizes(shape.begin(), shape.end());
    return Array(owned->data(), sizes.size(), sizes.data(), owner);
}

// More than a century is never.
inline std::chrono::steady_clock::time_point deadline_after(double seconds) {
    using Clock = std::chrono::steady_clock;
    if (!(seconds < 3e9)) return Clock::time_point::max();
    return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

// The classes and functions of each room.
void bind_model(nb::module_& m);
void bind_e_step(nb::module_& m);
void bind_m_step(nb::module_& m);
void bind_em(nb::module_& m);
void bind_optimum(nb::module_& m);
void bind_fitting(nb::module_& m);

}  // namespace mixtura::python
