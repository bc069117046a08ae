// Moves from a mixture to a better one.
#include "optimum/moves.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "em/loop.hpp"
#include "m_step/linear_algebra.hpp"
#include "optimum/cut.hpp"
#include "support/interrupt.hpp"

namespace mixtura {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// Merges tried with each split, and neighbours whose union is cut anew.
constexpr std::size_t merges = 3;

// Loss of a merge, in nats of the two components' own rows, beyond which they do not touch.
constexpr double apart = 1.0;

// EM within a union only has to tell which split is worth most.
constexpr double split_tol = 1e-4;
constexpr std::ptrdiff_t split_iter = 20;

// Responsibility up to which a row is not a component's when that is cut: others' tails hide what is inside.
constexpr double least_share = 0.5;

using Vector = std::vector<double>;

std::size_t at(std::ptrdiff_t i) { return static_cast<std::size_t>(i); }

bool is_more_promising(const Move& one, const Move& other) { return one.gain > other.gain; }

// Of a component: all of its covariance, or its d variances.
Vector covariance_of(const OwnedMixture& mixture, std::ptrdiff_t k) {
    const std::ptrdiff_t d = mixture.n_features;
    if (has_matrices(mixture.structure)) {
        const double* covariance = mixture.covariances.data() + k * covariance_stride(mixture.structure, d);
        return {covariance, covariance + d * d};
    }
    Vector variances(at(d));
    for (std::ptrdiff_t j = 0; j < d; ++j) variances[at(j)] = mixture.covariance(k, j, j);
    return variances;
}

// Of the covariance that the kernel can hold: all of it, the diagonal or the mean of that. Destroys the matrix.
double log_determinant(Structure structure, Vector& covariance, std::ptrdiff_t d) {
    double sum = 0;
    if (structure == Structure::spherical) {
        for (const double variance : covariance) sum += variance;
        return static_cast<double>(d) * std::log(sum / static_cast<double>(d));
    }
    if (structure == Structure::diag) {
        for (const double variance : covariance) sum += std::log(variance);
        return sum;
    }
    if (!cholesky(covariance.data(), d)) return -infinity;
    for (std::ptrdiff_t j = 0; j < d; ++j) sum += std::log(covariance[at(j * d + j)]);
    return 2 * sum;
}

// w_i S_i + w_j S_j with what lies between their means, over w_i + w_j.
void joint_covariance(const OwnedMixture& mixture, const Vector& first, const Vector& second, Move::Pair pair,
                      Vector& out) {
    const std::ptrdiff_t d = mixture.n_features;
    const double joint = mixture.weights[at(pair[0])] + mixture.weights[at(pair[1])];
    const double share = mixture.weights[at(pair[0])] / (joint > 0 ? joint : 1.0);
    const double* a = mixture.means.data() + pair[0] * d;
    const double* b = mixture.means.data() + pair[1] * d;
    const bool is_matrix = has_matrices(mixture.structure);
    if (d >= wide) check_interrupted_sometimes();
    for (std::ptrdiff_t i = 0; i < d; ++i) {
        if (d >= wide && is_matrix) check_interrupted_sometimes();
        const double between = share * (1 - share) * (a[i] - b[i]);
        if (!is_matrix) {
            out[at(i)] = share * first[at(i)] + (1 - share) * second[at(i)] + between * (a[i] - b[i]);
            continue;
        }
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            const std::size_t ij = at(i * d + j);
            out[ij] = share * first[ij] + (1 - share) * second[ij] + between * (a[j] - b[j]);
        }
    }
}

