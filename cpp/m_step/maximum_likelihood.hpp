// The M-step of maximum likelihood, whatever the covariances share.
#pragma once

#include "m_step/m_step.hpp"

namespace mixtura {

// The added numbers go on the diagonal of every covariance, their mean on a spherical variance: scikit-learn's
// reg_covar.
class MaximumLikelihood final : public MStep {
  public:
    MaximumLikelihood(Model model, std::vector<double> added) : model_(model), added_(std::move(added)) {}

    Model model() const override { return model_; }
    std::ptrdiff_t n_features() const override { return static_cast<std::ptrdiff_t>(added_.size()); }
    std::ptrdiff_t maximise(const Statistics& statistics, const OwnedMixture* before, OwnedMixture& next,
                            Control& control) const override;
    double least_rise(const OwnedMixture& before, const OwnedMixture& after) const override;
    const std::vector<double>& added() const override { return added_; }
    std::unique_ptr<MStep> adding(std::vector<double> added) const override {
        return std::make_unique<MaximumLikelihood>(model_, std::move(added));
    }

  private:
    Model model_;
    std::vector<double> added_;
};

}  // namespace mixtura
