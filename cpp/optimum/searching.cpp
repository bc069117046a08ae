// A search while it runs.
#include "optimum/searching.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "optimum/leave_one_out.hpp"
#include "optimum/starts.hpp"
#include "optimum/verdict.hpp"

namespace mixtura {
namespace {

// EM iterations after which a descent that cannot catch up with the best is given up, looked at every few of them.
constexpr std::ptrdiff_t first_check_of_few = 40, first_check_of_many = 10, check_every = 5;

// What a search may spend: densities of one feature (one of d features costs about 1 + d^2 / 16 of them, a Cholesky
// factor and its inverse d^3 / 6), and E-steps within these bounds.
constexpr double most_densities = 4e8;
constexpr double least_passes = 250, most_passes = 4000;
constexpr double most_of_few_passes = 8000;  // where components have few rows for their features

// Of wide rows where a mixture has more parameters than rows, which cannot tell its optima apart: E-steps, fewer with
// matrices, where each takes M-steps of d^3, and densities without them (one costs about 1 + d / 8 there).
constexpr double least_passes_of_wide = 20, most_passes_of_matrices = 60, most_passes_of_variances = 250;
constexpr double densities_of_variances = 1e7;

// It stops earlier where it has long found nothing better: after so many E-steps for each component, and some times
// those that it took to find the best. On 73 tables the last gain came after 5 % of 4,000 E-steps in the median, 29 %
// in a tenth of the fits.
constexpr double patience = 250, least_patience = 750, trust = 4;

// And where every descent has been degenerate: on those tables a proper optimum was found within 525 E-steps, in one
// fit in a hundred much later, or never. On few rows, where E-steps cost nothing, more: of 70 rows of which 31 are one
// it took up to 3,600.
constexpr double passes_without_proper = 1500, densities_without_proper = 3e6;

// The best optimum has been reached this often before the search believes it.
constexpr std::ptrdiff_t hits = 5;
constexpr std::ptrdiff_t hits_of_few = 16;  // where components have few rows for their features

// Nats a row: of ends that differ by less, the first stays.
constexpr double end_of_one_optimum = 1e-9;

// How often a descent is mended in a row while there is no proper optimum; once where there is, since other starts are
// as good.
constexpr std::ptrdiff_t reseeded = 3;

using Schedule = std::array<std::string_view, 8>;
constexpr Schedule schedule{"widened", "merged", "detoured", "seeds", "detoured", "shaken", "k-means", "detoured"};
constexpr Schedule schedule_of_many{"moved", "moved", "moved", "shaken", "moved", "moved", "moved", "seeds"};
constexpr Schedule schedule_of_few{"leave-one-out", "shaken", "seeds",         "leave-one-out",
                                   "shaken",        "seeds",  "leave-one-out", "shaken"};

// Promise of a move (nats a row) below which it is not tried: a cut is judged before EM has mended it.
constexpr double promise = -0.4;
constexpr std::ptrdiff_t tries = 3;
constexpr int rounds = 20;

// Components from which fresh starts no longer find the best optimum, and moves are looked at more closely.
constexpr std::ptrdiff_t many = 10;

// Iterations without each row's own pull, where components have few rows for their features.
constexpr int left_out = 6;
constexpr double leverage = 0.05;

constexpr std::array<double, 2> shares{0.5, 0.3};

constexpr std::ptrdiff_t partition_iter = 10;

// In many features components of nearly any partition are apart and whole, without matrices: so many other starts have
// to end there too.
constexpr int n_agreeing = 2;

// Of descents where the likelihood says nothing of which mixture is better: the fit goes on from there.
constexpr std::ptrdiff_t few_iter = 20;

// Where every way leads to a spurious maximum, so many partitions of each kind are looked at along the way.
constexpr int n_others = 5;

// What is added to widened covariances, as shares of each column's variance, and iterations with it.
constexpr std::array<double, 3> widths{0.01, 0.03, 0.1};
constexpr std::ptrdiff_t widened_iter = 40;

// Of a detour through one component more: iterations there, and merges that are tried afterwards.
constexpr std::size_t detours = 3;
constexpr std::ptrdiff_t detour_iter = 20, detour_merges = 4;

// Components to merge down from, as a multiple of those asked for, and iterations with them.
constexpr std::ptrdiff_t surplus = 2, surplus_iter = 10;

// Entropy of the responsibilities, in nats a row, below which components are apart.
constexpr double hardly = 1e-3;

// What tells that components are the clusters: entropy up to this, splits that gain up to this share of what BIC asks,
// pairs that gain up to this when they are cut anew, merges that lose this in nats a row of both.
constexpr double little = 0.1, whole = 0.5, recut = 1e-3, far = 0.5;

// Starts from one component more, where there is noise.
constexpr int with_noise = 2;

// Moves drawn at a time.
constexpr int n_drawn = 2;

std::size_t at(std::ptrdiff_t i) { return static_cast<std::size_t>(i); }

bool is_fresh(std::string_view kind) {
    return kind == "k-means" || kind == "mahalanobis" || kind == "seeds" || kind == "widened" || kind == "merged";
}

bool is_independent(std::string_view kind) {
    return kind != "split and merge" && kind != "detour" && kind != "moved" && kind != "re-seeded";
}

// Entropy of the responsibilities, in nats a row.
double shared(const Responsibilities& given, const SearchRows& rows) {
    double sum = 0;
    for (std::ptrdiff_t i = 0; i < rows.n_rows; ++i) {
        for (std::ptrdiff_t k = 0; k < given.n_components; ++k) {
            const double r = given.row(i)[k];
            if (r > 0) sum -= rows.weight_of(i) * r * std::log(r);
        }
    }
    return sum / rows.weight();
}

// Whether every merge loses far more than so much, in nats a row.
bool merges_cost(const OwnedMixture& mixture, double gain) {
    const std::vector<double> losses = merge_losses(mixture);
    for (std::ptrdiff_t i = 0; i < mixture.n_components; ++i) {
        for (std::ptrdiff_t j = i + 1; j < mixture.n_components; ++j) {
            const double of_both = mixture.weights[at(i)] + mixture.weights[at(j)];
            if (!(losses[at(i * mixture.n_components + j)] > gain + far * of_both)) return false;
        }
    }
    return true;
}

}  // namespace

Searching::Searching(const Problem& problem, Control& control)
    : problem_(problem), of_parts_(problem.m_step->gaussian()), control_(control),
      structure_(problem.m_step->structure()), K(problem.n_components), d(problem.rows.n_features),
      weight_(problem.rows.weight()), random_(problem.seed), cut_floor_(problem.m_step->added()) {
    for (std::size_t j = 0; problem.recording != nullptr && j < cut_floor_.size(); ++j)
        cut_floor_[j] += problem.recording->floor[j];
}

void Searching::run() {
    descend("k-means", from_partition("k-means"));
    const bool is_found = best_ || degenerate_ || coincident_;
    if (K == 1 || is_late() || (is_found && has_no_optimum())) return;
    for (int i = 0; i < with_noise && problem_.m_step->has_noise() && !is_late(); ++i) descend("noise", start("noise"));
    const int n_others = is_wide() && !has_matrices(structure_) ? n_agreeing : 0;
    for (int i = 0; i < n_others && !is_late(); ++i) descend("seeds", start("seeds"));
    if (is_late() || (static_cast<int>(found_from_.size()) > n_others && apart_and_whole())) return;
    if (second_metric() == Model::EEE) descend("mahalanobis", from_partition("mahalanobis"));
    if (is_late() || is_settled()) return;
    climb();
    if (is_late() || is_settled()) return;
    explore();
    if (can_leave_out() && best_) descend("leave-one-out", loosened(best_responsibilities()));
    const Schedule& turns = can_leave_out() ? schedule_of_few : K >= many ? schedule_of_many : schedule;
    for (std::size_t turn = 0;; ++turn) {
        const std::string_view kind = turns[turn % turns.size()];
        if (!best_ && !is_fresh(kind)) continue;
        if (is_sure() || is_spent()) return;
        if (descend(kind, start(kind)) && !can_leave_out()) climb(), explore();
    }
}

// Detours while they gain.
void Searching::explore() {
    while (best_ && !is_spent() && detour()) climb();
}

// Every component is whole and apart: no move promises anything, and no cut of any gains by itself. Where hardly a row
// is shared, a cut may gain what the numbers of one component more cost (BIC, Schwarz 1978): the other optima cut what
// is whole.
bool Searching::apart_and_whole() {
    if (!best_ || (has_leverage() && !is_wide()) || !is_plain()) return false;
    const Responsibilities given = best_responsibilities();
    const std::vector<Cut> all =
        cuts(best_->mixture, given, problem_.rows, cut_floor_.data(), problem_.rows_per_weight);
    const double most = shared(given, problem_.rows) < hardly ? cost_of_one_more() / problem_.rows_per_weight : 0;
    return (all.empty() || all.front().gain <= most) && plans(given, false).empty();
}

// What the numbers of one component more cost (BIC, Schwarz 1978), in log-likelihood.
double Searching::cost_of_one_more() const {
    return parameters_of_one() * std::log(weight_ * problem_.rows_per_weight) / 2;
}

// A component's weight, mean and covariance.
double Searching::parameters_of_one() const {
    const auto of_covariance = static_cast<double>(structure_ == Structure::spherical ? 1
                                                   : structure_ == Structure::diag    ? d
                                                                                      : d * (d + 1) / 2);
    return 1 + static_cast<double>(d) + of_covariance;
}

// Few rows are shared, EM of two on the rows of any component gains little of what BIC asks for one more, and a merge
// that would free one costs far more than that: components are the clusters, and whole.
bool Searching::is_settled() {
    if (!best_ || has_leverage() || !is_plain()) return false;
    const Responsibilities given = best_responsibilities();
    if (shared(given, problem_.rows) > little) return false;
    const OwnedMixture& mixture = best_->mixture;
    const std::vector<double> gains =
        split_gains(mixture, given, problem_.rows, cut_floor_.data(), problem_.rows_per_weight, *of_parts_, control_);
    const double most = *std::max_element(gains.begin(), gains.end());
    if (most * problem_.rows_per_weight > whole * cost_of_one_more()) return false;
    std::vector<Move> all = candidates(mixture, given);
    all.erase(std::remove_if(all.begin(), all.end(), [](const Move& move) { return move.splits_one(); }), all.end());
    all = refined(all, mixture, given, problem_.rows, *of_parts_, control_);
    const bool can_be_recut = !all.empty() && all.front().gain > recut;
    return !can_be_recut && merges_cost(mixture, most / weight_);
}

// Where every way leads to a spurious maximum: the likeliest mixture before EM's way from a start turned to one, of
// those given or else of other partitions. It is what there is to say about the rows.
void Searching::look_before_degenerate(const std::vector<Given>& given) {
    if (best_ || has_hardly_rows()) return;
    const auto take = [&](const Beginning& beginning) {
        if (beginning.failed >= 0) return;
        std::optional<Optimum> found = before_doubt(beginning.mixture);
        if (found && (!before_degenerate_ || objective(*found) > objective(*before_degenerate_)))
            before_degenerate_ = std::move(found);
    };
    for (const Given& one : given) take(from_responsibilities(one.responsibilities));
    for (int i = 0; i < n_others && !before_degenerate_ && (i == 0 || !is_late()); ++i) {
        for (const std::string_view kind : {"k-means", "seeds"}) {
            if (!before_degenerate_) take(from_responsibilities(from_labels(kind)));
        }
    }
}

// EM up to the last mixture that is proper; none where the first is not.
std::optional<Optimum> Searching::before_doubt(const OwnedMixture& start) {
    Point point(start);
    OwnedMixture latest = start;
    std::optional<OwnedMixture> proper;
    Monitor monitor(search_tol, search_max_iter, false);
    LoopOptions options;
    options.first = options.every = 1;
    options.callback = [&](const OwnedMixture& next) -> std::string {
        // The weights are the rows of the E-step before.
        if (doubt(latest, next.weights, weight_ * problem_.rows_per_weight).doubt != Doubt::none) return "doubtful";
        proper = std::exchange(latest, next);
        return is_late() ? "late" : "";
    };
    expectation_maximisation(problem_.task(), monitor, nullptr, options, point, control_);
    check(control_);
    if (!proper) return {};
    return at_rest(*proper);
}

Optimum Searching::at_rest(const OwnedMixture& mixture) {
    Optimum optimum(mixture);
    optimum.statistics.centres = mixture.means;
    problem_.source->accumulate(problem_.task().expectation, mixture.view(), optimum.statistics, control_);
    check(control_);
    return optimum;
}

// Whether components have on average less than twice the rows that their covariances need. No mixture of so many says
// anything then, and the likeliest end, degenerate as it is, is at least a partition.
bool Searching::has_hardly_rows() const {
    return 2 * static_cast<double>(K) * rows_needed(problem_.m_step->model(), d) > weight_ * problem_.rows_per_weight;
}

Found Searching::found() {
    std::optional<Optimum>& proper = best_ ? best_ : before_degenerate_ ? before_degenerate_ : coincident_;
    const bool is_likelier = degenerate_ && (!proper || objective(*degenerate_) > objective(*proper));
    std::optional<Optimum>& optimum = is_likelier && (!proper || has_hardly_rows()) ? degenerate_ : proper;
    Found found;
    if (optimum) found.mixture = std::move(optimum->mixture);
    found.records = std::move(records_);
    return found;
}

bool Searching::is_spent() const {
    if (is_late()) return true;
    const auto n_rows = static_cast<double>(problem_.rows.n_rows), features = static_cast<double>(d);
    const double densities =
        static_cast<double>(K) * (n_rows * (1 + features * features / 16) + std::pow(features, 3) / 6);
    // A descent that fails at once costs no pass.
    const auto spent = static_cast<double>(n_passes_) + static_cast<double>(records_.size());
    if (is_wide() && has_matrices(structure_))
        return spent >= std::clamp(most_densities / densities, least_passes_of_wide, most_passes_of_matrices);
    if (is_wide() && static_cast<double>(K) * parameters_of_one() > n_rows) {
        const double cost = static_cast<double>(K) * n_rows * (1 + features / 8);
        return spent >= std::clamp(densities_of_variances / cost, least_passes_of_wide, most_passes_of_variances);
    }
    double most = has_leverage() ? most_of_few_passes : most_passes;
    if (!has_leverage() && K >= many) most *= 0.7;
    if (!can_leave_out()) {
        const double long_enough = std::max(patience * static_cast<double>(K), least_patience) + trust * improved_at_;
        most =
            std::min(most, best_ ? long_enough : std::max(passes_without_proper, densities_without_proper / densities));
    }
    return spent >= std::min(std::max(most_densities / densities, least_passes), most);
}

std::ptrdiff_t Searching::first_check() const { return K >= many ? first_check_of_many : first_check_of_few; }

// Whether the objective is the likelihood of Gaussian components, which is what cuts and splits are judged by.
bool Searching::is_plain() const { return problem_.m_step->is_gaussian() && problem_.m_step->is_free(); }

bool Searching::is_late() const { return std::chrono::steady_clock::now() > problem_.deadline; }

// Found from several sides, fresh starts among them; more of those where others ended lower. Where components have few
// rows for their features optima are many, and one that most fresh starts miss may not be the best, however often the
// best one shaken leads back to it.
bool Searching::is_sure() const {
    const auto tried =
        std::count_if(records_.begin(), records_.end(), [](const Record& record) { return is_fresh(record.kind); });
    const auto fresh =
        std::count_if(found_from_.begin(), found_from_.end(), [](const std::string& kind) { return is_fresh(kind); });
    const auto found = static_cast<std::ptrdiff_t>(found_from_.size());
    if (is_wide()) return found >= hits && fresh >= 2;
    if (has_leverage()) return found >= hits_of_few && fresh >= 3 && (2 * fresh >= tried || found >= 5 * hits_of_few);
    return found >= std::min(hits + K / 4, 2 * hits) && (fresh >= 4 || found >= 4 * hits);
}

bool Searching::is_wide() const { return d >= wide; }

// Where there are no more rows than features all of them lie in a plane: the likelihood of every mixture with matrices
// depends on what is added to them, and says nothing of which is better.
bool Searching::has_no_optimum() const { return has_matrices(structure_) && problem_.rows.n_rows <= d; }

// Of the second kind of partition: the Mahalanobis metric of all rows, where it says anything of them, and of many
// features only where the structure costs as much in every M-step.
Model Searching::second_metric() const {
    return is_wide() && (!has_matrices(structure_) || problem_.rows.n_rows <= d) ? Model::EEI : Model::EEE;
}

// Whether components have few rows for their features, and so many an optimum.
bool Searching::has_leverage() const {
    // A tied covariance is made by all rows together.
    const std::ptrdiff_t made = structure_ == Structure::tied ? K + d : K * d;
    return static_cast<double>(made) > leverage * weight_ * problem_.rows_per_weight;
}

bool Searching::can_leave_out() const {
    return has_leverage() && (structure_ == Structure::full || structure_ == Structure::tied);
}

// Where a descent begins

Beginning Searching::start(std::string_view kind) {
    if (kind == "moved") return from_responsibilities(moved_at_random());
    if (kind == "widened") return widened(from_labels("seeds"));
    if (kind == "merged") return merged_down();
    if (kind == "detoured") return detoured();
    if (kind == "noise") return beside_noise();
    if (is_fresh(kind)) return from_responsibilities(from_labels(kind));
    const Responsibilities shaken =
        perturbed(best_responsibilities(), problem_.rows, shares[records_.size() % shares.size()], random_);
    return kind == "leave-one-out" ? loosened(shaken) : from_responsibilities(shaken);
}

Beginning Searching::from_partition(std::string_view kind) { return beginning_of(from_labels(kind), *problem_.m_step); }

Beginning Searching::beginning_of(const Responsibilities& given, const MStep& m_step) {
    return mixture_of(obeying(given, problem_.rows), *problem_.source, m_step, control_);
}

// The best after moves that are drawn, not chosen: where components are many, what is wrong is wrong in a few places.
Responsibilities Searching::moved_at_random() {
    const Responsibilities given = best_responsibilities();
    std::vector<Move> all = candidates(best_->mixture, given), drawn;
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
    return mixtura::apply(drawn, given);
}

// Seeds alone are the most different starts.
Responsibilities Searching::from_labels(std::string_view kind) {
    const Model metric = kind == "mahalanobis" ? second_metric() : Model::EEI;
    return one_hot(partition(problem_, metric, kind == "seeds" ? 0 : partition_iter, random_, control_), K);
}

Beginning Searching::from_responsibilities(const Responsibilities& given) {
    n_passes_ += 2;
    return beginning_of(given, *problem_.m_step);
}

// Where EM leads with covariances that are wider than the rows ask for: past the spikes, which end most other ways
// where rows share values or lie on lines.
Beginning Searching::widened(const Responsibilities& given) {
    std::vector<double> added = problem_.m_step->added();
    const double share = widths[records_.size() % widths.size()];
    for (std::ptrdiff_t j = 0; j < d; ++j) {
        added[at(j)] += share * problem_.total.scatter[j * d + j] / problem_.total.weight;
    }
    const std::unique_ptr<MStep> wider = problem_.m_step->adding(std::move(added));
    n_passes_ += 2;
    Beginning beginning = beginning_of(given, *wider);
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
Beginning Searching::merged_down() {
    Problem more = problem_;
    more.n_components = std::min(surplus * K, std::max(K, problem_.rows.n_rows / (surplus * (d + 1))));
    const Model metric = records_.size() % 2 ? Model::EEI : second_metric();
    Responsibilities given = one_hot(partition(more, metric, 0, random_, control_), more.n_components);
    Beginning beginning = from_responsibilities(given);
    if (beginning.failed < 0) {
        beginning.mixture = after_plain_em(beginning.mixture, surplus_iter);
        given = responsibilities(beginning.mixture.view(), problem_.rows, control_);
    }
    while (given.n_components > K && beginning.failed < 0) {
        given = merged(given, closest_pairs(beginning.mixture).front());
        beginning = from_responsibilities(given);
    }
    return beginning;
}

// From the best through one component more, cut at random; then one of the closest pairs is merged, but not the two
// that were one.
Beginning Searching::detoured() {
    const Responsibilities given = best_responsibilities();
    const Cut cut = drawn_cut(best_->mixture, given, problem_.rows, problem_.total.scatter, random_);
    Beginning more = from_responsibilities(split(given, cut));
    if (more.failed >= 0) return more;
    const OwnedMixture settled = after_plain_em(more.mixture, detour_iter);
    const Responsibilities given_more = responsibilities(settled.view(), problem_.rows, control_);
    std::vector<Move::Pair> pairs = closest_pairs(settled);
    pairs.erase(std::remove(pairs.begin(), pairs.end(), Move::Pair{cut.component, K}), pairs.end());
    return from_responsibilities(merged(
        given_more, pairs[at(random_.below(std::min(detour_merges, static_cast<std::ptrdiff_t>(pairs.size()))))]));
}

// From one component more, the widest of which becomes noise: without it noise is taken up by a component, and EM keeps
// it there.
Beginning Searching::beside_noise() {
    Problem more = problem_;
    more.n_components = K + 1;
    const bool is_first = records_.size() < 2;
    const Responsibilities parts =
        one_hot(partition(more, Model::EEI, is_first ? partition_iter : 0, random_, control_), K + 1);
    n_passes_ += 2;
    Beginning beginning = beginning_of(parts, *of_parts_);
    if (beginning.failed >= 0) return beginning;
    Point point(std::move(beginning.mixture));
    Monitor monitor(search_tol, detour_iter, false);
    expectation_maximisation(problem_.task(*of_parts_), monitor, nullptr, until_deadline(), point, control_);
    check(control_);
    n_passes_ += monitor.n_passes();
    const Responsibilities given = responsibilities(point.mixture.view(), problem_.rows, control_);
    return from_responsibilities(without(given, widest(point.mixture)));
}

Beginning Searching::loosened(const Responsibilities& given) {
    Beginning beginning = from_responsibilities(given);
    if (!can_leave_out() || beginning.failed >= 0) return beginning;
    const LeftOut rows(problem_.rows, *problem_.source);
    Point point(std::move(beginning.mixture));
    Monitor monitor(0, left_out, false);
    expectation_maximisation({rows, *problem_.m_step}, monitor, nullptr, until_deadline(), point, control_);
    check(control_);
    n_passes_ += 2 * monitor.n_iter();
    return {std::move(point.mixture), monitor.failed, monitor.failed_count};
}

Responsibilities Searching::best_responsibilities() {
    ++n_passes_;
    return responsibilities(best_->mixture.view(), problem_.rows, control_);
}

// Descents

bool Searching::descend(std::string_view kind, Beginning beginning) {
    if (beginning.failed >= 0) {
        record_failure(kind, beginning);
        return false;
    }
    const double best = best_ ? objective(*best_) : -std::numeric_limits<double>::infinity();
    Optimum found(std::move(beginning.mixture));
    Monitor monitor(search_tol, has_no_optimum() ? few_iter : search_max_iter, true);
    Acceleration acceleration(structure_, K, d, problem_.m_step->has_tails());
    LoopOptions options = until_deadline();
    options.first = options.every = check_every;
    // Ends what comes near to a known end, and gives up what, as fast as it rises now, will not catch up with the best.
    const End* known = nullptr;
    options.callback = [&](const OwnedMixture& mixture) -> std::string {
        if (monitor.converged) return "";
        known = known_end(mixture);
        if (known != nullptr) return "near a known end";
        if (monitor.n_iter() < first_check()) return "";
        const std::vector<double>& history = monitor.history;
        const double last = history.back(), before = history[history.size() - 1 - at(check_every)];
        return last + 10 * (last - before) + 0.01 < best ? "behind the best" : "";
    };
    expectation_maximisation(problem_.task(), monitor, &acceleration, options, found, control_);
    check(control_);
    n_passes_ += monitor.n_passes();
    if (known != nullptr) return stop_near(kind, monitor, *known);
    return judge(kind, monitor, std::move(found));
}

// A descent that has come near to the end of another, which stands for its own.
bool Searching::stop_near(std::string_view kind, const Monitor& monitor, const End& end) {
    record(kind, monitor, end.is_proper ? near_optimum : near_degenerate);
    records_.back().log_likelihood = end.objective;
    const bool is_best = end.is_proper && best_ && std::abs(end.objective - objective(*best_)) < same_optimum;
    if (is_best && is_independent(kind)) found_from_.emplace_back(kind);
    return false;
}

// Where components have few rows for their features, optima lie too near to each other to be told apart before their
// end.
const End* Searching::known_end(const OwnedMixture& mixture) const {
    return can_leave_out() ? nullptr : ends_.near(mixture);
}

bool Searching::is_new(const Optimum& found, bool is_proper) {
    return can_leave_out() || ends_.add({found.mixture, objective(found), is_proper});
}

LoopOptions Searching::until_deadline() const {
    LoopOptions options;
    options.deadline = problem_.deadline;
    return options;
}

// Where plain EM leads, in so many iterations at most.
OwnedMixture Searching::after_plain_em(const OwnedMixture& start, std::ptrdiff_t max_iter) {
    Point point(start);
    Monitor monitor(search_tol, max_iter, false);
    expectation_maximisation(problem_.task(), monitor, nullptr, until_deadline(), point, control_);
    check(control_);
    n_passes_ += monitor.n_passes();
    return std::move(point.mixture);
}

bool Searching::judge(std::string_view kind, const Monitor& monitor, Optimum found) {
    // What the deadline ends counts only where there is nothing else.
    const bool is_found = best_ || degenerate_ || coincident_;
    if (!monitor.stopped.empty() && is_found) {
        record(kind, monitor, monitor.stopped);
        return false;
    }
    if (monitor.failed >= 0) {
        record(kind, monitor, "a covariance is singular");
        return reseed(found, monitor.failed, degenerate_);
    }
    const Verdict verdict = doubt(found);
    if (verdict.doubt != Doubt::none) {
        record(kind, monitor, verdict.words());
        if (!is_new(found, false)) return false;
        return reseed(found, verdict.component, verdict.is_degenerate() ? degenerate_ : coincident_);
    }
    record(kind, monitor, monitor.ended());
    is_new(found, true);
    const double before = best_ ? objective(*best_) : -std::numeric_limits<double>::infinity();
    const double now = objective(found);
    // Ends of one optimum differ by where EM stopped and by rounding: the first stays, so that the components' order
    // does not hang on the last bits.
    if (now > before + end_of_one_optimum) best_ = std::move(found);
    if (now > before + same_optimum) {
        improved_at_ = static_cast<double>(n_passes_) + static_cast<double>(records_.size());
        found_from_ = {std::string(kind)};
        return true;
    }
    if (now > before - same_optimum && is_independent(kind)) found_from_.emplace_back(kind);
    return false;
}

// Merges the component in doubt with a neighbour, and cuts the worst explained one instead.
bool Searching::reseed(const Optimum& found, std::ptrdiff_t dead, std::optional<Optimum>& best_of_its_kind) {
    if (!best_of_its_kind || objective(found) > objective(*best_of_its_kind)) best_of_its_kind = found;
    const std::ptrdiff_t most = best_ ? 1 : reseeded + K / 8;
    if (has_no_optimum() || !is_worth_mending(found) || n_reseeded_ >= most || is_spent()) return false;
    const Responsibilities given = responsibilities(found.mixture.view(), problem_.rows, control_);
    // One for each component that can be cut: the least promising of its merges with the dead one.
    std::vector<Move> mends;
    for (const Move& move : candidates(found.mixture, given)) {
        if (!move.splits_one() || (move.merged[0] != dead && move.merged[1] != dead)) continue;
        const auto known =
            std::find_if(mends.begin(), mends.end(), [&](const Move& mend) { return mend.united == move.united; });
        if (known == mends.end()) {
            mends.push_back(move);
        } else {
            *known = move;
        }
    }
    // The first mend cuts what gains most, the next ones others.
    if (n_reseeded_ >= static_cast<std::ptrdiff_t>(mends.size())) return false;
    const Move mend = mends[at(n_reseeded_)];
    ++n_reseeded_;
    const bool better = descend("re-seeded", from_responsibilities(apply({mend}, given)));
    --n_reseeded_;
    return better;
}

void Searching::record(std::string_view kind, const Monitor& monitor, std::string ended) {
    records_.push_back({std::string(kind), monitor.n_iter(), monitor.history.back(), monitor.converged,
                        std::move(ended), monitor.n_passes(), monitor.failed, monitor.failed_count});
}

void Searching::record_failure(std::string_view kind, const Beginning& beginning) {
    Record record;
    record.kind = kind;
    record.failed = beginning.failed;
    record.failed_count = beginning.failed_count;
    records_.push_back(std::move(record));
}

Verdict Searching::doubt(const OwnedMixture& mixture, const std::vector<double>& counts, double unit) const {
    std::vector<double> rows(counts);
    for (double& n : rows) n *= unit;
    const auto total = [&] {
        std::vector<double> covariance(problem_.total.scatter, problem_.total.scatter + d * d);
        for (double& value : covariance) value /= problem_.total.weight;
        return covariance;
    };
    return first_doubt(mixture, rows.data(), {*problem_.m_step, problem_.recording, problem_.min_rows, total});
}

Verdict Searching::doubt(const Optimum& found) const {
    return doubt(found.mixture, found.statistics.counts(), problem_.rows_per_weight);
}

// Moves

void Searching::climb() {
    for (int round = 0; round < rounds; ++round) {
        if (!best_ || is_spent()) return;
        if (!move() && !(K >= many && move(true))) return;
    }
}

bool Searching::detour() {
    const Responsibilities given = best_responsibilities();
    std::vector<Cut> all = cuts(best_->mixture, given, problem_.rows, cut_floor_.data(), problem_.rows_per_weight);
    all.resize(std::min(all.size(), detours));
    return std::any_of(all.begin(), all.end(),
                       [&](const Cut& cut) { return !is_spent() && detour(split(given, cut)); });
}

// EM of one component more from there; then the closest of them merged.
bool Searching::detour(const Responsibilities& beginning) {
    Beginning more = from_responsibilities(beginning);
    if (more.failed >= 0) return false;
    const OwnedMixture settled = after_plain_em(more.mixture, detour_iter);
    const Responsibilities given_more = responsibilities(settled.view(), problem_.rows, control_);
    std::vector<Move::Pair> pairs = closest_pairs(settled);
    pairs.resize(std::min(pairs.size(), at(detour_merges)));
    for (const Move::Pair& pair : pairs) {
        if (is_spent()) return false;
        if (descend("detour", from_responsibilities(merged(given_more, pair)))) return true;
    }
    return false;
}

bool Searching::move(bool refine) {
    const Responsibilities given = best_responsibilities();
    for (const std::vector<Move>& plan : plans(given, refine)) {
        if (is_spent()) return false;
        if (descend("split and merge", from_responsibilities(apply(plan, given)))) return true;
    }
    return false;
}

// Sets of moves to try one after another.
std::vector<std::vector<Move>> Searching::plans(const Responsibilities& given, bool refine) {
    std::vector<Move> all = candidates(best_->mixture, given);
    if (refine) all = refined(all, best_->mixture, given, problem_.rows, *of_parts_, control_);
    std::vector<std::vector<Move>> found;
    std::vector<Move> together = disjoint(all);
    if (together.size() > 1) found.push_back(std::move(together));
    all.resize(std::min(all.size(), at(tries + K / 8)));
    for (const Move& one : all) {
        if (one.gain > promise) found.push_back({one});
    }
    return found;
}

std::vector<Move> Searching::candidates(const OwnedMixture& mixture, const Responsibilities& given) const {
    return moves(mixture, given, problem_.rows, cut_floor_.data(), problem_.rows_per_weight);
}

Found search(const Problem& problem, Control& control) {
    Searching searching(problem, control);
    searching.run();
    searching.look_before_degenerate({});
    return searching.found();
}

}  // namespace mixtura
