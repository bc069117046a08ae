// Chooses the instruction set once, at the first call. MIXTURA_SIMD=baseline|avx2|avx512 forces a level
// (under an unknown name, or one that this machine lacks, the best level runs; Python warns of it).
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <string>
#include <vector>

#if defined(MIXTURA_X86_LEVELS)
#include <cpuid.h>
#endif

#include "simd/dispatch.hpp"

namespace mixtura {
namespace {

#if defined(MIXTURA_X86_LEVELS)
// What CPUID and XGETBV tell (Intel's Software Developer's Manual, volume 1, 14.3 and 15.2). The compiler's
// __builtin_cpu_supports reads a table that its runtime library fills in; that of zig, which builds wheels, does not.
struct X86 {
    bool fma = false, avx2 = false, avx512 = false;

    X86() {
        unsigned eax, ebx, ecx, edx;
        if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !has_bits(ecx, {27})) return;  // OSXSAVE: XGETBV is there
        const bool has_fma = has_bits(ecx, {12});
        const unsigned saved = saved_registers();
        if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return;
        const bool saves_ymm = (saved & 0x06) == 0x06, saves_zmm = (saved & 0xe6) == 0xe6;
        fma = has_fma && saves_ymm;
        avx2 = saves_ymm && has_bits(ebx, {5});
        avx512 = saves_zmm && has_bits(ebx, {16, 17, 30, 31});  // F, DQ, BW, VL
    }

    static bool has_bits(unsigned word, std::initializer_list<int> bits) {
        return std::all_of(bits.begin(), bits.end(), [&](int bit) { return (word >> bit & 1) != 0; });
    }

    // Which registers the operating system saves for each thread: the low word of XCR0.
    static unsigned saved_registers() {
        unsigned low, high;
        __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
        return low;
    }
};
#endif

bool supported(const KernelSet& kernels) {
#if defined(MIXTURA_X86_LEVELS)
    static const X86 machine;
    if (&kernels == &kernels_avx512) return machine.avx512 && machine.fma;
    if (&kernels == &kernels_avx2) return machine.avx2 && machine.fma;
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
