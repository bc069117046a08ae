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

// Multiplies the numbers of `n` factors or second moments by by(i, j), of the features that each is of.
template <class By>
void multiply(Structure structure, std::ptrdiff_t n, std::ptrdiff_t d, double* values, const By& by) {
    const std::ptrdiff_t rows = has_matrices(structure) ? d : 1, columns = structure == Structure::spherical ? 1 : d;
    for (std::ptrdiff_t k = 0; k < n; ++k) {
        for (std::ptrdiff_t i = 0; i < rows; ++i, values += columns) {
            for (std::ptrdiff_t j = 0; j < columns; ++j) values[j] *= by(rows == 1 ? j : i, j);
        }
    }
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

// Points, as the rows are.
void SingleCopy::move(const double* points, std::ptrdiff_t n_points, double* out) const {
    const std::size_t d = centre_.size();
    for (std::ptrdiff_t k = 0; k < n_points; ++k, points += d, out += d) {
        for (std::size_t j = 0; j < d; ++j) out[j] = (points[j] - centre_[j]) / scale_[j];
    }
}

// p(x) = p'(x') / prod s, |P^T (x - mu)| = |(S P)^T (x' - mu')|, and second moments are S M' S.
void SingleCopy::accumulate(const Expectation& asked, const Mixture& mixture, OwnedStatistics& out,
                            Control& control) const {
    const std::ptrdiff_t K = mixture.n_components, d = mixture.n_features;
    const std::ptrdiff_t n = n_covariances(mixture.structure, K), n_factors = n * covariance_size(mixture.structure, d);
    const double* scale = scale_.data();
    Numbers moved(at(2 * K * d + n_factors + (asked.total.mean != nullptr ? d * (d + 1) : 0)));
    double* const means = moved.data();
    double* const centres = means + K * d;
    double* const factors = centres + K * d;
    double* const total = factors + n_factors;
    Mixture of_copy = mixture;
    if (mixture.means != nullptr) {
        move(mixture.means, K, means);
        of_copy.means = means;
    }
    if (mixture.precisions_cholesky != nullptr) {
        std::copy_n(mixture.precisions_cholesky, n_factors, factors);
        multiply(mixture.structure, n, d, factors, [scale](std::ptrdiff_t i, std::ptrdiff_t) { return scale[i]; });
        of_copy.precisions_cholesky = factors;
    }
    of_copy.noise.log_density += log_volume_;
    Expectation of_rows = asked;
    if (asked.total.mean != nullptr) {
        move(asked.total.mean, 1, total);
        std::copy_n(asked.total.scatter, d * d, total + d);
        multiply(Structure::full, 1, d, total + d,
                 [scale](std::ptrdiff_t i, std::ptrdiff_t j) { return 1 / (scale[i] * scale[j]); });
        of_rows.total.mean = total;
        of_rows.total.scatter = total + d;
    }
    move(out.centres.data(), K, centres);
    const Statistics sums(out.layout(), out.block.data(), centres);
    mixtura::accumulate(rows_, of_copy, of_rows, sums, control);
    if (rows_.given.data == nullptr) sums.log_likelihood -= sums.weight * log_volume_;
    if (!asked.moments) return;
    for (std::ptrdiff_t k = 0; k < K; ++k) {
        for (std::ptrdiff_t j = 0; j < d; ++j) sums.firsts[k * d + j] *= scale[j];
    }
    multiply(mixture.structure, n, d, sums.seconds,
             [scale](std::ptrdiff_t i, std::ptrdiff_t j) { return scale[i] * scale[j]; });
}

}  // namespace mixtura
