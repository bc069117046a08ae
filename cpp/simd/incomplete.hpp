// Rows of which features are missing at random (Dempster, Laird & Rubin 1977; Ghahramani & Jordan 1994). A component
// completes a row by what it expects there, x^ = (x_o, E[x_m | x_o]), and then, with C the covariance of x_m given x_o,
//     log p(x_o) = log p(x^) + m/2 log 2 pi + 1/2 log |C|,
//     E[(x - c)(x - c)^T | x_o] = (x^ - c)(x^ - c)^T + C in the missing block,
// so that the kernels of complete rows serve, and sums have the shape that they have there. For t components the
// distance is that of x^ with o features, and C counts r, not r u (Liu & Rubin 1995). Where features are apart x^ is
// the mean: the kernels put it in the place of NaN as they read the rows.
#pragma once

#include "simd/job.hpp"
#include "simd/joint.hpp"
#include "simd/lane_sums.hpp"
#include "simd/moments.hpp"
#include "simd/student.hpp"
#include "simd/vector.hpp"

namespace mixtura {
namespace {

// Lists the features that row `row` lacks, then the others; returns how many it lacks.
template <class Real>
std::ptrdiff_t list_features(const Rows<Real>& rows, std::int64_t row, std::int32_t* features) {
    const Real* from = rows.data + row * rows.row_stride;
    std::ptrdiff_t n_missing = 0;
    for (std::ptrdiff_t j = 0; j < rows.n_features; ++j) {
        const Real value = from[j * rows.feature_stride];
        if (value != value) features[n_missing++] = static_cast<std::int32_t>(j);
    }
    std::ptrdiff_t n = n_missing;
    for (std::ptrdiff_t j = 0; j < rows.n_features; ++j) {
        const Real value = from[j * rows.feature_stride];
        if (value == value) features[n++] = static_cast<std::int32_t>(j);
    }
    return n_missing;
}

// The pattern that row `at` of the order has.
inline std::ptrdiff_t pattern_at(const Patterns& patterns, std::ptrdiff_t at) {
    std::ptrdiff_t low = 0, high = patterns.n_patterns;
    while (high - low > 1) {
        const std::ptrdiff_t middle = (low + high) / 2;
        (patterns.begins[middle] <= at ? low : high) = middle;
    }
    return low;
}

// How much of the room for a tile is taken.
struct Taken {
    std::ptrdiff_t n_runs = 0, n_rows = 0, room = 0, cells = 0;
};

// The conditionals of a run, from the table or found now.
template <class Real>
const Conditional* conditionals_of(const Job<Real>& job, std::ptrdiff_t pattern, const Run& run, Taken& taken,
                                   const Workspace<Real>& work) {
    const std::ptrdiff_t n = n_covariances(job.structure, job.n_components);
    if (job.completion.table != nullptr) return job.completion.table + pattern * n;
    Conditional* found = work.incomplete.conditionals + taken.n_runs * n;
    for (std::ptrdiff_t c = 0; c < n; ++c) {
        found[c] = find_conditional(job.completion.matrices[c], run.features, run.n_missing,
                                    work.incomplete.room + taken.room);
        taken.room += conditional_size(run.n_missing, job.n_features);
    }
    return found;
}

// Divides the next rows of the order into runs, `n_rows` at most and as many as there is room for.
template <class Real>
Taken find_runs(const Job<Real>& job, std::ptrdiff_t begin, std::ptrdiff_t n_rows, const Workspace<Real>& work) {
    const Patterns& patterns = job.rows.patterns;
    const std::ptrdiff_t d = job.n_features;
    const bool has_conditionals = job.completion.matrices != nullptr;
    const std::ptrdiff_t n = has_conditionals ? n_covariances(job.structure, job.n_components) : 0;
    Taken taken;
    if (!job.completion.by_pattern) {
        work.incomplete.runs[0] = {0, n_rows, 0, nullptr, nullptr, 0};
        return {1, n_rows};
    }
    for (std::ptrdiff_t p = pattern_at(patterns, begin); taken.n_rows < n_rows; ++p) {
        Run& run = work.incomplete.runs[taken.n_runs];
        std::int32_t* features = work.incomplete.features + taken.n_runs * d;
        std::ptrdiff_t end = patterns.begins[p + 1] - begin < n_rows ? patterns.begins[p + 1] - begin : n_rows;
        const std::ptrdiff_t n_missing = list_features(job.rows, patterns.order[begin + taken.n_rows], features);
        run = {taken.n_rows, end, n_missing, features, nullptr, taken.cells};
        if (has_conditionals && n_missing > 0) {
            const std::ptrdiff_t fitting = (job.completion.n_cells - taken.cells) / n_missing;
            const std::ptrdiff_t size = job.completion.table != nullptr ? 0 : n * conditional_size(n_missing, d);
            if (taken.n_runs > 0 && (fitting < 1 || taken.room + size > job.completion.room)) break;
            const bool is_cut = run.end - run.begin > fitting;
            if (is_cut) end = run.end = run.begin + fitting;
            run.conditional = conditionals_of(job, p, run, taken, work);
            taken.cells += n_missing * (run.end - run.begin);
            if (is_cut) n_rows = end;
        }
        ++taken.n_runs;
        taken.n_rows = end;
    }
    return taken;
}

// What the rows bring beside their features, in their order.
template <class Real>
void gather_beside(const Job<Real>& job, std::ptrdiff_t begin, std::ptrdiff_t n_rows, const Workspace<Real>& work,
                   Rows<Real>& tile) {
    const Rows<Real>& rows = job.rows;
    const std::int64_t* order = rows.patterns.order + begin;
    const std::ptrdiff_t n_terms = rows.labels.n_terms;
    for (std::ptrdiff_t r = 0; r < n_rows; ++r) {
        if (rows.weights != nullptr) work.incomplete.weights[r] = rows.weights[order[r]];
        if (rows.labels.components != nullptr) work.incomplete.labels[r] = rows.labels.components[order[r]];
        for (std::ptrdiff_t t = 0; t < n_terms; ++t)
            work.incomplete.log_terms[r * n_terms + t] = rows.labels.log_terms[order[r] * n_terms + t];
    }
    if (rows.weights != nullptr) tile.weights = work.incomplete.weights;
    if (rows.labels.components != nullptr) tile.labels.components = work.incomplete.labels;
    if (rows.labels.log_terms != nullptr) {
        tile.labels.log_terms = work.incomplete.log_terms;
        tile.labels.n_terms = n_terms;
    }
}

// The job of the next rows of the order, at most `n_rows`: they lie in work.rows then.
template <class Real>
Job<Real> gather_tile(const Job<Real>& job, std::ptrdiff_t begin, std::ptrdiff_t n_rows, const Workspace<Real>& work) {
    const Taken taken = find_runs(job, begin, n_rows, work);
    const Tile tile = tile_of<Real>(0, taken.n_rows);
    const Rows<Real>& rows = job.rows;
    const std::int64_t* order = rows.patterns.order + begin;
    load_ordered(rows, order, tile, job.tile_stride, work.rows);
    work.incomplete.runs[taken.n_runs - 1].end = tile.n_active;
    Job<Real> of_tile = job;
    of_tile.rows = {work.rows, taken.n_rows, rows.n_features, 1, job.tile_stride};
    gather_beside(job, begin, taken.n_rows, work, of_tile.rows);
    of_tile.n_runs = taken.n_runs;
    of_tile.places = order;
    return of_tile;
}

// From the completed cells of one component to those of the next.
template <class Real>
std::ptrdiff_t component_cells(const Job<Real>& job) {
    return job.completion.n_cells + job.n_features * cell_slack;
}

// f(run) for each run of a tile in which features are missing.
template <class Real, class Function>
void for_incomplete_runs(const Job<Real>& job, const Workspace<Real>& work, const Function& f) {
    for (std::ptrdiff_t i = 0; i < job.n_runs; ++i) {
        if (work.incomplete.runs[i].n_missing > 0) f(work.incomplete.runs[i]);
    }
}

inline std::ptrdiff_t place_at(const std::int32_t* places, std::ptrdiff_t i) {
    return places == nullptr ? i : places[i];
}

// `count` rows of `multiply_vectors`, from row i on: their sums side by side, since one waits for its last addition.
template <int count, class Real>
void multiply_some(const double* matrix, std::ptrdiff_t d, const std::int32_t* rows, std::ptrdiff_t i,
                   const std::int32_t* columns, std::ptrdiff_t n_columns, const Real* x, Real* out) {
    const double* row[count];
    for (int a = 0; a < count; ++a) row[a] = matrix + place_at(rows, i + a) * d;
    Vector<Real> sum[count];
    for (int a = 0; a < count; ++a) sum[a] = Vector<Real>{};  // as `= {}` they would be cleared in memory
    for (std::ptrdiff_t j = 0; j < n_columns; ++j) {
        const Vector<Real> value = load<Real>(x + j * lanes<Real>);
        const std::ptrdiff_t column = place_at(columns, j);
        for (int a = 0; a < count; ++a) sum[a] += static_cast<Real>(row[a][column]) * value;
    }
    for (int a = 0; a < count; ++a) store<Real>(out + (i + a) * lanes<Real>, sum[a]);
}

// out_i = sum_j matrix[rows_i * d + columns_j] x_j, vectors of rows.
template <class Real>
void multiply_vectors(const double* matrix, std::ptrdiff_t d, const std::int32_t* rows, std::ptrdiff_t n_rows,
                      const std::int32_t* columns, std::ptrdiff_t n_columns, const Real* x, Real* out) {
    std::ptrdiff_t i = 0;
    for (; i + 4 <= n_rows; i += 4) multiply_some<4>(matrix, d, rows, i, columns, n_columns, x, out);
    if (n_rows - i == 3) return multiply_some<3>(matrix, d, rows, i, columns, n_columns, x, out);
    if (n_rows - i == 2) return multiply_some<2>(matrix, d, rows, i, columns, n_columns, x, out);
    if (n_rows - i == 1) multiply_some<1>(matrix, d, rows, i, columns, n_columns, x, out);
}

// Completes the rows of a run for component k, in the tile and in the cells.
template <class Real>
void complete_run(const Job<Real>& job, std::ptrdiff_t k, const Run& run, const Workspace<Real>& work) {
    const std::ptrdiff_t d = job.n_features, m = run.n_missing, o = d - m;
    const std::ptrdiff_t c = is_shared(job.structure) ? 0 : k;
    const Conditional& conditional = run.conditional[c];
    const Matrices& matrices = job.completion.matrices[c];
    const SplitPoint<Real> mean = offset(job.means, k * d);
    const std::int32_t *missing = run.features, *observed = run.features + m;
    Real *x = work.incomplete.differences, *q = work.incomplete.explained;
    Real* cells = work.incomplete.cells + k * (component_cells(job)) + run.cells;
    for (std::ptrdiff_t r = run.begin; r < run.end; r += lanes<Real>) {
        const std::ptrdiff_t n = run.end - r;
        for (std::ptrdiff_t j = 0; j < o; ++j) {
            const std::int32_t f = observed[j];
            store<Real>(x + j * lanes<Real>,
                        minus<Real>(load<Real>(work.rows + f * job.tile_stride + r), mean.high[f], mean.low[f]));
        }
        const bool by_observed = conditional.inverse_observed != nullptr;
        if (by_observed) {
            multiply_vectors<Real>(conditional.inverse_observed, o, nullptr, o, nullptr, o, x, q);
            multiply_vectors<Real>(matrices.covariance, d, missing, m, observed, o, q, x);
        } else {
            multiply_vectors<Real>(matrices.precision, d, missing, m, observed, o, x, q);
            multiply_vectors<Real>(conditional.covariance, m, nullptr, m, nullptr, m, q, x);
        }
        for (std::ptrdiff_t i = 0; i < m; ++i) {
            const std::int32_t f = missing[i];
            const Vector<Real> step = load<Real>(x + i * lanes<Real>);
            const Vector<Real> value = mean.high[f] + (mean.low[f] + (by_observed ? step : -step));
            store_first<Real>(work.rows + f * job.tile_stride + r, value, n);
            store_first<Real>(cells + i * (run.end - run.begin) + (r - run.begin), value, n);
        }
    }
}

// A tile as component k completed it before. Where features are apart, it stays as it is.
template <class Real>
void complete_again(const Job<Real>& job, std::ptrdiff_t k, const Workspace<Real>& work) {
    if (job.completion.matrices == nullptr) return;
    for_incomplete_runs(job, work, [&](const Run& run) {
        const std::ptrdiff_t n = run.end - run.begin;
        const Real* cells = work.incomplete.cells + k * (component_cells(job)) + run.cells;
        for (std::ptrdiff_t i = 0; i < run.n_missing; ++i) {
            __builtin_memcpy(work.rows + run.features[i] * job.tile_stride + run.begin, cells + i * n,
                             static_cast<std::size_t>(n) * sizeof(Real));
        }
    });
}

inline double variance(Structure structure, const double* variances, std::ptrdiff_t k, std::ptrdiff_t d,
                       std::ptrdiff_t feature) {
    return of_component(structure, variances, k, d)[structure == Structure::diag ? feature : 0];
}

// Of the i-th missing feature of a run, given those observed.
template <class Real>
double conditional_variance(const Job<Real>& job, std::ptrdiff_t k, const Run& run, std::ptrdiff_t i) {
    if (run.conditional == nullptr)
        return variance(job.structure, job.completion.variances, k, job.n_features, run.features[i]);
    return run.conditional[is_shared(job.structure) ? 0 : k].covariance[i * (run.n_missing + 1)];
}

// m/2 log 2 pi + 1/2 log |C| of component k.
template <class Real>
double height_of_run(const Job<Real>& job, const Run& run, std::ptrdiff_t k) {
    if (run.conditional != nullptr) return run.conditional[is_shared(job.structure) ? 0 : k].height;
    double product = 1, log_product = 0;
    for (std::ptrdiff_t i = 0; i < run.n_missing; ++i) {
        constexpr double two_pi = 6.283185307179586477;
        product *= two_pi * variance(job.structure, job.completion.variances, k, job.n_features, run.features[i]);
        if (product > 1e-100 && product < 1e100) continue;
        log_product += __builtin_log(product);
        product = 1;
    }
    return 0.5 * (log_product + __builtin_log(product));
}

// The densities of component k at the completed rows become those of what is observed.
template <class Real>
void observed_joint(const Job<Real>& job, std::ptrdiff_t k, const Workspace<Real>& work) {
    Real* joint = work.responsibilities + k * job.tile_stride;
    for (std::ptrdiff_t i = 0; i < job.n_runs; ++i) {
        const Run& run = work.incomplete.runs[i];
        const bool is_lower = run.n_missing > 0 && (run.conditional != nullptr || job.student != nullptr);
        const double height = is_lower ? height_of_run(job, run, k) : 0;
        if (job.student != nullptr) {
            const StudentTerm& term = job.completion.student[(job.n_features - run.n_missing) * job.n_components + k];
            student_rows(term, height, term.rest - job.student[k].rest, k, run.begin, run.end, job, work);
        } else if (is_lower) {
            for (std::ptrdiff_t r = run.begin; r < run.end; ++r) joint[r] += static_cast<Real>(height);
        }
    }
}

// Of every component. False when the call was stopped.
template <class Real>
bool incomplete_log_joint(const Job<Real>& job, const Tile& tile, const Workspace<Real>& work) {
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        if (job.stopped(job.stop_argument)) return false;
        if (job.completion.matrices != nullptr)
            for_incomplete_runs(job, work, [&](const Run& run) { complete_run(job, k, run, work); });
        component_joint(job, k, tile.n_active, work);
        observed_joint(job, k, work);
    }
    return true;
}

// How much wider than C the covariance of row r's missing features is: by the tails, given what is observed. Infinite
// where it has none.
template <class Real>
double widening(const Job<Real>& job, const Run& run, std::ptrdiff_t k, Real u) {
    if (job.student == nullptr) return 1;
    const double df = job.mixture->df[k] + static_cast<double>(job.n_features - run.n_missing);
    return df > 2 ? df / (df - 2) / static_cast<double>(u) : __builtin_inf();
}

// Rows whose moments are summed side by side.
constexpr std::ptrdiff_t side_by_side = 64;

// The responsibilities of `n` rows become those among the components alone; where noise has all, the weights.
template <class Real>
void leave_noise_out(const Job<Real>& job, std::ptrdiff_t begin, std::ptrdiff_t n, const Workspace<Real>& work) {
    double sum[side_by_side] = {}, of_all = 0;
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        const Real* share = work.responsibilities + k * job.tile_stride + begin;
        for (std::ptrdiff_t r = 0; r < n; ++r) sum[r] += share[r];
        of_all += job.mixture->weights[k];
    }
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        Real* share = work.responsibilities + k * job.tile_stride + begin;
        const double weight = job.mixture->weights[k] / of_all;
        for (std::ptrdiff_t r = 0; r < n; ++r) share[r] = Real(sum[r] > 0 ? share[r] / sum[r] : weight);
    }
}

