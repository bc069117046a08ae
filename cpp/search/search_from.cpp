// The search from given responsibilities: those of other structures, of fewer and of more components.
#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "search/searching.hpp"

namespace mixtura {
namespace {

// After the first M-step so many starts go on, and after some more iterations one of those, unless its end is worth
// nothing.
constexpr std::size_t first_chosen = 6;
constexpr std::ptrdiff_t glimpse = 2;

// Where EM leads to spurious maxima from all that is given: other partitions, so many of each kind.
constexpr std::array<std::string_view, 2> others{"k-means", "seeds"};
constexpr int n_others = 5;

// E-steps of a search of its own.
constexpr std::ptrdiff_t own_passes = 1000;

// Nats a row: starts nearer than this after those iterations lead to one optimum.
constexpr double one_optimum = 1e-7;

using Start = std::pair<std::string, OwnedMixture>;

std::size_t at(std::ptrdiff_t i) { return static_cast<std::size_t>(i); }

// The component of each row, numbered in the order in which they first appear; those without rows do not matter.
std::vector<std::ptrdiff_t> partition_in(const Responsibilities& given) {
    const std::ptrdiff_t K = given.n_components;
    std::vector<std::ptrdiff_t> numbers(at(K), -1), found;
    std::ptrdiff_t n_seen = 0;
    for (std::size_t i = 0; i < given.values.size(); i += at(K)) {
        const double* row = given.values.data() + i;
        std::ptrdiff_t& number = numbers[at(std::max_element(row, row + K) - row)];
        if (number < 0) number = n_seen++;
        found.push_back(number);
    }
    return found;
}

bool is_proper(const Record& record) {
    return record.ended == "converged" || record.ended == "max_iter reached" || record.ended == "behind the best";
}

class SearchingFrom final : public Searching {
  public:
    SearchingFrom(const std::vector<Given>& given, Budget budget, const Problem& problem, Control& control)
        : Searching(problem, control), given_(given), budget_(budget), most_passes_(budget.moving) {}

    void run_from(const OwnedMixture* incumbent, std::ptrdiff_t n_certain) {
        if (incumbent != nullptr) best_ = at_rest(*incumbent);
        const int before = n_bests_;
        for (std::ptrdiff_t i = 0; i < n_certain; ++i) {
            descend(given_[at(i)].kind, from_responsibilities(given_[at(i)].responsibilities));
        }
        for (Start& start : chosen(n_certain)) {
            descend(start.first, Beginning{std::move(start.second)});
            if (is_proper(records_.back())) break;
        }
        if (K > 1) {
            if (n_bests_ > before) climb();
            if (!best_ || budget_.own > 0) search_by_itself(budget_.own > 0 ? budget_.own : own_passes);
        }
        if (best_) return;
        std::optional<Optimum> proper = proper_on_the_way();
        if (proper) fallback_ = std::move(proper);
    }

  protected:
    bool is_spent() const override { return n_passes_ >= most_passes_ || Searching::is_spent(); }

    // Not where it is worse than the best even with what is spurious about it; other starts are many.
    bool is_worth_mending(const Optimum& found) const override {
        return !best_ || found.log_likelihood() > best_->log_likelihood();
    }

  private:
    Optimum at_rest(const OwnedMixture& mixture) {
        Optimum optimum{mixture, OwnedStatistics(structure_, K, d)};
        optimum.statistics.centres = mixture.means;
        problem_.source->accumulate(optimum.mixture, optimum.statistics, control_);
        check(control_);
        return optimum;
    }

    void search_by_itself(std::ptrdiff_t n_passes) {
        most_passes_ = n_passes_ + n_passes;
        run();
    }

    // The starts that are the likeliest after a few iterations, one for each optimum.
    std::vector<Start> chosen(std::ptrdiff_t n_certain) {
        std::vector<Start> begun;
        std::set<std::vector<std::ptrdiff_t>> partitions;
        for (std::size_t i = at(n_certain); i < given_.size(); ++i) {
            if (!partitions.insert(partition_in(given_[i].responsibilities)).second) continue;
            Beginning beginning = from_responsibilities(given_[i].responsibilities);
            if (beginning.failed >= 0) {
                record_failure(given_[i].kind, beginning);
            } else {
                begun.emplace_back(given_[i].kind, std::move(beginning.mixture));
            }
        }
        if (begun.size() > first_chosen) {
            begun = ranked(std::move(begun), 0);
            if (begun.size() > first_chosen) begun.erase(begun.begin() + first_chosen, begun.end());
        }
        return ranked(std::move(begun), glimpse);
    }

