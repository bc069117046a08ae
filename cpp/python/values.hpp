// The values that Python passes to the core: each holds the arrays that it was made of, whose shapes were looked at
// then.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "e_step/patterns.hpp"
#include "em/row_source.hpp"
#include "m_step/m_step.hpp"
#include "optimum/search.hpp"
#include "python/bindings.hpp"

namespace mixtura::python {

using NoiseValues = std::tuple<double, double, std::optional<Doubles>>;  // weight, log density, log sides of its box
using PosteriorArrays = std::tuple<Doubles, Doubles>;                    // counts, log weights, the noise's behind
using LabelArray = nb::ndarray<const std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// Weights, means, covariances, precision factors, degrees of freedom, noise and posterior. Without covariances, which
// no E-step reads, it can be sent cheaply.
class MixtureArrays {
  public:
    MixtureArrays(Structure structure, const Doubles& weights, const Doubles& means,
                  const std::optional<Doubles>& covariances, const Doubles& precisions_cholesky,
                  const std::optional<Doubles>& df, const std::optional<NoiseValues>& noise,
                  const std::optional<PosteriorArrays>& posterior)
        : sizes(Sizes::of(structure, "means", means)), weights_(weights), means_(means), covariances_(covariances),
          precisions_cholesky_(precisions_cholesky), df_(df) {
        require_shape("weights", weights, {sizes.k});
        require_shape("means", means, {sizes.k, sizes.d});
        require_shape("covariances", covariances, sizes.covariances());
        require_shape("precisions_cholesky", precisions_cholesky, sizes.covariances());
        require_shape("df", df, {sizes.k});
        sizes.has_tails = df.has_value();
        sizes.has_noise = noise.has_value();
        if (posterior) {
            std::tie(counts_, log_weights_) = std::make_pair(std::get<0>(*posterior), std::get<1>(*posterior));
            require_shape("counts", counts_, {sizes.n_densities()});
            require_shape("log_weights", log_weights_, {sizes.n_densities()});
        }
        if (!noise) return;
        log_sides_ = std::get<2>(*noise);
        require_shape("the noise's log sides", log_sides_, {sizes.d});
        noise_ = {std::get<0>(*noise), std::get<1>(*noise), log_sides_ ? log_sides_->data() : nullptr};
    }

    Mixture view() const {
        return {sizes.structure,
                sizes.k,
                sizes.d,
                weights_.data(),
                means_.data(),
                precisions_cholesky_.data(),
                df_ ? df_->data() : nullptr,
                noise_,
                log_weights_ ? log_weights_->data() : nullptr};
    }

    OwnedMixture owned() const {
        require(covariances_.has_value(), "the mixture must have covariances");
        OwnedMixture mixture(sizes.structure, sizes.k, sizes.d);
        std::copy_n(weights_.data(), weights_.size(), mixture.weights.begin());
        std::copy_n(means_.data(), means_.size(), mixture.means.begin());
        std::copy_n(covariances_->data(), covariances_->size(), mixture.covariances.begin());
        std::copy_n(precisions_cholesky_.data(), precisions_cholesky_.size(), mixture.precisions_cholesky.begin());
        if (df_) mixture.df.assign(df_->data(), df_->data() + sizes.k);
        mixture.noise = {noise_.weight, noise_.log_density};
        if (log_sides_) mixture.log_sides.assign(log_sides_->data(), log_sides_->data() + sizes.d);
        if (counts_) mixture.counts.assign(counts_->data(), counts_->data() + sizes.n_densities());
        if (log_weights_) mixture.log_weights.assign(log_weights_->data(), log_weights_->data() + sizes.n_densities());
        return mixture;
    }

    Sizes sizes;

