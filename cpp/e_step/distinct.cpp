// Equal rows taken together: a row that is repeated, and one whose weight says so, are then the same row.
#include <cstring>
#include <limits>
#include <vector>

#include "e_step/inspect.hpp"
#include "support/parallel.hpp"

namespace mixtura {
namespace {

constexpr std::ptrdiff_t rows_between_questions = 4096;

constexpr double missing = std::numeric_limits<double>::quiet_NaN();  // all NaN are one

// Places of rows by what is in them: open addressing, never more than half full.
template <class Real>
class Table {
  public:
    Table(const Rows<Real>& rows, std::ptrdiff_t most) : rows_(rows) {
        std::size_t size = 16;
        while (size < 2 * static_cast<std::size_t>(most + 1)) size *= 2;
        slots_.assign(size, -1);
    }

    // The slot that holds the number of the distinct row that row i equals, or -1.
    std::ptrdiff_t& slot_of(std::ptrdiff_t i, const std::int64_t* first) {
        const std::size_t mask = slots_.size() - 1;
        std::size_t at = hash(i) & mask;
        while (slots_[at] >= 0 && !are_equal(i, first[slots_[at]])) at = (at + 1) & mask;
        return slots_[at];
    }

  private:
    Real value(std::ptrdiff_t i, std::ptrdiff_t j) const {
        return rows_.data[i * rows_.row_stride + j * rows_.feature_stride];
    }

    // Of many features in chains that do not wait for each other.
    std::size_t hash(std::ptrdiff_t i) const {
        constexpr std::ptrdiff_t chains = 4;
        std::uint64_t mixed[chains] = {};
        for (std::ptrdiff_t j = 0; j < rows_.n_features; ++j) {
            double number = static_cast<double>(value(i, j)) + 0.0;  // -0.0 equals 0.0
            if (number != number) number = missing;
            std::uint64_t bits, &chain = mixed[j % chains];
            std::memcpy(&bits, &number, sizeof bits);
            chain = (chain ^ bits) * 0x9e3779b97f4a7c15u;
            chain ^= chain >> 32;
        }
        for (std::ptrdiff_t c = 1; c < chains; ++c) mixed[0] = (mixed[0] ^ mixed[c]) * 0x9e3779b97f4a7c15u;
        return static_cast<std::size_t>(mixed[0] ^ (mixed[0] >> 32));
    }

    bool are_equal(std::ptrdiff_t a, std::ptrdiff_t b) const {
        for (std::ptrdiff_t j = 0; j < rows_.n_features; ++j) {
            const Real one = value(a, j), other = value(b, j);
            if (one != other && (one == one || other == other)) return false;
        }
        return true;
    }

    const Rows<Real>& rows_;
    std::vector<std::ptrdiff_t> slots_;
};

}  // namespace

template <class Real>
std::ptrdiff_t find_distinct(const Rows<Real>& rows, std::ptrdiff_t most, std::int64_t* first, double* weights,
                             Control& control) {
    StopFlag flag(control);
    Table<Real> table(rows, most);
    std::ptrdiff_t n_found = 0;
    for (std::ptrdiff_t i = 0; i < rows.n_rows; ++i) {
        if (i % rows_between_questions == 0 && flag.stopped()) return 0;
        const double weight = rows.weights ? rows.weights[i] : 1.0;
        if (!(weight > 0)) continue;
        std::ptrdiff_t& slot = table.slot_of(i, first);
        if (slot >= 0) {
            weights[slot] += weight;
            continue;
        }
        if (n_found == most) return most + 1;
        slot = n_found++;
        first[slot] = i;
        weights[slot] = weight;
    }
    return n_found;
}

template std::ptrdiff_t find_distinct<double>(const Rows<double>&, std::ptrdiff_t, std::int64_t*, double*, Control&);
template std::ptrdiff_t find_distinct<float>(const Rows<float>&, std::ptrdiff_t, std::int64_t*, double*, Control&);

}  // namespace mixtura
