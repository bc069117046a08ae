// The core by itself: against plain loops in double, over tail sizes, threads, strides and interruption.
// Exits with 1 and says where at the first property that does not hold.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iterator>
#include <limits>
#include <memory>
#include <numeric>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#if defined(__unix__)
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

#include "e_step/prepare.hpp"
#include "em/acceleration.hpp"
#include "model/core.hpp"
#include "support/linear_algebra.hpp"
#include "support/parallel.hpp"
#include "tests/checks.hpp"

using namespace mixtura;

namespace {

const Structure structures[] = {Structure::full, Structure::tied, Structure::diag, Structure::spherical};
const char* const names[] = {"full", "tied", "diag", "spherical"};

struct Problem {
    Structure structure;
    std::ptrdiff_t n, k, d;
    std::vector<double> rows, sample_weights, weights, means, covariances, factors;

    Problem(Structure s, std::ptrdiff_t n_rows, std::ptrdiff_t n_components, std::ptrdiff_t n_features, unsigned seed)
        : structure(s), n(n_rows), k(n_components), d(n_features) {
        std::mt19937 generator(seed);
        std::normal_distribution<double> normal;
        std::uniform_real_distribution<double> uniform(0.5, 2.0);
        for (std::ptrdiff_t i = 0; i < n * d; ++i) rows.push_back(2 * normal(generator));
        for (std::ptrdiff_t i = 0; i < n; ++i) sample_weights.push_back(i % 7 == 3 ? 0.0 : uniform(generator));
        for (std::ptrdiff_t i = 0; i < k; ++i) weights.push_back(1.0 / static_cast<double>(k));
        for (std::ptrdiff_t i = 0; i < k * d; ++i) means.push_back(normal(generator));
        const std::ptrdiff_t size = seconds_size(s, k, d);
        factors.assign(static_cast<std::size_t>(size), 0.0);
        if (s == Structure::diag || s == Structure::spherical) {
            for (double& f : factors) f = uniform(generator);
        } else {
            for (std::ptrdiff_t m = 0; m < size / (d * d); ++m) {
                for (std::ptrdiff_t i = 0; i < d; ++i) {
                    for (std::ptrdiff_t j = i; j < d; ++j) {
                        factors[static_cast<std::size_t>(m * d * d + i * d + j)] =
                            i == j ? uniform(generator) : 0.2 * normal(generator) / std::sqrt(static_cast<double>(d));
                    }
                }
            }
        }
    }

    Mixture mixture() const { return {structure, k, d, weights.data(), means.data(), factors.data()}; }
    Rows<double> view(bool weighted) const {
        return {rows.data(), n, d, d, 1, weighted ? sample_weights.data() : nullptr};
    }
};

struct Sums {
    Statistics statistics;
    std::vector<double> counts, firsts, seconds;

