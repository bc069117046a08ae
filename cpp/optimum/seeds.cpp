// Greedy k-means++ (Arthur & Vassilvitskii 2007, section 7): rows far apart to begin from.
#include <algorithm>
#include <vector>

#include "m_step/linear_algebra.hpp"
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

// Distances to a row that is tried: nearest[i] = min(previous[i], |row_i - row_chosen|^2), and their weighted sum.
struct Trial {
    std::ptrdiff_t chosen = 0;
    double total = 0;
    std::vector<double> nearest;
};

// All that are tried beside each other, so that each row is read once.
void approach(const double* rows, const double* units, const double* weights, std::ptrdiff_t d,
              const std::vector<double>& previous, std::vector<Trial>& trials) {
    check_interrupted_sometimes();
    for (Trial& trial : trials) trial.total = 0;
    for (std::size_t i = 0; i < previous.size(); ++i) {
        const double* row = rows + static_cast<std::ptrdiff_t>(i) * d;
        if (d >= wide) check_interrupted_sometimes();
        for (Trial& trial : trials) {
            trial.nearest[i] = std::min(previous[i], squared_distance(row, rows + trial.chosen * d, units, d));
            trial.total += weights ? weights[i] * trial.nearest[i] : trial.nearest[i];
        }
    }
}

}  // namespace

void plus_plus(const double* rows, const double* weights, std::ptrdiff_t n_rows, std::ptrdiff_t n_features,
               std::ptrdiff_t n_components, std::ptrdiff_t n_trials, const double* uniforms, std::int64_t* seeds,
               const double* units) {
    const auto n = static_cast<std::size_t>(n_rows);
    std::vector<double> chances(n, 1.0), nearest(n, 1e300);
    for (std::size_t i = 0; i < n && weights; ++i) chances[i] = weights[i];
    double total = 0;
    for (const double chance : chances) total += chance;
    std::vector<Trial> trials(1);
    trials[0].nearest.resize(n);
    trials[0].chosen = draw(chances, total, uniforms[0]);
    const auto take = [&](const Trial& best, std::ptrdiff_t k) {
        seeds[k] = best.chosen;
        nearest = best.nearest;
        total = best.total;
    };
    approach(rows, units, weights, n_features, nearest, trials);
    take(trials[0], 0);
    trials.resize(static_cast<std::size_t>(n_trials), trials[0]);
    for (std::ptrdiff_t k = 1; k < n_components; ++k) {
        for (std::size_t i = 0; i < n; ++i) chances[i] = weights ? weights[i] * nearest[i] : nearest[i];
        for (std::ptrdiff_t t = 0; t < n_trials; ++t)
            trials[static_cast<std::size_t>(t)].chosen = draw(chances, total, uniforms[k * n_trials + t]);
        approach(rows, units, weights, n_features, nearest, trials);
        take(*std::min_element(trials.begin(), trials.end(),
                               [](const Trial& one, const Trial& other) { return one.total < other.total; }),
             k);
    }
}

}  // namespace mixtura
