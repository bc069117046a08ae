// The sufficient statistics: sums over rows, all that an M-step knows of them, in one block of numbers.
#pragma once

#include <cstddef>

#include "model/structure.hpp"

namespace mixtura {

// Which sums there are, and where in the block each begins. To add, scale, send or save sums is to do so with the
// block, which names none: a new sum is one line more here, before the second moments.
struct SumLayout {
    Structure structure = Structure::full;
    std::ptrdiff_t n_components = 0;
    std::ptrdiff_t n_features = 0;
    bool has_scales = false;  // of Student's t components
    bool has_seconds = true;  // they stand last, so that a block without them is the beginning of one with them

    static constexpr std::ptrdiff_t weight = 0, log_likelihood = 1, log_certainty = 2, noise = 3, n_scalars = 4;
    std::ptrdiff_t counts() const { return n_scalars; }
    std::ptrdiff_t scales() const { return counts() + n_components; }
    std::ptrdiff_t log_scales() const { return scales() + (has_scales ? n_components : 0); }
    std::ptrdiff_t firsts() const { return log_scales() + (has_scales ? n_components : 0); }
    std::ptrdiff_t seconds() const { return firsts() + n_components * n_features; }
    std::ptrdiff_t n_seconds() const { return has_seconds ? seconds_size(structure, n_components, n_features) : 0; }
    std::ptrdiff_t size() const { return seconds() + n_seconds(); }
};

// Sums about centres, in memory of the caller's.
//
// u is the weight of a row in a component of Student's t: (df + d) / (df + the squared distance).
//
// The centres are the means that the responsibilities r were computed with, so firsts / counts tends to 0 as EM
// converges and nothing cancels, wherever the origin lies.
struct Statistics {
    Statistics(const SumLayout& layout, double* block, const double* centres)
        : layout(layout), block(block), centres(centres), weight(block[SumLayout::weight]),
          log_likelihood(block[SumLayout::log_likelihood]), log_certainty(block[SumLayout::log_certainty]),
          noise(block[SumLayout::noise]), counts(block + layout.counts()),
          masses(layout.has_scales ? block + layout.scales() : counts),
          log_scales(layout.has_scales ? block + layout.log_scales() : nullptr), firsts(block + layout.firsts()),
          seconds(block + layout.seconds()) {}

    Structure structure() const { return layout.structure; }
    std::ptrdiff_t n_components() const { return layout.n_components; }
    std::ptrdiff_t n_features() const { return layout.n_features; }

    SumLayout layout;
    double* block;
    const double* centres;   // K x d
    double& weight;          // sum w
    double& log_likelihood;  // sum w log p(x)
    double& log_certainty;   // sum w log max_k r_k(x): the entropy term of ICL
    double& noise;           // sum w r of the background
    double* counts;          // K: sum w r
    double* masses;          // K: sum w r u, what the moments weigh; Gaussian: u = 1, the counts themselves
    double* log_scales;      // K: sum w r (E[log u] - u); null: Gaussian
    double* firsts;          // K x d: sum w r u (x - c)
    double* seconds;         // full K x d x d, tied d x d, diag K x d, spherical K: sum w r u (x - c)(x - c)^T
};

}  // namespace mixtura
