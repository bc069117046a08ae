// Factors of the inverses of covariances that few rows have made.
#pragma once

#include <cstddef>

namespace mixtura {

// Of covariance = diag(added) + V^T V (d x d), V of at most most_rank rows that are found by themselves: the factor of
// `factorise` in d^2 most_rank operations, not d^3. False where it is no such sum; `factor` means nothing then.
bool factorise_few_rows(const double* covariance, const double* added, std::ptrdiff_t d, std::ptrdiff_t most_rank,
                        double* factor);

}  // namespace mixtura
