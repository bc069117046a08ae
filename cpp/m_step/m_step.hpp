// An M-step: what makes a mixture from the sums, and what it raises.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "model/owned.hpp"
#include "support/control.hpp"

namespace mixtura {

// The objective that EM raises, in nats, is the log-likelihood and what the M-step adds to it, `bound`. The loop, the
// acceleration and the search for the best optimum know no more of an M-step than this.
class MStep {
  public:
    virtual ~MStep() = default;

    // Whose covariances it makes, in how many features.
    virtual Model model() const = 0;
    virtual std::ptrdiff_t n_features() const = 0;
    Structure structure() const { return structure_of(model()); }

    // Of the mixtures that it makes, where it knows something of each of their components; 0: of any number.
    virtual std::ptrdiff_t n_components() const { return 0; }

    // Fills `next` from the sums. The counts of sums that the acceleration proposes add up to the weight roughly.
    // before: the mixture that they were taken under, from which an iterative M-step goes on; null: none. Returns -1,
    // or the index of the first component whose covariance is not positive definite.
    virtual std::ptrdiff_t maximise(const Statistics& statistics, const OwnedMixture* before, OwnedMixture& next,
                                    Control& control) const = 0;

    // What the objective has beside the log-likelihood of all rows: a log prior, minus a divergence.
    virtual double bound(const OwnedMixture&) const { return 0; }

    // By how much the objective, in nats a row, rises at least in a step of EM's; it may fall where this is below 0.
    virtual double least_rise(const OwnedMixture& /*before*/, const OwnedMixture& /*after*/) const { return 0; }

    // What is added to the variance of each feature (d).
    virtual const std::vector<double>& added() const = 0;

    // What it adds to the scatter of the rows of each component, or of all that share a covariance, in the shape of one
    // covariance; null: nothing.
    virtual const double* added_scatter() const { return nullptr; }

    // The same with other numbers added.
    virtual std::unique_ptr<MStep> adding(std::vector<double> added) const = 0;

    // Whether it makes components of Student's t; whether there is a background beside the components.
    virtual bool has_tails() const { return false; }
    virtual bool has_noise() const { return false; }
    bool is_gaussian() const { return !has_tails() && !has_noise(); }

    // Whether the likelihood of free parameters is all that it maximises.
    virtual bool is_free() const { return true; }

    // Whether component k has no volume, and an endless likelihood, where it has too few rows.
    virtual bool can_collapse(std::ptrdiff_t /*k*/) const { return true; }

    // Whether components without rows are part of an optimum, as where a prior does without them.
    virtual bool may_leave_out() const { return false; }

    // The same of Gaussian components alone: for parts of the rows.
    virtual std::unique_ptr<MStep> gaussian() const = 0;

    // What a mixture has to have for its first E-step, where it lacks it.
    virtual void complete(OwnedMixture&) const {}
};

// In nats a row, of the mixture under which the sums were taken.
inline double objective(const MStep& m_step, const OwnedMixture& mixture, const OwnedStatistics& statistics) {
    return statistics.mean_log_likelihood() + m_step.bound(mixture) / statistics.weight();
}

}  // namespace mixtura
