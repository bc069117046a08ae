// Weights, means and covariances where more is known of them than the rows tell.
#pragma once

#include <optional>
#include <vector>

#include "m_step/bounds.hpp"
#include "m_step/fixed.hpp"
#include "m_step/prior.hpp"

namespace mixtura {

// What is known of parameters before any row is seen.
struct Knowledge {
    std::ptrdiff_t n_components = 0;  // whose parameters they are; 0: those of any number
    std::optional<Prior> prior;
    Fixed fixed;
    Bounds bounds;

    // Whether something is known of the weights; of the means or the covariances.
    bool of_weights() const;
    bool of_moments() const;
    bool is_there() const { return of_weights() || of_moments(); }
    // Whether the covariance of component k has a volume whatever its rows.
    bool holds_covariance(std::ptrdiff_t k, std::ptrdiff_t size) const;
};

// Replaces the means and covariances that `estimate` gives each component by itself. What is to be maximised of the
// latter is
//
//     -1/2 sum_k a_k log|Sigma_k| + tr(A_k inv(Sigma_k))
//
// with A_k = n_k S_k + s_k (x_k - mu_k)(x_k - mu_k)^T + kappa_k (mu_k - m_k)(mu_k - m_k)^T + Lambda_k, x_k and S_k the
// mean and covariance of its rows, mu_k = (s_k x_k + kappa_k m_k) / (s_k + kappa_k) unless it is fixed. So A_k / a_k
// take the place of the S_k, and the a_k, which are returned, that of the counts. A prior of the one covariance of all
// is shared out in equal parts.
std::vector<double> take_moments(const Knowledge& known, Model model, const Statistics& statistics, OwnedMixture& next);

// Replaces the weights. The noise shares what fixed weights leave.
void take_weights(const Knowledge& known, const Statistics& statistics, OwnedMixture& next);

}  // namespace mixtura
