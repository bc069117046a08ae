// Many components with full covariances: complete distances only where a bound does not already prove that the term
// is negligible (skipping.hpp).
//
// The bound. Of y = P^T (x - mu), P upper triangular, the first p numbers need only the first p features, and
// |y|^2 >= y_1^2 + ... + y_p^2: the bound is what the kernel for p features makes of the first p, at p (p + 1) / 2
// multiply-adds of d (d + 1) / 2. Rounding does not break it: the kernels take the first p numbers and their running
// sum by the same operations in the same order, so the complete distance passes through the bound's sum; to add a
// square never lowers a rounded sum, since rounding is monotone; nor do the product with -1/2 and the sum with the
// coefficient change the order. So bound >= log joint density, as computed.
//
// The threshold. With a the complete density of the component with the highest bound, the row's maximum m >= a; a term
// whose bound is below a - T has a density below m - T. Those that remain are computed completely, for some rows of a
// tile only: these are put side by side and go through the same kernel, in which a row's result does not depend on its
// lane. So what is not left out has the same bits as without bounds.
#pragma once

#include "simd/job.hpp"
#include "simd/skipping.hpp"
#include "simd/vector.hpp"

namespace mixtura {
namespace {

// For each row the component with the highest bound.
template <class Real>
void find_likeliest(const Real* bounds, std::ptrdiff_t n_components, std::ptrdiff_t stride, std::ptrdiff_t n_active,
                    Real* likeliest) {
    constexpr std::ptrdiff_t n = row_vectors;
    for (std::ptrdiff_t r = 0; r < n_active; r += n * lanes<Real>) {
        Vector<Real> highest[n], best[n] = {};
        for (std::ptrdiff_t v = 0; v < n; ++v) highest[v] = splat<Real>(-__builtin_inf());
        for (std::ptrdiff_t k = 0; k < n_components; ++k) {
            const Vector<Real> number = splat<Real>(static_cast<Real>(k));
            for (std::ptrdiff_t v = 0; v < n; ++v) {
                const Vector<Real> bound = load<Real>(bounds + k * stride + r + v * lanes<Real>);
                const auto is_higher = bound > highest[v];
                highest[v] = is_higher ? bound : highest[v];
                best[v] = is_higher ? number : best[v];
            }
        }
        for (std::ptrdiff_t v = 0; v < n; ++v) store<Real>(likeliest + r + v * lanes<Real>, best[v]);
    }
}

// The set bits of each byte, lowest first, one a byte.
struct BitPositions {
    std::uint64_t of[256] = {};
    constexpr BitPositions() {
        for (int byte = 0; byte < 256; ++byte) {
            int n = 0;
            for (int bit = 0; bit < 8; ++bit) {
                if (byte >> bit & 1) of[byte] |= std::uint64_t(bit) << (8 * n++);
            }
        }
    }
};

constexpr BitPositions bit_positions;

// Lists the rows whose bound is not below their threshold, without a branch a row. Writes up to 8 bytes beyond the last
// one.
template <class Real>
std::ptrdiff_t list_candidates(const Real* bounds, const Real* thresholds, std::ptrdiff_t n_active,
                               std::uint8_t* list) {
    constexpr std::ptrdiff_t bytes = (lanes<Real> + 7) / 8;
    std::ptrdiff_t n = 0;
    for (std::ptrdiff_t r = 0; r < n_active; r += lanes<Real>) {
        const std::uint32_t bits = lane_bits<Real>(!(load<Real>(bounds + r) < load<Real>(thresholds + r)));
        for (std::ptrdiff_t b = 0; b < bytes; ++b) {
            const std::uint32_t byte = bits >> (8 * b) & 255;
            const std::uint64_t first = static_cast<std::uint64_t>(r + 8 * b) * 0x0101010101010101u;
            const std::uint64_t named = bit_positions.of[byte] + first;
            __builtin_memcpy(list + n, &named, 8);
            n += __builtin_popcount(byte);
        }
    }
    return n;
}

// The listed rows, side by side, from panels; rows beyond the last one repeat it.
template <class Real>
void gather_rows(const Real* panels, const std::uint8_t* list, std::ptrdiff_t n_listed, std::ptrdiff_t n_rows,
                 std::ptrdiff_t n_features, std::ptrdiff_t stride, Real* gathered) {
    constexpr std::ptrdiff_t n = lanes<Real>;
    for (std::ptrdiff_t first = 0; first < n_listed; first += n) {
        std::ptrdiff_t at[n];
        for (std::ptrdiff_t i = 0; i < n; ++i) at[i] = (list[first + i] < n_rows ? list[first + i] : n_rows - 1) * n;
        for (std::ptrdiff_t j = 0; j < n_features; j += n) {
            Vector<Real> v[n];
            for (std::ptrdiff_t i = 0; i < n; ++i) v[i] = load<Real>(panels + j * stride + at[i]);
            transpose<Real>(v);
            for (std::ptrdiff_t i = 0; i < n; ++i) store<Real>(gathered + (j + i) * stride + first, v[i]);
        }
    }
}

// Rows 0 ... by their likeliest component: head[k] is the first one's number + 1, next[r] the next one's; 0 ends.
template <class Real>
void chain_rows(const Real* likeliest, std::ptrdiff_t n_active, std::ptrdiff_t n_components, std::int32_t* heads,
                std::int32_t* next) {
    for (std::ptrdiff_t k = 0; k < n_components; ++k) heads[k] = 0;
    for (std::ptrdiff_t r = n_active - 1; r >= 0; --r) {
        std::int32_t& head = heads[static_cast<std::ptrdiff_t>(likeliest[r])];
        next[r] = head;
        head = static_cast<std::int32_t>(r + 1);
    }
}

}  // namespace
}  // namespace mixtura
