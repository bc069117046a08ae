// The E-step over rows in memory: sums over them, or what a mixture says of each.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "model/expectation.hpp"
#include "model/mixture.hpp"
#include "model/rows.hpp"
#include "model/statistics.hpp"
#include "support/control.hpp"

namespace mixtura {

// Fills the block of `out`, whose centres it reads. The total scatter, where there is one, is used where it serves. Of
// rows that bring responsibilities the mixture gives no more than the sizes.
template <class Real>
void accumulate(const Rows<Real>& rows, const Mixture& mixture, const Expectation& asked, Statistics out,
                Control& control);

// The same over rows in parts, the largest first: the sum, in their order, of what accumulate gives for each part.
template <class Real>
void accumulate_parts(const std::vector<Rows<Real>>& parts, const Mixture& mixture, const Expectation& asked,
                      Statistics out, Control& control);

template <class Real>
void evaluate(const Rows<Real>& rows, const Mixture& mixture, const Evaluation<Real>& out, Control& control);

// Whether threads gain from sharing the rows of one E-step: there are more than two chunks, and each takes long enough.
bool can_be_shared(std::ptrdiff_t n_rows, Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features);

// The instruction set in use: "baseline", "avx2" or "avx512".
const char* simd_level();

// Those that this machine has, the best first.
std::vector<std::string> simd_levels();

}  // namespace mixtura
