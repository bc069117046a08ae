// Rows about their mean in float.
#include "em/single_copy.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace mixtura {
namespace {

// What rounding may add to the square of a row's distance from a component.
constexpr double most_added = 1e-6;

// Points (n x d) less the mean (d).
std::vector<double> less(const double* points, std::size_t n_values, const std::vector<double>& mean) {
    std::vector<double> moved(points, points + n_values);
    for (std::size_t i = 0; i < n_values; ++i) moved[i] -= mean[i % mean.size()];
    return moved;
}

}  // namespace

SingleCopy::SingleCopy(const Rows<double>& rows, std::vector<double> mean)
    : mean_(std::move(mean)), rounding_(mean_.size()) {
    const std::ptrdiff_t d = rows.n_features;
    auto values = std::make_shared<std::vector<float>>(static_cast<std::size_t>(rows.n_rows * d));
    for (std::ptrdiff_t i = 0; i < rows.n_rows; ++i) {
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            const double value =
                rows.data[i * rows.row_stride + j * rows.feature_stride] - mean_[static_cast<std::size_t>(j)];
            (*values)[static_cast<std::size_t>(i * d + j)] = static_cast<float>(value);
            double& most = rounding_[static_cast<std::size_t>(j)];
            most = std::max(most, std::abs(value));
        }
    }
    // Rounding to the nearest: half a unit in the last place at most, evenly within it.
    constexpr double unit = std::numeric_limits<float>::epsilon();
    for (double& most : rounding_) most = most * most * unit * unit / 12;
    values_ = values;
    rows_.data = values_->data();
    rows_.n_rows = rows.n_rows;
    rows_.n_features = rows_.row_stride = d;
    rows_.feature_stride = 1;
    rows_.weights = rows.weights;
    rows_.labels = rows.labels;
}

// The square's mean grows by tr(D P P^T) / d, D the variances of rounding and P P^T the precision matrix: row j of P,
// squared and summed, is the inverse of the variance of feature j given the others.
bool SingleCopy::is_fine_for(const OwnedMixture& mixture) const {
    const std::ptrdiff_t d = mixture.n_features;
    const bool has_rows = has_matrices(mixture.structure);
    const std::ptrdiff_t n_across = has_rows ? d : 1;
    const auto n_factors = static_cast<std::ptrdiff_t>(mixture.precisions_cholesky.size()) / n_across;
    for (std::ptrdiff_t i = 0; i < n_factors; ++i) {
        const double* row = mixture.precisions_cholesky.data() + i * n_across;
        const double precision = std::inner_product(row, row + n_across, row, 0.0);
        const auto own = rounding_.begin() + i % d;
        const bool is_round = mixture.structure == Structure::spherical;
        const double rounding = is_round ? *std::max_element(rounding_.begin(), rounding_.end()) : *own;
        if (!(precision * rounding < most_added)) return false;
    }
    return true;
}

SingleCopy::SingleCopy(const SingleCopy& other, const GivenResponsibilities& given)
    : values_(other.values_), rows_(other.rows_), mean_(other.mean_), rounding_(other.rounding_) {
    rows_.given = given;
}

std::unique_ptr<RowSource> SingleCopy::bringing(const GivenResponsibilities& given) const {
    return std::unique_ptr<RowSource>(new SingleCopy(*this, given));
}

void SingleCopy::accumulate(const Expectation& asked, const Mixture& mixture, OwnedStatistics& out,
                            Control& control) const {
    const auto n_means = static_cast<std::size_t>(mixture.n_components * mixture.n_features);
    std::vector<double> means;
    Mixture moved = mixture;
    if (mixture.means != nullptr) {
        means = less(mixture.means, n_means, mean_);
        moved.means = means.data();
    }
    Expectation moved_asked = asked;
    std::vector<double> total;
    if (asked.total.mean != nullptr) {
        total = less(asked.total.mean, mean_.size(), mean_);
        moved_asked.total.mean = total.data();
    }
    const std::vector<double> centres = less(out.centres.data(), out.centres.size(), mean_);
    mixtura::accumulate(rows_, moved, moved_asked, Statistics(out.layout(), out.block.data(), centres.data()), control);
}

}  // namespace mixtura
