// L-BFGS in the whitened space of the sufficient statistics.
#include "em/acceleration.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "e_step/student.hpp"
#include "m_step/linear_algebra.hpp"
#include "support/interrupt.hpp"

namespace mixtura {
namespace {

constexpr std::size_t memory = 5;  // pairs kept: more gain nothing on mixtures
constexpr double curved = 1e-3;    // least cosine between move and response: less is not concave
constexpr double widen = 1.5, narrow = 0.25;
constexpr double least_weight = 1e-10;
constexpr std::size_t numbers_of_a_piece = 1 << 16;  // a pass over more takes longer than a look at the clock

double dot(const std::vector<double>& a, const std::vector<double>& b) {
    if (a.size() > numbers_of_a_piece) check_interrupted();
    return inner_product(a.data(), b.data(), static_cast<std::ptrdiff_t>(a.size()));
}

void add(std::vector<double>& a, double scale, const std::vector<double>& b) {
    if (a.size() > numbers_of_a_piece) check_interrupted();
    for (std::size_t i = 0; i < a.size(); ++i) a[i] += scale * b[i];
}

void multiply(std::vector<double>& a, double scale) {
    for (double& value : a) value *= scale;
}

void subtract(const std::vector<double>& a, const std::vector<double>& b, std::vector<double>& out) {
    out = a;
    add(out, -1, b);
}

// out = U^T x, U upper triangular: rows are added to rows, which the compiler makes vectors of.
void multiply(const double* upper, const double* x, double* out, std::ptrdiff_t d) {
    std::fill(out, out + d, 0.0);
    for (std::ptrdiff_t i = 0; i < d; ++i) {
        for (std::ptrdiff_t j = i; j < d; ++j) out[j] += upper[i * d + j] * x[i];
    }
}

}  // namespace

Acceleration::Acceleration(Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features, bool has_scales)
    : structure_(structure), K(n_components), d(n_features), layout_{structure, n_components, n_features, has_scales},
      size_(layout_.size() - SumLayout::n_scalars) {}

// The whitened coordinates of statistics s about c, with n, f, S re-centred to the reference's means, P its factors:
//     n / (W sqrt w),   P^T f / (W sqrt w),   (P^T S P - n I) / (W sqrt(2 w))
// in which the complete data's Fisher information is the identity (for tied w = 1, n = W in the last). Scales u of t
// components are drawn from Gamma(df / 2, df / 2): variances of u and of log u - u, where df is large, are 2 / df and
// 2 / df^2, so that masses s and log scales l become
//     (s - n) sqrt(df / 2) / (W sqrt w),   (l - n E[log u - u]) df / (W sqrt(2 w)).
void Acceleration::refer_to(const OwnedMixture& mixture, const OwnedStatistics& statistics) {
    weight_ = 0;
    for (std::ptrdiff_t k = 0; k < K; ++k) weight_ += statistics.count(k);
    centres_ = statistics.centres;
    roots_.resize(static_cast<std::size_t>(K));
    for (std::size_t k = 0; k < roots_.size(); ++k) roots_[k] = std::sqrt(std::max(mixture.weights[k], least_weight));
    if (layout_.has_scales) roots_.insert(roots_.end(), mixture.df.begin(), mixture.df.end());
    factors_.assign(mixture.precisions_cholesky.begin(), mixture.precisions_cholesky.end());
    inverse_factors_.resize(factors_.size());
    if (!has_matrices(structure_)) {
        for (std::size_t i = 0; i < factors_.size(); ++i) inverse_factors_[i] = 1 / factors_[i];
        return;
    }
    for (std::ptrdiff_t offset = 0; offset < layout_.n_seconds(); offset += d * d) {
        invert_upper(factors_.data() + offset, d, inverse_factors_.data() + offset);
    }
}

// Of t components: masses and log scales, from the counts.
void Acceleration::scales_to_coordinates(std::ptrdiff_t k, const Statistics& sums) const {
    const double scale = 1 / (weight_ * roots_[static_cast<std::size_t>(k)]), n = sums.counts[k];
    const double usual = digamma_less_log(df(k) / 2) - 1;
    sums.masses[k] = (sums.masses[k] - n) * scale * std::sqrt(df(k) / 2);
    sums.log_scales[k] = (sums.log_scales[k] - n * usual) * scale * df(k) / std::sqrt(2.0);
}

void Acceleration::scales_from_coordinates(std::ptrdiff_t k, const Statistics& sums) const {
    const double scale = weight_ * roots_[static_cast<std::size_t>(k)], n = sums.counts[k];
    const double usual = digamma_less_log(df(k) / 2) - 1;
    sums.masses[k] = n + sums.masses[k] * scale / std::sqrt(df(k) / 2);
    sums.log_scales[k] = n * usual + sums.log_scales[k] * scale * std::sqrt(2.0) / df(k);
}

// Of all components: f <- U^T f, S <- U^T S U, U upper triangular.
void Acceleration::transform(const Vector& factors, const Statistics& sums) {
    first_.resize(static_cast<std::size_t>(d));
    if (has_matrices(structure_)) half_.resize(static_cast<std::size_t>(d * d));
    for (std::ptrdiff_t k = 0; k < K; ++k) {
        double* first = sums.firsts + k * d;
        const double* factor = factors.data() + k * covariance_stride(structure_, d);
        switch (structure_) {
            case Structure::full:
            case Structure::tied:
                std::copy_n(first, d, first_.data());
                multiply(factor, first_.data(), first, d);
                break;
            case Structure::diag:
                for (std::ptrdiff_t j = 0; j < d; ++j) {
                    first[j] *= factor[j];
                    sums.seconds[k * d + j] *= factor[j] * factor[j];
                }
                break;
            case Structure::spherical:
                for (std::ptrdiff_t j = 0; j < d; ++j) first[j] *= *factor;
                sums.seconds[k] *= *factor * *factor;
                break;
        }
    }
    if (!has_matrices(structure_)) return;
    for (std::ptrdiff_t at = 0; at < layout_.n_seconds(); at += d * d)
        congruence(factors.data() + at, sums.seconds + at, half_.data(), sums.seconds + at, d);
}

// From whitened sums.
void Acceleration::to_coordinates(const Statistics& sums) const {
    const std::ptrdiff_t size = covariance_size(structure_, d), step = has_matrices(structure_) ? d + 1 : 1;
    const bool is_pooled = structure_ == Structure::tied;
    const double features = structure_ == Structure::spherical ? static_cast<double>(d) : 1;
    for (std::ptrdiff_t k = 0; k < K; ++k) {
        const double n = sums.counts[k], scale = 1 / (weight_ * roots_[static_cast<std::size_t>(k)]);
        if (layout_.has_scales) scales_to_coordinates(k, sums);
        sums.counts[k] = n * scale;
        for (std::ptrdiff_t j = 0; j < d; ++j) sums.firsts[k * d + j] *= scale;
        if (is_pooled) continue;
        double* seconds = sums.seconds + k * size;
        for (std::ptrdiff_t i = 0; i < size; i += step) seconds[i] -= features * n;
        for (std::ptrdiff_t i = 0; i < size; ++i) seconds[i] *= scale / std::sqrt(2 * features);
    }
    if (!is_pooled) return;
    for (std::ptrdiff_t i = 0; i < size; ++i) sums.seconds[i] /= weight_ * std::sqrt(2.0);
}

void Acceleration::from_coordinates(const Statistics& sums) const {
    const std::ptrdiff_t size = covariance_size(structure_, d), step = has_matrices(structure_) ? d + 1 : 1;
    const bool is_pooled = structure_ == Structure::tied;
    const double features = structure_ == Structure::spherical ? static_cast<double>(d) : 1;
    for (std::ptrdiff_t k = 0; k < K; ++k) {
        const double scale = weight_ * roots_[static_cast<std::size_t>(k)], n = sums.counts[k] * scale;
        sums.counts[k] = n;
        if (layout_.has_scales) scales_from_coordinates(k, sums);
        for (std::ptrdiff_t j = 0; j < d; ++j) sums.firsts[k * d + j] *= scale;
        if (is_pooled) continue;
        double* seconds = sums.seconds + k * size;
        for (std::ptrdiff_t i = 0; i < size; ++i) seconds[i] *= scale * std::sqrt(2 * features);
        for (std::ptrdiff_t i = 0; i < size; i += step) seconds[i] += features * n;
    }
    if (!is_pooled) return;
    for (std::ptrdiff_t i = 0; i < size; ++i) sums.seconds[i] *= weight_ * std::sqrt(2.0);
}

void Acceleration::encode(const Statistics& statistics, Vector& point) {
    block_.assign(statistics.block, statistics.block + layout_.size());
    const Statistics sums(layout_, block_.data(), statistics.centres);
    move_centres(sums, centres_.data());
    transform(factors_, sums);
    to_coordinates(sums);
    point.assign(block_.begin() + SumLayout::n_scalars, block_.end());
}

void Acceleration::decode(const Vector& point, const Statistics& out) {
    std::copy(point.begin(), point.end(), out.block + SumLayout::n_scalars);
    from_coordinates(out);
    transform(inverse_factors_, out);
}

// Everything that is remembered, in the coordinates of a nearer reference, as the metric changes along the way: about
// other centres, and by inv(P) P' of the old and the new factors, which is one congruence where P' alone takes two.
void Acceleration::move_reference(const OwnedMixture& mixture, const OwnedStatistics& statistics) {
    std::vector<Vector*> remembered;
    for (Vector* one : {&point_, &previous_, &residual_, &previous_residual_}) {
        if (!one->empty()) remembered.push_back(one);
    }
    for (Pair& pair : pairs_) remembered.insert(remembered.end(), {&pair.move, &pair.response});
    const Vector centres(centres_.size());
    const auto change = [&](Vector& point, const auto& what) {
        block_.resize(static_cast<std::size_t>(layout_.size()));
        std::copy(point.begin(), point.end(), block_.begin() + SumLayout::n_scalars);
        what(Statistics(layout_, block_.data(), centres.data()));
        std::copy(block_.begin() + SumLayout::n_scalars, block_.end(), point.begin());
    };
    for (Vector* one : remembered) change(*one, [&](const Statistics& sums) { from_coordinates(sums); });
    const Vector old_centres = centres_, old_factors = factors_, old_inverses = inverse_factors_;
    refer_to(mixture, statistics);
    const Vector shifts = whitened(old_centres, old_factors), changes = relative(old_inverses);
    for (Vector* one : remembered) {
        change(*one, [&](const Statistics& sums) {
            move_centres(sums, shifts.data());
            transform(changes, sums);
            to_coordinates(sums);
        });
    }
    for (Pair& pair : pairs_) measure(pair);
}

// P^T (c' - c): where the new centres lie from those before, in units of the factors before.
Acceleration::Vector Acceleration::whitened(const Vector& centres, const Vector& factors) const {
    Vector shifts = centres_, out(centres_.size());
    add(shifts, -1, centres);
    for (std::ptrdiff_t k = 0; k < K; ++k) {
        const double* factor = factors.data() + k * covariance_stride(structure_, d);
        if (has_matrices(structure_)) {
            multiply(factor, shifts.data() + k * d, out.data() + k * d, d);
            continue;
        }
        for (std::ptrdiff_t j = 0; j < d; ++j)
            out[static_cast<std::size_t>(k * d + j)] =
                shifts[static_cast<std::size_t>(k * d + j)] * factor[structure_ == Structure::diag ? j : 0];
    }
    return out;
}

// inv(P) P'
Acceleration::Vector Acceleration::relative(const Vector& inverses) const {
    Vector out(factors_.size());
    if (has_matrices(structure_)) {
        for (std::ptrdiff_t at = 0; at < layout_.n_seconds(); at += d * d)
            times_upper(inverses.data() + at, factors_.data() + at, d, d, out.data() + at);
        return out;
    }
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = inverses[i] * factors_[i];
    return out;
}

void Acceleration::measure(Pair& pair) {
    pair.move_square = dot(pair.move, pair.move);
    pair.product = dot(pair.move, pair.response);
    pair.response_square = dot(pair.response, pair.response);
    pair.is_concave = pair.product > curved * std::sqrt(pair.move_square * pair.response_square);
}

void Acceleration::remember(const Vector& from, const Vector& from_residual, const Vector& to,
                            const Vector& to_residual) {
    subtract(to, from, spare_.move);
    subtract(from_residual, to_residual, spare_.response);
    measure(spare_);
    if (!std::isfinite(spare_.response_square)) return;
    if (pairs_.size() < memory) {
        pairs_.push_back(spare_);
    } else {
        std::rotate(pairs_.begin(), pairs_.begin() + 1, pairs_.end());
        std::swap(pairs_.back(), spare_);
    }
}

// Two-loop recursion of L-BFGS: the residual times the inverse of the curvature, `scale` in directions not seen.
void Acceleration::find_newton_step(double scale) {
    move_ = residual_;
    std::array<double, memory> alphas{};
    for (std::size_t i = pairs_.size(); i-- > 0;) {
        if (!pairs_[i].is_concave) continue;
        alphas[i] = dot(pairs_[i].move, move_) / pairs_[i].product;
        add(move_, -alphas[i], pairs_[i].response);
    }
    multiply(move_, scale);
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
        if (!pairs_[i].is_concave) continue;
        add(move_, alphas[i] - dot(pairs_[i].response, move_) / pairs_[i].product, pairs_[i].move);
    }
}

