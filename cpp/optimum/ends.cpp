// Whether two mixtures are on the way to one end.
#include "optimum/ends.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "optimum/descent.hpp"

namespace mixtura {
namespace {

// Differences of weights, relative, and of means, in standard deviations.
constexpr double near_place = 0.1;

// Differences of covariances between two features, in units of both standard deviations.
constexpr double near_shape = 0.2;

std::size_t at(std::ptrdiff_t i) { return static_cast<std::size_t>(i); }

bool is_near(const OwnedMixture& one, std::ptrdiff_t k, const OwnedMixture& other, std::ptrdiff_t m) {
    const std::ptrdiff_t d = one.n_features;
    if (std::abs(one.weights[at(k)] - other.weights[at(m)]) > near_place * other.weights[at(m)]) return false;
    for (std::ptrdiff_t j = 0; j < d; ++j) {
        const double variance = other.covariance(m, j, j), gap = one.means[at(k * d + j)] - other.means[at(m * d + j)];
        if (gap * gap > near_place * near_place * variance) return false;
        for (std::ptrdiff_t i = has_matrices(one.structure) ? 0 : j; i <= j; ++i) {
            const double difference = one.covariance(k, i, j) - other.covariance(m, i, j);
            if (difference * difference > near_shape * near_shape * variance * other.covariance(m, i, i)) return false;
        }
    }
    return true;
}

bool is_near(const OwnedMixture& one, const OwnedMixture& other) {
    std::vector<bool> taken(at(one.n_components));
    for (std::ptrdiff_t k = 0; k < one.n_components; ++k) {
        std::ptrdiff_t m = 0;
        while (m < one.n_components && (taken[at(m)] || !is_near(one, k, other, m))) ++m;
        if (m == one.n_components) return false;
        taken[at(m)] = true;
    }
    return true;
}

}  // namespace

std::ptrdiff_t Partitions::find(const std::vector<std::ptrdiff_t>& parts, std::size_t n) const {
    for (std::size_t i = 0; i < n; ++i) {
        if (all_[i].parts == parts) return static_cast<std::ptrdiff_t>(i);
    }
    return -1;
}

std::ptrdiff_t Ends::near(const OwnedMixture& mixture, std::size_t n) const {
    const auto last = ends_.begin() + static_cast<std::ptrdiff_t>(n);
    const auto found = std::find_if(ends_.begin(), last, [&](const End& end) { return is_near(mixture, end.mixture); });
    return found == last ? -1 : found - ends_.begin();
}

bool Ends::add(End end) {
    const bool is_known = std::any_of(ends_.begin(), ends_.end(), [&](const End& known) {
        return known.is_proper == end.is_proper && std::abs(known.objective - end.objective) < same_optimum &&
               is_near(end.mixture, known.mixture);
    });
    if (!is_known) ends_.push_back(std::move(end));
    return !is_known;
}

}  // namespace mixtura
