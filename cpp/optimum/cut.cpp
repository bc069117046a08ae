// Cuts one cloud of weighted rows in two: where a search for a better mixture would split a component.
//
// Directions are looked at after whitening, so that neither units nor (for matrices) a rotation matter:
// the extreme axes of the fourth moments sum w |z|^2 z z^T (FOBI, Cardoso 1989), where two equal groups
// show as the least and a small far one as the largest kurtosis; the longest axis in units of each feature's
// spread; and the distance from the centre, for a tight group within a wide one. On each the cut is the
// one of highest classification likelihood of two normals in one dimension; the best of them is that of the
// highest gain in the structure's own classification likelihood (Celeux & Govaert 1992).
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "m_step/linear_algebra.hpp"
#include "optimum/cut.hpp"
#include "support/interrupt.hpp"

namespace mixtura {
namespace {

using Vector = std::vector<double>;

constexpr double minus_infinity = -std::numeric_limits<double>::infinity();
constexpr std::ptrdiff_t jacobi_features = 64;  // beyond, the extreme axes by power iteration
constexpr int power_iterations = 40;
constexpr int n_bins = 128;              // of a coordinate: cuts need no finer ones
constexpr double least_variance = 1e-6;  // of one side of a cut, in units of the whole's

std::size_t at(std::ptrdiff_t index) { return static_cast<std::size_t>(index); }

struct Cloud {
    std::ptrdiff_t n, d;
    Vector rows, weights;  // n x d, n
};

struct Moments {
    double weight = 0;
    Vector mean, covariance;
};

Moments moments_of(const Cloud& cloud) {
    const std::ptrdiff_t d = cloud.d;
    Moments out{0, Vector(at(d)), Vector(at(d * d))};
    for (std::ptrdiff_t i = 0; i < cloud.n; ++i) {
        const double w = cloud.weights[at(i)];
        out.weight += w;
        for (std::ptrdiff_t j = 0; j < d; ++j) out.mean[at(j)] += w * cloud.rows[at(i * d + j)];
    }
    for (double& value : out.mean) value /= out.weight;
    Vector centred(at(d));
    for (std::ptrdiff_t i = 0; i < cloud.n; ++i) {
        if (d >= wide) check_interrupted_sometimes();
        for (std::ptrdiff_t j = 0; j < d; ++j) centred[at(j)] = cloud.rows[at(i * d + j)] - out.mean[at(j)];
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            const double scaled = cloud.weights[at(i)] * centred[at(j)];
            for (std::ptrdiff_t m = 0; m <= j; ++m) out.covariance[at(j * d + m)] += scaled * centred[at(m)];
        }
    }
    for (std::ptrdiff_t j = 0; j < d; ++j) {
        for (std::ptrdiff_t m = 0; m <= j; ++m) {
            out.covariance[at(j * d + m)] /= out.weight;
            out.covariance[at(m * d + j)] = out.covariance[at(j * d + m)];
        }
    }
    return out;
}

// Weight and covariance of both sides, from sums over the second one about the mean of all: the first one's are what
// is left of the whole's. A side is no tighter than the threshold is sharp, so that few digits cancel.
struct Parts {
    double weights[2];
    Vector covariances[2];
};

Parts parts_of(const Cloud& cloud, const std::vector<signed char>& sides, const Moments& all) {
    const std::ptrdiff_t d = cloud.d;
    double weight = 0;
    Vector first(at(d)), second(at(d * d)), centred(at(d));
    for (std::ptrdiff_t i = 0; i < cloud.n; ++i) {
        if (sides[at(i)] == 0) continue;
        if (d >= wide) check_interrupted_sometimes();
        const double w = cloud.weights[at(i)];
        weight += w;
        for (std::ptrdiff_t j = 0; j < d; ++j) centred[at(j)] = cloud.rows[at(i * d + j)] - all.mean[at(j)];
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            const double scaled = w * centred[at(j)];
            first[at(j)] += scaled;
            for (std::ptrdiff_t m = 0; m <= j; ++m) second[at(j * d + m)] += scaled * centred[at(m)];
        }
    }
    Parts parts{{all.weight - weight, weight}, {Vector(at(d * d)), Vector(at(d * d))}};
    for (std::ptrdiff_t j = 0; j < d; ++j) {
        for (std::ptrdiff_t m = 0; m <= j; ++m) {
            const double square = first[at(j)] * first[at(m)], total = all.weight * all.covariance[at(j * d + m)];
            const double of_first = (total - second[at(j * d + m)] - square / parts.weights[0]) / parts.weights[0];
            const double of_second = (second[at(j * d + m)] - square / weight) / weight;
            parts.covariances[0][at(j * d + m)] = parts.covariances[0][at(m * d + j)] = of_first;
            parts.covariances[1][at(j * d + m)] = parts.covariances[1][at(m * d + j)] = of_second;
        }
    }
    return parts;
}

