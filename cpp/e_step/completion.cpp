// Precisions and covariances from the factors, conditionals of patterns.
#include "e_step/completion.hpp"

#include <algorithm>
#include <cmath>

#include "model/structure.hpp"
#include "simd/dispatch.hpp"
#include "simd/incomplete.hpp"
#include "support/interrupt.hpp"

namespace mixtura {
namespace {

constexpr std::ptrdiff_t most_in_table = std::ptrdiff_t{1} << 17;  // numbers: a megabyte
constexpr std::ptrdiff_t tile_numbers = std::ptrdiff_t{1} << 15;

// out = a^T a of a square matrix.
void square(const double* a, std::ptrdiff_t d, double* out) {
    constexpr std::ptrdiff_t rows = 64;
    for (std::ptrdiff_t begin = 0; begin < d; begin += rows) {
        check_interrupted_sometimes();
        const double* from = a + begin * d;
        active_kernels().matrices.add_gram(from, from, std::min(rows, d - begin), d, out);
    }
    for (std::ptrdiff_t i = 0; i < d; ++i) {
        for (std::ptrdiff_t j = 0; j < i; ++j) out[i * d + j] = out[j * d + i];
    }
}

// P P^T of a precision factor.
void find_precision(const double* factor, std::ptrdiff_t d, double* out) {
    std::vector<double> transposed(static_cast<std::size_t>(d * d));
    for (std::ptrdiff_t i = 0; i < d; ++i) {
        for (std::ptrdiff_t j = i; j < d; ++j) transposed[static_cast<std::size_t>(j * d + i)] = factor[i * d + j];
    }
    square(transposed.data(), d, out);
}

}  // namespace

// (P P^T)^-1 = R^T R, R = P^-1: rows from the last to the first.
void find_covariance(const double* factor, std::ptrdiff_t d, double* out) {
    std::vector<double> inverse(static_cast<std::size_t>(d * d));
    for (std::ptrdiff_t i = d - 1; i >= 0; --i) {
        if (d >= wide) check_interrupted_sometimes();
        double* row = inverse.data() + i * d;
        row[i] = 1;
        for (std::ptrdiff_t l = i + 1; l < d; ++l) {
            const double coefficient = factor[i * d + l];
            const double* below = inverse.data() + l * d;
            for (std::ptrdiff_t j = l; j < d; ++j) row[j] -= coefficient * below[j];
        }
        for (std::ptrdiff_t j = i; j < d; ++j) row[j] /= factor[i * d + i];
    }
    square(inverse.data(), d, out);
}

std::vector<double> component_variances(const Mixture& mixture) {
    const std::ptrdiff_t d = mixture.n_features, n = mixture.n_components;
    std::vector<double> out(static_cast<std::size_t>(n * d)), matrix;
    for (std::ptrdiff_t k = 0; k < n; ++k) {
        const double* factor = mixture.precisions_cholesky + k * covariance_stride(mixture.structure, d);
        double* own = out.data() + k * d;
        if (!has_matrices(mixture.structure)) {
            const std::ptrdiff_t step = mixture.structure == Structure::diag ? 1 : 0;
            for (std::ptrdiff_t j = 0; j < d; ++j) own[j] = 1 / (factor[j * step] * factor[j * step]);
            continue;
        }
        matrix.assign(static_cast<std::size_t>(d * d), 0.0);
        find_covariance(factor, d, matrix.data());
        for (std::ptrdiff_t j = 0; j < d; ++j) own[j] = matrix[static_cast<std::size_t>(j * (d + 1))];
    }
    return out;
}

template <class Real>
void ComponentMatrices::prepare(const Mixture& mixture, const Lacking& lacking, Job<Real>& job) {
    const std::ptrdiff_t d = mixture.n_features, k = mixture.n_components;
    Completion& completion = job.completion;
    completion.is_needed = true;
    completion.log_sides = mixture.noise.log_sides;
    if (!has_matrices(mixture.structure)) {
        covariances_.assign(mixture.precisions_cholesky,
                            mixture.precisions_cholesky + seconds_size(mixture.structure, k, d));
        constexpr double log_two_pi = 1.8378770664093454836;
        precisions_.assign(covariances_.size(), 0.0);  // t: heights go by patterns, with df
        for (std::size_t i = 0; i < covariances_.size(); ++i) {
            if (mixture.df == nullptr) precisions_[i] = 2 * std::log(covariances_[i]) - log_two_pi;
            covariances_[i] = 1 / (covariances_[i] * covariances_[i]);
        }
        completion.variances = covariances_.data();
        completion.unseen = precisions_.data();
        completion.by_pattern = mixture.df != nullptr || completion.log_sides != nullptr;
        return;
    }
    find_matrices(mixture, lacking.most_of_a_row);
    completion.matrices = matrices_.data();
    completion.n_cells = std::max(tile_numbers / k, d);
    completion.room = std::max(tile_numbers, n_covariances(mixture.structure, k) * d * d);  // those of any run fit
}

void ComponentMatrices::find_matrices(const Mixture& mixture, bool needs_covariances) {
    const std::ptrdiff_t d = mixture.n_features, size = d * d;
    const std::ptrdiff_t n = n_covariances(mixture.structure, mixture.n_components);
    precisions_.assign(static_cast<std::size_t>(n * size), 0.0);
    covariances_.assign(needs_covariances ? precisions_.size() : 0, 0.0);
    matrices_.assign(static_cast<std::size_t>(n), {});
    for (std::ptrdiff_t c = 0; c < n; ++c) {
        const double* factor = mixture.precisions_cholesky + c * size;
        Matrices& matrices = matrices_[static_cast<std::size_t>(c)];
        matrices.d = d;
        find_precision(factor, d, precisions_.data() + c * size);
        matrices.precision = precisions_.data() + c * size;
        for (std::ptrdiff_t j = 0; j < d; ++j) matrices.log_determinant -= 2 * std::log(factor[j * (d + 1)]);
        if (!needs_covariances) continue;
        find_covariance(factor, d, covariances_.data() + c * size);
        matrices.covariance = covariances_.data() + c * size;
    }
}

template <class Real>
void ConditionalTable::prepare(const Rows<Real>& rows, Job<Real>& job) {
    Completion& completion = job.completion;
    if (completion.matrices == nullptr || !rows.patterns.are_there()) return;
    const std::ptrdiff_t d = job.n_features, n = n_covariances(job.structure, job.n_components);
    const auto size_of = [&](std::ptrdiff_t n_missing) { return n * conditional_size(n_missing, d); };
    const std::ptrdiff_t most = std::max(size_of(rows.patterns.most_missing), size_of(rows.patterns.least_missing));
    const std::ptrdiff_t n_patterns = rows.patterns.n_patterns;
    if (n_patterns * most > most_in_table || n_patterns * job.tile_rows > 16 * rows.n_rows) return;
    conditionals_.resize(static_cast<std::size_t>(n_patterns * n));
    numbers_.resize(static_cast<std::size_t>(n_patterns * most));
    std::vector<std::int32_t> features(static_cast<std::size_t>(d));
    double* room = numbers_.data();
    for (std::ptrdiff_t p = 0; p < n_patterns; ++p) {
        const std::int64_t row = rows.patterns.order[rows.patterns.begins[p]];
        const std::ptrdiff_t n_missing = list_features(rows, row, features.data());
        if (n_missing == 0) continue;
        for (std::ptrdiff_t c = 0; c < n; ++c) {
            conditionals_[static_cast<std::size_t>(p * n + c)] =
                find_conditional(completion.matrices[c], features.data(), n_missing, room);
            room += conditional_size(n_missing, d);
        }
    }
    completion.table = conditionals_.data();
}

template void ComponentMatrices::prepare<double>(const Mixture&, const Lacking&, Job<double>&);
template void ComponentMatrices::prepare<float>(const Mixture&, const Lacking&, Job<float>&);
template void ConditionalTable::prepare<double>(const Rows<double>&, Job<double>&);
template void ConditionalTable::prepare<float>(const Rows<float>&, Job<float>&);

}  // namespace mixtura
