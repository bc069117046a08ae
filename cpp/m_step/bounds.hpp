// Bounds on weights and on the eigenvalues of covariances.
#pragma once

#include <cstddef>
#include <limits>
#include <vector>

#include "model/owned.hpp"
#include "support/control.hpp"

namespace mixtura {

struct Bounds {
    bool equal_weights = false;
    double min_weight = 0;
    double max_eigenvalue_ratio = std::numeric_limits<double>::infinity();  // of all components' eigenvalues
    std::vector<double> spreads{};  // d: of the columns, which they are divided by before; empty: 1

    bool has_weights() const { return equal_weights || min_weight > 0; }
    bool has_ratio() const { return max_eigenvalue_ratio < std::numeric_limits<double>::infinity(); }
};

// Shares of `total`, each at least its `least`, that maximise sum_k counts_k log shares_k.
std::vector<double> likeliest_shares(const std::vector<double>& counts, double total, const std::vector<double>& least);

// Replaces each covariance S_k by the Sigma_k that is likeliest among those whose eigenvalues, in columns divided by
// their spreads, are within the ratio: those below some m become m, those above ratio m become that (García-Escudero,
// Gordaliza, Matrán & Mayo-Iscar 2008), for the best m of all (Fritz, García-Escudero & Mayo-Iscar 2013). A spherical
// one has one eigenvalue, which is not divided. counts: by which the covariances in memory are weighed.
void bound_eigenvalues(const Bounds& bounds, const std::vector<double>& counts, OwnedMixture& next, Control& control);

}  // namespace mixtura
