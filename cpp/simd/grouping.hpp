// Many components far from each other: rows beside rows of the same component, and distances only to the components
// that can matter to them.
//
// A block of rows is sorted by the component that each row seems nearest to. How that is guessed changes no result but
// the order of the rows, and that depends on the rows and the mixture alone; the order within a guess stays.
//
// The bound. Let r = |P_i^T (x - mu_i)| be a row's distance from the component i guessed, and m = mu_i - mu_k. With the
// unit vector u = P_k^T m / D, D = |P_k^T m|, Cauchy and Schwarz give twice
//     |P_k^T (x - mu_k)|  >=  u^T P_k^T (x - mu_k)  =  D + (P_k u)^T (x - mu_i)  >=  D - s r,   s = |P_i^{-1} P_k u|.
// With log joint densities a_k = c_k - |P_k^T (x - mu_k)|^2 / 2, the row's maximum is at least a_i, so the term of k is
// negligible (skipping.hpp) where (D - s r)^2 > r^2 + q, q = 2 (c_k - c_i + T). The left side falls with r and the
// right one grows, so it is where r is below the `reach` of i to k, the root of
//     (s^2 - 1) r^2 - 2 D s r + D^2 - q = 0,   r = (D^2 - q) / (D s + sqrt(D^2 + q (s^2 - 1))).
// T is taken larger by 1, D smaller and r larger by a thousandth, and D by what rounding can do where P_k^T m cancels:
// far more than rounding does elsewhere. Reaches cost K^2 d^2 once a call.
#pragma once

#include "simd/job.hpp"
#include "simd/skipping.hpp"
#include "simd/vector.hpp"