void Acceleration::find_move() {
    const auto last = std::find_if(pairs_.rbegin(), pairs_.rend(), [](const Pair& pair) { return pair.is_concave; });
    limited_ = last == pairs_.rend();
    if (limited_) {  // growth away from a saddle: a longer EM step
        move_ = residual_;
        return multiply(move_, reach_);
    }
    find_newton_step(std::max(1.0, last->product / last->response_square));
    const double most = reach_ * std::sqrt(dot(residual_, residual_));
    const double norm = std::sqrt(dot(move_, move_));
    if (norm > most) {
        limited_ = true;
        multiply(move_, most / norm);
    }
}

// A component whose count would be negative makes the EM step: one that dies must not hold up the others.
bool Acceleration::mend(Vector& point) const {
    const auto is_possible = [&](std::ptrdiff_t k) {
        const double count = point[static_cast<std::size_t>(k)];
        if (!layout_.has_scales) return count > 0;
        const double scale = point[static_cast<std::size_t>(place(layout_.scales() + k))] / std::sqrt(df(k) / 2);
        return count > 0 && count + scale > 0;
    };
    for (std::ptrdiff_t k = 0; k < K; ++k) {
        if (is_possible(k)) continue;
        for (const auto& [begin, n] : sums_of_component(layout_, k)) {
            const std::ptrdiff_t first = begin - SumLayout::n_scalars;
            std::copy_n(image_.begin() + first, n, point.begin() + first);
        }
    }
    return std::isfinite(dot(point, point));
}

