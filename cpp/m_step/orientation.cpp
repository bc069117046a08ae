// EVE and VVE: Sigma_k = D Lambda_k D^T with the same axes D in every component.
//
// With b_kj = (D^T S_k D)_jj the other parameters have closed forms, and what is left to minimise over D is
//
//     VVE  sum_k w_k sum_j log b_kj                  Lambda_k = diag(b_k)
//     EVE  d log sum_k w_k g_k                       Lambda_k = sum_i w_i g_i diag(b_k) / g_k
//
// with the geometric means g_k = (prod_j b_kj)^(1/d). Both are concave in the b, so their tangents lie above
// them: sum_k u_k sum_j b_kj / b0_kj with u_k = w_k (VVE), w_k g_k / sum_i w_i g_i (EVE). In the plane of two
// axes the rotation that minimises the tangent has a closed form, an eigenvector of a 2 x 2 matrix. Going
// through the planes again and again lowers the objective at every rotation: the majorisation of
// Browne & McNicholas 2014, in the planes of Flury & Gautschi 1986, which need far fewer passes.
//
// In one plane, by the angle phi and with b_pq = (D^T S_k D)_pq, the first two derivatives at 0 are
//
//     tangent    2 e,  4 h          e = sum_k u_k (b_pq / b_p - b_pq / b_q)
//     objective  2 e,  4 (h - z)    h = sum_k u_k (b_p - b_q)^2 / (2 b_p b_q)
//
// with z = sum_k u_k (b_pq^2 / b_p^2 + b_pq^2 / b_q^2), in EVE less the variance under the u_k of b_pq / b_p - b_pq /
// b_q, by d.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "m_step/constrain.hpp"
#include "m_step/linear_algebra.hpp"
#include "support/parallel.hpp"

namespace mixtura {
namespace {

constexpr int most_sweeps = 100;
constexpr int sweeps_to_compare = 5;
constexpr std::ptrdiff_t most_beginnings = 4;
constexpr double settled = 1e-15;     // decrease of the objective in a sweep, in nats a row
constexpr double worthwhile = 0.1;    // or, from the axes before, as a share of what all sweeps have brought
constexpr double negligible = 1e-20;  // in one plane: rounding
constexpr double ridge = 1e-6;        // a negative curvature that is no rounding

class CommonOrientation {
  public:
    CommonOrientation(const Components& components, bool equal_volumes, StopFlag& flag)
        : c_(components), K(c_.K), d(c_.d), equal_volumes_(equal_volumes), flag_(flag),
          room_(static_cast<std::size_t>(K * d * d + 2 * d * d + 2 * K)) {
        rotated_ = room_.data();
        axes_ = rotated_ + K * d * d;
        product_ = axes_ + d * d;
        shares_ = product_ + d * d;
        volumes_ = shares_ + K;
    }

    // The objective after at most so many passes from these axes (the rows), fewer where one brings less than `least`
    // of all of them.
    double minimise(const double* axes, int n_sweeps, double least = 0) {
        std::copy_n(axes, d * d, axes_);
        for (std::ptrdiff_t k = 0; k < K; ++k) rotate_to_axes(c_.covariances + k * d * d, rotated(k));
        weigh();
        double decrease = 1, all = 0;
        for (int sweep = 0; sweep < n_sweeps && decrease > std::max(settled, least * all); ++sweep) {
            decrease = 0;
            for (std::ptrdiff_t p = 0; p < d && !flag_.stopped(); ++p) {
                if (d >= wide) check_interrupted();
                for (std::ptrdiff_t q = p + 1; q < d; ++q) decrease += rotate(p, q);
            }
            all += decrease;
        }
        weigh();
        return objective_;
    }

    const double* axes() const { return axes_; }

    // Sigma_k of these axes into the place of S_k.
    void finish() {
        for (std::ptrdiff_t k = 0; k < K; ++k) {
            const double ratio = equal_volumes_ ? shared_volume_ / volumes_[k] : 1;
            double* values = product_;
            for (std::ptrdiff_t j = 0; j < d; ++j) values[j] = ratio * rotated(k)[j * d + j];
            compose(axes_, values, d, c_.covariances + k * d * d);
        }
    }

  private:
    double* rotated(std::ptrdiff_t k) { return rotated_ + k * d * d; }

    // out = axes S axes^T
    void rotate_to_axes(const double* matrix, double* out) {
        for (std::ptrdiff_t i = 0; i < d; ++i) {
            double* row = product_ + i * d;
            if (d >= wide) check_interrupted();
            std::fill(row, row + d, 0.0);
            for (std::ptrdiff_t m = 0; m < d; ++m) {
                for (std::ptrdiff_t j = 0; j < d; ++j) row[j] += axes_[i * d + m] * matrix[m * d + j];
            }
        }
        for (std::ptrdiff_t i = 0; i < d; ++i) {
            if (d >= wide) check_interrupted();
            for (std::ptrdiff_t j = i; j < d; ++j) {
                double sum = 0;
                for (std::ptrdiff_t m = 0; m < d; ++m) sum += product_[i * d + m] * axes_[j * d + m];
                out[i * d + j] = out[j * d + i] = sum;
            }
        }
    }

