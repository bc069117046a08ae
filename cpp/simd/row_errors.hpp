// Rows that were measured with errors of a known covariance: extreme deconvolution (Bovy, Hogg & Roweis 2011). What was
// measured, x = v + e with e ~ N(0, E), has the density N(x | mu, T) under a component, T = Sigma + E, and of what is
// true, v, is known
//     E[v | x] = mu + Sigma T^-1 (x - mu),     Cov[v | x] = Sigma - Sigma T^-1 Sigma.
// With T = L L^T, u = L^-1 (x - mu) and W = L^-1 Sigma these are mu + W^T u and Sigma - W^T W. A feature that is
// missing, or of infinite variance, has no row and column in T. Each row has a T of its own, so lanes are rows; in
// double, whatever the rows are.
#pragma once

#include "simd/exp_log.hpp"
#include "simd/job.hpp"
#include "simd/lane_sums.hpp"
#include "simd/load.hpp"
#include "simd/unrolled.hpp"
#include "simd/vector.hpp"

namespace mixtura {
namespace {

using Lane = Vector<double>;

// Rows side by side.
constexpr std::ptrdiff_t rows_abreast = lanes<double>;

// Up to here matrices stay in registers or near them.
constexpr int most_unrolled_errors = 6;

static inline std::ptrdiff_t triangle(std::ptrdiff_t d) { return d * (d + 1) / 2; }

// Whether features are apart: neither components nor errors have covariances between them.
template <class Real>
bool features_are_apart(const Job<Real>& job) {
    return !has_matrices(job.structure) && !job.rows.errors.are_matrices;
}

// Some rows, with their errors.
struct Measured {
    Lane *rows, *seen, *errors;  // d, d (1 where a feature is there, else 0), d or the lower triangle by rows
    Lane n_seen;
    bool all_seen;
    Lane* room;  // for what is worked out, see room_of_errors
};

template <class Real>
Measured measured_room(const Job<Real>& job, const Workspace<Real>& work) {
    const std::ptrdiff_t d = job.n_features;
    auto* room = reinterpret_cast<Lane*>(work.deconvolved.room);
    return {room, room + d, room + 2 * d, Lane{}, true, room + 2 * d + triangle(d)};
}

// Row l of some: its features from the tile, its errors from where they lie.
template <class Real>
void load_measured_row(const Job<Real>& job, std::ptrdiff_t row, const Real* x, std::ptrdiff_t l, Measured& to) {
    const std::ptrdiff_t d = job.n_features;
    const RowErrors& errors = job.rows.errors;
    const double* own = errors.data + row * errors.row_stride;
    const std::ptrdiff_t step = errors.are_matrices ? d : 0;
    for (std::ptrdiff_t j = 0; j < d; ++j) {
        const auto value = static_cast<double>(x[j * job.tile_stride]);
        const bool is_seen = value == value && own[j * (step + 1)] < __builtin_inf();
        to.all_seen = to.all_seen && is_seen;
        to.n_seen[l] += is_seen;
        to.rows[j][l] = is_seen ? value : 0;
        to.seen[j][l] = is_seen;
        if (!errors.are_matrices && features_are_apart(job)) to.errors[j][l] = is_seen ? own[j] : 0;
    }
    if (features_are_apart(job)) return;
    Lane* entry = to.errors;
    for (std::ptrdiff_t i = 0; i < d; ++i) {
        for (std::ptrdiff_t j = 0; j <= i; ++j, ++entry) {
            const bool is_there = (i == j || errors.are_matrices) && to.seen[i][l] > 0 && to.seen[j][l] > 0;
            (*entry)[l] = is_there ? own[i * step + j] : 0;
        }
    }
}

template <class Real>
Measured load_measured(const Job<Real>& job, const Tile& tile, std::ptrdiff_t r, const Workspace<Real>& work) {
    Measured to = measured_room(job, work);
    for (std::ptrdiff_t l = 0; l < rows_abreast; ++l) {
        const std::ptrdiff_t within = r + l < tile.n_rows ? r + l : tile.n_rows - 1;
        load_measured_row(job, tile.begin + within, work.rows + within, l, to);
    }
    return to;
}

// Where the posterior of some rows in component k lies: E[v] - mu, then the covariance, of which the lower triangle by
// rows or, where features are apart, variances.
template <class Real>
Lane* posterior_of(const Job<Real>& job, std::ptrdiff_t k, std::ptrdiff_t r, const Workspace<Real>& work) {
    const std::ptrdiff_t size = job.n_features + (features_are_apart(job) ? job.n_features : triangle(job.n_features));
    auto* posteriors = reinterpret_cast<Lane*>(work.deconvolved.posteriors);
    return posteriors + (k * (job.tile_stride / rows_abreast) + r / rows_abreast) * size;
}

// log |T| + u^T u, and the posterior where it is asked for (not null). D: the number of features, 0: d, which is any.
template <int D>
Lane deconvolve_matrices(const Measured& at, const double* mean, const double* sigma, std::ptrdiff_t n_features,
                         Lane* posterior) {
    const std::ptrdiff_t d = D > 0 ? D : n_features;
    constexpr int unrolled = D > 0 ? D : 1;
    Lane near_factor[unrolled * (unrolled + 1) / 2], near_roots[unrolled], near_u[unrolled],
        near_w[unrolled * unrolled];
    Lane* const factor = D > 0 ? near_factor : at.room;
    Lane* const roots = D > 0 ? near_roots : factor + triangle(d);
    Lane* const u = D > 0 ? near_u : roots + d;
    Lane* const w = D > 0 ? near_w : u + d;
    Lane sum_logs = {}, square = {};
    for (std::ptrdiff_t i = 0; i < d; ++i) {
        Lane* const row = factor + triangle(i);
        Lane difference = (at.rows[i] - mean[i]) * at.seen[i];
        for (std::ptrdiff_t j = 0; j < i; ++j) {
            Lane sum = at.errors[triangle(i) + j] + sigma[i * d + j] * at.seen[i] * at.seen[j];
            const Lane* const above = factor + triangle(j);
            for (std::ptrdiff_t l = 0; l < j; ++l) sum -= row[l] * above[l];
            row[j] = sum * roots[j];
            difference -= row[j] * u[j];
        }
        Lane pivot = at.errors[triangle(i) + i] + sigma[i * (d + 1)] * at.seen[i] + (1 - at.seen[i]);
        for (std::ptrdiff_t l = 0; l < i; ++l) pivot -= row[l] * row[l];
        roots[i] = 1 / square_root<double>(pivot);
        sum_logs += log_positive<double>(pivot);
        u[i] = difference * roots[i];
        square += u[i] * u[i];
    }
    if (posterior == nullptr) return sum_logs + square;
    for (std::ptrdiff_t i = 0; i < d; ++i) {
        for (std::ptrdiff_t c = 0; c < d; ++c) {
            Lane sum = sigma[i * d + c] * at.seen[i];
            for (std::ptrdiff_t l = 0; l < i; ++l) sum -= factor[triangle(i) + l] * w[l * d + c];
            w[i * d + c] = sum * roots[i];
        }
    }
    Lane* covariance = posterior + d;
    for (std::ptrdiff_t i = 0; i < d; ++i) {
        Lane step = {};
        for (std::ptrdiff_t l = 0; l < d; ++l) step += w[l * d + i] * u[l];
        posterior[i] = step;
        for (std::ptrdiff_t j = 0; j <= i; ++j) {
            Lane left = splat<double>(sigma[i * d + j]);
            for (std::ptrdiff_t l = 0; l < d; ++l) left -= w[l * d + i] * w[l * d + j];
            *covariance++ = left;
        }
    }
    return sum_logs + square;
}

struct DeconvolveMatrices {
    const Measured& at;
    const double *mean, *sigma;
    Lane* posterior;
    Lane& distance;