// The pairs above the diagonal, the cheapest first.
std::vector<Move::Pair> cheapest_pairs(const Vector& losses, std::ptrdiff_t n_components) {
    std::vector<Move::Pair> pairs;
    for (std::ptrdiff_t i = 0; i < n_components; ++i) {
        for (std::ptrdiff_t j = i + 1; j < n_components; ++j) pairs.push_back({i, j});
    }
    const auto loss = [&](const Move::Pair& pair) { return losses[at(pair[0] * n_components + pair[1])]; };
    std::stable_sort(pairs.begin(), pairs.end(),
                     [&](const Move::Pair& a, const Move::Pair& b) { return loss(a) < loss(b); });
    return pairs;
}

bool overlap(const Move::Pair& a, const Move::Pair& b) {
    return a[0] == b[0] || a[0] == b[1] || a[1] == b[0] || a[1] == b[1];
}

// In weight, on each side of a cut: what a covariance of the kernel's shape takes to have a volume; of many features
// twice as much, since fewer rows always look thin in some direction.
double least_rows(const OwnedMixture& mixture, double rows_per_weight) {
    const double rows = mixture.structure == Structure::full ? static_cast<double>(mixture.n_features + 1) : 2.0;
    return (mixture.n_features >= wide ? 2 * rows : rows) / rows_per_weight;
}

double inside(const Move::Pair& united, const double* row) {
    return united[0] == united[1] ? row[united[0]] : row[united[0]] + row[united[1]];
}

// The best cut through the rows of a union: its gain (-infinity: there is none) and each row's side.
double cut_of(const Move::Pair& united, Structure structure, const Responsibilities& given, const SearchRows& rows,
              const double* added, double least_rows, Vector& weights, std::vector<std::int8_t>& sides) {
    for (std::ptrdiff_t i = 0; i < rows.n_rows; ++i) {
        const double of_union = inside(united, given.row(i));
        weights[at(i)] = of_union > least_share ? of_union * rows.weight_of(i) : 0.0;
    }
    return cut(structure, rows.data, weights.data(), rows.n_rows, rows.n_features, added, least_rows, sides.data());
}

struct SoftSplit {
    double gain;  // in log-likelihood, of two components over one
    std::shared_ptr<const Vector> share;
};

// Of the rows of a move's union, by EM from its cut.
std::optional<SoftSplit> soft_split(const Move& move, const Responsibilities& given, const SearchRows& rows,
                                    const MStep& m_step, Control& control) {
    const std::ptrdiff_t d = rows.n_features;
    std::vector<std::ptrdiff_t> members;
    Vector data, weights;
    Responsibilities whole{1, {}}, halves{2, {}};
    for (std::ptrdiff_t i = 0; i < rows.n_rows; ++i) {
        const double of_union = inside(move.united, given.row(i)), second = (*move.share)[at(i)];
        if (!(of_union > least_share)) continue;
        members.push_back(i);
        data.insert(data.end(), rows.row(i), rows.row(i) + d);
        weights.push_back(of_union * rows.weight_of(i));
        whole.values.push_back(1.0);
        halves.values.insert(halves.values.end(), {1.0 - second, second});
    }
    const SearchRows inner{data.data(), weights.data(), static_cast<std::ptrdiff_t>(members.size()), d};
    const MemorySource<double> source(inner.view());
    Beginning one = mixture_of(whole, source, m_step, control);
    Beginning two = mixture_of(halves, source, m_step, control);
    if (one.failed >= 0 || two.failed >= 0) return {};
    Point of_one(std::move(one.mixture)), of_two(std::move(two.mixture));
    of_one.statistics.centres = of_one.mixture.means;
    source.accumulate({}, of_one.mixture.view(), of_one.statistics, control);
    Monitor monitor(split_tol, split_iter, false);
    Acceleration acceleration(m_step.structure(), 2, d);
    expectation_maximisation({source, m_step}, monitor, &acceleration, {}, of_two, control);
    check(control);
    const Responsibilities found = responsibilities(of_two.mixture.view(), inner, control);
    auto share = std::make_shared<Vector>(at(rows.n_rows));
    for (std::size_t i = 0; i < members.size(); ++i) (*share)[at(members[i])] = found.values[2 * i + 1];
    return SoftSplit{of_two.statistics.log_likelihood() - of_one.statistics.log_likelihood(), std::move(share)};
}

}  // namespace

