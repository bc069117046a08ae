// Whether the likelihood of a mixture is spurious.
#include "optimum/verdict.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>
#include <utility>

#include "m_step/linear_algebra.hpp"

namespace mixtura {
namespace {

// A component of fewer than twice the rows that its covariance needs is a spike where its variance in some direction is
// below this share of what components have there on average: a few rows that happen to lie near a plane (McLachlan &
// Peel 2000, section 3.10).
constexpr double spurious = 1e-3;

// A component is thinner than its values were recorded where its variance is below this share of the rounding's, and
// sits on one value where it is below this share of what rounding to the nearest other value would have, and of the
// column's.
constexpr double recorded = 0.5;
constexpr double negligible = 0.01;

// Soft counts of whole rows fall short of them.
constexpr double nearly = 0.999;

// Components nearer than this in Bhattacharyya coefficient to 1 are one.
constexpr double same = 1e-4;

const double* covariance_of(const OwnedMixture& mixture, const Numbers& values, std::ptrdiff_t k) {
    return values.data() + k * covariance_stride(mixture.structure, mixture.n_features);
}

// Whether a covariance is below `floor` in some direction: where Sigma - floor has no Cholesky factor; without
// matrices, in some column; one variance for all columns, in all of them together.
bool is_below(Structure structure, const double* covariance, const std::vector<double>& floor) {
    const auto d = static_cast<std::ptrdiff_t>(floor.size());
    if (structure == Structure::spherical)
        return covariance[0] * static_cast<double>(d) < std::accumulate(floor.begin(), floor.end(), 0.0);
    if (structure == Structure::diag) {
        return !std::equal(floor.begin(), floor.end(), covariance,
                           [](double least, double value) { return value >= least; });
    }
    std::vector<double> rest(covariance, covariance + d * d);
    for (std::ptrdiff_t j = 0; j < d; ++j)
        rest[static_cast<std::size_t>(j * d + j)] -= floor[static_cast<std::size_t>(j)];
    return !cholesky(rest.data(), d);
}

// The first component (or `only`) below a floor; -1: none.
std::ptrdiff_t first_below(const OwnedMixture& mixture, const std::vector<double>& floor, std::ptrdiff_t only) {
    const std::ptrdiff_t n = mixture.structure == Structure::tied ? 1 : mixture.n_components;
    for (std::ptrdiff_t k = std::max<std::ptrdiff_t>(only, 0); k < (only < 0 ? n : only + 1); ++k) {
        if (is_below(mixture.structure, covariance_of(mixture, mixture.covariances, k), floor)) return k;
    }
    return -1;
}

// The columns in which all rows together (their covariance, d x d) are below a floor.
std::vector<std::size_t> columns_below(const std::vector<double>& total, const std::vector<double>& floor) {
    std::vector<std::size_t> columns;
    for (std::size_t j = 0; j < floor.size(); ++j) {
        if (total[j * (floor.size() + 1)] <= floor[j]) columns.push_back(j);
    }
    return columns;
}

// The floor without columns in which all rows together are below it, and without any where they are in a combination of
// columns.
std::vector<double> floor_of_components(Structure structure, std::vector<double> floor,
                                        const std::vector<double>& total) {
    for (const std::size_t j : columns_below(total, floor)) floor[j] = 0;
    if (has_matrices(structure) && is_below(structure, total.data(), floor)) std::fill(floor.begin(), floor.end(), 0.0);
    return floor;
}

std::ptrdiff_t first_below(const OwnedMixture& mixture, std::vector<double> floor, const Grounds& grounds,
                           std::ptrdiff_t only) {
    const bool none = std::all_of(floor.begin(), floor.end(), [](double least) { return least == 0; });
    if (none || first_below(mixture, floor, only) < 0) return -1;
    return first_below(mixture, floor_of_components(mixture.structure, std::move(floor), grounds.total()), only);
}

std::vector<double> times(double factor, const double* values, std::ptrdiff_t n) {
    std::vector<double> product(values, values + n);
    for (double& value : product) value *= factor;
    return product;
}

// sum w_k Sigma_k
std::vector<double> average_covariance(const OwnedMixture& mixture) {
    const std::ptrdiff_t size = covariance_size(mixture.structure, mixture.n_features);
    std::vector<double> average(static_cast<std::size_t>(size));
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) {
        const double* covariance = covariance_of(mixture, mixture.covariances, k);
        for (std::ptrdiff_t i = 0; i < size; ++i)
            average[static_cast<std::size_t>(i)] += mixture.weights[static_cast<std::size_t>(k)] * covariance[i];
    }
    return average;
}

// Whether in some direction component k is that thin. Every eigenvalue of inv(A) S exceeds t where S - t A has a
// Cholesky factor.
bool is_thin(const OwnedMixture& mixture, std::ptrdiff_t k, const std::vector<double>& average) {
    const double* covariance = covariance_of(mixture, mixture.covariances, k);
    std::vector<double> rest(covariance, covariance + average.size());
    for (std::size_t i = 0; i < rest.size(); ++i) rest[i] -= spurious * average[i];
    if (has_matrices(mixture.structure)) return !cholesky(rest.data(), mixture.n_features);
    return *std::min_element(rest.begin(), rest.end()) < 0;
}

// Whether one component by itself can make the likelihood diverge: it has a volume or a shape of its own.
bool can_diverge(Model model) {
    return !(model == Model::EII || model == Model::EEI || model == Model::EEE || model == Model::EEV);
}

// The first component of few rows that is far thinner than components are on average.
std::ptrdiff_t first_spike(const OwnedMixture& mixture, const double* effective_rows, double needed,
                           std::ptrdiff_t only) {
    std::vector<double> average;
    for (std::ptrdiff_t k = std::max<std::ptrdiff_t>(only, 0); k < (only < 0 ? mixture.n_components : only + 1); ++k) {
        if (!(effective_rows[k] < 2 * needed)) continue;
        if (average.empty()) average = average_covariance(mixture);
        if (is_thin(mixture, k, average)) return k;
    }
    return -1;
}

// The value that all rows of component k share in column j, or null: nothing else is near enough for a density so
// narrow.
const SharedValue* point_of(const OwnedMixture& mixture, std::ptrdiff_t k, std::ptrdiff_t j, const Grounds& grounds) {
    const double mean = mixture.means[static_cast<std::size_t>(k * mixture.n_features + j)];
    const SharedValue* shared = grounds.recording->nearest(j, mean);
    if (shared == nullptr || !(std::abs(mean - shared->value) < shared->gap / 2)) return nullptr;
    const double variance_there = mixture.covariance(k, j, j);
    if (!(variance_there < recorded * shared->gap * shared->gap / 12)) return nullptr;
    const auto at = static_cast<std::size_t>(j * (mixture.n_features + 1));
    return variance_there < negligible * grounds.total()[at] ? shared : nullptr;
}

bool are_points(const OwnedMixture& mixture, std::ptrdiff_t j, const Grounds& grounds) {
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) {
        if (point_of(mixture, k, j, grounds) == nullptr) return false;
    }
    return true;
}

