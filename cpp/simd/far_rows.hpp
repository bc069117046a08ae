// Rows so far from every component that their densities, or the squares in them, leave the range of the rows'
// precision.
#pragma once

#include "simd/job.hpp"

namespace mixtura {

// Gives those of the first `n_active` rows of a tile of `n_rows` from `begin` on, whose log density came out as no
// number what they have in a wider range: responsibilities, log density and certainty. Returns the sum of weight times
// log density of the whole tile. Every responsibility of the tile is to be there, those that do not matter as zeros.
template <class Real>
double settle_far_rows(const Job<Real>& job, std::ptrdiff_t begin, std::ptrdiff_t n_rows, std::ptrdiff_t n_active,
                       const Workspace<Real>& work);

}  // namespace mixtura
