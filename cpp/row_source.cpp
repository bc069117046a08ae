// Rows in memory, and what owns the numbers of a loop.
#include "row_source.hpp"

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

OwnedStatistics::OwnedStatistics(Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features)
    : counts(length(n_components)), firsts(length(n_components * n_features)),
      seconds(length(seconds_size(structure, n_components, n_features))), centres(firsts.size()) {}

Statistics OwnedStatistics::view() {
    return {weight, log_likelihood, log_certainty, counts.data(), firsts.data(), seconds.data()};
}

template <class Real>
void ArraySource<Real>::accumulate(const OwnedMixture& mixture, OwnedStatistics& out, Control& control) const {
    AccumulateOptions options;
    options.centres = out.centres.data();
    options.hard = hard_;
    options.total = total_;
    Statistics sums = out.view();
    mixtura::accumulate(rows_, mixture.view(), options, sums, control);
    out.weight = sums.weight;
    out.log_likelihood = sums.log_likelihood;
    out.log_certainty = sums.log_certainty;
}

template class ArraySource<float>;
template class ArraySource<double>;

}  // namespace mixtura
