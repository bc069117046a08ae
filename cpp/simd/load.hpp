// Rows from memory into a tile: features apart, whole vectors of rows; their weights, responsibilities that are given,
// panels of features side by side, and the next tile's memory ahead of its turn. And numbers of a tile's rows back.
#pragma once

#include "simd/job.hpp"
#include "simd/skipping.hpp"
#include "simd/unrolled.hpp"
#include "simd/vector.hpp"

namespace mixtura {
namespace {

// The rows of a tile: `n_rows` from `begin` on. Kernels compute `n_active`, whole groups of vectors: the rows beyond
// the last repeat it with weight 0, so that every lane holds finite numbers.
struct Tile {
    std::ptrdiff_t begin, n_rows, n_active;
};

template <class Real>
Tile tile_of(std::ptrdiff_t begin, std::ptrdiff_t n_rows) {
    return {begin, n_rows, round_up(n_rows, row_vectors * lanes<Real>)};
}

// A square of as many rows and features as there are lanes, from rows that lie one after the other; `n_features` of it.
template <class Real>
inline void load_square(const Real* from, std::ptrdiff_t row_stride, std::ptrdiff_t n_features, std::ptrdiff_t stride,
                        Real* to) {
    constexpr int n = static_cast<int>(lanes<Real>);
    Vector<Real> v[n];
    for (int i = 0; i < n; ++i) v[i] = load<Real>(from + i * row_stride);
    transpose<Real>(v);
    for (int i = 0; i < n; ++i) {
        if (i < n_features) store<Real>(to + i * stride, v[i]);
    }
}

// The way back: numbers of a vector of rows, `stride` apart, as rows that lie one after the other. Whole vectors are
// written; what falls into the next row is written again, since the rows' ends come first.
template <class Real>
void write_rows(const Real* from, std::ptrdiff_t stride, std::ptrdiff_t n_numbers, std::ptrdiff_t n_rows, Real* out) {
    constexpr int n = static_cast<int>(lanes<Real>);
    if (2 * n_numbers < n) {  // too few for a transposition to pay
        for (std::ptrdiff_t r = 0; r < n_rows; ++r) {
            for (std::ptrdiff_t i = 0; i < n_numbers; ++i) out[r * n_numbers + i] = from[i * stride + r];
        }
        return;
    }
    const Real* end = out + n_rows * n_numbers;
    for (std::ptrdiff_t first = (n_numbers - 1) / n * n; first >= 0; first -= n) {
        Vector<Real> v[n];
        for (int i = 0; i < n; ++i)
            v[i] = first + i < n_numbers ? load<Real>(from + (first + i) * stride) : Vector<Real>{};
        transpose<Real>(v);
        for (std::ptrdiff_t r = 0; r < n_rows; ++r) {
            Real* to = out + r * n_numbers + first;
            store_first<Real>(to, v[r], end - to < n ? n_numbers - first : n);
        }
    }
}

// The same of rows that lie anywhere, `n_features` at least as many as lanes.
template <class Real>
inline void gather_square(const Real* const* from, std::ptrdiff_t j, std::ptrdiff_t stride, Real* to) {
    constexpr int n = static_cast<int>(lanes<Real>);
    Vector<Real> v[n];
    for (int i = 0; i < n; ++i) v[i] = load<Real>(from[i] + j);
    transpose<Real>(v);
    for (int i = 0; i < n; ++i) store<Real>(to + (j + i) * stride, v[i]);
}

// How far ahead of a square memory is asked for, in bytes, where rows lie side by side. It has to arrive in the
// first-level cache while a few squares are transposed; what was asked for a whole tile before is gone from there.
constexpr std::ptrdiff_t square_ahead = 5120;

template <class Real>
void load_squares(const Real* from, std::ptrdiff_t row_stride, std::ptrdiff_t n_features, std::ptrdiff_t n_rows,
                  std::ptrdiff_t stride, Real* tile) {
    const auto square = [&](std::ptrdiff_t r, std::ptrdiff_t j) {
        // The last square of several overlaps the one before rather than read beyond the row.
        const bool fits = j == 0 || j + lanes<Real> <= n_features;
        const std::ptrdiff_t first = fits ? j : n_features - lanes<Real>;
        load_square(from + r * row_stride + first, row_stride, n_features, stride, tile + first * stride + r);
    };
    if (row_stride > n_features + lanes<Real>) {
        for (std::ptrdiff_t j = 0; j < n_features; j += lanes<Real>) {
            for (std::ptrdiff_t r = 0; r < n_rows; r += lanes<Real>) square(r, j);
        }
        return;
    }
    const std::ptrdiff_t bytes = lanes<Real> * row_stride * static_cast<std::ptrdiff_t>(sizeof(Real));
    for (std::ptrdiff_t r = 0; r < n_rows; r += lanes<Real>) {
        const char* ahead = reinterpret_cast<const char*>(from + r * row_stride) + square_ahead;
        for (std::ptrdiff_t b = 0; b < bytes; b += 64) __builtin_prefetch(ahead + b, 0, 3);
        for (std::ptrdiff_t j = 0; j < n_features; j += lanes<Real>) square(r, j);
    }
}

// Rows of so few features, nothing between them, are parted by fewer instructions than a square is transposed: D (D -
// 1) shuffles of two vectors, which the widest instruction set alone has for all lanes. NEON has loads that part up to
// four.
#if defined(__aarch64__)
template <class Real>
constexpr std::ptrdiff_t most_interleaved = 4;
#else
template <class Real>
constexpr std::ptrdiff_t most_interleaved = registers == 16 ? 2 : (sizeof(Real) == sizeof(double) ? 4 : 6);
#endif

template <int D, int c, class Real>
inline void store_features(const Vector<Real>* v, std::ptrdiff_t stride, Real* to) {
    if constexpr (c < D) {
        store<Real>(to + c * stride,
                    every_dth<D, c, D - 1>(v, typename LanesUpTo<static_cast<int>(lanes<Real>)>::type{}));
        store_features<D, c + 1>(v, stride, to);
    }
}

#if defined(__aarch64__)
template <int D>
inline auto load_parted(const double* from) {
    if constexpr (D == 2) return vld2q_f64(from);
    if constexpr (D == 3) return vld3q_f64(from);
    if constexpr (D == 4) return vld4q_f64(from);
}

template <int D>
inline auto load_parted(const float* from) {
    if constexpr (D == 2) return vld2q_f32(from);
    if constexpr (D == 3) return vld3q_f32(from);
    if constexpr (D == 4) return vld4q_f32(from);
}
#endif

template <int D, class Real>
void load_interleaved(const Real* from, std::ptrdiff_t n_rows, std::ptrdiff_t stride, Real* tile) {
    for (std::ptrdiff_t r = 0; r < n_rows; r += lanes<Real>) {
#if defined(__aarch64__)
        if constexpr (D > 1) {
            const auto parted = load_parted<D>(from + D * r);
            for (int c = 0; c < D; ++c) store<Real>(tile + c * stride + r, (Vector<Real>)parted.val[c]);
            continue;
        }
#endif
        Vector<Real> v[D];
        for (int i = 0; i < D; ++i) v[i] = load<Real>(from + D * r + i * lanes<Real>);
        store_features<D, 0>(v, stride, tile + r);
    }
}

template <class Real>
struct Interleaved {
    const Real* from;
    std::ptrdiff_t n_rows, stride;
    Real* tile;

