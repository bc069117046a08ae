// Squares of differences of means, and what a prior asks of a covariance, whatever the structure.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "m_step/linear_algebra.hpp"
#include "model/owned.hpp"
#include "support/interrupt.hpp"

namespace mixtura {

// out += factor (x - m)(x - m)^T, its diagonal, or (spherical) its trace.
inline void add_square(Structure structure, std::ptrdiff_t d, double factor, const double* x, const double* m,
                       double* out) {
    for (std::ptrdiff_t i = 0; i < d; ++i) {
        const double scaled = factor * (x[i] - m[i]);
        switch (structure) {
            case Structure::spherical: out[0] += scaled * (x[i] - m[i]); break;
            case Structure::diag: out[i] += scaled * (x[i] - m[i]); break;
            default:
                if (d >= wide) check_interrupted_sometimes();
                for (std::ptrdiff_t j = 0; j < d; ++j) out[i * d + j] += scaled * (x[j] - m[j]);
        }
    }
}

// Of the covariance of component k, by its precision factor P with P P^T = inv(Sigma_k).
class Precision {
  public:
    Precision(const OwnedMixture& mixture, std::ptrdiff_t k)
        : structure_(mixture.structure), d(mixture.n_features),
          factor_(mixture.precisions_cholesky.data() + k * covariance_stride(structure_, d)) {}

    // log|Sigma_k|
    double log_determinant() const {
        double sum = 0;
        if (structure_ == Structure::spherical) return -2 * static_cast<double>(d) * std::log(factor_[0]);
        const std::ptrdiff_t step = has_matrices(structure_) ? d + 1 : 1;
        for (std::ptrdiff_t j = 0; j < d; ++j) sum -= 2 * std::log(factor_[j * step]);
        return sum;
    }

    // (x - m)^T inv(Sigma_k) (x - m)
    double square(const double* x, const double* m) const {
        double sum = 0;
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            double whitened = 0;
            if (has_matrices(structure_)) {
                for (std::ptrdiff_t i = 0; i <= j; ++i) whitened += factor_[i * d + j] * (x[i] - m[i]);
            } else {
                whitened = factor_[structure_ == Structure::diag ? j : 0] * (x[j] - m[j]);
            }
            sum += whitened * whitened;
        }
        return sum;
    }

    // tr(A inv(Sigma_k)); spherical: of the trace of A.
    double trace(const double* a) const {
        if (structure_ == Structure::spherical) return a[0] * factor_[0] * factor_[0];
        double sum = 0;
        if (structure_ == Structure::diag) {
            for (std::ptrdiff_t j = 0; j < d; ++j) sum += a[j] * factor_[j] * factor_[j];
            return sum;
        }
        if (d >= wide) check_interrupted();
        std::vector<double> product(static_cast<std::size_t>(d * d));
        times_upper(a, factor_, d, d, product.data());
        return inner_product(product.data(), factor_, d * d);
    }

  private:
    const Structure structure_;
    const std::ptrdiff_t d;
    const double* const factor_;
};

}  // namespace mixtura
