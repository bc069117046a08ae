// Quasi-Newton acceleration of EM, in the space of the sufficient statistics.
//
// EM is a map of statistics s -> mixture M(s) -> statistics E(M(s)). In these mean coordinates the
// residual f(s) = E(M(s)) - s is the natural gradient of the mean log-likelihood: plain EM is steepest ascent
// of step one in the metric of the complete data's Fisher information (Sato 2000), so that L-BFGS in that metric
// (Nocedal 1980), whose first step is the EM step, needs no other preconditioner (the idea of Jamshidian &
// Jennrich 1997, QN2). Since every point is a statistic, the M-step gives it its covariance structure.
//
// A proposal is never trusted: the caller makes an E-step there and refuses it where the likelihood rose less than in a
// step of EM's it would have to (em.cpp).
#pragma once

#include <cstddef>
#include <vector>

#include "model/owned.hpp"

namespace mixtura {

class Acceleration {
  public:
    // has_scales: of Student's t components.
    Acceleration(Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features, bool has_scales = false);

    // `statistics` come from the E-step at `mixture`. Fills `out` and returns true where there is a
    // better point to try than the EM step.
    bool propose(const OwnedStatistics& statistics, const OwnedMixture& mixture, OwnedStatistics& out);

    void accept();                                   // the proposal is the current point
    void reject(const OwnedStatistics& statistics);  // it was worse; its E-step still teaches
    void shorten();                                  // the M-step there failed
    void step();                                     // the EM step is the current point

    // Mean log-likelihood still to gain, by the quadratic model, where the loop ended; NaN before its first step.
    // `statistics` come from the E-step there. Nothing is proposed after it.
    double remaining_gain(const OwnedStatistics& statistics);

    // All that it remembers, as numbers: restored, it goes on with the same bits. False: not the numbers of such a one.
    std::vector<double> state() const;
    bool restore(const std::vector<double>& state);

  private:
    using Vector = std::vector<double>;
    struct Pair {
        Vector move;                                               // s: difference of two points
        Vector response;                                           // y: minus the difference of their residuals
        double move_square = 0, product = 0, response_square = 0;  // s s, s y, y y
        bool is_concave = false;                                   // the likelihood, along it
    };

    void encode(const Statistics& statistics, Vector& point);
    void decode(const Vector& point, const Statistics& out);
    void transform(const Vector& factors, const Statistics& sums);
    void to_coordinates(const Statistics& sums) const;
    void from_coordinates(const Statistics& sums) const;
    void scales_to_coordinates(std::ptrdiff_t k, const Statistics& sums) const;
    void scales_from_coordinates(std::ptrdiff_t k, const Statistics& sums) const;
    double df(std::ptrdiff_t k) const { return roots_[static_cast<std::size_t>(K + k)]; }
    std::ptrdiff_t place(std::ptrdiff_t in_block) const { return in_block - SumLayout::n_scalars; }
    void refer_to(const OwnedMixture& mixture, const OwnedStatistics& statistics);
    void move_reference(const OwnedMixture& mixture, const OwnedStatistics& statistics);
    Vector whitened(const Vector& centres, const Vector& factors) const;
    Vector relative(const Vector& inverses) const;
    static void measure(Pair& pair);
    void remember(const Vector& from, const Vector& from_residual, const Vector& to, const Vector& to_residual);
    void find_newton_step(double scale);
    void find_move();
    bool mend(Vector& point) const;
    bool take_noise(const OwnedStatistics& statistics, OwnedStatistics& out) const;

    const Structure structure_;
    const std::ptrdiff_t K, d;
    const SumLayout layout_;
    const std::ptrdiff_t size_;  // of a point: the sums but the scalars

    // The reference: its metric whitens the statistics.
    double weight_ = 0;
    Vector centres_, roots_, factors_, inverse_factors_;  // roots of the weights; behind them any df

    std::vector<Pair> pairs_;
    Pair spare_;
    Vector point_, residual_;  // of the current mixture
    Vector previous_, previous_residual_;
    Vector proposal_, image_;      // what was proposed; where the EM step leads
    Vector move_;                  // from the point towards the proposal
    Vector block_, first_, half_;  // temporaries
    bool has_point_ = false, has_previous_ = false;
    bool limited_ = false;
    double reach_ = 2;   // longest step, in EM steps
    double length_ = 1;  // of the last proposal, in EM steps
    int age_ = 0;        // iterations since the reference moved
};

}  // namespace mixtura