// The noise gets what the components leave; false: there is nothing left.
bool Acceleration::take_noise(const OwnedStatistics& statistics, OwnedStatistics& out) const {
    const Statistics before = statistics.view(), next = out.view();
    next.noise = before.noise;
    if (before.noise == 0) return true;
    for (std::ptrdiff_t k = 0; k < K; ++k) next.noise += before.counts[k] - next.counts[k];
    return next.noise > 0;
}

bool Acceleration::propose(const OwnedStatistics& statistics, const OwnedMixture& mixture, OwnedStatistics& out) {
    if (centres_.empty()) {
        refer_to(mixture, statistics);
    } else if (++age_ >= (d <= 16 ? 8 : 25)) {  // moving costs 4 x memory congruences a component
        move_reference(mixture, statistics);
        age_ = 0;
    }
    encode(statistics.view(), image_);
    if (!has_point_) return false;
    subtract(image_, point_, residual_);
    if (has_previous_) remember(previous_, previous_residual_, point_, residual_);
    find_move();
    length_ = std::sqrt(dot(move_, move_) / dot(residual_, residual_));
    for (const double part : {1.0, 0.5}) {
        proposal_ = point_;
        add(proposal_, part, move_);
        if (!mend(proposal_)) continue;
        decode(proposal_, out.view());
        out.view().weight = statistics.weight();  // an M-step may ask for it
        if (!take_noise(statistics, out)) continue;
        out.centres = centres_;
        return true;
    }
    shorten();
    return false;
}

