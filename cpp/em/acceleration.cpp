// L-BFGS in the whitened space of the sufficient statistics.
#include "em/acceleration.hpp"

#include <algorithm>
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

std::vector<double> difference(const std::vector<double>& a, const std::vector<double>& b) {
    std::vector<double> out(a);
    add(out, -1, b);
    return out;
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

void Acceleration::encode_scales(const Statistics& statistics, double* point) const {
    for (std::ptrdiff_t k = 0; k < K; ++k) {
        const double scale = 1 / (weight_ * roots_[static_cast<std::size_t>(k)]), n = statistics.counts[k];
        const double usual = digamma_less_log(df(k) / 2) - 1;
        point[place(layout_.scales() + k)] = (statistics.masses[k] - n) * scale * std::sqrt(df(k) / 2);
        point[place(layout_.log_scales() + k)] =
            (statistics.log_scales[k] - n * usual) * scale * df(k) / std::sqrt(2.0);
    }
}

void Acceleration::decode_scales(const double* point, const Statistics& out) const {
    for (std::ptrdiff_t k = 0; k < K; ++k) {
        const double scale = weight_ * roots_[static_cast<std::size_t>(k)], n = out.counts[k];
        const double usual = digamma_less_log(df(k) / 2) - 1;
        out.masses[k] = n + point[place(layout_.scales() + k)] * scale / std::sqrt(df(k) / 2);
        out.log_scales[k] = n * usual + point[place(layout_.log_scales() + k)] * scale * std::sqrt(2.0) / df(k);
    }
}

Acceleration::Vector Acceleration::encode(const Statistics& statistics) const {
    Vector point(static_cast<std::size_t>(size_));
    double* counts = point.data();
    double* firsts = counts + place(layout_.firsts());
    double* seconds = counts + place(layout_.seconds());
    const double root_two = std::sqrt(2.0);
    Vector block(statistics.block, statistics.block + layout_.size());
    const Statistics moved(layout_, block.data(), statistics.centres);
    move_centres(moved, centres_.data());
    if (layout_.has_scales) encode_scales(moved, counts);
    Vector half(has_matrices(structure_) ? static_cast<std::size_t>(d * d) : 0);
    for (std::ptrdiff_t k = 0; k < K; ++k) {
        const double n = moved.counts[k];
        const double scale = 1 / (weight_ * roots_[static_cast<std::size_t>(k)]);
        const double* first = moved.firsts + k * d;
        counts[k] = n * scale;
        switch (structure_) {
            case Structure::full:
            case Structure::tied: {
                const std::ptrdiff_t at = k * covariance_stride(structure_, d);
                multiply(factors_.data() + at, first, firsts + k * d, d);
                break;
            }
            case Structure::diag:
                for (std::ptrdiff_t j = 0; j < d; ++j) {
                    const double factor = factors_[static_cast<std::size_t>(k * d + j)];
                    firsts[k * d + j] = first[j] * factor;
                    seconds[k * d + j] = (moved.seconds[k * d + j] * factor * factor - n) * scale / root_two;
                }
                break;
            case Structure::spherical: {
                const double factor = factors_[static_cast<std::size_t>(k)];
                for (std::ptrdiff_t j = 0; j < d; ++j) firsts[k * d + j] = first[j] * factor;
                const auto features = static_cast<double>(d);
                seconds[k] = (moved.seconds[k] * factor * factor - features * n) * scale / std::sqrt(2 * features);
                break;
            }
        }
        for (std::ptrdiff_t j = 0; j < d; ++j) firsts[k * d + j] *= scale;
        if (structure_ == Structure::full) {
            double* out = seconds + k * d * d;
            congruence(factors_.data() + k * d * d, moved.seconds + k * d * d, half.data(), out, d);
            for (std::ptrdiff_t i = 0; i < d; ++i) out[i * d + i] -= n;
            for (std::ptrdiff_t i = 0; i < d * d; ++i) out[i] *= scale / root_two;
        }
    }
    if (structure_ == Structure::tied) {
        congruence(factors_.data(), moved.seconds, half.data(), seconds, d);
        for (std::ptrdiff_t i = 0; i < d * d; ++i) seconds[i] /= weight_ * root_two;
    }
    return point;
}

void Acceleration::decode(const Vector& point, const Statistics& out) const {
    const double* counts = point.data();
    const double* firsts = counts + place(layout_.firsts());
    const double* seconds = counts + place(layout_.seconds());
    const double root_two = std::sqrt(2.0);
    Vector half(has_matrices(structure_) ? static_cast<std::size_t>(d * d) : 0);
    for (std::ptrdiff_t k = 0; k < K; ++k) {
        const double scale = weight_ * roots_[static_cast<std::size_t>(k)];
        const double n = counts[k] * scale;
        out.counts[k] = n;
        switch (structure_) {
            case Structure::full:
            case Structure::tied: {
                const std::ptrdiff_t at = k * covariance_stride(structure_, d);
                multiply(inverse_factors_.data() + at, firsts + k * d, out.firsts + k * d, d);
                break;
            }
            case Structure::diag:
                for (std::ptrdiff_t j = 0; j < d; ++j) {
                    const double inverse = inverse_factors_[static_cast<std::size_t>(k * d + j)];
                    out.firsts[k * d + j] = firsts[k * d + j] * inverse;
                    out.seconds[k * d + j] = (seconds[k * d + j] * scale * root_two + n) * inverse * inverse;
                }
                break;
            case Structure::spherical: {
                const double inverse = inverse_factors_[static_cast<std::size_t>(k)];
                for (std::ptrdiff_t j = 0; j < d; ++j) out.firsts[k * d + j] = firsts[k * d + j] * inverse;
                const auto features = static_cast<double>(d);
                out.seconds[k] = (seconds[k] * scale * std::sqrt(2 * features) + features * n) * inverse * inverse;
                break;
            }
        }
        for (std::ptrdiff_t j = 0; j < d; ++j) out.firsts[k * d + j] *= scale;
        if (structure_ == Structure::full) {
            Vector inner(seconds + k * d * d, seconds + (k + 1) * d * d);
            for (double& value : inner) value *= scale * root_two;
            for (std::ptrdiff_t i = 0; i < d; ++i) inner[static_cast<std::size_t>(i * d + i)] += n;
            congruence(inverse_factors_.data() + k * d * d, inner.data(), half.data(), out.seconds + k * d * d, d);
        }
    }
    if (structure_ == Structure::tied) {
        congruence(inverse_factors_.data(), seconds, half.data(), out.seconds, d);
        for (std::ptrdiff_t i = 0; i < d * d; ++i) out.seconds[i] *= weight_ * root_two;
    }
    if (layout_.has_scales) decode_scales(counts, out);
}

// Everything that is remembered, in the coordinates of a nearer reference: as the metric changes along the way.
void Acceleration::move_reference(const OwnedMixture& mixture, const OwnedStatistics& statistics) {
    std::vector<Vector*> remembered{&point_, &previous_, &residual_, &previous_residual_};
    for (Pair& pair : pairs_) {
        remembered.push_back(&pair.move);
        remembered.push_back(&pair.response);
    }
    std::vector<Vector> blocks;
    const Vector old_centres = centres_;
    for (const Vector* vector : remembered) {
        blocks.emplace_back(static_cast<std::size_t>(layout_.size()));
        if (!vector->empty()) decode(*vector, {layout_, blocks.back().data(), old_centres.data()});
    }
    refer_to(mixture, statistics);
    for (std::size_t i = 0; i < remembered.size(); ++i) {
        if (!remembered[i]->empty()) *remembered[i] = encode({layout_, blocks[i].data(), old_centres.data()});
    }
}

void Acceleration::remember(const Vector& from, const Vector& from_residual, const Vector& to,
                            const Vector& to_residual) {
    Pair pair{difference(to, from), difference(from_residual, to_residual)};
    if (!std::isfinite(dot(pair.response, pair.response))) return;
    pairs_.push_back(std::move(pair));
    if (pairs_.size() > memory) pairs_.erase(pairs_.begin());
}

// Those along which the likelihood is concave.
std::vector<const Acceleration::Pair*> Acceleration::concave() const {
    std::vector<const Pair*> found;
    for (const Pair& pair : pairs_) {
        const double product = dot(pair.move, pair.response);
        if (product > curved * std::sqrt(dot(pair.move, pair.move) * dot(pair.response, pair.response)))
            found.push_back(&pair);
    }
    return found;
}

// Two-loop recursion of L-BFGS: the residual times the inverse of the curvature, `scale` in directions not seen.
Acceleration::Vector Acceleration::newton_step(const std::vector<const Pair*>& pairs, double scale) const {
    Vector q = residual_;
    std::vector<double> alphas;
    for (auto it = pairs.rbegin(); it != pairs.rend(); ++it) {
        alphas.push_back(dot((*it)->move, q) / dot((*it)->move, (*it)->response));
        add(q, -alphas.back(), (*it)->response);
    }
    for (double& value : q) value *= scale;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        const Pair& pair = *pairs[i];
        const double beta = dot(pair.response, q) / dot(pair.move, pair.response);
        add(q, alphas[pairs.size() - 1 - i] - beta, pair.move);
    }
    return q;
}