    explicit Sums(const Problem& p)
        : counts(static_cast<std::size_t>(p.k)), firsts(static_cast<std::size_t>(p.k * p.d)),
          seconds(static_cast<std::size_t>(seconds_size(p.structure, p.k, p.d))) {
        statistics.counts = counts.data();
        statistics.firsts = firsts.data();
        statistics.seconds = seconds.data();
    }
};

double log_joint(const Problem& p, std::ptrdiff_t i, std::ptrdiff_t k) {
    const double* x = p.rows.data() + i * p.d;
    const double* mean = p.means.data() + k * p.d;
    double square = 0, log_det = 0;
    for (std::ptrdiff_t j = 0; j < p.d; ++j) {
        double y = 0;
        switch (p.structure) {
            case Structure::diag:
                y = (x[j] - mean[j]) * p.factors[static_cast<std::size_t>(k * p.d + j)];
                log_det += std::log(p.factors[static_cast<std::size_t>(k * p.d + j)]);
                break;
            case Structure::spherical:
                y = (x[j] - mean[j]) * p.factors[static_cast<std::size_t>(k)];
                log_det += std::log(p.factors[static_cast<std::size_t>(k)]);
                break;
            default: {
                const double* f = p.factors.data() + (p.structure == Structure::full ? k * p.d * p.d : 0);
                for (std::ptrdiff_t m = 0; m <= j; ++m) y += f[m * p.d + j] * (x[m] - mean[m]);
                log_det += std::log(f[j * p.d + j]);
            }
        }
        square += y * y;
    }
    const double log_two_pi = std::log(2 * std::acos(-1.0));
    return std::log(p.weights[static_cast<std::size_t>(k)]) + log_det -
           0.5 * (static_cast<double>(p.d) * log_two_pi + square);
}

void plain_loops(const Problem& p, bool weighted, Sums& out) {
    std::vector<double> r(static_cast<std::size_t>(p.k));
    for (std::ptrdiff_t i = 0; i < p.n; ++i) {
        const double w = weighted ? p.sample_weights[static_cast<std::size_t>(i)] : 1.0;
        double highest = -std::numeric_limits<double>::infinity(), sum = 0;
        for (std::ptrdiff_t k = 0; k < p.k; ++k) {
            r[static_cast<std::size_t>(k)] = log_joint(p, i, k);
            highest = std::max(highest, r[static_cast<std::size_t>(k)]);
        }
        for (double& a : r) sum += std::exp(a - highest);
        const double log_density = highest + std::log(sum);
        out.statistics.weight += w;
        out.statistics.log_likelihood += w * log_density;
        out.statistics.log_certainty += w * (highest - log_density);
        for (std::ptrdiff_t k = 0; k < p.k; ++k) {
            const double wr = w * std::exp(r[static_cast<std::size_t>(k)] - log_density);
            out.counts[static_cast<std::size_t>(k)] += wr;
            for (std::ptrdiff_t a = 0; a < p.d; ++a) {
                const double xa =
                    p.rows[static_cast<std::size_t>(i * p.d + a)] - p.means[static_cast<std::size_t>(k * p.d + a)];
                out.firsts[static_cast<std::size_t>(k * p.d + a)] += wr * xa;
                if (p.structure == Structure::diag) out.seconds[static_cast<std::size_t>(k * p.d + a)] += wr * xa * xa;
                if (p.structure == Structure::spherical) out.seconds[static_cast<std::size_t>(k)] += wr * xa * xa;
                if (p.structure == Structure::diag || p.structure == Structure::spherical) continue;
                const std::ptrdiff_t base = p.structure == Structure::full ? k * p.d * p.d : 0;
                for (std::ptrdiff_t b = 0; b < p.d; ++b) {
                    const double xb =
                        p.rows[static_cast<std::size_t>(i * p.d + b)] - p.means[static_cast<std::size_t>(k * p.d + b)];
                    out.seconds[static_cast<std::size_t>(base + a * p.d + b)] += wr * xa * xb;
                }
            }
        }
    }
}

void check_close(const std::vector<double>& ours, const std::vector<double>& theirs, double tolerance,
                 const char* where) {
    double size = 0;
    for (double v : theirs) size = std::max(size, std::abs(v));
    for (std::size_t i = 0; i < ours.size(); ++i) CHECK(close(ours[i], theirs[i], tolerance, tolerance * size), where);
}

void check_close(const std::vector<double>& ours, const std::vector<double>& theirs, const char* where) {
    check_close(ours, theirs, 1e-12, where);
}

template <class Real>
void check_sums(const Problem& p, bool weighted, const Sums& theirs, double tolerance, const char* where) {
    const std::vector<Real> rows(p.rows.begin(), p.rows.end());
    const Rows<Real> view{rows.data(), p.n, p.d, p.d, 1, weighted ? p.sample_weights.data() : nullptr};
    Sums ours(p);
    Control control;
    accumulate(view, p.mixture(), {}, ours.statistics, control);
    CHECK(close(ours.statistics.weight, theirs.statistics.weight, 1e-13, 0), where);
    CHECK(close(ours.statistics.log_likelihood, theirs.statistics.log_likelihood, tolerance, 0), where);
    CHECK(close(ours.statistics.log_certainty, theirs.statistics.log_certainty, tolerance,
                tolerance * theirs.statistics.weight),
          where);
    check_close(ours.counts, theirs.counts, tolerance, where);
    check_close(ours.firsts, theirs.firsts, tolerance, where);
    check_close(ours.seconds, theirs.seconds, tolerance, where);
}

// Rows that a float holds, so that both precisions have the same reference.
void check_against_plain_loops(Structure structure, std::ptrdiff_t n, std::ptrdiff_t k, std::ptrdiff_t d) {
    Problem p(structure, n, k, d, 11);
    for (double& x : p.rows) x = static_cast<float>(x);
    char where[80];
    std::snprintf(where, sizeof where, "%s, N = %td, K = %td, d = %td", names[static_cast<int>(structure)], n, k, d);
    for (const bool weighted : {false, true}) {
        Sums theirs(p);
        plain_loops(p, weighted, theirs);
        check_sums<double>(p, weighted, theirs, 1e-12, where);
        check_sums<float>(p, weighted, theirs, 3e-5, where);
    }
}

void accumulate_equals_plain_loops() {
    const std::ptrdiff_t sizes[][3] = {{1, 1, 1},    {7, 2, 3},    {63, 3, 4},   {64, 1, 5},
                                       {65, 4, 8},   {200, 5, 17}, {257, 2, 33}, {2049, 3, 2},
                                       {4500, 2, 1}, {300, 17, 9}, {130, 2, 64}};
    for (const Structure structure : structures) {
        for (const auto& size : sizes) check_against_plain_loops(structure, size[0], size[1], size[2]);
    }
}

// Around every vector, panel and tile width. Every pair of tails of two of d, K and N meets once, and with each
// the four structures: all triples would take minutes.
void accumulate_equals_plain_loops_at_tails() {
    const std::ptrdiff_t tails[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65};
    constexpr std::size_t n_tails = std::size(tails);
#if defined(MIXTURA_SANITIZED)
    constexpr std::size_t step = 5;  // shares no factor with 18: every tail of d and K is met
#else
    constexpr std::size_t step = 1;
#endif
    for (std::size_t pair = 0; pair < n_tails * n_tails; pair += step) {
        const std::size_t i = pair / n_tails, j = pair % n_tails;
        for (const Structure structure : structures) {
            check_against_plain_loops(structure, tails[(i + j) % n_tails], tails[i], tails[j]);
        }
    }
}

// x in one dimension, under round components of variance 1: all that leads to the argument of exp is exact where the
// numbers have few digits, so exp and log show through the responsibilities and the certainty of a row.
template <class Real>
struct Line {
    Problem problem;

    explicit Line(const std::vector<double>& means)
        : problem(Structure::spherical, 1, static_cast<std::ptrdiff_t>(means.size()), 1, 1) {
        problem.means = means;
        std::fill(problem.factors.begin(), problem.factors.end(), 1.0);
    }

    std::vector<Real> responsibilities(Real x, Real& log_density) const {
        std::vector<Real> out(problem.means.size());
        Control control;
        evaluate(Rows<Real>{&x, 1, 1, 1, 1, nullptr}, problem.mixture(), {&log_density, out.data(), nullptr, nullptr},
                 control);
        return out;
    }