OwnedMixture widened_by(const double* variances, const OwnedMixture& mixture) {
    OwnedMixture out = mixture;
    const std::ptrdiff_t d = mixture.n_features, size = covariance_size(mixture.structure, d);
    const std::ptrdiff_t n = n_covariances(mixture.structure, mixture.n_components);
    for (std::ptrdiff_t c = 0; c < n; ++c) {
        double* covariance = out.covariances.data() + c * size;
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            const double share = mixture.structure == Structure::spherical ? 1 / static_cast<double>(d) : 1;
            covariance[has_matrices(mixture.structure) ? j * (d + 1) : size == d ? j : 0] += share * variances[j];
        }
    }
    return out;
}

Vector merge_losses(const OwnedMixture& own, const double* error_variances) {
    const OwnedMixture mixture = error_variances == nullptr ? own : widened_by(error_variances, own);
    const std::ptrdiff_t K = mixture.n_components, d = mixture.n_features;
    std::vector<Vector> covariances;
    Vector logs(at(K)), scratch, losses(at(K * K), infinity);
    for (std::ptrdiff_t k = 0; k < K; ++k) {
        covariances.push_back(covariance_of(mixture, k));
        scratch = covariances.back();
        logs[at(k)] = log_determinant(mixture.structure, scratch, d);
    }
    for (std::ptrdiff_t i = 0; i < K; ++i) {
        for (std::ptrdiff_t j = i + 1; j < K; ++j) {
            joint_covariance(mixture, covariances[at(i)], covariances[at(j)], {i, j}, scratch);
            const double w_i = mixture.weights[at(i)], w_j = mixture.weights[at(j)];
            const double loss =
                ((w_i + w_j) * log_determinant(mixture.structure, scratch, d) - w_i * logs[at(i)] - w_j * logs[at(j)]) /
                2;
            if (!std::isnan(loss)) losses[at(i * K + j)] = loss;
        }
    }
    return losses;
}

std::vector<Move> moves(const std::vector<Cut>& of_components, const OwnedMixture& mixture,
                        const Responsibilities& given, const SearchRows& rows, const double* added,
                        double rows_per_weight) {
    const std::ptrdiff_t K = mixture.n_components;
    const double total = rows.weight();
    const Vector losses = merge_losses(mixture, rows.error_variances);
    const auto loss = [&](const Move::Pair& pair) { return losses[at(pair[0] * K + pair[1])]; };
    const std::vector<Move::Pair> pairs = cheapest_pairs(losses, K);
    std::vector<Move::Pair> unions;
    for (std::ptrdiff_t k = 0; k < K; ++k) unions.push_back({k, k});
    for (std::size_t p = 0; p < std::min(merges, pairs.size()); ++p) {
        const double of_both = mixture.weights[at(pairs[p][0])] + mixture.weights[at(pairs[p][1])];
        if (loss(pairs[p]) < apart * of_both) unions.push_back(pairs[p]);
    }
    std::vector<Move> found;
    Vector weights(at(rows.n_rows));
    std::vector<std::int8_t> sides(at(rows.n_rows));
    const auto known = [&](std::ptrdiff_t k) {
        return std::find_if(of_components.begin(), of_components.end(),
                            [k](const Cut& cut) { return cut.component == k; });
    };
    for (const Move::Pair& united : unions) {
        double gain = -infinity;
        if (united[0] != united[1]) {
            gain = cut_of(united, mixture.structure, given, rows, added, least_rows(mixture, rows_per_weight), weights,
                          sides);
        } else if (known(united[0]) != of_components.end()) {
            gain = known(united[0])->gain;
            sides = known(united[0])->sides;
        }
        if (gain == -infinity) continue;
        auto share = std::make_shared<Vector>(at(rows.n_rows));
        for (std::size_t i = 0; i < sides.size(); ++i) (*share)[i] = sides[i] == 1 ? 1.0 : 0.0;
        const auto add = [&](const Move::Pair& merged) {
            found.push_back({gain / total - loss(merged), united, merged, share});
        };
        if (united[0] != united[1]) {
            add(united);
            continue;
        }
        std::size_t n_partners = 0;
        for (const Move::Pair& pair : pairs) {
            if (n_partners == merges) break;
            if (!overlap(pair, united)) add(pair), ++n_partners;
        }
    }
    std::stable_sort(found.begin(), found.end(), is_more_promising);
    return found;
}

