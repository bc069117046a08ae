// What rows beyond the range of their precision have, in a wider one.
#include "simd/far_rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "model/structure.hpp"
#include "simd/incomplete.hpp"

namespace mixtura {
namespace {

// Its exponent holds the square of every double: on x86 it has 15 bits for it, on other 64-bit Linux too.
using Wide = long double;

// Column j of a component's precision factor, rows `first` to `end`; between rows `stride`.
struct Column {
    const double* at;
    std::ptrdiff_t first, end, stride;
};

Column factor_column(const Mixture& mixture, std::ptrdiff_t k, std::ptrdiff_t j) {
    const std::ptrdiff_t d = mixture.n_features;
    const double* factor = mixture.precisions_cholesky + k * covariance_stride(mixture.structure, d);
    switch (mixture.structure) {
        case Structure::full:
        case Structure::tied: return {factor + j, 0, j + 1, d};
        case Structure::diag: return {factor, j, j + 1, 1};
        case Structure::spherical: return {factor, j, j + 1, 0};
    }
    return {};
}

// A row of a tile beside the components of its mixture.
template <class Real>
struct FarRow {
    const Mixture& mixture;
    const Real* features;
    std::ptrdiff_t stride;
    bool has_gaps;

    // A feature that is missing still, where features are apart, is at the mean.
    Wide from_mean(std::ptrdiff_t k, std::ptrdiff_t i) const {
        const Real x = features[i * stride];
        return has_gaps && std::isnan(x) ? 0 : Wide(x) - mixture.means[k * mixture.n_features + i];
    }

    Wide square_distance(std::ptrdiff_t k) const {
        Wide square = 0;
        for (std::ptrdiff_t j = 0; j < mixture.n_features; ++j) {
            const Column factor = factor_column(mixture, k, j);
            Wide sum = 0;
            for (std::ptrdiff_t i = factor.first; i < factor.end; ++i)
                sum += factor.at[i * factor.stride] * from_mean(k, i);
            square += sum * sum;
        }
        return square;
    }

    // The square distance from `other` less that from k. Their difference would be rounding where they are equal to all
    // digits; a^2 - b^2 = (a - b) (a + b), and a - b comes from the differences of factors and means.
    Wide nearer_by(std::ptrdiff_t k, std::ptrdiff_t other) const {
        const std::ptrdiff_t d = mixture.n_features;
        Wide total = 0;
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            const Column ours = factor_column(mixture, k, j), theirs = factor_column(mixture, other, j);
            Wide sum = 0, difference = 0;
            for (std::ptrdiff_t i = ours.first; i < ours.end; ++i) {
                const Wide p = ours.at[i * ours.stride], q = theirs.at[i * theirs.stride];
                sum += p * from_mean(k, i) + q * from_mean(other, i);
                difference +=
                    (q - p) * from_mean(k, i) + q * (Wide(mixture.means[k * d + i]) - mixture.means[other * d + i]);
            }
            total += difference * sum;
        }
        return total;
    }
};

// A Gaussian's density is nowhere 0: what is below the least number is that number.
template <class Real>
Real clamped(Wide log_density) {
    return std::max(log_density, Wide(std::numeric_limits<Real>::lowest()));
}

// The run of a tile that row r is of; null where no features are missing. Features that are apart are missing still in
// the tile, and are listed in `own`.
template <class Real>
const Run* run_of(const Job<Real>& job, std::ptrdiff_t r, const Workspace<Real>& work, Run& own,
                  std::vector<std::int32_t>& features) {
    if (job.n_runs > 0 && job.completion.matrices == nullptr) {
        features.resize(static_cast<std::size_t>(job.n_features));
        own = {
            r,       r + 1, list_features(job.rows, std::min(r, job.rows.n_rows - 1), features.data()), features.data(),
            nullptr, 0};
        return own.n_missing > 0 ? &own : nullptr;
    }
    for (std::ptrdiff_t i = 0; i < job.n_runs; ++i) {
        if (r < work.incomplete.runs[i].end)
            return work.incomplete.runs[i].n_missing > 0 ? work.incomplete.runs + i : nullptr;
    }
    return nullptr;
}

// Of component k in the features that rows of a run have.
template <class Real>
const StudentTerm& student_term(const Job<Real>& job, const Run* run, std::ptrdiff_t k) {
    if (run == nullptr) return job.student[k];
    return job.completion.student[(job.n_features - run->n_missing) * job.n_components + k];
}

// Of component k at a squared distance.
template <class Real>
Wide log_joint(const Job<Real>& job, const Run* run, std::ptrdiff_t k, Wide square) {
    const Wide more = run == nullptr ? 0 : height_of_run(job, *run, k);
    if (job.student == nullptr) return job.log_heights[k] + more - square / 2;
    const StudentTerm& term = student_term(job, run, k);
    return term.height + more - term.half * std::log1p(square * term.inverse_df);
}

template <class Real>
Wide log_noise(const Job<Real>& job, const Run* run) {
    Wide log_density = job.noise_height;
    if (run == nullptr || job.completion.log_sides == nullptr) return log_density;
    for (std::ptrdiff_t i = 0; i < run->n_missing; ++i) log_density += job.completion.log_sides[run->features[i]];
    return log_density;
}

// What the labels of row r add to density k.
template <class Real>
Wide label_term(const Job<Real>& job, std::ptrdiff_t r, std::ptrdiff_t k) {
    const Labels& labels = job.rows.labels;
    const std::ptrdiff_t column = term_of_density(job, k);
    Wide term = labels.log_terms == nullptr || column < 0 ? 0 : labels.log_terms[r * labels.n_terms + column];
    if (labels.components != nullptr && labels.components[r] >= 0 && labels.components[r] != k)
        term = -std::numeric_limits<Wide>::infinity();
    return term;
}

// A row that was measured with errors: the features that are known of it, and T of them (row_errors.hpp).
template <class Real>
struct FarMeasurement {
    const Job<Real>& job;
    const Real* features;
    const double* errors;
    std::vector<std::ptrdiff_t> seen;

