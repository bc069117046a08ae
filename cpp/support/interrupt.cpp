// Who works for which call, thread by thread.
#include "support/interrupt.hpp"

#include "support/parallel.hpp"

namespace mixtura {
namespace {

thread_local StopFlag* current = nullptr;

void check(unsigned n_asks) {
    if (current != nullptr && current->stopped(n_asks)) throw Interrupted{};
}

}  // namespace

WorkingFor::WorkingFor(StopFlag& flag) : before_(current) { current = &flag; }
WorkingFor::~WorkingFor() { current = before_; }

void check_interrupted() { check(asks_a_look); }
void check_interrupted_sometimes() { check(1); }

}  // namespace mixtura
