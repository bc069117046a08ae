// What a tile kernel is given: plain data, so that nothing from the standard library is compiled
// for an instruction set that the machine may lack.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/expectation.hpp"
#include "model/mixture.hpp"
#include "model/rows.hpp"
#include "model/statistics.hpp"
#include "model/structure.hpp"
#include "simd/conditional.hpp"

namespace mixtura {

// Factors are read in blocks of 4 columns, the last of 2 to 5: one alone would be a single chain of sums.
static inline std::ptrdiff_t block_columns(std::ptrdiff_t columns_left) { return columns_left > 5 ? 4 : columns_left; }

// Up to here kernels for full covariances are compiled for each number of features.
constexpr std::ptrdiff_t most_unrolled_features = 16;

// static: each instruction set keeps its own copy.
static inline std::ptrdiff_t round_up(std::ptrdiff_t n, std::ptrdiff_t multiple) {
    return (n + multiple - 1) / multiple * multiple;
}

// How far below a row's highest log joint density a term does not matter, see skipping.hpp.
template <class Real>
constexpr Real negligible = sizeof(Real) == sizeof(double) ? Real(81) : Real(87);

// A full covariance's factor: few features, the upper triangle by rows; many, in blocks of columns. A shared factor
// whitens whole rows, always by blocks.
static inline bool packs_triangle(Structure structure, std::ptrdiff_t n_features) {
    return has_matrices(structure) && !is_shared(structure) && n_features <= most_unrolled_features;
}

// A point, split so that float rows far from the origin lose nothing: x - c = (x - high) - low.
template <class Real>
struct SplitPoint {
    const Real* high = nullptr;
    const Real* low = nullptr;
};

template <class Real>
static inline SplitPoint<Real> offset(SplitPoint<Real> points, std::ptrdiff_t by) {
    return {points.high + by, points.low + by};
}

// Numbers of component k where features are apart: diag d, spherical one.
static inline const double* of_component(Structure structure, const double* numbers, std::ptrdiff_t k,
                                         std::ptrdiff_t d) {
    return numbers + (structure == Structure::diag ? k * d : k);
}

// How rows are put beside rows of the same component, see grouping.hpp.
struct Grouping {
    std::ptrdiff_t n_rows = 0;        // sorted at a time; 0: rows stay in their order
    const double* origin = nullptr;   // d
    const float* scores = nullptr;    // K x (d + 1): of x - origin, and a constant; the highest is the guess
    const float* reaches = nullptr;   // K x reach_stride: from the component guessed to another one
    std::ptrdiff_t reach_stride = 0;  // padded(K)
};

// A component of Student's t with df = nu in d features, at a squared distance delta:
//     log joint density = height - half log(1 + delta / nu),   half = (nu + d) / 2,
//     u = ratio / (1 + delta / nu),   E[log u] - u = log u - u + rest,   rest = digamma(half) - log half.
struct StudentTerm {
    double height, half, inverse_df, ratio, log_ratio, rest;
};

// What rows with missing features need, see incomplete.hpp.
struct Completion {
    bool is_needed = false;                // by some part of the rows
    const Matrices* matrices = nullptr;    // n_covariances; null: of variances
    const double* variances = nullptr;     // diag K x d, spherical K
    const double* unseen = nullptr;        // the same: -log 2 pi sigma^2, in the place of a square; t components: 0
    bool by_pattern = true;                // false: a row's own gaps say all that is asked for (features are apart)
    const double* log_sides = nullptr;     // d: of the box in which noise is uniform; null: its sides are not known
    const Conditional* table = nullptr;    // n_patterns x n_covariances; null: they are found for each tile, in
    std::ptrdiff_t room = 0;               // so many numbers,
    std::ptrdiff_t n_cells = 0;            // and so many cells are completed at a time
    const StudentTerm* student = nullptr;  // (d + 1) x K, by the number of features observed
};

// What rows that were measured with errors need, see row_errors.hpp.
struct Deconvolution {
    bool is_needed = false;               // by some part of the rows
    bool posteriors = false;              // of what is true, beside the density
    const double* matrices = nullptr;     // covariances, n_covariances x d x d; null: features are apart
    const double* variances = nullptr;    // diag K x d, spherical K; null: components have matrices
    const double* log_weights = nullptr;  // K
    const double* log_sides = nullptr;    // d: of the box in which noise is uniform; null: its sides are not known
};

// What gradients of log densities need, see slopes.hpp, and Hessians, see hessian.hpp.
template <class Real>
struct Slopes {
    bool are_asked = false;
    bool hessians = false;                    // Hessians are asked for
    bool keeps_all = false;                   // whitened distances of all components stay; false: they are found twice
    const Real* factors = nullptr;            // n_covariances, packed by pack_rows; null: those of the densities do
    std::ptrdiff_t stride = 0;                // between components; 0 where they share one
    const Real* precisions = nullptr;         // n_covariances, packed by pack_blocks; null: features are apart
    std::ptrdiff_t stride_of_precisions = 0;  // between components; 0 where they share one
};

template <class Real>
struct Job {
    Rows<Real> rows;
    const Mixture* mixture = nullptr;     // for rows that are far from all components, with
    const double* log_heights = nullptr;  // K: log weight + log determinant - shift
    Structure structure = Structure::full;
    std::ptrdiff_t n_components = 0;
    std::ptrdiff_t n_densities = 0;  // of the components, and that of the noise where there is one
    std::ptrdiff_t n_features = 0;
    std::ptrdiff_t tile_rows = 0;
    std::ptrdiff_t tile_stride = 0;  // between features in a tile: tile_rows and a cache line, see prepare.cpp

