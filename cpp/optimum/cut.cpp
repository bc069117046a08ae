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
#include <utility>
#include <vector>

#include "m_step/linear_algebra.hpp"
#include "optimum/cut.hpp"
#include "support/interrupt.hpp"

namespace mixtura {
namespace {

using Vector = std::vector<double>;

constexpr double minus_infinity = -std::numeric_limits<double>::infinity();
constexpr std::ptrdiff_t most_of_few_features = 64;  // beyond, the extreme axes by power iteration, without a matrix
constexpr int power_iterations = 12;
constexpr double settled = 1e-6;         // square of an axis's change by which no row changes sides
constexpr int n_bins = 128;              // of a coordinate: cuts need no finer ones
constexpr double least_variance = 1e-6;  // of one side of a cut, in units of the whole's

std::size_t at(std::ptrdiff_t index) { return static_cast<std::size_t>(index); }

struct Cloud {
    std::ptrdiff_t n, d;
    Vector rows, weights;  // n x d, n
};

bool has_few_features(std::ptrdiff_t d) { return d <= most_of_few_features; }

// Of many features in structures without matrices nothing but the variances is looked at.
bool takes_matrix(Structure structure, std::ptrdiff_t d) { return has_matrices(structure) || has_few_features(d); }

// Takes the rows about their weighted mean.
void centre(Cloud& cloud, double weight) {
    const std::ptrdiff_t d = cloud.d;
    Vector mean(at(d));
    for (std::ptrdiff_t i = 0; i < cloud.n; ++i) {
        const double w = cloud.weights[at(i)];
        for (std::ptrdiff_t j = 0; j < d; ++j) mean[at(j)] += w * cloud.rows[at(i * d + j)];
    }
    for (double& value : mean) value /= weight;
    for (std::ptrdiff_t i = 0; i < cloud.n; ++i) {
        for (std::ptrdiff_t j = 0; j < d; ++j) cloud.rows[at(i * d + j)] -= mean[at(j)];
    }
}

// sum_i w_i x_i x_i^T over rows of positive weight: the lower triangle at least, or the diagonal alone (d numbers).
Vector squares_of(const Cloud& cloud, const Vector& weights, bool is_matrix) {
    const std::ptrdiff_t d = cloud.d;
    Vector sums(at(is_matrix ? d * d : d));
    if (is_matrix && !has_few_features(d)) {
        Vector kept, scaled;
        kept.reserve(cloud.rows.size());
        scaled.reserve(cloud.rows.size());
        for (std::ptrdiff_t i = 0; i < cloud.n; ++i) {
            const double w = weights[at(i)];
            if (w == 0) continue;
            const double* row = cloud.rows.data() + i * d;
            kept.insert(kept.end(), row, row + d);
            for (std::ptrdiff_t j = 0; j < d; ++j) scaled.push_back(w * row[j]);
        }
        gram(kept.data(), scaled.data(), static_cast<std::ptrdiff_t>(kept.size()) / d, d, sums.data());
        return sums;
    }
    for (std::ptrdiff_t i = 0; i < cloud.n; ++i) {
        const double w = weights[at(i)];
        const double* row = cloud.rows.data() + i * d;
        if (w == 0) continue;
        if (d >= wide) check_interrupted_sometimes();
        if (!is_matrix) {
            for (std::ptrdiff_t j = 0; j < d; ++j) sums[at(j)] += w * row[j] * row[j];
            continue;
        }
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            const double scaled = w * row[j];
            for (std::ptrdiff_t m = 0; m <= j; ++m) sums[at(j * d + m)] += scaled * row[m];
        }
    }
    return sums;
}

// The covariance of all rows: d x d, or d variances.
Vector covariance_of(const Cloud& cloud, double weight, bool is_matrix) {
    const std::ptrdiff_t d = cloud.d;
    Vector covariance = squares_of(cloud, cloud.weights, is_matrix);
    for (double& value : covariance) value /= weight;
    for (std::ptrdiff_t j = 0; is_matrix && j < d; ++j) {
        for (std::ptrdiff_t m = 0; m < j; ++m) covariance[at(m * d + j)] = covariance[at(j * d + m)];
    }
    return covariance;
}

// Between two numbers of the diagonal of a covariance: a matrix's, or the variances'.
std::ptrdiff_t step_of(const Vector& covariance, std::ptrdiff_t d) { return covariance.size() == at(d) ? 1 : d + 1; }

// Weight and covariance of both sides, from sums over the second one about the mean of all: the first one's are what
// is left of the whole's. A side is no tighter than the threshold is sharp, so that few digits cancel.
struct Parts {
    double weights[2];
    Vector covariances[2];
};

Parts parts_of(const Cloud& cloud, const std::vector<signed char>& sides, double all_weight, const Vector& all) {
    const std::ptrdiff_t d = cloud.d;
    double weight = 0;
    Vector first(at(d)), weights(cloud.weights);
    for (std::ptrdiff_t i = 0; i < cloud.n; ++i) {
        if (sides[at(i)] == 0) {
            weights[at(i)] = 0;
            continue;
        }
        const double w = weights[at(i)];
        weight += w;
        for (std::ptrdiff_t j = 0; j < d; ++j) first[at(j)] += w * cloud.rows[at(i * d + j)];
    }
    const bool is_matrix = all.size() > at(d);
    const Vector second = squares_of(cloud, weights, is_matrix);
    Parts parts{{all_weight - weight, weight}, {Vector(all.size()), Vector(all.size())}};
    const auto part = [&](std::ptrdiff_t j, std::ptrdiff_t m, std::ptrdiff_t jm, std::ptrdiff_t mj) {
        const double square = first[at(j)] * first[at(m)], total = all_weight * all[at(jm)];
        const double of_first = (total - second[at(jm)] - square / parts.weights[0]) / parts.weights[0];
        const double of_second = (second[at(jm)] - square / weight) / weight;
        parts.covariances[0][at(jm)] = parts.covariances[0][at(mj)] = of_first;
        parts.covariances[1][at(jm)] = parts.covariances[1][at(mj)] = of_second;
    };
    for (std::ptrdiff_t j = 0; j < d; ++j) {
        if (!is_matrix) part(j, j, j, j);
        for (std::ptrdiff_t m = 0; is_matrix && m <= j; ++m) part(j, m, j * d + m, m * d + j);
    }
    return parts;
}

// log |Sigma| of the structure's covariance with these moments; infinity where there is none.
double log_determinant(Structure structure, Vector covariance, const double* added, std::ptrdiff_t d) {
    const std::ptrdiff_t step = step_of(covariance, d);
    double sum = 0, trace = 0;
    for (std::ptrdiff_t j = 0; j < d; ++j) covariance[at(j * step)] += added[j];
    if (has_matrices(structure)) {
        if (!cholesky(covariance.data(), d)) return -minus_infinity;
        for (std::ptrdiff_t j = 0; j < d; ++j) sum += 2 * std::log(covariance[at(j * d + j)]);
        return sum;
    }
    for (std::ptrdiff_t j = 0; j < d; ++j) {
        sum += std::log(covariance[at(j * step)]);
        trace += covariance[at(j * step)];
    }
    return structure == Structure::diag ? sum : static_cast<double>(d) * std::log(trace / static_cast<double>(d));
}

// A matrix sum_i w_i x_i x_i^T + diag(ridge) that is never made.
struct Product {
    const Vector& rows;
    Vector weights, ridge;
    std::ptrdiff_t n, d;

