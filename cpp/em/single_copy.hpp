// Rows about their mean in float, for EM that need not be exact: twice as many of them fit a vector.
#pragma once

#include <memory>
#include <vector>

#include "em/row_source.hpp"

namespace mixtura {

class SingleCopy final : public RowSource {
  public:
    // mean: d, of the rows, so that what is rounded are their differences. Whole rows, contiguous.
    SingleCopy(const Rows<double>& rows, std::vector<double> mean);

    // Whether rounding changes next to nothing of any row's distance from any component.
    bool is_fine_for(const OwnedMixture& mixture) const;

    void accumulate(const Expectation& asked, const Mixture& mixture, OwnedStatistics& out,
                    Control& control) const override;
    bool is_single() const override { return true; }
    std::unique_ptr<RowSource> bringing(const GivenResponsibilities& given) const override;

  private:
    SingleCopy(const SingleCopy& other, const GivenResponsibilities& given);

    std::shared_ptr<const std::vector<float>> values_;
    Rows<float> rows_;
    std::vector<double> mean_;
    std::vector<double> rounding_;  // the variance of what rounding changes in a feature, at most
};

}  // namespace mixtura
