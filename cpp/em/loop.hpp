// The EM loop. The only one: restarts, sweeps, hard EM and every source of rows run it.
//
//     statistics = accumulate(rows, mixture)     wherever the rows lie
//     mixture    = maximise(statistics)          until the monitor says stop
//
// It stands here and not in Python, since on a few hundred rows an iteration takes some microseconds, and since
// several loops run side by side only where none of them holds Python's lock.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>

#include "em/acceleration.hpp"
#include "em/monitor.hpp"
#include "em/row_source.hpp"
#include "m_step/m_step.hpp"

namespace mixtura {

// What ends a loop from outside.
struct LoopOptions {
    using Clock = std::chrono::steady_clock;

    Clock::time_point deadline = Clock::time_point::max();
    const std::atomic<bool>* stop = nullptr;
    // Called at iteration `first` and every `every`-th one after it; what it returns ends the loop unless empty.
    std::function<std::string(const OwnedMixture&)> callback;
    std::ptrdiff_t first = 0, every = 1;
};

// A mixture and the sums under it.
struct Point {
    Point(Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features)
        : mixture(structure, n_components, n_features), statistics(structure, n_components, n_features) {}
    explicit Point(OwnedMixture at) : mixture(std::move(at)), statistics(mixture) {}

    OwnedMixture mixture;
    OwnedStatistics statistics;
};

// What a loop works with.
struct Task {
    const RowSource& rows;
    const MStep& m_step;
    Expectation expectation{};
};

// Iterates from the point's mixture on; `point` holds the last mixture and its sums. acceleration: null for plain EM.
void expectation_maximisation(const Task& task, Monitor& monitor, Acceleration* acceleration,
                              const LoopOptions& options, Point& point, Control& control);

}  // namespace mixtura
