// A job put together: the tile, the centres, what densities need, what can be left out.
#include "e_step/prepare.hpp"

#include <algorithm>

#include "model/structure.hpp"

namespace mixtura {

template <class Real>
std::ptrdiff_t tile_rows(Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features) {
    constexpr auto size = static_cast<std::ptrdiff_t>(sizeof(Real));
    // The d^2 numbers of each component pass through the cache for every tile: where they outweigh it, the tile is
    // large.
    const bool streams = structure == Structure::full && n_features >= 64;
    const std::ptrdiff_t kilobytes = streams ? 896 : n_features <= 24 ? 704 : 448;
    std::ptrdiff_t fitting = kilobytes * 1024 / size / (3 * n_features + n_components);
    // Kernels of few operations a number are as fast as the first-level cache, where the rows can stay in it. Half the
    // rows of a tile are enough for diagonal ones; products would load their factors twice as often.
    const std::ptrdiff_t nearest = 32 * 1024 / size / n_features;
    if (structure == Structure::diag && size == 8 && nearest >= 32 && nearest < 64) return 32;
    if (!has_matrices(structure)) fitting = std::min(fitting, std::max<std::ptrdiff_t>(nearest, 64));
    return std::clamp<std::ptrdiff_t>(fitting / 64 * 64, streams ? 128 : 64,
                                      256);  // granules are bits of a word, rows are bytes
}

template <class Real>
PreparedJob<Real>::PreparedJob(const Rows<Real>& rows, const Lacking& lacking, const Mixture& mixture,
                               const Expectation& asked, const double* centres) {
    const std::ptrdiff_t k = mixture.n_components;
    const std::ptrdiff_t d = mixture.n_features;
    job_.rows = rows;
    job_.mixture = &mixture;
    job_.structure = mixture.structure;
    job_.n_components = k;
    job_.n_densities = k + (mixture.has_noise() ? 1 : 0);
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
    if (lacking.features) matrices_.prepare(mixture, lacking, job_);
    if (lacking.exactness) covariances_.prepare(mixture, lacking, job_);
    job_.deconvolution.posteriors = lacking.exactness && asked.moments;
    if (rows.given.data == nullptr) prepare_density(mixture, asked);
}

template <class Real>
void PreparedJob<Real>::prepare_density(const Mixture& mixture, const Expectation& asked) {
    density_.prepare(mixture, job_);
    if (mixture.df != nullptr) student_.prepare(mixture, job_);
    if (asked.total.mean != nullptr) products_.whiten(mixture, asked.total.mean, job_);
    // Centres elsewhere are passed where sums about the means would cancel: those are taken about them. What products
    // need once a row pays from some components on.
    const bool can_pay = mixture.structure == Structure::spherical && asked.moments && !job_.completion.is_needed &&
                         !job_.deconvolution.is_needed && mixture.n_components >= (mixture.n_features >= 24 ? 2 : 4) &&
                         std::equal(centres_.begin(), centres_.end(), job_.means.high);
    if (job_.whitened || can_pay) products_.prepare_terms(mixture, job_);
    if (job_.skip && compares_densities(mixture)) bounds_.prepare(mixture, job_);
}

template <class Real>
void PreparedJob<Real>::group_rows(const Mixture& mixture) {
    if (job_.given.data == nullptr && compares_densities(mixture)) groups_.prepare(mixture, job_);
}

// Bounds and sorted rows compare Gaussian densities of whole rows, and leave out components that a label may name.
template <class Real>
bool PreparedJob<Real>::compares_densities(const Mixture& mixture) const {
    return mixture.is_gaussian() && !job_.rows.labels.are_there() && !job_.completion.is_needed &&
           !job_.deconvolution.is_needed;
}

template class PreparedJob<double>;
template class PreparedJob<float>;
template std::ptrdiff_t tile_rows<double>(Structure, std::ptrdiff_t, std::ptrdiff_t);
template std::ptrdiff_t tile_rows<float>(Structure, std::ptrdiff_t, std::ptrdiff_t);

}  // namespace mixtura
