// Where all rows lie and how they spread.
#pragma once

#include <vector>

#include "em/row_source.hpp"

namespace mixtura {

struct Spread {
    double weight = 0;
    std::vector<double> mean, rest;  // d; by how much the mean was rounded
    std::vector<double> scatter;     // sum w (x - mean)(x - mean)^T, d x d; of Structure::diag its diagonal
    std::vector<double> variances;   // of Structure::diag, else empty

    TotalScatter total() const { return {weight, mean.data(), scatter.data()}; }
    std::vector<double> covariance() const;  // the scatter over the weight
};

// From sums about a point (d). The rows bring responsibility 1 for their only component. Sums about a point near the
// mean, as a row, lose few digits, and about the mean that is found so none.
Spread spread_about(const std::vector<double>& centre, Structure structure, const RowSource& rows, Control& control);

}  // namespace mixtura
