// The layout of sums, and their algebra about centres.
#include "model/owned.hpp"

#include <utility>

#include "support/interrupt.hpp"

namespace mixtura {
namespace {

std::size_t length(std::ptrdiff_t n) { return static_cast<std::size_t>(n); }

}  // namespace

OwnedMixture::OwnedMixture(Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features)
    : structure(structure), n_components(n_components), n_features(n_features), weights(length(n_components)),
      means(length(n_components * n_features)), covariances(length(seconds_size(structure, n_components, n_features))),
      precisions_cholesky(covariances.size()) {}

Mixture OwnedMixture::view() const {
    return {structure,
            n_components,
            n_features,
            weights.data(),
            means.data(),
            precisions_cholesky.data(),
            df.empty() ? nullptr : df.data(),
            {noise.weight, noise.log_density, log_sides.empty() ? nullptr : log_sides.data()},
            log_weights.empty() ? nullptr : log_weights.data()};
}

double OwnedMixture::covariance(std::ptrdiff_t k, std::ptrdiff_t i, std::ptrdiff_t j) const {
    const double* one = covariances.data() + k * covariance_stride(structure, n_features);
    if (has_matrices(structure)) return one[i * n_features + j];
    if (i != j) return 0;
    return structure == Structure::diag ? one[i] : one[0];
}

SumLayout layout_of(const Mixture& mixture) {
    return {mixture.structure, mixture.n_components, mixture.n_features, mixture.df != nullptr};
}

std::array<Piece, 5> sums_of_component(const SumLayout& layout, std::ptrdiff_t k) {
    const std::ptrdiff_t d = layout.n_features;
    const std::ptrdiff_t stride = layout.has_seconds ? covariance_stride(layout.structure, d) : 0;
    const std::ptrdiff_t of_scales = layout.has_scales ? 1 : 0;
    return {{{layout.counts() + k, 1},
             {layout.scales() + k, of_scales},
             {layout.log_scales() + k, of_scales},
             {layout.firsts() + k * d, d},
             {layout.seconds() + k * stride, stride}}};
}

std::vector<NamedSum> sums_in(const SumLayout& layout) {
    const std::ptrdiff_t K = layout.n_components, d = layout.n_features;
    std::vector<NamedSum> sums{{"weight", SumLayout::weight, {}},
                               {"log_likelihood", SumLayout::log_likelihood, {}},
                               {"log_certainty", SumLayout::log_certainty, {}},
                               {"noise", SumLayout::noise, {}},
                               {"counts", layout.counts(), {K}, true}};
    if (layout.has_scales) {
        sums.push_back({"scales", layout.scales(), {K}, true});
        sums.push_back({"log_scales", layout.log_scales(), {K}, true});
    }
    sums.push_back({"firsts", layout.firsts(), {K, d}, true});
    switch (layout.structure) {
        case Structure::full: sums.push_back({"seconds", layout.seconds(), {K, d, d}, true}); break;
        case Structure::tied: sums.push_back({"seconds", layout.seconds(), {d, d}}); break;
        case Structure::diag: sums.push_back({"seconds", layout.seconds(), {K, d}, true}); break;
        case Structure::spherical: sums.push_back({"seconds", layout.seconds(), {K}, true}); break;
    }
    return sums;
}

OwnedStatistics::OwnedStatistics(const SumLayout& layout)
    : centres(length(layout.n_components * layout.n_features)), block(length(layout.size())), layout_(layout) {}

std::vector<double> OwnedStatistics::counts() const {
    const double* first = block.data() + layout_.counts();
    return {first, first + layout_.n_components};
}

void OwnedStatistics::centre() {
    const double* firsts = block.data() + layout_.firsts();
    const double* masses = view().masses;
    for (std::ptrdiff_t k = 0; k < layout_.n_components; ++k) {
        const double n = masses[k] > 0 ? masses[k] : 1.0;
        for (std::ptrdiff_t j = k * layout_.n_features; j < (k + 1) * layout_.n_features; ++j) {
            centres[length(j)] += firsts[j] / n;
        }
    }
}

void OwnedStatistics::centre_empty() {
    const std::ptrdiff_t d = layout_.n_features;
    std::vector<double> mean(length(d));
    double total = 0;
    for (std::ptrdiff_t k = 0; k < layout_.n_components; ++k) {
        total += count(k);
        for (std::ptrdiff_t j = 0; j < d; ++j) mean[length(j)] += count(k) * centres[length(k * d + j)];
    }
    for (std::ptrdiff_t k = 0; k < layout_.n_components; ++k) {
        if (count(k) > 0) continue;
        for (std::ptrdiff_t j = 0; j < d; ++j) centres[length(k * d + j)] = mean[length(j)] / total;
    }
}

void OwnedStatistics::move_to(const std::vector<double>& new_centres) {
    move_centres(view(), new_centres.data());
    centres = new_centres;
}

// With t = centres - new_centres:  f' = f + n t,  S' = S + f t^T + t f^T + n t t^T = S + f' t^T + t f^T.
void move_centres(const Statistics& statistics, const double* new_centres) {
    const std::ptrdiff_t d = statistics.n_features();
    const Structure structure = statistics.structure();
    for (std::ptrdiff_t k = 0; k < statistics.n_components(); ++k) {
        const double* from = statistics.centres + k * d;
        const double* to = new_centres + k * d;
        const double n = statistics.masses[k];
        double* f = statistics.firsts + k * d;
        double* seconds = statistics.seconds + k * covariance_stride(structure, d);
        const auto t = [&](std::ptrdiff_t j) { return from[j] - to[j]; };
        const auto moved = [&](std::ptrdiff_t j) { return f[j] + n * t(j); };
        switch (structure) {
            case Structure::full:
            case Structure::tied:
                for (std::ptrdiff_t i = 0; i < d; ++i) {
                    if (d >= wide) check_interrupted_sometimes();
                    const double t_i = t(i), moved_i = moved(i);
                    for (std::ptrdiff_t j = 0; j < d; ++j) seconds[i * d + j] += moved_i * t(j) + t_i * f[j];
                }
                break;
            case Structure::diag:
                for (std::ptrdiff_t j = 0; j < d; ++j) seconds[j] += (moved(j) + f[j]) * t(j);
                break;
            case Structure::spherical:
                for (std::ptrdiff_t j = 0; j < d; ++j) seconds[0] += (moved(j) + f[j]) * t(j);
                break;
        }
        for (std::ptrdiff_t j = 0; j < d; ++j) f[j] = moved(j);
    }
}

}  // namespace mixtura
