// Whether the likelihood of a mixture is spurious.
#include "search/verdict.hpp"

#include "interrupt.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>

namespace mixtura {
namespace {

// A component of fewer than twice the rows that its covariance needs is spurious where its variance in some direction is
// below this share of what components have there on average: a few rows that happen to lie near a plane (McLachlan & Peel
// 2000, section 3.10).
constexpr double spurious = 1e-3;

// The same of one below ten times those rows, where the variance is far smaller still: rows that share a value to the last
// digit that was written down, a plane or a point that more rows than a few may lie in.
constexpr double tied_rows = 1e-4;

bool has_matrices(Structure structure) { return structure == Structure::full || structure == Structure::tied; }

// Numbers in each covariance.
std::ptrdiff_t size_of(Structure structure, std::ptrdiff_t d) {
    return has_matrices(structure) ? d * d : structure == Structure::diag ? d : 1;
}

const double* covariance_of(const OwnedMixture& mixture, const std::vector<double>& values, std::ptrdiff_t k) {
    const std::ptrdiff_t each = size_of(mixture.structure, mixture.n_features);
    return values.data() + (mixture.structure == Structure::tied ? 0 : k * each);
}

// Diagonal of a precision P P^T from its factor P.
double precision(Structure structure, const double* factor, std::ptrdiff_t d, std::ptrdiff_t j) {
    if (structure == Structure::spherical) return factor[0] * factor[0];
    if (structure == Structure::diag) return factor[j] * factor[j];
    double sum = 0;
    for (std::ptrdiff_t m = j; m < d; ++m) sum += factor[j * d + m] * factor[j * d + m];
    return sum;
}

// Bounds the largest eigenvalue that floor_shares asks for: most mixtures need no more than this.
double largest_trace(const OwnedMixture& mixture, const double* reg_covar) {
    const std::ptrdiff_t d = mixture.n_features, n = mixture.structure == Structure::tied ? 1 : mixture.n_components;
    double largest = 0;
    for (std::ptrdiff_t k = 0; k < n; ++k) {
        const double* factor = covariance_of(mixture, mixture.precisions_cholesky, k);
        double trace = 0;
        for (std::ptrdiff_t j = 0; j < d; ++j) trace += reg_covar[j] * precision(mixture.structure, factor, d, j);
        largest = std::max(largest, trace);
    }
    return largest;
}

double largest_eigenvalue(std::vector<double>& matrix, std::ptrdiff_t d) {
    std::vector<double> values(static_cast<std::size_t>(d)), vectors(matrix.size());
    eigen(matrix.data(), d, values.data(), vectors.data());
    return values.front();
}

double floor_share(Structure structure, const double* factor, std::ptrdiff_t d, const double* reg_covar) {
    if (!has_matrices(structure)) {
        double most = 0;
        for (std::ptrdiff_t j = 0; j < d; ++j) most = std::max(most, reg_covar[j] * precision(structure, factor, d, j));
        return most;
    }
    std::vector<double> scaled(static_cast<std::size_t>(d * d));
    for (std::ptrdiff_t i = 0; i < d; ++i) {
        if (d >= wide) check_interrupted();
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            double sum = 0;
            for (std::ptrdiff_t m = std::max(i, j); m < d; ++m) sum += factor[i * d + m] * factor[j * d + m];
            scaled[static_cast<std::size_t>(i * d + j)] = sum * std::sqrt(reg_covar[i] * reg_covar[j]);
        }
    }
    return largest_eigenvalue(scaled, d);
}

// Variances of component k, of one without matrices.
double variance(const OwnedMixture& mixture, std::ptrdiff_t k, std::ptrdiff_t j) {
    const double* values = covariance_of(mixture, mixture.covariances, k);
    return mixture.structure == Structure::diag ? values[j] : values[0];
}

// Its smallest variance, as a share of what components have there on average.
double thinness(const OwnedMixture& mixture, std::ptrdiff_t k) {
    double least = std::numeric_limits<double>::infinity();
    for (std::ptrdiff_t j = 0; j < mixture.n_features; ++j) {
        double average = 0;
        for (std::ptrdiff_t i = 0; i < mixture.n_components; ++i) {
            average += mixture.weights[static_cast<std::size_t>(i)] * variance(mixture, i, j);
        }
        least = std::min(least, variance(mixture, k, j) / average);
    }
    return least;
}

template <class... Values>
std::string sentence(const char* format, Values... values) {
    char text[128];
    std::snprintf(text, sizeof text, format, values...);
    return text;
}

}  // namespace

