#include "prepare.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace mixtura {
namespace {

constexpr double log_two_pi = 1.8378770664093454836;

std::ptrdiff_t factor_size(Structure structure, std::ptrdiff_t d) {
    switch (structure) {
        case Structure::diag: return d;
        case Structure::spherical: return 1;
        default: return d * d;
    }
}

double log_determinant(Structure structure, const double* factor, std::ptrdiff_t d) {
    double sum = 0;
    switch (structure) {
        case Structure::diag:
            for (std::ptrdiff_t j = 0; j < d; ++j) sum += std::log(factor[j]);
            return sum;
        case Structure::spherical: return static_cast<double>(d) * std::log(*factor);
        default:
            for (std::ptrdiff_t j = 0; j < d; ++j) sum += std::log(factor[j * d + j]);
            return sum;
    }
}

// Few features: the upper triangle by rows. Many: blocks of `factor_block` columns, each with the rows that
// reach into it, zeros below the diagonal.
std::ptrdiff_t packed_size(std::ptrdiff_t d) {
    std::ptrdiff_t rows = 0;
    for (std::ptrdiff_t block = 0; block < d; block += factor_block) rows += std::min(d, block + factor_block);
    return rows * factor_block;
}

// The first p of d rows and columns.
template <class Real>
void pack_triangle(const double* factor, std::ptrdiff_t d, std::ptrdiff_t p, Real* packed) {
    for (std::ptrdiff_t i = 0; i < p; ++i) {
        for (std::ptrdiff_t j = i; j < p; ++j) *packed++ = static_cast<Real>(factor[i * d + j]);
    }
}

template <class Real>
void pack_blocks(const double* factor, std::ptrdiff_t d, Real* packed) {
    for (std::ptrdiff_t block = 0; block < d; block += factor_block) {
        for (std::ptrdiff_t i = 0; i < std::min(d, block + factor_block); ++i) {
            for (std::ptrdiff_t j = block; j < block + factor_block; ++j) {
                *packed++ = j < d && i <= j ? static_cast<Real>(factor[i * d + j]) : Real(0);
            }
        }
    }
}

template <class Real>
void pack_factor(Structure structure, const double* factor, std::ptrdiff_t d, Real* packed) {
    if (packs_triangle(structure, d)) {
        pack_triangle(factor, d, d, packed);
    } else {
        pack_blocks(factor, d, packed);
    }
}

bool is_triangular(Structure structure) { return structure == Structure::full || structure == Structure::tied; }

// MIXTURA_SKIP=0 computes every term, for comparison.
bool skipping_is_on() {
    static const bool on = [] {
        const char* value = std::getenv("MIXTURA_SKIP");
        return value == nullptr || std::strcmp(value, "0") != 0;
    }();
    return on;
}

// Bounds are looked for where most components can lie far from a row and a bound is much cheaper than a distance; up
// to 12 features all distances cost less than bounds and the rows that remain.
bool bounds_can_pay(const Mixture& mixture) {
    return mixture.structure == Structure::full && mixture.n_components >= 16 && mixture.n_features > 12;
}

template <class Real>
std::ptrdiff_t scratch_size(const Job<Real>& job) {
    const std::ptrdiff_t of_candidates = job.bound_features > 0 ? padded(job.n_features) + 4 : 0;
    const std::ptrdiff_t of_tile = job.n_features + padded(job.n_features + 1) + padded(job.n_features) + job.n_components + 4;
    return (of_tile + of_candidates) * job.tile_stride;
}

}  // namespace

template <class Real>
std::ptrdiff_t tile_rows(std::ptrdiff_t n_components, std::ptrdiff_t n_features) {
    const std::ptrdiff_t budget = 448 * 1024 / static_cast<std::ptrdiff_t>(sizeof(Real));
    const std::ptrdiff_t fitting = budget / (3 * n_features + n_components);
    return std::clamp<std::ptrdiff_t>(fitting / 64 * 64, 64, 256);  // granules are bits of a word, rows are bytes
}

template <class Real>
void PreparedJob<Real>::SplitArray::assign(const double* points, std::size_t size) {
    high.resize(size);
    low.resize(size);
    for (std::size_t i = 0; i < size; ++i) {
        high[i] = static_cast<Real>(points[i]);
        low[i] = static_cast<Real>(points[i] - static_cast<double>(high[i]));
    }
}

