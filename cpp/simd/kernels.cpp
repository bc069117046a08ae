// One tile through the E-step and into the statistics. Compiled once per instruction set;
// MIXTURA_KERNELS names the set that this object defines.
#include "e_step/far_rows.hpp"
#include "simd/bounds.hpp"
#include "simd/distances.hpp"
#include "simd/grouping.hpp"
#include "simd/job.hpp"
#include "simd/matrices.hpp"
#include "simd/moments.hpp"
#include "simd/products.hpp"
#include "simd/responsibilities.hpp"

#define MIXTURA_STRING_(x) #x
#define MIXTURA_STRING(x) MIXTURA_STRING_(x)

namespace mixtura {
namespace {

template <class Real>
SplitPoint<Real> offset(SplitPoint<Real> points, std::ptrdiff_t by) {
    return {points.high + by, points.low + by};
}

// f.template operator()<D>() for D = d in 1..16.
template <int D, class Function>
void with_features(std::ptrdiff_t d, const Function& f) {
    if (d == D) {
        f.template call<D>();
    } else if constexpr (D < most_unrolled_features) {
        with_features<D + 1>(d, f);
    }
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
// 1) shuffles of two vectors, which the widest instruction set alone has for all lanes.
template <class Real>
constexpr std::ptrdiff_t most_interleaved = registers == 16 ? 2 : (sizeof(Real) == sizeof(double) ? 4 : 6);

template <int D, int c, class Real>
inline void store_features(const Vector<Real>* v, std::ptrdiff_t stride, Real* to) {
    if constexpr (c < D) {
        store<Real>(to + c * stride,
                    every_dth<D, c, D - 1>(v, typename LanesUpTo<static_cast<int>(lanes<Real>)>::type{}));
        store_features<D, c + 1>(v, stride, to);
    }
}

template <int D, class Real>
void load_interleaved(const Real* from, std::ptrdiff_t n_rows, std::ptrdiff_t stride, Real* tile) {
    for (std::ptrdiff_t r = 0; r < n_rows; r += lanes<Real>) {
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

// Nothing where neither rows nor features lie close together.
template <class Real>
Ahead look_ahead(const Job<Real>& job, std::ptrdiff_t begin) {
    const Rows<Real>& rows = job.rows;
    const std::ptrdiff_t left = rows.n_rows - begin;
    if (left <= 0) return {};
    const std::ptrdiff_t n_rows = left < job.tile_rows ? left : job.tile_rows;
    const std::ptrdiff_t size = sizeof(Real);
    const char* first = reinterpret_cast<const char*>(rows.data + begin * rows.row_stride);
    if (rows.row_stride == 1) return {first, n_rows * size / 64, rows.n_features, rows.feature_stride * size};
    if (rows.feature_stride != 1 || rows.row_stride < 0 || rows.row_stride > rows.n_features + 8) return {};
    return {first, n_rows * rows.row_stride * size / 64, 1, 0};
}

// Rows beyond the last one repeat it with weight 0, so that every lane holds finite numbers.
template <class Real>
void load_tile(const Rows<Real>& rows, std::ptrdiff_t begin, std::ptrdiff_t n_rows, std::ptrdiff_t n_active,
               std::ptrdiff_t stride, Real* tile) {
    const Real* from = rows.data + begin * rows.row_stride;
    const std::ptrdiff_t whole = whole_vectors(rows, begin, n_rows);
    if (rows.row_stride == 1) {
        load_columns(from, rows.feature_stride, rows.n_features, whole, stride, tile);
    } else if (rows.n_features <= most_interleaved<Real> && rows.row_stride == rows.n_features) {
        with_features<1>(rows.n_features, Interleaved<Real>{from, whole, stride, tile});
    } else if (whole > 0) {
        load_squares(from, rows.row_stride, rows.n_features, whole, stride, tile);
    }
    for (std::ptrdiff_t j = 0; j < rows.n_features; ++j) {
        const Real* column = from + j * rows.feature_stride;
        Real* to = tile + j * stride;
        for (std::ptrdiff_t r = whole; r < n_rows; ++r) to[r] = column[r * rows.row_stride];
        for (std::ptrdiff_t r = n_rows; r < n_active; ++r) to[r] = to[n_rows - 1];
    }
}

template <class Real>
void load_weights(const Rows<Real>& rows, std::ptrdiff_t begin, std::ptrdiff_t n_rows, std::ptrdiff_t n_active,
                  Real* weights) {
    for (std::ptrdiff_t r = 0; r < n_rows; ++r) weights[r] = rows.weights ? Real(rows.weights[begin + r]) : Real(1);
    for (std::ptrdiff_t r = n_rows; r < n_active; ++r) weights[r] = Real(0);
}

template <class Real>
void load_given(const Job<Real>& job, std::ptrdiff_t begin, std::ptrdiff_t n_rows, std::ptrdiff_t n_active,
                const Workspace<Real>& work) {
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        const double* from = job.given.data + begin * job.given.row_stride + k * job.given.component_stride;
        Real* to = work.responsibilities + k * job.tile_stride;
        for (std::ptrdiff_t r = 0; r < n_rows; ++r) to[r] = Real(from[r * job.given.row_stride]) * work.weights[r];
        for (std::ptrdiff_t r = n_rows; r < n_active; ++r) to[r] = Real(0);
        work.active[k] = all_active<Real>(n_active);
    }
}

// Sums of few features in registers, rows along the lanes.
template <class Real>
bool uses_strips(const Job<Real>& job) {
    return has_matrices(job.structure) && job.n_features <= most_strip_features<Real>;
}

// Matrices of many features: features along the lanes from two vectors of them on; below, rows along the lanes waste
// less.
template <class Real>
bool uses_panels(const Job<Real>& job) {
    return has_matrices(job.structure) && job.second_moments && job.n_features >= 2 * lanes<Real> && !uses_strips(job);
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

// Panels of the rows of a tile, for the moments; zeros beyond the last feature.
template <class Real>
void load_panels(const Job<Real>& job, std::ptrdiff_t begin, std::ptrdiff_t n_rows, const Workspace<Real>& work) {
    const Rows<Real>& rows = job.rows;
    for (std::ptrdiff_t j = 0; j < rows.n_features; j += lanes<Real>) {
        const std::ptrdiff_t width = rows.n_features - j < lanes<Real> ? rows.n_features - j : lanes<Real>;
        Real* panel = work.panels + j * job.tile_stride;
        if (rows.feature_stride != 1 || width < lanes<Real>) {
            load_panel(work.rows + j * job.tile_stride, width, n_rows, job.tile_stride, panel);
            continue;
        }
        const Real* from = rows.data + begin * rows.row_stride + j;
        for (std::ptrdiff_t r = 0; r < n_rows; ++r)
            store<Real>(panel + r * lanes<Real>, load<Real>(from + r * rows.row_stride));
    }
}

template <class Real>
struct SmallJoint {
    const Real* rows;
    const Real* mean;
    const Real* residue;
    const Real* factor;
    std::ptrdiff_t stride, n_active;
    Real coefficient;
    Real* joint;

    template <int D>
    void call() const {
        small_full_joint<Real, D>(rows, mean, residue, factor, stride, n_active, coefficient, joint);
    }
};

// Log joint densities under a covariance that is a matrix, of rows that lie in a tile or were gathered.
template <class Real>
void full_component_joint(const Job<Real>& job, std::ptrdiff_t k, const Real* rows, std::ptrdiff_t n_active,
                          Real* differences, Real* joint) {
    const std::ptrdiff_t d = job.n_features;
    const std::ptrdiff_t stride = job.tile_stride;
    const Real* mean = job.means.high + k * d;
    const Real* residue = job.residues + k * job.residue_stride;
    const Real* factor = job.factors + k * job.factor_stride;
    if (packs_triangle(job.structure, d)) {
        with_features<1>(d,
                         SmallJoint<Real>{rows, mean, residue, factor, stride, n_active, job.coefficients[k], joint});
    } else {
        full_joint(rows, mean, residue, factor, d, stride, n_active, differences, job.coefficients[k], joint);
    }
}

template <class Real>
void component_joint(const Job<Real>& job, std::ptrdiff_t k, std::ptrdiff_t n_active, const Workspace<Real>& work) {
    const std::ptrdiff_t d = job.n_features;
    const std::ptrdiff_t stride = job.tile_stride;
    const SplitPoint<Real> mean = offset(job.means, k * d);
    const Real* factor = job.factors + k * job.factor_stride;
    const Real coefficient = job.coefficients[k];
    Real* joint = work.responsibilities + k * stride;
    if (job.whitened) {
        whitened_joint(work.panels, job.whitened_means + k * d, d, stride, n_active, coefficient, joint);
    } else if (job.structure == Structure::diag) {
        diag_joint(work.rows, mean.high, job.residues + k * job.residue_stride, factor, d, stride, n_active,
                   coefficient, joint);
    } else if (job.structure == Structure::spherical) {
        spherical_joint(work.rows, mean, *factor, d, stride, n_active, coefficient, joint);
    } else {
        full_component_joint(job, k, work.rows, n_active, work.differences, joint);
    }
}

// Rows about a common point, whitened under a tied structure.
template <class Real>
void centre_rows(const Job<Real>& job, std::ptrdiff_t n_active, const Workspace<Real>& work) {
    subtract_point(work.rows, job.origin, job.n_features, job.tile_stride, n_active, work.differences, job.tile_stride);
    if (job.whitened) whiten(work.differences, job.factors, job.n_features, job.tile_stride, n_active, work.panels);
}

// The same by products of terms and factors.
template <class Real>
bool product_log_joint(const Job<Real>& job, std::ptrdiff_t n_active, Ahead ahead, const Workspace<Real>& work) {
    Real* terms = job.whitened ? work.panels : work.differences;
    append_square(terms, job.n_features, job.tile_stride, n_active);
    std::ptrdiff_t columns;
    for (std::ptrdiff_t k = 0; k < job.n_components; k += columns) {
        if (job.stopped(job.stop_argument)) return false;
        columns = block_columns(job.n_components - k);
        with_columns(columns,
                     JointBlock<Real>{terms, job.term_factors + k * job.n_terms, job.coefficients + k, job.n_terms,
                                      job.tile_stride, n_active, work.responsibilities + k * job.tile_stride});
        for (std::ptrdiff_t i = k; i < k + columns; ++i) ahead.prefetch(i, job.n_components);
    }
    return true;
}

// log(w_k p_k(x)) - shift, for every component. False when the call was stopped.
template <class Real>
bool log_joint(const Job<Real>& job, std::ptrdiff_t n_active, Ahead ahead, const Workspace<Real>& work) {
    if (job.whitened || job.n_terms > 0) centre_rows(job, n_active, work);
    if (job.n_terms > 0) return product_log_joint(job, n_active, ahead, work);
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        if (job.stopped(job.stop_argument)) return false;
        component_joint(job, k, n_active, work);
        ahead.prefetch(k, job.n_components);
    }
    return true;
}

// Where more than this share of the distances must be complete, the bounds do not pay; judged by this many components.
constexpr double most_complete = 0.25;
constexpr std::ptrdiff_t components_to_judge_by = 8;

// Where sorted rows need more than this share of the distances, all are computed at once; judged by this many groups.
constexpr double most_near = 0.6;
constexpr std::ptrdiff_t groups_to_judge_by = 4;

// Where more than this share of the granules is active, it does not pay to leave out the others.
constexpr double most_active = 0.7;

// What did not pay is left for 7 tiles, then for 15, up to 255.
inline void disappointed(Trials& trials) {
    trials.pause = trials.pause == 0 ? 7 : (trials.pause < 255 ? 2 * trials.pause + 1 : 255);
    trials.tiles_left = trials.pause;
}

inline bool pauses(Trials& trials) {
    if (trials.tiles_left == 0) return false;
    --trials.tiles_left;
    return true;
}

// Complete log joint densities of the listed rows under component k, one after the other in candidates.joint.
template <class Real>
void listed_joint(const Job<Real>& job, std::ptrdiff_t k, std::ptrdiff_t n_listed, std::ptrdiff_t n_rows,
                  const Workspace<Real>& work) {
    const Candidates<Real>& candidates = work.candidates;
    const std::ptrdiff_t at_once = full_rows_at_once<Real>(job.n_features);
    const std::ptrdiff_t n = round_up(n_listed, at_once);
    for (std::ptrdiff_t i = n_listed; i < n; ++i) candidates.list[i] = candidates.list[n_listed - 1];
    gather_rows(work.panels, candidates.list, n, n_rows, job.n_features, job.tile_stride, candidates.gathered);
    full_component_joint(job, k, candidates.gathered, n, work.differences, candidates.joint);
}

// Those of `n` rows of the tile from `first` on.
template <class Real>
void rows_joint(const Job<Real>& job, std::ptrdiff_t k, std::ptrdiff_t first, std::ptrdiff_t n,
                const Workspace<Real>& work) {
    full_component_joint(job, k, work.rows + first, n, work.differences,
                         work.responsibilities + k * job.tile_stride + first);
}

// The log joint densities that the first features alone would have: bounds on the complete ones.
template <class Real>
void find_bounds(const Job<Real>& job, std::ptrdiff_t n_active, const Workspace<Real>& work) {
    const std::ptrdiff_t p = job.bound_features;
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        with_features<1>(
            p, SmallJoint<Real>{work.rows, job.means.high + k * job.n_features, job.residues + k * job.residue_stride,
                                job.bound_factors + k * p * (p + 1) / 2, job.tile_stride, n_active, job.coefficients[k],
                                work.responsibilities + k * job.tile_stride});
    }
}

// The complete densities of each row's likeliest component by the bounds, and the thresholds that follow. Their
// bounds are then -inf, so that they are not candidates again.
template <class Real>
void find_thresholds(const Job<Real>& job, std::ptrdiff_t n_rows, std::ptrdiff_t n_active,
                     const Workspace<Real>& work) {
    const Candidates<Real>& candidates = work.candidates;
    chain_rows(candidates.likeliest, n_active, job.n_components, candidates.heads, candidates.next);
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        std::ptrdiff_t n = 0;
        for (std::int32_t r = candidates.heads[k]; r != 0; r = candidates.next[r - 1]) {
            candidates.list[n++] = static_cast<std::uint8_t>(r - 1);
        }
        if (n == 0) continue;
        listed_joint(job, k, n, n_rows, work);
        for (std::ptrdiff_t i = 0; i < n; ++i) {
            const std::uint8_t r = candidates.list[i];
            candidates.highest[r] = candidates.joint[i];
            candidates.thresholds[r] = candidates.joint[i] - negligible<Real>;
            work.responsibilities[k * job.tile_stride + r] = -__builtin_inf();
        }
    }
}

// Log joint densities where they can matter, and work.active; elsewhere in an active granule stands a bound that is
// negligible. False where too many would have to be computed, or the call was stopped.
template <class Real>
bool bounded_log_joint(const Job<Real>& job, std::ptrdiff_t n_rows, std::ptrdiff_t n_active,
                       const Workspace<Real>& work) {
    const Candidates<Real>& candidates = work.candidates;
    const std::ptrdiff_t stride = job.tile_stride;
    find_bounds(job, n_active, work);
    find_likeliest(work.responsibilities, job.n_components, stride, n_active, candidates.likeliest);
    find_thresholds(job, n_rows, n_active, work);
    std::ptrdiff_t n_complete = 0;
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        if (job.stopped(job.stop_argument)) return false;
        Real* joint = work.responsibilities + k * stride;
        work.active[k] = 0;
        const std::ptrdiff_t n = list_candidates(joint, candidates.thresholds, n_active, candidates.list);
        if (n == 0) continue;
        listed_joint(job, k, n, n_rows, work);
        for (std::ptrdiff_t i = 0; i < n; ++i) {
            const std::uint8_t r = candidates.list[i];
            joint[r] = candidates.joint[i];
            work.active[k] |= std::uint64_t(!(joint[r] < candidates.thresholds[r])) << (r / granule<Real>);
        }
        n_complete += n;
        if (k + 1 == components_to_judge_by && n_complete > most_complete * components_to_judge_by * n_active)
            return false;
    }
    for (std::ptrdiff_t r = 0; r < n_active; ++r) {
        const auto k = static_cast<std::ptrdiff_t>(candidates.likeliest[r]);
        work.responsibilities[k * stride + r] = candidates.highest[r];
        work.active[k] |= std::uint64_t{1} << (r / granule<Real>);
    }
    return true;
}

// Rows that are looked at together.
template <class Real>
std::ptrdiff_t group_rows(std::ptrdiff_t d) {
    const std::ptrdiff_t n = full_rows_at_once<Real>(d);
    return n > granule<Real> ? n : granule<Real>;
}

// Log joint densities of the components guessed for rows `first` ..., the thresholds that follow, and the components
// that can matter to one of them. Returns how many were guessed; these are the first of work.listed.
template <class Real>
std::ptrdiff_t find_near(const Job<Real>& job, std::ptrdiff_t begin, std::ptrdiff_t first, std::ptrdiff_t n,
                         std::ptrdiff_t n_rows, const Workspace<Real>& work) {
    const SortedRows<Real>& sorted = work.sorted;
    std::ptrdiff_t n_guessed = 0;
    for (std::ptrdiff_t r = first; r < first + n && r < n_rows;) {
        const std::int32_t k = sorted.guesses[begin + r];
        const Real* joint = work.responsibilities + k * job.tile_stride;
        rows_joint(job, k, first, n, work);
        work.listed[n_guessed++] = k;
        Real lowest = joint[r];
        for (; r < first + n && r < n_rows && sorted.guesses[begin + r] == k; ++r) {
            lowest = joint[r] < lowest || joint[r] != joint[r] ? joint[r] : lowest;
            work.candidates.thresholds[r] = joint[r] - negligible<Real>;
        }
        const Real square = 2 * (job.coefficients[k] - lowest);
        const float radius = static_cast<float>(__builtin_sqrt(square > 0 || square != square ? square : Real(0)));
        add_near(job.grouping.reaches + k * job.grouping.reach_stride, job.n_components, radius * 1.001f + 0.001f,
                 sorted.near);
    }
    for (std::ptrdiff_t r = n_rows; r < first + n; ++r) work.candidates.thresholds[r] = __builtin_inf();
    return n_guessed;
}

// Notes in which granules component k matters.
template <class Real>
void note_active(const Real* joint, const Real* thresholds, std::ptrdiff_t first, std::ptrdiff_t n,
                 std::uint64_t& active) {
    for (std::ptrdiff_t r = first; r < first + n; r += lanes<Real>) {
        const auto matters = !(load<Real>(joint + r) < load<Real>(thresholds + r));
        active |= std::uint64_t{lane_bits<Real>(matters) != 0} << (r / granule<Real>);
    }
}

// Log joint densities of sorted rows where they can matter, and work.active. False where too many would have to be
// computed, or the call was stopped.
template <class Real>
bool near_log_joint(const Job<Real>& job, std::ptrdiff_t begin, std::ptrdiff_t n_rows, std::ptrdiff_t n_active,
                    const Workspace<Real>& work) {
    const std::ptrdiff_t n = group_rows<Real>(job.n_features);
    const std::ptrdiff_t n_words = (job.n_components + 63) / 64;
    std::uint64_t* near = work.sorted.near;
    std::ptrdiff_t n_complete = 0;
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) work.active[k] = 0;
    for (std::ptrdiff_t first = 0; first < n_active; first += n) {
        if (job.stopped(job.stop_argument)) return false;
        for (std::ptrdiff_t w = 0; w < n_words; ++w) near[w] = 0;
        const std::ptrdiff_t n_guessed = first < n_rows ? find_near(job, begin, first, n, n_rows, work) : 0;
        n_complete += n_guessed;
        for (std::ptrdiff_t i = 0; i < n_guessed; ++i) {
            const std::int32_t k = work.listed[i];
            near[k / 64] &= ~(std::uint64_t{1} << (k % 64));
            note_active(work.responsibilities + k * job.tile_stride, work.candidates.thresholds, first, n,
                        work.active[k]);
        }
        for (std::ptrdiff_t w = 0; w < n_words; ++w) {
            for (std::uint64_t bits = near[w]; bits != 0; bits &= bits - 1) {
                const std::ptrdiff_t k = 64 * w + __builtin_ctzll(bits);
                if (k >= job.n_components) break;
                rows_joint(job, k, first, n, work);
                note_active(work.responsibilities + k * job.tile_stride, work.candidates.thresholds, first, n,
                            work.active[k]);
                ++n_complete;
            }
        }
        const std::ptrdiff_t n_groups = first / n + 1;
        if (n_groups == groups_to_judge_by && n_complete > most_near * n_groups * job.n_components) return false;
    }
    return true;
}

