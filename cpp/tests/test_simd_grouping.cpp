// Rows sorted by component, and which components their reaches leave out.
#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "e_step/prepare.hpp"
#include "tests/checks.hpp"
#include "tests/random_problem.hpp"

using namespace mixtura;

namespace {

// Rows near components so far apart that they are sorted by component, and some that are near none.
RandomProblem far_apart(std::ptrdiff_t d) {
    RandomProblem p(Structure::full, 5003, 20, d, 11);
    for (double& mean : p.means) mean *= 40;
    for (std::ptrdiff_t i = 0; i < p.n; ++i) {
        const std::ptrdiff_t k = i * 7919 % p.k;
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            double& x = p.rows[static_cast<std::size_t>(i * d + j)];
            x = i % 97 == 0 ? 40 * x : p.means[static_cast<std::size_t>(k * d + j)] + x / 2;
        }
    }
    return p;
}

void sorted_rows_give_the_same_sums() {
    for (const std::ptrdiff_t d : {4, 9, 19}) {
        RandomProblem p = far_apart(d);
        for (double& x : p.rows) x = static_cast<float>(x);
        PreparedJob<double> prepared(p.view(true), {}, p.mixture(), {}, p.means.data());
        prepared.group_rows(p.mixture());
        CHECK(prepared.job().grouping.n_rows > 0, "far apart");
        Sums theirs(p), ours(p), others(p), floats(p);
        plain_loops(p, true, theirs.view());
        Control one, three;
        three.n_threads = 3;
        accumulate(p.view(true), p.mixture(), {}, ours.view(), one);
        accumulate(p.view(true), p.mixture(), {}, others.view(), three);
        check_close(ours.counts(), theirs.counts(), "sorted counts");
        check_close(ours.firsts(), theirs.firsts(), "sorted firsts");
        check_close(ours.seconds(), theirs.seconds(), "sorted seconds");
        CHECK(close(ours.view().log_likelihood, theirs.view().log_likelihood, 1e-12, 0), "sorted likelihood");
        CHECK(ours.seconds() == others.seconds() && ours.counts() == others.counts(), "sorted by 3 threads");
        // In parts, of which one has too few rows.
        Rows<double> first = p.view(true), second = first;
        first.n_rows = 3000;
        second.n_rows -= 3000;
        second.data += 3000 * d;
        second.weights += 3000;
        Sums of_first(p), of_second(p), of_parts(p);
        accumulate(first, p.mixture(), {}, of_first.view(), one);
        accumulate(second, p.mixture(), {}, of_second.view(), one);
        accumulate_parts<double>({first, second}, p.mixture(), {}, of_parts.view(), three);
        for (std::size_t i = 0; i < of_parts.seconds().size(); ++i) {
            CHECK(of_parts.seconds()[i] == of_first.seconds()[i] + of_second.seconds()[i], "sorted parts");
        }
        const std::vector<float> rows(p.rows.begin(), p.rows.end());
        const Rows<float> view{rows.data(), p.n, d, d, 1, p.sample_weights.data()};
        accumulate(view, p.mixture(), {}, floats.view(), three);
        for (std::size_t i = 0; i < ours.counts().size(); ++i)
            CHECK(close(floats.counts()[i], ours.counts()[i], 1e-4, 1e-2), "sorted floats");
    }
}

// x = mu_i + P_i^-T r u for unit vectors u and r below the reach of i to k: k is negligible there.
void within_reach_a_component_is_negligible() {
    const std::ptrdiff_t d = 5;
    RandomProblem p = far_apart(d);
    PreparedJob<double> prepared(p.view(false), {}, p.mixture(), {}, p.means.data());
    prepared.group_rows(p.mixture());
    const Grouping& grouping = prepared.job().grouping;
    std::mt19937 generator(5);
    std::normal_distribution<double> normal;
    double nearest = 1e9;
    for (std::ptrdiff_t i = 0; i < p.k; ++i) {
        for (std::ptrdiff_t k = 0; k < p.k; ++k) {
            const double reach = static_cast<double>(grouping.reaches[i * grouping.reach_stride + k]);
            CHECK(i != k || reach < 0, "a component reaches itself");
            if (reach < 0) continue;
            for (int trial = 0; trial < 20; ++trial) {
                double u[5], norm = 0, x[5];
                // Towards k, roughly: there the bound is tight.
                for (std::ptrdiff_t j = 0; j < d; ++j) {
                    const auto at = [&](std::ptrdiff_t c) { return p.means[static_cast<std::size_t>(c * d + j)]; };
                    u[j] = normal(generator) * trial / 10 + (at(k) - at(i)) / 20;
                    norm += u[j] * u[j];
                }
                const double* factor = p.factors.data() + i * d * d;
                for (std::ptrdiff_t j = 0; j < d; ++j) {
                    double rest = reach * u[j] / std::sqrt(norm);
                    for (std::ptrdiff_t m = 0; m < j; ++m) rest -= factor[m * d + j] * x[m];
                    x[j] = rest / factor[j * d + j];
                }
                for (std::ptrdiff_t j = 0; j < d; ++j) {
                    p.rows[static_cast<std::size_t>(j)] = x[j] + p.means[static_cast<std::size_t>(i * d + j)];
                }
                const double below = log_joint(p, 0, i) - log_joint(p, 0, k);
                CHECK(below > negligible<double>, "within reach");
                nearest = std::min(nearest, below);
            }
        }
    }
    CHECK(nearest < 3 * negligible<double>, "reaches that are not in vain");
}

}  // namespace

int main() {
    sorted_rows_give_the_same_sums();
    within_reach_a_component_is_negligible();
    return report();
}
