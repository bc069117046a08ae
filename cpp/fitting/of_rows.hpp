// What a fit takes from its rows where nobody says it: where they lie and how they spread, the box in which noise is
// uniform, the scatter of the default prior. The same for one fit, asked by Python of rows wherever they lie, and for
// each of many (refits.hpp).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "model/rows.hpp"
#include "model/structure.hpp"

namespace mixtura {

// Of each feature what was observed (not NaN): weight, mean, squares about it.
struct Observed {
    std::vector<double> weight, mean, squares;
    std::vector<double> variances() const;
};
Observed observed_in(const Rows<double>& rows);

// Directions in which a box around rows may lie: of features divided by their standard deviations, so that units change
// nothing, the features and the principal components (Fraley & Raftery 1998). Features without any variance are left
// out.
struct BoxDirections {
    std::vector<std::int64_t> features;  // n of them vary
    std::vector<double> spreads;         // n: their standard deviations
    std::vector<double> axes;            // n x n, an axis after the other; empty: along the features alone, as where
                                         // rows lie in a plane
};
// Eigenvalues of a symmetric matrix, the largest first, and eigenvectors as rows.
using EigenSolver =
    std::function<void(std::vector<double>& matrix, std::vector<double>& values, std::vector<double>& vectors)>;
// Of small matrices.
void solve_eigen(std::vector<double>& matrix, std::vector<double>& values, std::vector<double>& vectors);

// covariance: d x d; null: not known.
BoxDirections box_directions(const std::vector<double>& mean, const std::vector<double>& variances,
                             const double* covariance, const EigenSolver& solve = solve_eigen);

// The least and the most along the features, in their spreads from the mean, then along the axes.
struct BoxSides {
    std::vector<double> least, most;
};
// Of rows of positive weight; what is NaN is left out. Of no rows: infinite ones.
BoxSides box_sides(const Rows<double>& rows, const std::vector<double>& mean, const BoxDirections& directions);

struct Box {
    double log_volume = 0;            // of the smaller one
    std::vector<double> log_sides;    // d: along the features; 0 where one does not vary
    std::vector<double> least, most;  // d
};
Box box_of(const std::vector<double>& mean, const BoxDirections& directions, const BoxSides& sides);

// Of the prior of Fraley & Raftery 2007, in the shape of one covariance: that of all rows, with n - 1, over K^(2 / d);
// of variances the mean of its diagonal. covariance: d x d, or of structures without matrices the diagonal alone.
std::vector<double> default_scatter(Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features,
                                    const double* covariance, double n_rows);

// How many rows weights stand for (Kish 1965); whole ones are repetitions. weights: null: 1.
double effective_rows(const double* weights, std::ptrdiff_t n_rows);

}  // namespace mixtura