std::vector<Move> refined(const std::vector<Move>& candidates, const OwnedMixture& mixture,
                          const Responsibilities& given, const SearchRows& rows, const MStep& m_step,
                          Control& control) {
    const double total = rows.weight();
    const Vector losses = merge_losses(mixture, rows.error_variances);
    std::map<Move::Pair, std::optional<SoftSplit>> splits;
    std::vector<Move> found;
    for (const Move& move : candidates) {
        auto known = splits.find(move.united);
        if (known == splits.end()) {
            known = splits.emplace(move.united, soft_split(move, given, rows, m_step, control)).first;
        }
        if (!known->second) continue;
        const double loss = losses[at(move.merged[0] * mixture.n_components + move.merged[1])];
        found.push_back({known->second->gain / total - loss, move.united, move.merged, known->second->share});
    }
    std::stable_sort(found.begin(), found.end(), is_more_promising);
    return found;
}

std::vector<double> split_gains(const std::vector<Cut>& of_components, std::ptrdiff_t n_components,
                                const Responsibilities& given, const SearchRows& rows, const MStep& m_step,
                                Control& control) {
    Vector gains(at(n_components));
    for (const Cut& cut : of_components) {
        auto share = std::make_shared<Vector>(cut.sides.begin(), cut.sides.end());
        for (double& side : *share) side = side == 1 ? 1.0 : 0.0;
        const Move::Pair itself{cut.component, cut.component};
        const std::optional<SoftSplit> found =
            soft_split({0, itself, itself, std::move(share)}, given, rows, m_step, control);
        gains[at(cut.component)] = found ? found->gain : infinity;
    }
    return gains;
}

std::ptrdiff_t widest(const OwnedMixture& mixture) {
    std::ptrdiff_t found = 0;
    double most = -infinity;
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) {
        Vector covariance = covariance_of(mixture, k);
        const double size = log_determinant(mixture.structure, covariance, mixture.n_features);
        if (size > most) most = size, found = k;
    }
    return found;
}

Responsibilities without(const Responsibilities& given, std::ptrdiff_t component) {
    const std::ptrdiff_t K = given.n_components;
    Responsibilities out{K - 1, {}};
    for (std::ptrdiff_t i = 0; i < static_cast<std::ptrdiff_t>(given.values.size()) / K; ++i) {
        const double* row = given.row(i);
        out.values.insert(out.values.end(), row, row + component);
        out.values.insert(out.values.end(), row + component + 1, row + K);
    }
    return out;
}

std::vector<Move> disjoint(const std::vector<Move>& candidates) {
    std::vector<Move> chosen;
    std::set<std::ptrdiff_t> taken;
    for (const Move& move : candidates) {
        const std::set<std::ptrdiff_t> touched = move.touched();
        const auto is_taken = [&](std::ptrdiff_t k) { return taken.count(k) > 0; };
        if (!(move.gain > 0) || std::any_of(touched.begin(), touched.end(), is_taken)) continue;
        chosen.push_back(move);
        taken.insert(touched.begin(), touched.end());
    }
    return chosen;
}

