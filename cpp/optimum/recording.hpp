// How the values of each column were written down: to which step, and which values many rows share.
//
// A density of rows that were rounded means something down to the rounding: below it a component fits the grid of the
// values and not what was measured, and its likelihood grows without bound.
#pragma once

#include <cstddef>
#include <vector>

namespace mixtura {

// A value that several rows have in common.
struct SharedValue {
    double value;
    double gap;   // to the nearest other value
    double rows;  // effective ones
};

struct Recording {
    // For each column the variance of rounding to the step h of the grid that its values lie on, h^2 / 12; 0: no grid.
    std::vector<double> rounding;
    // For each column a variance below which rows that share values differ by nothing that was measured; 0: none do.
    std::vector<double> floor;
    // For each column, ascending.
    std::vector<std::vector<SharedValue>> shared_values;

    // The one nearest to x, or null where there is none.
    const SharedValue* nearest(std::ptrdiff_t column, double x) const;
};

// rows: N x d, contiguous; weights: null where each weighs 1; rows_per_weight: effective rows in a unit of weight;
// epsilon: of the format that the values have passed through.
Recording recording_of(const double* rows, const double* weights, std::ptrdiff_t n_rows, std::ptrdiff_t n_features,
                       double rows_per_weight, double epsilon);

}  // namespace mixtura
