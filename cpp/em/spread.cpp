// Where all rows lie and how they spread.
#include "em/spread.hpp"

#include "support/interrupt.hpp"

namespace mixtura {

std::vector<double> Spread::covariance() const {
    std::vector<double> values = scatter;
    for (double& value : values) value /= weight;
    return values;
}

Spread spread_about(const std::vector<double>& centre, Structure structure, const RowSource& rows, Control& control) {
    const std::size_t d = centre.size();
    OwnedStatistics sums(structure, 1, static_cast<std::ptrdiff_t>(d));
    sums.centres = centre;
    Mixture sizes;
    sizes.structure = structure;
    sizes.n_components = 1;
    sizes.n_features = static_cast<std::ptrdiff_t>(d);
    rows.accumulate({}, sizes, sums, control);
    if (control.interrupted) throw Interrupted{};
    const Statistics view = sums.view();
    const double count = view.counts[0] > 0 ? view.counts[0] : 1;
    Spread found;
    found.weight = view.weight;
    std::vector<double> step(d);
    for (std::size_t j = 0; j < d; ++j) {
        found.mean.push_back(centre[j] + view.firsts[j] / count);
        step[j] = found.mean[j] - centre[j];
        found.rest.push_back((centre[j] - found.mean[j]) + view.firsts[j] / view.weight);
    }
    if (structure == Structure::diag) {
        for (std::size_t j = 0; j < d; ++j) {
            found.scatter.push_back(view.seconds[j] - view.weight * step[j] * step[j]);
            found.variances.push_back(view.seconds[j] / view.weight - step[j] * step[j]);
        }
        return found;
    }
    for (std::size_t i = 0; i < d; ++i) {
        for (std::size_t j = 0; j < d; ++j)
            found.scatter.push_back(view.seconds[i * d + j] - view.weight * step[i] * step[j]);
    }
    return found;
}

}  // namespace mixtura
