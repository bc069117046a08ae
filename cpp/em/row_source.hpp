// Rows, wherever they lie, as EM asks them.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "e_step/expect.hpp"
#include "e_step/total.hpp"
#include "model/owned.hpp"

namespace mixtura {

// Who answers the E-step.
class RowSource {
  public:
    virtual ~RowSource() = default;
    // Fills the block of `out`, whose centres it reads.
    virtual void accumulate(const Expectation& asked, const Mixture& mixture, OwnedStatistics& out,
                            Control& control) const = 0;
    // Whether the sums inside a block of rows are float's.
    virtual bool is_single() const = 0;
    // The same rows, bringing responsibilities along. Only of rows in memory, in one part.
    virtual std::unique_ptr<RowSource> bringing(const GivenResponsibilities& given) const;
};

// Rows in memory, in one part or in several, the largest first.
template <class Real>
class MemorySource final : public RowSource {
  public:
    explicit MemorySource(std::vector<Rows<Real>> parts) : parts_(std::move(parts)) {}
    explicit MemorySource(const Rows<Real>& rows) : parts_{rows} {}

    void accumulate(const Expectation& asked, const Mixture& mixture, OwnedStatistics& out,
                    Control& control) const override;
    bool is_single() const override { return sizeof(Real) == sizeof(float); }
    std::unique_ptr<RowSource> bringing(const GivenResponsibilities& given) const override;

  private:
    std::vector<Rows<Real>> parts_;
};

// What comes part after part: sums over those, in their order.
class SumOverParts {
  public:
    SumOverParts(const Expectation& asked, const Mixture& mixture, bool is_single, OwnedStatistics& out);
    SumOverParts(const SumOverParts&) = delete;
    SumOverParts& operator=(const SumOverParts&) = delete;

    template <class Real>
    void add(const Rows<Real>& part, Control& control);
    // For whoever computes the sums of a part, or of all parts, itself: what to ask for, and where they go.
    const Expectation& of_a_part() const { return over_.of_a_part(); }
    void add(const std::vector<double>& block);
    void finish();

  private:
    const OverParts over_;
    const Mixture& mixture_;
    OwnedStatistics& out_;
    std::vector<double> part_;
};

}  // namespace mixtura
