// The smaller of two blocks is factorised. With the precision matrix Lambda, m missing and o observed
//     E[x_m | x_o] = mu_m - Lambda_mm^-1 Lambda_mo (x_o - mu_o),     C = Lambda_mm^-1,
// and with the covariance matrix Sigma
//     E[x_m | x_o] = mu_m + Sigma_mo Sigma_oo^-1 (x_o - mu_o),       C = Sigma_mm - Sigma_mo Sigma_oo^-1 Sigma_om.
// The observed block has the determinant |Sigma| / |C|.
#include "simd/conditional.hpp"

#include <cmath>
#include <vector>

namespace mixtura {
namespace {

constexpr double log_two_pi = 1.8378770664093454836;

// a, symmetric n x n, becomes its inverse; returns log |a|. work: n x n.
double invert(double* a, std::ptrdiff_t n, double* work) {
    double log_determinant = 0;
    // L below and on the diagonal of a, by rows; then its inverse, in `work`.
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        for (std::ptrdiff_t j = 0; j <= i; ++j) {
            double sum = a[i * n + j];
            for (std::ptrdiff_t l = 0; l < j; ++l) sum -= a[i * n + l] * a[j * n + l];
            a[i * n + j] = i == j ? std::sqrt(sum) : sum / a[j * n + j];
        }
        log_determinant += 2 * std::log(a[i * n + i]);
    }
    // Row i of L^-1 from the rows above it: whole rows are added, which the compiler makes vectors of.
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        double* row = work + i * n;
        for (std::ptrdiff_t j = 0; j < i; ++j) row[j] = 0;
        for (std::ptrdiff_t l = 0; l < i; ++l) {
            const double factor = a[i * n + l];
            for (std::ptrdiff_t j = 0; j <= l; ++j) row[j] -= factor * work[l * n + j];
        }
        const double inverse = 1 / a[i * n + i];
        for (std::ptrdiff_t j = 0; j < i; ++j) row[j] *= inverse;
        row[i] = inverse;
    }
    // L^-T L^-1
    for (std::ptrdiff_t i = 0; i < n * n; ++i) a[i] = 0;
    for (std::ptrdiff_t l = 0; l < n; ++l) {
        for (std::ptrdiff_t i = 0; i <= l; ++i) {
            const double factor = work[l * n + i];
            for (std::ptrdiff_t j = 0; j <= i; ++j) a[i * n + j] += factor * work[l * n + j];
        }
    }
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        for (std::ptrdiff_t j = 0; j < i; ++j) a[j * n + i] = a[i * n + j];
    }
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

// C = Sigma_mm - S W S^T, S = Sigma_mo, W = Sigma_oo^-1.
void subtract_explained(const double* cross, const double* inverse, std::ptrdiff_t m, std::ptrdiff_t o, double* product,
                        double* covariance) {
    for (std::ptrdiff_t i = 0; i < m; ++i) {
        double* row = product + i * o;
        for (std::ptrdiff_t j = 0; j < o; ++j) row[j] = 0;
        for (std::ptrdiff_t l = 0; l < o; ++l) {
            const double factor = cross[i * o + l];
            for (std::ptrdiff_t j = 0; j < o; ++j) row[j] += factor * inverse[l * o + j];
        }
        for (std::ptrdiff_t h = 0; h < m; ++h) {
            double sum = 0;
            for (std::ptrdiff_t j = 0; j < o; ++j) sum += row[j] * cross[h * o + j];
            covariance[i * m + h] -= sum;
        }
    }
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
    double* work = scratch(static_cast<std::size_t>(o * o + 2 * m * o));
    double *cross = work + o * o, *product = cross + m * o;
    take_block(component.covariance, d, observed, o, observed, o, inverse);
    found.height = half_log + 0.5 * (component.log_determinant - invert(inverse, o, work));
    take_block(component.covariance, d, features, m, features, m, room);
    take_block(component.covariance, d, features, m, observed, o, cross);
    subtract_explained(cross, inverse, m, o, product, room);
    found.inverse_observed = inverse;
    return found;
}

}  // namespace mixtura