// The share of granules that are active.
template <class Real>
double active_share(const Job<Real>& job, std::ptrdiff_t n_active, const std::uint64_t* active) {
    std::ptrdiff_t n = 0;
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) n += __builtin_popcountll(active[k]);
    return static_cast<double>(n * granule<Real>) / static_cast<double>(n_active * job.n_components);
}

// Moments about a common point, of all components at once.
template <class Real>
bool sums_by_products(const Job<Real>& job) {
    return job.whitened || job.n_terms > 0;
}

// Products take whole tiles.
template <class Real>
void clear_inactive(const Job<Real>& job, std::ptrdiff_t n_active, const Workspace<Real>& work) {
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        for_active_vectors<Real>(all_active<Real>(n_active) & ~work.active[k], [&](std::ptrdiff_t r) {
            store<Real>(work.responsibilities + k * job.tile_stride + r, Vector<Real>{});
        });
    }
}

template <class Real>
void normalise_tile(const Job<Real>& job, std::ptrdiff_t n_active, bool skip, const Workspace<Real>& work) {
    if (skip) {
        normalise_active(work.responsibilities, job.n_components, job.tile_stride, n_active, work.weights, work.active,
                         work.log_density, work.log_certainty, work.listed);
        if (sums_by_products(job)) clear_inactive(job, n_active, work);
        return;
    }
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) work.active[k] = all_active<Real>(n_active);
    normalise(work.responsibilities, job.n_components, job.tile_stride, n_active, work.weights, work.log_density,
              work.log_certainty);
}

