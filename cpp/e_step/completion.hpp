// What rows with missing features need of a mixture.
#pragma once

#include <cstddef>
#include <vector>

#include "model/rows.hpp"
#include "simd/job.hpp"

namespace mixtura {

// Of each feature in each component, K x d.
std::vector<double> component_variances(const Mixture& mixture);

// (P P^T)^-1 of a precision factor P, d x d; `out` holds zeros.
void find_covariance(const double* factor, std::ptrdiff_t d, double* out);

// What some parts of the rows lack.
struct Lacking {
    bool features = false;       // in some row
    bool most_of_a_row = false;  // some row lacks so much that what is observed of it is factorised
    bool exactness = false;      // some were measured with errors
    bool independence = false;   // with errors that go together
};

template <class Real>
Lacking lacking_of(const Rows<Real>* parts, std::size_t n_parts) {
    Lacking found;
    for (std::size_t p = 0; p < n_parts; ++p) {
        found.features |= parts[p].patterns.are_there();
        found.exactness |= parts[p].errors.are_there();
        found.independence |= parts[p].errors.are_matrices;
        found.most_of_a_row |= factorises_observed(parts[p].patterns.most_missing, parts[p].n_features);
    }
    return found;
}

// Of a mixture, for all parts of the rows.
class ComponentMatrices {
  public:
    template <class Real>
    void prepare(const Mixture& mixture, const Lacking& lacking, Job<Real>& job);

  private:
    void find_matrices(const Mixture& mixture, bool needs_covariances);

    std::vector<double> precisions_, covariances_;
    std::vector<Matrices> matrices_;
};

// The conditionals of all patterns of a part of the rows, where they take little memory.
class ConditionalTable {
  public:
    template <class Real>
    void prepare(const Rows<Real>& rows, Job<Real>& job);

  private:
    std::vector<Conditional> conditionals_;
    std::vector<double> numbers_;
};

}  // namespace mixtura
