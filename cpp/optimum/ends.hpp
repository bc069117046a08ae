// Where descents of a search have ended, so that no other has to be followed to an end that is known.
#pragma once

#include <vector>

#include "em/row_source.hpp"

namespace mixtura {

struct End {
    OwnedMixture mixture;
    double objective;  // nats a row
    bool is_proper;
};

class Ends {
  public:
    // The end that a mixture is near to, whatever the components' order: EM would most likely lead there. Null: none.
    const End* near(const OwnedMixture& mixture) const;
    // False where it is known.
    bool add(End end);

  private:
    std::vector<End> ends_;
};

}  // namespace mixtura
