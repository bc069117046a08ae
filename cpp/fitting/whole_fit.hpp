// A whole fit of a small table: its rows looked through, a start found, EM run, the end judged.
//
// Thousands of small fits cost no more than their arithmetic this way, and go side by side in threads. What has to be
// told of rows or components, in words and with exceptions, is left to who asks: there is no fit then.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "em/loop.hpp"
#include "em/spread.hpp"
#include "optimum/search.hpp"

namespace mixtura {

// Size of a factor of an inverse covariance up to which its products, the precisions, are numbers.
constexpr double most_of_a_factor = 1e150;

// What is fitted to each table.
struct Asked {
    Model model = Model::VVV;
    std::ptrdiff_t n_components = 1;
    double tol = 0;
    std::ptrdiff_t max_iter = 0;
    bool accelerate = true;
    std::optional<double> reg_covar;    // empty: a share of each feature's variance
    int n_bits = 0;                     // of that
    double min_rows = 0;                // effective ones of a component, beyond what its covariance needs
    double least = 0, most = 0;         // sizes whose squares the arithmetic holds
    std::ptrdiff_t few_rows = 0;        // so many distinct rows, or fewer, are a word worth
    std::optional<OwnedMixture> start;  // empty: a search finds one
    double seconds = std::numeric_limits<double>::infinity();  // after which no iteration begins
};

struct WholeFit {
    Point point;
    Monitor monitor;
    std::vector<double> added;      // to the diagonals of covariances
    std::vector<Record> records;    // of the search
    std::ptrdiff_t n_searched = 0;  // distinct rows, which it saw
};

// What became of a table: a fit; or else what its search has found, where EM ended at what has to be told of; or
// nothing, where the rows have.
struct Outcome {
    std::optional<WholeFit> fit;
    std::optional<Found> found;
    std::ptrdiff_t n_searched = 0;  // distinct rows, which the search saw
};

// Whether the correlations of the columns leave no doubt that none is constant or a combination of others: their least
// eigenvalue is far above that of dependent ones, and all standard deviations far above the rounding of the means.
bool are_surely_sound(const std::vector<double>& mean, const std::vector<double>& variances,
                      const std::vector<double>& covariance);

// No fit where something of the rows or the components has to be told, or the numbers leave the range of the
// arithmetic. Throws Interrupted.
Outcome whole_fit(const Rows<double>& rows, const Asked& asked, std::uint64_t seed, Control& control);

// One a table, side by side.
std::vector<Outcome> whole_fits(const std::vector<Rows<double>>& tables, const std::vector<std::uint64_t>& seeds,
                                const Asked& asked, Control& control);

}  // namespace mixtura