    // Where they are after some iterations, the likeliest first, doubtful ones last.
    std::vector<Start> ranked(std::vector<Start> starts, std::ptrdiff_t n_iter) {
        struct Glimpsed {
            bool is_doubtful;
            double log_likelihood;
            std::size_t which;
        };
        std::vector<Glimpsed> glimpses;
        for (Start& start : starts) {
            OwnedStatistics statistics(structure_, K, d);
            expectation_maximisation(start.second, statistics, n_iter);
            // After no iteration nothing is spurious yet.
            const bool is_doubtful = n_iter > 0 && !doubt(start.second, statistics.counts, problem_.rows_per_weight).empty();
            const double value = statistics.mean_log_likelihood();
            glimpses.push_back({is_doubtful, std::isnan(value) ? -std::numeric_limits<double>::infinity() : value, glimpses.size()});
        }
        std::stable_sort(glimpses.begin(), glimpses.end(), [](const Glimpsed& one, const Glimpsed& other) {
            return one.is_doubtful != other.is_doubtful ? other.is_doubtful : one.log_likelihood > other.log_likelihood;
        });
        std::vector<Start> kept;
        std::vector<double> values;
        for (const Glimpsed& glimpsed : glimpses) {
            const auto is_known = [&](double value) { return !(std::abs(glimpsed.log_likelihood - value) > one_optimum); };
            if (std::any_of(values.begin(), values.end(), is_known)) continue;
            values.push_back(glimpsed.log_likelihood);
            kept.push_back(std::move(starts[glimpsed.which]));
        }
        return kept;
    }

    // The likeliest mixture before EM's way from a start turned to a spurious maximum. Where every way leads to one, it is
    // what there is to say about the rows.
    std::optional<Optimum> proper_on_the_way() {
        std::optional<Optimum> best;
        const auto take = [&](std::optional<Optimum> found) {
            if (found && (!best || found->log_likelihood() > best->log_likelihood())) best = std::move(found);
        };
        for (const Given& given : given_) {
            Beginning beginning = from_responsibilities(given.responsibilities);
            if (beginning.failed >= 0) {
                record_failure(given.kind, beginning);
            } else {
                take(before_doubt(beginning.mixture));
            }
        }
        for (int i = 0; i < n_others && !best; ++i) {
            for (const std::string_view kind : others) {
                if (best) break;
                const Beginning beginning = start(kind);
                if (beginning.failed < 0) take(before_doubt(beginning.mixture));
            }
        }
        return best;
    }

    // EM up to the last mixture that is proper; none where the first is not.
    std::optional<Optimum> before_doubt(const OwnedMixture& start) {
        OwnedMixture mixture = start, latest = start;
        std::optional<OwnedMixture> proper;
        OwnedStatistics statistics(structure_, K, d);
        Monitor monitor(search_tol, search_max_iter, false);
        Outside outside;
        outside.first = outside.every = 1;
        outside.hear = [&](const OwnedMixture& next) -> std::string {
            // The weights are the rows of the E-step before.
            if (!doubt(latest, next.weights, weight_ * problem_.rows_per_weight).empty()) return "doubtful";
            proper = std::exchange(latest, next);
            return "";
        };
        mixtura::expectation_maximisation(problem_.model, *problem_.source, problem_.reg_covar, monitor, nullptr, outside,
                                          mixture, statistics, control_);
        check(control_);
        if (!proper) return {};
        return at_rest(*proper);
    }

    const std::vector<Given>& given_;
    const Budget budget_;
    std::ptrdiff_t most_passes_;
};

}  // namespace

Found search_from(const std::vector<Given>& given, std::ptrdiff_t n_certain, const OwnedMixture* incumbent, Budget budget,
                  const Problem& problem, Control& control) {
    SearchingFrom searching(given, budget, problem, control);
    searching.run_from(incumbent, n_certain);
    return searching.found();
}

}  // namespace mixtura
