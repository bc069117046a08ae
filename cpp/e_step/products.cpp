// Whitened means and terms, for log densities that are products.
#include "e_step/products.hpp"

#include "e_step/density.hpp"

namespace mixtura {
namespace {

// How far a component's mean may lie from the common point: squared, a feature, in units of its spread.
constexpr double farthest_mean = 4;

}  // namespace

// zeta_k = P^T (mu_k - origin), in double before it is rounded to the rows' precision.
template <class Real>
void Products<Real>::whiten(const Mixture& mixture, const double* total_mean, Job<Real>& job) {
    const std::ptrdiff_t d = mixture.n_features;
    origin_.assign(total_mean, static_cast<std::size_t>(d));
    whitened_means_.resize(static_cast<std::size_t>(mixture.n_components * d));
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) {
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            double sum = 0;
            for (std::ptrdiff_t i = 0; i <= j; ++i) {
                sum += mixture.precisions_cholesky[i * d + j] * (mixture.means[k * d + i] - total_mean[i]);
            }
            whitened_means_[static_cast<std::size_t>(k * d + j)] = static_cast<Real>(sum);
        }
    }
    job.whitened = true;
    job.origin = origin_.view();
    job.whitened_means = whitened_means_.data();
}

template <class Real>
void Products<Real>::prepare_terms(const Mixture& mixture, Job<Real>& job) {
    const std::ptrdiff_t n = mixture.n_components;
    const std::ptrdiff_t d = mixture.n_features;
    const std::ptrdiff_t n_terms = d + 1;
    if (!job.whitened) common_point_ = mean_of(mixture);
    const auto from_origin = [&](std::ptrdiff_t k, std::ptrdiff_t j) {
        return job.whitened ? static_cast<double>(job.whitened_means[k * d + j])
                            : mixture.means[k * d + j] - common_point_[static_cast<std::size_t>(j)];
    };
    std::vector<double> factors(static_cast<std::size_t>(n * n_terms));
    coefficients_.resize(static_cast<std::size_t>(n));
    for (std::ptrdiff_t k = 0; k < n; ++k) {
        double* factor = factors.data() + k * n_terms;
        const double p = job.whitened ? 1 : mixture.precisions_cholesky[k];
        double square = 0;
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            const double m = from_origin(k, j);
            factor[j] = p * p * m;
            square += factor[j] * m;
        }
        factor[d] = -0.5 * p * p;
        if (!(square <= farthest_mean * static_cast<double>(d))) return;
        coefficients_[static_cast<std::size_t>(k)] =
            static_cast<Real>(static_cast<double>(job.coefficients[k]) - 0.5 * square);
    }
    term_factors_.resize(factors.size());
    pack_terms(factors, n, n_terms, term_factors_.data());
    job.coefficients = coefficients_.data();
    job.n_terms = n_terms;
    job.term_factors = term_factors_.data();
    if (job.whitened) return;
    origin_.assign(common_point_.data(), static_cast<std::size_t>(d));
    job.origin = origin_.view();
}

template class Products<double>;
template class Products<float>;

}  // namespace mixtura
