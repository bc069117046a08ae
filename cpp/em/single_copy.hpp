// Rows in float, for EM that need not be exact: twice as many of them fit a vector.
//
// They are rounded about a centre and in units of a scale, x' = (x - c) / s, so that neither where they lie nor the
// units of a feature matter. Mixtures and sums are those of the rows as they are.
#pragma once

#include <memory>
#include <vector>

#include "em/row_source.hpp"

namespace mixtura {

class SingleCopy final : public RowSource {
  public:
    // centre, scale: d. Of spherical components all features must have one scale. Whole rows.
    SingleCopy(const Rows<double>& rows, std::vector<double> centre, std::vector<double> scale);

    // Whether rounding changes next to nothing of any row's distance from any component.
    bool is_fine_for(const OwnedMixture& mixture) const;

    void accumulate(const Expectation& asked, const Mixture& mixture, OwnedStatistics& out,
                    Control& control) const override;
    bool is_single() const override { return true; }
    std::unique_ptr<RowSource> bringing(const GivenResponsibilities& given) const override;

  private:
    SingleCopy(const SingleCopy& other, const GivenResponsibilities& given);
    void move(const double* points, std::ptrdiff_t n_points, double* out) const;

    std::shared_ptr<const std::vector<float>> values_;
    Rows<float> rows_;
    std::vector<double> centre_, scale_;
    std::vector<double> rounding_;  // the variance of what rounding changes in a feature, at most
    double log_volume_ = 0;         // sum log s
};

}  // namespace mixtura