// Half the residual times the Newton step. Directions that were not seen are taken to be as flat as the flattest that
// was: what is left lies where no step has been, and with the scale of the last step it would look far too small.
double Acceleration::remaining_gain(const OwnedStatistics& statistics) {
    if (!has_point_) return std::numeric_limits<double>::quiet_NaN();
    encode(statistics.view(), image_);
    subtract(image_, point_, residual_);
    if (has_previous_) remember(previous_, previous_residual_, point_, residual_);
    double scale = 1;
    for (const Pair& pair : pairs_) {
        if (pair.is_concave) scale = std::max(scale, pair.move_square / pair.product);
    }
    find_newton_step(scale);
    return dot(residual_, move_) / 2;
}

// Scalars, then the lengths of the vectors in this order, then the vectors.
std::vector<double> Acceleration::state() const {
    Vector out{weight_,
               reach_,
               length_,
               static_cast<double>(age_),
               static_cast<double>(has_point_),
               static_cast<double>(has_previous_),
               static_cast<double>(limited_)};
    std::vector<const Vector*> vectors{&centres_,  &roots_,    &factors_,           &inverse_factors_, &point_,
                                       &residual_, &previous_, &previous_residual_, &proposal_,        &image_};
    for (const Pair& pair : pairs_) vectors.insert(vectors.end(), {&pair.move, &pair.response});
    out.push_back(static_cast<double>(vectors.size()));
    for (const Vector* vector : vectors) out.push_back(static_cast<double>(vector->size()));
    for (const Vector* vector : vectors) out.insert(out.end(), vector->begin(), vector->end());
    return out;
}

