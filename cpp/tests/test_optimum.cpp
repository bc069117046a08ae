// The search by itself: its parts, and that it finds clusters, in every model, from whatever it begins with.
#include <algorithm>
#include <functional>
#include <memory>
#include <random>
#include <vector>

#include "m_step/maximum_likelihood.hpp"
#include "optimum/cut.hpp"
#include "optimum/ends.hpp"
#include "optimum/hierarchy.hpp"
#include "optimum/moves.hpp"
#include "optimum/search.hpp"
#include "optimum/seeds.hpp"
#include "optimum/starts.hpp"
#include "optimum/verdict.hpp"
#include "support/parallel.hpp"
#include "tests/checks.hpp"

using namespace mixtura;

namespace {

constexpr std::ptrdiff_t each = 80, d = 2;

// Round clusters, apart, row by row in turn; and all that a search asks of them.
struct Clusters {
    std::ptrdiff_t K;
    std::vector<double> data, mean, scatter, reg_covar;
    Rows<double> rows;
    TotalScatter total;
    std::unique_ptr<MemorySource<double>> source;
    mutable std::vector<std::unique_ptr<MaximumLikelihood>> m_steps;

    explicit Clusters(std::ptrdiff_t n_clusters) : K(n_clusters), mean(d), scatter(d * d), reg_covar(d, 1e-9) {
        std::mt19937 generator(1);
        std::normal_distribution<double> normal;
        const std::ptrdiff_t n = each * K;
        for (std::ptrdiff_t i = 0; i < n; ++i) {
            data.push_back(normal(generator) + 15 * static_cast<double>(i % K % 3));
            data.push_back(normal(generator) + 15 * static_cast<double>(i % K / 3));
        }
        rows = {data.data(), n, d, d, 1, nullptr};
        for (std::ptrdiff_t i = 0; i < n * d; ++i)
            mean[static_cast<std::size_t>(i % d)] += data[static_cast<std::size_t>(i)] / static_cast<double>(n);
        for (std::ptrdiff_t i = 0; i < n; ++i) {
            for (std::ptrdiff_t a = 0; a < d; ++a) {
                for (std::ptrdiff_t b = 0; b < d; ++b)
                    scatter[static_cast<std::size_t>(a * d + b)] += from_mean(i, a) * from_mean(i, b);
            }
        }
        total = {static_cast<double>(n), mean.data(), scatter.data()};
        source = std::make_unique<MemorySource<double>>(rows);
    }

    double from_mean(std::ptrdiff_t i, std::ptrdiff_t j) const {
        return data[static_cast<std::size_t>(i * d + j)] - mean[static_cast<std::size_t>(j)];
    }

    Problem problem(Model model) const {
        Problem p;
        p.m_step = m_steps.emplace_back(std::make_unique<MaximumLikelihood>(model, reg_covar)).get();
        p.n_components = K;
        p.rows = {data.data(), nullptr, each * K, d};
        p.source = source.get();
        p.total = total;
        p.metric_reg_covar = reg_covar.data();
        return p;
    }

