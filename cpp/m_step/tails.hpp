// Degrees of freedom and scales of Student's t components (Peel & McLachlan 2000).
#pragma once

#include <vector>

#include "model/owned.hpp"

namespace mixtura {

// Of how many degrees of freedom components have.
struct Tails {
    bool shared = false;       // one number for all
    std::vector<double> df{};  // given, one a component or one for all; empty: estimated
};

// Fills df, and turns the covariances that the M-step of a Gaussian mixture gives, from the counts, into scale
// matrices. With parameter expansion (Kent, Tyler & Vardi 1994; Meng & van Dyk 1997) each is divided by alpha_k = s_k /
// n_k where volumes are free, and by the common alpha = sum df_k s_k / sum df_k n_k where they are shared; s_k are the
// masses. before: null where responsibilities are given, which tell nothing of df. expands: false where covariances
// have a prior, are fixed or bounded, whose scale it would change.
void take_tails(const Tails& tails, Model model, const Statistics& statistics, const OwnedMixture* before, bool expands,
                OwnedMixture& next);

// Where EM begins.
std::vector<double> first_df(const Tails& tails, std::ptrdiff_t n_components);

// The root nu of log(nu/2) - digamma(nu/2) + 1 + mean_log_scale = 0, within bounds.
double likeliest_df(double mean_log_scale);

}  // namespace mixtura