// Component and column of the first point mass.
bool find_point_mass(const OwnedMixture& mixture, const Grounds& grounds, std::ptrdiff_t only, Verdict& verdict) {
    // One variance for all columns tells of none of them.
    if (mixture.structure == Structure::spherical && mixture.n_features > 1) return false;
    for (std::ptrdiff_t j = 0; j < mixture.n_features; ++j) {
        if (grounds.recording->shared_values[static_cast<std::size_t>(j)].empty()) continue;
        // Of components whose volume and shape is one, none is narrower than the others let it be.
        if (!can_diverge(grounds.m_step.model()) && !are_points(mixture, j, grounds)) continue;
        for (std::ptrdiff_t k = std::max<std::ptrdiff_t>(only, 0); k < (only < 0 ? mixture.n_components : only + 1);
             ++k) {
            const SharedValue* shared = point_of(mixture, k, j, grounds);
            if (shared == nullptr) continue;
            verdict.component = k;
            verdict.column = j;
            verdict.value = shared->value;
            return true;
        }
    }
    return false;
}

// log|Sigma| of a covariance, or of its factor's.
double log_determinant(Structure structure, std::vector<double> covariance, std::ptrdiff_t d) {
    double sum = 0;
    if (has_matrices(structure)) {
        if (!cholesky(covariance.data(), d)) return -std::numeric_limits<double>::infinity();
        for (std::ptrdiff_t j = 0; j < d; ++j) sum += 2 * std::log(covariance[static_cast<std::size_t>(j * d + j)]);
    } else {
        for (const double value : covariance) sum += std::log(value);
        if (structure == Structure::spherical) sum *= static_cast<double>(d);
    }
    return sum;
}

// x^T inv(S) x of a covariance.
double square_in(Structure structure, std::vector<double> covariance, std::vector<double> x) {
    const auto d = static_cast<std::ptrdiff_t>(x.size());
    if (!has_matrices(structure)) {
        double sum = 0;
        for (std::size_t j = 0; j < x.size(); ++j) sum += x[j] * x[j] / covariance[covariance.size() == 1 ? 0 : j];
        return sum;
    }
    if (!cholesky(covariance.data(), d)) return std::numeric_limits<double>::infinity();
    double sum = 0;
    for (std::ptrdiff_t j = 0; j < d; ++j) {
        double rest = x[static_cast<std::size_t>(j)];
        for (std::ptrdiff_t m = 0; m < j; ++m)
            rest -= covariance[static_cast<std::size_t>(m * d + j)] * x[static_cast<std::size_t>(m)];
        x[static_cast<std::size_t>(j)] = rest / covariance[static_cast<std::size_t>(j * d + j)];
        sum += x[static_cast<std::size_t>(j)] * x[static_cast<std::size_t>(j)];
    }
    return sum;
}

