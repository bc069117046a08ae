// E-steps of a random problem, for packaging/instructions.py, which counts what they take.
//     e_steps full 640 128 16 double 3
#include <cstdlib>
#include <cstring>
#include <vector>

#include "tests/random_problem.hpp"

using namespace mixtura;

namespace {

template <class Real>
void run(const RandomProblem& problem, int n_steps) {
    const std::vector<Real> rows(problem.rows.begin(), problem.rows.end());
    for (int i = 0; i < n_steps; ++i) {
        Sums sums(problem);
        Control control;
        control.n_threads = 1;
        accumulate(problem.rows_in(rows, false), problem.mixture(), {}, sums.view(), control);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 7) return 2;
    for (const Structure structure : structures) {
        if (std::strcmp(argv[1], names[static_cast<int>(structure)]) != 0) continue;
        const RandomProblem problem(structure, std::atoll(argv[2]), std::atoll(argv[3]), std::atoll(argv[4]), 11);
        const int n_steps = std::atoi(argv[6]);
        std::strcmp(argv[5], "float") == 0 ? run<float>(problem, n_steps) : run<double>(problem, n_steps);
        return 0;
    }
    return 2;
}
