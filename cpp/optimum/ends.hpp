// Where descents of a search have ended, so that no other has to be followed to an end that is known.
#pragma once

#include <utility>
#include <vector>

#include "em/row_source.hpp"

namespace mixtura {

struct End {
    OwnedMixture mixture;
    double objective;  // nats a row
    bool is_proper;
};

// Where descents led from partitions of the rows: from the same one they lead there again.
class Partitions {
  public:
    struct Led {
        std::vector<std::ptrdiff_t> parts;  // `parts_of`
        double objective;                   // nats a row, at the end
        bool is_proper;
    };

    // Of the first `n`, that which is the same; -1: none.
    std::ptrdiff_t find(const std::vector<std::ptrdiff_t>& parts, std::size_t n) const;
    void add(Led led) { all_.push_back(std::move(led)); }
    std::size_t size() const { return all_.size(); }
    const Led& operator[](std::ptrdiff_t i) const { return all_[static_cast<std::size_t>(i)]; }

  private:
    std::vector<Led> all_;
};

class Ends {
  public:
    // Of the first `n`, that which a mixture is near to, whatever the components' order: EM would most likely lead
    // there. -1: none.
    std::ptrdiff_t near(const OwnedMixture& mixture, std::size_t n) const;
    // False where it is known.
    bool add(End end);
    std::size_t size() const { return ends_.size(); }
    const End& operator[](std::ptrdiff_t i) const { return ends_[static_cast<std::size_t>(i)]; }

  private:
    std::vector<End> ends_;
};

}  // namespace mixtura
