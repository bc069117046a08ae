// How work that takes long, deep below the call that has the Control, learns that this call is to end.
#pragma once

#include <cstddef>

namespace mixtura {

class StopFlag;

// Interrupts a call from wherever it is: Control::interrupted was set.
struct Interrupted {};

// While it lives, what this thread does is done for the call whose flag this is.
class WorkingFor {
  public:
    explicit WorkingFor(StopFlag& flag);
    ~WorkingFor();
    WorkingFor(const WorkingFor&) = delete;
    WorkingFor& operator=(const WorkingFor&) = delete;

  private:
    StopFlag* const before_;
};

// Throws Interrupted where the call is to end. For pieces of work of some milliseconds.
void check_interrupted();

// The same for pieces of some microseconds: the clock is looked at now and then.
void check_interrupted_sometimes();

// Features from which a pass over a matrix is such a piece, or a row of it where each takes another pass.
constexpr std::ptrdiff_t wide = 64;

}  // namespace mixtura