// Of the i-th feature that `n` rows of a run lack, from row `begin` of the tile on.
template <class Real>
void write_expected_feature(const Job<Real>& job, const Run& run, std::ptrdiff_t i, std::ptrdiff_t begin,
                            std::ptrdiff_t n, const Workspace<Real>& work, const Evaluation<Real>& out) {
    const std::int32_t f = run.features[i];
    double mean[side_by_side] = {}, variance[side_by_side] = {};
    Real same[side_by_side];
    const auto expected_by = [&](std::ptrdiff_t k) -> const Real* {
        if (run.conditional != nullptr)
            return work.incomplete.cells + k * component_cells(job) + run.cells + i * (run.end - run.begin) +
                   (begin - run.begin);
        for (std::ptrdiff_t r = 0; r < n; ++r) same[r] = job.means.high[k * job.n_features + f];
        return same;
    };
    const std::int64_t* places = job.places + begin;
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        const Real *share = work.responsibilities + k * job.tile_stride + begin, *x = expected_by(k);
        for (std::ptrdiff_t r = 0; r < n; ++r) mean[r] += double(share[r]) * x[r];
    }
    for (std::ptrdiff_t r = 0; r < n; ++r) out.expected[places[r] * job.n_features + f] = Real(mean[r]);
    if (out.variances == nullptr) return;
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        const Real *share = work.responsibilities + k * job.tile_stride + begin, *x = expected_by(k);
        const double own = conditional_variance(job, k, run, i);
        if (job.student == nullptr) {
            for (std::ptrdiff_t r = 0; r < n; ++r)
                variance[r] += share[r] * (own + (x[r] - mean[r]) * (x[r] - mean[r]));
            continue;
        }
        const Real* u = work.scales + k * job.tile_stride + begin;
        for (std::ptrdiff_t r = 0; r < n; ++r) {
            const double away = x[r] - mean[r];
            if (share[r] > 0) variance[r] += share[r] * (own * widening(job, run, k, u[r]) + away * away);
        }
    }
    for (std::ptrdiff_t r = 0; r < n; ++r) out.variances[places[r] * job.n_features + f] = Real(variance[r]);
}

