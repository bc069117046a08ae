// How a call is stopped, and how many threads it may use.
#pragma once

#include <chrono>

namespace mixtura {

// `poll` is asked on the calling thread several times a second; true ends the call early and `interrupted` is set.
struct Control {
    int n_threads = 1;
    bool (*poll)(void*) = nullptr;
    void* poll_argument = nullptr;
    bool interrupted = false;
    std::chrono::steady_clock::time_point last_poll = std::chrono::steady_clock::now();
    unsigned n_asked = 0;  // how often since the clock was looked at
};

}  // namespace mixtura
