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

#include "em/acceleration.hpp"
#include "em/monitor.hpp"
#include "em/row_source.hpp"
#include "model/core.hpp"

namespace mixtura {

// What a loop listens to from outside.
struct Outside {
    using Clock = std::chrono::steady_clock;

    Clock::time_point deadline = Clock::time_point::max();
    const std::atomic<bool>* stop = nullptr;
    // Asked at iteration `first` and every `every`-th one after it; what it returns ends the loop unless empty.
    std::function<std::string(const OwnedMixture&)> hear;
    std::ptrdiff_t first = 0, every = 1;
};

// Iterates from `mixture` on; it and `statistics` hold the last mixture and its sums.
// reg_covar (d) is added to the diagonal of every covariance.
void expectation_maximisation(Model model, const RowSource& rows, const double* reg_covar, Monitor& monitor,
                              Acceleration* acceleration, const Outside& outside, OwnedMixture& mixture,
                              OwnedStatistics& statistics, Control& control);

}  // namespace mixtura