// Whether two components are nearer than `same`: by the Bhattacharyya distance (m_i - m_j)^T inv(S) (m_i - m_j) / 8 +
// log(|S| / sqrt(|S_i| |S_j|)) / 2, S = (S_i + S_j) / 2. Its first term is no smaller than any column's.
bool are_same(const OwnedMixture& mixture, std::ptrdiff_t i, std::ptrdiff_t j) {
    const std::ptrdiff_t d = mixture.n_features, size = covariance_size(mixture.structure, d);
    std::vector<double> between;
    for (std::ptrdiff_t m = 0; m < d; ++m) {
        between.push_back(mixture.means[static_cast<std::size_t>(i * d + m)] -
                          mixture.means[static_cast<std::size_t>(j * d + m)]);
        const double pooled = (mixture.covariance(i, m, m) + mixture.covariance(j, m, m)) / 2;
        if (between.back() * between.back() > 8 * same * pooled) return false;
    }
    const std::vector<double> one = times(1.0, covariance_of(mixture, mixture.covariances, i), size),
                              other = times(1.0, covariance_of(mixture, mixture.covariances, j), size);
    std::vector<double> pooled(one);
    for (std::size_t m = 0; m < pooled.size(); ++m) pooled[m] = (one[m] + other[m]) / 2;
    const double square = square_in(mixture.structure, pooled, between);
    if (mixture.structure == Structure::tied) return square / 8 <= same;
    const double spread =
        log_determinant(mixture.structure, pooled, d) -
        (log_determinant(mixture.structure, one, d) + log_determinant(mixture.structure, other, d)) / 2;
    return square / 8 + spread / 2 <= same;
}

// Sets the first component that is the same as another, and which.
bool find_coincident(const OwnedMixture& mixture, std::ptrdiff_t only, Verdict& verdict) {
    for (std::ptrdiff_t i = std::max<std::ptrdiff_t>(only, 0); i < (only < 0 ? mixture.n_components : only + 1); ++i) {
        for (std::ptrdiff_t j = only < 0 ? i + 1 : 0; j < mixture.n_components; ++j) {
            if (i == j || !are_same(mixture, i, j)) continue;
            verdict.component = i;
            verdict.other = j;
            return true;
        }
    }
    return false;
}

std::ptrdiff_t fewest(const OwnedMixture& mixture, const double* effective_rows, std::ptrdiff_t only) {
    if (only >= 0) return only;
    std::ptrdiff_t least = 0;
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) {
        if (!(effective_rows[k] >= effective_rows[least])) least = k;
    }
    return least;
}

template <class... Values>
std::string sentence(const char* format, Values... values) {
    char text[192];
    std::snprintf(text, sizeof text, format, values...);
    return text;
}

}  // namespace

double rows_needed(Model model, std::ptrdiff_t n_features) {
    const bool turns = model == Model::VEV || model == Model::EVV || model == Model::VVV;
    return turns ? static_cast<double>(n_features + 1) : can_diverge(model) ? 2.0 : 1.0;
}

bool are_held_up(Structure structure, const std::vector<double>& total, const double* reg_covar,
                 std::ptrdiff_t n_features) {
    const std::vector<double> floor = times(1 / held_up, reg_covar, n_features);
    return !columns_below(total, floor).empty() ||
           (has_matrices(structure) && is_below(structure, total.data(), floor));
}

std::string Verdict::label(std::string column_name) const {
    if (column_name.empty()) column_name = sentence("column %td", column);
    switch (doubt) {
        case Doubt::none: return "sound";
        case Doubt::few_rows: return "few rows";
        case Doubt::held_up: return "held up by reg_covar";
        case Doubt::thinner_than_recorded: return "thinner than recorded";
        case Doubt::point_mass: return sentence("point mass: %s = %.6g", column_name.c_str(), value);
        case Doubt::spike: return "spike";
        case Doubt::coincident: return "coincident";
    }
    return "";
}