    // log sum_k exp(a_k - max a), a the log joint densities.
    long double log_sum(Real x) const {
        Sums sums(problem);
        Control control;
        accumulate(Rows<Real>{&x, 1, 1, 1, 1, nullptr}, problem.mixture(), {}, sums.statistics, control);
        return -static_cast<long double>(sums.statistics.log_certainty);
    }
};

// Components at 0 and at m: a_m - a_0 = m x - m^2 / 2.
template <class Real>
void exp_and_log_keep_their_digits() {
    constexpr long double ulp = std::numeric_limits<Real>::epsilon();
    constexpr bool wide = sizeof(Real) == sizeof(double);
    constexpr int digits = wide ? 26 : 12;  // of x - m and less: its square is exact
    const double lowest = wide ? -708 : -87, vanishing = wide ? 1e200 : 1e30;
    std::mt19937 generator(8);
    Real log_density;
    for (const double m : {8.0, 1.0, 0.0625}) {
        const Line<Real> line({0, m});
        const double width = wide ? 128 : 16 * std::min(m, 1.0), grid = std::ldexp(width, -digits);
        const double least = std::max(m / 2 + lowest / m, m - width);
        std::uniform_int_distribution<long> steps(0, static_cast<long>((m / 2 - least) / grid));
        for (int i = 0; i < 20'000; ++i) {
            const double x = m / 2 - grid * static_cast<double>(i == 0 ? 0 : steps(generator));
            const long double argument = static_cast<long double>(m) * x - static_cast<long double>(m) * m / 2;
            const long double theirs = std::exp(argument);
            const std::vector<Real> r = line.responsibilities(static_cast<Real>(x), log_density);
            const long double ours = static_cast<long double>(r[1]) / r[0];
            if (i == 0) CHECK(r[0] == Real(0.5) && r[1] == Real(0.5), "exp 0 is 1");
            if (r[1] == 0 && argument < -negligible<double>) continue;
            // Half a unit is the product's with 1 / sum.
            CHECK(std::abs(ours / theirs - 1) <= 1.5L * ulp, "exp");
            const long double of_sum = (theirs / (1 + theirs) + 0.5L) * ulp;
            const long double log_sum = std::log1p(theirs);
            CHECK(std::abs(line.log_sum(static_cast<Real>(x)) - log_sum) <= of_sum + log_sum * ulp, "log of 1 to 2");
        }
    }
    for (int k = 1; k <= 1000; k += k < 70 ? 1 : 31) {
        const Line<Real> line(std::vector<double>(static_cast<std::size_t>(k), 0.5));
        const long double theirs = std::log(static_cast<long double>(k));
        CHECK(std::abs(line.log_sum(Real(0.5)) - theirs) <= ulp * theirs, "log of whole numbers");
    }
    const Line<Real> line({0, vanishing});
    const std::vector<Real> near = line.responsibilities(0, log_density);
    CHECK(near[0] == 1 && near[1] == 0, "exp -inf is 0");
    const std::vector<Real> far = line.responsibilities(static_cast<Real>(-vanishing), log_density);
    CHECK(log_density == std::numeric_limits<Real>::lowest(), "the least number where the density has no logarithm");
    CHECK(far[0] == 1 && far[1] == 0, "nearer by more than can be written");
}

void threads_do_not_change_a_bit() {
    for (int s = 0; s < 4; ++s) {
        const Problem p(structures[s], 30'000, 6, 5, 3);
        Sums one(p), many(p);
        Control single, several;
        several.n_threads = 5;
        accumulate(p.view(true), p.mixture(), {}, one.statistics, single);
        accumulate(p.view(true), p.mixture(), {}, many.statistics, several);
        CHECK(one.statistics.log_likelihood == many.statistics.log_likelihood, names[s]);
        CHECK(one.counts == many.counts && one.firsts == many.firsts && one.seconds == many.seconds, names[s]);
    }
}

// Rows near components so far apart that they are sorted by component, and some that are near none.
Problem far_apart(std::ptrdiff_t d) {
    Problem p(Structure::full, 5003, 20, d, 11);
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
        Problem p = far_apart(d);
        for (double& x : p.rows) x = static_cast<float>(x);
        PreparedJob<double> prepared(p.view(true), p.mixture(), {});
        prepared.group_rows(p.mixture());
        CHECK(prepared.job().grouping.n_rows > 0, "far apart");
        Sums theirs(p), ours(p), others(p), floats(p);
        plain_loops(p, true, theirs);
        Control one, three;
        three.n_threads = 3;
        accumulate(p.view(true), p.mixture(), {}, ours.statistics, one);
        accumulate(p.view(true), p.mixture(), {}, others.statistics, three);
        check_close(ours.counts, theirs.counts, "sorted counts");
        check_close(ours.firsts, theirs.firsts, "sorted firsts");
        check_close(ours.seconds, theirs.seconds, "sorted seconds");
        CHECK(close(ours.statistics.log_likelihood, theirs.statistics.log_likelihood, 1e-12, 0), "sorted likelihood");
        CHECK(ours.seconds == others.seconds && ours.counts == others.counts, "sorted by 3 threads");
        // In parts, of which one has too few rows.
        Rows<double> first = p.view(true), second = first;
        first.n_rows = 3000;
        second.n_rows -= 3000;
        second.data += 3000 * d;
        second.weights += 3000;
        Sums of_first(p), of_second(p), of_parts(p);
        accumulate(first, p.mixture(), {}, of_first.statistics, one);
        accumulate(second, p.mixture(), {}, of_second.statistics, one);
        accumulate_parts<double>({first, second}, p.mixture(), {}, of_parts.statistics, three);
        for (std::size_t i = 0; i < of_parts.seconds.size(); ++i) {
            CHECK(of_parts.seconds[i] == of_first.seconds[i] + of_second.seconds[i], "sorted parts");
        }
        const std::vector<float> rows(p.rows.begin(), p.rows.end());
        const Rows<float> view{rows.data(), p.n, d, d, 1, p.sample_weights.data()};
        accumulate(view, p.mixture(), {}, floats.statistics, three);
        for (std::size_t i = 0; i < ours.counts.size(); ++i)
            CHECK(close(floats.counts[i], ours.counts[i], 1e-4, 1e-2), "sorted floats");
    }
}

// x = mu_i + P_i^-T r u for unit vectors u and r below the reach of i to k: k is negligible there.
void within_reach_a_component_is_negligible() {
    const std::ptrdiff_t d = 5;
    Problem p = far_apart(d);
    PreparedJob<double> prepared(p.view(false), p.mixture(), {});
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

void evaluate_agrees_with_plain_loops() {
    const Problem p(Structure::full, 333, 4, 3, 5);
    std::vector<double> density(333), responsibilities(333 * 4);
    std::vector<std::int64_t> labels(333);
    Control control;
    control.n_threads = 3;
    evaluate(p.view(false), p.mixture(), {density.data(), responsibilities.data(), labels.data(), nullptr}, control);
    for (std::ptrdiff_t i = 0; i < p.n; ++i) {
        double sum = 0, best = 0;
        for (std::ptrdiff_t k = 0; k < p.k; ++k) {
            sum += std::exp(log_joint(p, i, k));
            best = std::max(best, responsibilities[static_cast<std::size_t>(i * 4 + k)]);
        }
        CHECK(close(density[static_cast<std::size_t>(i)], std::log(sum), 1e-12, 1e-12), "evaluate");
        CHECK(responsibilities[static_cast<std::size_t>(i * 4 + labels[static_cast<std::size_t>(i)])] == best,
              "labels");
    }
}

void float_rows_keep_their_digits_far_from_the_origin() {
    for (int s = 0; s < 4; ++s) {
        Problem p(structures[s], 4000, 3, 4, 9);
        std::vector<float> rows;
        for (double& x : p.rows) {
            rows.push_back(static_cast<float>(x + 1e4));
            x = static_cast<double>(rows.back());
        }
        for (double& m : p.means) m += 1e4;
        const Rows<float> view{rows.data(), p.n, p.d, p.d, 1, nullptr};
        Sums single(p), wide(p);
        Control control;
        accumulate(view, p.mixture(), {}, single.statistics, control);
        accumulate(p.view(false), p.mixture(), {}, wide.statistics, control);
        const double n = static_cast<double>(p.n);
        CHECK(std::abs(single.statistics.log_likelihood - wide.statistics.log_likelihood) / n < 1e-5, names[s]);
        for (std::size_t i = 0; i < wide.seconds.size(); ++i) {
            CHECK(std::abs(single.seconds[i] - wide.seconds[i]) < 1e-5 * std::abs(wide.seconds[0]), names[s]);
        }
    }
}

void total_scatter_gives_the_tied_seconds(std::ptrdiff_t n_components, double spread) {
    Problem p(Structure::tied, 3000, n_components, 6, 21);
    for (double& x : p.rows) x *= spread;
    for (double& m : p.means) m *= spread;
    Problem whole(Structure::full, 3000, 1, 6, 21);
    whole.rows = p.rows;
    whole.means.assign(6, 0.3);
    Sums direct(p), total(whole), shortcut(p);
    Control control;
    accumulate(p.view(false), p.mixture(), {}, direct.statistics, control);
    accumulate(whole.view(false), whole.mixture(), {}, total.statistics, control);
    std::vector<double> mean = whole.means, scatter = total.seconds;
    for (std::ptrdiff_t i = 0; i < 6; ++i)
        mean[static_cast<std::size_t>(i)] += total.firsts[static_cast<std::size_t>(i)] / 3000;
    for (std::ptrdiff_t i = 0; i < 6; ++i) {
        for (std::ptrdiff_t j = 0; j < 6; ++j) {
            scatter[static_cast<std::size_t>(i * 6 + j)] -=
                total.firsts[static_cast<std::size_t>(i)] * total.firsts[static_cast<std::size_t>(j)] / 3000;
        }
    }
    AccumulateOptions options;
    options.total = {3000, mean.data(), scatter.data()};
    accumulate(p.view(false), p.mixture(), options, shortcut.statistics, control);
    check_close(shortcut.counts, direct.counts, "tied shortcut");
    check_close(shortcut.firsts, direct.firsts, "tied shortcut");
    check_close(shortcut.seconds, direct.seconds, "tied shortcut");
}

// Rows in parts, more than are worked on at a time: the sum of what each part gives, bit for bit, for any threads.
void parts_add_up() {
    for (const Structure structure : structures) {
        const Problem p(structure, 20'011, 3, 5, 77);
        constexpr std::ptrdiff_t size = 1000;
        Sums expected(p), part(p);
        std::vector<Rows<double>> parts;
        Control control;
        for (std::ptrdiff_t first = 0; first < p.n; first += size) {
            Rows<double> rows = p.view(true);
            rows.data += first * rows.row_stride;
            rows.weights += first;
            rows.n_rows = std::min(size, p.n - first);
            parts.push_back(rows);
            accumulate(rows, p.mixture(), {}, part.statistics, control);
            for (std::size_t i = 0; i < part.counts.size(); ++i) expected.counts[i] += part.counts[i];
            for (std::size_t i = 0; i < part.firsts.size(); ++i) expected.firsts[i] += part.firsts[i];
            for (std::size_t i = 0; i < part.seconds.size(); ++i) expected.seconds[i] += part.seconds[i];
            expected.statistics.log_likelihood += part.statistics.log_likelihood;
        }
        for (const int n_threads : {1, 3}) {
            Sums ours(p);
            control.n_threads = n_threads;
            accumulate_parts(parts, p.mixture(), {}, ours.statistics, control);
            const char* const name = names[static_cast<int>(structure)];
            CHECK(ours.counts == expected.counts && ours.firsts == expected.firsts && ours.seconds == expected.seconds,
                  name);
            CHECK(ours.statistics.log_likelihood == expected.statistics.log_likelihood, name);
        }
    }
}

void factorise_inverts() {
    const double covariance[] = {4, 2, 0.6, 2, 5, 1, 0.6, 1, 3};
    double factor[9];
    Control control;
    CHECK(factorise(Structure::full, 1, 3, covariance, factor, control) == -1, "factorise");
    for (int i = 0; i < 3; ++i) {
        for (int j = 0; j < 3; ++j) {
            double product = 0;
            for (int a = 0; a < 3; ++a) {
                for (int b = 0; b < 3; ++b) product += covariance[i * 3 + a] * factor[a * 3 + b] * factor[j * 3 + b];
            }
            CHECK(close(product, i == j ? 1 : 0, 1e-14, 1e-14), "factorise");
        }
    }
    const double singular[] = {1, 1, 1, 1, 1, 2, 2, 1};
    double two[8];
    CHECK(factorise(Structure::full, 2, 2, singular, two, control) == 0, "singular");
    const double second[] = {2, 0, 0, 1, 1, 2, 2, 1};
    CHECK(factorise(Structure::full, 2, 2, second, two, control) == 1, "second singular");
}

const Model models[] = {Model::EII, Model::VII, Model::EEI, Model::VEI, Model::EVI, Model::VVI, Model::EEE,
                        Model::VEE, Model::EVE, Model::VVE, Model::EEV, Model::VEV, Model::EVV, Model::VVV};

// Sum of w_k log |Sigma_k| of the next mixture: where a volume can be chosen, tr(S_k inv(Sigma_k)) adds up to d.
double log_volume(const Problem& p, const std::vector<double>& weights, const std::vector<double>& factors) {
    double sum = 0;
    for (std::ptrdiff_t k = 0; k < p.k; ++k) {
        for (std::ptrdiff_t j = 0; j < p.d; ++j) {
            std::ptrdiff_t index = k;
            if (p.structure == Structure::diag) index = k * p.d + j;
            if (p.structure == Structure::tied) index = j * p.d + j;
            if (p.structure == Structure::full) index = (k * p.d + j) * p.d + j;
            sum -= 2 * weights[static_cast<std::size_t>(k)] * std::log(factors[static_cast<std::size_t>(index)]);
        }
    }
    return sum;
}

void every_model_has_an_m_step() {
    const std::ptrdiff_t sizes[][2] = {{1, 1}, {3, 1}, {1, 4}, {2, 2}, {5, 3}, {3, 9}};
    for (const Model model : models) {
        for (const auto& size : sizes) {
            const Problem p(structure_of(model), 400, size[0], size[1], 31);
            Sums sums(p);
            Control control;
            accumulate(p.view(true), p.mixture(), {}, sums.statistics, control);
            std::vector<double> weights(sums.counts), means(sums.firsts), covariances(sums.seconds),
                factors(sums.seconds);
            const std::vector<double> reg_covar(static_cast<std::size_t>(p.d), 1e-6);
            const Parameters out{weights.data(), means.data(), covariances.data(), factors.data()};
            const auto step = [&](const double* previous) {
                return maximise(model, p.k, p.d, sums.statistics, p.means.data(), reg_covar.data(), previous, out,
                                control);
            };
            CHECK(step(nullptr) == -1, "M-step");
            const double cold = log_volume(p, weights, factors);
            const std::vector<double> previous = covariances;
            CHECK(step(previous.data()) == -1, "M-step from the mixture before");
            CHECK(close(log_volume(p, weights, factors), cold, 1e-12, 1e-12), "M-step from the mixture before");
        }
    }
}

std::vector<double> random_symmetric(std::ptrdiff_t d, std::mt19937& generator) {
    std::normal_distribution<double> normal;
    std::vector<double> matrix(static_cast<std::size_t>(d * d));
    for (std::ptrdiff_t i = 0; i < d; ++i) {
        for (std::ptrdiff_t j = 0; j <= i; ++j) {
            matrix[static_cast<std::size_t>(i * d + j)] = matrix[static_cast<std::size_t>(j * d + i)] =
                normal(generator);
        }
    }
    return matrix;
}

// Rows orthonormal, values descending, and the matrix composed of them again.
void check_eigen(const std::vector<double>& matrix, std::ptrdiff_t d) {
    std::vector<double> values(static_cast<std::size_t>(d)), vectors(matrix.size()), room = matrix;
    eigen(room.data(), d, values.data(), vectors.data());
    const double* v = vectors.data();
    double size = 0;
    for (double x : values) size = std::max(size, std::abs(x));
    for (std::ptrdiff_t i = 0; i < d; ++i) {
        CHECK(i == 0 || values[static_cast<std::size_t>(i - 1)] >= values[static_cast<std::size_t>(i)],
              "eigenvalues descend");
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            double product = 0, composed = 0;
            for (std::ptrdiff_t m = 0; m < d; ++m) {
                product += v[i * d + m] * v[j * d + m];
                composed += values[static_cast<std::size_t>(m)] * v[m * d + i] * v[m * d + j];
            }
            CHECK(close(product, i == j ? 1 : 0, 0, 1e-13), "eigenvectors are orthonormal");
            CHECK(close(composed, matrix[static_cast<std::size_t>(i * d + j)], 0, 1e-13 * size),
                  "eigen composes again");
        }
    }
}

// All tails of rows and columns: blocks of 4 rows, up to 4 vectors of 8 columns.
void matrices_are_factorised_inverted_and_composed() {
    std::mt19937 generator(5);
    std::normal_distribution<double> normal;
    for (std::ptrdiff_t d = 1; d <= 77; ++d) {
        const auto at = [d](std::ptrdiff_t i, std::ptrdiff_t j) { return static_cast<std::size_t>(i * d + j); };
        const auto size = static_cast<std::size_t>(d * d);
        std::vector<double> root(size), matrix(size), inverse(size), half(size), back(size);
        for (double& value : root) value = normal(generator) / std::sqrt(static_cast<double>(d));
        for (std::ptrdiff_t i = 0; i < d; ++i) root[at(i, i)] += 2;
        for (std::ptrdiff_t i = 0; i < d; ++i) {
            for (std::ptrdiff_t j = 0; j < d; ++j) {
                for (std::ptrdiff_t m = 0; m < d; ++m) matrix[at(i, j)] += root[at(m, i)] * root[at(m, j)];
            }
        }
        std::vector<double> upper = matrix;
        CHECK(cholesky(upper.data(), d), "a positive matrix has a factor");
        for (std::ptrdiff_t i = 0; i < d; ++i) {
            for (std::ptrdiff_t j = i; j < d; ++j) {
                double product = 0;
                for (std::ptrdiff_t m = 0; m <= i; ++m) product += upper[at(m, i)] * upper[at(m, j)];
                CHECK(close(product, matrix[at(i, j)], 1e-13, 1e-13), "U^T U is the matrix");
            }
        }
        invert_upper(upper.data(), d, inverse.data());
        for (std::ptrdiff_t i = 0; i < d; ++i) {
            for (std::ptrdiff_t j = 0; j < d; ++j) {
                double product = 0;
                for (std::ptrdiff_t m = i; m < d; ++m) product += upper[at(i, m)] * inverse[at(m, j)];
                CHECK(close(product, i == j ? 1 : 0, 0, 1e-13), "U inv(U) is the identity");
                CHECK(i <= j || inverse[at(i, j)] == 0, "the inverse is upper triangular");
            }
        }
        congruence(inverse.data(), matrix.data(), half.data(), back.data(), d);
        for (std::ptrdiff_t i = 0; i < d; ++i) {
            for (std::ptrdiff_t j = 0; j < d; ++j)
                CHECK(close(back[at(i, j)], i == j ? 1 : 0, 0, 1e-13), "inv(U)^T A inv(U) is the identity");
        }
        matrix[at(d - 1, d - 1)] = 0;
        CHECK(!cholesky(matrix.data(), d), "a singular matrix has none");
    }
}

void eigen_decomposes() {
    std::mt19937 generator(5);
    for (const std::ptrdiff_t d : {1, 2, 3, 4, 7, 12, 20, 33}) {
        std::vector<double> matrix = random_symmetric(d, generator);
        check_eigen(matrix, d);
        // An orthogonal reflection I - 2 v v^T: one eigenvalue -1, the others 1.
        double square = 0;
        for (std::ptrdiff_t j = 0; j < d; ++j)
            square += matrix[static_cast<std::size_t>(j)] * matrix[static_cast<std::size_t>(j)];
        std::vector<double> reflection(matrix.size());
        for (std::ptrdiff_t i = 0; i < d; ++i) {
            for (std::ptrdiff_t j = 0; j < d; ++j) {
                reflection[static_cast<std::size_t>(i * d + j)] =
                    (i == j ? 1 : 0) -
                    2 * matrix[static_cast<std::size_t>(i)] * matrix[static_cast<std::size_t>(j)] / square;
            }
        }
        check_eigen(reflection, d);
        check_eigen(std::vector<double>(matrix.size(), 0.0), d);
        check_eigen(std::vector<double>(matrix.size(), 1.0), d);
    }
}

// Variances 1e-12 and 1e12 with a correlation of 0.9: the small eigenvalue is 1e-12 (1 - 0.81) to all digits.
void eigen_keeps_small_eigenvalues() {
    double matrix[] = {1e-12, 0.9, 0.9, 1e12}, values[2], vectors[4];
    eigen(matrix, 2, values, vectors);
    CHECK(close(values[0], 1e12, 1e-14, 0) && close(values[1], 0.19e-12, 1e-13, 0), "eigen, units far apart");
}

bool always(void*) { return true; }

void a_poll_that_says_stop_ends_the_call() {
    const Problem p(Structure::full, 200'000, 30, 20, 1);
    Sums sums(p);
    Control control;
    control.n_threads = 2;
    control.poll = &always;
    accumulate(p.view(false), p.mixture(), {}, sums.statistics, control);
    CHECK(control.interrupted, "interrupt");
    CHECK(sums.statistics.weight == 0, "nothing is returned");
}

struct Leaf {
    std::vector<std::ptrdiff_t> leaves;
    void add(const Leaf& other) { leaves.insert(leaves.end(), other.leaves.begin(), other.leaves.end()); }
};

void the_tree_keeps_every_leaf_in_order() {
    for (std::ptrdiff_t n = 1; n <= 40; ++n) {
        std::vector<std::ptrdiff_t> order(static_cast<std::size_t>(n));
        for (std::ptrdiff_t i = 0; i < n; ++i) order[static_cast<std::size_t>(i)] = i;
        std::shuffle(order.begin(), order.end(), std::mt19937(static_cast<unsigned>(n)));
        TreeSum<Leaf> sum(n);
        for (std::ptrdiff_t leaf : order) {
            auto partial = std::make_unique<Leaf>();
            partial->leaves = {leaf};
            sum.add(leaf, std::move(partial));
        }
        CHECK(sum.root() != nullptr && static_cast<std::ptrdiff_t>(sum.root()->leaves.size()) == n, "tree");
        for (std::ptrdiff_t i = 0; i < n; ++i)
            CHECK(sum.root()->leaves[static_cast<std::size_t>(i)] == i, "tree order");
    }
}

void an_exception_in_a_thread_reaches_the_caller() {
    Control control;
    StopFlag flag(control);
    bool caught = false;
    try {
        for_each_chunk(50, 4, flag, [](std::ptrdiff_t chunk, int) {
            if (chunk == 17) throw std::runtime_error("17");
        });
    } catch (const std::runtime_error&) {
        caught = true;
    }
    CHECK(caught, "exception");
}

// Several threads call at once, each for more helpers than there are, again and again; one of them from within its own
// work.
void helpers_run_every_chunk_once() {
    const auto rounds = [](std::ptrdiff_t n_chunks) {
        for (int round = 0; round < 200; ++round) {
            std::vector<int> runs(static_cast<std::size_t>(n_chunks));
            std::atomic<int> nested{0};
            Control control;
            StopFlag flag(control);
            for_each_chunk(n_chunks, 5, flag, [&](std::ptrdiff_t chunk, int worker) {
                check_that(worker >= 0 && worker < 5, "workers", "helpers");
                ++runs[static_cast<std::size_t>(chunk)];
                if (round % 50 == 0 && chunk == 3) for_each_chunk(4, 3, flag, [&](std::ptrdiff_t, int) { ++nested; });
            });
            for (const int n : runs) CHECK(n == 1, "helpers");
            CHECK(nested == (round % 50 == 0 && n_chunks > 3 ? 4 : 0), "nested helpers");
        }
    };
    std::vector<std::thread> callers;
    for (const std::ptrdiff_t n_chunks : {1, 2, 7, 40}) callers.emplace_back(rounds, n_chunks);
    for (std::thread& caller : callers) caller.join();
}

// By the question number n the answer is yes.
struct Questions {
    int n_asked = 0;
    int n = 1;

    static bool ask(void* questions) {
        auto* const self = static_cast<Questions*>(questions);
        return ++self->n_asked >= self->n;
    }
};

// Each of these takes seconds to minutes on so many features, and knows nothing of the call that it works for.
void wide_matrices_are_left_where_a_call_is_to_end() {
#ifndef MIXTURA_SANITIZED
    constexpr std::ptrdiff_t d = 2000;
    std::vector<double> matrix(d * d, 0.5), other(d * d), half(d * d), values(d);
    for (std::ptrdiff_t j = 0; j < d; ++j) matrix[static_cast<std::size_t>(j * d + j)] = 1 + static_cast<double>(j);
    const std::function<void()> works[] = {
        [&] { cholesky(std::vector<double>(matrix).data(), d); },
        [&] { invert_upper(matrix.data(), d, other.data()); },
        [&] { congruence(matrix.data(), matrix.data(), half.data(), other.data(), d); },
        [&] { compose(matrix.data(), values.data(), d, other.data()); },
        [&] { eigen(std::vector<double>(matrix).data(), d, values.data(), other.data()); },
    };
    for (const auto& work : works) {
        Questions questions;
        Control control;
        control.poll = &Questions::ask;
        control.poll_argument = &questions;
        StopFlag flag(control);
        const WorkingFor call(flag);
        bool left = false;
        try {
            work();
        } catch (const Interrupted&) {
            left = true;
        }
        CHECK(left && control.interrupted && questions.n_asked == 1, "interrupted");
    }
#endif
}

// A helper knows of the question that its caller is asked while it waits.
void a_caller_that_waits_is_asked() {
    Questions questions;
    Control control;
    control.poll = &Questions::ask;
    control.poll_argument = &questions;
    StopFlag flag(control);
    const auto caller = std::this_thread::get_id();
    std::atomic<int> begun{0};
    bool left = false;
    try {
        for_each_chunk(2, 2, flag, [&](std::ptrdiff_t, int) {
            for (++begun; begun < 2;) std::this_thread::yield();
            if (std::this_thread::get_id() == caller) return;
            for (;;) check_interrupted();
        });
    } catch (const Interrupted&) {
        left = true;
    }
    CHECK(left && control.interrupted, "asked while waiting");
}

// A forked child has threads of its own.
void a_forked_child_gets_helpers() {
#if defined(__unix__) && !defined(__SANITIZE_THREAD__)  // that sanitizer knows no threads in a forked child
    const pid_t child = fork();
    if (child == 0) {
        // Both must be at work at the same time: each waits for the other.
        std::atomic<int> begun{0};
        run_with_helpers(
            1,
            [&](int) {
                for (++begun; begun < 2;) std::this_thread::yield();
            },
            [] {});
        std::_Exit(begun == 2 ? 0 : 1);
    }
    int status = 1;
    for (int tenths = 0; tenths < 100 && waitpid(child, &status, WNOHANG) == 0; ++tenths) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        if (tenths == 99) kill(child, SIGKILL);
    }
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "forked child");
#endif
}

void nonfinite_values_are_found() {
    Problem p(Structure::full, 9000, 1, 3, 1);
    p.rows[5000 * 3 + 2] = std::numeric_limits<double>::quiet_NaN();
    p.rows[8000 * 3] = std::numeric_limits<double>::infinity();
    Control control;
    control.n_threads = 3;
    const NonFinite found = find_nonfinite(p.view(false), control);
    CHECK(found.count == 2 && found.row == 5000 && found.feature == 2, "nonfinite");
}

// Where floats are too narrow for the squares, doubles tell what is right: by every way through the kernels.
void a_row_far_from_all_components_has_the_answer_of_a_wider_range() {
    for (int s = 0; s < 4; ++s) {
        for (const std::ptrdiff_t k : {1, 2, 24}) {
            for (const std::ptrdiff_t d : {1, 3, 20}) {
                Problem p(structures[s], 700, k, d, 5);
                for (std::ptrdiff_t i = 0; i < p.n; i += 97) {
                    for (std::ptrdiff_t j = 0; j < d; ++j)
                        p.rows[static_cast<std::size_t>(i * d + j)] *= 1e20 * (j % 2 == 0 ? 1 : -3);
                }
                const std::vector<float> rows(p.rows.begin(), p.rows.end());
                p.rows.assign(rows.begin(), rows.end());
                const Rows<float> single{rows.data(), p.n, d, d, 1, p.sample_weights.data()};
                AccumulateOptions scalars;
                scalars.moments = false;
                Sums ours(p), theirs(p);
                Control control;
                accumulate(single, p.mixture(), scalars, ours.statistics, control);
                accumulate(p.view(true), p.mixture(), scalars, theirs.statistics, control);
                CHECK(close(ours.statistics.log_likelihood, theirs.statistics.log_likelihood, 1e-6, 0), names[s]);
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
                    const double held =
                        std::max(density_in_double[i], static_cast<double>(std::numeric_limits<float>::lowest()));
                    CHECK(close(density[i], held, 1e-3, 1e-3), names[s]);
                }
            }
        }
    }
}

