// The M-step of variational Bayes: the posterior of weights, means and precisions (Bishop 2006, section 10.2; Blei &
// Jordan 2006).
#pragma once

#include <memory>
#include <vector>

#include "m_step/m_step.hpp"

namespace mixtura {

// What is believed before any row is seen:
//
//     w ~ Dirichlet(concentration, ..., concentration)
//       or, as sticks, w_k = v_k prod_{j<k} (1 - v_j),   v_k ~ Beta(1, concentration)
//     mu_k | Lambda_k ~ N(mean, inv(mean_precision Lambda_k))
//     Lambda_k        ~ Wishart(degrees_of_freedom, inv(scatter))               full, tied
//                       Gamma(degrees_of_freedom / 2, scatter_j / 2)            diag, EEI: of each feature
//                       Gamma(d degrees_of_freedom / 2, d scatter / 2)          spherical, EII
//
// Sticks may stand in any order of the components: where they have the bound of all orders, it is highest in the order
// of their rows, since it falls by sum_k log(concentration + rows in k and behind). A Gamma distribution is given by
// its shape and rate. The expectation of Lambda is always degrees_of_freedom inv(scatter). Of tied, EEI and EII there
// is one Lambda.
struct ConjugatePrior {
    bool sticks = false;
    bool by_size = false;  // the sticks are those of the components in order of their rows, the most first
    double concentration = 1;
    std::vector<double> mean;  // d
    double mean_precision = 1;
    double degrees_of_freedom = 1;
    std::vector<double> scatter;  // in the shape of one covariance

    // Whether the posterior of such precisions is of the prior's family, so that there is a closed form.
    static bool has(Model model);
};

// The posterior is of the same form. With n_k rows in component k its counts are
//
//     concentration + n_k,   or as sticks 1 + n_k and concentration + the rows in the components behind k,
//     mean_precision + n_k,   degrees_of_freedom + n_k or, of one Lambda, + sum_k n_k
//
// so that a mixture tells it whole by n_k (`counts`), `means` and `covariances`, which are inv(E[Lambda_k]). Its
// `weights` are E[w]; its `log_weights` are such that the E-step gives the expected log joint densities,
//
//     log_weights_k = E[log w_k] + (E[log|Lambda_k|] - log|E[Lambda_k]|) / 2 - d / (2 mean_precision_k),
//
// and `bound`, minus the divergence of the posterior from the prior, makes the whole variational bound of the E-step's
// sum of log densities.
class Variational final : public MStep {
  public:
    Variational(Model model, std::vector<double> added, ConjugatePrior prior);

    Model model() const override { return model_; }
    std::ptrdiff_t n_features() const override { return d; }
    std::ptrdiff_t maximise(const Statistics& statistics, const OwnedMixture* before, OwnedMixture& next,
                            Control& control) const override;
    double bound(const OwnedMixture& mixture) const override;
    double least_rise(const OwnedMixture& before, const OwnedMixture& after) const override;
    const std::vector<double>& added() const override { return added_; }
    const double* added_scatter() const override { return prior_.scatter.data(); }
    std::unique_ptr<MStep> adding(std::vector<double> added) const override {
        return std::make_unique<Variational>(model_, std::move(added), prior_);
    }
    std::unique_ptr<MStep> gaussian() const override { return adding(added_); }
    bool is_free() const override { return false; }
    bool can_collapse(std::ptrdiff_t) const override { return false; }
    bool may_leave_out() const override { return true; }

  private:
    bool has_common_precision() const;
    // The components in the order of their sticks, and the rows in those behind each of them.
    std::vector<std::size_t> order_of_sticks(const std::vector<double>& counts) const;
    std::vector<double> counts_behind(const std::vector<double>& counts) const;
    // Of component k, by the counts of rows.
    double mean_precision(double count) const { return prior_.mean_precision + count; }
    double degrees_of_freedom(const std::vector<double>& counts, std::ptrdiff_t k) const;

    void take_moments(OwnedMixture& next) const;
    void add_scatter(std::ptrdiff_t k, OwnedMixture& next, double* scatter) const;
    void take_weights(OwnedMixture& next) const;

    double sum_of_digammas(double nu) const;
    double log_gamma(double nu) const;
    double divergence_of_weights(const std::vector<double>& counts) const;
    double divergence_of_mean(const OwnedMixture& mixture, std::ptrdiff_t k) const;
    double divergence_of_precision(const OwnedMixture& mixture, std::ptrdiff_t k) const;

    Model model_;
    std::vector<double> added_;
    ConjugatePrior prior_;
    Structure structure_;
    std::ptrdiff_t d, size_;  // size_: numbers in one covariance
    double log_determinant_;  // of the prior's scatter
};

}  // namespace mixtura
