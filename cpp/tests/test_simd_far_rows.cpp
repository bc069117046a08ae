// Rows so far from every component that their densities leave the range of their precision.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "tests/checks.hpp"
#include "tests/random_problem.hpp"

using namespace mixtura;

namespace {

double total_of(const std::vector<double>& counts) { return std::accumulate(counts.begin(), counts.end(), 0.0); }

// Where floats are too narrow for the squares, doubles tell what is right: by every way through the kernels.
void a_row_far_from_all_components_has_the_answer_of_a_wider_range() {
    for (int s = 0; s < 4; ++s) {
        for (const std::ptrdiff_t k : {1, 2, 24}) {
            for (const std::ptrdiff_t d : {1, 3, 20}) {
                RandomProblem p(structures[s], 700, k, d, 5);
                for (std::ptrdiff_t i = 0; i < p.n; i += 97) {
                    for (std::ptrdiff_t j = 0; j < d; ++j)
                        p.rows[static_cast<std::size_t>(i * d + j)] *= 1e20 * (j % 2 == 0 ? 1 : -3);
                }
                const std::vector<float> rows(p.rows.begin(), p.rows.end());
                p.rows.assign(rows.begin(), rows.end());
                const Rows<float> single{rows.data(), p.n, d, d, 1, p.sample_weights.data()};
                Expectation scalars;
                scalars.moments = false;
                Sums ours(p), theirs(p);
                Control control;
                accumulate(single, p.mixture(), scalars, ours.view(), control);
                accumulate(p.view(true), p.mixture(), scalars, theirs.view(), control);
                CHECK(close(ours.view().log_likelihood, theirs.view().log_likelihood, 1e-6, 0), names[s]);
                const auto size = static_cast<std::size_t>(p.n * k);
                std::vector<float> density(static_cast<std::size_t>(p.n)), shares(size);
                std::vector<double> density_in_double(density.size()), shares_in_double(size);
                evaluate(single, p.mixture(), {density.data(), shares.data(), nullptr, nullptr}, control);
                evaluate(p.view(true), p.mixture(),
                         {density_in_double.data(), shares_in_double.data(), nullptr, nullptr}, control);
                // Of components of one covariance the distances are equal to all digits of a double: those shares are
                // rounding.
                for (std::size_t i = 0; i < size && structures[s] != Structure::tied; ++i) {
                    CHECK(close(shares[i], shares_in_double[i], 1e-3, 1e-3), names[s]);
                }
                for (std::size_t i = 0; i < density.size(); ++i) {
                    const double clamped =
                        std::max(density_in_double[i], static_cast<double>(std::numeric_limits<float>::lowest()));
                    CHECK(close(density[i], clamped, 1e-3, 1e-3), names[s]);
                }
            }
        }
    }
}

// Components of one covariance: the nearer one has the row, though both differences round to the row itself.
void of_equal_spreads_the_nearer_component_takes_a_far_row() {
    RandomProblem p(Structure::spherical, 70, 2, 1, 1);
    p.factors = {1, 1};
    p.means = {0, 1};
    for (const double x : {1e200, -1e200}) {
        p.rows[3] = x;
        std::vector<double> shares(static_cast<std::size_t>(p.n * 2));
        Control control;
        evaluate(p.view(false), p.mixture(), {nullptr, shares.data(), nullptr, nullptr}, control);
        CHECK(shares[6] == (x < 0 ? 1 : 0) && shares[7] == (x < 0 ? 0 : 1), "far");
    }
}

// Also by one component, which takes a way of its own; what is not a number must come out at the end.
void a_far_row_counts_as_any_other() {
    for (const std::ptrdiff_t k : {1, 2}) {
        RandomProblem p(Structure::diag, 70, k, 1, 1);
        p.rows[3] = 1e153;
        Sums sums(p);
        Control control;
        accumulate(p.view(false), p.mixture(), {}, sums.view(), control);
        CHECK(std::isfinite(sums.view().log_likelihood), "far");
        CHECK(close(total_of(sums.counts()), 70, 1e-13, 0), "far");
        p.rows[3] = 1e200;
        sums = Sums(p);
        accumulate(p.view(false), p.mixture(), {}, sums.view(), control);
        CHECK(close(total_of(sums.counts()), 70, 1e-13, 0), "farther");
    }
    RandomProblem p(Structure::diag, 70, 1, 1, 1);
    Sums sums(p);
    Control control;
    p.rows[3] = std::numeric_limits<double>::quiet_NaN();
    accumulate(p.view(false), p.mixture(), {}, sums.view(), control);
    CHECK(std::isnan(sums.view().log_likelihood) && std::isnan(sums.counts()[0]), "one, not a number");
}

}  // namespace

int main() {
    a_row_far_from_all_components_has_the_answer_of_a_wider_range();
    of_equal_spreads_the_nearer_component_takes_a_far_row();
    a_far_row_counts_as_any_other();
    return report();
}