template <class Real>
PreparedJob<Real>::PreparedJob(const Rows<Real>& rows, const Mixture& mixture, const AccumulateOptions& options) {
    const std::ptrdiff_t k = mixture.n_components;
    const std::ptrdiff_t d = mixture.n_features;
    job_.rows = rows;
    job_.structure = mixture.structure;
    job_.n_components = k;
    job_.n_features = d;
    // Few rows need no scratch for more.
    job_.tile_rows = std::min(tile_rows<Real>(k, d), rows_of_one_tile(rows.n_rows));
    // One cache line more: features a power of two apart would fall into the same few sets of the cache.
    job_.tile_stride = job_.tile_rows + 64 / static_cast<std::ptrdiff_t>(sizeof(Real));
    job_.given = options.given;
    job_.hard = options.hard;
    job_.moments = options.moments;
    job_.skip = skipping_is_on();
    job_.second_moments = options.total.mean == nullptr;
    const double* centres = options.centres != nullptr ? options.centres : mixture.means;
    centres_.assign(centres, centres + k * d);
    job_.centres = centres_.data();
    if (options.given.data != nullptr) return;  // no density is asked for
    prepare_density(mixture);
    if (options.total.mean != nullptr) prepare_whitening(mixture, options.total);
    if (job_.skip && bounds_can_pay(mixture)) prepare_bounds(mixture);
}

template <class Real>
void PreparedJob<Real>::prepare_density(const Mixture& mixture) {
    const std::ptrdiff_t n_components = mixture.n_components;
    const std::ptrdiff_t d = mixture.n_features;
    means_.assign(mixture.means, static_cast<std::size_t>(n_components * d));
    job_.means = means_.view();

    const bool shared = mixture.structure == Structure::tied;
    const std::ptrdiff_t size = factor_size(mixture.structure, d);
    const std::ptrdiff_t stride = is_triangular(mixture.structure) ? packed_size(d) : size;
    std::vector<double> coefficients(static_cast<std::size_t>(n_components));
    factors_.resize(static_cast<std::size_t>(stride * (shared ? 1 : n_components)));
    for (std::ptrdiff_t k = 0; k < (shared ? 1 : n_components); ++k) {
        const double* factor = mixture.precisions_cholesky + k * size;
        Real* packed = factors_.data() + k * stride;
        if (is_triangular(mixture.structure)) {
            pack_factor(mixture.structure, factor, d, packed);
        } else {
            std::copy(factor, factor + size, packed);
        }
        coefficients[static_cast<std::size_t>(k)] =
            log_determinant(mixture.structure, factor, d) - 0.5 * static_cast<double>(d) * log_two_pi;
    }
    if (shared) std::fill(coefficients.begin(), coefficients.end(), coefficients.front());

    double shift = -std::numeric_limits<double>::infinity();
    for (std::ptrdiff_t k = 0; k < n_components; ++k) {
        double& coefficient = coefficients[static_cast<std::size_t>(k)];
        coefficient += std::log(mixture.weights[k]);
        shift = std::max(shift, coefficient);
    }
    coefficients_.resize(coefficients.size());
    for (std::size_t k = 0; k < coefficients.size(); ++k) coefficients_[k] = static_cast<Real>(coefficients[k] - shift);
    job_.factors = factors_.data();
    job_.factor_stride = shared ? 0 : stride;
    job_.coefficients = coefficients_.data();
    job_.shift = shift;
    if (sizeof(Real) < sizeof(double)) prepare_residues(mixture);
}

// -P^T (mu - high), in double before it is rounded; padded with zeros to whole blocks.
template <class Real>
void PreparedJob<Real>::prepare_residues(const Mixture& mixture) {
    const std::ptrdiff_t d = mixture.n_features;
    const bool is_matrix = is_triangular(mixture.structure);
    const std::ptrdiff_t size = mixture.structure == Structure::tied ? 0 : factor_size(mixture.structure, d);
    job_.residue_stride = round_up(d, factor_block);
    residues_.resize(static_cast<std::size_t>(mixture.n_components * job_.residue_stride));
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) {
        const double* factor = mixture.precisions_cholesky + k * size;
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            double sum = 0;
            for (std::ptrdiff_t i = is_matrix ? 0 : j; i <= j; ++i) {
                const double p = is_matrix ? factor[i * d + j] : factor[mixture.structure == Structure::diag ? j : 0];
                sum += p * (mixture.means[k * d + i] - static_cast<double>(job_.means.high[k * d + i]));
            }
            residues_[static_cast<std::size_t>(k * job_.residue_stride + j)] = static_cast<Real>(-sum);
        }
    }
    job_.residues = residues_.data();
}

