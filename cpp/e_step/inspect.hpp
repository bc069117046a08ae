// What there is in rows: numbers that are none, how far they reach, which rows are equal.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/rows.hpp"
#include "support/control.hpp"

namespace mixtura {

struct NonFinite {
    std::ptrdiff_t count = 0;
    std::ptrdiff_t row = -1;  // of the first one, in row order
    std::ptrdiff_t feature = -1;
};

template <class Real>
NonFinite find_nonfinite(const Rows<Real>& rows, Control& control);

// The least and the most of each feature, d numbers each.
template <class Real>
void find_extent(const Rows<Real>& rows, double* least, double* most, Control& control);

// The distinct rows of positive weight, in the order in which they first appear: where each first stands, and the sum
// of the weights of all that equal it (room for `most` of both). Returns their number; most + 1 where there are more,
// found as soon as there are.
template <class Real>
std::ptrdiff_t find_distinct(const Rows<Real>& rows, std::ptrdiff_t most, std::int64_t* first, double* weights,
                             Control& control);

}  // namespace mixtura
