// One descent of a search: where it begins, and EM from there.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "optimum/ends.hpp"
#include "optimum/search.hpp"

namespace mixtura {

// Nats a row: optima nearer than this are one; EM in the search ends at this change.
constexpr double same_optimum = 5e-5;
constexpr double search_tol = 2e-6;
// From the end of a search in float, so far that nothing is left of what float rounded.
constexpr double exact_tol = 1e-12;
constexpr std::ptrdiff_t search_max_iter = 150;

// Components from which fresh starts no longer find the best optimum, and moves are looked at more closely.
constexpr std::ptrdiff_t many = 10;

// Effective rows of a component that has none.
constexpr double no_rows = 0.1;

// Of a detour through one component more: iterations there, and merges that are tried afterwards.
constexpr std::ptrdiff_t detour_iter = 20, detour_merges = 4;

// Whether a kind of start begins from other partitions of the rows, not from the best mixture found.
bool is_fresh(std::string_view kind);

// The mixture that responsibilities imply, where what is known of the rows is minded.
Beginning beginning_of(const Problem& problem, const Responsibilities& given, const MStep& m_step, Control& control);

using Optimum = Point;

// A problem, and what of it decides how it is searched.
class Searched {
  public:
    explicit Searched(const Problem& problem);

  protected:
    // In nats a row.
    double objective(const Optimum& found) const {
        return mixtura::objective(*problem_.m_step, found.mixture, found.statistics);
    }

    bool is_plain() const;
    bool is_wide() const;
    bool has_no_optimum() const;
    Model second_metric() const;
    bool has_leverage() const;
    bool can_leave_out() const;

    const Problem& problem_;
    const Structure structure_;
    const std::ptrdiff_t K, d;
    const double weight_;
};

// Of a search, as it was when a descent was decided on.
struct Known {
    std::shared_ptr<const Optimum> best;             // null: there is none
    std::shared_ptr<const Responsibilities> given;   // under the best; where the descent begins there
    std::shared_ptr<const std::vector<Move>> moves;  // from the best; where the descent begins with some of them
    const Ends& ends;                                // of which it knows the first
    std::size_t n_ends;
    const Partitions& partitions;  // likewise
    std::size_t n_partitions;
    std::ptrdiff_t first_check;  // iterations after which it may be given up
    std::chrono::steady_clock::time_point deadline;
};

// What became of a descent.
struct Descended {
    std::ptrdiff_t n_passes = 0;
    std::ptrdiff_t failed = -1;  // of the beginning: the component whose covariance was singular
    double failed_count = 0;     // its rows
    std::optional<Monitor> monitor;
    std::optional<Optimum> found;
    std::ptrdiff_t near = -1;             // the known end that it came near to
    std::vector<std::ptrdiff_t> parts{};  // that it began with, and the known partition that they are
    std::ptrdiff_t as_before = -1;
};

// A mixture of one component more, after some EM.
struct Settled {
    std::ptrdiff_t n_passes = 0;
    std::ptrdiff_t failed = -1;  // the component whose covariance was singular
    double failed_count = 0;     // its rows
    Responsibilities given;
    std::vector<Move::Pair> closest;  // the cheapest merge first
};

// What it does depends on what is known, on its number and on nothing else, so that descents run side by side.
class Descent : private Searched {
  public:
    Descent(const Problem& problem, const Known& known, std::ptrdiff_t number, Control& control);

    // Where it begins
    Beginning start(std::string_view kind);
    Beginning from_responsibilities(const Responsibilities& given);
    Beginning loosened(const Responsibilities& given);
    // A partition into fewer parts than there are components.
    Beginning in_parts(std::ptrdiff_t n_parts);
    Settled settled(const Responsibilities& given);

    // EM to the end, unless that is known or worse than the best.
    Descended from(Beginning beginning, double tol = search_tol);

  private:
    Beginning mixture_made_of(const Responsibilities& given);
    Beginning in_parts(std::ptrdiff_t n_parts, Model metric, std::ptrdiff_t max_iter);
    Beginning where_variances_lead();
    Beginning in_parts_about_the_best();
    Responsibilities from_labels(std::string_view kind);
    std::vector<std::ptrdiff_t> comparable_parts(const Responsibilities& given) const;
    bool is_no_better(const Partitions::Led& led) const;
    Responsibilities moved_at_random();
    Beginning widened(const Responsibilities& given);
    Beginning merged_down();
    Beginning detoured();
    Beginning beside_noise();
    OwnedMixture after_plain_em(const OwnedMixture& start, std::ptrdiff_t max_iter);
    LoopOptions until_deadline() const;

    const Known& known_;
    const std::ptrdiff_t number_;
    Control& control_;
    Random random_;
    std::ptrdiff_t n_passes_ = 0;
};

}  // namespace mixtura