    template <int D>
    void call() const {
        constexpr int unrolled = D <= most_unrolled_errors ? D : 0;
        distance = deconvolve_matrices<unrolled>(at, mean, sigma, D, posterior);
    }
};

// The same of features apart: v_j | x has the variance sigma_j e_j / t_j. `step`: 0 where they share a variance.
inline Lane deconvolve_features(const Measured& at, const double* mean, const double* variances, std::ptrdiff_t step,
                                std::ptrdiff_t d, Lane* posterior) {
    Lane sum = {};
    for (std::ptrdiff_t j = 0; j < d; ++j) {
        const double sigma = variances[j * step];
        const Lane difference = (at.rows[j] - mean[j]) * at.seen[j];
        const Lane t = at.errors[j] + sigma * at.seen[j] + (1 - at.seen[j]);
        const Lane scaled = difference / t;
        sum += log_positive<double>(t) + difference * scaled;
        if (posterior == nullptr) continue;
        posterior[j] = sigma * scaled;
        posterior[d + j] = at.seen[j] == 0.0 ? splat<double>(sigma) : sigma * at.errors[j] / t;
    }
    return sum;
}

template <class Real>
Lane deconvolve(const Job<Real>& job, std::ptrdiff_t k, const Measured& at, Lane* posterior) {
    const std::ptrdiff_t d = job.n_features;
    const double* mean = job.mixture->means + k * d;
    if (features_are_apart(job)) {
        const bool is_diagonal = job.structure == Structure::diag;
        const double* variances = job.deconvolution.variances + k * (is_diagonal ? d : 1);
        return deconvolve_features(at, mean, variances, is_diagonal ? 1 : 0, d, posterior);
    }
    const double* sigma = job.deconvolution.matrices + (is_shared(job.structure) ? 0 : k * d * d);
    if (d > most_unrolled_errors) return deconvolve_matrices<0>(at, mean, sigma, d, posterior);
    Lane distance = {};
    with_features<1>(d, DeconvolveMatrices{at, mean, sigma, posterior, distance});
    return distance;
}

template <class Real>
void store_joint(Lane value, Real* to) {
    for (std::ptrdiff_t l = 0; l < rows_abreast; ++l) to[l] = static_cast<Real>(value[l]);
}

// log(w_k p_k(x)) - shift of every component. False when the call was stopped.
template <class Real>
bool deconvolved_log_joint(const Job<Real>& job, const Tile& tile, const Workspace<Real>& work) {
    constexpr double log_two_pi = 1.8378770664093454836;
    for (std::ptrdiff_t r = 0; r < tile.n_active; r += rows_abreast) {
        if (job.stopped(job.stop_argument)) return false;
        const Measured at = load_measured(job, tile, r, work);
        for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
            Lane* posterior = job.deconvolution.posteriors ? posterior_of(job, k, r, work) : nullptr;
            const Lane distance = deconvolve(job, k, at, posterior);
            const double height = job.deconvolution.log_weights[k] - job.shift;
            store_joint<Real>(height - 0.5 * (log_two_pi * at.n_seen + distance),
                              work.responsibilities + k * job.tile_stride + r);
        }
    }
    return true;
}

// Noise is uniform in a box: on the features that were observed the density is 1 over the product of their sides.
template <class Real>
void add_unseen_sides(const Job<Real>& job, const Tile& tile, const Workspace<Real>& work) {
    if (job.n_densities == job.n_components || job.deconvolution.log_sides == nullptr) return;
    Real* joint = work.responsibilities + job.n_components * job.tile_stride;
    for (std::ptrdiff_t r = 0; r < tile.n_active; r += rows_abreast) {
        const Measured at = load_measured(job, tile, r, work);
        if (at.all_seen) continue;
        for (std::ptrdiff_t j = 0; j < job.n_features; ++j) {
            for (std::ptrdiff_t l = 0; l < rows_abreast; ++l)
                joint[r + l] += static_cast<Real>((1 - at.seen[j][l]) * job.deconvolution.log_sides[j]);
        }
    }
}

// Sums of component k over the rows of a tile: count, firsts, and seconds as they lie in a posterior.
template <class Real>
void sum_posteriors(const Job<Real>& job, std::ptrdiff_t k, const Tile& tile, const Workspace<Real>& work, Lane* sums,
                    Lane* away) {
    const std::ptrdiff_t d = job.n_features;
    const Real* responsibilities = work.responsibilities + k * job.tile_stride;
    for (std::ptrdiff_t r = 0; r < tile.n_active; r += rows_abreast) {
        Lane share;
        for (std::ptrdiff_t l = 0; l < rows_abreast; ++l) share[l] = static_cast<double>(responsibilities[r + l]);
        const Lane* const posterior = posterior_of(job, k, r, work);
        const Lane* covariance = posterior + d;
        Lane *firsts = sums + 1, *second = firsts + d;
        sums[0] += share;
        for (std::ptrdiff_t i = 0; i < d; ++i) {
            away[i] = posterior[i] + (job.mixture->means[k * d + i] - static_cast<double>(job.centres[k * d + i]));
            firsts[i] += share * away[i];
            if (features_are_apart(job)) {
                *second++ += share * (*covariance++ + away[i] * away[i]);
                continue;
            }
            for (std::ptrdiff_t j = 0; j <= i; ++j) *second++ += share * (*covariance++ + away[i] * away[j]);
        }
    }
}

// To the statistics, from sums as they lie in a posterior.
template <class Real>
void add_posteriors(const Job<Real>& job, std::ptrdiff_t k, const Lane* sums, Statistics& statistics) {
    const std::ptrdiff_t d = job.n_features;
    const bool is_matrix = has_matrices(job.structure), are_apart = features_are_apart(job);
    statistics.counts[k] += sum_lanes<double>(sums[0]);
    double* seconds = statistics.seconds + k * covariance_stride(job.structure, d);
    for (std::ptrdiff_t i = 0; i < d; ++i) {
        statistics.firsts[k * d + i] += sum_lanes<double>(sums[1 + i]);
        const Lane* row = sums + 1 + d + (are_apart ? i : triangle(i));
        for (std::ptrdiff_t j = 0; is_matrix && j <= i; ++j) seconds[i * d + j] += sum_lanes<double>(row[j]);
        if (!is_matrix) seconds[job.structure == Structure::diag ? i : 0] += sum_lanes<double>(row[are_apart ? 0 : i]);
    }
}

template <class Real>
void deconvolved_moments(const Job<Real>& job, const Tile& tile, const Workspace<Real>& work, Statistics& statistics) {
    const std::ptrdiff_t d = job.n_features, n_sums = 1 + d + triangle(d);
    Lane* const sums = measured_room(job, work).room;
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        if (job.stopped(job.stop_argument)) return;
        if (work.active[k] == 0) continue;
        for (std::ptrdiff_t i = 0; i < n_sums; ++i) sums[i] = Lane{};
        sum_posteriors(job, k, tile, work, sums, sums + n_sums);
        add_posteriors(job, k, sums, statistics);
    }
}

