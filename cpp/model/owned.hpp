// Mixtures and statistics that own their numbers.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "model/mixture.hpp"
#include "model/statistics.hpp"
#include "support/memory.hpp"

namespace mixtura {

struct OwnedMixture {
    OwnedMixture(Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features);

    Mixture view() const;
    // Between features i and j in component k.
    double covariance(std::ptrdiff_t k, std::ptrdiff_t i, std::ptrdiff_t j) const;

    Structure structure;
    std::ptrdiff_t n_components, n_features;
    std::vector<double> weights, means;
    Numbers covariances, precisions_cholesky;
    std::vector<double> df;                   // empty: Gaussian components
    Noise noise;                              // with no sides of its own
    std::vector<double> log_sides;            // of the noise's box; empty: not known
    std::vector<double> counts, log_weights;  // of a posterior (m_step/variational.hpp), those of the noise behind;
                                              // empty: it is none
};

// The sums that an E-step gives.
SumLayout layout_of(const Mixture& mixture);

struct NamedSum {
    const char* name;
    std::ptrdiff_t begin;
    std::vector<std::ptrdiff_t> shape;  // empty: a number
    bool is_by_component = false;       // one for each component, along the first axis
};

// What the block holds, for those who look at it, in its order.
std::vector<NamedSum> sums_in(const SumLayout& layout);

// The sums of one component: where they begin in the block, and how many numbers they are. None where all components
// share them.
struct Piece {
    std::ptrdiff_t begin, size;
};
std::array<Piece, 5> sums_of_component(const SumLayout& layout, std::ptrdiff_t k);

// Sums that own their numbers.
class OwnedStatistics {
  public:
    OwnedStatistics(Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features)
        : OwnedStatistics(SumLayout{structure, n_components, n_features}) {}
    explicit OwnedStatistics(const SumLayout& layout);
    // Those that an E-step gives.
    explicit OwnedStatistics(const OwnedMixture& mixture) : OwnedStatistics(layout_of(mixture.view())) {}

    Statistics view() { return {layout_, block.data(), centres.data()}; }
    // For who only reads: a twin of the type would say so, and nothing else.
    Statistics view() const { return {layout_, const_cast<double*>(block.data()), centres.data()}; }
    const SumLayout& layout() const { return layout_; }
    double weight() const { return block[SumLayout::weight]; }
    double count(std::ptrdiff_t k) const { return block[static_cast<std::size_t>(layout_.counts() + k)]; }
    double log_likelihood() const { return block[SumLayout::log_likelihood]; }
    double mean_log_likelihood() const { return log_likelihood() / weight(); }
    double log_certainty() const { return block[SumLayout::log_certainty]; }
    std::vector<double> counts() const;
    // The centres become the means that the sums imply, for sums that are taken anew; one without rows stays.
    void centre();
    // Those of components without rows become the mean of all rows.
    void centre_empty();
    // The same sums about other centres (K x d), by algebra alone.
    void move_to(const std::vector<double>& new_centres);

    std::vector<double> centres;
    Numbers block;

  private:
    SumLayout layout_;
};

// The same sums about other centres; changes firsts and seconds where they lie.
void move_centres(const Statistics& statistics, const double* new_centres);

}  // namespace mixtura