// The numbers may come from a damaged file: nothing is taken over unless it is a state that `state` could have given.
bool Acceleration::restore(const std::vector<double>& state) {
    constexpr std::size_t n_scalars = 8, n_named = 10;
    if (state.size() < n_scalars) return false;
    const auto is_whole = [](double value, double most) {
        return value >= 0 && value <= most && value == std::floor(value);
    };
    const double n_vectors = state[n_scalars - 1];
    if (!is_whole(n_vectors, n_named + 2 * memory) || n_vectors < n_named || !is_whole(n_vectors / 2, n_vectors))
        return false;
    const auto n_all = static_cast<std::size_t>(n_vectors);
    std::size_t next = n_scalars + n_all;
    if (state.size() < next) return false;
    const auto n_seconds = static_cast<std::size_t>(layout_.n_seconds());
    const auto n_roots = static_cast<std::size_t>(layout_.has_scales ? 2 * K : K);
    const std::size_t sizes[] = {static_cast<std::size_t>(K * d), n_roots, n_seconds, n_seconds};
    std::vector<Vector> vectors;
    for (std::size_t v = 0; v < n_all; ++v) {
        const std::size_t wanted = v < 4 ? sizes[v] : static_cast<std::size_t>(size_);
        const double n = state[n_scalars + v];
        const bool is_empty = n == 0 && v < n_named;
        if (!is_empty && (n != static_cast<double>(wanted) || wanted > state.size() - next)) return false;
        const auto begin = state.begin() + static_cast<std::ptrdiff_t>(next);
        vectors.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(n));
        next += vectors.back().size();
    }
    if (next != state.size() || !is_whole(state[3], 1000)) return false;
    const bool flags[] = {state[4] != 0, state[5] != 0, state[6] != 0};

    // What one step reads another has filled: a point lies in the coordinates of a reference, and has one before it.
    const auto is_there = [&](std::size_t v) { return !vectors[v].empty(); };
    const bool has_reference = is_there(0);
    for (std::size_t v = 0; v < n_all; ++v) {
        if (v < 4 ? is_there(v) != has_reference : is_there(v) && !has_reference) return false;
    }
    if ((flags[0] && !is_there(4)) || (flags[1] && !(flags[0] && is_there(6) && is_there(7)))) return false;

    weight_ = state[0];
    reach_ = state[1];
    length_ = state[2];
    age_ = static_cast<int>(state[3]);
    has_point_ = flags[0];
    has_previous_ = flags[1];
    limited_ = flags[2];
    Vector* const named[n_named] = {&centres_,  &roots_,    &factors_,           &inverse_factors_, &point_,
                                    &residual_, &previous_, &previous_residual_, &proposal_,        &image_};
    for (std::size_t v = 0; v < n_named; ++v) *named[v] = std::move(vectors[v]);
    pairs_.clear();
    for (std::size_t v = n_named; v < n_all; v += 2) {
        pairs_.push_back({std::move(vectors[v]), std::move(vectors[v + 1])});
        measure(pairs_.back());
    }
    return true;
}

void Acceleration::accept() {
    if (limited_) reach_ *= widen;
    std::swap(previous_, point_);
    previous_residual_ = residual_;
    point_ = proposal_;
    has_previous_ = true;
}

void Acceleration::shorten() { reach_ = std::max(std::min(reach_, length_) * narrow, 1.0); }

void Acceleration::reject(const OwnedStatistics& statistics) {
    shorten();
    encode(statistics.view(), move_);
    add(move_, -1, proposal_);
    remember(point_, residual_, proposal_, move_);
}

void Acceleration::step() {
    has_previous_ = has_point_;
    std::swap(previous_, point_);
    previous_residual_ = residual_;
    point_ = image_;
    has_point_ = true;
}

}  // namespace mixtura
