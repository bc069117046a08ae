// A pool for the process. It is never destroyed: at exit its threads wait, touching nothing, until the process is gone.
#include "support/pool.hpp"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

namespace mixtura {
namespace {

// Before a thread sleeps, from which it takes some 50 microseconds to wake, it looks this often for something to do:
// some 20 microseconds, longer than the M-step of a small problem.
constexpr int looks_before_sleep = 1000;

inline void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

// True once holds() is, false after some time.
template <class Condition>
bool soon(const Condition& holds) {
    for (int i = 0; i < looks_before_sleep; ++i) {
        if (holds()) return true;
        pause();
    }
    return false;
}

struct Task {
    const std::function<void(int)>& work;
    int n_helpers;    // asked for
    int n_begun = 0;  // under the pool's mutex, as n_helpers
    std::atomic<int> n_at_work{0};
};

class Pool {
  public:
    void run(int n_helpers, const std::function<void(int)>& work, const std::function<void()>& meanwhile) {
        Task task{work, n_helpers};
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            tasks_.push_back(&task);
            n_wanted_ += n_helpers;
            start_threads();
        }
        wake_.notify_all();
        work(0);
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            if (task.n_begun < n_helpers) {
                n_wanted_ -= n_helpers - task.n_begun;
                tasks_.erase(std::find(tasks_.begin(), tasks_.end(), &task));
            }
        }
        const auto done = [&] { return task.n_at_work.load() == 0; };
        if (soon(done)) return;
        std::unique_lock<std::mutex> lock(mutex_);
        while (!ended_.wait_for(lock, std::chrono::milliseconds(20), done)) {
            lock.unlock();
            meanwhile();
            lock.lock();
        }
    }

  private:
    // As many as are wanted by all callers together.
    void start_threads() {
        try {
            for (; n_idle_ < n_wanted_; ++n_idle_) std::thread([this] { help(); }).detach();
        } catch (const std::system_error&) {
            // No more threads to be had here: those that there are, and the callers, do the work.
        }
    }

    [[noreturn]] void help() {
        for (;;) {
            soon([&] { return n_wanted_.load() > 0; });
            std::unique_lock<std::mutex> lock(mutex_);
            wake_.wait(lock, [&] { return !tasks_.empty(); });
            Task& task = *tasks_.front();
            const int worker = ++task.n_begun;
            if (worker == task.n_helpers) tasks_.pop_front();
            ++task.n_at_work;
            --n_wanted_;
            --n_idle_;
            lock.unlock();
            task.work(worker);
            lock.lock();
            ++n_idle_;
            // The last thing seen of the task: its caller may be gone right after.
            if (--task.n_at_work == 0) ended_.notify_all();
        }
    }

    std::mutex mutex_;
    std::condition_variable wake_, ended_;
    std::deque<Task*> tasks_;       // that want more helpers
    std::atomic<int> n_wanted_{0};  // by all of them; changed under the mutex
    int n_idle_ = 0;
};

std::atomic<Pool*> pool{nullptr};

// A forked child has none of its parent's threads, and the parent's mutex as it happened to be. Said when the library
// is loaded: a child that is forked while another thread says so at its first use would wait for that thread.
[[maybe_unused]] const int registered = pthread_atfork(nullptr, nullptr, [] { pool = nullptr; });

Pool& shared_pool() {
    Pool* found = pool;
    if (found != nullptr) return *found;
    auto* const made = new Pool;
    if (pool.compare_exchange_strong(found, made)) return *made;
    delete made;
    return *found;
}

}  // namespace

void run_with_helpers(int n_helpers, const std::function<void(int)>& work, const std::function<void()>& meanwhile) {
    if (n_helpers <= 0) return work(0);
    shared_pool().run(n_helpers, work, meanwhile);
}

}  // namespace mixtura
