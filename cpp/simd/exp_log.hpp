// exp and log on vectors, to about one unit in the last place.
//
// exp(x) = 2^n exp(f), n = round(x / ln 2), |f| <= ln 2 / 2; exp(f) = 1 + f + f^2 p(f), p the Chebyshev
// interpolant (relative error 2e-17 in double, 1e-8 in float). log(m 2^e) = e ln 2 + 2 atanh(t),
// t = (m - 1)/(m + 1), sqrt(1/2) <= m < sqrt(2).
#pragma once

#include "simd/vector.hpp"

namespace mixtura {
namespace {

template <class Real>
struct Format;

template <>
struct Format<double> {
    static constexpr int mantissa_bits = 52;
    static constexpr std::uint64_t bias = 1023;
    static constexpr double round_magic = 6755399441055744.0;     // 1.5 * 2^52: adding it rounds to an integer
    static constexpr double exponent_magic = 4503599627370496.0;  // 2^52
    static constexpr std::uint64_t exponent_magic_bits = 0x4330000000000000u;
    static constexpr std::uint64_t sqrt_half_bits = 0x3fe6a09e667f3bcdu;
    static constexpr double ln2_high = 6.93147180369123816490e-01;  // 33 bits: n * ln2_high is exact
    static constexpr double ln2_low = 1.90821492927058770002e-10;
    static constexpr double smallest_exponent = -708.0;
};

template <>
struct Format<float> {
    static constexpr int mantissa_bits = 23;
    static constexpr std::uint32_t bias = 127;
    static constexpr float round_magic = 12582912.0f;
    static constexpr float exponent_magic = 8388608.0f;
    static constexpr std::uint32_t exponent_magic_bits = 0x4b000000u;
    static constexpr std::uint32_t sqrt_half_bits = 0x3f3504f3u;
    static constexpr float ln2_high = 6.93359375e-01f;
    static constexpr float ln2_low = -2.12194440e-04f;
    static constexpr float smallest_exponent = -87.0f;
};

// Estrin's scheme: short chains of dependent multiply-adds.
inline Vector<double> exp_tail(Vector<double> f) {
    const Vector<double> f2 = f * f;
    const Vector<double> f4 = f2 * f2;
    const Vector<double> a = (0.50000000000000010221 + f * 0.16666666666666667453) +
                             f2 * (0.041666666666624127873 + f * 0.0083333333333300618325);
    const Vector<double> b = (0.0013888888917213716901 + f * 0.00019841269863053616878) +
                             f2 * (0.000024801521295954375131 + f * 2.7557268459997064772e-6);
    const Vector<double> c = 2.7620088445409748161e-7 + f * 2.5100385495510319078e-8;
    return a + f4 * (b + f4 * c);
}

inline Vector<float> exp_tail(Vector<float> f) {
    const Vector<float> f2 = f * f;
    return (0.5f + f * 0.16666576989698775683f) +
           f2 * ((0.041666554617204574203f + f * 0.0083631790527225773704f) + f2 * 0.0013926183587713494542f);
}

inline Vector<double> atanh_tail(Vector<double> u) {
    const Vector<double> u2 = u * u;
    const Vector<double> a = (0.33333333333333333232 + u * 0.20000000000000441618) +
                             u2 * (0.14285714285399892516 + u * 0.11111111196290522549);
    const Vector<double> b = (0.090908977737605681173 + u * 0.076931223688108333029) +
                             u2 * (0.066343191846334119395 + u * 0.065440174254637769151);
    return a + (u2 * u2) * b;
}

inline Vector<float> atanh_tail(Vector<float> u) {
    return 0.33333342547714534373f + u * (0.19994378858302423501f + u * 0.1479049296498721131f);
}

// exp of x <= 0. Exact at 0; 0 below `lowest`, at least the exponent of the smallest normal result; NaN stays NaN.
template <class Real>
inline Vector<Real> exp_nonpositive(Vector<Real> x, Real lowest) {
    using F = Format<Real>;
    const auto vanishes = x < lowest;
    const Vector<Real> shifted = x * Real(1.44269504088896340736) + F::round_magic;
    const Vector<Real> n = shifted - F::round_magic;
    const Vector<Real> f = (x - n * F::ln2_high) - n * F::ln2_low;
    const Vector<Real> mantissa = Real(1) + (f + (f * f) * exp_tail(f));
    // Where x vanishes this is anything. The integer n stands in the low bits of `shifted`; moved into the exponent it
    // multiplies by 2^n.
    const Bits<Real> scaled = (Bits<Real>)mantissa + ((Bits<Real>)shifted << F::mantissa_bits);
    return vanishes ? Vector<Real>{} : (Vector<Real>)scaled;
}

// x = m 2^e of x > 0, not subnormal, with m in [sqrt 1/2, sqrt 2).
template <class Real>
struct Parts {
    Vector<Real> mantissa, exponent;
};

template <class Real>
inline Parts<Real> parts_of(Vector<Real> x) {
    using F = Format<Real>;
    const Bits<Real> one = (Bits<Real>)splat<Real>(1);
    const Bits<Real> moved = (Bits<Real>)x - F::sqrt_half_bits + one;  // so that m falls in its range
    const Bits<Real> exponent = moved >> F::mantissa_bits;
    const Bits<Real> fraction = (moved & (((Bits<Real>{} + 1) << F::mantissa_bits) - 1)) + F::sqrt_half_bits;
    return {(Vector<Real>)fraction,
            (Vector<Real>)(exponent | F::exponent_magic_bits) - (F::exponent_magic + Real(F::bias))};
}

// e ln 2 + 2 atanh(t)
template <class Real>
inline Vector<Real> log_of_parts(Vector<Real> e, Vector<Real> t) {
    using F = Format<Real>;
    const Vector<Real> u = t * t;
    const Vector<Real> log_m = Real(2) * t + (Real(2) * t) * (u * atanh_tail(u));
    return e * F::ln2_high + (log_m + e * F::ln2_low);
}

// log of x >= 0, not subnormal; log 0 = -inf, NaN and inf stay.
template <class Real>
inline Vector<Real> log_positive(Vector<Real> x) {
    const auto [m, e] = parts_of<Real>(x);
    const Vector<Real> value = log_of_parts<Real>(e, (m - Real(1)) / (m + Real(1)));
    const Vector<Real> at_zero = x == Real(0) ? splat<Real>(-__builtin_inf()) : value;
    return (x - x == Real(0)) ? at_zero : x;
}

}  // namespace
}  // namespace mixtura
