#include "e_step/prepare.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

#include "e_step/dispatch.hpp"
#include "support/interrupt.hpp"

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

// Few features: the upper triangle by rows. Many: blocks of columns, each with the rows that reach into it, zeros
// below the diagonal.
std::ptrdiff_t packed_size(std::ptrdiff_t d) {
    std::ptrdiff_t size = 0, columns;
    for (std::ptrdiff_t block = 0; block < d; block += columns) {
        columns = block_columns(d - block);
        size += (block + columns) * columns;
    }
    return size;
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
    std::ptrdiff_t columns;
    for (std::ptrdiff_t block = 0; block < d; block += columns) {
        columns = block_columns(d - block);
        for (std::ptrdiff_t i = 0; i < block + columns; ++i) {
            for (std::ptrdiff_t j = block; j < block + columns; ++j)
                *packed++ = i <= j ? static_cast<Real>(factor[i * d + j]) : Real(0);
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

// Reaches take K^2 d^2 operations and numbers; they are to be few beside those of the distances.
bool groups_can_pay(const Mixture& mixture, std::ptrdiff_t n_rows) {
    const std::ptrdiff_t k = mixture.n_components;
    return mixture.structure == Structure::full && k >= 16 && k <= 1024 && rows_pay_for_groups(n_rows, k);
}

// Where this share of the components is out of reach for most rows of another one, sorting pays.
constexpr double least_out_of_reach = 0.3;
constexpr std::ptrdiff_t components_to_try = 8;  // before all are

// Of pairs of components, up to `end`, those out of reach for most rows of the first one.
double share_out_of_reach(const ReachJob& job) {
    const auto usual =
        static_cast<float>(std::sqrt(static_cast<double>(job.n_features)) + 2);  // most are not farther out
    std::ptrdiff_t n_out = 0;
    for (std::ptrdiff_t i = 0; i < job.n_components; ++i) {
        const float* reaches = job.reaches + i * job.stride;
        n_out += std::count_if(reaches, reaches + job.end, [usual](float reach) { return reach > usual; });
    }
    return static_cast<double>(n_out) / static_cast<double>(job.end * (job.n_components - 1));
}

// Rows sorted at a time: as many as fit a core's own cache beside a tile.
template <class Real>
std::ptrdiff_t block_rows(std::ptrdiff_t d, std::ptrdiff_t tile) {
    const std::ptrdiff_t fitting = 512 * 1024 / (d * static_cast<std::ptrdiff_t>(sizeof(Real)));
    return round_up(std::clamp<std::ptrdiff_t>(fitting, 1024, 8192), tile);
}

template <class Real>
std::ptrdiff_t scratch_size(const Job<Real>& job) {
    const bool searches = job.bound_features > 0 || job.grouping.n_rows > 0;
    const std::ptrdiff_t of_candidates = searches ? padded(job.n_features) + 4 : 0;
    const std::ptrdiff_t of_tile = job.n_features + 2 * padded(job.n_features + 1) + job.n_components + 4;
    return (of_tile + of_candidates) * job.tile_stride + job.grouping.n_rows * job.n_features;
}

}  // namespace

template <class Real>
std::ptrdiff_t tile_rows(Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features) {
    constexpr auto size = static_cast<std::ptrdiff_t>(sizeof(Real));
    // The d^2 numbers of each component pass through the cache for every tile: where they outweigh it, the tile is
    // large.
    const bool streams = structure == Structure::full && n_features >= 64;
    const std::ptrdiff_t cache = (streams ? 896 : n_features <= 24 ? 704 : 448) * 1024;
    std::ptrdiff_t fitting = cache / size / (3 * n_features + n_components);
    // Kernels of few operations a number are as fast as the first-level cache, where the rows can stay in it. Half the
    // rows of a tile are enough for diagonal ones; products would load their factors twice as often.
    const std::ptrdiff_t nearest = 32 * 1024 / size / n_features;
    if (structure == Structure::diag && size == 8 && nearest >= 32 && nearest < 64) return 32;
    if (!is_triangular(structure)) fitting = std::min(fitting, std::max<std::ptrdiff_t>(nearest, 64));
    return std::clamp<std::ptrdiff_t>(fitting / 64 * 64, streams ? 128 : 64,
                                      256);  // granules are bits of a word, rows are bytes
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
PreparedJob<Real>::PreparedJob(const Rows<Real>& rows, const Mixture& mixture, const Expectation& asked,
                               const double* centres) {
    const std::ptrdiff_t k = mixture.n_components;
    const std::ptrdiff_t d = mixture.n_features;
    job_.rows = rows;
    job_.mixture = &mixture;
    job_.structure = mixture.structure;
    job_.n_components = k;
    job_.n_features = d;
    // Few rows need no scratch for more.
    job_.tile_rows = std::min(tile_rows<Real>(mixture.structure, k, d), rows_of_one_tile(rows.n_rows));
    // One cache line more: features a power of two apart would fall into the same few sets of the cache.
    job_.tile_stride = job_.tile_rows + 64 / static_cast<std::ptrdiff_t>(sizeof(Real));
    job_.given = rows.given;
    job_.hard = asked.hard;
    job_.moments = asked.moments;
    job_.skip = skipping_is_on();
    job_.second_moments = asked.total.mean == nullptr;
    centres_.assign(centres, centres + k * d);
    job_.centres = centres_.data();
    if (rows.given.data != nullptr) return;  // no density is asked for
    prepare_density(mixture);
    if (asked.total.mean != nullptr) prepare_whitening(mixture, asked.total);
    // Centres elsewhere are asked for where sums about the means would cancel: those are taken about them. What
    // products need once a row pays from some components on.
    const bool moves =
        mixture.structure == Structure::spherical && asked.moments && centres_ == means_.high && k >= (d >= 24 ? 2 : 4);
    if (job_.whitened || moves) prepare_terms(mixture);
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
    log_heights_.resize(static_cast<std::size_t>(n_components));
    factors_.resize(static_cast<std::size_t>(stride * (shared ? 1 : n_components)));
    for (std::ptrdiff_t k = 0; k < (shared ? 1 : n_components); ++k) {
        const double* factor = mixture.precisions_cholesky + k * size;
        Real* packed = factors_.data() + k * stride;
        if (is_triangular(mixture.structure)) {
            pack_factor(mixture.structure, factor, d, packed);
        } else {
            std::copy(factor, factor + size, packed);
        }
        log_heights_[static_cast<std::size_t>(k)] =
            log_determinant(mixture.structure, factor, d) - 0.5 * static_cast<double>(d) * log_two_pi;
    }
    if (shared) std::fill(log_heights_.begin(), log_heights_.end(), log_heights_.front());

    double shift = -std::numeric_limits<double>::infinity();
    for (std::ptrdiff_t k = 0; k < n_components; ++k) {
        double& height = log_heights_[static_cast<std::size_t>(k)];
        height += std::log(mixture.weights[k]);
        shift = std::max(shift, height);
    }
    for (double& height : log_heights_) height -= shift;
    coefficients_.assign(log_heights_.begin(), log_heights_.end());
    job_.log_heights = log_heights_.data();
    job_.factors = factors_.data();
    job_.factor_stride = shared ? 0 : stride;
    job_.coefficients = coefficients_.data();
    job_.shift = shift;
    if (sizeof(Real) < sizeof(double)) prepare_residues(mixture);
}

// -P^T (mu - high), in double before it is rounded.
template <class Real>
void PreparedJob<Real>::prepare_residues(const Mixture& mixture) {
    const std::ptrdiff_t d = mixture.n_features;
    const bool is_matrix = is_triangular(mixture.structure);
    const std::ptrdiff_t size = mixture.structure == Structure::tied ? 0 : factor_size(mixture.structure, d);
    job_.residue_stride = d;
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

template <class Real>
void PreparedJob<Real>::group_rows(const Mixture& mixture) {
    if (job_.given.data != nullptr || !groups_can_pay(mixture, job_.rows.n_rows) || !prepare_reaches(mixture)) return;
    prepare_scores(mixture);
    job_.grouping.n_rows = block_rows<Real>(job_.n_features, job_.tile_rows);
}

// False where too many components are within reach of each other.
template <class Real>
bool PreparedJob<Real>::prepare_reaches(const Mixture& mixture) {
    const std::ptrdiff_t n = mixture.n_components;
    const std::ptrdiff_t d = mixture.n_features;
    const std::ptrdiff_t stride = padded(n);
    std::vector<double> coefficients(static_cast<std::size_t>(stride)), means(static_cast<std::size_t>(d * stride)),
        factors(static_cast<std::size_t>(d * (d + 1) / 2 * stride)), scratch(static_cast<std::size_t>(3 * d * 8 + 8));
    for (std::ptrdiff_t i = 0; i < stride; ++i) {
        const std::ptrdiff_t k = std::min(i, n - 1);
        coefficients[static_cast<std::size_t>(i)] = static_cast<double>(job_.coefficients[k]);
        const double* factor = mixture.precisions_cholesky + k * d * d;
        double* entry = factors.data() + i;
        for (std::ptrdiff_t a = 0; a < d; ++a) {
            means[static_cast<std::size_t>(a * stride + i)] = mixture.means[k * d + a];
            for (std::ptrdiff_t b = a; b < d; ++b, entry += stride)
                *entry = a == b ? 1 / factor[a * d + b] : factor[a * d + b];
        }
    }
    reaches_.resize(static_cast<std::size_t>(n * stride));
    const auto address = reinterpret_cast<std::uintptr_t>(scratch.data());
    ReachJob reach{n,
                   d,
                   stride,
                   static_cast<double>(negligible<Real>),
                   static_cast<double>(std::numeric_limits<Real>::epsilon()),
                   mixture.means,
                   mixture.precisions_cholesky,
                   coefficients.data(),
                   means.data(),
                   factors.data(),
                   scratch.data() + (64 - address % 64) % 64 / sizeof(double),
                   reaches_.data(),
                   0,
                   components_to_try};
    active_kernels().find_reaches(reach);
    if (share_out_of_reach(reach) < least_out_of_reach / 2) return false;
    while (reach.end < n) {
        check_interrupted_sometimes();
        reach.begin = reach.end;
        reach.end = std::min(n, reach.begin + components_to_try);
        active_kernels().find_reaches(reach);
    }
    job_.grouping.reaches = reaches_.data();
    job_.grouping.reach_stride = stride;
    return share_out_of_reach(reach) >= least_out_of_reach;
}

// Under the average precision matrix A, -(x - mu_k)^T A (x - mu_k) / 2 + c_k is linear in x but for a common term.
template <class Real>
void PreparedJob<Real>::prepare_scores(const Mixture& mixture) {
    const std::ptrdiff_t n = mixture.n_components;
    const std::ptrdiff_t d = mixture.n_features;
    std::vector<double> average(static_cast<std::size_t>(d * d)), mean(static_cast<std::size_t>(d));
    group_origin_.assign(static_cast<std::size_t>(d), 0.0);
    for (std::ptrdiff_t k = 0; k < n; ++k) {
        const double* factor = mixture.precisions_cholesky + k * d * d;
        const double weight = mixture.weights[k];
        for (std::ptrdiff_t a = 0; a < d; ++a) {
            if (d >= wide) check_interrupted_sometimes();
            group_origin_[static_cast<std::size_t>(a)] += weight * mixture.means[k * d + a];
            for (std::ptrdiff_t b = 0; b < d; ++b) {
                double product = 0;  // (P P^T)_ab
                for (std::ptrdiff_t j = std::max(a, b); j < d; ++j) product += factor[a * d + j] * factor[b * d + j];
                average[static_cast<std::size_t>(a * d + b)] += weight * product;
            }
        }
    }
    scores_.resize(static_cast<std::size_t>(n * (d + 1)));
    float* score = scores_.data();
    for (std::ptrdiff_t k = 0; k < n; ++k) {
        for (std::ptrdiff_t a = 0; a < d; ++a) {
            mean[static_cast<std::size_t>(a)] = mixture.means[k * d + a] - group_origin_[static_cast<std::size_t>(a)];
        }
        double constant = static_cast<double>(job_.coefficients[k]);
        for (std::ptrdiff_t a = 0; a < d; ++a) {
            double sum = 0;
            for (std::ptrdiff_t b = 0; b < d; ++b)
                sum += average[static_cast<std::size_t>(a * d + b)] * mean[static_cast<std::size_t>(b)];
            constant -= 0.5 * sum * mean[static_cast<std::size_t>(a)];
            *score++ = static_cast<float>(sum);
        }
        *score++ = static_cast<float>(constant);
    }
    job_.grouping.origin = group_origin_.data();
    job_.grouping.scores = scores_.data();
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

namespace {

// How far a component's mean may lie from the common point: squared, a feature, in units of its spread.
constexpr double farthest_mean = 4;

// In blocks of components, term after term.
template <class Real>
void pack_terms(const std::vector<double>& factors, std::ptrdiff_t n_components, std::ptrdiff_t n_terms, Real* packed) {
    std::ptrdiff_t columns;
    for (std::ptrdiff_t k = 0; k < n_components; k += columns) {
        columns = block_columns(n_components - k);
        for (std::ptrdiff_t t = 0; t < n_terms; ++t) {
            for (std::ptrdiff_t i = k; i < k + columns; ++i)
                *packed++ = static_cast<Real>(factors[static_cast<std::size_t>(i * n_terms + t)]);
        }
    }
}

}  // namespace

// Log densities by products (products.hpp), where no component is too far from the others.
template <class Real>
void PreparedJob<Real>::prepare_terms(const Mixture& mixture) {
    const std::ptrdiff_t n = mixture.n_components;
    const std::ptrdiff_t d = mixture.n_features;
    const std::ptrdiff_t n_terms = d + 1;
    if (!job_.whitened) {
        common_point_.assign(static_cast<std::size_t>(d), 0.0);
        for (std::ptrdiff_t i = 0; i < n * d; ++i)
            common_point_[static_cast<std::size_t>(i % d)] += mixture.weights[i / d] * mixture.means[i];
    }
    std::vector<double> factors(static_cast<std::size_t>(n * n_terms)), squares(static_cast<std::size_t>(n));
    for (std::ptrdiff_t k = 0; k < n; ++k) {
        double* factor = factors.data() + k * n_terms;
        double& square = squares[static_cast<std::size_t>(k)];
        const double p = job_.whitened ? 1 : mixture.precisions_cholesky[k];
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            const double m = job_.whitened ? static_cast<double>(whitened_means_[static_cast<std::size_t>(k * d + j)])
                                           : mixture.means[k * d + j] - common_point_[static_cast<std::size_t>(j)];
            factor[j] = p * p * m;
            square += factor[j] * m;
        }
        factor[d] = -0.5 * p * p;
        if (!(square <= farthest_mean * static_cast<double>(d))) return;
    }
    for (std::size_t k = 0; k < squares.size(); ++k) {
        coefficients_[k] = static_cast<Real>(static_cast<double>(coefficients_[k]) - 0.5 * squares[k]);
    }
    term_factors_.resize(factors.size());
    pack_terms(factors, n, n_terms, term_factors_.data());
    job_.n_terms = n_terms;
    job_.term_factors = term_factors_.data();
    if (job_.whitened) return;
    origin_.assign(common_point_.data(), static_cast<std::size_t>(d));
    job_.origin = origin_.view();
}

namespace {

constexpr std::size_t most_kept = 1 << 20;

struct Kept {
    std::unique_ptr<unsigned char[]> bytes;
    std::size_t size = 0;
};

Kept& kept() {
    thread_local Kept of_this_thread;
    return of_this_thread;
}

}  // namespace

Scratch::Scratch(std::size_t n_bytes) {
    Kept& last = kept();
    size_ = std::exchange(last.size, 0);
    bytes_ = std::move(last.bytes);
    if (size_ >= n_bytes) return;
    bytes_.reset(new unsigned char[n_bytes]);
    size_ = n_bytes;
}

Scratch::~Scratch() {
    Kept& last = kept();
    if (bytes_ == nullptr || size_ > most_kept || size_ <= last.size) return;
    last.bytes = std::move(bytes_);
    last.size = size_;
}

template <class Real>
WorkspaceMemory<Real>::WorkspaceMemory(const Job<Real>& job) {
    constexpr std::ptrdiff_t line = 64 / static_cast<std::ptrdiff_t>(sizeof(Real));
    memory_ = Scratch(static_cast<std::size_t>(scratch_size(job) + line) * sizeof(Real));
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
    Real* next =
        reinterpret_cast<Real*>(memory_.data() + (64 - address % 64) % 64);  // vectors never cross a cache line
    const auto take = [&](std::ptrdiff_t features) {
        Real* taken = next;
        next += features * job.tile_stride;
        return taken;
    };
    workspace_.rows = take(job.n_features);
    workspace_.differences = take(padded(job.n_features + 1));
    workspace_.panels = take(padded(job.n_features + 1));
    workspace_.responsibilities = take(job.n_components);
    workspace_.weights = take(1);
    workspace_.log_density = take(1);
    workspace_.log_certainty = take(1);
    workspace_.roots = take(1);
    active_.resize(static_cast<std::size_t>(job.n_components));
    workspace_.active = active_.data();
    listed_.resize(static_cast<std::size_t>(job.n_components));
    workspace_.listed = listed_.data();
    workspace_.experience = &experience_;
    if (job.grouping.n_rows > 0) take_sorted(job, next);
    if (job.bound_features == 0 && job.grouping.n_rows == 0) return;
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

template <class Real>
void WorkspaceMemory<Real>::take_sorted(const Job<Real>& job, Real*& next) {
    const auto n = static_cast<std::size_t>(job.grouping.n_rows);
    SortedRows<Real>& sorted = workspace_.sorted;
    sorted.rows = next;
    next += job.grouping.n_rows * job.n_features;
    sorted_weights_.resize(n);
    sorted.weights = sorted_weights_.data();
    sorting_.resize(3 * n + static_cast<std::size_t>(job.n_components) + 1);
    sorted.guesses = sorting_.data();
    sorted.unsorted = sorted.guesses + n;
    sorted.places = sorted.unsorted + n;
    sorted.starts = sorted.places + n;
    centred_.resize(static_cast<std::size_t>((job.n_features + 1) * scan_stride + 16));
    sorted.centred = centred_.data();
    near_.resize(static_cast<std::size_t>((job.n_components + 63) / 64));
    sorted.near = near_.data();
}

template class PreparedJob<double>;
template class PreparedJob<float>;
template class WorkspaceMemory<double>;
template class WorkspaceMemory<float>;
template std::ptrdiff_t tile_rows<double>(Structure, std::ptrdiff_t, std::ptrdiff_t);
template std::ptrdiff_t tile_rows<float>(Structure, std::ptrdiff_t, std::ptrdiff_t);

}  // namespace mixtura