// weights[r] r_k(x) for every component; log densities and certainties. False when the call was stopped.
template <class Real>
bool find_responsibilities(const Job<Real>& job, std::ptrdiff_t n_active, bool skip, Ahead ahead,
                           const Workspace<Real>& work) {
    if (!log_joint(job, n_active, ahead, work)) return false;
    if (skip) {
        find_active(work.responsibilities, job.n_components, job.tile_stride, n_active, work.active);
        skip = active_share(job, n_active, work.active) <= most_active;
        if (!skip) disappointed(work.experience->skipping);
    }
    normalise_tile(job, n_active, skip, work);
    return true;
}

// The same by way of bounds; false also where they do not pay.
template <class Real>
bool find_bounded_responsibilities(const Job<Real>& job, std::ptrdiff_t begin, std::ptrdiff_t n_rows,
                                   std::ptrdiff_t n_active, const Workspace<Real>& work) {
    if (pauses(work.experience->bounds)) return false;
    load_panels(job, begin, n_rows, work);
    if (!bounded_log_joint(job, n_rows, n_active, work)) {
        disappointed(work.experience->bounds);
        return false;
    }
    normalise_tile(job, n_active, true, work);
    return true;
}

// The same for sorted rows.
template <class Real>
bool find_near_responsibilities(const Job<Real>& job, std::ptrdiff_t begin, std::ptrdiff_t n_rows,
                                std::ptrdiff_t n_active, const Workspace<Real>& work) {
    if (pauses(work.experience->grouping)) return false;
    if (!near_log_joint(job, begin, n_rows, n_active, work)) {
        disappointed(work.experience->grouping);
        return false;
    }
    normalise_tile(job, n_active, true, work);
    return true;
}

