// What is added to the diagonals of covariances where nobody says how much.
#include "m_step/regularisation.hpp"

#include <cmath>
#include <limits>

namespace mixtura {
namespace {

// Far below any component's variances where the data are sound: those of a component a thousand times narrower than
// the data change by 1e-4 of themselves. Far above the rounding of the arithmetic: float keeps the digits of each
// component's own variances, and where features depend on each other by more digits than it has, the rows are computed
// with in double.
constexpr double share = 1e-10;

}  // namespace

double significant(double value, int n_bits) {
    int exponent = 0;
    const double mantissa = std::frexp(value, &exponent);
    return std::ldexp(std::nearbyint(std::ldexp(mantissa, n_bits)), exponent - n_bits);
}

std::vector<double> added_by_default(const std::vector<double>& mean, const std::vector<double>& variances,
                                     int n_bits) {
    constexpr double epsilon = std::numeric_limits<double>::epsilon();
    std::vector<double> added;
    for (std::size_t j = 0; j < mean.size(); ++j) {
        const double size = mean[j] * mean[j];
        // What is left of a constant feature's variance is the rounding of its mean.
        const bool varies = variances[j] > 100 * (epsilon * epsilon * size);
        added.push_back(significant(share * (varies ? variances[j] : size > 0 ? size : 1.0), n_bits));
    }
    return added;
}

}  // namespace mixtura