// Components of one covariance: the nearer one has the row, though both differences round to the row itself.
void of_equal_spreads_the_nearer_component_takes_a_far_row() {
    Problem p(Structure::spherical, 70, 2, 1, 1);
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
        Problem p(Structure::diag, 70, k, 1, 1);
        p.rows[3] = 1e153;
        Sums sums(p);
        Control control;
        accumulate(p.view(false), p.mixture(), {}, sums.statistics, control);
        CHECK(std::isfinite(sums.statistics.log_likelihood), "far");
        CHECK(close(std::accumulate(sums.counts.begin(), sums.counts.end(), 0.0), 70, 1e-13, 0), "far");
        p.rows[3] = 1e200;
        sums = Sums(p);
        accumulate(p.view(false), p.mixture(), {}, sums.statistics, control);
        CHECK(close(std::accumulate(sums.counts.begin(), sums.counts.end(), 0.0), 70, 1e-13, 0), "farther");
    }
    Problem p(Structure::diag, 70, 1, 1, 1);
    Sums sums(p);
    Control control;
    p.rows[3] = std::numeric_limits<double>::quiet_NaN();
    accumulate(p.view(false), p.mixture(), {}, sums.statistics, control);
    CHECK(std::isnan(sums.statistics.log_likelihood) && std::isnan(sums.counts[0]), "one, not a number");
}