// Whether a log density came out as no finite number.
template <class Real>
bool has_far_rows(const Real* log_density, std::ptrdiff_t n_rows) {
    Vector<Real> differences = {};
    for (std::ptrdiff_t r = 0; r < n_rows; r += lanes<Real>)
        differences += load<Real>(log_density + r) - load<Real>(log_density + r);
    return sum_lanes<Real>(differences) != 0;
}

// sum w v over the rows; those beyond the last have weight 0, and some no v.
template <class Real>
double weighted_sum(const Real* weights, const Real* values, std::ptrdiff_t n_active) {
    Vector<Real> total = {};
    for (std::ptrdiff_t r = 0; r < n_active; r += lanes<Real>) {
        const Vector<Real> weight = load<Real>(weights + r);
        total += weight == Real(0) ? Vector<Real>{} : weight * load<Real>(values + r);
    }
    return sum_lanes<Real>(total);
}

// sum w log p(x) of a tile, less the shift; settles rows that are far from all components.
template <class Real>
double log_likelihood_of_tile(const Job<Real>& job, std::ptrdiff_t n_rows, std::ptrdiff_t n_active,
                              const Workspace<Real>& work) {
    if (!has_far_rows(work.log_density, n_rows)) return weighted_sum(work.weights, work.log_density, n_active);
    clear_inactive(job, n_active, work);
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) work.active[k] = all_active<Real>(n_active);
    return settle_far_rows(job, n_active, work);
}