double rows_needed(Model model, std::ptrdiff_t n_features) {
    const bool turns = model == Model::EEV || model == Model::VEV || model == Model::EVV || model == Model::VVV;
    return turns ? static_cast<double>(n_features + 1) : 2.0;
}

std::vector<double> floor_shares(const OwnedMixture& mixture, const double* reg_covar) {
    std::vector<double> shares;
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) {
        const double* factor = covariance_of(mixture, mixture.precisions_cholesky, k);
        shares.push_back(floor_share(mixture.structure, factor, mixture.n_features, reg_covar));
    }
    return shares;
}

std::ptrdiff_t spike(const OwnedMixture& mixture, const double* effective_rows, double needed, std::ptrdiff_t only) {
    if (mixture.structure == Structure::tied) return -1;
    const bool matrices = has_matrices(mixture.structure);
    std::vector<std::int64_t> few;
    std::vector<double> limits;
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) {
        if (!(effective_rows[k] < 10 * needed) || (only >= 0 && k != only)) continue;
        few.push_back(k);
        limits.push_back(matrices && effective_rows[k] < 2 * needed ? spurious : tied_rows);
    }
    if (few.empty()) return -1;
    if (matrices) {
        return first_thin(mixture.weights.data(), mixture.covariances.data(), mixture.n_components, mixture.n_features,
                          few.data(), limits.data(), static_cast<std::ptrdiff_t>(few.size()));
    }
    for (std::size_t i = 0; i < few.size(); ++i) {
        if (thinness(mixture, few[i]) < limits[i]) return few[i];
    }
    return -1;
}

std::string why_improper(const OwnedMixture& mixture, const double* effective_rows, double needed, const double* reg_covar,
                         const std::function<bool()>& all_held_up) {
    std::ptrdiff_t fewest = 0;
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) {
        if (!(effective_rows[k] >= effective_rows[fewest])) fewest = k;
    }
    if (!(effective_rows[fewest] >= needed)) {
        return sentence("component %td holds %.3g rows, fewer than %.0f", fewest, effective_rows[fewest], needed);
    }
    if (largest_trace(mixture, reg_covar) > held_up) {
        const std::vector<double> shares = floor_shares(mixture, reg_covar);
        const auto most = std::max_element(shares.begin(), shares.end());
        if (*most > held_up && !all_held_up()) return sentence("component %td is held up by reg_covar alone", most - shares.begin());
    }
    const std::ptrdiff_t thin = spike(mixture, effective_rows, needed);
    return thin < 0 ? "" : sentence("component %td is a spike of %.3g rows", thin, effective_rows[thin]);
}

bool is_held_up(Structure structure, const std::vector<double>& covariance, std::ptrdiff_t n_features, const double* reg_covar) {
    const std::ptrdiff_t d = n_features;
    if (!has_matrices(structure)) {
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            if (covariance[static_cast<std::size_t>(j * d + j)] <= reg_covar[j]) return true;
        }
        return false;
    }
    const auto unit = [&](std::ptrdiff_t j) { return reg_covar[j] > 0 ? std::sqrt(reg_covar[j]) : 1.0; };
    std::vector<double> scaled(covariance), values(static_cast<std::size_t>(d)), vectors(covariance.size());
    for (std::ptrdiff_t i = 0; i < d; ++i) {
        for (std::ptrdiff_t j = 0; j < d; ++j) scaled[static_cast<std::size_t>(i * d + j)] /= unit(i) * unit(j);
    }
    eigen(scaled.data(), d, values.data(), vectors.data());
    return values.back() <= 1.0;
}

}  // namespace mixtura
