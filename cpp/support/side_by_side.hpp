// Results of pieces of work that know nothing of each other, over threads or one after another: the same either way.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "support/parallel.hpp"

namespace mixtura {

// Asked for in ascending order. With threads, a piece that is asked for is computed together with those after it, with
// one thread alone: what is never asked for costs nothing there. So `work` must not read what changes in between.
template <class Result>
class SideBySide {
  public:
    using Work = std::function<Result(std::ptrdiff_t, Control&)>;

    // n_ahead: pieces computed together, at most.
    SideBySide(std::ptrdiff_t n, std::ptrdiff_t n_ahead, Control& control, Work work)
        : n_ahead_(n_ahead), control_(control), work_(std::move(work)), results_(static_cast<std::size_t>(n)) {}

    Result& operator[](std::ptrdiff_t i) {
        if (!results_[static_cast<std::size_t>(i)]) compute(i);
        return *results_[static_cast<std::size_t>(i)];
    }

  private:
    void compute(std::ptrdiff_t first) {
        const std::ptrdiff_t n = std::min(n_ahead_, static_cast<std::ptrdiff_t>(results_.size()) - first);
        const int n_workers = static_cast<int>(std::min<std::ptrdiff_t>(control_.n_threads, n));
        if (n_workers <= 1) {
            results_[static_cast<std::size_t>(first)].emplace(work_(first, control_));
            return;
        }
        StopFlag flag(control_);
        for_each_chunk(n, n_workers, flag, [&](std::ptrdiff_t i, int) {
            Control inner;
            inner.n_threads = control_.n_threads / n_workers;
            inner.poll = [](void* outer) { return static_cast<StopFlag*>(outer)->stopped(asks_a_look); };
            inner.poll_argument = &flag;
            results_[static_cast<std::size_t>(first + i)].emplace(work_(first + i, inner));
        });
        if (control_.interrupted) throw Interrupted{};
    }

    const std::ptrdiff_t n_ahead_;
    Control& control_;
    const Work work_;
    std::vector<std::optional<Result>> results_;
};

}  // namespace mixtura