// The covariance of features i and j in a posterior.
template <class Real>
double posterior_covariance(const Job<Real>& job, const Lane* posterior, std::ptrdiff_t l, std::ptrdiff_t i,
                            std::ptrdiff_t j) {
    const Lane* covariance = posterior + job.n_features;
    if (features_are_apart(job)) return i == j ? covariance[i][l] : 0;
    return i >= j ? covariance[triangle(i) + j][l] : covariance[triangle(j) + i][l];
}

// Moments of what is true over the components (those of noise are not known):
//     E[v] = sum_k r_k v^_k,     Cov[v] = sum_k r_k (C_k + (v^_k - E[v]) (v^_k - E[v])^T)
template <class Real>
void write_true_row(const Job<Real>& job, std::ptrdiff_t row, std::ptrdiff_t r, const Workspace<Real>& work,
                    const Evaluation<Real>& out) {
    const std::ptrdiff_t d = job.n_features, l = r % rows_abreast;
    const double* weights = job.mixture->weights;
    double sum = 0, all = 0;
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        sum += work.responsibilities[k * job.tile_stride + r];
        all += weights[k];
    }
    const auto share_of = [&](std::ptrdiff_t k) {
        return sum > 0 ? work.responsibilities[k * job.tile_stride + r] / sum : weights[k] / all;
    };
    const auto true_row = [&](std::ptrdiff_t k, std::ptrdiff_t j) {
        return job.mixture->means[k * d + j] + posterior_of(job, k, r - l, work)[j][l];
    };
    double* mean = work.deconvolved.mean;
    for (std::ptrdiff_t j = 0; j < d; ++j) {
        mean[j] = 0;
        for (std::ptrdiff_t k = 0; k < job.n_components; ++k) mean[j] += share_of(k) * true_row(k, j);
        out.expected[row * d + j] = static_cast<Real>(mean[j]);
    }
    if (out.covariances == nullptr) return;
    for (std::ptrdiff_t i = 0; i < d; ++i) {
        for (std::ptrdiff_t j = 0; j <= i; ++j) {
            double total = 0;
            for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
                const double own = posterior_covariance(job, posterior_of(job, k, r - l, work), l, i, j);
                total += share_of(k) * (own + (true_row(k, i) - mean[i]) * (true_row(k, j) - mean[j]));
            }
            out.covariances[(row * d + i) * d + j] = out.covariances[(row * d + j) * d + i] = static_cast<Real>(total);
        }
    }
}

}  // namespace
}  // namespace mixtura
