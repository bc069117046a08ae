// Rows, wherever they lie, as the EM loop asks them.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "model/core.hpp"

namespace mixtura {

// A mixture and statistics that own their numbers.
struct OwnedMixture {
    OwnedMixture(Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features);

    Mixture view() const;
    Parameters parameters();
    // Between features i and j in component k.
    double covariance(std::ptrdiff_t k, std::ptrdiff_t i, std::ptrdiff_t j) const;

    Structure structure;
    std::ptrdiff_t n_components, n_features;
    std::vector<double> weights, means, covariances, precisions_cholesky;
};

struct OwnedStatistics {
    OwnedStatistics(Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features);

    Statistics view();
    double mean_log_likelihood() const { return log_likelihood / weight; }
    // The centres become the means that the sums imply, for sums that are taken anew; one without rows stays.
    void centre();
    // Those of components without rows become the mean of all rows.
    void centre_empty();

    Structure structure;
    std::ptrdiff_t n_components, n_features;
    double weight = 0, log_likelihood = 0, log_certainty = 0;
    std::vector<double> counts, firsts, seconds, centres;
};

// Who answers the E-step.
class RowSource {
  public:
    virtual ~RowSource() = default;
    // Fills everything of `out` but the centres, which it reads.
    virtual void accumulate(const OwnedMixture& mixture, OwnedStatistics& out, Control& control) const = 0;
    // The sums of responsibilities that are given, about the means that they imply.
    virtual void accumulate_given(const GivenResponsibilities& given, OwnedStatistics& out, Control& control) const = 0;
    // Whether the sums inside a block of rows are float's.
    virtual bool is_single() const = 0;
};

// Rows in memory, in parts, the largest first.
template <class Real>
class PartsSource : public RowSource {
  public:
    PartsSource(std::vector<Rows<Real>> parts, bool hard, const TotalScatter& total)
        : parts_(std::move(parts)), hard_(hard), total_(total) {}
    void accumulate(const OwnedMixture& mixture, OwnedStatistics& out, Control& control) const override;
    void accumulate_given(const GivenResponsibilities& given, OwnedStatistics& out, Control& control) const override;
    bool is_single() const override { return sizeof(Real) == sizeof(float); }

  private:
    std::vector<Rows<Real>> parts_;
    bool hard_;
    TotalScatter total_;
};

// Rows in memory.
template <class Real>
class ArraySource : public RowSource {
  public:
    ArraySource(const Rows<Real>& rows, bool hard, const TotalScatter& total)
        : rows_(rows), hard_(hard), total_(total) {}
    void accumulate(const OwnedMixture& mixture, OwnedStatistics& out, Control& control) const override;
    void accumulate_given(const GivenResponsibilities& given, OwnedStatistics& out, Control& control) const override;
    bool is_single() const override { return sizeof(Real) == sizeof(float); }

  private:
    void sum(const Mixture& mixture, AccumulateOptions& options, OwnedStatistics& out, Control& control) const;

    Rows<Real> rows_;
    bool hard_;
    TotalScatter total_;
};

}  // namespace mixtura