namespace mixtura {
namespace {

// v = P_i^{-1} w for a vector of components i, by back substitution. factors: the upper triangles by rows with the
// inverse diagonal, each number for all components.
inline void solve_upper(const double* factors, std::ptrdiff_t d, std::ptrdiff_t stride, const Vector<double>* w,
                        Vector<double>* v) {
    for (std::ptrdiff_t j = d - 1; j >= 0; --j) {
        const double* row = factors + (j * d - j * (j - 1) / 2) * stride;  // p_jj, p_j,j+1 ...
        Vector<double> rest = w[j];
        for (std::ptrdiff_t m = j + 1; m < d; ++m) rest -= load<double>(row + (m - j) * stride) * v[m];
        v[j] = rest * load<double>(row);
    }
}

// From the components i ... i + lanes - 1 to component k.
inline Vector<double> reaches_to(const ReachJob& job, std::ptrdiff_t k, std::ptrdiff_t i) {
    const std::ptrdiff_t d = job.n_features;
    const double* factor = job.factors + k * d * d;
    auto* const m = reinterpret_cast<Vector<double>*>(job.scratch);
    Vector<double>*const y = m + d, *const w = y + d;
    Vector<double> length = {}, D2 = {}, s2 = {};
    for (std::ptrdiff_t j = 0; j < d; ++j) {
        m[j] = load<double>(job.means_by_feature + j * job.stride + i) - job.means[k * d + j];
        length += m[j] * m[j];
        Vector<double> sum = {};
        for (std::ptrdiff_t b = 0; b <= j; ++b) sum += splat(factor[b * d + j]) * m[b];
        y[j] = sum;
        D2 += sum * sum;
    }
    double norm2 = 0;
    for (std::ptrdiff_t a = 0; a < d; ++a) {
        Vector<double> sum = {};
        for (std::ptrdiff_t j = a; j < d; ++j) {
            sum += splat(factor[a * d + j]) * y[j];
            norm2 += factor[a * d + j] * factor[a * d + j];
        }
        w[a] = sum;
    }
    solve_upper(job.factors_by_entry + i, d, job.stride, w, m);
    for (std::ptrdiff_t j = 0; j < d; ++j) s2 += m[j] * m[j];
    Vector<double> reach;
    for (std::ptrdiff_t lane = 0; lane < lanes<double>; ++lane) {
        const double distance = __builtin_sqrt(D2[lane]);
        const double cancelled = 4 * static_cast<double>(d) * job.epsilon * __builtin_sqrt(norm2 * length[lane]);
        const double D = 0.999 * distance - cancelled;
        const double bare_q = 2 * (job.coefficients[k] - job.coefficients[i + lane] + job.negligible + 1);
        const double q = bare_q > 0 ? bare_q : 0;
        const double s = __builtin_sqrt(s2[lane]) / distance;
        const bool separated = D > 0 && D * D > q;
        reach[lane] = separated ? (D * D - q) / (D * s + __builtin_sqrt(D * D + q * (s * s - 1))) : -1;
    }
    return reach;
}

void find_reaches(const ReachJob& job) {
    for (std::ptrdiff_t k = job.begin; k < job.end; ++k) {
        for (std::ptrdiff_t i = 0; i < job.stride; i += lanes<double>) {
            const Vector<double> reach = reaches_to(job, k, i);
            for (std::ptrdiff_t lane = 0; lane < lanes<double>; ++lane) {
                if (i + lane < job.n_components)
                    job.reaches[(i + lane) * job.stride + k] = static_cast<float>(reach[lane]);
            }
        }
    }
}

// For each row the component with the highest of the linear scores.
inline void guess_components(const float* rows, const float* scores, std::ptrdiff_t n_components, std::ptrdiff_t d,
                             std::ptrdiff_t stride, std::ptrdiff_t n_rows, float* guesses) {
    constexpr std::ptrdiff_t n = 4;
    for (std::ptrdiff_t r = 0; r < n_rows; r += n * lanes<float>) {
        Vector<float> highest[n], best[n] = {};
        for (std::ptrdiff_t v = 0; v < n; ++v) highest[v] = splat<float>(-__builtin_inff());
        const float* of = scores;
        for (std::ptrdiff_t k = 0; k < n_components; ++k, of += d + 1) {
            const Vector<float> number = splat<float>(static_cast<float>(k));
            Vector<float> score[n];
            for (std::ptrdiff_t v = 0; v < n; ++v) score[v] = splat(of[d]);
            for (std::ptrdiff_t j = 0; j < d; ++j) {
                const Vector<float> b = splat(of[j]);
                for (std::ptrdiff_t v = 0; v < n; ++v)
                    score[v] += b * load<float>(rows + j * stride + r + v * lanes<float>);
            }
            for (std::ptrdiff_t v = 0; v < n; ++v) {
                const auto is_higher = score[v] > highest[v];
                highest[v] = is_higher ? score[v] : highest[v];
                best[v] = is_higher ? number : best[v];
            }
        }
        for (std::ptrdiff_t v = 0; v < n; ++v) store<float>(guesses + r + v * lanes<float>, best[v]);
    }
}

// Sets a bit for each component whose reach is not above `radius`.
inline void add_near(const float* reaches, std::ptrdiff_t n_components, float radius, std::uint64_t* near) {
    for (std::ptrdiff_t k = 0; k < n_components; k += lanes<float>) {
        const std::uint64_t bits = lane_bits<float>(!(load<float>(reaches + k) > splat(radius)));
        near[k / 64] |= bits << (k % 64);
    }
}

// Where the sorted rows of a block go: `starts` are n_components + 1 numbers.
inline void place_rows(const std::int32_t* guesses, std::ptrdiff_t n_rows, std::ptrdiff_t n_components,
                       std::int32_t* starts, std::int32_t* places) {
    for (std::ptrdiff_t k = 0; k <= n_components; ++k) starts[k] = 0;
    for (std::ptrdiff_t r = 0; r < n_rows; ++r) ++starts[guesses[r] + 1];
    for (std::ptrdiff_t k = 0; k < n_components; ++k) starts[k + 1] += starts[k];
    for (std::ptrdiff_t r = 0; r < n_rows; ++r) places[r] = starts[guesses[r]]++;
}

}  // namespace
}  // namespace mixtura
