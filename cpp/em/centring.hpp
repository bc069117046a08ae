// Sums about the right centres: nothing that an M-step takes from them cancels.
#pragma once

#include <cstddef>

#include "em/row_source.hpp"
#include "m_step/m_step.hpp"

namespace mixtura {

// The E-step about the mixture's means. Where a component is about to jump far (a start at the wrong end of the data)
// sums about its old mean would cancel: then they are taken once more about the mean it jumps to.
void expect(const RowSource& rows, const Expectation& asked, const MStep& m_step, const OwnedMixture& mixture,
            OwnedStatistics& statistics, Control& control);

// The sums of rows that bring their responsibilities, about the means that they imply: two passes, the second about the
// means of the first. False where no component has a row.
bool expect_given(const RowSource& rows, OwnedStatistics& statistics, Control& control);

}  // namespace mixtura