    void operator()(const Vector& axis, Vector& out) const {
        for (std::ptrdiff_t j = 0; j < d; ++j) out[at(j)] = ridge.empty() ? 0 : ridge[at(j)] * axis[at(j)];
        for (std::ptrdiff_t i = 0; i < n; ++i) {
            check_interrupted_sometimes();
            const double* row = rows.data() + i * d;
            const double scaled = weights[at(i)] * inner_product(row, axis.data(), d);
            for (std::ptrdiff_t j = 0; j < d; ++j) out[at(j)] += scaled * row[j];
        }
    }
};

// The axis that iterating x -> shift x + sign M x tends to.
Vector power_iteration(const Product& product, double shift, double sign) {
    const std::ptrdiff_t d = product.d;
    Vector next(at(d)), axis(at(d), 1 / std::sqrt(static_cast<double>(d)));
    for (int iteration = 0; iteration < power_iterations; ++iteration) {
        product(axis, next);
        double norm = 0, change = 0;
        for (std::ptrdiff_t i = 0; i < d; ++i) {
            next[at(i)] = shift * axis[at(i)] + sign * next[at(i)];
            norm += next[at(i)] * next[at(i)];
        }
        if (!(norm > 0)) return axis;
        for (std::ptrdiff_t i = 0; i < d; ++i) {
            const double value = next[at(i)] / std::sqrt(norm), moved = value - axis[at(i)];
            change += moved * moved;
            axis[at(i)] = value;
        }
        if (change < settled) return axis;
    }
    return axis;
}

// Solves U^T z = x for every row, U upper triangular; of a diagonal U its d roots.
Vector whitened(const Cloud& cloud, const Vector& upper) {
    const std::ptrdiff_t d = cloud.d;
    Vector z(at(cloud.n * d));
    if (!has_few_features(d) && upper.size() == at(d)) {
        Vector units(upper);
        for (double& unit : units) unit = 1 / unit;
        for (std::ptrdiff_t i = 0; i < cloud.n; ++i) {
            for (std::ptrdiff_t j = 0; j < d; ++j) z[at(i * d + j)] = cloud.rows[at(i * d + j)] * units[at(j)];
        }
        return z;
    }
    Vector inverse(at(d * d));
    invert_upper(upper.data(), d, inverse.data());  // z_j = sum_m<=j inverse[m, j] x_m
    if (!has_few_features(d)) {
        times_upper(cloud.rows.data(), inverse.data(), cloud.n, d, z.data());
        return z;
    }
    for (std::ptrdiff_t i = 0; i < cloud.n; ++i) {
        double* out = z.data() + i * d;
        if (d >= wide) check_interrupted_sometimes();
        for (std::ptrdiff_t m = 0; m < d; ++m) {
            const double value = cloud.rows[at(i * d + m)];
            for (std::ptrdiff_t j = m; j < d; ++j) out[j] += inverse[at(m * d + j)] * value;
        }
    }
    return z;
}

// U with U^T U the covariance that the rows are whitened by, of many features without matrices its d roots; empty where
// there is none.
Vector root(Structure structure, Vector covariance, std::ptrdiff_t d) {
    if (has_matrices(structure)) return cholesky(covariance.data(), d) ? covariance : Vector();
    const std::ptrdiff_t step = step_of(covariance, d);
    double trace = 0;
    for (std::ptrdiff_t j = 0; j < d; ++j) trace += covariance[at(j * step)];
    Vector out(covariance.size());
    for (std::ptrdiff_t j = 0; j < d; ++j) {
        const double variance =
            structure == Structure::diag ? covariance[at(j * step)] : trace / static_cast<double>(d);
        if (!(variance > 0)) return {};
        out[at(j * step)] = std::sqrt(variance);
    }
    return out;
}

struct Axes {
    Vector light, heavy;  // of the least and of the largest kurtosis
    Vector longest;       // in units of the features' spreads
};

// By matrices and all their axes.
Axes axes_of_few(const Cloud& cloud, const Vector& z, const Vector& squares, const Vector& covariance) {
    const std::ptrdiff_t d = cloud.d;
    Vector fourth(at(d * d)), correlation(at(d * d)), values(at(d)), vectors(at(d * d));
    for (std::ptrdiff_t i = 0; i < cloud.n; ++i) {
        const double* row = z.data() + i * d;
        if (d >= wide) check_interrupted_sometimes();
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            const double value = cloud.weights[at(i)] * squares[at(i)] * row[j];
            for (std::ptrdiff_t m = 0; m < d; ++m) fourth[at(j * d + m)] += value * row[m];
        }
    }
    for (std::ptrdiff_t i = 0; i < d; ++i) {
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            correlation[at(i * d + j)] =
                covariance[at(i * d + j)] / std::sqrt(covariance[at(i * d + i)] * covariance[at(j * d + j)]);
        }
    }
    Axes axes;
    eigen(fourth.data(), d, values.data(), vectors.data());
    axes.heavy.assign(vectors.begin(), vectors.begin() + d);
    axes.light.assign(vectors.end() - d, vectors.end());
    eigen(correlation.data(), d, values.data(), vectors.data());
    axes.longest.assign(vectors.begin(), vectors.begin() + d);
    return axes;
}

