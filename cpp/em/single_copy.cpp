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

std::size_t at(std::ptrdiff_t i) { return static_cast<std::size_t>(i); }

// Features that number i of a factor or of second moments is of.
struct Place {
    std::size_t row, column;
};

Place place_of(Structure structure, std::size_t i, std::size_t d) {
    if (has_matrices(structure)) return {i / d % d, i % d};
    return {i % d, i % d};
}

}  // namespace

SingleCopy::SingleCopy(const Rows<double>& rows, std::vector<double> centre, std::vector<double> scale)
    : centre_(std::move(centre)), scale_(std::move(scale)), rounding_(centre_.size()) {
    const std::ptrdiff_t d = rows.n_features;
    auto values = std::make_shared<std::vector<float>>(at(rows.n_rows * d));
    for (std::ptrdiff_t i = 0; i < rows.n_rows; ++i) {
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            const double difference = rows.data[i * rows.row_stride + j * rows.feature_stride] - centre_[at(j)];
            (*values)[at(i * d + j)] = static_cast<float>(difference / scale_[at(j)]);
            rounding_[at(j)] = std::max(rounding_[at(j)], std::abs(difference));
        }
    }
    // Rounding to the nearest: half a unit in the last place at most, evenly within it.
    constexpr double unit = std::numeric_limits<float>::epsilon();
    for (double& most : rounding_) most = most * most * unit * unit / 12;
    for (const double s : scale_) log_volume_ += std::log(s);
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
    : values_(other.values_), rows_(other.rows_), centre_(other.centre_), scale_(other.scale_),
      rounding_(other.rounding_), log_volume_(other.log_volume_) {
    rows_.given = given;
}

std::unique_ptr<RowSource> SingleCopy::bringing(const GivenResponsibilities& given) const {
    return std::unique_ptr<RowSource>(new SingleCopy(*this, given));
}

// K x d, as the rows are.
std::vector<double> SingleCopy::moved(const double* points, std::size_t n_values) const {
    std::vector<double> out(points, points + n_values);
    for (std::size_t i = 0; i < n_values; ++i)
        out[i] = (out[i] - centre_[i % centre_.size()]) / scale_[i % scale_.size()];
    return out;
}

// p(x) = p'(x') / prod s, |P^T (x - mu)| = |(S P)^T (x' - mu')|, and second moments are S M' S.
void SingleCopy::accumulate(const Expectation& asked, const Mixture& mixture, OwnedStatistics& out,
                            Control& control) const {
    const std::size_t d = scale_.size();
    const auto n_means = at(mixture.n_components) * d;
    const auto n_factors = at(seconds_size(mixture.structure, mixture.n_components, mixture.n_features));
    const auto scales = [&](std::size_t i) {
        const Place place = place_of(mixture.structure, i, d);
        return scale_[place.row] * scale_[place.column];
    };
    Mixture of_copy = mixture;
    std::vector<double> means, factors, total_mean, total_scatter;
    if (mixture.means != nullptr) {
        means = moved(mixture.means, n_means);
        of_copy.means = means.data();
    }
    if (mixture.precisions_cholesky != nullptr) {
        factors.assign(mixture.precisions_cholesky, mixture.precisions_cholesky + n_factors);
        for (std::size_t i = 0; i < n_factors; ++i) factors[i] *= scale_[place_of(mixture.structure, i, d).row];
        of_copy.precisions_cholesky = factors.data();
    }
    of_copy.noise.log_density += log_volume_;
    Expectation of_rows = asked;
    if (asked.total.mean != nullptr) {
        total_mean = moved(asked.total.mean, d);
        total_scatter.assign(asked.total.scatter, asked.total.scatter + d * d);
        for (std::size_t i = 0; i < d * d; ++i) total_scatter[i] /= scale_[i / d] * scale_[i % d];
        of_rows.total.mean = total_mean.data();
        of_rows.total.scatter = total_scatter.data();
    }
    const std::vector<double> centres = moved(out.centres.data(), out.centres.size());
    const Statistics sums(out.layout(), out.block.data(), centres.data());
    mixtura::accumulate(rows_, of_copy, of_rows, sums, control);
    if (rows_.given.data == nullptr) sums.log_likelihood -= sums.weight * log_volume_;
    if (!asked.moments) return;
    for (std::size_t i = 0; i < n_means; ++i) sums.firsts[i] *= scale_[i % d];
    for (std::size_t i = 0; i < at(out.layout().n_seconds()); ++i) sums.seconds[i] *= scales(i);
}

}  // namespace mixtura