template <class Real>
void PreparedJob<Real>::prepare_bounds(const Mixture& mixture) {
    const std::ptrdiff_t d = mixture.n_features;
    const std::ptrdiff_t p = std::min<std::ptrdiff_t>(d / 2 + 2, most_unrolled_features);
    bound_factors_.resize(static_cast<std::size_t>(mixture.n_components * p * (p + 1) / 2));
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) {
        pack_triangle(mixture.precisions_cholesky + k * d * d, d, p, bound_factors_.data() + k * p * (p + 1) / 2);
    }
    job_.bound_features = p;
    job_.bound_factors = bound_factors_.data();
}

// zeta_k = P^T (mu_k - origin), in double before it is rounded to the rows' precision.
template <class Real>
void PreparedJob<Real>::prepare_whitening(const Mixture& mixture, const TotalScatter& total) {
    const std::ptrdiff_t d = mixture.n_features;
    origin_.assign(total.mean, static_cast<std::size_t>(d));
    whitened_means_.resize(static_cast<std::size_t>(mixture.n_components * d));
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) {
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            double sum = 0;
            for (std::ptrdiff_t i = 0; i <= j; ++i) {
                sum += mixture.precisions_cholesky[i * d + j] * (mixture.means[k * d + i] - total.mean[i]);
            }
            whitened_means_[static_cast<std::size_t>(k * d + j)] = static_cast<Real>(sum);
        }
    }
    job_.whitened = true;
    job_.origin = origin_.view();
    job_.whitened_means = whitened_means_.data();
}

template <class Real>
WorkspaceMemory<Real>::WorkspaceMemory(const Job<Real>& job) {
    constexpr std::ptrdiff_t line = 64 / static_cast<std::ptrdiff_t>(sizeof(Real));
    memory_.reset(new Real[static_cast<std::size_t>(scratch_size(job) + line)]);
    auto address = reinterpret_cast<std::uintptr_t>(memory_.get());
    Real* next = memory_.get() + (64 - address % 64) % 64 / sizeof(Real);  // vectors never cross a cache line
    const auto take = [&](std::ptrdiff_t features) {
        Real* taken = next;
        next += features * job.tile_stride;
        return taken;
    };
    workspace_.rows = take(job.n_features);
    workspace_.differences = take(padded(job.n_features + 1));
    workspace_.panels = take(padded(job.n_features));
    workspace_.responsibilities = take(job.n_components);
    workspace_.weights = take(1);
    workspace_.log_density = take(1);
    workspace_.log_certainty = take(1);
    workspace_.roots = take(1);
    feature_sums_.resize(static_cast<std::size_t>(job.n_features));
    workspace_.feature_sums = feature_sums_.data();
    active_.resize(static_cast<std::size_t>(job.n_components));
    workspace_.active = active_.data();
    listed_.resize(static_cast<std::size_t>(job.n_components));
    workspace_.listed = listed_.data();
    workspace_.experience = &experience_;
    if (job.bound_features == 0) return;
    Candidates<Real>& candidates = workspace_.candidates;
    candidates.gathered = take(padded(job.n_features));
    candidates.joint = take(1);
    candidates.likeliest = take(1);
    candidates.highest = take(1);
    candidates.thresholds = take(1);
    list_.resize(static_cast<std::size_t>(job.tile_stride) + 64);  // room for whole groups of rows
    chains_.resize(static_cast<std::size_t>(job.n_components + job.tile_stride));
    candidates.list = list_.data();
    candidates.heads = chains_.data();
    candidates.next = chains_.data() + job.n_components;
}

template class PreparedJob<double>;
template class PreparedJob<float>;
template class WorkspaceMemory<double>;
template class WorkspaceMemory<float>;
template std::ptrdiff_t tile_rows<double>(std::ptrdiff_t, std::ptrdiff_t);
template std::ptrdiff_t tile_rows<float>(std::ptrdiff_t, std::ptrdiff_t);

}  // namespace mixtura
