// The search for the best optimum: cheap starts of different kinds, the best of them improved until nothing improves
// it.
//
// 1.  Two partitions by hard EM, one in units of the features' spread within clusters, one in the Mahalanobis metric,
// and
//     EM from each.
// 2.  From the better one merge-and-split moves, while they gain.
// 3.  Further starts, and the best one shaken, until the best optimum has been found from several sides or the budget
// is
//     spent.
//
// Or from starts that are given. It stands here and not in Python, since on a few hundred rows a descent takes some ten
// microseconds, and since searches run side by side only where none of them holds Python's lock.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "em/loop.hpp"
#include "em/single_copy.hpp"
#include "optimum/moves.hpp"
#include "optimum/random.hpp"
#include "optimum/recording.hpp"
#include "optimum/rows.hpp"

namespace mixtura {

// What is searched, and where.
struct Problem {
    // EM on the rows as they are.
    Task task(const MStep& step) const {
        if (inexact_source != nullptr) return {*inexact_source, step, {}};
        return {*source, step, {false, true, total}};
    }
    Task task() const { return task(*m_step); }
    // EM on whole rows, each of them wholly its likeliest component's.
    Task hard_task(const MStep& step) const { return {*source, step, {true, true, total}}; }
    bool is_exact() const { return inexact_source == nullptr; }

    const MStep* m_step = nullptr;
    std::ptrdiff_t n_components = 0;
    SearchRows rows;
    const RowSource* source = nullptr;          // the same rows
    const SingleCopy* rounded = nullptr;        // source, where that has rounded them; null: it has not
    const RowSource* inexact_source = nullptr;  // rows.inexact; null: there is none
    TotalScatter total;
    const double* metric_reg_covar = nullptr;  // d; above 0
    const Recording* recording = nullptr;      // of the values of these rows
    double rows_per_weight = 1;                // effective rows in a unit of weight
    double min_rows = 0;                       // effective ones of a component, beyond what its covariance needs
    std::uint64_t seed = 0;
    std::chrono::steady_clock::time_point deadline =
        std::chrono::steady_clock::time_point::max();  // of all but the first E-step of a descent
};

// What became of one descent.
struct Record {
    std::string kind;
    std::ptrdiff_t n_iter = 0;
    double log_likelihood = std::numeric_limits<double>::quiet_NaN();  // of its last mixture, a row
    bool converged = false;
    std::string ended;
    std::ptrdiff_t n_passes = 0;
    std::ptrdiff_t failed = -1;  // the component whose covariance was singular
    double failed_count = 0;     // its rows
};

// Without a mixture every descent failed; the records say how.
struct Found {
    std::optional<OwnedMixture> mixture;
    std::vector<Record> records;
    std::vector<OwnedMixture> others;  // other optima that are better than the incumbent
};

Found search(const Problem& problem, Control& control);

// A mixture to begin from.
struct Start {
    std::string kind;
    OwnedMixture mixture;
};

// The better end of EM from each of them, one after the other; no mixture where none ends at a proper optimum.
Found better_end(const std::vector<Start>& starts, const Problem& problem, Control& control);

// Responsibilities to begin from.
struct Given {
    std::string kind;
    Responsibilities responsibilities;
};

// E-steps that a search from given starts may take.
struct Budget {
    std::ptrdiff_t moving = 0;  // on moves from each optimum
    std::ptrdiff_t own = 0;     // on a search of its own
};

// EM to the end from each start by itself, then moves from each end that is better than `incumbent`; with a budget for
// it it goes on as `search`. The best is found; without a search of its own more starts never find less.
Found search_from(const std::vector<Given>& given, const OwnedMixture* incumbent, Budget budget, const Problem& problem,
                  Control& control);

}  // namespace mixtura
