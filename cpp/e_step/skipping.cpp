// Bounds and reaches of components, from which the kernels see what cannot matter.
#include "e_step/skipping.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "e_step/density.hpp"
#include "e_step/packing.hpp"
#include "simd/dispatch.hpp"
#include "support/interrupt.hpp"

namespace mixtura {
namespace {

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

// Owns what a ReachJob reads of a mixture, components side by side.
struct ReachArrays {
    std::vector<double> coefficients, means, factors, scratch;

    template <class Real>
    ReachArrays(const Mixture& mixture, const Real* of_components, std::ptrdiff_t stride)
        : coefficients(static_cast<std::size_t>(stride)), means(static_cast<std::size_t>(mixture.n_features * stride)),
          factors(static_cast<std::size_t>(mixture.n_features * (mixture.n_features + 1) / 2 * stride)),
          scratch(static_cast<std::size_t>(3 * mixture.n_features * 8 + 8)) {
        const std::ptrdiff_t d = mixture.n_features;
        for (std::ptrdiff_t i = 0; i < stride; ++i) {
            const std::ptrdiff_t k = std::min(i, mixture.n_components - 1);
            coefficients[static_cast<std::size_t>(i)] = static_cast<double>(of_components[k]);
            const double* factor = mixture.precisions_cholesky + k * d * d;
            double* entry = factors.data() + i;
            for (std::ptrdiff_t a = 0; a < d; ++a) {
                means[static_cast<std::size_t>(a * stride + i)] = mixture.means[k * d + a];
                for (std::ptrdiff_t b = a; b < d; ++b, entry += stride)
                    *entry = a == b ? 1 / factor[a * d + b] : factor[a * d + b];
            }
        }
    }

    double* aligned_scratch() {
        const auto address = reinterpret_cast<std::uintptr_t>(scratch.data());
        const std::size_t skipped = (64 - address % 64) % 64 / sizeof(double);
        return scratch.data() + skipped;
    }
};

// sum_k w_k P_k P_k^T
std::vector<double> average_precision(const Mixture& mixture) {
    const std::ptrdiff_t d = mixture.n_features;
    std::vector<double> average(static_cast<std::size_t>(d * d));
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) {
        const double* factor = mixture.precisions_cholesky + k * d * d;
        for (std::ptrdiff_t a = 0; a < d; ++a) {
            if (d >= wide) check_interrupted_sometimes();
            for (std::ptrdiff_t b = 0; b < d; ++b) {
                double product = 0;
                for (std::ptrdiff_t j = std::max(a, b); j < d; ++j) product += factor[a * d + j] * factor[b * d + j];
                average[static_cast<std::size_t>(a * d + b)] += mixture.weights[k] * product;
            }
        }
    }
    return average;
}

}  // namespace

bool skipping_is_on() {
    static const bool on = [] {
        const char* value = std::getenv("MIXTURA_SKIP");
        return value == nullptr || std::strcmp(value, "0") != 0;
    }();
    return on;
}

template <class Real>
void Bounds<Real>::prepare(const Mixture& mixture, Job<Real>& job) {
    if (!bounds_can_pay(mixture)) return;
    const std::ptrdiff_t d = mixture.n_features;
    const std::ptrdiff_t p = std::min<std::ptrdiff_t>(d / 2 + 2, most_unrolled_features);
    factors_.resize(static_cast<std::size_t>(mixture.n_components * p * (p + 1) / 2));
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) {
        pack_triangle(mixture.precisions_cholesky + k * d * d, d, p, factors_.data() + k * p * (p + 1) / 2);
    }
    job.bound_features = p;
    job.bound_factors = factors_.data();
}

template <class Real>
void Groups<Real>::prepare(const Mixture& mixture, Job<Real>& job) {
    if (!groups_can_pay(mixture, job.rows.n_rows) || !find_reaches(mixture, job)) return;
    find_scores(mixture, job);
    job.grouping.n_rows = block_rows<Real>(job.n_features, job.tile_rows);
}

// False where too many components are within reach of each other.
template <class Real>
bool Groups<Real>::find_reaches(const Mixture& mixture, Job<Real>& job) {
    const std::ptrdiff_t n = mixture.n_components;
    const std::ptrdiff_t stride = padded(n);
    ReachArrays arrays(mixture, job.coefficients, stride);
    reaches_.resize(static_cast<std::size_t>(n * stride));
    ReachJob reach{n,
                   mixture.n_features,
                   stride,
                   static_cast<double>(negligible<Real>),
                   static_cast<double>(std::numeric_limits<Real>::epsilon()),
                   mixture.means,
                   mixture.precisions_cholesky,
                   arrays.coefficients.data(),
                   arrays.means.data(),
                   arrays.factors.data(),
                   arrays.aligned_scratch(),
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
    job.grouping.reaches = reaches_.data();
    job.grouping.reach_stride = stride;
    return share_out_of_reach(reach) >= least_out_of_reach;
}

// Under the average precision matrix A, -(x - mu_k)^T A (x - mu_k) / 2 + c_k is linear in x but for a common term.
template <class Real>
void Groups<Real>::find_scores(const Mixture& mixture, Job<Real>& job) {
    const std::ptrdiff_t n = mixture.n_components;
    const std::ptrdiff_t d = mixture.n_features;
    const std::vector<double> precision = average_precision(mixture);
    std::vector<double> mean(static_cast<std::size_t>(d));
    origin_ = mean_of(mixture);
    scores_.resize(static_cast<std::size_t>(n * (d + 1)));
    float* score = scores_.data();
    for (std::ptrdiff_t k = 0; k < n; ++k) {
        for (std::ptrdiff_t a = 0; a < d; ++a) {
            mean[static_cast<std::size_t>(a)] = mixture.means[k * d + a] - origin_[static_cast<std::size_t>(a)];
        }
        double constant = static_cast<double>(job.coefficients[k]);
        for (std::ptrdiff_t a = 0; a < d; ++a) {
            double sum = 0;
            for (std::ptrdiff_t b = 0; b < d; ++b)
                sum += precision[static_cast<std::size_t>(a * d + b)] * mean[static_cast<std::size_t>(b)];
            constant -= 0.5 * sum * mean[static_cast<std::size_t>(a)];
            *score++ = static_cast<float>(sum);
        }
        *score++ = static_cast<float>(constant);
    }
    job.grouping.origin = origin_.data();
    job.grouping.scores = scores_.data();
}

template class Bounds<double>;
template class Bounds<float>;
template class Groups<double>;
template class Groups<float>;

}  // namespace mixtura
