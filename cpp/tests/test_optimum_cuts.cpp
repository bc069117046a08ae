// What the search for the best optimum asks of every row: cuts, seeds, responsibilities that leave rows out.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "optimum/cut.hpp"
#include "optimum/leave_one_out.hpp"
#include "optimum/seeds.hpp"
#include "tests/checks.hpp"
#include "tests/random_problem.hpp"

using namespace mixtura;

namespace {

// Two clouds ten apart, in every structure and with rows of weight 0.
void a_cut_parts_two_clouds() {
    for (const Structure structure : structures) {
        RandomProblem p(structure, 301, 1, 3, 2);
        std::vector<double> weights(301, 1.0), reg_covar(3, 1e-9);
        std::vector<std::int8_t> sides(301);
        for (std::size_t i = 0; i < 301; ++i) {
            if (i % 2 == 0) p.rows[i * 3] += 40;
            if (i % 50 == 7) weights[i] = 0;
        }
        const double gain = cut(structure, p.rows.data(), weights.data(), 301, 3, reg_covar.data(), 4, sides.data());
        CHECK(gain > 0, names[static_cast<int>(structure)]);
        int astray = 0;  // a cut is a beginning: EM corrects what is left
        for (std::size_t i = 0; i < 301; ++i) {
            CHECK((weights[i] == 0) == (sides[i] == -1), names[static_cast<int>(structure)]);
            astray += weights[i] > 0 && (sides[i] == sides[0]) != (i % 2 == 0);
        }
        CHECK(astray <= 3, names[static_cast<int>(structure)]);
        CHECK(std::isinf(cut(structure, p.rows.data(), weights.data(), 301, 3, reg_covar.data(), 200, sides.data())),
              "no cut");
        p.rows[5] = 1e200;  // nothing but an answer is asked for
        cut(structure, p.rows.data(), weights.data(), 301, 3, reg_covar.data(), 4, sides.data());
    }
}

// The same in many features, where no matrix of fourth moments is made.
void a_cut_parts_two_clouds_of_many_features() {
    for (const Structure structure : structures) {
        constexpr std::ptrdiff_t n = 402, d = 70;
        RandomProblem p(structure, n, 1, d, 2);
        const std::vector<double> weights(n, 1.0), reg_covar(d, 1e-9);
        std::vector<std::int8_t> sides(n);
        for (std::ptrdiff_t i = 0; i < n; i += 2) {
            for (std::ptrdiff_t j = 0; j < d; ++j) p.rows[static_cast<std::size_t>(i * d + j)] += 10;
        }
        const double gain =
            cut(structure, p.rows.data(), weights.data(), n, d, reg_covar.data(), 2 * (d + 1), sides.data());
        CHECK(gain > 0, names[static_cast<int>(structure)]);
        int astray = 0;
        for (std::size_t i = 0; i < n; ++i) astray += (sides[i] == sides[0]) != (i % 2 == 0);
        CHECK(astray <= 3, names[static_cast<int>(structure)]);
    }
}

void seeds_lie_apart() {
    RandomProblem p(Structure::full, 400, 1, 2, 3);
    for (std::size_t i = 0; i < 400; ++i) p.rows[i * 2] += 1000 * static_cast<double>(i % 4);
    const std::vector<double> uniforms(12, 0.37);
    std::int64_t seeds[4];
    plus_plus(p.rows.data(), nullptr, 400, 2, 4, 3, uniforms.data(), seeds);
    for (int a = 0; a < 4; ++a) {
        for (int b = 0; b < a; ++b) CHECK(seeds[a] % 4 != seeds[b] % 4, "seeds");
    }
}

void leaving_rows_out_gives_probabilities() {
    for (const Structure structure : {Structure::full, Structure::tied}) {
        const RandomProblem p(structure, 50, 2, 6, 4);
        std::vector<double> responsibilities(100, 0.5);
        Control control;
        leave_one_out(p.mixture(), p.rows.data(), p.sample_weights.data(), 50, responsibilities.data(), control);
        for (std::size_t i = 0; i < 50; ++i) {
            CHECK(close(responsibilities[2 * i] + responsibilities[2 * i + 1], 1, 1e-12, 0), "leave one out");
        }
    }
}

}  // namespace

int main() {
    a_cut_parts_two_clouds();
    a_cut_parts_two_clouds_of_many_features();
    seeds_lie_apart();
    leaving_rows_out_gives_probabilities();
    return report();
}
