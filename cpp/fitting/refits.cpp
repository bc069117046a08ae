// Fits to the same rows with other weights.
#include "fitting/refits.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <utility>

#include "e_step/patterns.hpp"
#include "fitting/of_rows.hpp"
#include "fitting/table.hpp"
#include "m_step/regularisation.hpp"
#include "optimum/random.hpp"
#include "support/interrupt.hpp"
#include "support/side_by_side.hpp"

namespace mixtura {
namespace {

// Those of positive weight, with all that they bring.
class Drawn {
  public:
    Drawn(const Rows<double>& all, const double* weights, bool missing) {
        std::vector<std::int64_t> some;
        for (std::ptrdiff_t i = 0; i < all.n_rows; ++i) {
            if (!(weights[i] > 0)) continue;
            some.push_back(i);
            weights_.push_back(weights[i]);
        }
        values_ = copied(all, some);
        alone_ = contiguous(values_, all.n_features);
        alone_.weights = weights_.data();
        rows_ = alone_;
        take_labels(all.labels, some);
        take_errors(all, some);
        if (!missing || all.errors.are_there()) return;
        patterns_ = std::make_unique<PatternOrder>(alone_);
        rows_.patterns = patterns_->view();
    }
    Drawn(const Drawn&) = delete;  // the rows lie in this object's memory
    Drawn& operator=(const Drawn&) = delete;

    const Rows<double>& rows() const { return rows_; }
    const Rows<double>& alone() const { return alone_; }  // with their weights, and nothing else

  private:
    void take_labels(const Labels& labels, const std::vector<std::int64_t>& some) {
        rows_.labels.n_terms = labels.n_terms;
        for (const std::int64_t i : some) {
            if (labels.components != nullptr) labels_.push_back(labels.components[i]);
            if (labels.log_terms == nullptr) continue;
            const double* own = labels.log_terms + i * labels.n_terms;
            log_terms_.insert(log_terms_.end(), own, own + labels.n_terms);
        }
        if (labels.components != nullptr) rows_.labels.components = labels_.data();
        if (labels.log_terms != nullptr) rows_.labels.log_terms = log_terms_.data();
    }

    void take_errors(const Rows<double>& all, const std::vector<std::int64_t>& some) {
        rows_.errors = all.errors;
        if (all.errors.data == nullptr || all.errors.row_stride == 0) return;
        const std::ptrdiff_t size = all.n_features * (all.errors.are_matrices ? all.n_features : 1);
        for (const std::int64_t i : some) {
            const double* own = all.errors.data + i * all.errors.row_stride;
            errors_.insert(errors_.end(), own, own + size);
        }
        rows_.errors.data = errors_.data();
        rows_.errors.row_stride = size;
    }

    std::vector<double> values_, weights_, log_terms_, errors_;
    std::vector<std::int32_t> labels_;
    std::unique_ptr<PatternOrder> patterns_;
    Rows<double> rows_, alone_;
};

// Where rows lie and how they spread: of what was observed, where something is missing; then there is no covariance.
struct Overall {
    std::vector<double> mean, variances;
    Spread spread;
    bool has_scatter;

