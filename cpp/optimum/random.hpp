// Random numbers of a search: SplitMix64 (Steele, Lea & Flood 2014). Seeded in no time, the same on every machine.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace mixtura {

class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed) {}

    // Of another descent; that of number 0 is this one.
    Random stream(std::ptrdiff_t number) const {
        return Random(state_ + static_cast<std::uint64_t>(number) * 0xd1342543de82ef95u);
    }

    // In [0, 1).
    double uniform() {
        state_ += 0x9e3779b97f4a7c15u;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53;
    }

    // In 0 .. n - 1.
    std::ptrdiff_t below(std::ptrdiff_t n) {
        return std::min(static_cast<std::ptrdiff_t>(uniform() * static_cast<double>(n)), n - 1);
    }

    std::vector<double> uniforms(std::ptrdiff_t n) {
        std::vector<double> drawn(static_cast<std::size_t>(n));
        for (double& value : drawn) value = uniform();
        return drawn;
    }

  private:
    std::uint64_t state_;
};

}  // namespace mixtura