// Moments of the missing features given the others, over the components: those of noise are not known.
//     E[x] = sum_k r_k x^_k,     Var[x] = sum_k r_k (C_k + (x^_k - E[x])^2)
template <class Real>
void write_expected(const Job<Real>& job, const Workspace<Real>& work, const Evaluation<Real>& out) {
    for_incomplete_runs(job, work, [&](const Run& run) {
        const std::ptrdiff_t end = run.end < job.rows.n_rows ? run.end : job.rows.n_rows;
        for (std::ptrdiff_t begin = run.begin; begin < end; begin += side_by_side) {
            const std::ptrdiff_t n = end - begin < side_by_side ? end - begin : side_by_side;
            leave_noise_out(job, begin, n, work);
            for (std::ptrdiff_t i = 0; i < run.n_missing; ++i) write_expected_feature(job, run, i, begin, n, work, out);
        }
    });
}

// Noise is uniform in a box: on the features observed the density is 1 over the product of their sides.
template <class Real>
void add_log_sides(const Job<Real>& job, const Workspace<Real>& work) {
    if (job.n_densities == job.n_components || job.completion.log_sides == nullptr) return;
    Real* joint = work.responsibilities + job.n_components * job.tile_stride;
    for_incomplete_runs(job, work, [&](const Run& run) {
        double sum = 0;
        for (std::ptrdiff_t i = 0; i < run.n_missing; ++i) sum += job.completion.log_sides[run.features[i]];
        for (std::ptrdiff_t r = run.begin; r < run.end; ++r) joint[r] += static_cast<Real>(sum);
    });
}

