// Chooses the instruction set once, at the first call. MIXTURA_SIMD=baseline|avx2|avx512 forces a level
// (under an unknown name, or one that this machine lacks, the best level runs; Python warns of it).
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "simd/dispatch.hpp"

namespace mixtura {
namespace {

bool supported(const KernelSet& kernels) {
#if defined(MIXTURA_X86_LEVELS)
    if (&kernels == &kernels_avx512) {
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("fma");
    }
    if (&kernels == &kernels_avx2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return &kernels == &kernels_baseline;
}

// Those that this machine has, the best first.
std::vector<const KernelSet*> available() {
#if defined(MIXTURA_X86_LEVELS)
    std::vector<const KernelSet*> levels{&kernels_avx512, &kernels_avx2, &kernels_baseline};
#else
    std::vector<const KernelSet*> levels{&kernels_baseline};
#endif
    const auto lacking = [](const KernelSet* level) { return !supported(*level); };
    levels.erase(std::remove_if(levels.begin(), levels.end(), lacking), levels.end());
    return levels;
}

const KernelSet& choose() {
    const std::vector<const KernelSet*> levels = available();
    const char* forced = std::getenv("MIXTURA_SIMD");
    for (const KernelSet* level : levels) {
        if (forced != nullptr && std::strcmp(forced, level_name(*level)) == 0) return *level;
    }
    return *levels.front();
}

}  // namespace

const char* level_name(const KernelSet& kernels) { return kernels.name + std::strlen("kernels_"); }

const KernelSet& active_kernels() {
    static const KernelSet& chosen = choose();
    return chosen;
}

const char* simd_level() { return level_name(active_kernels()); }

std::vector<std::string> simd_levels() {
    std::vector<std::string> names;
    for (const KernelSet* level : available()) names.emplace_back(level_name(*level));
    return names;
}

}  // namespace mixtura
