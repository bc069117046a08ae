// The algebra of statistics.
#include <vector>

#include "tests/checks.hpp"
#include "tests/random_problem.hpp"

using namespace mixtura;

namespace {

// Sums moved from the means to other centres are the sums taken about those.
void moved_sums_are_sums_about_the_new_centres() {
    for (const Structure structure : structures) {
        const char* name = names[static_cast<int>(structure)];
        const RandomProblem p(structure, 211, 3, 4, 9);
        std::vector<double> others(p.means);
        for (std::size_t i = 0; i < others.size(); ++i) others[i] += 0.3 * static_cast<double>(i % 5) - 0.4;
        Sums moved(p), direct(p);
        Control control;
        accumulate(p.view(true), p.mixture(), {}, moved.view(), control);
        move_centres(moved.view(), others.data());
        direct.owned.centres = others;
        accumulate(p.view(true), p.mixture(), {}, direct.view(), control);
        check_close(moved.firsts(), direct.firsts(), name);
        check_close(moved.seconds(), direct.seconds(), name);
    }
}

}  // namespace

int main() {
    moved_sums_are_sums_about_the_new_centres();
    return report();
}