template <class Real>
struct StripMoments {
    const Job<Real>& job;
    std::ptrdiff_t k;
    const Workspace<Real>& work;
    double *count, *firsts, *seconds;

    template <int D>
    void call() const {
        if constexpr (D <= most_strip_features<Real>) {
            strip_moments<Real, D>(work.rows, job.centres + k * D, work.responsibilities + k * job.tile_stride,
                                   job.tile_stride, work.active[k], count, firsts, seconds);
        }
    }
};

// Moments of one component whose covariance is a matrix.
template <class Real>
void matrix_moments(const Job<Real>& job, std::ptrdiff_t k, std::ptrdiff_t n_rows, const Workspace<Real>& work,
                    double* count, double* firsts, double* seconds) {
    const std::ptrdiff_t d = job.n_features;
    const std::ptrdiff_t stride = job.tile_stride;
    const Real* centre = job.centres + k * d;
    const Real* responsibilities = work.responsibilities + k * stride;
    if (uses_strips(job)) {
        with_features<1>(d, StripMoments<Real>{job, k, work, count, firsts, seconds});
    } else if (uses_panels(job)) {
        *count += sum_active_rows(responsibilities, work.active[k]);
        for_active_vectors<Real>(work.active[k], [&](std::ptrdiff_t r) {
            store<Real>(work.roots + r, square_root<Real>(load<Real>(responsibilities + r)));
        });
        const std::ptrdiff_t n_scaled =
            scale_panels(work.panels, centre, work.roots, d, stride, n_rows, work.active[k], work.differences, firsts);
        panel_second_moments(work.differences, d, stride, n_scaled, seconds);
    } else {
        subtract_from_active(work.rows, centre, d, stride, work.active[k], work.differences);
        blocked_moments(work.differences, responsibilities, d, stride, work.active[k], count, firsts, seconds);
    }
}