Acceleration::Vector Acceleration::direction() {
    const std::vector<const Pair*> pairs = concave();
    limited_ = pairs.empty();
    if (pairs.empty()) {  // growth away from a saddle: a longer EM step
        Vector q = residual_;
        for (double& value : q) value *= reach_;
        return q;
    }
    const Pair& last = *pairs.back();
    const double scale = std::max(1.0, dot(last.move, last.response) / dot(last.response, last.response));
    Vector q = newton_step(pairs, scale);
    const double most = reach_ * std::sqrt(dot(residual_, residual_));
    const double norm = std::sqrt(dot(q, q));
    if (norm > most) {
        limited_ = true;
        for (double& value : q) value *= most / norm;
    }
    return q;
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
    image_ = encode(statistics.view());
    if (!has_point_) return false;
    residual_ = difference(image_, point_);
    if (has_previous_) remember(previous_, previous_residual_, point_, residual_);
    const Vector move = direction();
    length_ = std::sqrt(dot(move, move) / dot(residual_, residual_));
    for (const double part : {1.0, 0.5}) {
        proposal_ = point_;
        add(proposal_, part, move);
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
    image_ = encode(statistics.view());
    residual_ = difference(image_, point_);
    if (has_previous_) remember(previous_, previous_residual_, point_, residual_);
    const std::vector<const Pair*> pairs = concave();
    double scale = 1;
    for (const Pair* pair : pairs)
        scale = std::max(scale, dot(pair->move, pair->move) / dot(pair->move, pair->response));
    return dot(residual_, newton_step(pairs, scale)) / 2;
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
    for (std::size_t v = n_named; v < n_all; v += 2)
        pairs_.push_back({std::move(vectors[v]), std::move(vectors[v + 1])});
    return true;
}

void Acceleration::accept() {
    if (limited_) reach_ *= widen;
    previous_ = std::move(point_);
    previous_residual_ = residual_;
    point_ = proposal_;
    has_previous_ = true;
}

void Acceleration::shorten() { reach_ = std::max(std::min(reach_, length_) * narrow, 1.0); }

void Acceleration::reject(const OwnedStatistics& statistics) {
    shorten();
    remember(point_, residual_, proposal_, difference(encode(statistics.view()), proposal_));
}

void Acceleration::step() {
    has_previous_ = has_point_;
    previous_ = std::move(point_);
    previous_residual_ = residual_;
    point_ = image_;
    has_point_ = true;
}

}  // namespace mixtura
