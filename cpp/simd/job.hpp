// What a tile kernel is given: plain data, so that nothing from the standard library is compiled
// for an instruction set that the machine may lack.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../core.hpp"

namespace mixtura {

// Factors are read in blocks of this many columns, features are padded to a multiple of it.
constexpr std::ptrdiff_t factor_block = 4;

// Up to here kernels for full covariances are compiled for each number of features.
constexpr std::ptrdiff_t most_unrolled_features = 16;

// static: each instruction set keeps its own copy.
static inline std::ptrdiff_t round_up(std::ptrdiff_t n, std::ptrdiff_t multiple) {
    return (n + multiple - 1) / multiple * multiple;
}

// A full covariance's factor: few features, the upper triangle by rows; many, in blocks of columns. A shared factor
// whitens whole rows, always by blocks.
static inline bool packs_triangle(Structure structure, std::ptrdiff_t n_features) {
    return structure == Structure::full && n_features <= most_unrolled_features;
}

// A point, split so that float rows far from the origin lose nothing: x - c = (x - high) - low.
template <class Real>
struct SplitPoint {
    const Real* high = nullptr;
    const Real* low = nullptr;
};

template <class Real>
struct Job {
    Rows<Real> rows;
    Structure structure = Structure::full;
    std::ptrdiff_t n_components = 0;
    std::ptrdiff_t n_features = 0;
    std::ptrdiff_t tile_rows = 0;
    std::ptrdiff_t tile_stride = 0;  // between features in a tile: tile_rows and a cache line, see prepare.cpp

    SplitPoint<Real> means;                // K x d
    const Real* residues = nullptr;        // K x residue_stride: -P^T (mean - high); float rows only
    std::ptrdiff_t residue_stride = 0;
    const Real* centres = nullptr;         // K x d, of the moments, numbers that a Real holds
    const Real* factors = nullptr;         // packed by pack_factors; diag K x d, spherical K
    std::ptrdiff_t factor_stride = 0;      // between components; 0 where they share one
    const Real* coefficients = nullptr;    // K: log weight + log determinant - shift
    double shift = 0;                      // so that float keeps the digits of the differences

    bool whitened = false;                 // tied: distances between whitened rows and means
    SplitPoint<Real> origin;               // d: of the whitening
    const Real* whitened_means = nullptr;  // K x d

    GivenResponsibilities given;
    bool hard = false;
    bool moments = true;
    bool second_moments = true;

    bool skip = true;                      // leave out what cannot matter, see skipping.hpp
    std::ptrdiff_t bound_features = 0;     // of which bounds on densities are made, see bounds.hpp; 0: they cannot pay
    const Real* bound_factors = nullptr;   // K: the first rows and columns of the factors, upper triangles by rows

    bool (*stopped)(void*) = nullptr;      // asked between components
    void* stop_argument = nullptr;
};

// What does not pay is tried again after some tiles, each time after more.
struct Trials {
    std::int32_t tiles_left = 0;  // before the next
    std::int32_t pause = 0;       // the last one's length
};

// Whether it paid, in the last tiles, to look for what can be left out. Changes no result.
struct Experience {
    Trials bounds, skipping;
};

// What a search for candidates needs, one thread's; see bounds.hpp.
template <class Real>
struct Candidates {
    Real* gathered = nullptr;      // padded(d) features: rows side by side
    Real* joint = nullptr;         // 1: their log joint densities
    Real* likeliest = nullptr;     // 1: the component with a row's highest bound
    Real* highest = nullptr;       // 1: that component's log joint density
    Real* thresholds = nullptr;    // 1: below it a density is negligible
    std::uint8_t* list = nullptr;  // tile_stride bytes: rows, at most 256
    std::int32_t* heads = nullptr; // K numbers in all
    std::int32_t* next = nullptr;  // tile_stride numbers in all
};

// One thread's scratch, in units of tile_stride numbers. Tiles are feature-major: feature j of row r at
// [j * tile_stride + r]; panels are described in moments.hpp.
template <class Real>
struct Workspace {
    Real* rows = nullptr;              // d
    Real* differences = nullptr;       // padded(d + 1)
    Real* panels = nullptr;            // padded(d): panels of the rows, or whitened rows
    Real* responsibilities = nullptr;  // K; log joint densities before
    Real* weights = nullptr;           // 1
    Real* log_density = nullptr;       // 1
    Real* log_certainty = nullptr;     // 1
    Real* roots = nullptr;             // 1
    double* feature_sums = nullptr;    // d numbers in all
    std::uint64_t* active = nullptr;   // K numbers in all: bit g of the k-th, whether granule g has responsibilities
    std::int32_t* listed = nullptr;    // K numbers in all: components that matter to a granule
    Candidates<Real> candidates;
    Experience* experience = nullptr;
};

// Features rounded up to whole vectors of the widest instruction set.
static inline std::ptrdiff_t padded(std::ptrdiff_t n_features) { return round_up(n_features, 16); }

template <class Real>
struct Kernels {
    void (*accumulate_tile)(const Job<Real>&, std::ptrdiff_t begin, std::ptrdiff_t n_rows,
                            const Workspace<Real>&, Statistics&);
    void (*evaluate_tile)(const Job<Real>&, std::ptrdiff_t begin, std::ptrdiff_t n_rows,
                          const Workspace<Real>&, const Evaluation<Real>&);
};

struct KernelSet {
    const char* name;
    Kernels<double> of_double;
    Kernels<float> of_float;

    template <class Real>
    const Kernels<Real>& of() const {
        if constexpr (sizeof(Real) == sizeof(double)) {
            return of_double;
        } else {
            return of_float;
        }
    }
};

// Defined once per instruction set, in the object compiled for it.
extern const KernelSet kernels_baseline;
extern const KernelSet kernels_avx2;
extern const KernelSet kernels_avx512;

}  // namespace mixtura
