// The M-step of maximum likelihood, or of the maximum a posteriori, whatever the covariances share.
#pragma once

#include <optional>

#include "m_step/m_step.hpp"
#include "m_step/noise.hpp"
#include "m_step/posterior.hpp"
#include "m_step/tails.hpp"

namespace mixtura {

// What a mixture has beside Gaussian components, and what is known of its parameters.
struct Kind {
    std::optional<Tails> tails;  // its components are Student's t
    Background noise;
    Knowledge known{};
};

// What an M-step takes from the rows that it is for; what is empty stays as it was.
struct FromRows {
    std::vector<double> added;                      // d: to the variances
    std::optional<Background> noise;                // of a box around them
    std::vector<double> prior_mean, prior_scatter;  // d, and one in the shape of a covariance: of the default prior
    std::vector<double> spreads;                    // d: of bounds on eigenvalues
};

// The added numbers go on the diagonal of every covariance, their mean on a spherical variance: scikit-learn's
// reg_covar.
class MaximumLikelihood final : public MStep {
  public:
    MaximumLikelihood(Model model, std::vector<double> added, Kind kind = {})
        : model_(model), added_(std::move(added)), kind_(std::move(kind)) {}

    Model model() const override { return model_; }
    std::ptrdiff_t n_features() const override { return static_cast<std::ptrdiff_t>(added_.size()); }
    std::ptrdiff_t n_components() const override { return kind_.known.n_components; }
    std::ptrdiff_t maximise(const Statistics& statistics, const OwnedMixture* before, OwnedMixture& next,
                            Control& control) const override;
    double least_rise(const OwnedMixture& before, const OwnedMixture& after) const override;
    double bound(const OwnedMixture& mixture) const override;
    const std::vector<double>& added() const override { return added_; }
    std::unique_ptr<MStep> adding(std::vector<double> added) const override {
        return std::make_unique<MaximumLikelihood>(model_, std::move(added), kind_);
    }
    // The same for other rows.
    MaximumLikelihood with(FromRows found) const;
    bool bounds_ratio() const { return kind_.known.bounds.has_ratio(); }
    bool has_prior() const { return kind_.known.prior.has_value(); }
    void complete(OwnedMixture& mixture) const override;
    std::unique_ptr<MStep> gaussian() const override { return std::make_unique<MaximumLikelihood>(model_, added_); }
    bool has_tails() const override { return kind_.tails.has_value(); }
    bool has_noise() const override { return kind_.noise.log_density.has_value(); }
    bool is_free() const override { return !kind_.known.is_there(); }
    bool can_collapse(std::ptrdiff_t k) const override {
        return !kind_.known.holds_covariance(k, covariance_size(structure(), n_features()));
    }

  private:
    Model model_;
    std::vector<double> added_;
    Kind kind_;
};

}  // namespace mixtura
