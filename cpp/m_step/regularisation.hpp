// What is added to the diagonals of covariances where nobody says how much.
#pragma once

#include <vector>

namespace mixtura {

// A number rounded to so many binary digits, so that sums in another order give the same one.
double significant(double value, int n_bits);

// A share of each feature's variance, of so many digits; of its own size where it is constant, and has no other scale.
std::vector<double> added_by_default(const std::vector<double>& mean, const std::vector<double>& variances, int n_bits);

}  // namespace mixtura
