// The search from given responsibilities: those of other structures, of fewer and of more components.
#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "optimum/searching.hpp"

namespace mixtura {
namespace {

// E-steps of a search of its own, at least, where every given start fails.
constexpr std::ptrdiff_t passes_of_none = 1000;

// EM iterations after which a descent from a given start that cannot catch up with the incumbent is given up.
constexpr std::ptrdiff_t first_check_of_given = 10;

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
    return record.ended == "converged" || record.ended == "max_iter reached" || record.ended == "behind the best" ||
           record.ended == near_optimum;
}

class SearchingFrom final : public Searching {
  public:
    SearchingFrom(const std::vector<Given>& given, Budget budget, const Problem& problem, Control& control)
        : Searching(problem, control), given_(given), budget_(budget) {}

    void run_from(const OwnedMixture* incumbent) {
        if (incumbent != nullptr) keep(*incumbent);
        const std::shared_ptr<const Optimum> kept = best_;
        if (kept) partition_of_best_ = partition_in(*best_responsibilities());
        std::vector<std::shared_ptr<const Optimum>> ends;
        for (const Given& start : given_) {
            best_ = kept;
            if (descend_alone(start)) ends.push_back(best_);
        }
        if (K > 1 && !has_no_optimum()) ends = moved(one_of_each(std::move(ends)));
        ends = one_of_each(std::move(ends));
        best_ = ends.empty() ? kept : ends.front();
        for (std::size_t i = 1; i < ends.size(); ++i) others_.push_back(ends[i]->mixture);
        const bool is_found = best_ || degenerate_ || coincident_;
        if (K > 1 && budget_.own > 0 && !(is_found && has_no_optimum())) {
            spend(best_ ? budget_.own : std::max(budget_.own, passes_of_none));
            run();
        }
        look_before_degenerate(given_);
    }

    Found all_found() {
        Found found = Searching::found();
        found.others = std::move(others_);
        return found;
    }

  protected:
    bool is_spent() const override { return n_passes_ >= most_passes_ || Searching::is_spent(); }

    // Most starts lead to worse ends.
    std::ptrdiff_t first_check() const override { return best_ ? first_check_of_given : Searching::first_check(); }

    // Not where it is worse than the best even with what is spurious about it; other starts are many.
    bool is_worth_mending(const Optimum& found) const override {
        return !best_ || objective(found) > objective(*best_);
    }

  private:
    // As it is where EM stays there: an optimum keeps its bits. One from which EM leads on to a spurious maximum is a
    // stop on the way.
    void keep(const OwnedMixture& incumbent) {
        Optimum kept = at_rest(incumbent);
        const std::size_t descent = records_.size();
        descend("incumbent", [&](Descent&) { return Beginning{incumbent}; });
        if (!is_proper(records_[descent])) {
            before_degenerate_ = std::move(kept);
        } else if (!best_ || objective(*best_) < objective(kept) + same_optimum) {
            best_ = std::make_shared<const Optimum>(std::move(kept));
        }
    }

    // From here on so many E-steps: what was done before must not matter.
    void spend(std::ptrdiff_t n_passes) {
        n_passes_ = -static_cast<std::ptrdiff_t>(records_.size());
        most_passes_ = n_passes_ + n_passes;
        improved_at_ = 0;
    }

    // True where it ends at a better optimum than the incumbent. What the other starts find does not matter to it, so
    // that more starts never find less.
    bool descend_alone(const Given& start) {
        spend(budget_.moving);
        n_passes_ += 2;
        const Beginning beginning = beginning_of(problem_, start.responsibilities, *problem_.m_step, control_);
        if (beginning.failed < 0 && leads_back(start, beginning.mixture)) return false;
        return descend(start.kind, [&](Descent&) { return beginning; });
    }

    // Whether a start has the incumbent's partition, and is no better.
    bool leads_back(const Given& start, const OwnedMixture& mixture) {
        if (!best_ || partition_in(start.responsibilities) != partition_of_best_) return false;
        return objective(at_rest(mixture)) <= objective(*best_);
    }

    // Where moves lead from each of them.
    std::vector<std::shared_ptr<const Optimum>> moved(std::vector<std::shared_ptr<const Optimum>> ends) {
        for (auto& end : ends) {
            spend(budget_.moving);
            best_ = end;
            climb();
            explore();
            end = best_;
        }
        return ends;
    }

    // One for each optimum, the likeliest first.
    std::vector<std::shared_ptr<const Optimum>> one_of_each(std::vector<std::shared_ptr<const Optimum>> ends) const {
        std::stable_sort(ends.begin(), ends.end(),
                         [this](const auto& one, const auto& other) { return objective(*one) > objective(*other); });
        std::vector<std::shared_ptr<const Optimum>> found;
        for (auto& end : ends) {
            if (found.empty() || objective(*end) < objective(*found.back()) - same_optimum)
                found.push_back(std::move(end));
        }
        return found;
    }

    const std::vector<Given>& given_;
    const Budget budget_;
    std::ptrdiff_t most_passes_ = 0;
    std::vector<std::ptrdiff_t> partition_of_best_;
    std::vector<OwnedMixture> others_;
};

}  // namespace

Found search_from(const std::vector<Given>& given, const OwnedMixture* incumbent, Budget budget, const Problem& problem,
                  Control& control) {
    const Recycling recycling;
    SearchingFrom searching(given, budget, problem, control);
    searching.run_from(incumbent);
    return searching.all_found();
}

}  // namespace mixtura