// Roughly, without the matrices.
Axes axes_of_many(const Cloud& cloud, const Vector& z, const Vector& squares, const Vector& scaled, Vector ridge,
                  double weight) {
    Product fourth{z, cloud.weights, {}, cloud.n, cloud.d},
        correlation{scaled, cloud.weights, std::move(ridge), cloud.n, cloud.d};
    double trace = 0;
    for (std::size_t i = 0; i < squares.size(); ++i) {
        fourth.weights[i] *= squares[i];
        correlation.weights[i] /= weight;
        trace += fourth.weights[i] * squares[i];
    }
    return {power_iteration(fourth, 2 * trace / static_cast<double>(cloud.d), -1), power_iteration(fourth, 0, 1),
            power_iteration(correlation, 0, 1)};
}

Vector project(const Vector& rows, const Vector& axis, std::ptrdiff_t n, std::ptrdiff_t d) {
    Vector out(at(n));
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        const double* row = rows.data() + i * d;
        if (!has_few_features(d)) {
            out[at(i)] = inner_product(row, axis.data(), d);
            continue;
        }
        for (std::ptrdiff_t j = 0; j < d; ++j) out[at(i)] += row[j] * axis[at(j)];
    }
    return out;
}

// The products of fewer rows Z than features with each other (n x n), and their sums over sqrt(d): all that a power
// iteration asks of them, since an axis is a multiple of where it begins, and a sum of rows.
struct Gram {
    Gram(const Vector& rows, std::ptrdiff_t n, std::ptrdiff_t d) : products(at(n * n)), firsts(at(n)), n(n) {
        Vector features(at(n * d));  // d x n
        constexpr std::ptrdiff_t side = 8;
        for (std::ptrdiff_t begin = 0; begin < n; begin += side) {
            check_interrupted_sometimes();
            const std::ptrdiff_t end = std::min(begin + side, n);
            for (std::ptrdiff_t j = 0; j < d; ++j) {
                for (std::ptrdiff_t i = begin; i < end; ++i) features[at(j * n + i)] = rows[at(i * d + j)];
            }
        }
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            for (std::ptrdiff_t i = 0; i < n; ++i) firsts[at(i)] += features[at(j * n + i)];
        }
        for (double& first : firsts) first /= std::sqrt(static_cast<double>(d));
        gram(features.data(), features.data(), d, n, products.data());
    }

    Vector times(const Vector& x) const {
        Vector out(at(n));
        for (std::ptrdiff_t i = 0; i < n; ++i) out[at(i)] = inner_product(products.data() + i * n, x.data(), n);
        return out;
    }

    Vector products, firsts;
    std::ptrdiff_t n;
};

