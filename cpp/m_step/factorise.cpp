// Cholesky factors, inverted.
#include "m_step/factorise.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "m_step/few_rows.hpp"
#include "m_step/linear_algebra.hpp"
#include "support/interrupt.hpp"
#include "support/parallel.hpp"

namespace mixtura {
namespace {

// Rows that are few for so many features: fewer than this share of them.
constexpr double few = 0.25;

// Features of a matrix that has its place on the stack.
constexpr std::ptrdiff_t most_of_small = 16;

bool factorise_matrix(const double* covariance, std::ptrdiff_t d, const Made& made, double* factor) {
    if (made.added != nullptr && d >= wide && made.n_rows < few * static_cast<double>(d)) {
        const auto most_rank = static_cast<std::ptrdiff_t>(made.n_rows) + 2;  // and rounding's
        if (factorise_few_rows(covariance, made.added, d, most_rank, factor)) return true;
    }
    std::array<double, most_of_small * most_of_small> small;  // which takes no time to come by
    Numbers large(d > most_of_small ? static_cast<std::size_t>(d * d) : 0);
    double* const upper = large.empty() ? small.data() : large.data();
    std::copy_n(covariance, d * d, upper);
    if (!cholesky(upper, d)) return false;
    invert_upper(upper, d, factor);
    return true;
}

bool factorise_variances(const double* variances, std::ptrdiff_t size, double* factor) {
    for (std::ptrdiff_t j = 0; j < size; ++j) {
        if (!(variances[j] > 0) || !std::isfinite(variances[j])) return false;
        factor[j] = 1 / std::sqrt(variances[j]);
    }
    return true;
}

}  // namespace

std::ptrdiff_t factorise(OwnedMixture& mixture, Control& control, const Made& made) {
    const std::ptrdiff_t d = mixture.n_features, size = covariance_size(mixture.structure, d);
    const bool is_matrix = has_matrices(mixture.structure);
    const double work = is_matrix ? static_cast<double>(d) * static_cast<double>(size) : static_cast<double>(size);
    const std::ptrdiff_t n = n_covariances(mixture.structure, mixture.n_components);
    return first_failure(n, work, control, [&](std::ptrdiff_t k) {
        const double* covariance = mixture.covariances.data() + k * size;
        double* factor = mixture.precisions_cholesky.data() + k * size;
        return is_matrix ? factorise_matrix(covariance, d, made, factor)
                         : factorise_variances(covariance, size, factor);
    });
}

}  // namespace mixtura