template <class Real>
void component_moments(const Job<Real>& job, std::ptrdiff_t k, std::ptrdiff_t n_rows, const Workspace<Real>& work,
                       Statistics& statistics) {
    const std::ptrdiff_t d = job.n_features;
    double* count = statistics.counts + k;
    double* firsts = statistics.firsts + k * d;
    const Real* centre = job.centres + k * d;
    const Real* responsibilities = work.responsibilities + k * job.tile_stride;
    switch (job.structure) {
        case Structure::full:
            return matrix_moments(job, k, n_rows, work, count, firsts, statistics.seconds + k * d * d);
        case Structure::tied: return matrix_moments(job, k, n_rows, work, count, firsts, statistics.seconds);
        case Structure::diag:
            *count += sum_active_rows(responsibilities, work.active[k]);
            return diag_moments(work.rows, centre, responsibilities, d, job.tile_stride, work.active[k], firsts,
                                statistics.seconds + k * d);
        case Structure::spherical:
            return spherical_moments(work.rows, centre, responsibilities, d, job.tile_stride, work.active[k], count,
                                     firsts, statistics.seconds + k);
    }
}

// Counts, and moments about the common point; tied: only the first, the total scatter is known.
template <class Real>
void all_moments(const Job<Real>& job, std::ptrdiff_t n_active, const Workspace<Real>& work, Statistics& statistics) {
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        statistics.counts[k] += sum_rows(work.responsibilities + k * job.tile_stride, n_active);
    }
    product_moments(work.responsibilities, work.differences, job.n_components, job.n_features,
                    job.whitened ? job.n_features : job.n_terms, job.tile_stride, n_active, statistics.firsts,
                    statistics.seconds);
}

// A feature of ones after the last, for the counts and first moments, and zeros up to whole blocks.
template <class Real>
void append_ones(const Job<Real>& job, std::ptrdiff_t n_active, const Workspace<Real>& work) {
    for (std::ptrdiff_t j = job.n_features; j < round_up(job.n_features + 1, 4); ++j) {
        Real* feature = work.differences + j * job.tile_stride;
        for (std::ptrdiff_t r = 0; r < n_active; ++r) feature[r] = j == job.n_features ? Real(1) : Real(0);
    }
}