Responsibilities apply(const std::vector<Move>& chosen, const Responsibilities& given) {
    Responsibilities moved = given;
    const auto n_rows = static_cast<std::ptrdiff_t>(given.values.size()) / given.n_components;
    for (const Move& move : chosen) {
        const std::ptrdiff_t kept = move.splits_one() ? move.united[0] : move.merged[0], second = move.merged[1];
        for (std::ptrdiff_t i = 0; i < n_rows; ++i) {
            const double* before = given.row(i);
            double* after = moved.row(i);
            const double of_union = inside(move.united, before), share = (*move.share)[at(i)];
            if (move.splits_one()) after[move.merged[0]] += before[move.merged[1]];
            after[kept] = of_union * (1 - share);
            after[second] = of_union * share;
        }
    }
    return moved;
}

std::vector<Cut> cuts(const OwnedMixture& mixture, const Responsibilities& given, const SearchRows& rows,
                      const double* added, double rows_per_weight) {
    Vector weights(at(rows.n_rows));
    std::vector<std::int8_t> sides(at(rows.n_rows));
    std::vector<Cut> found;
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) {
        const double gain =
            cut_of({k, k}, mixture.structure, given, rows, added, least_rows(mixture, rows_per_weight), weights, sides);
        if (gain > -infinity) found.push_back({gain, k, sides});
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const Cut& one, const Cut& other) { return one.gain > other.gain; });
    return found;
}

Cut drawn_cut(const OwnedMixture& mixture, const Responsibilities& given, const SearchRows& rows, const double* scatter,
              Random& random) {
    const std::ptrdiff_t d = mixture.n_features, drawn = random.below(rows.n_rows);
    const double *of_drawn = given.row(drawn), *seed = rows.row(drawn);
    Cut cut{0, std::max_element(of_drawn, of_drawn + mixture.n_components) - of_drawn,
            std::vector<std::int8_t>(at(rows.n_rows))};
    const double* mean = mixture.means.data() + cut.component * d;
    for (std::ptrdiff_t i = 0; i < rows.n_rows; ++i) {
        double nearer = 0;  // how much nearer to the row than to the mean
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            const double from_mean = rows.row(i)[j] - mean[j], from_seed = rows.row(i)[j] - seed[j],
                         unit = scatter[j * d + j];
            if (unit > 0) nearer += (from_mean * from_mean - from_seed * from_seed) / unit;
        }
        cut.sides[at(i)] = nearer > 0 ? 1 : 0;
    }
    return cut;
}

Responsibilities split(const Responsibilities& given, const Cut& cut) {
    const std::ptrdiff_t K = given.n_components;
    const auto n_rows = static_cast<std::ptrdiff_t>(cut.sides.size());
    Responsibilities more{K + 1, Vector(at(n_rows * (K + 1)))};
    for (std::ptrdiff_t i = 0; i < n_rows; ++i) {
        std::copy(given.row(i), given.row(i) + K, more.row(i));
        if (cut.sides[at(i)] == 1) std::swap(more.row(i)[cut.component], more.row(i)[K]);
    }
    return more;
}

std::vector<Move::Pair> closest_pairs(const OwnedMixture& mixture, const SearchRows& rows) {
    return cheapest_pairs(merge_losses(mixture, rows.error_variances), mixture.n_components);
}

Responsibilities merged(const Responsibilities& given, Move::Pair pair) {
    const std::ptrdiff_t K = given.n_components;
    const auto n_rows = static_cast<std::ptrdiff_t>(given.values.size()) / K;
    Responsibilities fewer{K - 1, Vector(at(n_rows * (K - 1)))};
    for (std::ptrdiff_t i = 0; i < n_rows; ++i) {
        for (std::ptrdiff_t k = 0; k < K; ++k) {
            if (k != pair[1]) fewer.row(i)[k > pair[1] ? k - 1 : k] = given.row(i)[k];
        }
        fewer.row(i)[pair[0]] += given.row(i)[pair[1]];
    }
    return fewer;
}

}  // namespace mixtura
