// Threads that outlive a call: to start one takes 20 to 50 microseconds, and an EM iteration on small data some
// hundreds.
#pragma once

#include <functional>

namespace mixtura {

// Runs work(0) here and, at the same time, work(1) ... work(n_helpers) on threads that wait for that; what of them has
// not begun when work(0) ends is not run at all. Any thread may call, several at once, also in a forked child. `work`
// must not throw. Where helpers are waited for, meanwhile() is called here every 20 milliseconds.
void run_with_helpers(int n_helpers, const std::function<void(int)>& work, const std::function<void()>& meanwhile);

}  // namespace mixtura
