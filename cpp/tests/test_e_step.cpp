// Sums and densities against plain loops: over tail sizes, threads, parts, options and interruption.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <limits>
#include <vector>

#include "e_step/inspect.hpp"
#include "tests/checks.hpp"
#include "tests/random_problem.hpp"

using namespace mixtura;

namespace {

template <class Real>
void check_sums(const RandomProblem& p, bool weighted, Sums& theirs, double tolerance, const char* where) {
    const std::vector<Real> rows(p.rows.begin(), p.rows.end());
    const Rows<Real> view = p.rows_in(rows, weighted);
    Sums ours(p);
    Control control;
    accumulate(view, p.mixture(), {}, ours.view(), control);
    CHECK(close(ours.view().weight, theirs.view().weight, 1e-13, 0), where);
    CHECK(close(ours.view().log_likelihood, theirs.view().log_likelihood, tolerance, 0), where);
    CHECK(close(ours.view().log_certainty, theirs.view().log_certainty, tolerance, tolerance * theirs.view().weight),
          where);
    CHECK(close(ours.view().noise, theirs.view().noise, tolerance, tolerance * theirs.view().weight), where);
    check_close(ours.counts(), theirs.counts(), tolerance, where);
    check_close(ours.scales(), theirs.scales(), tolerance, where);
    check_close(ours.firsts(), theirs.firsts(), tolerance, where);
    check_close(ours.seconds(), theirs.seconds(), tolerance, where);
}

// Rows that a float holds, so that both precisions have the same reference.
void check_against_plain_loops(Structure structure, std::ptrdiff_t n, std::ptrdiff_t k, std::ptrdiff_t d) {
    RandomProblem p(structure, n, k, d, 11);
    for (double& x : p.rows) x = static_cast<float>(x);
    char where[80];
    std::snprintf(where, sizeof where, "%s, N = %td, K = %td, d = %td", names[static_cast<int>(structure)], n, k, d);
    for (const bool weighted : {false, true}) {
        Sums theirs(p);
        plain_loops(p, weighted, theirs.view());
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

// Around every vector, panel and tile width. Every pair of tails of two of d, K and N occurs once, and with each
// the four structures: all triples would take minutes.
void accumulate_equals_plain_loops_at_tails() {
    const std::ptrdiff_t tails[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65};
    constexpr std::size_t n_tails = std::size(tails);
#if defined(MIXTURA_SANITIZED)
    constexpr std::size_t step = 5;  // shares no factor with 18: every tail of d and K occurs
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

// Students' t components, noise, and rows of which something is known: each alone, and all together.
void kinds_equal_plain_loops() {
    const std::ptrdiff_t sizes[][3] = {{1, 1, 1}, {65, 4, 8}, {200, 5, 17}, {257, 2, 33}, {2049, 3, 2}, {300, 17, 9}};
    for (const Structure structure : structures) {
        for (const auto& size : sizes) {
            for (int kinds = 1; kinds < 16; ++kinds) {
                RandomProblem p(structure, size[0], size[1], size[2], 11);
                for (double& x : p.rows) x = static_cast<float>(x);
                if (kinds & 1) p.add_tails();
                if (kinds & 2) p.add_noise();
                if (kinds & 4) p.add_labels();
                if (kinds & 8) p.add_log_terms();
                char where[80];
                std::snprintf(where, sizeof where, "kinds %d, %s, N = %td, K = %td, d = %td", kinds,
                              names[static_cast<int>(structure)], size[0], size[1], size[2]);
                Sums theirs(p);
                plain_loops(p, true, theirs.view());
                check_sums<double>(p, true, theirs, 1e-11, where);
                check_sums<float>(p, true, theirs, 1e-4, where);
            }
        }
    }
}

// A row whose squared distances no float holds is what remains of it: noise, or the component with the heaviest tails.
// Its moments are beyond a float too.
void far_rows_are_settled_by_kinds() {
    for (int kinds = 1; kinds < 8; ++kinds) {
        RandomProblem p(Structure::full, 40, 3, 2, 5);
        for (double& x : p.rows) x = static_cast<float>(x);
        for (std::size_t i = 20; i < 30; ++i) p.rows[i] = static_cast<float>(1e25);
        if (kinds & 1) p.add_tails();
        if (kinds & 2) p.add_noise();
        if (kinds & 4) p.add_labels();
        Sums theirs(p), ours(p);
        plain_loops(p, true, theirs.view());
        const std::vector<float> rows(p.rows.begin(), p.rows.end());
        Control control;
        accumulate(p.rows_in(rows, true), p.mixture(), {}, ours.view(), control);
        char where[80];
        std::snprintf(where, sizeof where, "far rows, kinds %d", kinds);
        if (kinds != 4) CHECK(close(ours.view().log_likelihood, theirs.view().log_likelihood, 1e-5, 0), where);
        CHECK(close(ours.view().noise, theirs.view().noise, 1e-4, 1e-4), where);
        check_close(ours.counts(), theirs.counts(), 1e-4, where);
        if (kinds & 1) check_close(ours.scales(), theirs.scales(), 1e-4, where);
    }
}

void threads_do_not_change_a_bit() {
    for (int s = 0; s < 4; ++s) {
        const RandomProblem p(structures[s], 30'000, 6, 5, 3);
        Sums one(p), many(p);
        Control single, several;
        several.n_threads = 5;
        accumulate(p.view(true), p.mixture(), {}, one.view(), single);
        accumulate(p.view(true), p.mixture(), {}, many.view(), several);
        CHECK(one.view().log_likelihood == many.view().log_likelihood, names[s]);
        CHECK(one.counts() == many.counts() && one.firsts() == many.firsts() && one.seconds() == many.seconds(),
              names[s]);
    }
}

void evaluate_agrees_with_plain_loops() {
    const RandomProblem p(Structure::full, 333, 4, 3, 5);
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

// Entry (a, b) of a component's precision factor.
double factor_at(const RandomProblem& p, std::ptrdiff_t k, std::ptrdiff_t a, std::ptrdiff_t b) {
    if (has_matrices(p.structure)) {
        const std::ptrdiff_t of = is_shared(p.structure) ? 0 : k;
        return a <= b ? p.factors[static_cast<std::size_t>((of * p.d + a) * p.d + b)] : 0;
    }
    if (a != b) return 0;
    return p.factors[static_cast<std::size_t>(p.structure == Structure::diag ? k * p.d + a : k)];
}

// Of row i and component k: the responsibility, u, and u P_k P_k^T (mu_k - x).
struct Slope {
    double share, scale;
    std::vector<double> slope;
};

std::vector<Slope> plain_slopes(const RandomProblem& p, std::ptrdiff_t i) {
    const std::vector<double> terms = log_terms(p, i);
    const double highest = *std::max_element(terms.begin(), terms.end());
    double sum = 0;
    for (const double term : terms) sum += std::exp(term - highest);
    std::vector<Slope> out;
    for (std::ptrdiff_t k = 0; k < p.k; ++k) {
        Slope one{std::exp(terms[static_cast<std::size_t>(k)] - highest) / sum, 1,
                  std::vector<double>(static_cast<std::size_t>(p.d))};
        if (!p.df.empty()) {
            const double df = p.df[static_cast<std::size_t>(k)];
            one.scale = (df + static_cast<double>(p.d)) / (df + distance(p, i, k).square);
        }
        for (std::ptrdiff_t j = 0; j < p.d; ++j) {
            double y = 0;
            for (std::ptrdiff_t a = 0; a <= j; ++a)
                y += factor_at(p, k, a, j) *
                     (p.rows[static_cast<std::size_t>(i * p.d + a)] - p.means[static_cast<std::size_t>(k * p.d + a)]);
            for (std::ptrdiff_t a = 0; a <= j; ++a)
                one.slope[static_cast<std::size_t>(a)] -= one.scale * factor_at(p, k, a, j) * y;
        }
        out.push_back(std::move(one));
    }
    return out;
}

std::vector<double> mean_slope(const std::vector<Slope>& slopes) {
    std::vector<double> out(slopes.front().slope.size());
    for (const Slope& one : slopes) {
        for (std::size_t j = 0; j < out.size(); ++j) out[j] += one.share * one.slope[j];
    }
    return out;
}

std::vector<double> plain_gradient(const RandomProblem& p) {
    std::vector<double> out;
    for (std::ptrdiff_t i = 0; i < p.n; ++i) {
        const std::vector<double> mean = mean_slope(plain_slopes(p, i));
        out.insert(out.end(), mean.begin(), mean.end());
    }
    return out;
}

double plain_precision(const RandomProblem& p, std::ptrdiff_t k, std::ptrdiff_t a, std::ptrdiff_t b) {
    double sum = 0;
    for (std::ptrdiff_t j = std::max(a, b); j < p.d; ++j) sum += factor_at(p, k, a, j) * factor_at(p, k, b, j);
    return sum;
}

// Squares of slopes less that of their mean; those of t components bend, by 2 / (df + d).
std::vector<double> plain_hessian(const RandomProblem& p) {
    std::vector<double> out;
    const auto d = static_cast<std::size_t>(p.d);
    for (std::ptrdiff_t i = 0; i < p.n; ++i) {
        const std::vector<Slope> slopes = plain_slopes(p, i);
        const std::vector<double> mean = mean_slope(slopes);
        for (std::size_t a = 0; a < d; ++a) {
            for (std::size_t b = 0; b < d; ++b) {
                double sum = -mean[a] * mean[b];
                for (std::size_t k = 0; k < slopes.size(); ++k) {
                    const Slope& one = slopes[k];
                    const double bend = p.df.empty() ? 0 : 2 / (p.df[k] + static_cast<double>(p.d));
                    sum += one.share * (1 + bend) * one.slope[a] * one.slope[b];
                    sum -= one.share * one.scale *
                           plain_precision(p, static_cast<std::ptrdiff_t>(k), static_cast<std::ptrdiff_t>(a),
                                           static_cast<std::ptrdiff_t>(b));
                }
                out.push_back(sum);
            }
        }
    }
    return out;
}

template <class Real>
void check_slopes(const RandomProblem& p, const std::vector<double>& gradient, const std::vector<double>& hessian,
                  double tolerance, const char* where) {
    const std::vector<Real> rows(p.rows.begin(), p.rows.end());
    std::vector<Real> ours(gradient.size()), bend(hessian.size());
    Evaluation<Real> out;
    out.gradient = ours.data();
    Control control;
    control.n_threads = 2;
    evaluate(p.rows_in(rows, false), p.mixture(), out, control);
    check_close({ours.begin(), ours.end()}, gradient, tolerance, where);
    if (hessian.empty()) return;
    out.hessian = bend.data();  // with the gradient, as before
    evaluate(p.rows_in(rows, false), p.mixture(), out, control);
    check_close({ours.begin(), ours.end()}, gradient, tolerance, where);
    check_close({bend.begin(), bend.end()}, hessian, tolerance, where);
}

void slopes_equal_plain_loops() {
    const std::ptrdiff_t sizes[][3] = {{1, 1, 1},    {65, 4, 2},  {200, 5, 3}, {130, 3, 8},  {257, 2, 16},
                                       {2049, 3, 2}, {70, 2, 17}, {33, 3, 21}, {90, 300, 33}};
    for (const Structure structure : structures) {
        for (const auto& size : sizes) {
            for (int kinds = 0; kinds < 4; ++kinds) {
                RandomProblem p(structure, size[0], size[1], size[2], 11);
                for (double& x : p.rows) x = static_cast<float>(x);
                if (kinds & 1) p.add_tails();
                if (kinds & 2) p.add_noise();
                char where[80];
                std::snprintf(where, sizeof where, "slopes, kinds %d, %s, N = %td, K = %td, d = %td", kinds,
                              names[static_cast<int>(structure)], size[0], size[1], size[2]);
                const std::vector<double> gradient = plain_gradient(p);
                const bool bends = !(kinds & 2) && size[1] < 300;  // Hessians have no noise; plain loops take time
                const std::vector<double> hessian = bends ? plain_hessian(p) : std::vector<double>{};
                check_slopes<double>(p, gradient, hessian, 1e-11, where);
                check_slopes<float>(p, gradient, hessian, 1e-4, where);
            }
        }
    }
}

void float_rows_keep_their_digits_far_from_the_origin() {
    for (int s = 0; s < 4; ++s) {
        RandomProblem p(structures[s], 4000, 3, 4, 9);
        std::vector<float> rows;
        for (double& x : p.rows) {
            rows.push_back(static_cast<float>(x + 1e4));
            x = static_cast<double>(rows.back());
        }
        for (double& m : p.means) m += 1e4;
        const Rows<float> view{rows.data(), p.n, p.d, p.d, 1, nullptr};
        Sums single(p), wide(p);
        Control control;
        accumulate(view, p.mixture(), {}, single.view(), control);
        accumulate(p.view(false), p.mixture(), {}, wide.view(), control);
        const double n = static_cast<double>(p.n);
        CHECK(std::abs(single.view().log_likelihood - wide.view().log_likelihood) / n < 1e-5, names[s]);
        for (std::size_t i = 0; i < wide.seconds().size(); ++i) {
            CHECK(std::abs(single.seconds()[i] - wide.seconds()[i]) < 1e-5 * std::abs(wide.seconds()[0]), names[s]);
        }
    }
}

void total_scatter_gives_the_tied_seconds(std::ptrdiff_t n_components, double spread) {
    RandomProblem p(Structure::tied, 3000, n_components, 6, 21);
    for (double& x : p.rows) x *= spread;
    for (double& m : p.means) m *= spread;
    RandomProblem whole(Structure::full, 3000, 1, 6, 21);
    whole.rows = p.rows;
    whole.means.assign(6, 0.3);
    Sums direct(p), total(whole), shortcut(p);
    Control control;
    accumulate(p.view(false), p.mixture(), {}, direct.view(), control);
    accumulate(whole.view(false), whole.mixture(), {}, total.view(), control);
    std::vector<double> mean = whole.means, scatter = total.seconds();
    for (std::ptrdiff_t i = 0; i < 6; ++i)
        mean[static_cast<std::size_t>(i)] += total.firsts()[static_cast<std::size_t>(i)] / 3000;
    for (std::ptrdiff_t i = 0; i < 6; ++i) {
        for (std::ptrdiff_t j = 0; j < 6; ++j) {
            scatter[static_cast<std::size_t>(i * 6 + j)] -=
                total.firsts()[static_cast<std::size_t>(i)] * total.firsts()[static_cast<std::size_t>(j)] / 3000;
        }
    }
    Expectation asked;
    asked.total = {3000, mean.data(), scatter.data()};
    accumulate(p.view(false), p.mixture(), asked, shortcut.view(), control);
    check_close(shortcut.counts(), direct.counts(), "tied shortcut");
    check_close(shortcut.firsts(), direct.firsts(), "tied shortcut");
    check_close(shortcut.seconds(), direct.seconds(), "tied shortcut");
}

// Rows in parts, more than are worked on at a time: the sum of what each part gives, bit for bit, for any threads.
void parts_add_up() {
    for (const Structure structure : structures) {
        const RandomProblem p(structure, 20'011, 3, 5, 77);
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
            accumulate(rows, p.mixture(), {}, part.view(), control);
            for (std::size_t i = 0; i < part.owned.block.size(); ++i) expected.owned.block[i] += part.owned.block[i];
        }
        for (const int n_threads : {1, 3}) {
            Sums ours(p);
            control.n_threads = n_threads;
            accumulate_parts(parts, p.mixture(), {}, ours.view(), control);
            const char* const name = names[static_cast<int>(structure)];
            CHECK(ours.owned.block == expected.owned.block, name);
        }
    }
}

bool always(void*) { return true; }

void a_poll_that_says_stop_ends_the_call() {
    const RandomProblem p(Structure::full, 200'000, 30, 20, 1);
    Sums sums(p);
    Control control;
    control.n_threads = 2;
    control.poll = &always;
    accumulate(p.view(false), p.mixture(), {}, sums.view(), control);
    CHECK(control.interrupted, "interrupt");
    CHECK(sums.view().weight == 0, "nothing is returned");
}

void nonfinite_values_are_found() {
    RandomProblem p(Structure::full, 9000, 1, 3, 1);
    p.rows[5000 * 3 + 2] = std::numeric_limits<double>::quiet_NaN();
    p.rows[8000 * 3] = std::numeric_limits<double>::infinity();
    Control control;
    control.n_threads = 3;
    const NonFinite found = find_nonfinite(p.view(false), control);
    CHECK(found.count == 2 && found.row == 5000 && found.feature == 2, "nonfinite");
}

}  // namespace

int main() {
    accumulate_equals_plain_loops();
    accumulate_equals_plain_loops_at_tails();
    kinds_equal_plain_loops();
    far_rows_are_settled_by_kinds();
    threads_do_not_change_a_bit();
    evaluate_agrees_with_plain_loops();
    slopes_equal_plain_loops();
    float_rows_keep_their_digits_far_from_the_origin();
    total_scatter_gives_the_tied_seconds(4, 1);
    total_scatter_gives_the_tied_seconds(60, 20);  // most responsibilities are left out
    parts_add_up();
    a_poll_that_says_stop_ends_the_call();
    nonfinite_values_are_found();
    return report();
}
