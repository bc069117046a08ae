// With r = added and V the rows, whose column of feature j is v_j,
//
//     A_j = I + sum_l<j v_l v_l^T / r_l,  s_j = inv(A_j) v_j,  d_j = r_j + v_j^T s_j
//
// are all that the Cholesky factor L D L^T of the covariance has: L_ij = v_i^T s_j / d_j below its diagonal, and
// inv(L)_ij = -s_i^T v_j / r_j (of one row: Gill, Golub, Murray & Saunders 1974, section 3). A_j is known by its own
// factor, A_j = U^T U, to which each feature is rotated: what is added is small beside the rows, and of inv(A_j) itself
// digits would cancel.
#include "m_step/few_rows.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "m_step/linear_algebra.hpp"
#include "simd/dispatch.hpp"
#include "support/interrupt.hpp"

namespace mixtura {
namespace {

using Vector = std::vector<double>;

// What is left of a variance, as a share of it, that is the rounding of sums.
constexpr double rounding = 2e-15;

std::size_t at(std::ptrdiff_t i) { return static_cast<std::size_t>(i); }

// V, rank x d: Cholesky's factor of what rows have made, the largest share of its variance first, until nothing is
// left. More than most_rank numbers of each feature where that does not come.
class FewRows {
  public:
    FewRows(const double* covariance, const double* added, std::ptrdiff_t d, std::ptrdiff_t most_rank)
        : covariance_(covariance), added_(added), d_(d), whole_(at(d)), left_(at(d)) {
        for (std::ptrdiff_t j = 0; j < d; ++j) left_[at(j)] = whole_[at(j)] = covariance[j * d + j] - added[j];
        values.reserve(at(d * std::min(most_rank + 1, d)));
        for (std::ptrdiff_t j = next(); j >= 0 && rank <= most_rank; j = next()) take(j);
    }

    Vector values;
    std::ptrdiff_t rank = 0;

  private:
    // -1: there is none.
    std::ptrdiff_t next() const {
        std::ptrdiff_t best = -1;
        double largest = rounding;
        for (std::ptrdiff_t j = 0; j < d_; ++j) {
            const double share = left_[at(j)] / whole_[at(j)];
            if (whole_[at(j)] > 0 && share > largest) best = j, largest = share;
        }
        return best;
    }

    void take(std::ptrdiff_t pivot) {
        check_interrupted_sometimes();
        const double root = std::sqrt(left_[at(pivot)]);
        const std::size_t begin = values.size();
        values.insert(values.end(), covariance_ + pivot * d_, covariance_ + (pivot + 1) * d_);
        double* row = values.data() + begin;
        row[pivot] -= added_[pivot];
        for (std::ptrdiff_t m = 0; m < rank; ++m) {
            const double* before = values.data() + m * d_;
            const double scale = before[pivot];
            for (std::ptrdiff_t j = 0; j < d_; ++j) row[j] -= scale * before[j];
        }
        for (std::ptrdiff_t j = 0; j < d_; ++j) {
            row[j] /= root;
            left_[at(j)] -= row[j] * row[j];
        }
        left_[at(pivot)] = 0;
        ++rank;
    }

    const double* const covariance_;
    const double* const added_;
    const std::ptrdiff_t d_;
    Vector whole_, left_;
};

// U of A = U^T U (n x n, upper triangular), A = I at first.
class Root {
  public:
    explicit Root(std::ptrdiff_t n) : n_(n), values_(at(n * n)) {
        for (std::ptrdiff_t i = 0; i < n; ++i) values_[at(i * n + i)] = 1;
    }

    // x becomes inv(U^T) x.
    void solve_transposed(double* x) const {
        for (std::ptrdiff_t i = 0; i < n_; ++i) {
            const double* row = values_.data() + i * n_;
            const double value = x[i] /= row[i];
            for (std::ptrdiff_t j = i + 1; j < n_; ++j) x[j] -= value * row[j];
        }
    }

    // x becomes inv(U) x.
    void solve(double* x) const {
        for (std::ptrdiff_t i = n_ - 1; i >= 0; --i) {
            const double* row = values_.data() + i * n_;
            x[i] = (x[i] - inner_product(row + i + 1, x + i + 1, n_ - i - 1)) / row[i];
        }
    }

    // A grows by x x^T (Givens' rotations); destroys x.
    void add(double* x) {
        for (std::ptrdiff_t i = 0; i < n_; ++i) {
            double* row = values_.data() + i * n_;
            const double length = std::sqrt(row[i] * row[i] + x[i] * x[i]), c = row[i] / length, s = x[i] / length;
            row[i] = length;
            for (std::ptrdiff_t j = i + 1; j < n_; ++j) {
                const double above = row[j], beside = x[j];
                row[j] = c * above + s * beside;
                x[j] = c * beside - s * above;
            }
        }
    }

  private:
    const std::ptrdiff_t n_;
    Vector values_;
};

// The s_j over sqrt(d_j), a column each (rank x d), and the 1 / sqrt(d_j); false where a d_j is not above 0.
bool solve(const FewRows& rows, const double* added, std::ptrdiff_t d, Vector& scaled, Vector& diagonal) {
    const std::ptrdiff_t n = rows.rank;
    Root root(n);
    Vector v(at(n)), s(at(n));
    for (std::ptrdiff_t j = 0; j < d; ++j) {
        if (j % wide == 0) check_interrupted_sometimes();
        for (std::ptrdiff_t m = 0; m < n; ++m) s[at(m)] = v[at(m)] = rows.values[at(m * d + j)];
        root.solve_transposed(s.data());
        const double pivot = added[j] + inner_product(s.data(), s.data(), n);
        if (!(pivot > 0) || !std::isfinite(pivot)) return false;
        root.solve(s.data());
        diagonal[at(j)] = 1 / std::sqrt(pivot);
        const double unit = 1 / std::sqrt(added[j]);
        for (std::ptrdiff_t m = 0; m < n; ++m) {
            scaled[at(m * d + j)] = s[at(m)] * diagonal[at(j)];
            v[at(m)] *= unit;
        }
        root.add(v.data());
    }
    return true;
}

}  // namespace

bool factorise_few_rows(const double* covariance, const double* added, std::ptrdiff_t d, std::ptrdiff_t most_rank,
                        double* factor) {
    if (!std::all_of(added, added + d, [](double one) { return one > 0; })) return false;
    FewRows rows(covariance, added, d, most_rank);
    if (rows.rank > most_rank) return false;
    Vector scaled(rows.values.size()), diagonal(at(d));
    if (!solve(rows, added, d, scaled, diagonal)) return false;
    for (std::ptrdiff_t m = 0; m < rows.rank; ++m) {
        for (std::ptrdiff_t j = 0; j < d; ++j) rows.values[at(m * d + j)] /= -added[j];
    }
    std::fill(factor, factor + d * d, 0.0);
    active_kernels().matrices.add_gram(rows.values.data(), scaled.data(), rows.rank, d, factor);
    constexpr std::ptrdiff_t beside = 4;  // blocks of add_gram reach below the diagonal
    for (std::ptrdiff_t i = 0; i < d; ++i) {
        for (std::ptrdiff_t j = std::max<std::ptrdiff_t>(i - beside, 0); j < i; ++j) factor[i * d + j] = 0;
        factor[i * d + i] = diagonal[at(i)];
    }
    return true;
}

}  // namespace mixtura