    FarMeasurement(const Job<Real>& of, std::ptrdiff_t of_all, const Real* row)
        : job(of), features(row), errors(of.rows.errors.data + of_all * of.rows.errors.row_stride) {
        for (std::ptrdiff_t j = 0; j < job.n_features; ++j) {
            if (!std::isnan(features[j * job.tile_stride]) && std::isfinite(error(j, j))) seen.push_back(j);
        }
    }

    double error(std::ptrdiff_t i, std::ptrdiff_t j) const {
        if (job.rows.errors.are_matrices) return errors[i * job.n_features + j];
        return i == j ? errors[i] : 0;
    }

    double covariance(std::ptrdiff_t k, std::ptrdiff_t i, std::ptrdiff_t j) const {
        const std::ptrdiff_t d = job.n_features;
        const double* matrices = job.deconvolution.matrices;
        if (matrices != nullptr) return matrices[((is_shared(job.structure) ? 0 : k) * d + i) * d + j];
        return i == j ? variance(job.structure, job.deconvolution.variances, k, d, i) : 0;
    }

    // log(w_k p_k(x)) - shift, by T = L L^T.
    Wide log_joint(std::ptrdiff_t k) const {
        constexpr double log_two_pi = 1.8378770664093454836;
        const std::size_t n = seen.size();
        std::vector<Wide> factor(n * n), u(n);
        Wide twice = static_cast<Wide>(n) * log_two_pi;
        for (std::size_t i = 0; i < n; ++i) {
            u[i] = Wide(features[seen[i] * job.tile_stride]) - job.mixture->means[k * job.n_features + seen[i]];
            for (std::size_t j = 0; j <= i; ++j) {
                Wide sum = Wide(covariance(k, seen[i], seen[j])) + error(seen[i], seen[j]);
                for (std::size_t l = 0; l < j; ++l) sum -= factor[i * n + l] * factor[j * n + l];
                factor[i * n + j] = i == j ? std::sqrt(sum) : sum / factor[j * n + j];
                if (i != j) u[i] -= factor[i * n + j] * u[j];
            }
            u[i] /= factor[i * n + i];
            twice += 2 * std::log(factor[i * n + i]) + u[i] * u[i];
        }
        return job.deconvolution.log_weights[k] - job.shift - twice / 2;
    }