    // Shares u_k, geometric means and the objective at these axes.
    void weigh() {
        shared_volume_ = objective_ = 0;
        for (std::ptrdiff_t k = 0; k < K; ++k) {
            double sum = 0;
            for (std::ptrdiff_t j = 0; j < d; ++j) sum += std::log(rotated(k)[j * d + j]);
            if (c_.weights[k] > 0) objective_ += c_.weights[k] * sum;
            volumes_[k] = std::exp(sum / static_cast<double>(d));
            shared_volume_ += c_.weights[k] * volumes_[k];
        }
        if (equal_volumes_) objective_ = static_cast<double>(d) * std::log(shared_volume_);
        share();
    }

    void share() {
        for (std::ptrdiff_t k = 0; k < K; ++k) {
            shares_[k] = equal_volumes_ ? c_.weights[k] * volumes_[k] / shared_volume_ : c_.weights[k];
        }
    }

    struct Plane {
        double slope = 0;              // e
        double curvature = 0;          // h - z
        double tangent_curvature = 0;  // h, never negative
    };

    struct Turn {
        double cosine = 1;
        double sine = 0;
    };

    // Turns axes p and q towards the minimum in their plane; returns about how much that lowers the objective.
    double rotate(std::ptrdiff_t p, std::ptrdiff_t q) {
        const Plane plane = look_at(p, q);
        double decrease = lowering(plane.slope, plane.tangent_curvature);
        Turn turn;
        if (decrease > negligible) {
            turn = to_minimum(plane.slope, plane.tangent_curvature);
            // The objective curves less than its tangent, so its own minimum lies farther off.
            if (plane.curvature > 0.1 * plane.tangent_curvature) {
                const Turn farther = to_minimum(plane.slope, plane.curvature);
                if (change(p, q, farther) <= -decrease) turn = farther;
            }
        } else {
            // Correlated features of equal variances: level, but a ridge.
            if (!(plane.curvature < -ridge)) return 0;
            turn = {std::sqrt(0.5), std::sqrt(0.5)};
            decrease = -change(p, q, turn);
            if (!(decrease > settled)) return 0;
        }
        apply(p, q, turn);
        return decrease;
    }

    void apply(std::ptrdiff_t p, std::ptrdiff_t q, const Turn& turn) {
        for (std::ptrdiff_t k = 0; k < K; ++k) {
            if (equal_volumes_) volumes_[k] *= root(determinant_ratio(k, p, q, turn));
            rotate_symmetric(rotated(k), d, p, q, turn.cosine, turn.sine);
        }
        if (equal_volumes_) share_anew();
        rotate_rows(axes_, d, p, q, turn.cosine, turn.sine);
    }

    Plane look_at(std::ptrdiff_t p, std::ptrdiff_t q) {
        Plane plane;
        double square = 0;
        for (std::ptrdiff_t k = 0; k < K; ++k) {
            const double* b = rotated(k);
            const double b_p = b[p * d + p], b_q = b[q * d + q];
            const double cross_p = b[p * d + q] / b_p, cross_q = b[p * d + q] / b_q;
            const double difference = cross_p - cross_q;
            plane.slope += shares_[k] * difference;
            plane.tangent_curvature += shares_[k] * 0.5 * ((b_q - b_p) / b_p) * ((b_q - b_p) / b_q);
            plane.curvature -= shares_[k] * (cross_p * cross_p + cross_q * cross_q);
            square += shares_[k] * difference * difference;
        }
        plane.curvature += plane.tangent_curvature;
        if (equal_volumes_) plane.curvature += (square - plane.slope * plane.slope) / static_cast<double>(d);
        return plane;
    }

    // By the angle phi the tangent is constant - h cos(2 phi) + e sin(2 phi).
    static double lowering(double e, double h) { return e * e / (h + std::sqrt(h * h + e * e)); }

    static Turn to_minimum(double e, double h) {
        const double length = std::sqrt(h * h + e * e);
        const double cosine = std::sqrt(0.5 * (1 + h / length));
        return {cosine, -e / (2 * length * cosine)};
    }

    // By how much a turn changes the objective itself.
    double change(std::ptrdiff_t p, std::ptrdiff_t q, const Turn& turn) {
        double sum = 0;
        for (std::ptrdiff_t k = 0; k < K; ++k) {
            if (!(shares_[k] > 0)) continue;
            const double ratio = determinant_ratio(k, p, q, turn);
            sum += shares_[k] * (equal_volumes_ ? root(ratio) : std::log(ratio));
        }
        return equal_volumes_ ? static_cast<double>(d) * std::log(sum) : sum;
    }

    double root(double x) const {
        switch (d) {  // std::pow takes as long as all the rest of a turn
            case 1: return x;
            case 2: return std::sqrt(x);
            case 3: return std::cbrt(x);
            case 4: return std::sqrt(std::sqrt(x));
            default: return std::exp(std::log(x) / static_cast<double>(d));
        }
    }