    template <int D>
    void call() const {
        if constexpr (D <= most_interleaved<Real>) load_interleaved<D>(from, n_rows, stride, tile);
    }
};

// Rows of which each feature lies by itself, as columns of a file do.
template <class Real>
void load_columns(const Real* from, std::ptrdiff_t feature_stride, std::ptrdiff_t n_features, std::ptrdiff_t n_rows,
                  std::ptrdiff_t stride, Real* tile) {
    for (std::ptrdiff_t j = 0; j < n_features; ++j) {
        const Real* column = from + j * feature_stride;
        for (std::ptrdiff_t r = 0; r < n_rows; r += lanes<Real>)
            store<Real>(tile + j * stride + r, load<Real>(column + r));
    }
}

// How many rows from `begin` on can be read as whole vectors. Few features side by side: each vector goes on into the
// rows behind it, so not at the end of the data.
template <class Real>
std::ptrdiff_t whole_vectors(const Rows<Real>& rows, std::ptrdiff_t begin, std::ptrdiff_t n_rows) {
    if (rows.row_stride == 1) return n_rows / lanes<Real> * lanes<Real>;
    if (rows.feature_stride != 1 || rows.row_stride < rows.n_features) return 0;
    const std::ptrdiff_t beyond = lanes<Real> > rows.n_features ? lanes<Real> - rows.n_features : 0;
    const std::ptrdiff_t readable = rows.n_rows - begin - round_up(beyond, rows.row_stride) / rows.row_stride;
    const std::ptrdiff_t n = readable < n_rows ? readable : n_rows;
    return n > 0 ? n / lanes<Real> * lanes<Real> : 0;
}

template <class Real>
void load_rows(const Rows<Real>& rows, const Tile& tile, std::ptrdiff_t stride, Real* out) {
    const Real* from = rows.data + tile.begin * rows.row_stride;
    const std::ptrdiff_t whole = whole_vectors(rows, tile.begin, tile.n_rows);
    if (rows.row_stride == 1) {
        load_columns(from, rows.feature_stride, rows.n_features, whole, stride, out);
    } else if (rows.n_features <= most_interleaved<Real> && rows.row_stride == rows.n_features) {
        with_features<1>(rows.n_features, Interleaved<Real>{from, whole, stride, out});
    } else if (whole > 0) {
        load_squares(from, rows.row_stride, rows.n_features, whole, stride, out);
    }
    for (std::ptrdiff_t j = 0; j < rows.n_features; ++j) {
        const Real* column = from + j * rows.feature_stride;
        Real* to = out + j * stride;
        for (std::ptrdiff_t r = whole; r < tile.n_rows; ++r) to[r] = column[r * rows.row_stride];
        for (std::ptrdiff_t r = tile.n_rows; r < tile.n_active; ++r) to[r] = to[tile.n_rows - 1];
    }
}

// Rows of a tile by their numbers among all.
template <class Real>
void load_ordered(const Rows<Real>& rows, const std::int64_t* order, const Tile& tile, std::ptrdiff_t stride,
                  Real* out) {
    const std::ptrdiff_t d = rows.n_features, last = tile.n_rows - 1;
    const auto row = [&](std::ptrdiff_t r) { return rows.data + order[r < last ? r : last] * rows.row_stride; };
    const bool by_squares = rows.feature_stride == 1 && d >= lanes<Real>;
    for (std::ptrdiff_t r = 0; by_squares && r < tile.n_active; r += lanes<Real>) {
        const Real* from[lanes<Real>];
        for (std::ptrdiff_t i = 0; i < lanes<Real>; ++i) from[i] = row(r + i);
        // The last square overlaps the one before rather than read beyond the rows.
        for (std::ptrdiff_t j = 0; j < d; j += lanes<Real>)
            gather_square(from, j + lanes<Real> <= d ? j : d - lanes<Real>, stride, out + r);
    }
    for (std::ptrdiff_t r = 0; !by_squares && r < tile.n_active; ++r) {
        for (std::ptrdiff_t j = 0; j < d; ++j) out[j * stride + r] = row(r)[j * rows.feature_stride];
    }
}

template <class Real>
void load_weights(const Rows<Real>& rows, const Tile& tile, Real* weights) {
    for (std::ptrdiff_t r = 0; r < tile.n_rows; ++r)
        weights[r] = rows.weights ? Real(rows.weights[tile.begin + r]) : Real(1);
    for (std::ptrdiff_t r = tile.n_rows; r < tile.n_active; ++r) weights[r] = Real(0);
}

// Responsibilities that are given instead of computed, times the weights.
template <class Real>
void load_given(const Job<Real>& job, const Tile& tile, const Workspace<Real>& work) {
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        const double* from = job.given.data + tile.begin * job.given.row_stride + k * job.given.component_stride;
        Real* to = work.responsibilities + k * job.tile_stride;
        for (std::ptrdiff_t r = 0; r < tile.n_rows; ++r) to[r] = Real(from[r * job.given.row_stride]) * work.weights[r];
        for (std::ptrdiff_t r = tile.n_rows; r < tile.n_active; ++r) to[r] = Real(0);
        work.active[k] = all_active<Real>(tile.n_active);
    }
}

// Features side by side from a tile, `n_features` of them and zeros.
template <class Real>
void load_panel(const Real* tile, std::ptrdiff_t n_features, std::ptrdiff_t n_rows, std::ptrdiff_t stride,
                Real* panel) {
    constexpr int n = static_cast<int>(lanes<Real>);
    for (std::ptrdiff_t r = 0; r < n_rows; r += n) {
        Vector<Real> v[n];
        for (int i = 0; i < n; ++i) v[i] = i < n_features ? load<Real>(tile + i * stride + r) : Vector<Real>{};
        transpose<Real>(v);
        for (int i = 0; i < n; ++i) store<Real>(panel + (r + i) * n, v[i]);
    }
}

// Panels of the rows of a tile (panel_moments.hpp); zeros beyond the last feature.
template <class Real>
void load_panels(const Job<Real>& job, const Tile& tile, const Workspace<Real>& work) {
    const Rows<Real>& rows = job.rows;
    for (std::ptrdiff_t j = 0; j < rows.n_features; j += lanes<Real>) {
        const std::ptrdiff_t width = rows.n_features - j < lanes<Real> ? rows.n_features - j : lanes<Real>;
        Real* panel = work.panels + j * job.tile_stride;
        if (rows.feature_stride != 1 || width < lanes<Real>) {
            load_panel(work.rows + j * job.tile_stride, width, tile.n_rows, job.tile_stride, panel);
            continue;
        }
        const Real* from = rows.data + tile.begin * rows.row_stride + j;
        for (std::ptrdiff_t r = 0; r < tile.n_rows; ++r)
            store<Real>(panel + r * lanes<Real>, load<Real>(from + r * rows.row_stride));
    }
}

// The memory of the next tile's rows, asked for bit by bit while this one is computed: a tile is done in less time than
// its rows take to arrive from main memory, and the processor's own prefetching stops at pages.
struct Ahead {
    const char* first = nullptr;
    std::ptrdiff_t n_lines = 0;  // of a run: all rows, or one feature of theirs
    std::ptrdiff_t n_runs = 0;
    std::ptrdiff_t stride = 0;  // bytes between runs