// log |Sigma| of the structure's covariance with these moments; infinity where there is none.
double log_determinant(Structure structure, Vector covariance, const double* added, std::ptrdiff_t d) {
    double sum = 0, trace = 0;
    for (std::ptrdiff_t j = 0; j < d; ++j) covariance[at(j * d + j)] += added[j];
    if (structure == Structure::full || structure == Structure::tied) {
        if (!cholesky(covariance.data(), d)) return -minus_infinity;
        for (std::ptrdiff_t j = 0; j < d; ++j) sum += 2 * std::log(covariance[at(j * d + j)]);
        return sum;
    }
    for (std::ptrdiff_t j = 0; j < d; ++j) {
        sum += std::log(covariance[at(j * d + j)]);
        trace += covariance[at(j * d + j)];
    }
    return structure == Structure::diag ? sum : static_cast<double>(d) * std::log(trace / static_cast<double>(d));
}

void power_iteration(const Vector& matrix, double shift, double sign, std::ptrdiff_t d, Vector& axis) {
    Vector next(at(d));
    axis.assign(at(d), 1 / std::sqrt(static_cast<double>(d)));
    for (int iteration = 0; iteration < power_iterations; ++iteration) {
        check_interrupted();
        double norm = 0;
        for (std::ptrdiff_t i = 0; i < d; ++i) {
            double sum = shift * axis[at(i)];
            for (std::ptrdiff_t j = 0; j < d; ++j) sum += sign * matrix[at(i * d + j)] * axis[at(j)];
            next[at(i)] = sum;
            norm += sum * sum;
        }
        if (!(norm > 0)) return;
        for (std::ptrdiff_t i = 0; i < d; ++i) axis[at(i)] = next[at(i)] / std::sqrt(norm);
    }
}

// Axes of the largest and of the least eigenvalue of a positive matrix (roughly, where d is large).
void extreme_axes(Vector matrix, std::ptrdiff_t d, Vector& largest, Vector& least) {
    if (d > jacobi_features) {
        double trace = 0;
        for (std::ptrdiff_t j = 0; j < d; ++j) trace += matrix[at(j * d + j)];
        power_iteration(matrix, 0, 1, d, largest);
        power_iteration(matrix, 2 * trace / static_cast<double>(d), -1, d, least);
        return;
    }
    Vector values(at(d)), vectors(at(d * d));
    eigen(matrix.data(), d, values.data(), vectors.data());
    largest.assign(vectors.begin(), vectors.begin() + d);
    least.assign(vectors.end() - d, vectors.end());
}

// Solves U^T z = x - mean for every row, U upper triangular.
Vector whitened(const Cloud& cloud, const Vector& mean, const Vector& upper) {
    const std::ptrdiff_t d = cloud.d;
    Vector inverse(at(d * d)), centred(at(d)), z(at(cloud.n * d));
    invert_upper(upper.data(), d, inverse.data());  // z_j = sum_m<=j inverse[m, j] x_m
    for (std::ptrdiff_t i = 0; i < cloud.n; ++i) {
        double* out = z.data() + i * d;
        if (d >= wide) check_interrupted_sometimes();
        for (std::ptrdiff_t m = 0; m < d; ++m) {
            const double value = cloud.rows[at(i * d + m)] - mean[at(m)];
            for (std::ptrdiff_t j = m; j < d; ++j) out[j] += inverse[at(m * d + j)] * value;
        }
    }
    return z;
}

