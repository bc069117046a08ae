// Bounds on weights and on the eigenvalues of covariances.
#include "m_step/bounds.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "m_step/linear_algebra.hpp"
#include "support/parallel.hpp"

namespace mixtura {
namespace {

std::size_t at(std::ptrdiff_t i) { return static_cast<std::size_t>(i); }

struct Eigenvalue {
    double value, count;
};

// With sums over the ascending eigenvalues the cost of every m takes two binary searches.
class Truncation {
  public:
    Truncation(std::vector<Eigenvalue> values, double ratio) : values_(std::move(values)), ratio_(ratio) {
        std::sort(values_.begin(), values_.end(),
                  [](const Eigenvalue& one, const Eigenvalue& other) { return one.value < other.value; });
        counts_.push_back(0);
        sums_.push_back(0);
        own_.push_back(0);
        for (const auto& [value, count] : values_) {
            counts_.push_back(counts_.back() + count);
            sums_.push_back(sums_.back() + count * value);
            own_.push_back(own_.back() + (value > 0 ? count * (std::log(value) + 1) : 0));
        }
    }

    // The best m: between two neighbours of the eigenvalues and of these divided by the ratio the cost is that of one
    // set of truncated ones, whose m is a mean.
    double best() const {
        std::vector<double> ends;
        for (const auto& [value, count] : values_) {
            if (!(count > 0)) continue;
            ends.push_back(value);
            ends.push_back(value / ratio_);
        }
        std::sort(ends.begin(), ends.end());
        double best = 0, least = std::numeric_limits<double>::infinity();
        const auto try_at = [&](double inside) {
            const double m = mean_of_truncated(inside), its = m > 0 ? cost(m) : least;
            if (its < least) best = m, least = its;
        };
        for (std::size_t i = 0; i <= ends.size() && !ends.empty(); ++i) {
            const double low = i == 0 ? 0 : ends[i - 1], high = i == ends.size() ? 2 * ends.back() : ends[i];
            try_at((low + high) / 2);
        }
        return best;
    }

  private:
    std::size_t below(double bound) const {
        return at(std::lower_bound(values_.begin(), values_.end(), bound,
                                   [](const Eigenvalue& one, double other) { return one.value < other; }) -
                  values_.begin());
    }
    std::size_t up_to(double bound) const {
        return at(std::upper_bound(values_.begin(), values_.end(), bound,
                                   [](double other, const Eigenvalue& one) { return other < one.value; }) -
                  values_.begin());
    }

    // The m that is best if those are truncated that are for `inside`.
    double mean_of_truncated(double inside) const {
        const std::size_t low = below(inside), high = up_to(ratio_ * inside);
        const double counts = counts_[low] + counts_.back() - counts_[high];
        const double sums = sums_[low] + (sums_.back() - sums_[high]) / ratio_;
        return counts > 0 ? sums / counts : inside;
    }

    // sum count (log truncated + value / truncated)
    double cost(double m) const {
        const double most = ratio_ * m;
        const std::size_t low = below(m), high = up_to(most);
        return counts_[low] * std::log(m) + sums_[low] / m + own_[high] - own_[low] +
               (counts_.back() - counts_[high]) * std::log(most) + (sums_.back() - sums_[high]) / most;
    }

    std::vector<Eigenvalue> values_;
    const double ratio_;
    std::vector<double> counts_, sums_, own_;
};

class BoundedEigenvalues {
  public:
    BoundedEigenvalues(const Bounds& bounds, OwnedMixture& next)
        : bounds_(bounds), next_(next), d(next.n_features), n(n_covariances(next.structure, next.n_components)),
          size(covariance_size(next.structure, d)), is_matrix(has_matrices(next.structure)) {}

    void bound(const std::vector<double>& counts, Control& control) {
        const Numbers before = next_.covariances;
        scale([](double value, double unit) { return value / unit; });
        decompose(control);
        if (control.interrupted) return;
        if (are_within()) {
            next_.covariances = before;
            return;
        }
        std::vector<Eigenvalue> all;
        for (std::size_t i = 0; i < values_.size(); ++i)
            all.push_back({std::max(values_[i], 0.0), counts[i / (values_.size() / at(n))]});
        const double ratio = bounds_.max_eigenvalue_ratio, m = Truncation(std::move(all), ratio).best();
        if (m > 0) {
            for (double& value : values_) value = std::min(std::max(value, m), ratio * m);
        }
        compose_again();
        scale([](double value, double unit) { return value * unit; });
    }

  private:
    bool are_within() const {
        const auto [least, most] = std::minmax_element(values_.begin(), values_.end());
        return *least > 0 && *most <= bounds_.max_eigenvalue_ratio * *least;
    }

    // Of two columns' entry, by the product of their spreads.
    template <class Scaled>
    void scale(const Scaled& scaled) {
        if (bounds_.spreads.empty() || next_.structure == Structure::spherical) return;
        for (std::ptrdiff_t k = 0; k < n; ++k) {
            for (std::ptrdiff_t i = 0; i < size; ++i) {
                const double unit = bounds_.spreads[at(is_matrix ? i / d : i)] * bounds_.spreads[at(i % d)];
                double& value = next_.covariances[at(k * size + i)];
                value = scaled(value, unit);
            }
        }
    }

    void decompose(Control& control) {
        if (!is_matrix) {
            values_.assign(next_.covariances.begin(), next_.covariances.end());
            return;
        }
        values_.resize(at(n * d));
        vectors_.resize(at(n * size));
        const double work = 10 * static_cast<double>(d) * static_cast<double>(size);
        first_failure(n, work, control, [&](std::ptrdiff_t k) {
            eigen(next_.covariances.data() + k * size, d, values_.data() + k * d, vectors_.data() + k * size);
            return true;
        });
    }

    void compose_again() {
        if (!is_matrix) {
            next_.covariances.assign(values_.begin(), values_.end());
            return;
        }
        for (std::ptrdiff_t k = 0; k < n; ++k)
            compose(vectors_.data() + k * size, values_.data() + k * d, d, next_.covariances.data() + k * size);
    }

    const Bounds& bounds_;
    OwnedMixture& next_;
    const std::ptrdiff_t d, n, size;
    const bool is_matrix;
    std::vector<double> values_, vectors_;
};

}  // namespace

// Those whose share would be below its bound get that, the others share the rest: again, until none is below.
std::vector<double> likeliest_shares(const std::vector<double>& counts, double total,
                                     const std::vector<double>& least) {
    std::vector<double> shares(least);
    std::vector<bool> is_above(counts.size(), true);
    for (bool is_done = false; !is_done;) {
        double rest = total, sum = 0, n_above = 0;
        for (std::size_t k = 0; k < counts.size(); ++k) {
            rest -= is_above[k] ? 0 : least[k];
            sum += is_above[k] ? counts[k] : 0;
            n_above += is_above[k] ? 1 : 0;
        }
        is_done = true;
        for (std::size_t k = 0; k < counts.size(); ++k) {
            if (!is_above[k]) continue;
            shares[k] = sum > 0 ? rest * counts[k] / sum : rest / n_above;
            if (shares[k] >= least[k]) continue;
            shares[k] = least[k];
            is_above[k] = is_done = false;
        }
    }
    return shares;
}

void bound_eigenvalues(const Bounds& bounds, const std::vector<double>& counts, OwnedMixture& next, Control& control) {
    BoundedEigenvalues(bounds, next).bound(counts, control);
}

}  // namespace mixtura
