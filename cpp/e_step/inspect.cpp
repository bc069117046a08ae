// Passes over rows that look at each number.
#include "e_step/inspect.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "support/parallel.hpp"

namespace mixtura {
namespace {

// Numbers of a chunk, in multiples of which it is cut.
constexpr std::ptrdiff_t rows_at_once = 64;

// A look at a number takes a quarter of what threads are worth it for (a multiply-add).
int threads_for(const Control& control, std::ptrdiff_t n_rows, std::ptrdiff_t n_features) {
    return useful_threads(control, static_cast<double>(n_rows) * static_cast<double>(n_features) / 4);
}

}  // namespace

template <class Real>
NonFinite find_nonfinite(const Rows<Real>& rows, Control& control) {
    StopFlag flag(control);
    const Grid grid = make_grid(rows.n_rows, rows_at_once);
    std::vector<NonFinite> found(static_cast<std::size_t>(grid.n_chunks()));
    for_each_chunk(grid.n_chunks(), threads_for(control, rows.n_rows, rows.n_features), flag,
                   [&](std::ptrdiff_t chunk, int) {
                       NonFinite& of_chunk = found[static_cast<std::size_t>(chunk)];
                       for (std::ptrdiff_t i = grid.begin(chunk); i < grid.end(chunk); ++i) {
                           const Real* row = rows.data + i * rows.row_stride;
                           for (std::ptrdiff_t j = 0; j < rows.n_features; ++j) {
                               if (std::isfinite(row[j * rows.feature_stride])) continue;
                               if (of_chunk.count++ == 0) of_chunk = {1, i, j};
                           }
                       }
                   });
    NonFinite all;
    for (const NonFinite& of_chunk : found) {
        if (of_chunk.count == 0) continue;
        if (all.count == 0) all = {0, of_chunk.row, of_chunk.feature};
        all.count += of_chunk.count;
    }
    return all;
}

template <class Real>
void find_extent(const Rows<Real>& rows, double* least, double* most, Control& control) {
    StopFlag flag(control);
    const std::ptrdiff_t d = rows.n_features;
    const Grid grid = make_grid(rows.n_rows, rows_at_once);
    constexpr Real infinity = std::numeric_limits<Real>::infinity();
    std::vector<Real> leasts(static_cast<std::size_t>(grid.n_chunks() * d), infinity), mosts(leasts.size(), -infinity);
    for_each_chunk(grid.n_chunks(), threads_for(control, rows.n_rows, rows.n_features), flag,
                   [&](std::ptrdiff_t chunk, int) {
                       Real* low = leasts.data() + chunk * d;
                       Real* high = mosts.data() + chunk * d;
                       for (std::ptrdiff_t i = grid.begin(chunk); i < grid.end(chunk); ++i) {
                           const Real* row = rows.data + i * rows.row_stride;
                           for (std::ptrdiff_t j = 0; j < d; ++j) {
                               low[j] = std::min(low[j], row[j * rows.feature_stride]);
                               high[j] = std::max(high[j], row[j * rows.feature_stride]);
                           }
                       }
                   });
    std::fill_n(least, d, static_cast<double>(infinity));
    std::fill_n(most, d, -static_cast<double>(infinity));
    for (std::size_t i = 0; i < leasts.size(); ++i) {
        const std::size_t j = i % static_cast<std::size_t>(d);
        least[j] = std::min(least[j], static_cast<double>(leasts[i]));
        most[j] = std::max(most[j], static_cast<double>(mosts[i]));
    }
}

template NonFinite find_nonfinite<double>(const Rows<double>&, Control&);
template NonFinite find_nonfinite<float>(const Rows<float>&, Control&);
template void find_extent<double>(const Rows<double>&, double*, double*, Control&);
template void find_extent<float>(const Rows<float>&, double*, double*, Control&);

}  // namespace mixtura