template <class Real>
void add_moments(const Job<Real>& job, std::ptrdiff_t begin, std::ptrdiff_t n_rows, std::ptrdiff_t n_active,
                 const Workspace<Real>& work, Statistics& statistics) {
    if (sums_by_products(job)) return all_moments(job, n_active, work, statistics);
    if (uses_panels(job)) {
        load_panels(job, begin, n_rows, work);
    } else if (has_matrices(job.structure) && !uses_strips(job)) {
        append_ones(job, n_active, work);
    }
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        if (job.stopped(job.stop_argument)) return;
        if (work.active[k] == 0) continue;
        component_moments(job, k, n_rows, work, statistics);
    }
}

template <class Real>
double weight_of_tile(const Rows<Real>& rows, std::ptrdiff_t begin, std::ptrdiff_t n_rows) {
    if (rows.weights == nullptr) return static_cast<double>(n_rows);
    double weight = 0;
    for (std::ptrdiff_t r = 0; r < n_rows; ++r) weight += rows.weights[begin + r];
    return weight;
}

template <class Real>
void accumulate_tile(const Job<Real>& job, std::ptrdiff_t begin, std::ptrdiff_t n_rows, const Workspace<Real>& work,
                     Statistics& statistics) {
    const std::ptrdiff_t n_active = round_up(n_rows, row_vectors * lanes<Real>);
    load_tile(job.rows, begin, n_rows, n_active, job.tile_stride, work.rows);
    load_weights(job.rows, begin, n_rows, n_active, work.weights);
    const double weight = weight_of_tile(job.rows, begin, n_rows);
    statistics.weight += weight;
    if (job.given.data != nullptr) {
        load_given(job, begin, n_rows, n_active, work);
    } else {
        const bool skip = job.skip && !job.hard;  // hard assignment looks at every responsibility
        const Ahead ahead = look_ahead(job, begin + n_rows);
        const bool done =
            (skip && job.grouping.n_rows > 0 && find_near_responsibilities(job, begin, n_rows, n_active, work)) ||
            (skip && job.bound_features > 0 && find_bounded_responsibilities(job, begin, n_rows, n_active, work));
        if (!done && !find_responsibilities(job, n_active, skip && !pauses(work.experience->skipping), ahead, work))
            return;
        statistics.log_likelihood += log_likelihood_of_tile(job, n_rows, n_active, work) + weight * job.shift;
        statistics.log_certainty += weighted_sum(work.weights, work.log_certainty, n_active);
        if (job.hard) harden(work.responsibilities, job.n_components, job.tile_stride, n_active, work.weights);
    }
    if (job.moments) add_moments(job, begin, n_rows, n_active, work, statistics);
}

// For each row of a block the component that it seems nearest to.
template <class Real>
void guess_block(const Job<Real>& job, std::ptrdiff_t begin, std::ptrdiff_t n_rows, const Workspace<Real>& work) {
    const SortedRows<Real>& sorted = work.sorted;
    const std::ptrdiff_t d = job.n_features;
    float* guesses = sorted.centred + d * scan_stride;
    for (std::ptrdiff_t t = 0; t < n_rows; t += job.tile_rows) {
        const std::ptrdiff_t n = n_rows - t < job.tile_rows ? n_rows - t : job.tile_rows;
        load_tile(job.rows, begin + t, n, n, job.tile_stride, work.rows);
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            const Real* from = work.rows + j * job.tile_stride;
            const Real origin = static_cast<Real>(job.grouping.origin[j]);
            for (std::ptrdiff_t r = 0; r < n; ++r)
                sorted.centred[j * scan_stride + r] = static_cast<float>(from[r] - origin);
        }
        guess_components(sorted.centred, job.grouping.scores, job.n_components, d, scan_stride, n, guesses);
        for (std::ptrdiff_t r = 0; r < n; ++r) sorted.unsorted[t + r] = static_cast<std::int32_t>(guesses[r]);
    }
}

template <class Real>
void copy_row(const Real* from, std::ptrdiff_t feature_stride, std::ptrdiff_t d, Real* to) {
    if (feature_stride == 1) {
        __builtin_memcpy(to, from, static_cast<std::size_t>(d) * sizeof(Real));
        return;
    }
    for (std::ptrdiff_t j = 0; j < d; ++j) to[j] = from[j * feature_stride];
}