// A component on a single row, which is not yet its mean: its variance is nothing but what is added to it.
void sums_are_good_enough_beside_what_is_added() {
    for (const Structure structure : structures) {
        double count = 1, first = 0.5, second = 0.25;
        Statistics statistics;
        statistics.counts = &count;
        statistics.firsts = &first;
        statistics.seconds = &second;
        const double none = 0, some = 1e-3;
        CHECK(cancels<double>(structure, 1, 1, statistics), "nothing is added");
        CHECK(cancels<double>(structure, 1, 1, statistics, &none), "zero is added");
        CHECK(!cancels<double>(structure, 1, 1, statistics, &some), "enough is added");
        CHECK(cancels<float>(structure, 1, 1, statistics, &some), "enough in double is not enough in float");
    }
}

// Sums moved from the means to other centres are the sums taken about those.
void moved_sums_are_sums_about_the_new_centres() {
    for (const Structure structure : structures) {
        const char* name = names[static_cast<int>(structure)];
        const Problem p(structure, 211, 3, 4, 9);
        std::vector<double> others(p.means);
        for (std::size_t i = 0; i < others.size(); ++i) others[i] += 0.3 * static_cast<double>(i % 5) - 0.4;
        Sums moved(p), direct(p);
        Control control;
        accumulate(p.view(true), p.mixture(), {}, moved.statistics, control);
        move_centres(structure, p.k, p.d, p.means.data(), others.data(), moved.statistics);
        AccumulateOptions about;
        about.centres = others.data();
        accumulate(p.view(true), p.mixture(), about, direct.statistics, control);
        check_close(moved.firsts, direct.firsts, name);
        check_close(moved.seconds, direct.seconds, name);
    }
}

}  // namespace

