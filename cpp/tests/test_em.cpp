// Steps in the space of the statistics, and rows that were rounded.
#include <cmath>
#include <vector>

#include "em/acceleration.hpp"
#include "em/single_copy.hpp"
#include "tests/checks.hpp"
#include "tests/random_problem.hpp"

using namespace mixtura;

namespace {

// Proposals are statistics: positive counts that sum to the weight, whatever was accepted or rejected before.
void proposals_are_statistics() {
    for (const Structure structure : structures) {
        RandomProblem p(structure, 500, 3, 4, 5);
        Acceleration acceleration(structure, p.k, p.d);
        Control control;
        Sums found(p), proposal(p);
        OwnedMixture mixture(structure, p.k, p.d);
        mixture.weights = p.weights;
        mixture.precisions_cholesky.assign(p.factors.begin(), p.factors.end());
        int proposed = 0;
        for (int turn = 0; turn < 20; ++turn) {
            p.means[0] += 0.05;  // a way that EM did not choose
            found = Sums(p);
            accumulate(p.view(true), p.mixture(), {}, found.view(), control);
            mixture.means = p.means;
            const bool worth = acceleration.propose(found.owned, mixture, proposal.owned);
            if (worth) {
                ++proposed;
                double sum = 0;
                for (const double count : proposal.counts()) {
                    CHECK(count > 0, names[static_cast<int>(structure)]);
                    sum += count;
                }
                CHECK(close(sum, found.view().weight, 1e-9, 0), names[static_cast<int>(structure)]);
            }
            if (worth && turn % 3 == 0) {
                acceleration.accept();
            } else {
                if (worth) acceleration.reject(found.owned);
                acceleration.step();
            }
        }
        CHECK(proposed > 0, names[static_cast<int>(structure)]);
    }
}

// The statistics that the coordinates of a point say, by loops of their own: the inverses of what acceleration.cpp
// does.
std::vector<double> statistics_of(const std::vector<double>& state, Structure structure, std::ptrdiff_t K,
                                  std::ptrdiff_t d) {
    const auto at = [](std::ptrdiff_t i) { return static_cast<std::size_t>(i); };
    constexpr std::size_t n_scalars = 8, centres_at = 0, roots_at = 1, inverses_at = 3, point_at = 4;
    const auto vector = [&](std::size_t which) {
        std::size_t begin = n_scalars + static_cast<std::size_t>(state[n_scalars - 1]);
        for (std::size_t v = 0; v < which; ++v) begin += static_cast<std::size_t>(state[n_scalars + v]);
        return state.data() + begin;
    };
    const double* centres = vector(centres_at);
    const double* roots = vector(roots_at);
    const double* inverses = vector(inverses_at);
    const double* counts = vector(point_at);
    const double* firsts = counts + K;
    const double* seconds = firsts + K * d;
    const bool is_matrix = has_matrices(structure);
    const std::ptrdiff_t size = covariance_size(structure, d), n_sums = is_matrix ? d * d : size;
    std::vector<double> out(at(K + K * d + (structure == Structure::tied ? size : K * n_sums)));
    for (std::ptrdiff_t k = 0; k < K; ++k) {
        const double scale = state[0] * roots[k], n = counts[k] * scale;
        const double* inverse = inverses + k * covariance_stride(structure, d);
        // Column j of inv(P)^T, or what it is without matrices.
        const auto entry = [&](std::ptrdiff_t i, std::ptrdiff_t j) {
            if (is_matrix) return j <= i ? inverse[j * d + i] : 0.0;
            return i == j ? inverse[structure == Structure::diag ? i : 0] : 0.0;
        };
        std::vector<double> mean(at(d));
        out[at(k)] = n;
        for (std::ptrdiff_t i = 0; i < d; ++i) {
            for (std::ptrdiff_t j = 0; j < d; ++j) mean[at(i)] += entry(i, j) * firsts[k * d + j] * scale;
            out[at(K + k * d + i)] = mean[at(i)] + n * centres[k * d + i];
        }
        // About 0, so that the centres do not matter: S + f c^T + c f^T + n c c^T.
        const auto about_zero = [&](std::ptrdiff_t i, std::ptrdiff_t j) {
            return mean[at(i)] * centres[k * d + j] + centres[k * d + i] * mean[at(j)] +
                   n * centres[k * d + i] * centres[k * d + j];
        };
        const auto whitened = [&](std::ptrdiff_t i, std::ptrdiff_t j) {
            if (structure == Structure::tied) return k == 0 ? seconds[i * d + j] * state[0] * std::sqrt(2.0) : 0.0;
            if (is_matrix) return seconds[k * size + i * d + j] * scale * std::sqrt(2.0) + (i == j ? n : 0);
            if (i != j) return 0.0;
            if (structure == Structure::diag) return seconds[k * d + i] * scale * std::sqrt(2.0) + n;
            const auto features = static_cast<double>(d);
            return (seconds[k] * scale * std::sqrt(2 * features) + features * n) / features;
        };
        double* to = out.data() + K + K * d + (structure == Structure::tied ? 0 : k * n_sums);
        for (std::ptrdiff_t i = 0; i < d; ++i) {
            for (std::ptrdiff_t j = 0; j < d; ++j) {
                double sum = about_zero(i, j);
                for (std::ptrdiff_t a = 0; a < d; ++a) {
                    for (std::ptrdiff_t b = 0; b < d; ++b) sum += entry(i, a) * whitened(a, b) * entry(j, b);
                }
                if (is_matrix) to[i * d + j] += sum;
                if (!is_matrix && i == j) to[structure == Structure::diag ? i : 0] += sum;
            }
        }
    }
    return out;
}

// What is remembered stands for the same statistics in the coordinates of a nearer reference.
void a_nearer_reference_changes_no_statistics() {
    for (const Structure structure : structures) {
        RandomProblem p(structure, 500, 3, 4, 5);
        Acceleration acceleration(structure, p.k, p.d);
        Control control;
        Sums proposal(p);
        OwnedMixture mixture(structure, p.k, p.d);
        mixture.weights = p.weights;
        int moved = 0;
        for (int turn = 0; turn < 12; ++turn) {
            for (double& mean : p.means) mean *= 0.97;
            for (double& factor : p.factors) factor *= 1.05;
            Sums found(p);
            accumulate(p.view(true), p.mixture(), {}, found.view(), control);
            mixture.means = p.means;
            mixture.precisions_cholesky.assign(p.factors.begin(), p.factors.end());
            const std::vector<double> before = acceleration.state();
            acceleration.propose(found.owned, mixture, proposal.owned);
            const std::vector<double> after = acceleration.state();
            if (turn > 0 && after[3] < before[3]) {  // the iterations since the reference moved
                ++moved;
                const std::vector<double> theirs = statistics_of(before, structure, p.k, p.d);
                const std::vector<double> ours = statistics_of(after, structure, p.k, p.d);
                for (std::size_t i = 0; i < ours.size(); ++i)
                    CHECK(close(ours[i], theirs[i], 1e-11, 1e-9), names[static_cast<int>(structure)]);
            }
            acceleration.step();
        }
        CHECK(moved > 0, names[static_cast<int>(structure)]);
    }
}

// Where a double's rows keep seven digits of their own sums, however far from 0 they lie.
void rows_in_single_have_the_same_sums() {
    for (int turn = 0; turn < 2 * 4; ++turn) {
        const Structure structure = structures[turn % 4];
        RandomProblem p(structure, 700, 3, 4, 6);
        if (turn >= 4) p.add_noise(), p.add_tails(), p.add_labels();
        for (std::size_t i = 0; i < p.rows.size(); ++i) p.rows[i] += 1e6;
        for (double& mean : p.means) mean += 1e6;
        const std::vector<double> scale =
            structure == Structure::spherical ? std::vector<double>(4, 3) : std::vector<double>{3, 0.1, 1, 50};
        const SingleCopy single(p.view(true), std::vector<double>(4, 1e6), scale);
        const MemorySource<double> exact(p.view(true));
        Control control;
        Sums ours(p), theirs(p);
        single.accumulate({}, p.mixture(), ours.owned, control);
        exact.accumulate({}, p.mixture(), theirs.owned, control);
        CHECK(ours.owned.centres == theirs.owned.centres, "centres");
        for (std::size_t i = 0; i < ours.owned.block.size(); ++i)
            CHECK(close(ours.owned.block[i], theirs.owned.block[i], 1e-5, 1e-2), names[static_cast<int>(structure)]);
        const std::vector<double> all(static_cast<std::size_t>(p.n * p.k), 0.25);
        const GivenResponsibilities given{all.data(), p.k, 1};
        single.bringing(given)->accumulate({}, p.mixture(), ours.owned, control);
        exact.bringing(given)->accumulate({}, p.mixture(), theirs.owned, control);
        for (std::size_t i = 0; i < ours.owned.block.size(); ++i)
            CHECK(close(ours.owned.block[i], theirs.owned.block[i], 1e-5, 1e-2), names[static_cast<int>(structure)]);
    }
}

// Of rows up to 1 from their mean a float is off by 2^-25 at most.
void rounding_tells_where_a_component_is_thin() {
    const std::vector<double> rows{-1, -0.5, 0.5, 1, 0, 0};
    const Rows<double> view{rows.data(), 3, 2, 2, 1};
    const SingleCopy single(view, {0, 0}, {1, 1});
    for (const Structure structure : structures) {
        for (const double width : {1e-3, 1e-6}) {
            OwnedMixture mixture(structure, 2, 2);
            for (std::size_t i = 0; i < mixture.precisions_cholesky.size(); ++i) {
                const bool is_off = has_matrices(structure) && i % 4 != 0 && i % 4 != 3;
                mixture.precisions_cholesky[i] = is_off ? 0 : 1;
            }
            mixture.precisions_cholesky.back() = 1 / width;
            CHECK(single.is_fine_for(mixture) == (width > 1e-4), names[static_cast<int>(structure)]);
            if (!has_matrices(structure)) continue;
            // The last feature, given the first: the wider of the two is as thin where they lie on a line.
            mixture.precisions_cholesky.back() = 1;
            mixture.precisions_cholesky[mixture.precisions_cholesky.size() - 3] = 1 / width;
            CHECK(single.is_fine_for(mixture) == (width > 1e-4), names[static_cast<int>(structure)]);
        }
    }
}

}  // namespace

int main() {
    rows_in_single_have_the_same_sums();
    rounding_tells_where_a_component_is_thin();
    proposals_are_statistics();
    a_nearer_reference_changes_no_statistics();
    return report();
}
