// A whole fit of a small table.
#include "fitting/whole_fit.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "e_step/inspect.hpp"
#include "fitting/table.hpp"
#include "m_step/maximum_likelihood.hpp"
#include "m_step/regularisation.hpp"
#include "optimum/verdict.hpp"
#include "support/side_by_side.hpp"

namespace mixtura {
namespace {

// Least eigenvalue of correlations, far above that of dependent columns (1e-9).
constexpr double independent = 1e-7;

// Of a mean's size: far above what its rounding leaves of a variance.
constexpr double rounding = 1e-20;

constexpr double epsilon = std::numeric_limits<double>::epsilon();

// Finite numbers, and the squares of what varies can be computed with.
bool are_in_range(const Rows<double>& rows, const Asked& asked, Control& control) {
    if (rows.n_rows < 2 || rows.n_rows <= rows.n_features || find_nonfinite(rows, control).count > 0) return false;
    std::vector<double> least(static_cast<std::size_t>(rows.n_features)), most(least);
    find_extent(rows, least.data(), most.data(), control);
    for (std::size_t j = 0; j < least.size(); ++j) {
        if (std::max(most[j], -least[j]) > asked.most || !(most[j] - least[j] >= asked.least)) return false;
    }
    return true;
}

bool are_numbers(const WholeFit& fit) {
    const OwnedMixture& mixture = fit.point.mixture;
    const auto all = [](const auto& values, double most) {
        return std::all_of(values.begin(), values.end(), [most](double value) { return std::abs(value) <= most; });
    };
    constexpr double largest = std::numeric_limits<double>::max();
    return all(mixture.weights, largest) && all(mixture.means, largest) && all(mixture.covariances, largest) &&
           all(mixture.precisions_cholesky, most_of_a_factor) && all(fit.point.statistics.counts(), largest) &&
           std::isfinite(fit.point.statistics.log_likelihood()) && std::isfinite(fit.point.statistics.log_certainty());
}

std::vector<double> covariance_in(const Table& table, Structure structure) {
    if (has_matrices(structure)) return table.spread.covariance();
    const std::size_t d = table.variances.size();
    std::vector<double> diagonal(d * d);
    for (std::size_t j = 0; j < d; ++j) diagonal[j * (d + 1)] = table.variances[j];
    return diagonal;
}

// The best that a search finds on the distinct rows.
Found searched(const Table& all, const std::vector<std::int64_t>& distinct, const std::vector<double>& counts,
               const std::vector<double>& values, const MStep& m_step, const Asked& asked, const Recording& recording,
               std::uint64_t seed, std::chrono::steady_clock::time_point deadline, Control& control) {
    const std::ptrdiff_t d = all.rows().n_features;
    std::optional<Table> fewer;
    std::optional<Recording> of_fewer;
    std::vector<double> own;
    if (static_cast<std::ptrdiff_t>(distinct.size()) < all.rows().n_rows) {
        own = copied(all.rows(), distinct);
        Rows<double> rows = contiguous(own, d);
        rows.weights = counts.data();
        fewer.emplace(rows, control);
        of_fewer = recording_of(own.data(), counts.data(), rows.n_rows, d, 1, epsilon);
    }
    const Table& table = fewer ? *fewer : all;
    std::vector<double> metric = m_step.added();
    if (std::count(metric.begin(), metric.end(), 0.0) > 0) {
        const std::vector<double> least = added_by_default(table.mean, table.variances, asked.n_bits);
        for (std::size_t j = 0; j < metric.size(); ++j) metric[j] = std::max(metric[j], least[j]);
    }
    Problem problem;
    problem.m_step = &m_step;
    problem.n_components = asked.n_components;
    problem.rows = {fewer ? own.data() : values.data(), table.rows().weights, table.rows().n_rows, d};
    problem.source = &table.source();
    problem.total = table.spread.total();
    problem.metric_reg_covar = metric.data();
    problem.recording = of_fewer ? &*of_fewer : &recording;
    problem.min_rows = asked.min_rows;
    problem.seed = seed;
    problem.deadline = deadline;
    return search(problem, control);
}

std::chrono::steady_clock::time_point after(double seconds) {
    using Clock = std::chrono::steady_clock;
    if (!(seconds < 3e9)) return Clock::time_point::max();
    return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

}  // namespace

bool are_surely_sound(const std::vector<double>& mean, const std::vector<double>& variances,
                      const std::vector<double>& covariance) {
    std::vector<double> room;
    for (std::size_t j = 0; j < mean.size(); ++j)
        room.push_back(independent * variances[j] + rounding * (mean[j] * mean[j]));
    return !are_held_up(Structure::full, covariance, room.data(), static_cast<std::ptrdiff_t>(mean.size()));
}

Outcome whole_fit(const Rows<double>& rows, const Asked& asked, std::uint64_t seed, Control& control) {
    const auto deadline = after(asked.seconds);
    if (!are_in_range(rows, asked, control)) return {};
    const std::ptrdiff_t room = asked.start ? std::min(asked.few_rows, rows.n_rows) : rows.n_rows;
    std::vector<std::int64_t> distinct(static_cast<std::size_t>(room));
    std::vector<double> counts(static_cast<std::size_t>(room));
    const std::ptrdiff_t n_distinct = find_distinct(rows, room, distinct.data(), counts.data(), control);
    check(control);
    if (n_distinct <= asked.few_rows) return {};
    const Table table(rows, control);
    if (!are_surely_sound(table.mean, table.variances, table.spread.covariance())) return {};

    std::vector<std::int64_t> each(static_cast<std::size_t>(rows.n_rows));
    for (std::size_t i = 0; i < each.size(); ++i) each[i] = static_cast<std::int64_t>(i);
    const std::vector<double> values = copied(rows, each);
    const Recording recording = recording_of(values.data(), nullptr, rows.n_rows, rows.n_features, 1, epsilon);
    const MaximumLikelihood m_step(
        asked.model, asked.reg_covar ? std::vector<double>(static_cast<std::size_t>(rows.n_features), *asked.reg_covar)
                                     : added_by_default(table.mean, table.variances, asked.n_bits));
    Found found;
    found.mixture = asked.start;
    if (!asked.start) {
        distinct.resize(static_cast<std::size_t>(n_distinct));
        counts.resize(static_cast<std::size_t>(n_distinct));
        found = searched(table, distinct, counts, values, m_step, asked, recording, seed, deadline, control);
    }
    if (!found.mixture) return {};
    Outcome doubtful{{}, {}, n_distinct};
    if (!asked.start) doubtful.found = found;

    WholeFit fit{Point(std::move(*found.mixture)), Monitor(asked.tol, asked.max_iter, asked.accelerate), m_step.added(),
                 std::move(found.records), asked.start ? 0 : n_distinct};
    const Structure structure = m_step.structure();
    std::optional<Acceleration> acceleration;
    if (asked.accelerate) acceleration.emplace(structure, asked.n_components, rows.n_features, false);
    Expectation expectation;
    if (structure == Structure::tied) expectation.total = table.spread.total();
    LoopOptions options;
    options.deadline = deadline;
    expectation_maximisation({table.source(), m_step, expectation}, fit.monitor,
                             acceleration ? &*acceleration : nullptr, options, fit.point, control);
    check(control);
    if (acceleration && std::isnan(fit.monitor.predicted_gain))
        fit.monitor.predicted_gain = acceleration->remaining_gain(fit.point.statistics);
    if (fit.monitor.failed >= 0 || !are_numbers(fit)) return doubtful;
    const std::vector<double> effective_rows = fit.point.statistics.counts();
    const Grounds grounds{m_step, &recording, asked.min_rows, [&] { return covariance_in(table, structure); }};
    if (first_doubt(fit.point.mixture, effective_rows.data(), grounds).doubt != Doubt::none) return doubtful;
    return {std::move(fit), {}, n_distinct};
}

std::vector<Outcome> whole_fits(const std::vector<Rows<double>>& tables, const std::vector<std::uint64_t>& seeds,
                                const Asked& asked, Control& control) {
    const auto n = static_cast<std::ptrdiff_t>(tables.size());
    SideBySide<Outcome> fits(n, n, control, [&](std::ptrdiff_t i, Control& own) {
        const auto at = static_cast<std::size_t>(i);
        return whole_fit(tables[at], asked, seeds[at], own);
    });
    std::vector<Outcome> found;
    for (std::ptrdiff_t i = 0; i < n; ++i) found.push_back(std::move(fits[i]));
    return found;
}

}  // namespace mixtura
