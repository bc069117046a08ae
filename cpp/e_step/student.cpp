// Student's t: the constants of its density, and the functions in them.
#include "e_step/student.hpp"

#include <cmath>

namespace mixtura {
namespace {

// From here on Stirling's series has 16 digits in the terms that are taken.
constexpr double large = 20;

// log Gamma(x) - (x - 1/2) log x + x - 1/2 log 2 pi (Abramowitz & Stegun 1964, 6.1.41), x >= large.
double stirling_rest(double x) {
    const double y = 1 / (x * x);
    return (1.0 / 12 + y * (-1.0 / 360 + y * (1.0 / 1260 + y * (-1.0 / 1680 + y * (1.0 / 1188))))) / x;
}

}  // namespace

// log Gamma(x + a) - log Gamma(x) - a log x, which tends to 0 as x grows, by Stirling's series, in which nothing
// cancels; from small x there by the recurrence Gamma(x + 1) = x Gamma(x).
double student_excess(double df, std::ptrdiff_t n_features) {
    double x = df / 2, rest = 0;
    const double a = static_cast<double>(n_features) / 2;
    while (x < large) {
        rest += a * std::log1p(1 / x) - std::log1p(a / x);
        x += 1;
    }
    const double leading = (x + a - 0.5) * std::log1p(a / x) - a;
    return leading + (stirling_rest(x + a) - stirling_rest(x)) + rest;
}

// Abramowitz & Stegun 1964, 6.3.18, and digamma(x + 1) = digamma(x) + 1/x.
double digamma_less_log(double x) {
    double rest = 0;
    while (x < large) {
        rest += std::log1p(1 / x) - 1 / x;
        x += 1;
    }
    const double y = 1 / (x * x);
    return rest - 0.5 / x - y * (1.0 / 12 - y * (1.0 / 120 - y * (1.0 / 252 - y * (1.0 / 240 - y * (1.0 / 132)))));
}

namespace {

// In so many of the features; height: log density at the mean, less that of a Gaussian.
StudentTerm term_of(double df, std::ptrdiff_t n_features, double height) {
    const auto d = static_cast<double>(n_features);
    const double half = (df + d) / 2;
    return {height, half, 1 / df, 1 + d / df, std::log1p(d / df), digamma_less_log(half)};
}

}  // namespace

template <class Real>
void StudentTerms::prepare(const Mixture& mixture, Job<Real>& job) {
    const std::ptrdiff_t d = mixture.n_features, n = mixture.n_components;
    terms_.clear();
    for (std::ptrdiff_t o = job.completion.is_needed ? 0 : d; o <= d; ++o) {
        for (std::ptrdiff_t k = 0; k < n; ++k) {
            const double df = mixture.df[k];
            const double less = o == d ? 0 : student_excess(df, o) - student_excess(df, d);
            terms_.push_back(term_of(df, o, job.log_heights[k] + less));
        }
    }
    job.student = terms_.data() + (static_cast<std::ptrdiff_t>(terms_.size()) - n);
    if (job.completion.is_needed) job.completion.student = terms_.data();
}

template void StudentTerms::prepare<double>(const Mixture&, Job<double>&);
template void StudentTerms::prepare<float>(const Mixture&, Job<float>&);

}  // namespace mixtura
