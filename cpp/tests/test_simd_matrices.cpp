// The linear algebra that is compiled for each instruction set: factors, inverses, congruences.
#include <cmath>
#include <numeric>
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
    std::vector<std::ptrdiff_t> sizes(77);
    std::iota(sizes.begin(), sizes.end(), std::ptrdiff_t{1});
#ifndef MIXTURA_SANITIZED
    sizes.insert(sizes.end(), {255, 256, 257, 290, 300});  // large ones in panels
#endif
    for (const std::ptrdiff_t d : sizes) {
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

// Graded by units far apart, and singular but for what is added.
void extreme_matrices_are_factorised() {
    for (const std::ptrdiff_t d : {5, 40, 260}) {
        const auto at = [d](std::ptrdiff_t i, std::ptrdiff_t j) { return static_cast<std::size_t>(i * d + j); };
        std::mt19937 generator(6);
        std::normal_distribution<double> normal;
        std::vector<double> x(static_cast<std::size_t>(d)), matrix(static_cast<std::size_t>(d * d));
        const auto unit = [&](std::ptrdiff_t i) { return std::pow(10.0, static_cast<double>(i % 13) - 6); };
        for (double& value : x) value = normal(generator);
        for (std::ptrdiff_t i = 0; i < d; ++i) {
            for (std::ptrdiff_t j = 0; j < d; ++j)
                matrix[at(i, j)] = unit(i) * unit(j) * (x[at(0, i)] * x[at(0, j)] + (i == j ? 1e-4 : 0));
        }
        std::vector<double> upper = matrix;
        CHECK(cholesky(upper.data(), d), "a graded matrix of rank one and a little has a factor");
        for (std::ptrdiff_t i = 0; i < d; ++i) {
            for (std::ptrdiff_t j = i; j < d; ++j) {
                double product = 0;
                for (std::ptrdiff_t m = 0; m <= i; ++m) product += upper[at(m, i)] * upper[at(m, j)];
                CHECK(close(product / unit(i) / unit(j), matrix[at(i, j)] / unit(i) / unit(j), 1e-12, 1e-14),
                      "in every unit");
            }
        }
    }
}

void products_of_rows_are_summed() {
    std::mt19937 generator(7);
    std::normal_distribution<double> normal;
    for (const std::ptrdiff_t d : {1, 3, 4, 17, 70}) {
        for (const std::ptrdiff_t n : {1, 5, 64, 131}) {
            std::vector<double> a(static_cast<std::size_t>(n * d)), b(a.size()), z(a.size());
            std::vector<double> upper(static_cast<std::size_t>(d * d)), out(upper.size());
            for (double& value : a) value = normal(generator);
            for (std::size_t i = 0; i < a.size(); ++i) b[i] = 0.5 * a[i];
            for (std::ptrdiff_t i = 0; i < d; ++i) {
                for (std::ptrdiff_t j = i; j < d; ++j) upper[static_cast<std::size_t>(i * d + j)] = normal(generator);
            }
            gram(a.data(), b.data(), n, d, out.data());
            times_upper(a.data(), upper.data(), n, d, z.data());
            for (std::ptrdiff_t i = 0; i < d; ++i) {
                for (std::ptrdiff_t j = 0; j < d; ++j) {
                    double sum = 0;
                    for (std::ptrdiff_t m = 0; m < n; ++m)
                        sum += a[static_cast<std::size_t>(m * d + i)] * b[static_cast<std::size_t>(m * d + j)];
                    CHECK(close(out[static_cast<std::size_t>(i * d + j)], sum, 1e-13, 1e-12), "a^T b");
                }
            }
            for (std::ptrdiff_t i = 0; i < n; ++i) {
                for (std::ptrdiff_t j = 0; j < d; ++j) {
                    double sum = 0;
                    for (std::ptrdiff_t m = 0; m <= j; ++m)
                        sum += a[static_cast<std::size_t>(i * d + m)] * upper[static_cast<std::size_t>(m * d + j)];
                    CHECK(close(z[static_cast<std::size_t>(i * d + j)], sum, 1e-13, 1e-12), "a U");
                }
            }
        }
    }
}

// All numbers of lanes that are filled, and of those that are not.
void vectors_are_multiplied_and_subtracted() {
    std::mt19937 generator(8);
    std::normal_distribution<double> normal;
    for (std::ptrdiff_t n = 0; n < 70; ++n) {
        std::vector<double> a(static_cast<std::size_t>(n)), b(a.size()), units(a.size());
        for (std::vector<double>* numbers : {&a, &b, &units}) {
            for (double& value : *numbers) value = normal(generator);
        }
        double product = 0, distance = 0, in_units = 0;
        for (std::size_t j = 0; j < a.size(); ++j) {
            product += a[j] * b[j];
            distance += (a[j] - b[j]) * (a[j] - b[j]);
            in_units += (a[j] - b[j]) * units[j] * (a[j] - b[j]) * units[j];
        }
        CHECK(close(inner_product(a.data(), b.data(), n), product, 1e-13, 1e-13), "a^T b");
        CHECK(close(squared_distance(a.data(), b.data(), nullptr, n), distance, 1e-13, 0), "|a - b|^2");
        CHECK(close(squared_distance(a.data(), b.data(), units.data(), n), in_units, 1e-13, 0), "in units");
    }
}

}  // namespace

int main() {
    vectors_are_multiplied_and_subtracted();
    extreme_matrices_are_factorised();
    products_of_rows_are_summed();
    matrices_are_factorised_inverted_and_composed();
    return report();
}