// C, weight times over, to the second moments of component k: the lower triangle.
template <class Real>
void add_covariance(const Job<Real>& job, std::ptrdiff_t k, const Run& run, double weight, Statistics& statistics) {
    const std::ptrdiff_t d = job.n_features, m = run.n_missing;
    const std::ptrdiff_t c = is_shared(job.structure) ? 0 : k;
    const double* covariance = run.conditional[c].covariance;
    double* seconds = statistics.seconds + c * d * d;
    for (std::ptrdiff_t i = 0; i < m; ++i) {
        for (std::ptrdiff_t j = 0; j <= i; ++j)
            seconds[run.features[i] * d + run.features[j]] += weight * covariance[i * m + j];
    }
}

// Where features are apart: the variances of `features` from j on, as often as rows lack them.
template <class Real, int features>
void add_unseen_variances(const Job<Real>& job, std::ptrdiff_t k, std::ptrdiff_t j, const Workspace<Real>& work,
                          Statistics& statistics) {
    const std::ptrdiff_t d = job.n_features;
    const Real* responsibilities = work.responsibilities + k * job.tile_stride;
    Vector<Real> total[features] = {};
    for_active_vectors<Real>(work.active[k], [&](std::ptrdiff_t r) {
        const Vector<Real> weight = load<Real>(responsibilities + r);
#pragma GCC unroll 4
        for (int a = 0; a < features; ++a) {
            const Vector<Real> x = load<Real>(work.rows + (j + a) * job.tile_stride + r);
            total[a] += if_observed<Real>(x, Vector<Real>{}, weight);
        }
    });
    Real sums[room<Real>(features)];
    sum_all<Real, features>(total, sums);
    const bool is_diag = job.structure == Structure::diag;
    for (int a = 0; a < features; ++a) {
        statistics.seconds[is_diag ? k * d + j + a : k] +=
            sums[a] * variance(job.structure, job.completion.variances, k, d, j + a);
    }
}

