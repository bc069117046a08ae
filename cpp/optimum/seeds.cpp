// Greedy k-means++ (Arthur & Vassilvitskii 2007, section 7): rows far apart to begin from.
#include <algorithm>
#include <vector>

#include "optimum/seeds.hpp"
#include "support/interrupt.hpp"

namespace mixtura {
namespace {

std::ptrdiff_t draw(const std::vector<double>& chances, double total, double uniform) {
    const auto n = static_cast<std::ptrdiff_t>(chances.size());
    double sum = 0;
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        sum += chances[static_cast<std::size_t>(i)];
        if (sum > uniform * total) return i;
    }
    return n - 1;
}

// nearest[i] = min(previous[i], |row_i - row_chosen|^2); returns the weighted sum.
double approach(const double* rows, const double* weights, std::ptrdiff_t d, std::ptrdiff_t chosen,
                const std::vector<double>& previous, std::vector<double>& nearest) {
    const double* centre = rows + chosen * d;
    check_interrupted_sometimes();
    double total = 0;
    for (std::size_t i = 0; i < previous.size(); ++i) {
        const double* row = rows + static_cast<std::ptrdiff_t>(i) * d;
        if (d >= wide) check_interrupted_sometimes();
        double square = 0;
        for (std::ptrdiff_t j = 0; j < d; ++j) square += (row[j] - centre[j]) * (row[j] - centre[j]);
        nearest[i] = std::min(previous[i], square);
        total += weights ? weights[i] * nearest[i] : nearest[i];
    }
    return total;
}

}  // namespace

void plus_plus(const double* rows, const double* weights, std::ptrdiff_t n_rows, std::ptrdiff_t n_features,
               std::ptrdiff_t n_components, std::ptrdiff_t n_trials, const double* uniforms, std::int64_t* seeds) {
    const auto n = static_cast<std::size_t>(n_rows);
    std::vector<double> chances(n, 1.0), nearest(n, 1e300), trial(n), best(n);
    for (std::size_t i = 0; i < n && weights; ++i) chances[i] = weights[i];
    double total = 0;
    for (const double chance : chances) total += chance;
    seeds[0] = draw(chances, total, uniforms[0]);
    total = approach(rows, weights, n_features, seeds[0], nearest, best);
    nearest.swap(best);
    for (std::ptrdiff_t k = 1; k < n_components; ++k) {
        for (std::size_t i = 0; i < n; ++i) chances[i] = weights ? weights[i] * nearest[i] : nearest[i];
        double least = 1e300;
        for (std::ptrdiff_t t = 0; t < n_trials; ++t) {
            const std::ptrdiff_t row = draw(chances, total, uniforms[k * n_trials + t]);
            const double sum = approach(rows, weights, n_features, row, nearest, trial);
            if (sum < least) {
                least = sum;
                seeds[k] = row;
                best.swap(trial);
            }
        }
        nearest.swap(best);
        total = least;
    }
}

}  // namespace mixtura
