// Responsibilities without each row's own pull.
#pragma once

#include <cstddef>

#include "model/mixture.hpp"

namespace mixtura {

// Replaces responsibilities (n_rows x K), from which `mixture` (full or tied) was made, by those that leave each row
// itself out, with all of its weight.
void leave_one_out(const Mixture& mixture, const double* rows, const double* weights, std::ptrdiff_t n_rows,
                   double* responsibilities);

}  // namespace mixtura