// The rows of a block, sorted by the component that each seems nearest to.
template <class Real>
Rows<Real> sort_block(const Job<Real>& job, std::ptrdiff_t begin, std::ptrdiff_t n_rows, const Workspace<Real>& work) {
    const SortedRows<Real>& sorted = work.sorted;
    const Rows<Real>& rows = job.rows;
    const std::ptrdiff_t d = job.n_features;
    guess_block(job, begin, n_rows, work);
    place_rows(sorted.unsorted, n_rows, job.n_components, sorted.starts, sorted.places);
    for (std::ptrdiff_t r = 0; r < n_rows; ++r) {
        const std::ptrdiff_t to = sorted.places[r];
        copy_row(rows.data + (begin + r) * rows.row_stride, rows.feature_stride, d, sorted.rows + to * d);
        sorted.guesses[to] = sorted.unsorted[r];
        if (rows.weights != nullptr) sorted.weights[to] = rows.weights[begin + r];
    }
    return {sorted.rows, n_rows, d, d, 1, rows.weights != nullptr ? sorted.weights : nullptr};
}

template <class Real>
void accumulate_block(const Job<Real>& job, std::ptrdiff_t begin, std::ptrdiff_t n_rows, const Workspace<Real>& work,
                      Statistics& statistics) {
    Job<Real> sorted = job;
    sorted.rows = sort_block(job, begin, n_rows, work);
    for (std::ptrdiff_t t = 0; t < n_rows; t += job.tile_rows) {
        if (job.stopped(job.stop_argument)) return;
        accumulate_tile(sorted, t, n_rows - t < job.tile_rows ? n_rows - t : job.tile_rows, work, statistics);
    }
}

// What stands in the place of the responsibilities, plus a number, row by row.
template <class Real>
void write_by_rows(const Job<Real>& job, std::ptrdiff_t n_rows, const Workspace<Real>& work, double shift, Real* out) {
    for (std::ptrdiff_t r = 0; r < n_rows; ++r) {
        for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
            out[r * job.n_components + k] = Real(work.responsibilities[k * job.tile_stride + r] + shift);
        }
    }
}

// Of rows so far away that no component had a number: the log density and the logarithms of what was settled instead.
template <class Real>
void write_far_joint(const Job<Real>& job, std::ptrdiff_t n_rows, const Workspace<Real>& work, Real* out) {
    for (std::ptrdiff_t r = 0; r < n_rows; ++r) {
        Real* row = out + r * job.n_components;
        bool is_far = true;
        for (std::ptrdiff_t k = 0; k < job.n_components; ++k) is_far = is_far && !__builtin_isfinite(row[k]);
        if (!is_far) continue;
        for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
            const double share = work.responsibilities[k * job.tile_stride + r];
            row[k] = Real(work.log_density[r] + job.shift + __builtin_log(share));
        }
    }
}

// The first of the largest responsibilities, so that labels are the argmax of what is written.
template <class Real>
void write_labels(const Job<Real>& job, std::ptrdiff_t n_rows, const Workspace<Real>& work, std::int64_t* out) {
    for (std::ptrdiff_t r = 0; r < n_rows; ++r) {
        std::int64_t best = 0;
        for (std::ptrdiff_t k = 1; k < job.n_components; ++k) {
            if (work.responsibilities[k * job.tile_stride + r] > work.responsibilities[best * job.tile_stride + r])
                best = k;
        }
        out[r] = best;
    }
}

template <class Real>
void evaluate_tile(const Job<Real>& job, std::ptrdiff_t begin, std::ptrdiff_t n_rows, const Workspace<Real>& work,
                   const Evaluation<Real>& out) {
    const std::ptrdiff_t n_active = round_up(n_rows, row_vectors * lanes<Real>);
    load_tile(job.rows, begin, n_rows, n_active, job.tile_stride, work.rows);
    for (std::ptrdiff_t r = 0; r < n_active; ++r) work.weights[r] = 1;
    if (!log_joint(job, n_active, look_ahead(job, begin + n_rows), work)) return;
    if (out.log_joint != nullptr) {
        write_by_rows(job, n_rows, work, job.shift, out.log_joint + begin * job.n_components);
    }
    normalise_tile(job, n_active, false, work);
    if (has_far_rows(work.log_density, n_rows)) {
        settle_far_rows(job, n_active, work);
        if (out.log_joint != nullptr) write_far_joint(job, n_rows, work, out.log_joint + begin * job.n_components);
    }
    if (out.log_density != nullptr) {
        for (std::ptrdiff_t r = 0; r < n_rows; ++r) out.log_density[begin + r] = Real(work.log_density[r] + job.shift);
    }
    if (out.responsibilities != nullptr) {
        write_by_rows(job, n_rows, work, 0, out.responsibilities + begin * job.n_components);
    }
    if (out.labels != nullptr) write_labels(job, n_rows, work, out.labels + begin);
}

}  // namespace

extern const KernelSet MIXTURA_KERNELS;
const KernelSet MIXTURA_KERNELS = {
    MIXTURA_STRING(MIXTURA_KERNELS),
    &find_reaches,
    {&cholesky, &invert_upper, &times_upper, &upper_times},
    {&accumulate_tile<double>, &accumulate_block<double>, &evaluate_tile<double>},
    {&accumulate_tile<float>, &accumulate_block<float>, &evaluate_tile<float>},
};

}  // namespace mixtura
