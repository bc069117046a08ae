// The linear algebra that is compiled for each instruction set: factors, inverses, congruences.
#include <cmath>
#include <random>
#include <vector>

#include "m_step/linear_algebra.hpp"
#include "tests/checks.hpp"

using namespace mixtura;

namespace {

// All tails of rows and columns: blocks of 4 rows, up to 4 vectors of 8 columns.
void matrices_are_factorised_inverted_and_composed() {
    std::mt19937 generator(5);
    std::normal_distribution<double> normal;
    for (std::ptrdiff_t d = 1; d <= 77; ++d) {
        const auto at = [d](std::ptrdiff_t i, std::ptrdiff_t j) { return static_cast<std::size_t>(i * d + j); };
        const auto size = static_cast<std::size_t>(d * d);
        std::vector<double> root(size), matrix(size), inverse(size), half(size), back(size);
        for (double& value : root) value = normal(generator) / std::sqrt(static_cast<double>(d));
        for (std::ptrdiff_t i = 0; i < d; ++i) root[at(i, i)] += 2;
        for (std::ptrdiff_t i = 0; i < d; ++i) {
            for (std::ptrdiff_t j = 0; j < d; ++j) {
                for (std::ptrdiff_t m = 0; m < d; ++m) matrix[at(i, j)] += root[at(m, i)] * root[at(m, j)];
            }
        }
        std::vector<double> upper = matrix;
        CHECK(cholesky(upper.data(), d), "a positive matrix has a factor");
        for (std::ptrdiff_t i = 0; i < d; ++i) {
            for (std::ptrdiff_t j = i; j < d; ++j) {
                double product = 0;
                for (std::ptrdiff_t m = 0; m <= i; ++m) product += upper[at(m, i)] * upper[at(m, j)];
                CHECK(close(product, matrix[at(i, j)], 1e-13, 1e-13), "U^T U is the matrix");
            }
        }
        invert_upper(upper.data(), d, inverse.data());
        for (std::ptrdiff_t i = 0; i < d; ++i) {
            for (std::ptrdiff_t j = 0; j < d; ++j) {
                double product = 0;
                for (std::ptrdiff_t m = i; m < d; ++m) product += upper[at(i, m)] * inverse[at(m, j)];
                CHECK(close(product, i == j ? 1 : 0, 0, 1e-13), "U inv(U) is the identity");
                CHECK(i <= j || inverse[at(i, j)] == 0, "the inverse is upper triangular");
            }
        }
        congruence(inverse.data(), matrix.data(), half.data(), back.data(), d);
        for (std::ptrdiff_t i = 0; i < d; ++i) {
            for (std::ptrdiff_t j = 0; j < d; ++j)
                CHECK(close(back[at(i, j)], i == j ? 1 : 0, 0, 1e-13), "inv(U)^T A inv(U) is the identity");
        }
        matrix[at(d - 1, d - 1)] = 0;
        CHECK(!cholesky(matrix.data(), d), "a singular matrix has none");
    }
}

}  // namespace

int main() {
    matrices_are_factorised_inverted_and_composed();
    return report();
}