    Overall(const Rows<double>& rows, bool missing, bool scatter, Control& control) : has_scatter(scatter && !missing) {
        if (missing) {
            const Observed observed = observed_in(rows);
            mean = observed.mean;
            variances = observed.variances();
            return;
        }
        Table table(rows, control, has_scatter);
        mean = std::move(table.mean);
        variances = std::move(table.variances);
        spread = std::move(table.spread);
    }
};

// 1 where a column does not vary.
std::vector<double> spreads_of(const std::vector<double>& variances) {
    std::vector<double> out;
    for (const double variance : variances) out.push_back(variance > 0 ? std::sqrt(variance) : 1);
    return out;
}

struct Fitting {
    MaximumLikelihood m_step;
    std::vector<double> corners;
};

// The M-step for these rows.
Fitting for_rows(const MaximumLikelihood& m_step, const Rows<double>& rows, const Overall& all, std::ptrdiff_t k,
                 const Refitting& asked) {
    FromRows found;
    Fitting fitting{m_step, {}};
    if (asked.n_bits > 0) found.added = added_by_default(all.mean, all.variances, asked.n_bits);
    if (m_step.bounds_ratio()) found.spreads = spreads_of(all.variances);
    const std::vector<double> covariance = all.has_scatter ? all.spread.covariance() : std::vector<double>{};
    if (asked.has_box) {
        const BoxDirections directions =
            box_directions(all.mean, all.variances, covariance.empty() ? nullptr : covariance.data());
        const Box box = box_of(all.mean, directions, box_sides(rows, all.mean, directions));
        found.noise = Background{-box.log_volume, box.log_sides};
        fitting.corners = box.least;
        fitting.corners.insert(fitting.corners.end(), box.most.begin(), box.most.end());
    }
    if (asked.default_prior) {
        const bool is_matrix = has_matrices(m_step.structure());
        found.prior_mean = all.mean;
        found.prior_scatter = default_scatter(m_step.structure(), k, rows.n_features,
                                              is_matrix ? covariance.data() : all.variances.data(),
                                              effective_rows(rows.weights, rows.n_rows));
    }
    fitting.m_step = m_step.with(std::move(found));
    return fitting;
}

Refit refit(const Rows<double>& all_rows, const double* weights, const OwnedMixture& start,
            const MaximumLikelihood& m_step, const Refitting& asked, Control& control) {
    const Drawn drawn(all_rows, weights, asked.missing);
    const bool is_tied = m_step.structure() == Structure::tied;
    const bool needs_scatter = is_tied || asked.has_box || (asked.default_prior && has_matrices(m_step.structure()));
    const Overall all(drawn.alone(), asked.missing, needs_scatter, control);
    const Fitting own = for_rows(m_step, drawn.alone(), all, start.n_components, asked);
    const MemorySource<double> source(drawn.rows());
    Expectation expectation;
    if (is_tied && all.has_scatter && !drawn.rows().errors.are_there()) expectation.total = all.spread.total();
    Point point(start);
    Monitor monitor(asked.tol, asked.max_iter, true);
    Acceleration acceleration(m_step.structure(), start.n_components, start.n_features, m_step.has_tails());
    expectation_maximisation({source, own.m_step, expectation}, monitor, &acceleration, {}, point, control);
    if (control.interrupted) throw Interrupted{};
    return {std::move(point.mixture), own.corners, monitor.failed, monitor.failed_count};
}

}  // namespace

std::vector<Refit> refits(const Rows<double>& rows, const double* weights, std::ptrdiff_t n, const OwnedMixture& start,
                          const Refitting& asked, Control& control) {
    SideBySide<Refit> fits(n, n, control, [&](std::ptrdiff_t i, Control& own) {
        const MaximumLikelihood& m_step = *asked.m_steps[asked.m_steps.size() == 1 ? 0 : static_cast<std::size_t>(i)];
        return refit(rows, weights + i * rows.n_rows, start, m_step, asked, own);
    });
    std::vector<Refit> found;
    found.reserve(static_cast<std::size_t>(n));
    for (std::ptrdiff_t i = 0; i < n; ++i) found.push_back(std::move(fits[i]));
    return found;
}

std::vector<double> drawn_counts(const double* weights, std::ptrdiff_t n_rows, std::ptrdiff_t n_drawn,
                                 const std::vector<std::uint64_t>& seeds) {
    constexpr std::ptrdiff_t draws_of_a_millisecond = 1 << 14;
    std::vector<double> sums;
    if (weights != nullptr) {
        sums.resize(static_cast<std::size_t>(n_rows));
        std::partial_sum(weights, weights + n_rows, sums.begin());
    }
    // The first row whose sum is above the drawn one: never a row of weight 0, nor, where a product rounds up, none.
    const auto drawn_row = [&](Random& random) -> std::ptrdiff_t {
        if (weights == nullptr) return random.below(n_rows);
        const double drawn = std::min(random.uniform() * sums.back(), std::nextafter(sums.back(), 0.0));
        return std::upper_bound(sums.begin(), sums.end(), drawn) - sums.begin();
    };
    std::vector<double> counts(seeds.size() * static_cast<std::size_t>(n_rows));
    for (std::size_t s = 0; s < seeds.size(); ++s) {
        Random random(seeds[s]);
        double* own = counts.data() + s * static_cast<std::size_t>(n_rows);
        for (std::ptrdiff_t i = 0; i < n_drawn; ++i) {
            if (i % draws_of_a_millisecond == 0) check_interrupted();
            own[drawn_row(random)] += 1;
        }
    }
    return counts;
}

}  // namespace mixtura
