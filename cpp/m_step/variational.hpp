// The M-step of variational Bayes: the posterior of weights, means and precisions (Bishop 2006, section 10.2; Blei &
// Jordan 2006).
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "m_step/m_step.hpp"
#include "m_step/noise.hpp"

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
//
// With noise its weight is Beta(noise_counts), and the w_k are shares of the rest.
//
// What is believed of a component is the same for all (one value) or each one's own (K values). Where it is each one's,
// the components are told apart, and sticks have the components' order, stick k being Beta(stick_counts_k,
// concentration_k): so a posterior can be the prior of further rows.
struct ConjugatePrior {
    bool sticks = false;
    bool by_size = false;  // the sticks are those of the components in order of their rows, the most first
    std::vector<double> concentration{1};
    std::vector<double> stick_counts{1};  // the first parameter of each stick
    std::vector<double> mean;             // d
    std::vector<double> mean_precision{1};
    std::vector<double> degrees_of_freedom{1};
    std::vector<double> scatter;  // in the shape of one covariance
    std::array<double, 2> noise_counts{1, 1};

    // Whether the posterior of such precisions is of the prior's family, so that there is a closed form.
    static bool has(Model model);
};

// The posterior is of the same form. With n_k rows in component k its counts are
//
//     concentration + n_k,   or as sticks 1 + n_k and concentration + the rows in the components behind k,
//     mean_precision + n_k,   degrees_of_freedom + n_k or, of one Lambda, + sum_k n_k
//
// so that a mixture tells it whole by n_k (`counts`; the rows of noise are the last), `means` and `covariances`, which
// are inv(E[Lambda_k]). Its `weights` are E[w]; its `log_weights` are such that the E-step gives the expected log joint
// densities,
//
//     log_weights_k = E[log w_k] + (E[log|Lambda_k|] - log|E[Lambda_k]|) / 2 - d / (2 mean_precision_k),
//
// and `bound`, minus the divergence of the posterior from the prior, makes the whole variational bound of the E-step's
// sum of log densities.
class Variational final : public MStep {
  public:
    Variational(Model model, std::vector<double> added, ConjugatePrior prior, Background noise = {});

    Model model() const override { return model_; }
    std::ptrdiff_t n_features() const override { return d; }
    std::ptrdiff_t n_components() const override { return n_own_; }
    std::ptrdiff_t maximise(const Statistics& statistics, const OwnedMixture* before, OwnedMixture& next,
                            Control& control) const override;
    double bound(const OwnedMixture& mixture) const override;
    double least_rise(const OwnedMixture& before, const OwnedMixture& after) const override;
    const std::vector<double>& added() const override { return added_; }
    const double* added_scatter() const override { return prior_.scatter.size() == at(size_) ? scatter(0) : nullptr; }
    std::unique_ptr<MStep> adding(std::vector<double> added) const override {
        return std::make_unique<Variational>(model_, std::move(added), prior_, noise_);
    }
    std::unique_ptr<MStep> gaussian() const override { return std::make_unique<Variational>(model_, added_, prior_); }
    void complete(OwnedMixture& mixture) const override;
    bool has_noise() const override { return noise_.log_density.has_value(); }
    bool is_free() const override { return false; }
    bool can_collapse(std::ptrdiff_t) const override { return false; }
    bool may_leave_out() const override { return true; }

  private:
    bool has_common_precision() const;
    // The components in the order of their sticks, and the rows in those behind each of them.
    std::vector<std::size_t> order_of_sticks(const std::vector<double>& counts) const;
    std::vector<double> counts_behind(const std::vector<double>& counts) const;
    // What is believed of component k.
    static std::size_t at(std::ptrdiff_t i) { return static_cast<std::size_t>(i); }
    static double one_of(const std::vector<double>& all, std::ptrdiff_t k) { return all[all.size() == 1 ? 0 : at(k)]; }
    double concentration(std::ptrdiff_t k) const { return one_of(prior_.concentration, k); }
    double stick_count(std::ptrdiff_t k) const { return one_of(prior_.stick_counts, k); }
    double mean_precision(std::ptrdiff_t k) const { return one_of(prior_.mean_precision, k); }
    const double* mean(std::ptrdiff_t k) const {
        return prior_.mean.data() + (prior_.mean.size() == at(d) ? 0 : k * d);
    }
    const double* scatter(std::ptrdiff_t k) const {
        return prior_.scatter.data() + (prior_.scatter.size() == at(size_) ? 0 : k * size_);
    }
    double sum_of_concentrations(std::ptrdiff_t n) const;
    // Of its posterior, by the counts of rows.
    double mean_precision(std::ptrdiff_t k, double count) const { return mean_precision(k) + count; }
    double degrees_of_freedom(const std::vector<double>& counts, std::ptrdiff_t k) const;

    void take_moments(OwnedMixture& next) const;
    void add_scatter(std::ptrdiff_t k, OwnedMixture& next, double* scatter) const;
    void take_weights(OwnedMixture& next) const;
    void take_noise_weight(double rows_of_noise, OwnedMixture& next) const;

    double sum_of_digammas(double nu) const;
    double log_gamma(double nu) const;
    double divergence_of_weights(const std::vector<double>& counts) const;
    double divergence_of_noise(double rows_of_noise, double rows) const;
    double divergence_of_mean(const OwnedMixture& mixture, std::ptrdiff_t k) const;
    double divergence_of_precision(const OwnedMixture& mixture, std::ptrdiff_t k) const;

    Model model_;
    std::vector<double> added_;
    ConjugatePrior prior_;
    Background noise_;
    Structure structure_;
    std::ptrdiff_t d, size_, n_own_;        // numbers in one covariance; components of which something is known, or 0
    std::vector<double> log_determinants_;  // of the prior's scatters
};

}  // namespace mixtura