// |begin e + Z^T rows|^2, e of equal numbers and length 1; products: of the rows.
double square_of(double begin, const Vector& rows, const Vector& products, const Gram& gram) {
    return begin * begin + 2 * begin * inner_product(rows.data(), gram.firsts.data(), gram.n) +
           inner_product(rows.data(), products.data(), gram.n);
}

// The rows on the axis that iterating x -> shift x + sign Z^T diag(weights) Z x tends to: `power_iteration` and
// `project`, in the span of the rows.
Vector projections(const Gram& gram, const Vector& weights, double shift, double sign) {
    const std::size_t n = weights.size();
    double begin = 1;
    Vector rows(n), products(n), onto(gram.firsts);  // Z x
    for (int iteration = 0; iteration < power_iterations; ++iteration) {
        double next_begin = shift * begin;
        Vector next(n);
        for (std::size_t i = 0; i < n; ++i) next[i] = shift * rows[i] + sign * weights[i] * onto[i];
        Vector next_products = gram.times(next);
        const double norm = std::sqrt(square_of(next_begin, next, next_products, gram));
        if (!(norm > 0)) return onto;
        next_begin /= norm;
        for (std::size_t i = 0; i < n; ++i) {
            next[i] /= norm;
            next_products[i] /= norm;
            rows[i] = next[i] - rows[i];
            products[i] = next_products[i] - products[i];
            onto[i] = next_begin * gram.firsts[i] + next_products[i];
        }
        const double change = square_of(next_begin - begin, rows, products, gram);
        begin = next_begin;
        rows.swap(next);
        products.swap(next_products);
        if (change < settled) return onto;
    }
    return onto;
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
double gain_of(Structure structure, const Cloud& cloud, const std::vector<signed char>& sides, double weight,
               const Vector& all, double log_det, const double* added) {
    const Parts parts = parts_of(cloud, sides, weight, all);
    double gain = weight * log_det / 2;
    for (const double of_side : parts.weights) gain += of_side * std::log(of_side / weight);
    if (structure == Structure::tied) {
        Vector pooled(all.size());
        for (int side : {0, 1}) {
            const double share = parts.weights[side] / weight;
            for (std::size_t i = 0; i < pooled.size(); ++i) pooled[i] += share * parts.covariances[side][i];
        }
        return gain - weight * log_determinant(structure, pooled, added, cloud.d) / 2;
    }
    for (int side : {0, 1}) {
        gain -= parts.weights[side] * log_determinant(structure, parts.covariances[side], added, cloud.d) / 2;
    }
    return gain;
}

// Each row over the features' spreads.
Vector in_spreads(const Cloud& cloud, const Vector& covariance) {
    const std::ptrdiff_t d = cloud.d, step = step_of(covariance, d);
    Vector scaled(cloud.rows);
    if (has_few_features(d)) {
        for (std::ptrdiff_t i = 0; i < cloud.n; ++i) {
            for (std::ptrdiff_t j = 0; j < d; ++j) scaled[at(i * d + j)] /= std::sqrt(covariance[at(j * step)]);
        }
        return scaled;
    }
    Vector units(at(d));
    for (std::ptrdiff_t j = 0; j < d; ++j) units[at(j)] = 1 / std::sqrt(covariance[at(j * step)]);
    for (std::ptrdiff_t i = 0; i < cloud.n; ++i) {
        check_interrupted_sometimes();
        for (std::ptrdiff_t j = 0; j < d; ++j) scaled[at(i * d + j)] *= units[at(j)];
    }
    return scaled;
}

Vector squares_of_rows(const Vector& z, std::ptrdiff_t n, std::ptrdiff_t d) {
    Vector squares(at(n));
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        const double* row = z.data() + i * d;
        if (d >= wide) check_interrupted_sometimes();
        if (!has_few_features(d)) {
            squares[at(i)] = inner_product(row, row, d);
            continue;
        }
        for (std::ptrdiff_t j = 0; j < d; ++j) squares[at(i)] += row[j] * row[j];
    }
    return squares;
}