// Proposals are statistics: positive counts that sum to the weight, whatever was accepted or refused before.
void proposals_are_statistics() {
    for (const Structure structure : structures) {
        Problem p(structure, 500, 3, 4, 5);
        Acceleration acceleration(structure, p.k, p.d);
        Control control;
        Sums found(p), proposal(p);
        std::vector<double> centres(p.means.size());
        int proposed = 0;
        for (int turn = 0; turn < 20; ++turn) {
            p.means[0] += 0.05;  // a way that EM did not choose
            found = Sums(p);
            accumulate(p.view(true), p.mixture(), {}, found.statistics, control);
            const bool worth = acceleration.propose(found.statistics, p.means.data(), p.weights.data(),
                                                    p.factors.data(), proposal.statistics, centres.data());
            if (worth) {
                ++proposed;
                double sum = 0;
                for (const double count : proposal.counts) {
                    CHECK(count > 0, names[static_cast<int>(structure)]);
                    sum += count;
                }
                CHECK(close(sum, found.statistics.weight, 1e-9, 0), names[static_cast<int>(structure)]);
            }
            if (worth && turn % 3 == 0) {
                acceleration.accept();
            } else {
                if (worth) acceleration.refuse(found.statistics, p.means.data());
                acceleration.step();
            }
        }
        CHECK(proposed > 0, names[static_cast<int>(structure)]);
    }
}