    Wide log_noise() const {
        Wide log_density = job.noise_height;
        const double* sides = job.deconvolution.log_sides;
        for (std::ptrdiff_t j = 0; sides != nullptr && j < job.n_features; ++j) log_density += sides[j];
        for (std::size_t i = 0; sides != nullptr && i < seen.size(); ++i) log_density -= sides[seen[i]];
        return log_density;
    }
};

template <class Real>
void far_joint(const Job<Real>& job, std::ptrdiff_t of_all, std::ptrdiff_t r, std::vector<Wide>& joint,
               const Workspace<Real>& work) {
    const FarMeasurement<Real> row(job, of_all, work.rows + r);
    for (std::ptrdiff_t k = 0; k < job.n_densities; ++k) {
        const Wide own = k == job.n_components ? row.log_noise() : row.log_joint(k);
        joint[static_cast<std::size_t>(k)] = own + label_term(job, of_all, k);
    }
}

// Where densities are not those of Gaussians alone, they are compared as they are. Row `of_all` of all, r of its tile.
template <class Real>
Wide settle_labelled_row(const Job<Real>& job, std::ptrdiff_t of_all, std::ptrdiff_t r, std::vector<Wide>& joint,
                         const Workspace<Real>& work) {
    const FarRow<Real> row{*job.mixture, work.rows + r, job.tile_stride, job.n_runs > 0};
    Run own;
    std::vector<std::int32_t> features;
    const Run* run = run_of(job, r, work, own, features);
    joint.resize(static_cast<std::size_t>(job.n_densities));
    if (job.rows.errors.are_there()) far_joint(job, of_all, r, joint, work);
    for (std::ptrdiff_t k = 0; k < job.n_densities && !job.rows.errors.are_there(); ++k) {
        const bool is_noise = k == job.n_components;
        if (!is_noise && job.n_runs > 0) complete_again(job, k, work);
        const Wide square = is_noise ? 0 : row.square_distance(k);
        joint[static_cast<std::size_t>(k)] =
            (is_noise ? log_noise(job, run) : log_joint(job, run, k, square)) + label_term(job, of_all, k);
        if (!is_noise && job.student != nullptr) {
            const StudentTerm& term = student_term(job, run, k);
            const Wide tail = std::log1p(square * term.inverse_df), u = term.ratio / (1 + square * term.inverse_df);
            work.scales[k * job.tile_stride + r] = static_cast<Real>(u);
            work.log_scales[k * job.tile_stride + r] =
                static_cast<Real>(term.log_ratio - tail - u + (term.rest - job.student[k].rest));
        }
    }
    Wide highest = *std::max_element(joint.begin(), joint.end());
    if (std::isinf(highest)) {  // only what has no weight may be its own: that gets it
        for (std::ptrdiff_t k = 0; k < job.n_densities; ++k)
            joint[static_cast<std::size_t>(k)] = label_term(job, of_all, k);
        highest = *std::max_element(joint.begin(), joint.end());
    }
    Wide sum = 0;
    for (Wide& value : joint) sum += value = std::exp(value - highest);
    for (std::ptrdiff_t k = 0; k < job.n_densities; ++k) {
        work.responsibilities[k * job.tile_stride + r] =
            static_cast<Real>(work.weights[r] * (joint[static_cast<std::size_t>(k)] / sum));
    }
    const Wide log_density = highest + std::log(sum);
    work.log_density[r] = clamped<Real>(log_density);
    work.log_certainty[r] = static_cast<Real>(-std::log(sum));
    return log_density;
}

// The row's log density, less job.shift.
template <class Real>
Wide settle_row(const Job<Real>& job, std::ptrdiff_t r, std::vector<Wide>& joint, const Workspace<Real>& work) {
    const FarRow<Real> row{*job.mixture, work.rows + r, job.tile_stride, job.n_runs > 0};
    std::ptrdiff_t likeliest = 0;
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        joint[static_cast<std::size_t>(k)] = job.log_heights[k] - row.square_distance(k) / 2;
        if (joint[static_cast<std::size_t>(k)] > joint[static_cast<std::size_t>(likeliest)]) likeliest = k;
    }
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        joint[static_cast<std::size_t>(k)] = job.log_heights[k] + row.nearer_by(k, likeliest) / 2;
    }
    const Wide highest = *std::max_element(joint.begin(), joint.end());
    Wide sum = 0;
    for (Wide& value : joint) sum += value = std::exp(value - highest);
    for (std::size_t k = 0; k < joint.size(); ++k) {
        work.responsibilities[static_cast<std::ptrdiff_t>(k) * job.tile_stride + r] =
            static_cast<Real>(work.weights[r] * (joint[k] / sum));
    }
    const Wide log_sum = std::log(sum), log_density = highest + log_sum - row.square_distance(likeliest) / 2;
    work.log_density[r] = clamped<Real>(log_density);
    work.log_certainty[r] = static_cast<Real>(-log_sum);
    return log_density;
}

}  // namespace

template <class Real>
double settle_far_rows(const Job<Real>& job, std::ptrdiff_t begin, std::ptrdiff_t n_rows, std::ptrdiff_t n_active,
                       const Workspace<Real>& work) {
    const bool is_gaussian =
        job.mixture->is_gaussian() && !job.rows.labels.are_there() && job.n_runs == 0 && !job.rows.errors.are_there();
    std::vector<Wide> joint(static_cast<std::size_t>(job.n_components));
    double log_likelihood = 0;
    for (std::ptrdiff_t r = 0; r < n_active; ++r) {
        const bool is_far = !std::isfinite(work.log_density[r]);
        if (is_far && job.stopped(job.stop_argument)) break;
        Wide log_density = work.log_density[r];
        if (is_far && is_gaussian) log_density = settle_row(job, r, joint, work);
        if (is_far && !is_gaussian) {
            const std::ptrdiff_t of_all = begin + std::min(r, n_rows - 1);  // those beyond repeat the last
            log_density = settle_labelled_row(job, of_all, r, joint, work);
        }
        if (work.weights[r] != 0) log_likelihood += work.weights[r] * clamped<double>(log_density);
    }
    return log_likelihood;
}

template double settle_far_rows<double>(const Job<double>&, std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t,
                                        const Workspace<double>&);
template double settle_far_rows<float>(const Job<float>&, std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t,
                                       const Workspace<float>&);

}  // namespace mixtura
