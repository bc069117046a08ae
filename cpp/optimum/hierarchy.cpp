// Partitions into every number of clusters at once.
#include "optimum/hierarchy.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "m_step/linear_algebra.hpp"
#include "support/interrupt.hpp"

namespace mixtura {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

std::size_t at(std::ptrdiff_t i) { return static_cast<std::size_t>(i); }

class Merging {
  public:
    Merging(Merge kind, const double* rows, const double* counts, std::ptrdiff_t n_rows, std::ptrdiff_t n_features,
            double beside)
        : kind_(kind), n_(n_rows), d_(n_features), beside_(beside), counts_(counts, counts + n_rows),
          means_(rows, rows + n_rows * n_features), scatters_(at(kind == Merge::ward ? 0 : n_ * d_ * d_)),
          values_(at(n_)), costs_(at(n_ * n_), infinity), cheapest_(at(n_)), scratch_(at(d_ * d_)), is_merged_(at(n_)) {
        for (std::ptrdiff_t i = 0; i < n_; ++i) alive_.push_back(i);
        for (std::ptrdiff_t i = 0; i < n_ && kind_ != Merge::ward; ++i)
            values_[at(i)] = value(counts_[at(i)], scatter(i));
        for (std::ptrdiff_t i = 0; i < n_; ++i) {
            check_interrupted_sometimes();
            for (std::ptrdiff_t j = i + 1; j < n_; ++j) costs_[at(i * n_ + j)] = cost(i, j);
            look_for_cheapest(i);
        }
    }

    std::vector<std::int64_t> run() {
        std::vector<std::int64_t> merges;
        while (alive_.size() > 1) {
            check_interrupted_sometimes();
            std::ptrdiff_t first = alive_.front();
            for (const std::ptrdiff_t i : alive_) {
                if (lowest_cost(i) < lowest_cost(first)) first = i;
            }
            // Where numbers overflow any merge is as good as another.
            const bool is_known = lowest_cost(first) < infinity;
            if (!is_known) first = alive_[0];
            const std::ptrdiff_t second = is_known ? cheapest_[at(first)] : alive_[1];
            merges.insert(merges.end(), {first, second});
            merge(first, second);
        }
        return merges;
    }

  private:
    double* scatter(std::ptrdiff_t i) { return scatters_.data() + i * d_ * d_; }
    double* mean(std::ptrdiff_t i) { return means_.data() + i * d_; }
    double lowest_cost(std::ptrdiff_t i) const { return costs_[at(i * n_ + cheapest_[at(i)])]; }

    // n log|(S + beside I) / n|
    double value(double count, const double* scatter) {
        for (std::ptrdiff_t i = 0; i < d_ * d_; ++i) scratch_[at(i)] = scatter[i] / count;
        for (std::ptrdiff_t j = 0; j < d_; ++j) scratch_[at(j * d_ + j)] += beside_ / count;
        if (!cholesky(scratch_.data(), d_)) return -infinity;
        double product = 1, log_det = 0;
        for (std::ptrdiff_t j = 0; j < d_; ++j) {
            product *= scratch_[at(j * d_ + j)];
            if (product > 1e-100 && product < 1e100) continue;  // a logarithm a matrix, nearly always
            log_det += std::log(product);
            product = 1;
        }
        return 2 * count * (log_det + std::log(product));
    }

    // What lies between two means weighs so much in the scatter of both.
    double share_of_means(std::ptrdiff_t i, std::ptrdiff_t j) const {
        return counts_[at(i)] * counts_[at(j)] / (counts_[at(i)] + counts_[at(j)]);
    }

    // The scatter of both, in merged_.
    void join(std::ptrdiff_t i, std::ptrdiff_t j) {
        merged_.resize(at(d_ * d_));
        const double share = share_of_means(i, j);
        const double* a = mean(i);
        const double* b = mean(j);
        for (std::ptrdiff_t r = 0; r < d_; ++r) {
            if (d_ >= wide) check_interrupted_sometimes();
            for (std::ptrdiff_t c = 0; c < d_; ++c) {
                const std::ptrdiff_t rc = r * d_ + c;
                merged_[at(rc)] = scatter(i)[rc] + scatter(j)[rc] + share * (b[r] - a[r]) * (b[c] - a[c]);
            }
        }
    }

    // By how much a merge raises the sum of traces (Ward 1963), or of values.
    double cost(std::ptrdiff_t i, std::ptrdiff_t j) {
        const double found = kind_ == Merge::ward
                                 ? share_of_means(i, j) * squared_distance(mean(i), mean(j), nullptr, d_)
                                 : rise_of_value(i, j);
        return std::isnan(found) ? infinity : found;
    }

    double rise_of_value(std::ptrdiff_t i, std::ptrdiff_t j) {
        const double count = counts_[at(i)] + counts_[at(j)], before = values_[at(i)] + values_[at(j)];
        if (!is_merged_[at(i)] && !is_merged_[at(j)]) return value_of_two_rows(i, j, count) - before;
        join(i, j);
        return value(count, merged_.data()) - before;
    }

    // |beside I + share u u^T| = beside^d (1 + share |u|^2 / beside)
    double value_of_two_rows(std::ptrdiff_t i, std::ptrdiff_t j, double count) {
        const double square = share_of_means(i, j) * squared_distance(mean(i), mean(j), nullptr, d_);
        return count * (static_cast<double>(d_) * std::log(beside_ / count) + std::log1p(square / beside_));
    }

    // Of the clusters after it: the partner of the cheapest merge.
    void look_for_cheapest(std::ptrdiff_t i) {
        const double* row = costs_.data() + i * n_;
        cheapest_[at(i)] = std::min_element(row, row + n_) - row;
    }

    void merge(std::ptrdiff_t first, std::ptrdiff_t second) {
        if (kind_ == Merge::gaussian) join(first, second);
        const double count = counts_[at(first)] + counts_[at(second)], share = counts_[at(second)] / count;
        for (std::ptrdiff_t j = 0; j < d_; ++j) mean(first)[j] += share * (mean(second)[j] - mean(first)[j]);
        counts_[at(first)] = count;
        is_merged_[at(first)] = true;
        if (kind_ == Merge::gaussian) {
            std::copy(merged_.begin(), merged_.end(), scatter(first));
            values_[at(first)] = value(count, scatter(first));
        }
        alive_.erase(std::find(alive_.begin(), alive_.end(), second));
        for (const std::ptrdiff_t other : alive_) {
            costs_[at(std::min(other, second) * n_ + std::max(other, second))] = infinity;
            if (other == first) continue;
            const std::ptrdiff_t low = std::min(first, other), high = std::max(first, other);
            costs_[at(low * n_ + high)] = cost(low, high);
        }
        for (const std::ptrdiff_t other : alive_) {
            if (other > std::max(first, second)) break;  // they are in no row after their own
            look_for_cheapest(other);
        }
    }

    const Merge kind_;
    const std::ptrdiff_t n_, d_;
    const double beside_;
    std::vector<double> counts_, means_, scatters_, values_, costs_;
    std::vector<std::ptrdiff_t> cheapest_, alive_;
    std::vector<double> scratch_, merged_;
    std::vector<bool> is_merged_;  // not a row
};

}  // namespace

std::vector<std::int64_t> merges_of(Merge merge, const double* rows, const double* counts, std::ptrdiff_t n_rows,
                                    std::ptrdiff_t n_features, double beside) {
    return Merging(merge, rows, counts, n_rows, n_features, beside).run();
}

}  // namespace mixtura