    SplitPoint<Real> means;          // K x d
    const Real* residues = nullptr;  // K x residue_stride: -P^T (mean - high); float rows only
    std::ptrdiff_t residue_stride = 0;
    const Real* centres = nullptr;       // K x d, of the moments, numbers that a Real holds
    const Real* factors = nullptr;       // packed by pack_factors; diag K x d, spherical K
    std::ptrdiff_t factor_stride = 0;    // between components; 0 where they share one
    const Real* coefficients = nullptr;  // K: log_heights, and with terms the rest that no row changes
    double shift = 0;                    // so that float keeps the digits of the differences

    bool whitened = false;                 // tied: distances between whitened rows and means
    SplitPoint<Real> origin;               // d: of the whitening, or of the terms
    const Real* whitened_means = nullptr;  // K x d

    std::ptrdiff_t n_terms = 0;          // log densities are sums of so many terms, see products.hpp; 0: they are not
    const Real* term_factors = nullptr;  // K x n_terms, packed by pack_terms

    const StudentTerm* student = nullptr;  // K; null: Gaussian components
    double noise_height = 0;               // log density of the noise times its weight, less shift

    Completion completion;                 // of rows.patterns
    std::ptrdiff_t n_runs = 0;             // of a tile of such rows, which lie in the workspace; 0: of others
    const std::int64_t* places = nullptr;  // of its rows among all; null: they stand as they were given

    Deconvolution deconvolution;  // of rows.errors

    Slopes<Real> slopes;

    GivenResponsibilities given;
    bool hard = false;
    bool moments = true;
    bool second_moments = true;

    bool skip = true;                     // leave out what cannot matter, see skipping.hpp
    std::ptrdiff_t bound_features = 0;    // of which bounds on densities are made, see bounds.hpp; 0: they cannot pay
    const Real* bound_factors = nullptr;  // K: the first rows and columns of the factors, upper triangles by rows
    Grouping grouping;

