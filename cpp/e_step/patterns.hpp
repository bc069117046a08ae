// Which features rows have, and rows that have the same ones put together.
#pragma once

#include <cstdint>
#include <vector>

#include "model/rows.hpp"

namespace mixtura {

// Owns the order of some rows. Patterns stand in the order in which they first appear, rows of one in theirs, so that
// it is the same on every machine. Where no feature is missing there is none.
class PatternOrder {
  public:
    template <class Real>
    explicit PatternOrder(const Rows<Real>& rows);

    Patterns view() const;

  private:
    std::vector<std::int64_t> order_, begins_;
    std::ptrdiff_t n_present_ = 0, most_missing_ = 0, least_missing_ = 0;
};

}  // namespace mixtura
