// Each row's pattern by a hash table of bit masks, then a counting sort.
#include "e_step/patterns.hpp"

#include <algorithm>
#include <string>
#include <unordered_map>

#include "support/interrupt.hpp"

namespace mixtura {
namespace {

constexpr std::ptrdiff_t rows_between_questions = 4096;

// The bits of the features that a row lacks, as text: what a hash table takes.
template <class Real>
std::ptrdiff_t find_missing(const Rows<Real>& rows, std::ptrdiff_t i, std::string& mask) {
    const Real* row = rows.data + i * rows.row_stride;
    std::ptrdiff_t n_missing = 0;
    std::fill(mask.begin(), mask.end(), '\0');
    for (std::ptrdiff_t j = 0; j < rows.n_features; ++j) {
        const Real value = row[j * rows.feature_stride];
        if (value == value) continue;
        mask[static_cast<std::size_t>(j / 8)] = static_cast<char>(mask[static_cast<std::size_t>(j / 8)] | 1 << j % 8);
        ++n_missing;
    }
    return n_missing;
}

}  // namespace

template <class Real>
PatternOrder::PatternOrder(const Rows<Real>& rows) {
    std::unordered_map<std::string, std::int32_t> numbers;
    std::vector<std::int64_t> sizes;
    std::vector<std::int32_t> pattern_of(static_cast<std::size_t>(rows.n_rows));
    std::string mask(static_cast<std::size_t>((rows.n_features + 7) / 8), '\0'), last_mask;
    std::int32_t last = -1, empty = -1;
    least_missing_ = rows.n_features;
    for (std::ptrdiff_t i = 0; i < rows.n_rows; ++i) {
        if (i % rows_between_questions == 0) check_interrupted();
        const std::ptrdiff_t n_missing = find_missing(rows, i, mask);
        if (last < 0 || mask != last_mask) {
            const auto [found, is_new] = numbers.emplace(mask, static_cast<std::int32_t>(sizes.size()));
            if (is_new) sizes.push_back(0);
            last = found->second;
            last_mask = mask;
            if (n_missing == rows.n_features) {
                empty = last;
            } else if (n_missing > 0) {
                most_missing_ = std::max(most_missing_, n_missing);
                least_missing_ = std::min(least_missing_, n_missing);
            }
        }
        ++sizes[static_cast<std::size_t>(last)];
        pattern_of[static_cast<std::size_t>(i)] = last;
    }
    if (most_missing_ == 0 && empty < 0) return;
    // Where each pattern's next row goes.
    std::vector<std::int64_t> places(sizes.size());
    std::int64_t at = 0;
    for (std::size_t p = 0; p < sizes.size(); ++p) {
        if (static_cast<std::int32_t>(p) == empty) continue;
        begins_.push_back(at);
        places[p] = at;
        at += sizes[p];
    }
    begins_.push_back(at);
    n_present_ = static_cast<std::ptrdiff_t>(at);
    if (empty >= 0) places[static_cast<std::size_t>(empty)] = at;
    order_.resize(static_cast<std::size_t>(rows.n_rows));
    for (std::ptrdiff_t i = 0; i < rows.n_rows; ++i) {
        const auto p = static_cast<std::size_t>(pattern_of[static_cast<std::size_t>(i)]);
        order_[static_cast<std::size_t>(places[p]++)] = i;
    }
}

Patterns PatternOrder::view() const {
    if (order_.empty()) return {};
    const auto n_patterns = static_cast<std::ptrdiff_t>(begins_.size()) - 1;
    return {order_.data(), n_present_, begins_.data(), n_patterns, most_missing_, least_missing_};
}

template PatternOrder::PatternOrder(const Rows<double>&);
template PatternOrder::PatternOrder(const Rows<float>&);

}  // namespace mixtura
