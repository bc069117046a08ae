// What the bindings share: arrays in, numbers out. Python allocates or owns every array.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <tuple>
#include <utility>
#include <vector>

#include "core.hpp"
#include "parallel.hpp"
#include "row_source.hpp"

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

inline void require(bool condition, const char* message) {
    if (!condition) throw nb::value_error(message);
}

inline mixtura::Mixture as_mixture(Structure structure, const Doubles& weights, const Doubles& means,
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

// Set by one thread, seen by the loops of others.
struct Stop {
    std::atomic<bool> is_set{false};
};

// Whether a call is to end: another thread has set its stop, or one of Python's signal handlers, which run when asked,
// raises (Ctrl-C).
inline bool is_to_end(void* stop) {
    if (stop != nullptr && static_cast<const Stop*>(stop)->is_set) return true;
    nb::gil_scoped_acquire gil;
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
        nb::gil_scoped_release release;
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

inline mixtura::TotalScatter as_total(const std::optional<Total>& total, std::size_t n_features) {
    if (!total) return {};
    const auto& [weight, mean, scatter] = *total;
    require(mean.size() == n_features && scatter.size() == n_features * n_features, "the total scatter has the wrong size");
    return {weight, mean.data(), scatter.data()};
}

// Numbers that Python owns from now on.
using Array = nb::ndarray<nb::numpy, double>;

inline Array as_array(std::vector<double> values, std::initializer_list<std::ptrdiff_t> shape) {
    auto* owned = new std::vector<double>(std::move(values));
    const nb::capsule owner(owned, [](void* memory) noexcept { delete static_cast<std::vector<double>*>(memory); });
    const std::vector<std::size_t> sizes(shape.begin(), shape.end());
    return Array(owned->data(), sizes.size(), sizes.data(), owner);
}

// In the shape of the structure's covariances.
inline Array as_moments(std::vector<double> values, Structure structure, std::ptrdiff_t k, std::ptrdiff_t d) {
    switch (structure) {
        case Structure::full: return as_array(std::move(values), {k, d, d});
        case Structure::tied: return as_array(std::move(values), {d, d});
        case Structure::diag: return as_array(std::move(values), {k, d});
        default: return as_array(std::move(values), {k});
    }
}

// weights, means, covariances, precisions_cholesky.
inline nb::tuple as_arrays(mixtura::OwnedMixture mixture) {
    const std::ptrdiff_t k = mixture.n_components, d = mixture.n_features;
    return nb::make_tuple(as_array(std::move(mixture.weights), {k}), as_array(std::move(mixture.means), {k, d}),
                          as_moments(std::move(mixture.covariances), mixture.structure, k, d),
                          as_moments(std::move(mixture.precisions_cholesky), mixture.structure, k, d));
}

// centres, weight, log_likelihood, log_certainty, counts, firsts, seconds.
inline nb::tuple as_arrays(mixtura::OwnedStatistics sums) {
    const std::ptrdiff_t k = sums.n_components, d = sums.n_features;
    return nb::make_tuple(as_array(std::move(sums.centres), {k, d}), sums.weight, sums.log_likelihood, sums.log_certainty,
                          as_array(std::move(sums.counts), {k}), as_array(std::move(sums.firsts), {k, d}),
                          as_moments(std::move(sums.seconds), sums.structure, k, d));
}

// More than a century is never.
inline std::chrono::steady_clock::time_point deadline_after(double seconds) {
    using Clock = std::chrono::steady_clock;
    if (!(seconds < 3e9)) return Clock::time_point::max();
    return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

// A copy of weights, means, covariances and precisions_cholesky.
inline mixtura::OwnedMixture as_owned(Structure structure, const Doubles& weights, const Doubles& means, const Doubles& covariances,
                                      const Doubles& precisions_cholesky) {
    as_mixture(structure, weights, means, precisions_cholesky);  // checks the sizes
    require(covariances.size() == precisions_cholesky.size(), "covariances has the wrong size");
    mixtura::OwnedMixture mixture(structure, static_cast<std::ptrdiff_t>(means.shape(0)), static_cast<std::ptrdiff_t>(means.shape(1)));
    std::copy_n(weights.data(), weights.size(), mixture.weights.begin());
    std::copy_n(means.data(), means.size(), mixture.means.begin());
    std::copy_n(covariances.data(), covariances.size(), mixture.covariances.begin());
    std::copy_n(precisions_cholesky.data(), precisions_cholesky.size(), mixture.precisions_cholesky.begin());
    return mixture;
}

// The classes and functions of the search, in bindings_search.cpp.
void bind_search(nb::module_& m);

}  // namespace mixtura::python