// Two clouds ten apart, in every structure and with rows of weight 0.
void a_cut_parts_two_clouds() {
    for (const Structure structure : structures) {
        Problem p(structure, 301, 1, 3, 2);
        std::vector<double> weights(301, 1.0), reg_covar(3, 1e-9);
        std::vector<std::int8_t> sides(301);
        for (std::size_t i = 0; i < 301; ++i) {
            if (i % 2 == 0) p.rows[i * 3] += 40;
            if (i % 50 == 7) weights[i] = 0;
        }
        const double gain = cut(structure, p.rows.data(), weights.data(), 301, 3, reg_covar.data(), 4, sides.data());
        CHECK(gain > 0, names[static_cast<int>(structure)]);
        int astray = 0;  // a cut is a beginning: EM mends what is left
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

void seeds_lie_apart() {
    Problem p(Structure::full, 400, 1, 2, 3);
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
        const Problem p(structure, 50, 2, 6, 4);
        std::vector<double> responsibilities(100, 0.5);
        leave_one_out(p.mixture(), p.rows.data(), p.sample_weights.data(), 50, responsibilities.data());
        for (std::size_t i = 0; i < 50; ++i) {
            CHECK(close(responsibilities[2 * i] + responsibilities[2 * i + 1], 1, 1e-12, 0), "leave one out");
        }
    }
}

int main() {
    accumulate_equals_plain_loops();
    accumulate_equals_plain_loops_at_tails();
    exp_and_log_keep_their_digits<double>();
    exp_and_log_keep_their_digits<float>();
    threads_do_not_change_a_bit();
    sorted_rows_give_the_same_sums();
    within_reach_a_component_is_negligible();
    evaluate_agrees_with_plain_loops();
    float_rows_keep_their_digits_far_from_the_origin();
    total_scatter_gives_the_tied_seconds(4, 1);
    total_scatter_gives_the_tied_seconds(60, 20);  // most responsibilities are left out
    parts_add_up();
    factorise_inverts();
    every_model_has_an_m_step();
    matrices_are_factorised_inverted_and_composed();
    eigen_decomposes();
    eigen_keeps_small_eigenvalues();
    a_poll_that_says_stop_ends_the_call();
    the_tree_keeps_every_leaf_in_order();
    an_exception_in_a_thread_reaches_the_caller();
    helpers_run_every_chunk_once();
    wide_matrices_are_left_where_a_call_is_to_end();
    a_caller_that_waits_is_asked();
    a_forked_child_gets_helpers();
    nonfinite_values_are_found();
    a_row_far_from_all_components_has_the_answer_of_a_wider_range();
    of_equal_spreads_the_nearer_component_takes_a_far_row();
    a_far_row_counts_as_any_other();
    sums_are_good_enough_beside_what_is_added();
    moved_sums_are_sums_about_the_new_centres();
    proposals_are_statistics();
    a_cut_parts_two_clouds();
    seeds_lie_apart();
    leaving_rows_out_gives_probabilities();
    std::printf("%d checks, instruction set %s\n", n_checks.load(), simd_level());
    return 0;
}
