// Vectors as wide as the instruction set, by the compiler's vector extensions.
// Internal linkage throughout: the linker must never keep this set's copy for another one.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

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

// AVX-512 and NEON have 32 vector registers, the others 16.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int registers = 32;
#else
constexpr int registers = 16;
#endif

// Register tiles: 32 vector registers hold 4 x 4 accumulators and their operands, 16 hold 2 x 4.
constexpr std::ptrdiff_t row_vectors = registers == 32 ? 4 : 2;

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

// The first n lanes.
template <class Real>
inline void store_first(Real* to, Vector<Real> v, std::ptrdiff_t n) {
    if (n >= lanes<Real>) return store<Real>(to, v);
    for (std::ptrdiff_t i = 0; i < n; ++i) to[i] = v[i];
}

template <int... I>
struct Lanes {};

template <int N, int... I>
struct LanesUpTo : LanesUpTo<N - 1, N - 1, I...> {};

template <int... I>
struct LanesUpTo<0, I...> {
    using type = Lanes<I...>;
};

template <class Real, int... I>
inline Vector<Real> splat_lanes(Real value, Lanes<I...>) {
    return Vector<Real>{((void)I, value)...};
}

// The value in every lane. Written as an initialiser: 0 + value would be an addition, and keeps the compiler from
// reading a broadcast operand from memory.
template <class Real>
inline Vector<Real> splat(Real value) {
    return splat_lanes<Real>(value, typename LanesUpTo<static_cast<int>(lanes<Real>)>::type{});
}

// Of each lane; compilers do not make one instruction of a loop over them. (The plain 512-bit intrinsics draw a false
// warning from GCC 12: with a full mask they are the same instruction.)
template <class Real>
inline Vector<Real> square_root(Vector<Real> v) {
#if defined(__SSE2__)
    if constexpr (sizeof(Real) == sizeof(double)) {
#if defined(__AVX512F__)
        return (Vector<Real>)_mm512_mask_sqrt_pd((__m512d)v, 0xff, (__m512d)v);
#elif defined(__AVX2__)
        return (Vector<Real>)_mm256_sqrt_pd((__m256d)v);
#else
        return (Vector<Real>)_mm_sqrt_pd((__m128d)v);
#endif
    } else {
#if defined(__AVX512F__)
        return (Vector<Real>)_mm512_mask_sqrt_ps((__m512)v, 0xffff, (__m512)v);
#elif defined(__AVX2__)
        return (Vector<Real>)_mm256_sqrt_ps((__m256)v);
#else
        return (Vector<Real>)_mm_sqrt_ps((__m128)v);
#endif
    }
#elif defined(__aarch64__)
    if constexpr (sizeof(Real) == sizeof(double)) {
        return (Vector<Real>)vsqrtq_f64((float64x2_t)v);
    } else {
        return (Vector<Real>)vsqrtq_f32((float32x4_t)v);
    }
#else
    for (std::ptrdiff_t i = 0; i < lanes<Real>; ++i) v[i] = static_cast<Real>(__builtin_sqrt(v[i]));
    return v;
#endif
}

// The larger of each two in one instruction. Where they do not compare, it is b (what a > b ? a : b means), with NEON
// the one that is a number.
template <class Real>
inline Vector<Real> larger(Vector<Real> a, Vector<Real> b) {
#if defined(__SSE2__)
    if constexpr (sizeof(Real) == sizeof(double)) {
#if defined(__AVX512F__)
        return (Vector<Real>)_mm512_mask_max_pd((__m512d)a, 0xff, (__m512d)a, (__m512d)b);
#elif defined(__AVX2__)
        return (Vector<Real>)_mm256_max_pd((__m256d)a, (__m256d)b);
#else
        return (Vector<Real>)_mm_max_pd((__m128d)a, (__m128d)b);
#endif
    } else {
#if defined(__AVX512F__)
        return (Vector<Real>)_mm512_mask_max_ps((__m512)a, 0xffff, (__m512)a, (__m512)b);
#elif defined(__AVX2__)
        return (Vector<Real>)_mm256_max_ps((__m256)a, (__m256)b);
#else
        return (Vector<Real>)_mm_max_ps((__m128)a, (__m128)b);
#endif
    }
#elif defined(__aarch64__)
    if constexpr (sizeof(Real) == sizeof(double)) {
        return (Vector<Real>)vmaxnmq_f64((float64x2_t)a, (float64x2_t)b);
    } else {
        return (Vector<Real>)vmaxnmq_f32((float32x4_t)a, (float32x4_t)b);
    }
#else
    return a > b ? a : b;
#endif
}

