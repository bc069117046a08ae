// Steps in the space of the statistics.
#include <vector>

#include "em/acceleration.hpp"
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

}  // namespace

int main() {
    proposals_are_statistics();
    return report();
}
