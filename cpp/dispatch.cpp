// Chooses the instruction set once, at the first call. MIXTURA_SIMD=baseline|avx2|avx512 forces a level
// (an unknown name or one that this machine lacks is ignored: the best level runs).
#include <cstdlib>
#include <cstring>

#include "dispatch.hpp"

namespace mixtura {
namespace {

bool supported(const KernelSet& kernels) {
#if defined(MIXTURA_X86_LEVELS)
    if (&kernels == &kernels_avx512) {
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("fma");
    }
    if (&kernels == &kernels_avx2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return &kernels == &kernels_baseline;
}

const KernelSet& choose() {
#if defined(MIXTURA_X86_LEVELS)
    const KernelSet* const levels[] = {&kernels_avx512, &kernels_avx2, &kernels_baseline};
#else
    const KernelSet* const levels[] = {&kernels_baseline};
#endif
    const char* forced = std::getenv("MIXTURA_SIMD");
    for (const KernelSet* level : levels) {
        const bool named = forced != nullptr && std::strcmp(forced, level_name(*level)) == 0;
        if (named && supported(*level)) return *level;
    }
    for (const KernelSet* level : levels) {
        if (supported(*level)) return *level;
    }
    return kernels_baseline;
}

}  // namespace

const char* level_name(const KernelSet& kernels) {
    return kernels.name + std::strlen("kernels_");
}

const KernelSet& active_kernels() {
    static const KernelSet& chosen = choose();
    return chosen;
}

const char* simd_level() { return level_name(active_kernels()); }

}  // namespace mixtura
