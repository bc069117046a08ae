// When EM stops.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

namespace mixtura {

// Is told the mean log-likelihood of every mixture and decides whether EM goes on.
//
// Convergence is scikit-learn's: the change from one iteration to the next is at most `tol` in size; then the M-step
// that is already paid for is still made. With tol = 0 EM ends when the log-likelihood has not risen for ten
// iterations: near the optimum it is flat to rounding long before the parameters, whose error enters it squared.
// The first quasi-Newton steps are as short as EM's, so that one small change says nothing: accelerated EM asks for
// three small changes in a row, and makes no further step. Where its log-likelihood has not risen for ten iterations
// because rounding is larger than tol, it has converged too.
class Monitor {
  public:
    Monitor(double tol, std::ptrdiff_t max_iter, bool accelerated)
        : tol(tol), max_iter(max_iter), accelerated(accelerated) {}

    bool goes_on(double mean_log_likelihood);
    std::ptrdiff_t n_iter() const { return static_cast<std::ptrdiff_t>(history.size()) - 1; }
    std::ptrdiff_t n_passes() const { return n_iter() + 1 + n_refused; }  // E-steps made
    std::string ended() const;                                            // why the loop ended, in words
    double change() const;  // size of the last change; infinite before there is one
    // What EM would still gain, by Aitken's estimate from the last two rises: with rises that shrink by a constant
    // factor a the rest is rise * a / (1 - a) (McLachlan & Krishnan 2008, section 4.9). Infinite where rises do not
    // shrink, NaN before there are two.
    double remaining_gain() const;

    const double tol;
    const std::ptrdiff_t max_iter;
    const bool accelerated;
    std::vector<double> history;
    bool converged = false;
    std::ptrdiff_t n_refused = 0;  // E-steps at proposals of the acceleration that were not taken
    std::ptrdiff_t failed = -1;    // the component that ended the loop at the mixture before
    double failed_count = 0;       // its rows
    std::string stopped;           // who ended the loop from outside
    double predicted_gain = std::numeric_limits<double>::quiet_NaN();  // what is left, by the acceleration; 0: nothing

  private:
    bool changes_are_small() const;
    bool has_stalled();

    double highest_before_ = 0;  // of all but the last ten
};

}  // namespace mixtura