// Of fewer rows than features. What is added to the variances turns no axis of the correlations of what varies.
std::vector<Vector> coordinates_of_fewer(const Cloud& cloud, double weight, const Vector& z, const Vector& covariance,
                                         bool is_in_spreads) {
    const Gram own(z, cloud.n, cloud.d);
    Vector squares(at(cloud.n)), fourth(at(cloud.n)), shares(cloud.weights);
    double trace = 0;
    for (std::ptrdiff_t i = 0; i < cloud.n; ++i) {
        squares[at(i)] = own.products[at(i * cloud.n + i)];
        fourth[at(i)] = cloud.weights[at(i)] * squares[at(i)];
        shares[at(i)] /= weight;
        trace += fourth[at(i)] * squares[at(i)];
    }
    std::vector<Vector> found{projections(own, fourth, 2 * trace / static_cast<double>(cloud.d), -1), squares,
                              projections(own, fourth, 0, 1)};
    found.push_back(is_in_spreads ? projections(own, shares, 0, 1)
                                  : projections(Gram(in_spreads(cloud, covariance), cloud.n, cloud.d), shares, 0, 1));
    return found;
}

// Where each row lies on what it may be cut along.
std::vector<Vector> coordinates_of(const Cloud& cloud, double weight, const Vector& covariance, const Vector& upper,
                                   const double* added) {
    const std::ptrdiff_t d = cloud.d, step = step_of(covariance, d);
    const Vector z = whitened(cloud, upper);
    if (!has_few_features(d) && cloud.n <= d) {
        bool is_in_spreads = step == 1;  // U of a diagonal, and of one variance
        for (std::ptrdiff_t j = 0; j < d && is_in_spreads; ++j)
            is_in_spreads = upper[at(j)] == std::sqrt(covariance[at(j)]);
        return coordinates_of_fewer(cloud, weight, z, covariance, is_in_spreads);
    }
    const Vector squares = squares_of_rows(z, cloud.n, d), scaled = in_spreads(cloud, covariance);
    Vector ridge(at(d));
    for (std::ptrdiff_t j = 0; j < d; ++j) ridge[at(j)] = added[j] / covariance[at(j * step)];
    const Axes axes = has_few_features(d) ? axes_of_few(cloud, z, squares, covariance)
                                          : axes_of_many(cloud, z, squares, scaled, std::move(ridge), weight);
    std::vector<Vector> found{project(z, axes.light, cloud.n, d), squares};
    if (d > 1) {
        found.push_back(project(z, axes.heavy, cloud.n, d));
        found.push_back(project(scaled, axes.longest, cloud.n, d));
    }
    return found;
}