// `value` where x is a number, else `otherwise`: x is NaN where a row lacks the feature.
template <class Real>
inline Vector<Real> if_observed(Vector<Real> x, Vector<Real> value, Vector<Real> otherwise) {
    return x == x ? value : otherwise;
}

// x - c for a point split in high and low (job.hpp). Double rows need no low part: it is zero.
template <class Real, class Coordinate>
inline Vector<Real> minus(Vector<Real> x, Coordinate high, [[maybe_unused]] Coordinate low) {
    if constexpr (sizeof(Real) == sizeof(double)) {
        return x - high;
    } else {
        return (x - high) - low;
    }
}

// Lane i of (a, b) in which runs of `run` lanes alternate between a's and b's; `upper` takes each second run.
constexpr int alternating_lane(int i, int run, int n_lanes, bool upper) {
    const bool from_b = (i / run) % 2 == 1;
    const int within = i % run + i / (2 * run) * (2 * run) + (upper ? run : 0);
    return within + (from_b ? n_lanes : 0);
}

template <class V, int... Index>
inline V pick_lanes(V a, V b) {
#if defined(__clang__) || __GNUC__ >= 12
    return __builtin_shufflevector(a, b, Index...);
#else
    typedef decltype(a < b) Mask;
    return __builtin_shuffle(a, b, Mask{Index...});
#endif
}

template <int run, class V, int... I>
inline V add_pairs(V a, V b, Lanes<I...>) {
    constexpr int n = sizeof...(I);
    return pick_lanes<V, alternating_lane(I, run, n, false)...>(a, b) +
           pick_lanes<V, alternating_lane(I, run, n, true)...>(a, b);
}

template <int run, class V, int... I>
inline void exchange_runs(V& a, V& b, Lanes<I...>) {
    constexpr int n = sizeof...(I);
    const V low = pick_lanes<V, alternating_lane(I, run, n, false)...>(a, b);
    b = pick_lanes<V, alternating_lane(I, run, n, true)...>(a, b);
    a = low;
}

#if defined(__aarch64__)
// NEON adds neighbours in one instruction: the same sums in the same order.
template <class Real>
inline Vector<Real> add_neighbours(Vector<Real> a, Vector<Real> b) {
    if constexpr (sizeof(Real) == sizeof(double)) {
        return (Vector<Real>)vpaddq_f64((float64x2_t)a, (float64x2_t)b);
    } else {
        return (Vector<Real>)vpaddq_f32((float32x4_t)a, (float32x4_t)b);
    }
}
#endif

// Lane i of the result is the sum of the lanes of v[i]: as many vectors as lanes, added in a butterfly, at about
// three instructions a vector.
template <class Real, int run = 1>
inline Vector<Real> sum_each(Vector<Real>* v) {
    constexpr int n = static_cast<int>(lanes<Real>);
#if defined(__aarch64__)
    for (int left = n; left > 1; left /= 2) {
        for (int i = 0; i < left / 2; ++i) v[i] = add_neighbours<Real>(v[2 * i], v[2 * i + 1]);
    }
    return v[0];
#else
    if constexpr (run == n) {
        return v[0];
    } else {
        for (std::ptrdiff_t i = 0; i < n / (2 * run); ++i) {
            v[i] = add_pairs<run>(v[2 * i], v[2 * i + 1], typename LanesUpTo<n>::type{});
        }
        return sum_each<Real, 2 * run>(v);
    }
#endif
}

// v[i] becomes what was lane i of every vector.
template <class Real, int run = 1>
inline void transpose(Vector<Real>* v) {
    constexpr int n = static_cast<int>(lanes<Real>);
    if constexpr (run < n) {
        for (int i = 0; i < n; ++i) {
            if (i & run) continue;
            exchange_runs<run>(v[i], v[i + run], typename LanesUpTo<n>::type{});
        }
        transpose<Real, 2 * run>(v);
    }
}

// Of rows of D numbers in vectors v, one after the other, number c of each row, from the vectors up to `last`.
template <int D, int c, int last, class V, int... I>
inline V every_dth(const V* v, Lanes<I...> all) {
    constexpr int n = sizeof...(I);
    if constexpr (last == 0) {
        return v[0];
    } else if constexpr (last == 1) {
        return pick_lanes<V, (I * D + c < 2 * n ? I * D + c : 0)...>(v[0], v[1]);
    } else {
        return pick_lanes<V, (I * D + c < last * n ? I : n + (I * D + c) % n)...>(every_dth<D, c, last - 1>(v, all),
                                                                                  v[last]);
    }
}

template <class Real>
inline Real sum_lanes(Vector<Real> v) {
    Vector<Real> all[lanes<Real>] = {v};
    return sum_each<Real>(all)[0];
}

}  // namespace
}  // namespace mixtura
