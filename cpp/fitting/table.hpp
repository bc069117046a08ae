// Rows of a small table, and what they are all together.
#pragma once

#include <cstdint>
#include <vector>

#include "em/row_source.hpp"
#include "em/spread.hpp"

namespace mixtura {

class Table {
  public:
    // has_scatter: false where none of more features than one is asked for. Throws Interrupted.
    Table(const Rows<double>& rows, Control& control, bool has_scatter = true);

    const Rows<double>& rows() const { return rows_; }
    const RowSource& source() const { return source_; }

    std::vector<double> mean, variances;
    Spread spread;  // of Structure::full

  private:
    Rows<double> rows_;
    MemorySource<double> source_;
};

// Features of some of the rows, or of all, one row after the other.
std::vector<double> copied(const Rows<double>& rows, const std::vector<std::int64_t>& some);

// Rows that lie so.
Rows<double> contiguous(const std::vector<double>& values, std::ptrdiff_t n_features);

}  // namespace mixtura