  private:
    Doubles weights_, means_;
    std::optional<Doubles> covariances_;
    Doubles precisions_cholesky_;
    std::optional<Doubles> df_, log_sides_, counts_, log_weights_;
    Noise noise_;
};

inline Labels labels_of(const std::optional<LabelArray>& labels, const std::optional<Doubles>& log_terms,
                        std::ptrdiff_t n_rows) {
    Labels found;
    require_shape("labels", labels, {n_rows});
    if (labels) found.components = labels->data();
    if (!log_terms) return found;
    require_matrix("log_terms", *log_terms);
    found.n_terms = static_cast<std::ptrdiff_t>(log_terms->shape(1));
    require_shape("log_terms", *log_terms, {n_rows, found.n_terms});
    found.log_terms = log_terms->data();
    return found;
}

// Any distance between rows, 0 too: then all have the errors of the first.
using ErrorArray = nb::ndarray<const double, nb::device::cpu>;

inline RowErrors errors_of(const std::optional<ErrorArray>& errors, std::ptrdiff_t n_rows, std::ptrdiff_t d) {
    if (!errors) return {};
    const bool are_matrices = errors->ndim() == 3;
    require_shape("errors", *errors, are_matrices ? Shape{n_rows, d, d} : Shape{n_rows, d});
    std::int64_t wanted = 1;
    for (std::size_t axis = errors->ndim() - 1; axis > 0; --axis) {
        require(errors->stride(axis) == wanted || errors->shape(axis) == 1, "the errors of a row must be contiguous");
        wanted *= static_cast<std::int64_t>(errors->shape(axis));
    }
    return {errors->data(), static_cast<std::ptrdiff_t>(errors->stride(0)), are_matrices};
}

inline void require_gaussian(const RowErrors& errors, bool has_tails) {
    require(!errors.are_there() || !has_tails, "measurement errors have no closed form with components of Student's t");
}

// Rows in an array, with all that they bring.
class RowsArrays {
  public:
    template <class Real>
    RowsArrays(const RowArray<Real>& rows, const std::optional<Doubles>& sample_weight,
               const std::optional<AnyMatrix>& responsibilities, const std::optional<LabelArray>& labels,
               const std::optional<Doubles>& log_terms, bool missing, const std::optional<ErrorArray>& errors)
        : rows_(as_rows(rows, sample_weight)), array_(rows), weight_(sample_weight), given_(responsibilities),
          labels_(labels), log_terms_(log_terms), errors_(errors) {
        mixtura::Rows<Real>& own = std::get<mixtura::Rows<Real>>(rows_);
        take_labels(own);
        own.errors = errors_of(errors, own.n_rows, own.n_features);
        if (missing && !errors) find_patterns(std::get<mixtura::Rows<Real>>(rows_));
        if (!responsibilities) return;
        require(!missing && !errors, "rows that bring responsibilities cannot have missing features, nor errors");
        require_shape("responsibilities", *responsibilities,
                      {n_rows_of(rows), static_cast<std::ptrdiff_t>(responsibilities->shape(1))});
        n_components_ = static_cast<std::ptrdiff_t>(responsibilities->shape(1));
        std::get<mixtura::Rows<Real>>(rows_).given = {responsibilities->data(), responsibilities->stride(0),
                                                      responsibilities->stride(1)};
    }

    // f(rows), of float or of double.
    template <class Function>
    auto visit(const Function& f) const {
        return std::visit(f, rows_);
    }
    const mixtura::Rows<double>& of_doubles() const { return std::get<mixtura::Rows<double>>(rows_); }
    bool is_single() const { return std::holds_alternative<mixtura::Rows<float>>(rows_); }
    std::ptrdiff_t n_rows() const {
        return visit([](const auto& rows) { return rows.n_rows; });
    }
    std::ptrdiff_t n_features() const {
        return visit([](const auto& rows) { return rows.n_features; });
    }
    // Raises where sums are asked that such rows do not have.
    void require_sums(const mixtura::Expectation& asked) const {
        require((patterns_ == nullptr && !errors_) || asked.total.mean == nullptr,
                "rows with missing features or errors have no second moments from a total scatter");
    }
    // Raises where a mixture is asked with that has other sizes.
    void require_sizes(const Sizes& sizes) const {
        require(sizes.d == n_features(), "means must have the " + std::to_string(n_features()) +
                                             " features of the rows, got " + std::to_string(sizes.d));
        require(n_components_ < 0 || sizes.k == n_components_, "responsibilities must have " + std::to_string(sizes.k) +
                                                                   " columns, got " + std::to_string(n_components_));
        require_gaussian(visit([](const auto& rows) { return rows.errors; }), sizes.has_tails);
        if (n_components_ >= 0) return;  // which stand in place of what is known
        require(largest_label_ < sizes.k,
                "labels must be below " + std::to_string(sizes.k) + ", got " + std::to_string(largest_label_));
        if (log_terms_) require_shape("log_terms", *log_terms_, {n_rows(), sizes.n_densities()});
    }

  private:
    template <class Real>
    void find_patterns(mixtura::Rows<Real>& rows) {
        const GilReleased released;
        patterns_ = std::make_unique<PatternOrder>(rows);
        rows.patterns = patterns_->view();
    }

    template <class Real>
    void take_labels(mixtura::Rows<Real>& rows) {
        rows.labels = labels_of(labels_, log_terms_, rows.n_rows);
        for (std::ptrdiff_t i = 0; labels_ && i < rows.n_rows; ++i)
            largest_label_ = std::max<std::ptrdiff_t>(largest_label_, labels_->data()[i]);
    }

