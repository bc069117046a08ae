// A search while it runs: descents, their verdicts, moves.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "optimum/ends.hpp"
#include "optimum/search.hpp"
#include "optimum/verdict.hpp"

namespace mixtura {

// Nats a row: optima nearer than this are one; EM in the search ends at this change.
constexpr double same_optimum = 5e-5;
constexpr double search_tol = 2e-6;
constexpr std::ptrdiff_t search_max_iter = 150;

// Why a descent ended that came near to the end of another.
constexpr const char* near_optimum = "near a known optimum";
constexpr const char* near_degenerate = "near a known degenerate end";

using Optimum = Point;

class Searching {
  public:
    Searching(const Problem& problem, Control& control);
    virtual ~Searching() = default;

    void run();
    void look_before_degenerate(const std::vector<Given>& given);
    Found found();

  protected:
    virtual bool is_spent() const;
    virtual std::ptrdiff_t first_check() const;
    virtual bool is_worth_mending(const Optimum&) const { return true; }

    // Where a descent begins
    Beginning start(std::string_view kind);
    Beginning from_partition(std::string_view kind);
    Beginning beginning_of(const Responsibilities& given, const MStep& m_step);
    Beginning from_responsibilities(const Responsibilities& given);
    Beginning widened(const Responsibilities& given);
    Beginning merged_down();
    Beginning detoured();
    Beginning beside_noise();
    Beginning loosened(const Responsibilities& given);
    Responsibilities best_responsibilities();
    Optimum at_rest(const OwnedMixture& mixture);

    // EM from a start; true where it ends at a better optimum than all before.
    bool descend(std::string_view kind, Beginning beginning);
    LoopOptions until_deadline() const;
    OwnedMixture after_plain_em(const OwnedMixture& start, std::ptrdiff_t max_iter);
    bool judge(std::string_view kind, const Monitor& monitor, Optimum found);
    bool reseed(const Optimum& found, std::ptrdiff_t dead, std::optional<Optimum>& best_of_its_kind);
    void record(std::string_view kind, const Monitor& monitor, std::string ended);
    void record_failure(std::string_view kind, const Beginning& beginning);
    Verdict doubt(const OwnedMixture& mixture, const std::vector<double>& counts, double unit) const;
    Verdict doubt(const Optimum& found) const;
    // In nats a row.
    double objective(const Optimum& found) const {
        return mixtura::objective(*problem_.m_step, found.mixture, found.statistics);
    }

    bool stop_near(std::string_view kind, const Monitor& monitor, const End& end);
    const End* known_end(const OwnedMixture& mixture) const;
    bool is_new(const Optimum& found, bool is_proper);

    // Merges and splits while it gains.
    void climb();
    // Through one component more: cut one, let EM settle, merge what is closest.
    void explore();
    bool detour();
    bool detour(const Responsibilities& beginning);
    bool move(bool refine = false);
    std::vector<std::vector<Move>> plans(const Responsibilities& given, bool refine);
    std::vector<Move> candidates(const OwnedMixture& mixture, const Responsibilities& given) const;

    bool is_sure() const;
    bool is_wide() const;
    bool has_no_optimum() const;
    bool is_plain() const;
    double parameters_of_one() const;
    Model second_metric() const;
    bool has_leverage() const;
    bool has_hardly_rows() const;
    bool can_leave_out() const;
    bool is_late() const;

    const Problem& problem_;
    const std::unique_ptr<MStep> of_parts_;  // Gaussian
    Control& control_;
    const Structure structure_;
    const std::ptrdiff_t K, d;
    const double weight_;
    Random random_;
    std::optional<Optimum> best_, before_degenerate_, coincident_, degenerate_;
    std::vector<std::string> found_from_;
    std::ptrdiff_t n_passes_ = 0, n_reseeded_ = 0;
    std::vector<Record> records_;
    Ends ends_;
    double improved_at_ = 0;         // E-steps and descents before the best was found
    std::vector<double> cut_floor_;  // what is added to the covariances of the sides of a cut

  private:
    std::optional<Optimum> before_doubt(const OwnedMixture& start);
    Responsibilities from_labels(std::string_view kind);
    Responsibilities moved_at_random();
    bool apart_and_whole();
    bool is_settled();
    double cost_of_one_more() const;
};

}  // namespace mixtura
