// Responsibilities without each row's own pull.
#pragma once

#include <cstddef>

#include "model/mixture.hpp"
#include "optimum/rows.hpp"

namespace mixtura {

// Replaces responsibilities (n_rows x K), from which `mixture` (full or tied) was made, by those that leave each row
// itself out, with all of its weight. Throws Interrupted.
void leave_one_out(const Mixture& mixture, const double* rows, const double* weights, std::ptrdiff_t n_rows,
                   double* responsibilities, Control& control);

// Rows of a search whose E-step leaves each row itself out. The log-likelihood among their sums means nothing.
class LeftOut final : public RowSource {
  public:
    LeftOut(const SearchRows& rows, const RowSource& source) : rows_(rows), source_(source) {}

    void accumulate(const Expectation& asked, const Mixture& mixture, OwnedStatistics& out,
                    Control& control) const override;
    bool is_single() const override { return source_.is_single(); }

  private:
    const SearchRows& rows_;
    const RowSource& source_;
};

}  // namespace mixtura
