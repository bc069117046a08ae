// Rows in chunks over threads: the same bits for any number of threads.
//
// The grid of chunks depends on the number of rows only. Threads take chunks in order; results are
// added in a binary tree whose shape depends on the number of chunks only.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "support/control.hpp"
#include "support/interrupt.hpp"
#include "support/pool.hpp"

namespace mixtura {

struct Grid {
    std::ptrdiff_t n_rows = 0;
    std::ptrdiff_t chunk_rows = 1;

    std::ptrdiff_t n_chunks() const { return n_rows == 0 ? 0 : (n_rows + chunk_rows - 1) / chunk_rows; }
    std::ptrdiff_t begin(std::ptrdiff_t chunk) const { return chunk * chunk_rows; }
    std::ptrdiff_t end(std::ptrdiff_t chunk) const { return std::min(n_rows, (chunk + 1) * chunk_rows); }
};

constexpr std::ptrdiff_t rows_of_a_chunk = 2048;  // at least

// Chunks large enough that adding up their results costs nothing beside computing them,
// and never more than 256 of them.
inline Grid make_grid(std::ptrdiff_t n_rows, std::ptrdiff_t tile_rows, std::ptrdiff_t least_rows = rows_of_a_chunk) {
    const std::ptrdiff_t at_least = std::max(least_rows, (n_rows + 255) / 256);
    return {n_rows, (at_least + tile_rows - 1) / tile_rows * tile_rows};
}

// Below about this many multiply-adds (some 100 microseconds) a second thread costs more than it brings.
constexpr double work_of_a_thread = 1e6;

inline int useful_threads(const Control& control, double work) {
    return static_cast<int>(
        std::clamp(work / work_of_a_thread, 1.0, static_cast<double>(std::max(control.n_threads, 1))));
}

// A look at the clock takes as long as some rows do: one in so many questions. A tile takes far less than a
// millisecond.
constexpr unsigned asks_a_look = 8;

// Seen by every thread; asked between tiles. Only the calling thread polls (Python's signal
// handlers run on the main thread), at most every 20 ms.
class StopFlag {
  public:
    explicit StopFlag(Control& control) : control_(control), caller_(std::this_thread::get_id()) {}

    // n_asks: for how many questions this one counts; asks_a_look after work of a millisecond.
    bool stopped(unsigned n_asks = 1) {
        if (stop_.load(std::memory_order_relaxed)) return true;
        if (control_.poll == nullptr || std::this_thread::get_id() != caller_) return false;
        control_.n_asked += n_asks;
        if (control_.n_asked < asks_a_look) return false;
        control_.n_asked = 0;
        const auto now = std::chrono::steady_clock::now();
        if (now - control_.last_poll < std::chrono::milliseconds(20)) return false;
        control_.last_poll = now;
        if (control_.poll(control_.poll_argument)) {
            control_.interrupted = true;
            stop();
        }
        return stop_.load(std::memory_order_relaxed);
    }

    void stop() { stop_.store(true, std::memory_order_relaxed); }

  private:
    Control& control_;
    std::thread::id caller_;
    std::atomic<bool> stop_{false};
};

// Runs work(chunk, worker) for every chunk; `n_workers` threads at most, the caller among them.
template <class Work>
void for_each_chunk(std::ptrdiff_t n_chunks, int n_workers, StopFlag& flag, const Work& work) {
    std::atomic<std::ptrdiff_t> next{0};
    std::exception_ptr failure;
    std::mutex failure_mutex;
    const auto run = [&](int worker) {
        const WorkingFor call(flag);
        try {
            for (;;) {
                if (flag.stopped()) return;
                const std::ptrdiff_t chunk = next.fetch_add(1);
                if (chunk >= n_chunks) return;
                work(chunk, worker);
            }
        } catch (...) {
            const std::lock_guard<std::mutex> lock(failure_mutex);
            if (!failure) failure = std::current_exception();
            flag.stop();
        }
    };
    const int n_helpers = static_cast<int>(std::min<std::ptrdiff_t>(n_workers, n_chunks)) - 1;
    run_with_helpers(n_helpers, run, [&] { flag.stopped(asks_a_look); });
    if (failure) std::rethrow_exception(failure);
}

// Runs f(k) for every component, over threads where the matrices are large; the smallest k with f(k) false, or -1.
template <class Function>
std::ptrdiff_t first_failure(std::ptrdiff_t n_components, double work_per_component, Control& control,
                             const Function& f) {
    if (work_per_component * static_cast<double>(n_components) < 2e6) {  // a millisecond: neither threads nor questions
        for (std::ptrdiff_t k = 0; k < n_components; ++k) {
            if (!f(k)) return k;
        }
        return -1;
    }
    StopFlag flag(control);
    std::atomic<std::ptrdiff_t> failed{n_components};
    for_each_chunk(n_components, control.n_threads, flag, [&](std::ptrdiff_t k, int) {
        if (f(k)) return;
        std::ptrdiff_t seen = failed.load();
        while (k < seen && !failed.compare_exchange_weak(seen, k)) {}
    });
    return failed < n_components ? failed.load() : -1;
}

// Adds partial results pairwise in a tree of fixed shape. Partial needs `void add(const Partial&)`.
// At most about (threads + log2 chunks) results are alive at once, since chunks are taken in order.
template <class Partial>
class TreeSum {
  public:
    explicit TreeSum(std::ptrdiff_t n_leaves) : n_leaves_(n_leaves) {}

    void add(std::ptrdiff_t leaf, std::unique_ptr<Partial> partial) {
        std::ptrdiff_t index = leaf;
        std::ptrdiff_t width = n_leaves_;  // nodes on this level
        int level = 0;
        while (width > 1) {
            const std::ptrdiff_t sibling = index ^ 1;
            if (sibling < width) {
                std::unique_ptr<Partial> other = take_or_leave(level, index, sibling, partial);
                if (!other) return;
                if (sibling < index) std::swap(partial, other);
                partial->add(*other);
                recycle(std::move(other));
            }
            index /= 2;
            width = (width + 1) / 2;
            ++level;
        }
        root_ = std::move(partial);
    }

    // A result that was added already, to be used again; null when there is none.
    std::unique_ptr<Partial> reuse() {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (spare_.empty()) return nullptr;
        std::unique_ptr<Partial> partial = std::move(spare_.back());
        spare_.pop_back();
        return partial;
    }

    const Partial* root() const { return root_.get(); }

  private:
    // The sibling's result if it is there; otherwise ours stays and waits for the sibling.
    std::unique_ptr<Partial> take_or_leave(int level, std::ptrdiff_t index, std::ptrdiff_t sibling,
                                           std::unique_ptr<Partial>& partial) {
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto found = waiting_.find({level, sibling});
        if (found == waiting_.end()) {
            waiting_.emplace(std::make_pair(level, index), std::move(partial));
            return nullptr;
        }
        std::unique_ptr<Partial> other = std::move(found->second);
        waiting_.erase(found);
        return other;
    }

    void recycle(std::unique_ptr<Partial> partial) {
        const std::lock_guard<std::mutex> lock(mutex_);
        spare_.push_back(std::move(partial));
    }

    std::ptrdiff_t n_leaves_;
    std::mutex mutex_;
    std::map<std::pair<int, std::ptrdiff_t>, std::unique_ptr<Partial>> waiting_;
    std::vector<std::unique_ptr<Partial>> spare_;
    std::unique_ptr<Partial> root_;
};

}  // namespace mixtura