    // g_k^d after a turn by g_k^d before.
    double determinant_ratio(std::ptrdiff_t k, std::ptrdiff_t p, std::ptrdiff_t q, const Turn& turn) {
        const double* b = rotated(k);
        const double b_p = b[p * d + p], b_pq = b[p * d + q], b_q = b[q * d + q];
        const double c = turn.cosine, s = turn.sine;
        const double turned_p = c * c * b_p + 2 * c * s * b_pq + s * s * b_q;
        const double turned_q = c * c * b_q - 2 * c * s * b_pq + s * s * b_p;
        return (turned_p / b_p) * (turned_q / b_q);
    }

    void share_anew() {
        shared_volume_ = 0;
        for (std::ptrdiff_t k = 0; k < K; ++k) shared_volume_ += c_.weights[k] * volumes_[k];
        share();
    }

    const Components& c_;
    const std::ptrdiff_t K;
    const std::ptrdiff_t d;
    const bool equal_volumes_;
    StopFlag& flag_;
    std::vector<double> room_;
    double* rotated_ = nullptr;  // D^T S_k D
    double* axes_ = nullptr;     // D^T
    double* product_ = nullptr;
    double* shares_ = nullptr;
    double* volumes_ = nullptr;  // g_k
    double shared_volume_ = 0;
    double objective_ = 0;
};

using Axes = std::vector<double>;

// The eigenvectors, as rows, of sum_k factor(k) matrix_k.
template <class Factor>
Axes axes_of(const double* matrices, std::ptrdiff_t n_components, std::ptrdiff_t d, const Factor& factor) {
    const std::ptrdiff_t size = d * d;
    std::vector<double> sum(static_cast<std::size_t>(size + d));
    for (std::ptrdiff_t k = 0; k < n_components; ++k) {
        for (std::ptrdiff_t i = 0; i < size; ++i)
            sum[static_cast<std::size_t>(i)] += factor(k) * matrices[k * size + i];
    }
    Axes axes(static_cast<std::size_t>(size));
    eigen(sum.data(), d, sum.data() + size, axes.data());
    return axes;
}

// The axes of covariances that have common ones. Where two sums of variances coincide their axes are lost, so
// the matrices are mixed in proportions that no data have.
Axes common_axes(const double* covariances, std::ptrdiff_t n_components, std::ptrdiff_t d) {
    return axes_of(covariances, n_components, d, [&](std::ptrdiff_t k) {
        double trace = 0;
        for (std::ptrdiff_t j = 0; j < d; ++j) trace += covariances[k * d * d + j * d + j];
        const double golden = 0.6180339887498949 * static_cast<double>(k);
        return (1 + golden - std::floor(golden)) / trace;
    });
}

// There may be several minima: the axes of the mean or those of one of the largest components, whichever a few
// passes bring lowest.
Axes best_beginning(const Components& c, CommonOrientation& step) {
    Axes best = axes_of(c.covariances, c.K, c.d, [&](std::ptrdiff_t k) { return c.weights[k]; });
    double lowest = step.minimise(best.data(), sweeps_to_compare);
    best.assign(step.axes(), step.axes() + c.d * c.d);
    std::vector<std::ptrdiff_t> largest(static_cast<std::size_t>(c.K));
    std::iota(largest.begin(), largest.end(), std::ptrdiff_t{0});
    std::stable_sort(largest.begin(), largest.end(), [&](auto a, auto b) { return c.weights[a] > c.weights[b]; });
    largest.resize(static_cast<std::size_t>(std::min(c.K, most_beginnings)));
    for (const std::ptrdiff_t k : largest) {
        const double* own = c.covariances + k * c.d * c.d;
        const double objective =
            step.minimise(axes_of(own, 1, c.d, [](std::ptrdiff_t) { return 1; }).data(), sweeps_to_compare);
        if (!(objective < lowest)) continue;
        lowest = objective;
        best.assign(step.axes(), step.axes() + c.d * c.d);
    }
    return best;
}

std::ptrdiff_t first_singular(const Components& c) {
    std::vector<double> upper(static_cast<std::size_t>(c.d * c.d));
    for (std::ptrdiff_t k = 0; k < c.K; ++k) {
        std::copy_n(c.covariances + k * c.d * c.d, c.d * c.d, upper.data());
        if (!cholesky(upper.data(), c.d)) return k;
    }
    return -1;
}

}  // namespace

std::ptrdiff_t constrain_orientation(const Components& c, bool equal_volumes, Control& control) {
    const std::ptrdiff_t singular = first_singular(c);
    if (singular >= 0) return singular;
    StopFlag flag(control);
    CommonOrientation step(c, equal_volumes, flag);
    // EM goes on from these axes in its next iteration: what a step leaves, the next ones gain, and the nearer EM is to
    // its end, the nearer is each step to its own.
    if (c.previous != nullptr) {
        step.minimise(common_axes(c.previous, c.K, c.d).data(), most_sweeps, worthwhile);
    } else {
        step.minimise(best_beginning(c, step).data(), most_sweeps);
    }
    step.finish();
    return -1;
}

}  // namespace mixtura
