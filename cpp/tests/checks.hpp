// What the core's tests share: a property that does not hold ends them, and says where.
#pragma once

#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include "e_step/expect.hpp"

inline std::atomic<int> n_checks{0};

inline void check_that(bool holds, const char* what, const char* where) {
    ++n_checks;
    if (holds) return;
    std::printf("FAILED %s: %s\n", where, what);
    std::exit(1);
}
#define CHECK(condition, where) check_that((condition), #condition, (where))

inline bool close(double a, double b, double rtol, double atol) { return std::abs(a - b) <= atol + rtol * std::abs(b); }

// The end of a test program.
inline int report() {
    std::printf("%d checks, instruction set %s\n", n_checks.load(), mixtura::simd_level());
    return 0;
}
