// The tied shortcut: since responsibilities sum to 1, pooled second moments follow from the scatter of all rows.
#pragma once

#include <vector>

#include "model/expectation.hpp"
#include "model/mixture.hpp"
#include "model/statistics.hpp"

namespace mixtura {

// Whether second moments of a tied mixture from the total scatter lose no digits. is_single: of a float.
bool serves(const TotalScatter& total, const Mixture& mixture, bool is_single);

// What is asked, without a total scatter that does not serve.
Expectation with_usable_total(Expectation asked, const Mixture& mixture, bool is_single);

// The shortcut over parts of the rows. It is linear in the scatter: the parts take none for theirs, about the mean of
// all rows, and the scatter of all is added once.
class OverParts {
  public:
    OverParts(const Expectation& asked, const Mixture& mixture, bool is_single);
    OverParts(const OverParts&) = delete;  // a part's scatter lies in this object
    OverParts& operator=(const OverParts&) = delete;

    const Expectation& of_a_part() const { return of_a_part_; }
    // Makes the sum over all parts the whole's.
    void finish(const Statistics& sum) const;

  private:
    Expectation of_all_, of_a_part_;
    std::vector<double> none_;
};

// Sums about the total mean, without second moments, become sums about their centres, with those.
void take_from_total(const TotalScatter& total, const Statistics& statistics);

}  // namespace mixtura
