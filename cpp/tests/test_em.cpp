// Steps in the space of the statistics, and rows that were rounded.
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
        mixture.precisions_cholesky = p.factors;
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
    return report();
}
