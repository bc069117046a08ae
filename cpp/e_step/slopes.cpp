// Factors by rows, and tiles of which the whitened distances stay in a cache.
#include "e_step/slopes.hpp"

#include <algorithm>

#include "e_step/packing.hpp"
#include "model/structure.hpp"
#include "simd/dispatch.hpp"

namespace mixtura {
namespace {

// Of a tile's whitened distances: what stays near, and beyond what they are rather found twice.
constexpr std::ptrdiff_t near_bytes = 384 * 1024, most_bytes = 4096 * 1024;

}  // namespace

template <class Real>
void PackedSlopes<Real>::prepare(const Mixture& mixture, bool hessians, Job<Real>& job) {
    const std::ptrdiff_t d = mixture.n_features, k = mixture.n_components;
    job.slopes.are_asked = true;
    job.slopes.hessians = hessians;
    const bool is_matrix = has_matrices(mixture.structure), is_small = packs_triangle(mixture.structure, d);
    if (is_matrix && (hessians || !is_small)) pack_factors(mixture, job);
    if (is_matrix && hessians) pack_precisions(mixture, job);
    const std::ptrdiff_t of_row = k * d * static_cast<std::ptrdiff_t>(sizeof(Real));
    job.slopes.keeps_all = hessians || (is_matrix && (is_small || 64 * of_row <= most_bytes));
    if (!job.slopes.keeps_all) return;
    const std::ptrdiff_t fitting = std::max<std::ptrdiff_t>(near_bytes / of_row / 64 * 64, 64);
    job.tile_stride -= job.tile_rows;
    job.tile_rows = std::min(job.tile_rows, fitting);
    job.tile_stride += job.tile_rows;
}

template <class Real>
void PackedSlopes<Real>::pack_factors(const Mixture& mixture, Job<Real>& job) {
    const std::ptrdiff_t d = mixture.n_features, size = rows_size(d);
    const std::ptrdiff_t n = n_covariances(mixture.structure, mixture.n_components);
    factors_.resize(static_cast<std::size_t>(size * n));
    for (std::ptrdiff_t k = 0; k < n; ++k)
        pack_rows(mixture.precisions_cholesky + k * d * d, d, factors_.data() + k * size);
    job.slopes.factors = factors_.data();
    job.slopes.stride = is_shared(mixture.structure) ? 0 : size;
}

template <class Real>
void PackedSlopes<Real>::pack_precisions(const Mixture& mixture, Job<Real>& job) {
    const std::ptrdiff_t d = mixture.n_features, size = blocks_size(d);
    const std::ptrdiff_t n = n_covariances(mixture.structure, mixture.n_components);
    const auto square = static_cast<std::size_t>(d * d);
    precisions_.resize(static_cast<std::size_t>(size * n));
    std::vector<double> turned(square), precision(square);
    for (std::ptrdiff_t k = 0; k < n; ++k) {
        const double* factor = mixture.precisions_cholesky + k * d * d;
        for (std::ptrdiff_t i = 0; i < d; ++i) {
            for (std::ptrdiff_t j = 0; j < d; ++j) turned[static_cast<std::size_t>(j * d + i)] = factor[i * d + j];
        }
        std::fill(precision.begin(), precision.end(), 0.0);
        active_kernels().matrices.add_gram(turned.data(), turned.data(), d, d, precision.data());
        pack_blocks(precision.data(), d, precisions_.data() + k * size);
    }
    job.slopes.precisions = precisions_.data();
    job.slopes.stride_of_precisions = is_shared(mixture.structure) ? 0 : size;
}

template class PackedSlopes<double>;
template class PackedSlopes<float>;

}  // namespace mixtura