    // Part `i` of `n` equal ones.
    void prefetch(std::ptrdiff_t i, std::ptrdiff_t n) const {
        std::ptrdiff_t left = n_runs * n_lines * (i + 1) / n - n_runs * n_lines * i / n;
        if (left == 0) return;
        std::ptrdiff_t run = n_runs * n_lines * i / n / n_lines;
        std::ptrdiff_t line = n_runs * n_lines * i / n % n_lines;
        for (; left > 0; --left) {
            __builtin_prefetch(first + run * stride + 64 * line, 0, 2);
            if (++line < n_lines) continue;
            line = 0;
            ++run;
        }
    }
};

// Of the tile after this one; nothing where neither rows nor features lie close together.
template <class Real>
Ahead look_ahead(const Job<Real>& job, const Tile& tile) {
    const Rows<Real>& rows = job.rows;
    const std::ptrdiff_t begin = tile.begin + tile.n_rows;
    const std::ptrdiff_t left = rows.n_rows - begin;
    if (left <= 0) return {};
    const std::ptrdiff_t n_rows = left < job.tile_rows ? left : job.tile_rows;
    const std::ptrdiff_t size = sizeof(Real);
    const char* first = reinterpret_cast<const char*>(rows.data + begin * rows.row_stride);
    if (rows.row_stride == 1) return {first, n_rows * size / 64, rows.n_features, rows.feature_stride * size};
    if (rows.feature_stride != 1 || rows.row_stride < 0 || rows.row_stride > rows.n_features + 8) return {};
    return {first, n_rows * rows.row_stride * size / 64, 1, 0};
}

}  // namespace
}  // namespace mixtura