std::string Verdict::words(std::string column_name) const {
    if (column_name.empty()) column_name = sentence("column %td", column);
    switch (doubt) {
        case Doubt::none: return "";
        case Doubt::few_rows:
            return sentence(is_asked ? "component %td holds %.4g rows, fewer than min_component_rows=%.6g"
                                     : "component %td holds %.4g rows, fewer than the %.0f that its covariance needs",
                            component, rows, needed);
        case Doubt::held_up: return sentence("component %td is held up by reg_covar alone", component);
        case Doubt::thinner_than_recorded:
            return sentence("component %td is thinner than the steps in which its values were recorded", component);
        case Doubt::point_mass:
            return sentence("component %td is a point mass: its %.4g rows have %s = %.6g", component, rows,
                            column_name.c_str(), value);
        case Doubt::spike: return sentence("component %td is a spike of %.4g rows", component, rows);
        case Doubt::coincident: return sentence("components %td and %td are the same", component, other);
    }
    return "";
}

namespace {

// The gravest doubt about any component, each looked at by itself.
Verdict gravest_doubt(const OwnedMixture& mixture, const double* effective_rows, const Grounds& grounds) {
    Verdict gravest;
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) {
        Verdict verdict = first_doubt(mixture, effective_rows, grounds, k);
        if (verdict.doubt != Doubt::none && (gravest.doubt == Doubt::none || verdict.doubt < gravest.doubt))
            gravest = std::move(verdict);
    }
    return gravest;
}

// Of one whose covariance has a volume whatever its rows.
Verdict doubt_about_held(const OwnedMixture& mixture, const double* effective_rows, const Grounds& grounds,
                         std::ptrdiff_t k) {
    Verdict verdict;
    verdict.component = k;
    verdict.rows = effective_rows[k];
    verdict.needed = grounds.min_rows;
    verdict.is_asked = true;
    if (effective_rows[k] < nearly * grounds.min_rows) {
        verdict.doubt = Doubt::few_rows;
    } else if (find_coincident(mixture, k, verdict)) {
        verdict.doubt = Doubt::coincident;
    }
    return verdict;
}

}  // namespace

Verdict first_doubt(const OwnedMixture& mixture, const double* effective_rows, const Grounds& grounds,
                    std::ptrdiff_t only) {
    if (grounds.m_step.may_leave_out()) return {};
    const auto is_held = [&](std::ptrdiff_t k) { return !grounds.m_step.can_collapse(k); };
    if (only >= 0 && is_held(only)) return doubt_about_held(mixture, effective_rows, grounds, only);
    for (std::ptrdiff_t k = 0; only < 0 && k < mixture.n_components; ++k) {
        if (is_held(k)) return gravest_doubt(mixture, effective_rows, grounds);
    }
    Verdict verdict;
    const double needed = rows_needed(grounds.m_step.model(), mixture.n_features);
    verdict.is_asked = grounds.min_rows > needed;
    verdict.needed = std::max(needed, grounds.min_rows);
    const auto found = [&](Doubt doubt, std::ptrdiff_t component) {
        verdict.doubt = doubt;
        verdict.component = component;
        verdict.rows = effective_rows[component];
        return verdict;
    };
    const std::ptrdiff_t least = fewest(mixture, effective_rows, only), d = mixture.n_features;
    if (!(effective_rows[least] >= nearly * verdict.needed)) return found(Doubt::few_rows, least);
    if (grounds.recording != nullptr && find_point_mass(mixture, grounds, only, verdict)) {
        return found(Doubt::point_mass, verdict.component);
    }
    const std::ptrdiff_t held =
        first_below(mixture, times(1 / held_up, grounds.m_step.added().data(), d), grounds, only);
    if (held >= 0) return found(Doubt::held_up, held);
    if (grounds.recording != nullptr) {
        const std::ptrdiff_t thin =
            first_below(mixture, times(recorded, grounds.recording->rounding.data(), d), grounds, only);
        if (thin >= 0) return found(Doubt::thinner_than_recorded, thin);
    }
    const std::ptrdiff_t spike =
        can_diverge(grounds.m_step.model()) ? first_spike(mixture, effective_rows, needed, only) : -1;
    if (spike >= 0) return found(Doubt::spike, spike);
    if (find_coincident(mixture, only, verdict)) return found(Doubt::coincident, verdict.component);
    return verdict;
}

std::vector<Verdict> doubts_about(const OwnedMixture& mixture, const double* effective_rows, const Grounds& grounds) {
    std::vector<Verdict> doubts{first_doubt(mixture, effective_rows, grounds)};
    if (doubts.front().doubt == Doubt::none) return {};
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) {
        Verdict verdict = first_doubt(mixture, effective_rows, grounds, k);
        if (verdict.doubt != Doubt::none && verdict.component != doubts.front().component)
            doubts.push_back(std::move(verdict));
    }
    return doubts;
}

}  // namespace mixtura
