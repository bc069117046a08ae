// Partitions into every number of clusters at once: rows merged pair by pair.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace mixtura {

// What a merge raises least: sum_k n_k log|(S_k + beside I) / n_k|, S_k the scatter of cluster k, the classification
// likelihood of Gaussians of any volume, shape and orientation (Fraley 1998), each thought to hold some rows more, as
// round as all rows together are; or sum_k trace(S_k) (Ward 1963).
enum class Merge { gaussian, ward };

// rows: N x d, for `gaussian` round as a whole; counts: N. Returns two clusters for each of the N - 1 merges, the
// second of which joins the first, each named by its first row.
std::vector<std::int64_t> merges_of(Merge merge, const double* rows, const double* counts, std::ptrdiff_t n_rows,
                                    std::ptrdiff_t n_features, double beside);

}  // namespace mixtura
