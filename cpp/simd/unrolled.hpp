// Calls with a size known at compile time, so that loops over it unroll and stay in registers.
#pragma once

#include "simd/job.hpp"

namespace mixtura {
namespace {

// f.template call<D>() for D = d, 1 to most_unrolled_features.
template <int D, class Function>
void with_features(std::ptrdiff_t d, const Function& f) {
    if (d == D) {
        f.template call<D>();
    } else if constexpr (D < most_unrolled_features) {
        with_features<D + 1>(d, f);
    }
}

// f.template call<columns>() for the width of a block.
template <class Function>
inline void with_columns(std::ptrdiff_t columns, const Function& f) {
    switch (columns) {
        case 1: return f.template call<1>();
        case 2: return f.template call<2>();
        case 3: return f.template call<3>();
        case 4: return f.template call<4>();
        default: return f.template call<5>();
    }
}

}  // namespace
}  // namespace mixtura