    bool (*stopped)(void*) = nullptr;  // asked between components
    void* stop_argument = nullptr;
};

// Moments about a common point, of all components at once.
template <class Real>
static inline bool sums_by_products(const Job<Real>& job) {
    return job.whitened || job.n_terms > 0;
}

// Which of the terms that rows bring is that of density k; -1: none, as of a component more than they speak of.
template <class Real>
static inline std::ptrdiff_t term_of_density(const Job<Real>& job, std::ptrdiff_t k) {
    const std::ptrdiff_t n_terms = job.rows.labels.n_terms, n_noise = job.n_densities - job.n_components;
    if (k == job.n_components) return n_terms - 1;
    return k < n_terms - n_noise ? k : -1;
}

// What does not pay is tried again after some tiles, each time after more (skipping.hpp).
struct Trials {
    std::int32_t tiles_left = 0;  // before the next
    std::int32_t pause = 0;       // the last one's length
};

// Whether it paid, in the last tiles, to look for what can be left out. Changes no result.
struct Experience {
    Trials bounds, skipping, grouping;
};

// A block of rows that are sorted, and what that needs, one thread's; see grouping.hpp.
template <class Real>
struct SortedRows {
    Real* rows = nullptr;              // Grouping::n_rows x d
    double* weights = nullptr;         // Grouping::n_rows
    std::int32_t* guesses = nullptr;   // Grouping::n_rows: of the sorted rows
    std::int32_t* unsorted = nullptr;  // Grouping::n_rows
    std::int32_t* places = nullptr;    // Grouping::n_rows
    std::int32_t* starts = nullptr;    // K + 1
    float* centred = nullptr;          // d + 1 times scan_stride: rows about the origin, features apart, and guesses
    std::uint64_t* near = nullptr;     // K / 64: components that can matter to a few rows
};

constexpr std::ptrdiff_t scan_stride = 256 + 16;

// Rows beyond the last one of a tile that are completed like it, at most.
constexpr std::ptrdiff_t cell_slack = 64;

// What a search for candidates needs, one thread's; see bounds.hpp.
template <class Real>
struct Candidates {
    Real* gathered = nullptr;       // padded(d) features: rows side by side
    Real* joint = nullptr;          // 1: their log joint densities
    Real* likeliest = nullptr;      // 1: the component with a row's highest bound
    Real* highest = nullptr;        // 1: that component's log joint density
    Real* thresholds = nullptr;     // 1: below it a density is negligible
    std::uint8_t* list = nullptr;   // tile_stride bytes: rows, at most 256
    std::int32_t* heads = nullptr;  // K numbers in all
    std::int32_t* next = nullptr;   // tile_stride numbers in all
};

// Rows of a tile that lack the same features.
struct Run {
    std::ptrdiff_t begin, end;  // in the tile; those beyond its last row belong to the last run
    std::ptrdiff_t n_missing;
    const std::int32_t* features;    // d: the missing ones, then the others
    const Conditional* conditional;  // n_covariances; null: none is missing, or variances are all that there is
    std::ptrdiff_t cells;            // where the completed cells of a component begin
};

// What rows with missing features need, one thread's, for a tile.
template <class Real>
struct Incomplete {
    Run* runs = nullptr;                  // tile_rows
    std::int32_t* features = nullptr;     // tile_rows x d
    Conditional* conditionals = nullptr;  // tile_rows x n_covariances
    double* room = nullptr;               // Completion::room
    Real* cells = nullptr;                // K times Completion::n_cells
    Real* differences = nullptr;          // d vectors
    Real* explained = nullptr;            // d vectors
    double* weights = nullptr;            // tile_rows
    std::int32_t* labels = nullptr;       // tile_rows
    double* log_terms = nullptr;          // tile_rows x n_terms
};

// What rows that were measured with errors need, one thread's, for a tile: vectors of rows, on cache lines.
struct Deconvolved {
    double* room = nullptr;
    double* posteriors = nullptr;
    double* mean = nullptr;  // d
};

// One thread's scratch, in units of tile_stride numbers. Tiles are feature-major: feature j of row r at
// [j * tile_stride + r]; panels are described in panel_moments.hpp.
template <class Real>
struct Workspace {
    Real* rows = nullptr;              // d
    Real* differences = nullptr;       // padded(d + 1)
    Real* panels = nullptr;            // padded(d + 1): panels of the rows, or whitened rows
    Real* responsibilities = nullptr;  // n_densities; log joint densities before
    Real* scales = nullptr;            // K, of Student's t components: u
    Real* log_scales = nullptr;        // K: log u - u
    Real* weights = nullptr;           // 1
    Real* log_density = nullptr;       // 1
    Real* log_certainty = nullptr;     // 1
    Real* roots = nullptr;             // 1
    Real* slopes = nullptr;            // d: gradients
    Real* pulled = nullptr;            // d
    Real* pulls = nullptr;             // K times the widest vectors of a kernel's rows
    Real* residuals = nullptr;         // d, or K d: whitened distances from means; null: they are not kept
    Real* curved = nullptr;            // d x d vectors of rows: Hessians
    std::uint64_t* active = nullptr;   // n_densities in all: bit g of the k-th, whether granule g has responsibilities
    std::int32_t* listed = nullptr;    // n_densities in all: those that matter to a granule
    Candidates<Real> candidates;
    SortedRows<Real> sorted;
    Incomplete<Real> incomplete;
    Deconvolved deconvolved;
    Experience* experience = nullptr;
};

// Features rounded up to whole vectors of the widest instruction set.
static inline std::ptrdiff_t padded(std::ptrdiff_t n_features) { return round_up(n_features, 16); }

template <class Real>
struct Kernels {
    void (*accumulate_tile)(const Job<Real>&, std::ptrdiff_t begin, std::ptrdiff_t n_rows, const Workspace<Real>&,
                            Statistics&);
    // The same for a block of rows, Grouping::n_rows at most, that are sorted first.
    void (*accumulate_block)(const Job<Real>&, std::ptrdiff_t begin, std::ptrdiff_t n_rows, const Workspace<Real>&,
                             Statistics&);
    // Rows of the order of rows.patterns.
    void (*accumulate_incomplete)(const Job<Real>&, std::ptrdiff_t begin, std::ptrdiff_t n_rows, const Workspace<Real>&,
                                  Statistics&);
    void (*evaluate_tile)(const Job<Real>&, std::ptrdiff_t begin, std::ptrdiff_t n_rows, const Workspace<Real>&,
                          const Evaluation<Real>&);
    void (*evaluate_incomplete)(const Job<Real>&, std::ptrdiff_t begin, std::ptrdiff_t n_rows, const Workspace<Real>&,
                                const Evaluation<Real>&);
};

// From K components to each other; all numbers are given for `stride` components, the last repeated.
struct ReachJob {
    std::ptrdiff_t n_components, n_features;
    std::ptrdiff_t stride;           // padded(K)
    double negligible, epsilon;      // of the rows' precision
    const double* means;             // K x d
    const double* factors;           // K x d x d
    const double* coefficients;      // stride
    const double* means_by_feature;  // d x stride
    const double* factors_by_entry;  // d (d + 1) / 2 x stride: upper triangles by rows, the diagonal inverted
    double* scratch;                 // 3 d times the widest vector, on a cache line
    float* reaches;                  // K x stride
    std::ptrdiff_t begin, end;       // components to reach
};

// See linear_algebra.hpp. Each makes rows begin to end of its result; pieces but the last one done hold whole blocks of
// rows.
struct MatrixKernels {
    bool (*cholesky)(double* a, std::ptrdiff_t d, std::ptrdiff_t from, std::ptrdiff_t begin, std::ptrdiff_t end);
    void (*subtract_squares)(double* a, std::ptrdiff_t d, std::ptrdiff_t from, std::ptrdiff_t to, std::ptrdiff_t begin,
                             std::ptrdiff_t end);
    void (*invert_upper)(const double* upper, std::ptrdiff_t d, double* out, std::ptrdiff_t to, std::ptrdiff_t begin,
                         std::ptrdiff_t end);
    void (*subtract_products)(const double* upper, std::ptrdiff_t d, double* out, std::ptrdiff_t from,
                              std::ptrdiff_t to, std::ptrdiff_t begin, std::ptrdiff_t end);
    void (*times_upper)(const double* a, const double* upper, std::ptrdiff_t d, double* out, std::ptrdiff_t begin,
                        std::ptrdiff_t end);
    void (*upper_times)(const double* upper, const double* a, std::ptrdiff_t d, double* out, std::ptrdiff_t begin,
                        std::ptrdiff_t end);
    void (*upper_times_rows)(const double* upper, const double* a, std::ptrdiff_t n, std::ptrdiff_t columns,
                             double* out);
    // Adds to all of the upper triangle.
    void (*add_gram)(const double* a, const double* b, std::ptrdiff_t n, std::ptrdiff_t d, double* out);
    double (*inner_product)(const double* a, const double* b, std::ptrdiff_t n);
    double (*squared_distance)(const double* a, const double* b, const double* units, std::ptrdiff_t n);
};

struct KernelSet {
    const char* name;
    void (*find_reaches)(const ReachJob&);
    MatrixKernels matrices;
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