template <class Real>
void add_unseen_variances(const Job<Real>& job, const Workspace<Real>& work, Statistics& statistics) {
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        std::ptrdiff_t j = 0;
        for (; j + 4 <= job.n_features; j += 4) add_unseen_variances<Real, 4>(job, k, j, work, statistics);
        for (; j < job.n_features; ++j) add_unseen_variances<Real, 1>(job, k, j, work, statistics);
    }
}

// What the missing features vary by, given the others: sum w r C. Before responsibilities are scaled.
template <class Real>
void add_conditional_covariances(const Job<Real>& job, const Workspace<Real>& work, Statistics& statistics) {
    if (job.completion.matrices == nullptr) return add_unseen_variances(job, work, statistics);
    for_incomplete_runs(job, work, [&](const Run& run) {
        double of_all = 0;
        for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
            const Real* responsibilities = work.responsibilities + k * job.tile_stride;
            double weight = 0;
            for (std::ptrdiff_t r = run.begin; r < run.end; ++r) weight += responsibilities[r];
            of_all += weight;
            if (!is_shared(job.structure) && weight > 0) add_covariance(job, k, run, weight, statistics);
        }
        if (is_shared(job.structure) && of_all > 0) add_covariance(job, 0, run, of_all, statistics);
    });
}

template <class Real>
void incomplete_moments(const Job<Real>& job, const Tile& tile, const Workspace<Real>& work, Statistics& statistics) {
    if (has_matrices(job.structure) && !uses_panels(job) && !uses_strips(job)) append_ones(job, tile.n_active, work);
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        if (job.stopped(job.stop_argument)) return;
        if (work.active[k] == 0) continue;
        complete_again(job, k, work);
        if (uses_panels(job)) load_panels(job, tile, work);
        component_moments(job, k, tile, work, statistics);
    }
}

}  // namespace
}  // namespace mixtura
