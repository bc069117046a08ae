// Whether the likelihood of a mixture is spurious, and which component makes it so.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "m_step/m_step.hpp"
#include "optimum/recording.hpp"

namespace mixtura {

// Share of reg_covar in a component's smallest variance from which it is held up by it.
constexpr double held_up = 0.5;

enum class Doubt { none, few_rows, held_up, thinner_than_recorded, point_mass, spike, coincident };

struct Verdict {
    Doubt doubt = Doubt::none;
    std::ptrdiff_t component = -1;
    double rows = 0;             // that it holds
    double needed = 0;           // that its covariance needs, or more where more were asked for
    bool is_asked = false;       // whether more were
    std::ptrdiff_t column = -1;  // in which its rows share a value
    double value = 0;            // that one
    std::ptrdiff_t other = -1;   // the component that it coincides with

    // A likelihood that is too high, or that of fewer components.
    bool is_degenerate() const { return doubt != Doubt::none && doubt != Doubt::coincident; }
    // column: what to call that of the values; empty: by its number.
    std::string words(std::string column_name = "") const;
    std::string label(std::string column_name = "") const;  // of its component, in a table
};

// What a verdict needs to know beside the mixture and its rows.
struct Grounds {
    const MStep& m_step;
    const Recording* recording;                  // null: values were not looked at
    double min_rows;                             // of a component, beyond what its covariance needs
    std::function<std::vector<double>()> total;  // covariance of all rows, d x d
};

// Effective rows below which a component's covariance is degenerate: an orientation and a shape of its own take d + 1
// of them, a volume or a shape along given axes takes two, and where it has no volume and no shape of its own, one.
double rows_needed(Model model, std::ptrdiff_t n_features);

// Whether all rows together (their covariance, d x d) are held up by reg_covar: in a column, of structures with
// matrices in any combination of columns.
bool are_held_up(Structure structure, const std::vector<double>& total, const double* reg_covar,
                 std::ptrdiff_t n_features);

// The first doubt about the components (or about `only`, unless it is -1): none where there is none.
//
// Directions in which all rows together are no wider than reg_covar, or than the rounding of their values, are the
// data's and no component's.
Verdict first_doubt(const OwnedMixture& mixture, const double* effective_rows, const Grounds& grounds,
                    std::ptrdiff_t only = -1);

// The first doubt, and then that about each component but its own; empty where there is none.
std::vector<Verdict> doubts_about(const OwnedMixture& mixture, const double* effective_rows, const Grounds& grounds);

}  // namespace mixtura
