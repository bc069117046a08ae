// Vectors as wide as the instruction set, by the compiler's vector extensions.
// Internal linkage throughout: the linker must never keep this set's copy for another one.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__AVX512F__)
#define MIXTURA_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define MIXTURA_VECTOR_BYTES 32
#else
#define MIXTURA_VECTOR_BYTES 16
#endif

namespace mixtura {
namespace {

template <class Real>
struct VectorOf;

template <>
struct VectorOf<double> {
    typedef double type __attribute__((vector_size(MIXTURA_VECTOR_BYTES)));
    typedef std::uint64_t bits __attribute__((vector_size(MIXTURA_VECTOR_BYTES)));
};

template <>
struct VectorOf<float> {
    typedef float type __attribute__((vector_size(MIXTURA_VECTOR_BYTES)));
    typedef std::uint32_t bits __attribute__((vector_size(MIXTURA_VECTOR_BYTES)));
};

template <class Real>
using Vector = typename VectorOf<Real>::type;
template <class Real>
using Bits = typename VectorOf<Real>::bits;

template <class Real>
constexpr std::ptrdiff_t lanes = MIXTURA_VECTOR_BYTES / sizeof(Real);

// Register tiles: 32 vector registers hold 4 x 4 accumulators and their operands, 16 hold 2 x 4.
constexpr std::ptrdiff_t row_vectors = MIXTURA_VECTOR_BYTES == 64 ? 4 : 2;

template <class Real>
inline Vector<Real> load(const Real* from) {
    Vector<Real> v;
    __builtin_memcpy(&v, from, sizeof v);
    return v;
}

template <class Real>
inline void store(Real* to, Vector<Real> v) {
    __builtin_memcpy(to, &v, sizeof v);
}

template <class Real>
inline Vector<Real> splat(Real value) {
    return Vector<Real>{} + value;
}

template <class Real>
inline Real sum_lanes(Vector<Real> v) {
    Real parts[lanes<Real>];
    __builtin_memcpy(parts, &v, sizeof v);
    for (std::ptrdiff_t half = lanes<Real> / 2; half > 0; half /= 2) {
        for (std::ptrdiff_t i = 0; i < half; ++i) parts[i] += parts[i + half];
    }
    return parts[0];
}

}  // namespace
}  // namespace mixtura
