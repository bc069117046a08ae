// Student's t components: their degrees of freedom, the volumes of their scale matrices.
#include "m_step/tails.hpp"

#include <algorithm>
#include <cmath>

#include "e_step/student.hpp"

namespace mixtura {
namespace {

// Estimates stay within: below, all of a component is its centre; above, it is a Gaussian to four digits.
constexpr double least_df = 1, most_df = 1e4;

// Where EM begins: from far above it would creep, since Gaussians of all large df are alike.
constexpr double first = 10;

constexpr int most_steps = 200;
constexpr double settled = 1e-13;

bool has_free_volumes(Model model) {
    switch (model) {
        case Model::VII:
        case Model::VEI:
        case Model::VVI:
        case Model::VEE:
        case Model::VVE:
        case Model::VEV:
        case Model::VVV: return true;
        default: return false;
    }
}

double at(const std::vector<double>& values, std::ptrdiff_t k) { return values[static_cast<std::size_t>(k)]; }

// By n_k for each component, or the pooled one.
std::vector<double> estimated_df(const Tails& tails, const Statistics& statistics, const OwnedMixture& before) {
    std::vector<double> df = before.df;
    double total = 0, log_scales = 0;
    for (std::ptrdiff_t k = 0; k < statistics.n_components(); ++k) {
        const double n = statistics.counts[k];
        total += n;
        log_scales += statistics.log_scales[k];
        if (n > 0) df[static_cast<std::size_t>(k)] = likeliest_df(statistics.log_scales[k] / n);
    }
    if (tails.shared) std::fill(df.begin(), df.end(), likeliest_df(log_scales / total));
    return df;
}

void divide_covariance(OwnedMixture& mixture, std::ptrdiff_t k, double alpha) {
    const std::ptrdiff_t size = covariance_size(mixture.structure, mixture.n_features);
    double* first = mixture.covariances.data() + k * size;
    std::for_each(first, first + size, [alpha](double& value) { value /= alpha; });
}

void divide_volumes(Model model, const Statistics& statistics, const std::vector<double>& df, OwnedMixture& mixture) {
    const std::ptrdiff_t n_matrices = n_covariances(mixture.structure, mixture.n_components);
    if (has_free_volumes(model)) {
        for (std::ptrdiff_t k = 0; k < n_matrices; ++k) {
            if (statistics.counts[k] > 0) divide_covariance(mixture, k, statistics.masses[k] / statistics.counts[k]);
        }
        return;
    }
    double above = 0, below = 0;
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) {
        above += at(df, k) * statistics.masses[k];
        below += at(df, k) * statistics.counts[k];
    }
    for (std::ptrdiff_t k = 0; k < n_matrices; ++k) divide_covariance(mixture, k, above / below);
}

}  // namespace

// Falls in nu: log x - digamma x, x = nu / 2, falls from infinity to 0. Bisection of log nu, then no more is needed:
// one root a component and iteration costs less than a row.
double likeliest_df(double mean_log_scale) {
    const auto slope = [&](double nu) { return 1 + mean_log_scale - digamma_less_log(nu / 2); };
    double low = std::log(least_df), high = std::log(most_df);
    if (!(slope(least_df) > 0)) return least_df;
    if (slope(most_df) > 0) return most_df;
    for (int step = 0; step < most_steps && high - low > settled; ++step) {
        const double middle = (low + high) / 2;
        (slope(std::exp(middle)) > 0 ? low : high) = middle;
    }
    return std::exp((low + high) / 2);
}

std::vector<double> first_df(const Tails& tails, std::ptrdiff_t n_components) {
    if (tails.df.size() > 1) return tails.df;
    return std::vector<double>(static_cast<std::size_t>(n_components), tails.df.empty() ? first : tails.df.front());
}

void take_tails(const Tails& tails, Model model, const Statistics& statistics, const OwnedMixture* before, bool expands,
                OwnedMixture& next) {
    const bool is_first = before == nullptr;
    const bool is_given = !tails.df.empty();
    next.df = is_first || is_given ? first_df(tails, next.n_components) : estimated_df(tails, statistics, *before);
    // The expansion is about the df that the E-step had.
    if (!is_first && expands) divide_volumes(model, statistics, before->df, next);
}

}  // namespace mixtura