// U with U^T U the covariance that the rows are whitened by; empty where there is none.
Vector root(Structure structure, Vector covariance, std::ptrdiff_t d) {
    if (structure == Structure::full || structure == Structure::tied) {
        return cholesky(covariance.data(), d) ? covariance : Vector();
    }
    double trace = 0;
    for (std::ptrdiff_t j = 0; j < d; ++j) trace += covariance[at(j * d + j)];
    Vector out(at(d * d));
    for (std::ptrdiff_t j = 0; j < d; ++j) {
        const double variance =
            structure == Structure::diag ? covariance[at(j * d + j)] : trace / static_cast<double>(d);
        if (!(variance > 0)) return {};
        out[at(j * d + j)] = std::sqrt(variance);
    }
    return out;
}

Vector project(const Vector& rows, const Vector& axis, std::ptrdiff_t n, std::ptrdiff_t d) {
    Vector out(at(n));
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        for (std::ptrdiff_t j = 0; j < d; ++j) out[at(i)] += rows[at(i * d + j)] * axis[at(j)];
    }
    return out;
}

struct Side {
    double weight = 0, first = 0, second = 0;
    void add(const Side& other) {
        weight += other.weight;
        first += other.first;
        second += other.second;
    }
};

// Twice the classification log-likelihood of one side, but for constants. radial: x is a squared distance over d
// dimensions from a centre that both sides share.
double side_likelihood(const Side& side, double total, bool radial, std::ptrdiff_t d) {
    const double share = side.weight / total;
    const double mean = side.first / side.weight;
    if (radial) {
        const auto features = static_cast<double>(d);
        return side.weight * (2 * std::log(share) - features * std::log(std::max(mean, least_variance)));
    }
    const double variance = side.second / side.weight - mean * mean;
    return side.weight * std::log(share * share / std::max(variance, least_variance));
}

// A coordinate's place among the bins: even where most rows are, ever wider outside, so that no row is left out.
int bin_of(double x, bool radial, std::ptrdiff_t d) {
    const double squeezed = radial ? x / (x + static_cast<double>(d)) : (1 + x / (1 + std::abs(x))) / 2;
    if (!(squeezed > 0)) return 0;  // NaN, of rows whose squares overflow, too
    return std::min(static_cast<int>(squeezed * n_bins), n_bins - 1);
}

// The best threshold on one coordinate, between two bins; false where both sides cannot have `least` rows.
bool best_threshold(const Vector& x, const Vector& weights, double least, bool radial, std::ptrdiff_t d,
                    std::vector<signed char>& sides) {
    std::vector<Side> bins(n_bins);
    std::vector<unsigned char> places(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
        const int place = bin_of(x[i], radial, d);
        places[i] = static_cast<unsigned char>(place);
        bins[static_cast<std::size_t>(place)].add({weights[i], weights[i] * x[i], weights[i] * x[i] * x[i]});
    }
    Side all, below;
    for (const Side& bin : bins) all.add(bin);
    double best = minus_infinity;
    int last = 0;
    for (int b = 0; b + 1 < n_bins; ++b) {
        const Side& bin = bins[static_cast<std::size_t>(b)];
        below.add(bin);
        const Side above{all.weight - below.weight, all.first - below.first, all.second - below.second};
        if (bin.weight == 0 || below.weight < least || above.weight < least) continue;
        const double likelihood =
            side_likelihood(below, all.weight, radial, d) + side_likelihood(above, all.weight, radial, d);
        if (likelihood > best) best = likelihood, last = b;
    }
    if (best == minus_infinity) return false;
    sides.resize(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) sides[i] = places[i] > last;
    return true;
}

