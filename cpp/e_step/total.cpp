// Second moments of a tied mixture from the scatter of all rows, and where that loses no digits.
#include "e_step/total.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "simd/dispatch.hpp"
#include "support/interrupt.hpp"

namespace mixtura {
namespace {

// Mean squared distance from the total mean, per feature and in units of the within-component covariance, up to which
// second moments from the total scatter keep 12 digits (double) or 5 (float).
constexpr double most_of_double = 1e4, most_of_float = 1e2;

// trace(P^T T P), of wide matrices in panels of rows: those of T P that are in the cache.
double whitened_trace(const double* scatter, const double* factor, std::ptrdiff_t d) {
    double whitened = 0;
    if (d >= wide) {
        constexpr std::ptrdiff_t rows = 32;
        std::vector<double> products(static_cast<std::size_t>(rows * d));
        for (std::ptrdiff_t begin = 0; begin < d; begin += rows) {
            const std::ptrdiff_t n = std::min(rows, d - begin);
            check_interrupted();
            active_kernels().matrices.times_upper(scatter + begin * d, factor, d, products.data(), 0, n);
            for (std::ptrdiff_t i = 0; i < n; ++i) {
                const double* of_factor = factor + (begin + i) * d;
                for (std::ptrdiff_t j = begin + i; j < d; ++j)
                    whitened += products[static_cast<std::size_t>(i * d + j)] * of_factor[j];
            }
        }
        return whitened;
    }
    for (std::ptrdiff_t i = 0; i < d; ++i) {
        for (std::ptrdiff_t m = 0; m < d; ++m) {
            double product = 0;  // (P P^T)_im
            for (std::ptrdiff_t j = std::max(i, m); j < d; ++j) product += factor[i * d + j] * factor[m * d + j];
            whitened += scatter[i * d + m] * product;
        }
    }
    return whitened;
}

// About the centres c: f_k - n_k (c_k - m).
void move_firsts(const TotalScatter& total, const Statistics& statistics) {
    const std::ptrdiff_t d = statistics.n_features();
    for (std::ptrdiff_t k = 0; k < statistics.n_components(); ++k) {
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            statistics.firsts[k * d + j] -= statistics.counts[k] * (statistics.centres[k * d + j] - total.mean[j]);
        }
    }
}

// The pooled second moments about the centres, from the total scatter T about the mean m:
//     T - sum_k (f_k e_k^T + e_k f_k^T + n_k e_k e_k^T),  e_k = c_k - m.
void seconds_from_total(const TotalScatter& total, const Statistics& statistics) {
    const std::ptrdiff_t d = statistics.n_features();
    std::copy_n(total.scatter, d * d, statistics.seconds);
    std::vector<double> e(static_cast<std::size_t>(d));
    for (std::ptrdiff_t k = 0; k < statistics.n_components(); ++k) {
        const double* f = statistics.firsts + k * d;
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            e[static_cast<std::size_t>(j)] = statistics.centres[k * d + j] - total.mean[j];
        }
        for (std::ptrdiff_t i = 0; i < d; ++i) {
            if (d >= wide) check_interrupted_sometimes();
            const double e_i = e[static_cast<std::size_t>(i)];
            for (std::ptrdiff_t j = 0; j < d; ++j) {
                const double e_j = e[static_cast<std::size_t>(j)];
                statistics.seconds[i * d + j] -= f[i] * e_j + e_i * f[j] + statistics.counts[k] * e_i * e_j;
            }
        }
    }
}

}  // namespace

bool serves(const TotalScatter& total, const Mixture& mixture, bool is_single) {
    // The responsibilities of the components sum to 1, and moments weigh no more than they.
    if (total.mean == nullptr || mixture.structure != Structure::tied || !mixture.is_gaussian()) return false;
    const double most = is_single ? most_of_float : most_of_double;
    const double whitened = whitened_trace(total.scatter, mixture.precisions_cholesky, mixture.n_features);
    return whitened <= most * total.weight * static_cast<double>(mixture.n_features);
}

Expectation with_usable_total(Expectation asked, const Mixture& mixture, bool is_single) {
    if (!asked.moments || !serves(asked.total, mixture, is_single)) asked.total = {};
    return asked;
}

OverParts::OverParts(const Expectation& asked, const Mixture& mixture, bool is_single)
    : of_all_(with_usable_total(asked, mixture, is_single)), of_a_part_(of_all_) {
    if (of_all_.total.mean == nullptr) return;
    none_.resize(static_cast<std::size_t>(mixture.n_features * mixture.n_features));
    of_a_part_.total = {0, of_all_.total.mean, none_.data()};
}

void OverParts::finish(const Statistics& sum) const {
    if (of_all_.total.mean == nullptr) return;
    for (std::ptrdiff_t i = 0; i < sum.layout.n_seconds(); ++i) sum.seconds[i] += of_all_.total.scatter[i];
}

void take_from_total(const TotalScatter& total, const Statistics& statistics) {
    move_firsts(total, statistics);
    seconds_from_total(total, statistics);
}

}  // namespace mixtura
