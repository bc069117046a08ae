// A search while it runs: descents, their verdicts, moves.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "optimum/descent.hpp"
#include "optimum/ends.hpp"
#include "optimum/search.hpp"
#include "optimum/verdict.hpp"
#include "support/side_by_side.hpp"

namespace mixtura {

// Why a descent ended that came near to the end of another.
constexpr const char* near_optimum = "near a known optimum";
constexpr const char* near_degenerate = "near a known degenerate end";

class Searching : protected Searched {
  public:
    Searching(const Problem& problem, Control& control);
    virtual ~Searching() = default;

    void run();
    bool end_from(Searching& other);
    // Whether it has given up, since what it found is too thin for the precision of the rows.
    bool is_rounded() const { return is_rounded_ || !tells_ends_apart(); }
    void look_before_degenerate(const std::vector<Given>& given);
    Found found();

  protected:
    virtual bool is_spent() const;
    double spent() const;
    virtual std::ptrdiff_t first_check() const;
    virtual bool is_worth_mending(const Optimum&) const { return true; }

    // How a descent begins, or one of several.
    using Way = std::function<Beginning(Descent&)>;
    using Ways = std::function<Beginning(std::ptrdiff_t, Descent&)>;

    Known known() const;
    std::ptrdiff_t n_descents() const;
    bool go_on_from(const Optimum& end);
    bool tells_ends_apart() const;
    bool has_rows(std::ptrdiff_t k) const;
    std::ptrdiff_t n_ahead(std::ptrdiff_t n) const;
    std::shared_ptr<const Responsibilities> best_responsibilities();
    const std::vector<Cut>& best_cuts();
    std::shared_ptr<const std::vector<Move>> best_moves();
    Optimum at_rest(const OwnedMixture& mixture);

    SideBySide<Descended> descents(const Known& now, std::ptrdiff_t n, std::ptrdiff_t n_at_once, const Ways& ways);
    // One descent; true where it ends at a better optimum than all before.
    bool descend(std::string_view kind);
    bool descend(std::string_view kind, const Way& way);
    // Up to n, until one does.
    bool descend_until_better(std::string_view kind, std::ptrdiff_t n, std::ptrdiff_t n_at_once, const Ways& ways);
    bool take_up(std::string_view kind, Descended descended);
    bool judge(std::string_view kind, const Monitor& monitor, Optimum found);
    bool reseed(Optimum found, std::ptrdiff_t dead, std::optional<Optimum>& best_of_its_kind);
    void record(std::string_view kind, const Monitor& monitor, std::string ended);
    void record_failure(std::string_view kind, const Descended& descended);
    Verdict doubt(const OwnedMixture& mixture, const std::vector<double>& counts, double unit) const;
    Verdict doubt(const Optimum& found) const;

    bool stop_near(std::string_view kind, const Monitor& monitor, const End& end);
    bool stop_as_before(std::string_view kind, const Descended& descended);
    void find_again(std::string_view kind, double objective_of_end, bool is_proper);
    bool is_new(const Optimum& found, bool is_proper);

    // Merges and splits while it gains.
    void climb();
    // Every way to a better optimum but those to fewer components.
    void look_around();
    bool each_pays();
    bool agree_and_are_whole();
    void begin_with_fewer();
    bool leave_one_out();
    bool take_one_in();
    // Through one component more: cut one, let EM settle, merge what is closest.
    void explore();
    bool detour();
    bool move(bool refine);
    std::vector<std::vector<Move>> plans(bool refine);
    std::vector<Move> candidates(const std::vector<Cut>& of_components, const OwnedMixture& mixture,
                                 const Responsibilities& given) const;

    bool is_sure() const;
    double parameters_of_one() const;
    bool has_hardly_rows() const;
    bool is_late() const;

    const std::unique_ptr<MStep> of_parts_;  // Gaussian
    Control& control_;
    std::shared_ptr<const Optimum> best_;
    std::optional<Optimum> before_degenerate_, coincident_, degenerate_;
    std::vector<std::string> found_from_;
    std::ptrdiff_t n_passes_ = 0, n_reseeded_ = 0;
    std::vector<Record> records_;
    Ends ends_;
    bool is_rounded_ = false;
    Partitions partitions_;
    double improved_at_ = 0;         // E-steps and descents before the best was found
    double begun_at_ = 0;            // those of starts with fewer components, which come on top
    std::vector<double> cut_floor_;  // what is added to the covariances of the sides of a cut

  private:
    // A degenerate end that is to be mended later.
    struct PutOff {
        Optimum found;
        std::ptrdiff_t dead;
        std::optional<Optimum>* best_of_its_kind;
    };

    std::optional<Optimum> before_doubt(const OwnedMixture& start);
    std::vector<std::string_view> next_kinds(std::size_t& turn) const;
    bool take_turns(const std::vector<std::string_view>& kinds);
    bool apart_and_whole();
    bool is_settled();
    double cost_of_one_more() const;

    std::shared_ptr<const Optimum> given_from_;  // the best whose responsibilities these are
    std::shared_ptr<const Responsibilities> given_;
    std::optional<std::vector<Cut>> cuts_;
    std::shared_ptr<const std::vector<Move>> moves_;
    bool puts_off_mending_ = false;
    std::vector<PutOff> put_off_;
    std::shared_ptr<const Optimum> not_settled_;  // the best whose components were found not to be the clusters
};

}  // namespace mixtura