// Gain in classification log-likelihood over one component for all.
double gain_of(Structure structure, const Cloud& cloud, const std::vector<signed char>& sides, const Moments& all,
               double log_det, const double* added) {
    const Parts parts = parts_of(cloud, sides, all);
    double gain = all.weight * log_det / 2;
    for (const double weight : parts.weights) gain += weight * std::log(weight / all.weight);
    if (structure == Structure::tied) {
        Vector pooled(all.covariance.size());
        for (int side : {0, 1}) {
            const double share = parts.weights[side] / all.weight;
            for (std::size_t i = 0; i < pooled.size(); ++i) pooled[i] += share * parts.covariances[side][i];
        }
        return gain - all.weight * log_determinant(structure, pooled, added, cloud.d) / 2;
    }
    for (int side : {0, 1}) {
        gain -= parts.weights[side] * log_determinant(structure, parts.covariances[side], added, cloud.d) / 2;
    }
    return gain;
}

Cloud gather(const double* rows, const double* weights, std::ptrdiff_t n, std::ptrdiff_t d,
             std::vector<std::ptrdiff_t>& kept) {
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        if (weights[i] > 0) kept.push_back(i);
    }
    Cloud cloud{static_cast<std::ptrdiff_t>(kept.size()), d, {}, {}};
    for (const std::ptrdiff_t i : kept) {
        cloud.rows.insert(cloud.rows.end(), rows + i * d, rows + (i + 1) * d);
        cloud.weights.push_back(weights[i]);
    }
    return cloud;
}

}  // namespace

double cut(Structure structure, const double* rows, const double* weights, std::ptrdiff_t n_rows,
           std::ptrdiff_t n_features, const double* added, double least_rows, std::int8_t* sides) {
    const std::ptrdiff_t d = n_features;
    std::vector<std::ptrdiff_t> kept;
    const Cloud cloud = gather(rows, weights, n_rows, d, kept);
    std::fill(sides, sides + n_rows, static_cast<std::int8_t>(-1));
    if (cloud.n < 2) return minus_infinity;
    check_interrupted_sometimes();
    const Moments all = moments_of(cloud);
    const double log_det = log_determinant(structure, all.covariance, added, d);
    Vector covariance = all.covariance;
    for (std::ptrdiff_t j = 0; j < d; ++j) covariance[at(j * d + j)] += added[j];
    const Vector upper = root(structure, covariance, d);
    if (upper.empty() || !std::isfinite(log_det)) return minus_infinity;

    const Vector z = whitened(cloud, all.mean, upper);
    Vector squares(at(cloud.n)), fourth(at(d * d)), correlation(at(d * d)), scaled(at(cloud.n * d));
    for (std::ptrdiff_t i = 0; i < cloud.n; ++i) {
        const double* row = z.data() + i * d;
        if (d >= wide) check_interrupted_sometimes();
        for (std::ptrdiff_t j = 0; j < d; ++j) squares[at(i)] += row[j] * row[j];
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            const double value = cloud.weights[at(i)] * squares[at(i)] * row[j];
            for (std::ptrdiff_t m = 0; m < d; ++m) fourth[at(j * d + m)] += value * row[m];
            scaled[at(i * d + j)] =
                (cloud.rows[at(i * d + j)] - all.mean[at(j)]) / std::sqrt(covariance[at(j * d + j)]);
        }
    }
    for (std::ptrdiff_t i = 0; i < d; ++i) {
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            correlation[at(i * d + j)] =
                covariance[at(i * d + j)] / std::sqrt(covariance[at(i * d + i)] * covariance[at(j * d + j)]);
        }
    }
    Vector heavy, light, longest, shortest;
    extreme_axes(fourth, d, heavy, light);
    extreme_axes(correlation, d, longest, shortest);
    std::vector<Vector> coordinates{project(z, light, cloud.n, d), squares};
    if (d > 1) {
        coordinates.push_back(project(z, heavy, cloud.n, d));
        coordinates.push_back(project(scaled, longest, cloud.n, d));
    }

    double best = minus_infinity;
    std::vector<signed char> found, best_sides;
    for (std::size_t c = 0; c < coordinates.size(); ++c) {
        if (!best_threshold(coordinates[c], cloud.weights, least_rows, c == 1, d, found)) continue;
        const double gain = gain_of(structure, cloud, found, all, log_det, added);
        if (gain > best) best = gain, best_sides = found;
    }
    for (std::size_t i = 0; i < best_sides.size(); ++i) sides[kept[i]] = best_sides[i];
    return best;
}

}  // namespace mixtura