    std::variant<mixtura::Rows<double>, mixtura::Rows<float>> rows_;
    nb::ndarray<> array_;
    std::optional<Doubles> weight_;
    std::optional<AnyMatrix> given_;
    std::optional<LabelArray> labels_;
    std::optional<Doubles> log_terms_;
    std::optional<ErrorArray> errors_;
    std::unique_ptr<PatternOrder> patterns_;
    std::ptrdiff_t n_components_ = -1, largest_label_ = -1;
};

using Total = std::tuple<double, Doubles, Doubles>;  // weight, mean, scatter of all rows

// What an E-step is asked for.
class ExpectationArrays {
  public:
    ExpectationArrays(bool hard, bool moments, const std::optional<Total>& total) : total_(total) {
        value.hard = hard;
        value.moments = moments;
        if (!total) return;
        const auto& [weight, mean, scatter] = *total;
        n_features_ = static_cast<std::ptrdiff_t>(mean.size());
        require_shape("the total's mean", mean, {n_features_});
        require_shape("the total's scatter", scatter, {n_features_, n_features_});
        value.total = {weight, mean.data(), scatter.data()};
    }

    void require_sizes(const Sizes& sizes) const {
        require(n_features_ < 0 || n_features_ == sizes.d,
                "the total's mean must have shape " + as_text({sizes.d}) + ", got " + as_text({n_features_}));
    }

    mixtura::Expectation value;

  private:
    std::optional<Total> total_;
    std::ptrdiff_t n_features_ = -1;
};

// Sums about centres.
inline OwnedStatistics as_statistics(Structure structure, const Doubles& centres, const Doubles& block) {
    const Sizes sizes = Sizes::of(structure, "centres", centres);
    SumLayout layout{structure, sizes.k, sizes.d, true};
    layout.has_scales = static_cast<std::ptrdiff_t>(block.size()) == layout.size();
    OwnedStatistics statistics(layout);
    require_shape("block", block, {static_cast<std::ptrdiff_t>(statistics.block.size())});
    std::copy_n(centres.data(), centres.size(), statistics.centres.begin());
    std::copy_n(block.data(), block.size(), statistics.block.begin());
    return statistics;
}

// Weight, log density, log sides or None; None: there is none.
inline nb::object as_tuple(const Noise& noise, std::ptrdiff_t n_features) {
    if (!(noise.log_density > -std::numeric_limits<double>::infinity())) return nb::none();
    nb::object log_sides = nb::none();
    if (noise.log_sides != nullptr)
        log_sides = nb::cast(as_array({noise.log_sides, noise.log_sides + n_features}, {n_features}));
    return nb::make_tuple(noise.weight, noise.log_density, log_sides);
}

// counts, log weights or None.
inline nb::object posterior_of(OwnedMixture& mixture) {
    if (mixture.counts.empty()) return nb::none();
    const Shape shape{static_cast<std::ptrdiff_t>(mixture.counts.size())};
    return nb::make_tuple(as_array(std::move(mixture.counts), shape), as_array(std::move(mixture.log_weights), shape));
}

// weights, means, covariances, precisions_cholesky, df, noise and posterior or None.
inline nb::tuple as_arrays(OwnedMixture mixture) {
    const Sizes sizes(mixture.structure, mixture.n_components, mixture.n_features);
    const nb::object noise = as_tuple(mixture.view().noise, sizes.d), posterior = posterior_of(mixture);
    return nb::make_tuple(
        as_array(std::move(mixture.weights), {sizes.k}), as_array(std::move(mixture.means), {sizes.k, sizes.d}),
        as_array(std::move(mixture.covariances), sizes.covariances()),
        as_array(std::move(mixture.precisions_cholesky), sizes.covariances()),
        mixture.df.empty() ? nb::none() : nb::cast(as_array(std::move(mixture.df), {sizes.k})), noise, posterior);
}

// centres, block.
inline nb::tuple as_arrays(OwnedStatistics statistics) {
    const SumLayout layout = statistics.layout();
    return nb::make_tuple(as_array(std::move(statistics.centres), {layout.n_components, layout.n_features}),
                          as_array(std::move(statistics.block), {layout.size()}));
}

// What became of each descent of a search.
inline nb::list as_list(const std::vector<Record>& records) {
    nb::list all;
    for (const Record& r : records) {
        all.append(nb::make_tuple(r.kind, std::max<std::ptrdiff_t>(r.n_iter, 0), r.log_likelihood, r.converged, r.ended,
                                  r.n_passes, r.failed, r.failed_count));
    }
    return all;
}

}  // namespace mixtura::python
