// Celeux & Govaert 1995, sections 3 and 4: the likeliest covariances lambda_k D_k A_k D_k^T where volumes, shapes
// or orientations are equal.
//
// Every iteration here lowers sum_k w_k (log |Sigma_k| + tr(S_k inv(Sigma_k))), so it may stop anywhere; and
// nothing in it changes with the features' units.
#include "m_step/constrain.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "m_step/linear_algebra.hpp"
#include "support/parallel.hpp"

namespace mixtura {
namespace {

constexpr int most_iterations = 500;
constexpr double settled = 1e-12;  // relative change of every volume

bool is_positive(double x) { return x > 0 && std::isfinite(x); }

// EII, EEI: every component gets the mean of all.
void share_mean(const Components& c, std::ptrdiff_t size) {
    std::vector<double> mean(static_cast<std::size_t>(size));
    for (std::ptrdiff_t k = 0; k < c.K; ++k) {
        for (std::ptrdiff_t i = 0; i < size; ++i)
            mean[static_cast<std::size_t>(i)] += c.weights[k] * c.covariances[k * size + i];
    }
    for (std::ptrdiff_t k = 0; k < c.K; ++k) std::copy_n(mean.data(), size, c.covariances + k * size);
}

// |S|^(1/d), through logarithms: no overflow in many features. Not above 0 where S is singular.
double volume_of_variances(const double* variances, std::ptrdiff_t d) {
    double sum = 0;
    for (std::ptrdiff_t j = 0; j < d; ++j) sum += std::log(variances[j]);
    return std::exp(sum / static_cast<double>(d));
}

double volume_of_matrix(const double* matrix, std::ptrdiff_t d, double* upper) {
    std::copy_n(matrix, d * d, upper);
    if (!cholesky(upper, d)) return 0;
    double sum = 0;
    for (std::ptrdiff_t j = 0; j < d; ++j) sum += std::log(upper[j * d + j]);
    return std::exp(2 * sum / static_cast<double>(d));
}

// EVI, EVV: lambda = sum_k w_k |S_k|^(1/d) and Sigma_k = lambda S_k / |S_k|^(1/d).
std::ptrdiff_t share_volume(const Components& c, std::ptrdiff_t size, const double* volumes) {
    double shared = 0;
    for (std::ptrdiff_t k = 0; k < c.K; ++k) {
        if (!is_positive(volumes[k])) return k;
        shared += c.weights[k] * volumes[k];
    }
    for (std::ptrdiff_t k = 0; k < c.K; ++k) {
        const double ratio = shared / volumes[k];
        for (std::ptrdiff_t i = 0; i < size; ++i) c.covariances[k * size + i] *= ratio;
    }
    return -1;
}

std::ptrdiff_t evi(const Components& c) {
    std::vector<double> volumes(static_cast<std::size_t>(c.K));
    for (std::ptrdiff_t k = 0; k < c.K; ++k)
        volumes[static_cast<std::size_t>(k)] = volume_of_variances(c.covariances + k * c.d, c.d);
    return share_volume(c, c.d, volumes.data());
}

std::ptrdiff_t evv(const Components& c) {
    const std::ptrdiff_t size = c.d * c.d;
    std::vector<double> room(static_cast<std::size_t>(c.K + size));
    double* volumes = room.data();
    for (std::ptrdiff_t k = 0; k < c.K; ++k)
        volumes[k] = volume_of_matrix(c.covariances + k * size, c.d, volumes + c.K);
    return share_volume(c, size, volumes);
}

// Volumes up to a common factor: the traces of the mixture before (`step` apart lie the variances), or all equal.
void begin_volumes(const Components& c, std::ptrdiff_t size, std::ptrdiff_t step, double* volumes) {
    for (std::ptrdiff_t k = 0; k < c.K; ++k) {
        double trace = 0;
        for (std::ptrdiff_t i = 0; c.previous != nullptr && i < size; i += step) trace += c.previous[k * size + i];
        volumes[k] = is_positive(trace) ? trace : 1;
    }
}

// Alternates the likeliest shape of given volumes and the likeliest volumes of given shape. Each step is
// exact and the objective is convex in the logarithms of both, so this ends at the one optimum.
// shape() takes in the volumes; volume(k) answers what shape it found.
template <class Shape, class Volume>
std::ptrdiff_t alternate(const Components& c, double* volumes, Control& control, const Shape& shape,
                         const Volume& volume) {
    StopFlag flag(control);
    for (int iteration = 0; iteration < most_iterations && !flag.stopped(); ++iteration) {
        if (!shape()) return 0;
        double change = 0;
        for (std::ptrdiff_t k = 0; k < c.K; ++k) {
            const double next = volume(k);
            if (!is_positive(next)) return k;
            if (c.weights[k] > 0) change = std::max(change, std::abs(next / volumes[k] - 1));
            volumes[k] = next;
        }
        if (change <= settled) break;
    }
    return -1;
}

// diag(variances_k) ~ lambda_k A, both diagonal: A = sum_k w_k S_k / lambda_k, lambda_k = tr(S_k inv(A)) / d.
std::ptrdiff_t share_diagonal_shape(const Components& c, const double* variances, double* volumes, double* shape,
                                    Control& control) {
    const auto mean_of_scaled = [&] {
        std::fill(shape, shape + c.d, 0.0);
        for (std::ptrdiff_t k = 0; k < c.K; ++k) {
            const double share = c.weights[k] / volumes[k];
            for (std::ptrdiff_t j = 0; j < c.d; ++j) shape[j] += share * variances[k * c.d + j];
        }
        return std::all_of(shape, shape + c.d, is_positive);
    };
    const auto mean_ratio = [&](std::ptrdiff_t k) {
        double sum = 0;
        for (std::ptrdiff_t j = 0; j < c.d; ++j) sum += variances[k * c.d + j] / shape[j];
        return sum / static_cast<double>(c.d);
    };
    return alternate(c, volumes, control, mean_of_scaled, mean_ratio);
}

std::ptrdiff_t vei(const Components& c, Control& control) {
    std::vector<double> room(static_cast<std::size_t>(c.K + c.d));
    double* volumes = room.data();
    double* shape = volumes + c.K;
    begin_volumes(c, c.d, 1, volumes);
    const std::ptrdiff_t failed = share_diagonal_shape(c, c.covariances, volumes, shape, control);
    for (std::ptrdiff_t k = 0; k < c.K; ++k) {
        for (std::ptrdiff_t j = 0; j < c.d; ++j) c.covariances[k * c.d + j] = volumes[k] * shape[j];
    }
    return failed;
}

// The same with matrices: C = D A D^T.
std::ptrdiff_t vee(const Components& c, Control& control) {
    const std::ptrdiff_t d = c.d, size = d * d;
    std::vector<double> room(static_cast<std::size_t>(c.K + 3 * size));
    double* volumes = room.data();
    double* shape = volumes + c.K;
    double* upper = shape + size;
    double* factor = upper + size;  // P with P P^T = inv(C)
    begin_volumes(c, size, d + 1, volumes);
    const auto mean_of_scaled = [&] {
        std::fill(shape, shape + size, 0.0);
        for (std::ptrdiff_t k = 0; k < c.K; ++k) {
            const double share = c.weights[k] / volumes[k];
            for (std::ptrdiff_t i = 0; i < size; ++i) shape[i] += share * c.covariances[k * size + i];
        }
        std::copy_n(shape, size, upper);
        if (!cholesky(upper, d)) return false;
        invert_upper(upper, d, factor);
        double* inverse = upper;
        for (std::ptrdiff_t i = 0; i < d; ++i) {
            if (d >= wide) check_interrupted();
            for (std::ptrdiff_t j = 0; j < d; ++j) {
                double sum = 0;
                for (std::ptrdiff_t m = std::max(i, j); m < d; ++m) sum += factor[i * d + m] * factor[j * d + m];
                inverse[i * d + j] = sum;
            }
        }
        return true;
    };
    const auto mean_ratio = [&](std::ptrdiff_t k) {
        double sum = 0;
        for (std::ptrdiff_t i = 0; i < size; ++i) sum += upper[i] * c.covariances[k * size + i];
        return sum / static_cast<double>(d);
    };
    const std::ptrdiff_t failed = alternate(c, volumes, control, mean_of_scaled, mean_ratio);
    for (std::ptrdiff_t k = 0; k < c.K; ++k) {
        for (std::ptrdiff_t i = 0; i < size; ++i) c.covariances[k * size + i] = volumes[k] * shape[i];
    }
    return failed;
}

// EEV, VEV: the D_k are the eigenvectors of S_k, whose eigenvalues in descending order take the place of the
// variances of EEI and VEI.
std::ptrdiff_t share_shape_only(const Components& c, bool equal_volumes, Control& control) {
    const std::ptrdiff_t d = c.d, size = d * d;
    std::vector<double> room(static_cast<std::size_t>(c.K * (size + d + 1) + d));
    double* vectors = room.data();
    double* values = vectors + c.K * size;
    double* volumes = values + c.K * d;
    double* shape = volumes + c.K;
    const double work = 10 * static_cast<double>(d) * static_cast<double>(size);
    first_failure(c.K, work, control, [&](std::ptrdiff_t k) {
        eigen(c.covariances + k * size, d, values + k * d, vectors + k * size);
        for (std::ptrdiff_t j = 0; j < d; ++j) values[k * d + j] = std::max(values[k * d + j], 0.0);
        return true;
    });
    if (equal_volumes) {
        for (std::ptrdiff_t k = 0; k < c.K; ++k) {
            for (std::ptrdiff_t j = 0; j < d; ++j) shape[j] += c.weights[k] * values[k * d + j];
            volumes[k] = 1;
        }
    } else {
        begin_volumes(c, size, d + 1, volumes);
        const std::ptrdiff_t failed = share_diagonal_shape(c, values, volumes, shape, control);
        if (failed >= 0) return failed;
    }
    for (std::ptrdiff_t k = 0; k < c.K; ++k) {
        for (std::ptrdiff_t j = 0; j < d; ++j) values[k * d + j] = volumes[k] * shape[j];
        compose(vectors + k * size, values + k * d, d, c.covariances + k * size);
    }
    return -1;
}

}  // namespace

std::ptrdiff_t constrain(Model model, const Components& c, Control& control) {
    switch (model) {
        case Model::EII: share_mean(c, 1); return -1;
        case Model::EEI: share_mean(c, c.d); return -1;
        case Model::VEI: return vei(c, control);
        case Model::EVI: return evi(c);
        case Model::VEE: return vee(c, control);
        case Model::EVE: return constrain_orientation(c, true, control);
        case Model::VVE: return constrain_orientation(c, false, control);
        case Model::EEV: return share_shape_only(c, true, control);
        case Model::VEV: return share_shape_only(c, false, control);
        case Model::EVV: return evv(c);
        case Model::VII:
        case Model::VVI:
        case Model::EEE:
        case Model::VVV: return -1;
    }
    return -1;
}

}  // namespace mixtura