    // Rows that are not alone in their component with the others of their cluster.
    std::ptrdiff_t n_astray(const OwnedMixture& mixture) const {
        Control control;
        const std::vector<std::int64_t> found = labels(mixture, {data.data(), nullptr, each * K, d}, control);
        std::ptrdiff_t astray = 0;
        for (std::size_t i = 0; i < found.size(); ++i) {
            for (std::size_t j = 0; j < i; ++j) {
                const bool together = i % static_cast<std::size_t>(K) == j % static_cast<std::size_t>(K);
                astray += (found[i] == found[j]) != together;
            }
        }
        return astray;
    }
};

const Model models[] = {Model::EII, Model::VII, Model::EEI, Model::VEI, Model::EVI, Model::VVI, Model::EEE,
                        Model::VEE, Model::EVE, Model::VVE, Model::EEV, Model::VEV, Model::EVV, Model::VVV};

void every_model_finds_clusters_that_are_apart() {
    const Clusters clusters(5);
    for (const Model model : models) {
        Problem problem = clusters.problem(model);
        problem.seed = static_cast<std::uint64_t>(model);
        Control control;
        const Found found = search(problem, control);
        CHECK(found.mixture && clusters.n_astray(*found.mixture) == 0, "search");
        CHECK(!found.records.empty() && found.records.front().kind == "k-means", "records");
    }
}

void a_search_from_poor_starts_mends_them() {
    const Clusters clusters(4);
    const Problem problem = clusters.problem(Model::VVV);
    Responsibilities poor{4, {}};
    for (std::ptrdiff_t i = 0; i < 4 * each; ++i) {
        for (std::ptrdiff_t k = 0; k < 4; ++k) poor.values.push_back(i % 3 == k ? 0.7 : 0.1);
    }
    Control control;
    const Found found = search_from({{"poor", poor}}, nullptr, {300, 0}, problem, control);
    CHECK(found.mixture && clusters.n_astray(*found.mixture) == 0, "search_from");
    // An incumbent that is the best stays it, though nothing is given.
    const Found again = search_from({}, &*found.mixture, {}, problem, control);
    CHECK(again.mixture && again.mixture->means == found.mixture->means, "incumbent");
}

void a_search_of_nothing_but_one_row_fails_and_says_so() {
    Clusters clusters(2);
    std::fill(clusters.reg_covar.begin(), clusters.reg_covar.end(), 0.0);
    for (std::size_t i = 0; i < clusters.data.size(); ++i) clusters.data[i] = 1.0;
    Problem problem = clusters.problem(Model::VVV);
    const std::vector<double> metric(d, 1e-9);
    problem.metric_reg_covar = metric.data();
    Control control;
    const Found found = search(problem, control);
    CHECK(!found.mixture, "one row");
    CHECK(found.records.front().failed >= 0, "one row");
}

// Of more components than there are clusters, whose starts take turns.
void a_search_finds_the_same_with_any_number_of_threads() {
    const Clusters clusters(2);
    for (const std::ptrdiff_t K : {4, 11}) {
        Problem problem = clusters.problem(Model::VVI);
        problem.n_components = K;
        Control alone;
        const Found theirs = search(problem, alone);
        CHECK(theirs.records.size() > 20, "starts that take turns");
        for (const int n_threads : {2, 5}) {
            Control control;
            control.n_threads = n_threads;
            const Found ours = search(problem, control);
            CHECK(ours.mixture->means == theirs.mixture->means, "means");
            CHECK(ours.mixture->covariances == theirs.mixture->covariances, "covariances");
            CHECK(ours.records.size() == theirs.records.size(), "records");
            for (std::size_t i = 0; i < std::min(ours.records.size(), theirs.records.size()); ++i) {
                const Record &one = ours.records[i], &other = theirs.records[i];
                CHECK(one.kind == other.kind && one.n_passes == other.n_passes && one.ended == other.ended, "a record");
            }
        }
    }
}

void an_interrupted_search_ends() {
    const Clusters clusters(5);
    for (const int n_threads : {1, 3}) {
        Control control;
        control.n_threads = n_threads;
        control.poll = [](void*) { return true; };
        control.last_poll = {};
        bool ended = false;
        try {
            search(clusters.problem(Model::VVV), control);
        } catch (const Interrupted&) {
            ended = true;
        }
        CHECK(ended && control.interrupted, "interrupted");
    }
}

// What a search does with wide rows between one E-step and the next.
void wide_rows_are_left_where_a_call_is_to_end() {
    constexpr std::ptrdiff_t n = 200, wide_d = 200, K = 20;
    std::vector<double> rows(n * wide_d), weights(n, 1.0), reg_covar(wide_d, 1e-6), uniforms(K * K, 0.5);
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<double>(i * i % 1009);
    OwnedMixture mixture(Structure::diag, K, wide_d);
    std::fill(mixture.covariances.begin(), mixture.covariances.end(), 1.0);
    std::vector<std::int8_t> sides(n);
    std::vector<std::int64_t> seeds(K);
    const std::function<void()> works[] = {
        [&] { cut(Structure::diag, rows.data(), weights.data(), n, wide_d, reg_covar.data(), 2, sides.data()); },
        [&] { merge_losses(mixture, nullptr); },
        [&] { merges_of(Merge::ward, rows.data(), weights.data(), n / 10, wide_d, 0); },
        [&] { plus_plus(rows.data(), nullptr, n, wide_d, K, 3, uniforms.data(), seeds.data()); },
    };
    for (const auto& work : works) {
        Control control;
        control.poll = [](void*) { return true; };
        control.last_poll = {};
        StopFlag flag(control);
        const WorkingFor call(flag);
        bool left = false;
        try {
            work();
        } catch (const Interrupted&) {
            left = true;
        }
        CHECK(left && control.interrupted, "interrupted");
    }
}

Move a_move(double gain, Move::Pair united, Move::Pair merged, std::ptrdiff_t n_rows) {
    auto share = std::make_shared<std::vector<double>>();
    for (std::ptrdiff_t i = 0; i < n_rows; ++i) share->push_back(0.1 * static_cast<double>(i % 10));
    return {gain, united, merged, share};
}

void moves_keep_every_row_whole() {
    constexpr std::ptrdiff_t n = 40;
    Random random(5);
    Responsibilities given{5, random.uniforms(n * 5)};
    const Move split = a_move(1.0, {0, 0}, {1, 2}, n), recut = a_move(0.5, {3, 4}, {3, 4}, n);
    const Responsibilities moved = apply({split, recut}, given);
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        const double* before = given.row(i);
        const double* after = moved.row(i);
        CHECK(close(after[1], before[1] + before[2], 1e-12, 0), "merged");
        CHECK(close(after[0] + after[2], before[0], 1e-12, 0), "split");
        CHECK(close(after[2], before[0] * (*split.share)[static_cast<std::size_t>(i)], 1e-12, 0), "split");
        CHECK(close(after[3] + after[4], before[3] + before[4], 1e-12, 0), "cut anew");
    }
    const std::vector<Move> chosen = disjoint({split, recut, a_move(0.3, {1, 1}, {3, 4}, n)});
    CHECK(chosen.size() == 2 && chosen[0].gain == 1.0 && chosen[1].gain == 0.5, "disjoint");
    CHECK(disjoint({a_move(-1.0, {0, 0}, {1, 2}, n)}).empty(), "no gain");
}

