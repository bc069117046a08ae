// One descent of a search.
#include "optimum/descent.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "m_step/maximum_likelihood.hpp"
#include "optimum/leave_one_out.hpp"
#include "optimum/starts.hpp"

namespace mixtura {
namespace {

// How often a descent is looked at, in EM iterations.
constexpr std::ptrdiff_t check_every = 5;

// Iterations without each row's own pull, where components have few rows for their features.
constexpr int left_out = 6;
constexpr double leverage = 0.05;

constexpr std::array<double, 2> shares{0.5, 0.3};

constexpr std::ptrdiff_t partition_iter = 10;

// Of descents where the likelihood says nothing of which mixture is better: the fit goes on from there.
constexpr std::ptrdiff_t few_iter = 20;

// What is added to widened covariances, as shares of each column's variance, and iterations with it.
constexpr std::array<double, 3> widths{0.01, 0.03, 0.1};
constexpr std::ptrdiff_t widened_iter = 40;

// Components to merge down from, as a multiple of those asked for, and iterations with them.
constexpr std::ptrdiff_t surplus = 2, surplus_iter = 10;

// Moves drawn at a time.
constexpr int n_drawn = 2;

std::size_t at(std::ptrdiff_t i) { return static_cast<std::size_t>(i); }

}  // namespace

bool is_fresh(std::string_view kind) {
    return kind == "k-means" || kind == "mahalanobis" || kind == "seeds" || kind == "widened" || kind == "merged" ||
           kind == "in fewer parts" || kind == "diag";
}

Beginning beginning_of(const Problem& problem, const Responsibilities& given, const MStep& m_step, Control& control) {
    return mixture_of(obeying(given, problem.rows), *problem.source, m_step, control);
}

Searched::Searched(const Problem& problem)
    : problem_(problem), structure_(problem.m_step->structure()), K(problem.n_components), d(problem.rows.n_features),
      weight_(problem.rows.weight()) {}

// Whether the objective is the likelihood of Gaussian components of whole rows, which is what cuts and splits are
// judged by. A posterior's prior hardly moves components that have rows.
bool Searched::is_plain() const {
    const MStep& m_step = *problem_.m_step;
    return m_step.is_gaussian() && (m_step.is_free() || m_step.may_leave_out()) && problem_.is_exact();
}

bool Searched::is_wide() const { return d >= wide; }

// Where there are no more rows than features all of them lie in a plane: the likelihood of every mixture with matrices
// depends on what is added to them, and says nothing of which is better.
bool Searched::has_no_optimum() const { return has_matrices(structure_) && problem_.rows.n_rows <= d; }

// Of the second kind of partition: the Mahalanobis metric of all rows, where it says anything of them, and of many
// features only where the structure costs as much in every M-step.
Model Searched::second_metric() const {
    return is_wide() && (!has_matrices(structure_) || problem_.rows.n_rows <= d) ? Model::EEI : Model::EEE;
}

// Whether components have few rows for their features, and so many an optimum.
bool Searched::has_leverage() const {
    // A tied covariance is made by all rows together.
    const std::ptrdiff_t made = structure_ == Structure::tied ? K + d : K * d;
    return static_cast<double>(made) > leverage * weight_ * problem_.rows_per_weight;
}

bool Searched::can_leave_out() const { return has_leverage() && has_matrices(structure_) && problem_.is_exact(); }

Descent::Descent(const Problem& problem, const Known& known, std::ptrdiff_t number, Control& control)
    : Searched(problem), known_(known), number_(number), control_(control),
      random_(Random(problem.seed).stream(number)) {}

// Where it begins

Beginning Descent::start(std::string_view kind) {
    if (kind == "moved") return from_responsibilities(moved_at_random());
    if (kind == "widened") return widened(from_labels("seeds"));
    if (kind == "merged") return merged_down();
    if (kind == "detoured") return detoured();
    if (kind == "noise") return beside_noise();
    if (kind == "diag") return where_variances_lead();
    if (kind == "in fewer parts") return in_parts_about_the_best();
    if (is_fresh(kind)) return from_responsibilities(from_labels(kind));
    const Responsibilities shaken =
        perturbed(*known_.given, problem_.rows, shares[at(number_) % shares.size()], random_);
    return kind == "leave-one-out" ? loosened(shaken) : from_responsibilities(shaken);
}

// The best after moves that are drawn, not chosen: where components are many, what is wrong is wrong in a few places.
Responsibilities Descent::moved_at_random() {
    std::vector<Move> all = *known_.moves, drawn;
    for (int i = 0; i < n_drawn && !all.empty(); ++i) {
        const auto which = static_cast<std::size_t>(random_.uniform() * static_cast<double>(all.size()));
        const std::set<std::ptrdiff_t> touched = all[which].touched();
        drawn.push_back(all[which]);
        const auto meets = [&](const Move& move) {
            const std::set<std::ptrdiff_t> others = move.touched();
            return std::any_of(others.begin(), others.end(), [&](std::ptrdiff_t k) { return touched.count(k) > 0; });
        };
        all.erase(std::remove_if(all.begin(), all.end(), meets), all.end());
    }
    return mixtura::apply(drawn, *known_.given);
}

// Seeds alone are the most different starts.
Responsibilities Descent::from_labels(std::string_view kind) {
    const Model metric = kind == "mahalanobis" ? second_metric() : Model::EEI;
    return one_hot(partition(problem_, metric, kind == "seeds" ? 0 : partition_iter, random_, control_), K);
}

Beginning Descent::in_parts(std::ptrdiff_t n_parts, Model metric, std::ptrdiff_t max_iter) {
    Problem fewer = problem_;
    fewer.n_components = n_parts;
    return from_responsibilities(one_hot(partition(fewer, metric, max_iter, random_, control_), K));
}

Beginning Descent::in_parts(std::ptrdiff_t n_parts) { return in_parts(n_parts, Model::EEI, partition_iter); }

// Where the search without matrices ends: its passes cost next to nothing beside one with them, and EM with matrices
// hardly leaves a partition.
Beginning Descent::where_variances_lead() {
    const MaximumLikelihood m_step(Model::VVI, problem_.m_step->added());
    Problem of_variances = problem_;
    of_variances.m_step = &m_step;
    const Found found = search(of_variances, control_);
    if (!found.mixture) return from_responsibilities(from_labels("k-means"));
    return from_responsibilities(responsibilities(found.mixture->view(), problem_.rows, control_));
}

// As many parts as the best has components with rows, or one or two more.
Beginning Descent::in_parts_about_the_best() {
    std::ptrdiff_t n = 0;
    for (std::ptrdiff_t k = 0; k < K; ++k) n += known_.best->statistics.count(k) * problem_.rows_per_weight > no_rows;
    const Model metric = number_ % 2 ? Model::EEI : second_metric();
    const std::ptrdiff_t n_parts = std::clamp<std::ptrdiff_t>(n + number_ % 3, 1, K);  // noise may have all rows
    return in_parts(n_parts, metric, number_ % 4 < 2 ? 0 : partition_iter);
}

Beginning Descent::mixture_made_of(const Responsibilities& given) {
    n_passes_ += 2;
    return beginning_of(problem_, given, *problem_.m_step, control_);
}

// None where it is known to lead to nothing better: what is made of it is for `from` alone.
Beginning Descent::from_responsibilities(const Responsibilities& given) {
    std::vector<std::ptrdiff_t> parts = comparable_parts(given);
    const std::ptrdiff_t known = parts.empty() ? -1 : known_.partitions.find(parts, known_.n_partitions);
    ++n_passes_;
    if (known >= 0 && is_no_better(known_.partitions[known])) {
        Beginning same{OwnedMixture(Structure::spherical, 0, 0)};
        same.as_before = known;
        return same;
    }
    ++n_passes_;
    Beginning beginning = beginning_of(problem_, given, *problem_.m_step, control_);
    beginning.parts = std::move(parts);
    return beginning;
}

// Starts that are given each have a best of their own, which may be worse than where another led.
bool Descent::is_no_better(const Partitions::Led& led) const {
    return !led.is_proper || (known_.best && led.objective < objective(*known_.best) + same_optimum);
}

// Wide rows are wholly one component's nearly always, and a descent costs much there. Where nothing but the rows makes
// one component differ from another, their order does not matter.
std::vector<std::ptrdiff_t> Descent::comparable_parts(const Responsibilities& given) const {
    if (!is_wide() || given.n_components != K || !is_plain() || problem_.rows.labels.are_there()) return {};
    return parts_of(given);
}

// Where EM leads with covariances that are wider than the rows ask for: past the spikes, which end most other ways
// where rows share values or lie on lines.
Beginning Descent::widened(const Responsibilities& given) {
    std::vector<double> added = problem_.m_step->added();
    const double share = widths[at(number_) % widths.size()];
    for (std::ptrdiff_t j = 0; j < d; ++j) {
        added[at(j)] += share * problem_.total.scatter[j * d + j] / problem_.total.weight;
    }
    const std::unique_ptr<MStep> wider = problem_.m_step->adding(std::move(added));
    n_passes_ += 2;
    Beginning beginning = beginning_of(problem_, given, *wider, control_);
    if (beginning.failed >= 0) return beginning;
    Point point(std::move(beginning.mixture));
    Monitor monitor(search_tol, widened_iter, true);
    Acceleration acceleration(structure_, K, d, problem_.m_step->has_tails());
    expectation_maximisation(problem_.task(*wider), monitor, &acceleration, until_deadline(), point, control_);
    check(control_);
    n_passes_ += monitor.n_passes();
    return from_responsibilities(responsibilities(point.mixture.view(), problem_.rows, control_));
}

// From more components than are asked for, the closest of them merged one after another.
Beginning Descent::merged_down() {
    Problem more = problem_;
    more.n_components = std::min(surplus * K, std::max(K, problem_.rows.n_rows / (surplus * (d + 1))));
    const Model metric = number_ % 2 ? Model::EEI : second_metric();
    Responsibilities given = one_hot(partition(more, metric, 0, random_, control_), more.n_components);
    if (more.n_components == K) return from_responsibilities(given);
    Beginning beginning = mixture_made_of(given);
    if (beginning.failed >= 0) return beginning;
    beginning.mixture = after_plain_em(beginning.mixture, surplus_iter);
    given = responsibilities(beginning.mixture.view(), problem_.rows, control_);
    for (;;) {
        given = merged(given, closest_pairs(beginning.mixture, problem_.rows).front());
        if (given.n_components == K) return from_responsibilities(given);
        beginning = mixture_made_of(given);
        if (beginning.failed >= 0) return beginning;
    }
}

// From the best through one component more, cut at random; then one of the closest pairs is merged, but not the two
// that were one.
Beginning Descent::detoured() {
    const Responsibilities& given = *known_.given;
    const Cut cut = drawn_cut(known_.best->mixture, given, problem_.rows, problem_.total.scatter, random_);
    Settled more = settled(split(given, cut));
    if (more.failed >= 0) return {OwnedMixture(structure_, K, d), more.failed, more.failed_count};
    std::vector<Move::Pair>& pairs = more.closest;
    pairs.erase(std::remove(pairs.begin(), pairs.end(), Move::Pair{cut.component, K}), pairs.end());
    const std::ptrdiff_t n = std::min(detour_merges, static_cast<std::ptrdiff_t>(pairs.size()));
    return from_responsibilities(merged(more.given, pairs[at(random_.below(n))]));
}

// From one component more, the widest of which becomes noise: without it noise is taken up by a component, and EM keeps
// it there.
Beginning Descent::beside_noise() {
    Problem more = problem_;
    more.n_components = K + 1;
    const std::unique_ptr<MStep> gaussian = problem_.m_step->gaussian();
    const bool is_first = number_ < 2;
    const Responsibilities parts =
        one_hot(partition(more, Model::EEI, is_first ? partition_iter : 0, random_, control_), K + 1);
    n_passes_ += 2;
    Beginning beginning = beginning_of(problem_, parts, *gaussian, control_);
    if (beginning.failed >= 0) return beginning;
    Point point(std::move(beginning.mixture));
    Monitor monitor(search_tol, detour_iter, false);
    expectation_maximisation(problem_.task(*gaussian), monitor, nullptr, until_deadline(), point, control_);
    check(control_);
    n_passes_ += monitor.n_passes();
    const Responsibilities given = responsibilities(point.mixture.view(), problem_.rows, control_);
    return from_responsibilities(without(given, widest(point.mixture)));
}

Settled Descent::settled(const Responsibilities& given) {
    const Beginning more = mixture_made_of(given);
    Settled out;
    out.failed = more.failed;
    out.failed_count = more.failed_count;
    if (more.failed < 0) {
        const OwnedMixture mixture = after_plain_em(more.mixture, detour_iter);
        out.given = responsibilities(mixture.view(), problem_.rows, control_);
        out.closest = closest_pairs(mixture, problem_.rows);
    }
    out.n_passes = n_passes_;
    return out;
}

Beginning Descent::loosened(const Responsibilities& given) {
    if (!can_leave_out()) return from_responsibilities(given);
    n_passes_ += 2;
    Beginning beginning = beginning_of(problem_, given, *problem_.m_step, control_);
    if (beginning.failed >= 0) return beginning;
    const LeftOut rows(problem_.rows, *problem_.source);
    Point point(std::move(beginning.mixture));
    Monitor monitor(0, left_out, false);
    expectation_maximisation({rows, *problem_.m_step}, monitor, nullptr, until_deadline(), point, control_);
    check(control_);
    n_passes_ += 2 * monitor.n_iter();
    return {std::move(point.mixture), monitor.failed, monitor.failed_count};
}

LoopOptions Descent::until_deadline() const {
    LoopOptions options;
    options.deadline = known_.deadline;
    return options;
}

// Where plain EM leads, in so many iterations at most.
OwnedMixture Descent::after_plain_em(const OwnedMixture& start, std::ptrdiff_t max_iter) {
    Point point(start);
    Monitor monitor(search_tol, max_iter, false);
    expectation_maximisation(problem_.task(), monitor, nullptr, until_deadline(), point, control_);
    check(control_);
    n_passes_ += monitor.n_passes();
    return std::move(point.mixture);
}

Descended Descent::from(Beginning beginning, double tol) {
    Descended out;
    out.parts = std::move(beginning.parts);
    out.as_before = beginning.as_before;
    if (beginning.failed >= 0 || out.as_before >= 0) {
        out.n_passes = n_passes_;
        out.failed = beginning.failed;
        out.failed_count = beginning.failed_count;
        return out;
    }
    const double best = known_.best ? objective(*known_.best) : -std::numeric_limits<double>::infinity();
    Optimum& found = out.found.emplace(std::move(beginning.mixture));
    Monitor& monitor = out.monitor.emplace(tol, has_no_optimum() ? few_iter : search_max_iter, true);
    Acceleration acceleration(structure_, K, d, problem_.m_step->has_tails());
    LoopOptions options = until_deadline();
    options.first = options.every = check_every;
    options.callback = [&](const OwnedMixture& mixture) -> std::string {
        if (monitor.converged) return "";
        // Where components have few rows for their features, optima lie too near to each other to be told apart before
        // their end.
        if (!can_leave_out()) out.near = known_.ends.near(mixture, known_.n_ends);
        if (out.near >= 0) return "near a known end";
        if (monitor.n_iter() < known_.first_check) return "";
        const std::vector<double>& history = monitor.history;
        const double last = history.back(), before = history[history.size() - 1 - at(check_every)];
        return last + 10 * (last - before) + 0.01 < best ? "behind the best" : "";
    };
    expectation_maximisation(problem_.task(), monitor, &acceleration, options, found, control_);
    check(control_);
    out.n_passes = n_passes_ + monitor.n_passes();
    return out;
}

}  // namespace mixtura
