// The block that takes less is factorised. With the precision matrix Lambda, m missing and o observed
//     E[x_m | x_o] = mu_m - Lambda_mm^-1 Lambda_mo (x_o - mu_o),     C = Lambda_mm^-1,
// and with the covariance matrix Sigma
//     E[x_m | x_o] = mu_m + Sigma_mo Sigma_oo^-1 (x_o - mu_o),       C = Sigma_mm - Sigma_mo Sigma_oo^-1 Sigma_om.
// The observed block has the determinant |Sigma| / |C|.
#include "simd/conditional.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "simd/dispatch.hpp"

namespace mixtura {
namespace {

constexpr double log_two_pi = 1.8378770664093454836;

// Upper triangles become whole matrices.
void mirror(double* a, std::ptrdiff_t n) {
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        for (std::ptrdiff_t j = 0; j < i; ++j) a[i * n + j] = a[j * n + i];
    }
}

// out_ij = a_(n-1-j)(n-1-i) of an upper triangle, which stays one; by squares that stay in the cache.
void flip_upper(const double* a, std::ptrdiff_t n, double* out) {
    constexpr std::ptrdiff_t side = 8;
    for (std::ptrdiff_t first = 0; first < n; first += side) {
        const std::ptrdiff_t last = std::min(first + side, n);
        for (std::ptrdiff_t j = first; j < n; ++j) {
            const double* from = a + (n - 1 - j) * n + n - 1;
            for (std::ptrdiff_t i = first; i < std::min(last, j + 1); ++i) out[i * n + j] = from[-i];
        }
        for (std::ptrdiff_t i = first; i < last; ++i) std::fill(out + i * n, out + i * n + i, 0.0);
    }
}

// a, symmetric n x n, becomes its inverse R^T R; R, upper triangular, is left in `root`. Returns log |a|. The rows and
// columns of a are turned round: of it U^T U, V = U^-1, and R is V flipped at the other diagonal.
double invert(double* a, std::ptrdiff_t n, double* root) {
    const MatrixKernels& kernels = active_kernels().matrices;
    std::reverse(a, a + n * n);
    if (!kernels.cholesky(a, n, 0, 0, n)) return std::numeric_limits<double>::quiet_NaN();
    double log_determinant = 0;
    for (std::ptrdiff_t i = 0; i < n; ++i) log_determinant += 2 * std::log(a[i * n + i]);
    std::fill(root, root + n * n, 0.0);
    kernels.invert_upper(a, n, root, n, 0, n);
    std::copy(root, root + n * n, a);
    flip_upper(a, n, root);
    kernels.upper_times(root, root, n, a, 0, n);
    mirror(a, n);
    return log_determinant;
}

void take_block(const double* matrix, std::ptrdiff_t d, const std::int32_t* rows, std::ptrdiff_t n_rows,
                const std::int32_t* columns, std::ptrdiff_t n_columns, double* out) {
    for (std::ptrdiff_t i = 0; i < n_rows; ++i) {
        for (std::ptrdiff_t j = 0; j < n_columns; ++j) *out++ = matrix[rows[i] * d + columns[j]];
    }
}

double* scratch(std::size_t size) {
    thread_local std::vector<double> memory;
    if (memory.size() < size) memory.resize(size);
    return memory.data();
}

// C = Sigma_mm - G^T G, G = R Sigma_om, Sigma_oo^-1 = R^T R.
void subtract_explained(const double* root, const double* cross, std::ptrdiff_t m, std::ptrdiff_t o, double* product,
                        double* negative, double* covariance) {
    const MatrixKernels& kernels = active_kernels().matrices;
    kernels.upper_times_rows(root, cross, o, m, product);
    std::transform(product, product + o * m, negative, std::negate<>());
    kernels.add_gram(product, negative, o, m, covariance);
    mirror(covariance, m);
}

}  // namespace

Conditional find_conditional(const Matrices& component, const std::int32_t* features, std::ptrdiff_t n_missing,
                             double* room) {
    const std::ptrdiff_t d = component.d, m = n_missing, o = d - m;
    const std::int32_t* observed = features + m;
    Conditional found;
    found.covariance = room;
    const double half_log = 0.5 * static_cast<double>(m) * log_two_pi;
    if (!factorises_observed(m, d)) {
        take_block(component.precision, d, features, m, features, m, room);
        found.height = half_log - 0.5 * invert(room, m, scratch(static_cast<std::size_t>(m * m)));
        return found;
    }
    double* inverse = room + m * m;
    double* root = scratch(static_cast<std::size_t>(o * o + 3 * m * o));
    double *cross = root + o * o, *product = cross + o * m, *negative = product + o * m;
    take_block(component.covariance, d, observed, o, observed, o, inverse);
    found.height = half_log + 0.5 * (component.log_determinant - invert(inverse, o, root));
    take_block(component.covariance, d, features, m, features, m, room);
    take_block(component.covariance, d, observed, o, features, m, cross);
    subtract_explained(root, cross, m, o, product, negative, room);
    found.inverse_observed = inverse;
    return found;
}

}  // namespace mixtura