void perturbed_rows_are_a_random_share() {
    constexpr std::ptrdiff_t n = 20000;
    const double shares[] = {0.7, 0.2, 0.1};
    const std::vector<double> data(n);
    Responsibilities given{3, {}};
    for (std::ptrdiff_t i = 0; i < n; ++i) given.values.insert(given.values.end(), shares, shares + 3);
    Random random(7);
    const Responsibilities shaken = perturbed(given, {data.data(), nullptr, n, 1}, 0.3, random);
    double counts[3] = {}, changed = 0;
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        const double* row = shaken.row(i);
        CHECK(close(row[0] + row[1] + row[2], 1, 1e-12, 0), "perturbed");
        if (std::equal(row, row + 3, shares)) continue;
        ++changed;
        for (int k = 0; k < 3; ++k) counts[k] += row[k];
    }
    CHECK(close(changed / n, 0.3, 0, 0.02), "share");
    for (int k = 0; k < 3; ++k) CHECK(close(counts[k] / changed, shares[k], 0, 0.03), "drawn by weight");
}

// Whatever the order of the components; not where a mean, a weight or a covariance differs by more.
void ends_are_known_again() {
    const char* where = "known ends";
    for (const Structure structure : {Structure::full, Structure::tied, Structure::diag, Structure::spherical}) {
        OwnedMixture end(structure, 2, 1), swapped(structure, 2, 1);
        end.weights = {0.3, 0.7};
        end.means = {0.0, 8.0};
        end.covariances.assign(end.covariances.size(), 4.0);
        Ends ends;
        CHECK(ends.near(end, ends.size()) < 0, where);
        CHECK(ends.add({end, -1.0, true}), where);
        CHECK(!ends.add({end, -1.0, true}), where);
        CHECK(ends.add({end, -2.0, true}), where);  // another, in one place
        swapped = end;
        swapped.weights = {0.71, 0.29};
        swapped.means = {7.9, 0.1};
        CHECK(ends.near(swapped, 0) < 0, where);  // before any was known
        CHECK(ends.near(swapped, 2) == 0 && ends[0].objective == -1.0 && ends[0].is_proper, where);
        OwnedMixture off = end;
        off.means[0] = 0.3;
        CHECK(ends.near(off, ends.size()) < 0, where);
        off = end;
        off.weights = {0.4, 0.6};
        CHECK(ends.near(off, ends.size()) < 0, where);
        off = end;
        off.covariances[0] = 5.0;
        CHECK(ends.near(off, ends.size()) < 0, where);
    }
}

void a_drawn_cut_halves_one_component() {
    const Clusters clusters(3);
    const Problem problem = clusters.problem(Model::VVV);
    Control control;
    Random random(5);
    const Responsibilities given = one_hot(partition(problem, Model::EEI, 10, random, control), 3);
    const Beginning beginning = mixture_of(given, *problem.source, *problem.m_step, control);
    for (int i = 0; i < 20; ++i) {
        const Cut cut = drawn_cut(beginning.mixture, given, problem.rows, problem.total.scatter, random);
        const Responsibilities more = split(given, cut);
        std::vector<double> counts(4);
        double whole = 0;
        for (std::ptrdiff_t r = 0; r < problem.rows.n_rows; ++r) {
            for (std::size_t k = 0; k < 4; ++k) counts[k] += more.row(r)[k];
            whole += given.row(r)[cut.component];
        }
        const double halves = counts[static_cast<std::size_t>(cut.component)] + counts[3];
        CHECK(counts[3] > 0 && counts[3] < halves && close(halves, whole, 1e-12, 0), "a drawn cut");
    }
}

}  // namespace

int main() {
    ends_are_known_again();
    a_drawn_cut_halves_one_component();
    every_model_finds_clusters_that_are_apart();
    a_search_from_poor_starts_mends_them();
    a_search_of_nothing_but_one_row_fails_and_says_so();
    a_search_finds_the_same_with_any_number_of_threads();
    an_interrupted_search_ends();
    wide_rows_are_left_where_a_call_is_to_end();
    moves_keep_every_row_whole();
    perturbed_rows_are_a_random_share();
    return report();
}
