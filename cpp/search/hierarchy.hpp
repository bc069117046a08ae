// Partitions into every number of clusters at once: rows merged pair by pair.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace mixtura {

// Each merge is the one that raises sum_k n_k log|(S_k + beside I) / n_k| least, S_k the scatter of cluster k: the
// classification likelihood of Gaussians of any volume, shape and orientation (Fraley 1998), each thought to hold some rows
// more, as round as all rows together are. rows: N x d, round as a whole; counts: N. Returns two clusters for each of the N - 1 merges,
// the second of which joins the first, each named by its first row.
std::vector<std::int64_t> merges_of(const double* rows, const double* counts, std::ptrdiff_t n_rows, std::ptrdiff_t n_features,
                                    double beside);

}  // namespace mixtura