Cloud gather(const double* rows, const double* weights, std::ptrdiff_t d, const std::vector<std::ptrdiff_t>& kept) {
    Cloud cloud{static_cast<std::ptrdiff_t>(kept.size()), d, {}, {}};
    cloud.rows.reserve(kept.size() * at(d));
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
    std::fill(sides, sides + n_rows, static_cast<std::int8_t>(-1));
    std::vector<std::ptrdiff_t> kept;
    double weight = 0;
    for (std::ptrdiff_t i = 0; i < n_rows; ++i) {
        if (!(weights[i] > 0)) continue;
        kept.push_back(i);
        weight += weights[i];
    }
    // No threshold leaves both sides what they need.
    if (kept.size() < 2 || weight < 2 * least_rows) return minus_infinity;
    check_interrupted_sometimes();
    Cloud cloud = gather(rows, weights, d, kept);
    centre(cloud, weight);
    const Vector all = covariance_of(cloud, weight, takes_matrix(structure, d));
    const double log_det = log_determinant(structure, all, added, d);
    const std::ptrdiff_t step = step_of(all, d);
    Vector covariance = all;
    for (std::ptrdiff_t j = 0; j < d; ++j) covariance[at(j * step)] += added[j];
    const Vector upper = root(structure, covariance, d);
    if (upper.empty() || !std::isfinite(log_det)) return minus_infinity;

    const std::vector<Vector> coordinates = coordinates_of(cloud, weight, covariance, upper, added);
    double best = minus_infinity;
    std::vector<signed char> found, best_sides;
    for (std::size_t c = 0; c < coordinates.size(); ++c) {
        if (!best_threshold(coordinates[c], cloud.weights, least_rows, c == 1, d, found)) continue;
        const double gain = gain_of(structure, cloud, found, weight, all, log_det, added);
        if (gain > best) best = gain, best_sides = found;
    }
    for (std::size_t i = 0; i < best_sides.size(); ++i) sides[kept[i]] = best_sides[i];
    return best;
}

}  // namespace mixtura
