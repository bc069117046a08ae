// Rows in memory, and what owns the numbers of a loop.
#include "em/row_source.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace mixtura {
namespace {

std::size_t length(std::ptrdiff_t n) { return static_cast<std::size_t>(n); }

}  // namespace

OwnedMixture::OwnedMixture(Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features)
    : structure(structure), n_components(n_components), n_features(n_features), weights(length(n_components)),
      means(length(n_components * n_features)), covariances(length(seconds_size(structure, n_components, n_features))),
      precisions_cholesky(covariances.size()) {}

Mixture OwnedMixture::view() const {
    return {structure, n_components, n_features, weights.data(), means.data(), precisions_cholesky.data()};
}

Parameters OwnedMixture::parameters() {
    return {weights.data(), means.data(), covariances.data(), precisions_cholesky.data()};
}

double OwnedMixture::covariance(std::ptrdiff_t k, std::ptrdiff_t i, std::ptrdiff_t j) const {
    const std::ptrdiff_t d = n_features;
    switch (structure) {
        case Structure::full: return covariances[length((k * d + i) * d + j)];
        case Structure::tied: return covariances[length(i * d + j)];
        case Structure::diag: return i == j ? covariances[length(k * d + i)] : 0.0;
        case Structure::spherical: return i == j ? covariances[length(k)] : 0.0;
    }
    return 0.0;
}

OwnedStatistics::OwnedStatistics(Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features)
    : structure(structure), n_components(n_components), n_features(n_features), counts(length(n_components)),
      firsts(length(n_components * n_features)), seconds(length(seconds_size(structure, n_components, n_features))),
      centres(firsts.size()) {}

Statistics OwnedStatistics::view() {
    return {weight, log_likelihood, log_certainty, counts.data(), firsts.data(), seconds.data()};
}

void OwnedStatistics::centre() {
    for (std::ptrdiff_t k = 0; k < n_components; ++k) {
        const double n = counts[length(k)] > 0 ? counts[length(k)] : 1.0;
        for (std::ptrdiff_t j = k * n_features; j < (k + 1) * n_features; ++j)
            centres[length(j)] += firsts[length(j)] / n;
    }
}

void OwnedStatistics::centre_empty() {
    std::vector<double> mean(length(n_features));
    double total = 0;
    for (std::ptrdiff_t k = 0; k < n_components; ++k) {
        total += counts[length(k)];
        for (std::ptrdiff_t j = 0; j < n_features; ++j)
            mean[length(j)] += counts[length(k)] * centres[length(k * n_features + j)];
    }
    for (std::ptrdiff_t k = 0; k < n_components; ++k) {
        if (counts[length(k)] > 0) continue;
        for (std::ptrdiff_t j = 0; j < n_features; ++j) centres[length(k * n_features + j)] = mean[length(j)] / total;
    }
}

template <class Real>
void ArraySource<Real>::accumulate(const OwnedMixture& mixture, OwnedStatistics& out, Control& control) const {
    AccumulateOptions options;
    options.hard = hard_;
    options.total = total_;
    sum(mixture.view(), options, out, control);
}

// Two passes: the second about the means of the first.
template <class Real>
void ArraySource<Real>::accumulate_given(const GivenResponsibilities& given, OwnedStatistics& out,
                                         Control& control) const {
    Mixture mixture;
    mixture.structure = out.structure;
    mixture.n_components = out.n_components;
    mixture.n_features = out.n_features;
    AccumulateOptions options;
    options.given = given;
    std::fill(out.centres.begin(), out.centres.end(), 0.0);
    sum(mixture, options, out, control);
    out.centre();
    out.centre_empty();
    sum(mixture, options, out, control);
}

template <class Real>
void ArraySource<Real>::sum(const Mixture& mixture, AccumulateOptions& options, OwnedStatistics& out,
                            Control& control) const {
    options.centres = out.centres.data();
    Statistics sums = out.view();
    mixtura::accumulate(rows_, mixture, options, sums, control);
    out.weight = sums.weight;
    out.log_likelihood = sums.log_likelihood;
    out.log_certainty = sums.log_certainty;
}

template <class Real>
void PartsSource<Real>::accumulate(const OwnedMixture& mixture, OwnedStatistics& out, Control& control) const {
    AccumulateOptions options;
    options.hard = hard_;
    options.total = total_;
    options.centres = out.centres.data();
    Statistics sums = out.view();
    accumulate_parts(parts_, mixture.view(), options, sums, control);
    out.weight = sums.weight;
    out.log_likelihood = sums.log_likelihood;
    out.log_certainty = sums.log_certainty;
}

template <class Real>
void PartsSource<Real>::accumulate_given(const GivenResponsibilities&, OwnedStatistics&, Control&) const {
    throw std::logic_error("parts are asked one by one");
}

template class PartsSource<float>;
template class PartsSource<double>;
template class ArraySource<float>;
template class ArraySource<double>;

}  // namespace mixtura
