// Rows with missing features, against sums by elimination in plain loops; at every instruction set.
#include <cmath>
#include <cstdio>
#include <limits>
#include <vector>

#include "e_step/patterns.hpp"
#include "tests/checks.hpp"
#include "tests/elimination.hpp"
#include "tests/random_problem.hpp"

using namespace mixtura;

namespace {

template <class Real>
void check_sums(const RandomProblem& p, Sums& theirs, double tolerance, const char* where) {
    const std::vector<Real> values(p.rows.begin(), p.rows.end());
    Rows<Real> rows = p.rows_in(values, true);
    const PatternOrder order(rows);
    rows.patterns = order.view();
    Sums ours(p);
    Control control;
    accumulate(rows, p.mixture(), {}, ours.view(), control);
    const double weight = theirs.view().weight;
    CHECK(close(ours.view().weight, weight, 1e-13, 0), where);
    CHECK(close(ours.view().log_likelihood, theirs.view().log_likelihood, tolerance, 0), where);
    CHECK(close(ours.view().log_certainty, theirs.view().log_certainty, tolerance, tolerance * weight), where);
    check_close(ours.counts(), theirs.counts(), tolerance, where);
    check_close(ours.firsts(), theirs.firsts(), tolerance, where);
    check_close(ours.seconds(), theirs.seconds(), tolerance, where);
}

// Around widths of vectors and tiles; few patterns of many rows, and nearly as many patterns as rows.
void sums_equal_elimination() {
    const std::ptrdiff_t sizes[][3] = {{1, 1, 2},   {33, 3, 3},  {300, 4, 6}, {70, 2, 17},
                                       {600, 3, 4}, {40, 2, 20}, {9, 2, 70}};
    for (const Structure structure : structures) {
        for (const auto& size : sizes) {
            for (const int missing_of_ten : {1, 5, 9}) {
                RandomProblem p(structure, size[0], size[1], size[2], 11);
                std::mt19937 generator(7);
                for (std::size_t i = 0; i < p.rows.size(); ++i) {
                    p.rows[i] = static_cast<float>(p.rows[i]);
                    if (i > 0 && static_cast<int>(generator() % 10) < missing_of_ten)
                        p.rows[i] = std::numeric_limits<double>::quiet_NaN();
                }
                Sums theirs(p);
                sums_by_elimination(p, theirs.view());
                char where[80];
                std::snprintf(where, sizeof where, "%s, N = %td, K = %td, d = %td, %d of 10 missing",
                              names[static_cast<int>(structure)], size[0], size[1], size[2], missing_of_ten);
                check_sums<double>(p, theirs, 1e-11, where);
                check_sums<float>(p, theirs, 1e-4, where);
            }
        }
    }
}

// Rows with the same features stand together, those without any last, each in its order.
void patterns_are_in_order() {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const std::vector<double> values{1, 2, nan, 3, nan, nan, 4, 5, nan, 6, nan, nan};
    const Rows<double> rows{values.data(), 6, 2, 2, 1};
    const PatternOrder order(rows);
    const Patterns found = order.view();
    const std::vector<std::int64_t> expected{0, 3, 1, 4, 2, 5}, begins{0, 2, 4};
    CHECK(found.n_present == 4 && found.n_patterns == 2, "two patterns, and rows without any value");
    CHECK(std::equal(expected.begin(), expected.end(), found.order), "rows by pattern");
    CHECK(std::equal(begins.begin(), begins.end(), found.begins), "where patterns begin");
    const std::vector<double> whole{1, 2, 3, 4};
    CHECK(!PatternOrder(Rows<double>{whole.data(), 2, 2, 2, 1}).view().are_there(), "none where nothing is missing");
}

}  // namespace

int main() {
    sums_equal_elimination();
    patterns_are_in_order();
    return report();
}
