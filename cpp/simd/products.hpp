// Log densities and moments as products of matrices, where components lie close together.
//
// With m = mu - o about a common point o, z = x - o and one precision p^2 for all features,
//
//     -p^2 |x - mu|^2 / 2 = p^2 m . z - p^2 |z|^2 / 2 - p^2 |m|^2 / 2:
//
// one multiply-add a component and feature, factors times terms z_1 ... z_d and |z|^2. A tied structure has it with
// whitened rows and p = 1. The moments about o, sum r z and sum r |z|^2, are products too; they are moved to the
// centres in double, at the end.
//
// What is lost: about p^2 |m|^2 last bits, beside the p^2 |x - mu|^2 ~ d that the difference itself loses.
// e_step/products.cpp allows 4 d, so that it is a factor of a few.
#pragma once

#include "simd/distances.hpp"
#include "simd/job.hpp"
#include "simd/lane_sums.hpp"
#include "simd/unrolled.hpp"
#include "simd/vector.hpp"

namespace mixtura {
namespace {

// |z|^2 after the last feature.
template <class Real>
void append_square(Real* terms, std::ptrdiff_t n_features, std::ptrdiff_t stride, std::ptrdiff_t n_active) {
    for (std::ptrdiff_t r = 0; r < n_active; r += row_vectors * lanes<Real>) {
        Vector<Real> total[row_vectors] = {};
        for (std::ptrdiff_t j = 0; j < n_features; ++j) {
            for (std::ptrdiff_t v = 0; v < row_vectors; ++v) {
                const Vector<Real> z = load<Real>(terms + j * stride + r + v * lanes<Real>);
                total[v] += z * z;
            }
        }
        for (std::ptrdiff_t v = 0; v < row_vectors; ++v)
            store<Real>(terms + n_features * stride + r + v * lanes<Real>, total[v]);
    }
}

// Log joint densities of a block of components.
template <class Real>
struct JointBlock {
    const Real *terms, *factors, *coefficients;
    std::ptrdiff_t n_terms, stride, n_active;
    Real* joint;

    template <int components>
    void call() const {
        for (std::ptrdiff_t r = 0; r < n_active; r += row_vectors * lanes<Real>) {
            Vector<Real> y[components][row_vectors];
#pragma GCC unroll 5
            for (int k = 0; k < components; ++k) {
                for (std::ptrdiff_t v = 0; v < row_vectors; ++v) y[k][v] = splat<Real>(coefficients[k]);
            }
            multiply_block<Real, components>(terms + r, stride, n_terms, factors, y);
#pragma GCC unroll 5
            for (int k = 0; k < components; ++k) {
                for (std::ptrdiff_t v = 0; v < row_vectors; ++v)
                    store<Real>(joint + k * stride + r + v * lanes<Real>, y[k][v]);
            }
        }
    }
};

// Components and terms of a tile of sums: these, a vector of each term and one of responsibilities in registers.
constexpr std::ptrdiff_t most_product_rows = registers == 32 ? 5 : 3;

// Blocks of nearly the same size.
inline std::ptrdiff_t product_rows(std::ptrdiff_t left) {
    const std::ptrdiff_t n_blocks = (left + most_product_rows - 1) / most_product_rows;
    return (left + n_blocks - 1) / n_blocks;
}

// sums[k * n_terms + j] = sum r_k z_j of one tile of sums.
template <class Real>
struct ProductBlock {
    const Real *responsibilities, *terms;
    std::ptrdiff_t stride, n_active;
    Real* sums;

    template <int components, int n_terms>
    void call() const {
        if constexpr (components <= most_product_rows && n_terms <= most_product_rows) {
            Vector<Real> total[components * n_terms] = {};
            for (std::ptrdiff_t r = 0; r < n_active; r += lanes<Real>) {
                Vector<Real> z[n_terms];
#pragma GCC unroll 5
                for (int j = 0; j < n_terms; ++j) z[j] = load<Real>(terms + j * stride + r);
#pragma GCC unroll 5
                for (int k = 0; k < components; ++k) {
                    const Vector<Real> weight = load<Real>(responsibilities + k * stride + r);
#pragma GCC unroll 5
                    for (int j = 0; j < n_terms; ++j) total[k * n_terms + j] += weight * z[j];
                }
            }
            sum_all<Real, components * n_terms>(total, sums);
        }
    }
};

// f.template call<components, n_terms>() for both sizes.
template <int components, class Function>
struct WithComponents {
    const Function& f;

    template <int n_terms>
    void call() const {
        f.template call<components, n_terms>();
    }
};

template <class Function>
struct WithTerms {
    const Function& f;
    std::ptrdiff_t n_terms;

    template <int components>
    void call() const {
        with_columns(n_terms, WithComponents<components, Function>{f});
    }
};

// sum r z of every component and term: the first d into `firsts` (K x d), the one behind them, if any, into `seconds`
// (K).
template <class Real>
void product_moments(const Real* responsibilities, const Real* terms, std::ptrdiff_t n_components,
                     std::ptrdiff_t n_features, std::ptrdiff_t n_terms, std::ptrdiff_t stride, std::ptrdiff_t n_active,
                     double* firsts, double* seconds) {
    std::ptrdiff_t n_rows, n_columns;
    for (std::ptrdiff_t k = 0; k < n_components; k += n_rows) {
        n_rows = product_rows(n_components - k);
        for (std::ptrdiff_t j = 0; j < n_terms; j += n_columns) {
            n_columns = product_rows(n_terms - j);
            Real sums[room<Real>(most_product_rows * most_product_rows)];
            const ProductBlock<Real> block{responsibilities + k * stride, terms + j * stride, stride, n_active, sums};
            with_columns(n_rows, WithTerms<ProductBlock<Real>>{block, n_columns});
            const Real* sum = sums;
            for (std::ptrdiff_t a = k; a < k + n_rows; ++a) {
                for (std::ptrdiff_t b = j; b < j + n_columns; ++b) {
                    (b < n_features ? firsts[a * n_features + b] : seconds[a]) += *sum++;
                }
            }
        }
    }
}

}  // namespace
}  // namespace mixtura
