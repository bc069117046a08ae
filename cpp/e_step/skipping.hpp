// What the kernels need in order to leave out what cannot matter: bounds on densities, and how far components are from
// each other.
#pragma once

#include <cstddef>
#include <vector>

#include "model/mixture.hpp"
#include "simd/job.hpp"

namespace mixtura {

// Whether so many rows pay for what their grouping costs once a call, see simd/grouping.hpp.
inline bool rows_pay_for_groups(std::ptrdiff_t n_rows, std::ptrdiff_t n_components) {
    return n_rows >= 128 * n_components;
}

// MIXTURA_SKIP=0 computes every term, for comparison.
bool skipping_is_on();

// Factors of the first features alone (simd/bounds.hpp). Owns what it sets in a Job.
template <class Real>
class Bounds {
  public:
    // Nothing where bounds cannot pay.
    void prepare(const Mixture& mixture, Job<Real>& job);

  private:
    std::vector<Real> factors_;
};

// Which components are out of reach of which, and by what rows are sorted (simd/grouping.hpp). Owns what it sets in a
// Job whose density is prepared.
template <class Real>
class Groups {
  public:
    // Nothing where sorting does not pay. That changes the order of sums, so it depends on the mixture and the number
    // of rows alone.
    void prepare(const Mixture& mixture, Job<Real>& job);

  private:
    bool find_reaches(const Mixture& mixture, Job<Real>& job);
    void find_scores(const Mixture& mixture, Job<Real>& job);

    std::vector<double> origin_;
    std::vector<float> reaches_, scores_;
};

}  // namespace mixtura
