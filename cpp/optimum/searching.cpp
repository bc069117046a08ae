// A search while it runs.
#include "optimum/searching.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "m_step/factorise.hpp"
#include "optimum/leave_one_out.hpp"
#include "optimum/starts.hpp"
#include "optimum/verdict.hpp"

namespace mixtura {
namespace {

// What a search may spend: densities of one feature (one of d features costs about 1 + d^2 / 16 of them, a Cholesky
// factor and its inverse d^3 / 6), and E-steps within these bounds.
constexpr double most_densities = 4e8;
constexpr double least_passes = 250, most_passes = 4000;
constexpr double most_of_few_passes = 8000;  // where components have few rows for their features

// Of wide rows where a mixture has more parameters than rows, which cannot tell its optima apart: E-steps, fewer with
// matrices, where each takes M-steps of d^3, and densities without them (one costs about 1 + d / 8 there).
constexpr double least_passes_of_wide = 20, most_passes_of_matrices = 60, most_passes_of_variances = 250;
constexpr double densities_of_variances = 4e7;

// It stops earlier where it has long found nothing better: after so many E-steps for each component, and some times
// those that it took to find the best. On 73 tables the last gain came after 5 % of 4,000 E-steps in the median, 29 %
// in a tenth of the fits.
constexpr double patience = 250, least_patience = 750, trust = 4;

// Of that, where rows were measured with errors, since an E-step takes ten times as long.
constexpr double with_errors = 0.5;

// And where every descent has been degenerate: on those tables a proper optimum was found within 525 E-steps, in one
// fit in a hundred much later, or never. On few rows, where E-steps cost nothing, more: of 70 rows of which 31 are one
// it took up to 3,600.
constexpr double passes_without_proper = 1500, densities_without_proper = 3e6;

// The best optimum has been reached this often before the search believes it.
constexpr std::ptrdiff_t hits = 5;
constexpr std::ptrdiff_t hits_of_few = 16;  // where components have few rows for their features

// Nats a row: of ends that differ by less, the first stays.
constexpr double end_of_one_optimum = 1e-9, end_in_single = 1e-5;

// EM iterations after which a descent that cannot catch up with the best is given up.
constexpr std::ptrdiff_t first_check_of_few = 40, first_check_of_many = 10;

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

// In many features components of nearly any partition are apart and whole, without matrices: so many other starts have
// to end there too.
constexpr int n_agreeing = 2;

// Where every way leads to a spurious maximum, so many partitions of each kind are looked at along the way.
constexpr int n_others = 5;

// Cuts that detours are tried from.
constexpr std::size_t detours = 3;

// Starts of which none knows what the others find. It is no number of threads: the same mixture is found with any.
constexpr std::ptrdiff_t n_together = 8;

// Entropy of the responsibilities, in nats a row, below which components are apart.
constexpr double hardly = 1e-3;

// What tells that components are the clusters: entropy up to this, splits that gain up to this share of what BIC asks,
// pairs that gain up to this when they are cut anew, merges that lose this in nats a row of both.
constexpr double little = 0.1, whole = 0.5, recut = 1e-3, far = 0.5;

// How much more than its numbers cost a component must bring to be one that no prior does without.
constexpr double worth = 2;

// Starts from one component more, where there is noise.
constexpr int with_noise = 2;

std::size_t at(std::ptrdiff_t i) { return static_cast<std::size_t>(i); }

bool is_independent(std::string_view kind) {
    return kind != "split and merge" && kind != "detour" && kind != "moved" && kind != "re-seeded" &&
           kind != "without one" && kind != "with one more";
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
    const std::vector<double> losses = merge_losses(mixture, nullptr);
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
    : Searched(problem), of_parts_(problem.m_step->gaussian()), control_(control), cut_floor_(problem.m_step->added()) {
    for (std::size_t j = 0; problem.recording != nullptr && j < cut_floor_.size(); ++j)
        cut_floor_[j] += problem.recording->floor[j];
}

void Searching::run() {
    descend(is_wide() && has_matrices(structure_) && problem_.is_exact() ? "diag" : "k-means");
    const double before = spent();
    if (problem_.m_step->may_leave_out() && !each_pays()) begin_with_fewer();
    begun_at_ = spent() - before;
    look_around();
    while (problem_.m_step->may_leave_out() && !each_pays() && (leave_one_out() || take_one_in())) {}
}

// Whether no component can be done without: few rows are shared, and a merge of any loses far more than its numbers
// cost.
bool Searching::each_pays() {
    if (!best_ || !is_plain()) return false;
    for (std::ptrdiff_t k = 0; k < K; ++k) {
        if (!has_rows(k)) return false;
    }
    if (shared(*best_responsibilities(), problem_.rows) > little) return false;
    const std::vector<double> losses = merge_losses(best_->mixture, nullptr);
    const double least = worth * cost_of_one_more() / (weight_ * problem_.rows_per_weight);
    return std::all_of(losses.begin(), losses.end(), [least](double loss) { return loss > least; });
}

// EM from where another search of the same rows has ended, which is taken for this one; false where that leads from a
// proper optimum to none, or from an end that is none to a singular covariance.
bool Searching::end_from(Searching& other) {
    records_ = std::move(other.records_);
    if (other.best_) return go_on_from(*other.best_) && best_ != nullptr;
    for (const std::optional<Optimum>* end : {&other.degenerate_, &other.coincident_}) {
        if (*end && !go_on_from(**end)) return false;
    }
    look_before_degenerate({});
    return true;
}

bool Searching::go_on_from(const Optimum& end) {
    constexpr const char* kind = "in float64";
    const Known now = known();
    Descended ended = Descent(problem_, now, n_descents(), control_).from({end.mixture}, exact_tol);
    if (ended.monitor->failed >= 0) return false;
    const std::vector<double> counts = ended.found->statistics.counts();
    if (std::count(counts.begin(), counts.end(), 0.0) > 0) return false;  // it stays where float has put it
    const Verdict verdict = doubt(*ended.found);
    if (verdict.doubt == Doubt::none) {
        take_up(kind, std::move(ended));
        return true;
    }
    n_passes_ += ended.n_passes;
    record(kind, *ended.monitor, verdict.words());
    (verdict.is_degenerate() ? degenerate_ : coincident_) = std::move(ended.found);
    return true;
}

// Whether float tells what is degenerate from what it has rounded: there is a proper end, or others of which none was
// singular.
bool Searching::tells_ends_apart() const {
    if (problem_.rounded == nullptr || best_) return true;
    const auto is_singular = [](const Record& record) { return record.failed >= 0; };
    return (degenerate_ || coincident_) && !has_no_optimum() &&
           std::none_of(records_.begin(), records_.end(), is_singular);
}

void Searching::look_around() {
    const bool is_found = best_ || degenerate_ || coincident_;
    if (K == 1 || is_late() || (is_found && has_no_optimum())) return;
    for (int i = 0; i < with_noise && problem_.m_step->has_noise() && !is_late(); ++i) descend("noise");
    if (agree_and_are_whole() || is_late()) return;
    if (second_metric() == Model::EEE) descend("mahalanobis");
    is_rounded_ = is_rounded_ || !tells_ends_apart();
    if (is_late() || is_settled()) return;
    climb();
    if (is_late() || is_settled()) return;
    explore();
    if (can_leave_out() && best_) {
        const auto given = best_responsibilities();
        descend("leave-one-out", [&](Descent& descent) { return descent.loosened(*given); });
    }
    for (std::size_t turn = 0; take_turns(next_kinds(turn));) {}
}

// Whether the components are whole, and without matrices so many other starts have ended there too. Where all but one
// agree, more are asked. One that is degenerate is mended when they have not agreed: the cuts cost more than a start.
bool Searching::agree_and_are_whole() {
    const int n_others = is_wide() && !has_matrices(structure_) ? n_agreeing : 0;
    const auto n_found = [&] { return static_cast<int>(found_from_.size()); };
    puts_off_mending_ = n_others > 0;
    for (int i = 0; i < n_others && !is_late(); ++i) descend("seeds");
    for (int i = 0; i < n_others && n_found() == n_others && !is_late(); ++i) descend("k-means");
    puts_off_mending_ = false;
    if (!is_late() && n_found() > n_others && apart_and_whole()) return true;
    for (PutOff& one : std::exchange(put_off_, {})) {
        if (!is_late()) reseed(std::move(one.found), one.dead, *one.best_of_its_kind);
    }
    return false;
}

// Where the prior may do without components: each number of parts that hold rows, the larger ones in longer steps.
void Searching::begin_with_fewer() {
    if (!problem_.m_step->may_leave_out()) return;
    for (std::ptrdiff_t n = 1; n < K && !is_late(); n += std::max<std::ptrdiff_t>(n / 8, 1)) {
        descend("in fewer parts", [&](Descent& descent) { return descent.in_parts(n); });
    }
}

// Where the prior may do without one more component: its rows go to the others, the fewest rows first (deletions of
// Hughes & Sudderth 2013). False where no optimum is better.
bool Searching::leave_one_out() {
    if (!best_ || !problem_.m_step->may_leave_out()) return false;
    const OwnedMixture best = best_->mixture;
    const std::vector<double> counts = best_->statistics.counts();
    std::vector<std::ptrdiff_t> order(at(K));
    std::iota(order.begin(), order.end(), std::ptrdiff_t{0});
    std::sort(order.begin(), order.end(), [&](auto i, auto k) { return counts[at(i)] < counts[at(k)]; });
    for (const std::ptrdiff_t k : order) {
        if (is_late()) return false;
        if (!has_rows(k)) continue;
        OwnedMixture without = best;
        without.log_weights[at(k)] = -std::numeric_limits<double>::infinity();
        const Way way = [&](Descent& descent) {
            return descent.from_responsibilities(responsibilities(without.view(), problem_.rows, control_));
        };
        if (descend("without one", way)) return true;
    }
    return false;
}

// Where a component has no rows: those on one side of the best cut through another, whichever gains most (births of
// Hughes & Sudderth 2013). False where no optimum is better.
bool Searching::take_one_in() {
    if (!best_ || !problem_.m_step->may_leave_out()) return false;
    std::ptrdiff_t empty = 0;
    while (empty < K && has_rows(empty)) ++empty;
    if (empty == K) return false;
    const auto given = best_responsibilities();
    const std::vector<Cut> all =
        cuts(best_->mixture, *given, problem_.rows, cut_floor_.data(), problem_.rows_per_weight);
    for (const Cut& cut : all) {
        if (is_late()) return false;
        Responsibilities halved = *given;
        for (std::ptrdiff_t i = 0; i < problem_.rows.n_rows; ++i) {
            if (cut.sides[at(i)] == 1) std::swap(halved.row(i)[empty], halved.row(i)[cut.component]);
        }
        const Way way = [&](Descent& descent) { return descent.from_responsibilities(halved); };
        if (descend("with one more", way)) return true;
    }
    return false;
}

bool Searching::has_rows(std::ptrdiff_t k) const {
    return best_->statistics.count(k) * problem_.rows_per_weight > no_rows;
}

// Of the starts that take turns, those that can be made now.
std::vector<std::string_view> Searching::next_kinds(std::size_t& turn) const {
    const Schedule& turns = can_leave_out() ? schedule_of_few : K >= many ? schedule_of_many : schedule;
    std::vector<std::string_view> kinds;
    for (; static_cast<std::ptrdiff_t>(kinds.size()) < n_together; ++turn) {
        std::string_view kind = turns[turn % turns.size()];
        if (kind == "seeds" && best_ && problem_.m_step->may_leave_out()) kind = "in fewer parts";
        if (best_ || is_fresh(kind)) kinds.push_back(kind);
    }
    return kinds;
}

// False where the search is over.
bool Searching::take_turns(const std::vector<std::string_view>& kinds) {
    if (is_sure() || is_spent()) return false;
    Known now = known();
    if (!std::all_of(kinds.begin(), kinds.end(), &is_fresh)) now.given = best_responsibilities();
    if (std::count(kinds.begin(), kinds.end(), "moved") > 0) now.moves = best_moves();
    const auto n = static_cast<std::ptrdiff_t>(kinds.size());
    const Ways ways = [&](std::ptrdiff_t i, Descent& descent) { return descent.start(kinds[at(i)]); };
    SideBySide<Descended> ends = descents(now, n, n, ways);
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        if (i > 0 && (is_sure() || is_spent())) return false;
        if (take_up(kinds[at(i)], std::move(ends[i])) && !can_leave_out()) climb(), explore();
    }
    return true;
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
    const auto given = best_responsibilities();
    const std::vector<Cut>& all = best_cuts();
    const double most = shared(*given, problem_.rows) < hardly ? cost_of_one_more() / problem_.rows_per_weight : 0;
    return (all.empty() || all.front().gain <= most) && plans(false).empty();
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
    if (!best_ || has_leverage() || !is_plain() || not_settled_ == best_) return false;
    not_settled_ = best_;
    const auto given = best_responsibilities();
    if (shared(*given, problem_.rows) > little) return false;
    const OwnedMixture& mixture = best_->mixture;
    const std::vector<double> gains = split_gains(best_cuts(), K, *given, problem_.rows, *of_parts_, control_);
    const double most = *std::max_element(gains.begin(), gains.end());
    if (most * problem_.rows_per_weight > whole * cost_of_one_more()) return false;
    std::vector<Move> all = *best_moves();
    all.erase(std::remove_if(all.begin(), all.end(), [](const Move& move) { return move.splits_one(); }), all.end());
    all = refined(all, mixture, *given, problem_.rows, *of_parts_, control_);
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
    for (const Given& one : given) take(beginning_of(problem_, one.responsibilities, *problem_.m_step, control_));
    Known all = known();
    all.n_partitions = 0;  // where one leads is not what is asked here
    for (int i = 0; i < n_others && !before_degenerate_ && (i == 0 || !is_late()); ++i) {
        for (const std::string_view kind : {"k-means", "seeds"}) {
            if (!before_degenerate_) take(Descent(problem_, all, n_descents() + i, control_).start(kind));
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
    const Task task = problem_.task();
    task.rows.accumulate(task.expectation, mixture.view(), optimum.statistics, control_);
    check(control_);
    return optimum;
}

// Whether components have on average less than twice the rows that their covariances need. No mixture of so many says
// anything then, and the likeliest end, degenerate as it is, is at least a partition.
bool Searching::has_hardly_rows() const {
    return 2 * static_cast<double>(K) * rows_needed(problem_.m_step->model(), d) > weight_ * problem_.rows_per_weight;
}

Found Searching::found() {
    const auto at_of = [](std::optional<Optimum>& optimum) { return optimum ? &*optimum : nullptr; };
    Optimum* const other = before_degenerate_ ? &*before_degenerate_ : at_of(coincident_);
    const Optimum* const proper = best_ ? best_.get() : other;
    const bool is_likelier = degenerate_ && (!proper || objective(*degenerate_) > objective(*proper));
    Found found;
    if (is_likelier && (!proper || has_hardly_rows())) {
        found.mixture = std::move(degenerate_->mixture);
    } else if (best_) {
        found.mixture = best_->mixture;
    } else if (other != nullptr) {
        found.mixture = std::move(other->mixture);
    }
    found.records = std::move(records_);
    return found;
}

bool Searching::is_spent() const {
    if (is_late()) return true;
    const auto n_rows = static_cast<double>(problem_.rows.n_rows), features = static_cast<double>(d);
    const double densities =
        static_cast<double>(K) * (n_rows * (1 + features * features / 16) + std::pow(features, 3) / 6);
    const double since = spent() - begun_at_;
    if (is_wide() && has_matrices(structure_))
        return since >= std::clamp(most_densities / densities, least_passes_of_wide, most_passes_of_matrices);
    if (is_wide() && static_cast<double>(K) * parameters_of_one() > n_rows) {
        const double cost = static_cast<double>(K) * n_rows * (1 + features / 8);
        return since >= std::clamp(densities_of_variances / cost, least_passes_of_wide, most_passes_of_variances);
    }
    double most = has_leverage() ? most_of_few_passes : most_passes;
    const double share = problem_.rows.error_variances == nullptr ? 1 : with_errors;
    if (!has_leverage() && K >= many) most *= 0.7;
    if (!can_leave_out()) {
        const double long_enough = share * std::max(patience * static_cast<double>(K), least_patience) +
                                   trust * std::max(improved_at_ - begun_at_, 0.0);
        most =
            std::min(most, best_ ? long_enough : std::max(passes_without_proper, densities_without_proper / densities));
    }
    return since >= std::min(std::max(share * most_densities / densities, least_passes), most);
}

// E-steps; a descent that fails at once costs none.
double Searching::spent() const { return static_cast<double>(n_passes_) + static_cast<double>(records_.size()); }

std::ptrdiff_t Searching::first_check() const { return K >= many ? first_check_of_many : first_check_of_few; }

bool Searching::is_late() const { return is_rounded_ || std::chrono::steady_clock::now() > problem_.deadline; }

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

// Descents

std::ptrdiff_t Searching::n_descents() const { return static_cast<std::ptrdiff_t>(records_.size()); }

// How many of n descents go side by side: one where threads have enough to do within each.
std::ptrdiff_t Searching::n_ahead(std::ptrdiff_t n) const {
    return is_wide() || can_be_shared(problem_.rows.n_rows, structure_, K, d) ? 1 : n;
}

Known Searching::known() const {
    return {best_, {}, {}, ends_, ends_.size(), partitions_, partitions_.size(), first_check(), problem_.deadline};
}

std::shared_ptr<const Responsibilities> Searching::best_responsibilities() {
    if (given_from_ != best_) {
        ++n_passes_;
        given_ =
            std::make_shared<const Responsibilities>(responsibilities(best_->mixture.view(), problem_.rows, control_));
        given_from_ = best_;
        cuts_.reset();
        moves_ = nullptr;
    }
    return given_;
}

// Of its components, the best first.
const std::vector<Cut>& Searching::best_cuts() {
    const auto given = best_responsibilities();
    if (!cuts_) cuts_ = cuts(best_->mixture, *given, problem_.rows, cut_floor_.data(), problem_.rows_per_weight);
    return *cuts_;
}

// All moves from the best.
std::shared_ptr<const std::vector<Move>> Searching::best_moves() {
    const auto given = best_responsibilities();
    if (moves_ == nullptr)
        moves_ = std::make_shared<const std::vector<Move>>(candidates(best_cuts(), best_->mixture, *given));
    return moves_;
}

// None of n knows what the others find.
SideBySide<Descended> Searching::descents(const Known& now, std::ptrdiff_t n, std::ptrdiff_t n_at_once,
                                          const Ways& ways) {
    const std::ptrdiff_t number = n_descents();
    return {n, n_ahead(n_at_once), control_, [this, &now, &ways, number](std::ptrdiff_t i, Control& control) {
                Descent descent(problem_, now, number + i, control);
                return descent.from(ways(i, descent));
            }};
}

bool Searching::descend(std::string_view kind) {
    return descend(kind, [&](Descent& descent) { return descent.start(kind); });
}

bool Searching::descend(std::string_view kind, const Way& way) {
    const Known now = known();
    Descent descent(problem_, now, n_descents(), control_);
    return take_up(kind, descent.from(way(descent)));
}

bool Searching::descend_until_better(std::string_view kind, std::ptrdiff_t n, std::ptrdiff_t n_at_once,
                                     const Ways& ways) {
    const Known now = known();
    SideBySide<Descended> ends = descents(now, n, n_at_once, ways);
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        if (is_spent()) return false;
        if (take_up(kind, std::move(ends[i]))) return true;
    }
    return false;
}

bool Searching::take_up(std::string_view kind, Descended descended) {
    n_passes_ += descended.n_passes;
    if (descended.failed >= 0) {
        record_failure(kind, descended);
        return false;
    }
    if (descended.as_before >= 0) return stop_as_before(kind, descended);
    if (descended.near >= 0) return stop_near(kind, *descended.monitor, ends_[descended.near]);
    const double led_to = objective(*descended.found);
    const auto number = static_cast<std::size_t>(n_descents());
    const bool is_better = judge(kind, *descended.monitor, std::move(*descended.found));
    if (!descended.parts.empty() && descended.monitor->stopped.empty()) {
        const bool is_proper = records_[number].ended == descended.monitor->ended();
        partitions_.add({std::move(descended.parts), led_to, is_proper});
    }
    return is_better;
}

// From a partition from which another descent has been to its end.
bool Searching::stop_as_before(std::string_view kind, const Descended& descended) {
    const Partitions::Led& led = partitions_[descended.as_before];
    Record record;
    record.kind = kind;
    record.log_likelihood = led.objective;
    record.ended = led.is_proper ? near_optimum : near_degenerate;
    record.n_passes = descended.n_passes;
    records_.push_back(std::move(record));
    find_again(kind, led.objective, led.is_proper);
    return false;
}

// A descent that has come near to the end of another, which stands for its own.
bool Searching::stop_near(std::string_view kind, const Monitor& monitor, const End& end) {
    record(kind, monitor, end.is_proper ? near_optimum : near_degenerate);
    records_.back().log_likelihood = end.objective;
    find_again(kind, end.objective, end.is_proper);
    return false;
}

// An end that is known, by another way.
void Searching::find_again(std::string_view kind, double objective_of_end, bool is_proper) {
    const bool is_best = is_proper && best_ && std::abs(objective_of_end - objective(*best_)) < same_optimum;
    if (is_best && is_independent(kind)) found_from_.emplace_back(kind);
}

bool Searching::is_new(const Optimum& found, bool is_proper) {
    return can_leave_out() || ends_.add({found.mixture, objective(found), is_proper});
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
        return reseed(std::move(found), monitor.failed, degenerate_);
    }
    const Verdict verdict = doubt(found);
    if (verdict.doubt != Doubt::none) {
        record(kind, monitor, verdict.words());
        if (!is_new(found, false)) return false;
        return reseed(std::move(found), verdict.component, verdict.is_degenerate() ? degenerate_ : coincident_);
    }
    record(kind, monitor, monitor.ended());
    is_new(found, true);
    const double before = best_ ? objective(*best_) : -std::numeric_limits<double>::infinity();
    const double now = objective(found);
    // Ends of one optimum differ by where EM stopped and by rounding: the first stays, so that the components' order
    // does not hang on the last bits.
    if (now > before + (problem_.rounded == nullptr ? end_of_one_optimum : end_in_single)) {
        best_ = std::make_shared<const Optimum>(std::move(found));
        is_rounded_ = problem_.rounded != nullptr && !problem_.rounded->is_fine_for(best_->mixture);
    }
    if (now > before + same_optimum) {
        improved_at_ = spent();
        found_from_ = {std::string(kind)};
        return true;
    }
    if (now > before - same_optimum && is_independent(kind)) found_from_.emplace_back(kind);
    return false;
}

// Merges the component in doubt with a neighbour, and cuts the worst explained one instead.
bool Searching::reseed(Optimum found, std::ptrdiff_t dead, std::optional<Optimum>& best_of_its_kind) {
    const bool is_better = !best_of_its_kind || objective(found) > objective(*best_of_its_kind);
    const std::ptrdiff_t most = best_ ? 1 : reseeded + K / 8;
    if (puts_off_mending_ && best_) {
        put_off_.push_back({std::move(found), dead, &best_of_its_kind});
        return false;
    }
    const bool is_left = has_no_optimum() || !is_worth_mending(found) || n_reseeded_ >= most || is_spent();
    if (is_left) {
        if (is_better) best_of_its_kind = std::move(found);
        return false;
    }
    if (is_better) best_of_its_kind = found;
    const Responsibilities given = responsibilities(found.mixture.view(), problem_.rows, control_);
    // One for each component that can be cut: the least promising of its merges with the dead one.
    std::vector<Move> mends;
    const std::vector<Cut> of_components =
        cuts(found.mixture, given, problem_.rows, cut_floor_.data(), problem_.rows_per_weight);
    for (const Move& move : candidates(of_components, found.mixture, given)) {
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
    const bool better =
        descend("re-seeded", [&](Descent& descent) { return descent.from_responsibilities(apply({mend}, given)); });
    --n_reseeded_;
    return better;
}

void Searching::record(std::string_view kind, const Monitor& monitor, std::string ended) {
    records_.push_back({std::string(kind), monitor.n_iter(), monitor.history.back(), monitor.converged,
                        std::move(ended), monitor.n_passes(), monitor.failed, monitor.failed_count});
}

void Searching::record_failure(std::string_view kind, const Descended& descended) {
    Record record;
    record.kind = kind;
    record.failed = descended.failed;
    record.failed_count = descended.failed_count;
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
    const Grounds grounds{*problem_.m_step, problem_.recording, problem_.min_rows, total};
    if (problem_.rows.error_variances == nullptr) return first_doubt(mixture, rows.data(), grounds);
    OwnedMixture measured = widened_by(problem_.rows.error_variances, mixture);
    factorise(measured, control_);
    return first_doubt(measured, rows.data(), grounds);
}

Verdict Searching::doubt(const Optimum& found) const {
    return doubt(found.mixture, found.statistics.counts(), problem_.rows_per_weight);
}

// Moves

void Searching::climb() {
    for (int round = 0; round < rounds; ++round) {
        if (!best_ || is_spent()) return;
        if (!move(false) && !(K >= many && move(true))) return;
    }
}

// EM of one component more from the best cuts; after each the closest of them merged.
bool Searching::detour() {
    const auto given = best_responsibilities();
    std::vector<Cut> all = best_cuts();
    all.resize(std::min(all.size(), detours));
    const auto n = static_cast<std::ptrdiff_t>(all.size());
    const Known now = known();
    const std::ptrdiff_t number = n_descents();
    SideBySide<Settled> settled(n, n_ahead(n), control_, [&](std::ptrdiff_t i, Control& control) {
        return Descent(problem_, now, number, control).settled(split(*given, all[at(i)]));
    });
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        if (is_spent()) return false;
        const Settled& more = settled[i];
        n_passes_ += more.n_passes;
        const std::ptrdiff_t n_merges = std::min(static_cast<std::ptrdiff_t>(more.closest.size()), detour_merges);
        const auto merge = [&](std::ptrdiff_t m, Descent& descent) {
            return descent.from_responsibilities(merged(more.given, more.closest[at(m)]));
        };
        if (descend_until_better("detour", n_merges, n_merges, merge)) return true;
    }
    return false;
}

bool Searching::move(bool refine) {
    const std::vector<std::vector<Move>> all = plans(refine);
    const auto given = best_responsibilities();
    const auto apply = [&](std::ptrdiff_t i, Descent& descent) {
        return descent.from_responsibilities(mixtura::apply(all[at(i)], *given));
    };
    // The first is the most promising: no more are tried ahead than there are threads.
    return descend_until_better("split and merge", static_cast<std::ptrdiff_t>(all.size()), control_.n_threads, apply);
}

// Sets of moves to try one after another.
std::vector<std::vector<Move>> Searching::plans(bool refine) {
    std::vector<Move> all = *best_moves();
    if (refine) {
        all = refined(all, best_->mixture, *best_responsibilities(), problem_.rows, *of_parts_, control_);
    }
    std::vector<std::vector<Move>> found;
    std::vector<Move> together = disjoint(all);
    if (together.size() > 1) found.push_back(std::move(together));
    all.resize(std::min(all.size(), at(tries + K / 8)));
    for (const Move& one : all) {
        if (one.gain > promise) found.push_back({one});
    }
    return found;
}

std::vector<Move> Searching::candidates(const std::vector<Cut>& of_components, const OwnedMixture& mixture,
                                        const Responsibilities& given) const {
    return moves(of_components, mixture, given, problem_.rows, cut_floor_.data(), problem_.rows_per_weight);
}

}  // namespace mixtura
