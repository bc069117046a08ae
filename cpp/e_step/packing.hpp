// Numbers of a mixture in the precision and the order in which the kernels read them.
#pragma once

#include <cstddef>
#include <vector>

#include "simd/job.hpp"

namespace mixtura {

// Owns what a SplitPoint points to.
template <class Real>
struct SplitArray {
    std::vector<Real> high, low;

    void assign(const double* points, std::size_t size) {
        high.resize(size);
        low.resize(size);
        for (std::size_t i = 0; i < size; ++i) {
            high[i] = static_cast<Real>(points[i]);
            low[i] = static_cast<Real>(points[i] - static_cast<double>(high[i]));
        }
    }
    SplitPoint<Real> view() const { return {high.data(), low.data()}; }
};

// Numbers of a triangular factor in blocks of columns.
inline std::ptrdiff_t blocks_size(std::ptrdiff_t d) {
    std::ptrdiff_t size = 0, columns;
    for (std::ptrdiff_t block = 0; block < d; block += columns) {
        columns = block_columns(d - block);
        size += (block + columns) * columns;
    }
    return size;
}

// The upper triangle of the first p of d rows and columns, by rows.
template <class Real>
void pack_triangle(const double* factor, std::ptrdiff_t d, std::ptrdiff_t p, Real* packed) {
    for (std::ptrdiff_t i = 0; i < p; ++i) {
        for (std::ptrdiff_t j = i; j < p; ++j) *packed++ = static_cast<Real>(factor[i * d + j]);
    }
}

// Blocks of columns, each with the rows that reach into it, zeros below the diagonal.
template <class Real>
void pack_blocks(const double* factor, std::ptrdiff_t d, Real* packed) {
    std::ptrdiff_t columns;
    for (std::ptrdiff_t block = 0; block < d; block += columns) {
        columns = block_columns(d - block);
        for (std::ptrdiff_t i = 0; i < block + columns; ++i) {
            for (std::ptrdiff_t j = block; j < block + columns; ++j)
                *packed++ = i <= j ? static_cast<Real>(factor[i * d + j]) : Real(0);
        }
    }
}

// Numbers of a triangular factor in blocks of rows.
inline std::ptrdiff_t rows_size(std::ptrdiff_t d) {
    std::ptrdiff_t size = 0, rows;
    for (std::ptrdiff_t block = 0; block < d; block += rows) {
        rows = block_columns(d - block);
        size += (d - block) * rows;
    }
    return size;
}

// Blocks of rows, column after column from the diagonal on, zeros below it.
template <class Real>
void pack_rows(const double* factor, std::ptrdiff_t d, Real* packed) {
    std::ptrdiff_t rows;
    for (std::ptrdiff_t block = 0; block < d; block += rows) {
        rows = block_columns(d - block);
        for (std::ptrdiff_t j = block; j < d; ++j) {
            for (std::ptrdiff_t i = block; i < block + rows; ++i)
                *packed++ = i <= j ? static_cast<Real>(factor[i * d + j]) : Real(0);
        }
    }
}

// Of factors of `n_terms` numbers, one a component, blocks of components, term after term.
template <class Real>
void pack_terms(const std::vector<double>& factors, std::ptrdiff_t n_components, std::ptrdiff_t n_terms, Real* packed) {
    std::ptrdiff_t columns;
    for (std::ptrdiff_t k = 0; k < n_components; k += columns) {
        columns = block_columns(n_components - k);
        for (std::ptrdiff_t t = 0; t < n_terms; ++t) {
            for (std::ptrdiff_t i = k; i < k + columns; ++i)
                *packed++ = static_cast<Real>(factors[static_cast<std::size_t>(i * n_terms + t)]);
        }
    }
}

}  // namespace mixtura
