// Online EM: one M-step a batch, from statistics that forget (Cappe & Moulines 2009).
#pragma once

#include "em/loop.hpp"

namespace mixtura {

// Mixes the sums of a batch, the task's rows, into the earlier ones, both as those of a unit of weight, and maximises:
//
//     s <- (1 - step) s + step s(batch)
//
// `point` holds the mixture before and the sums of all rows before; then those after, which weigh as much as all rows
// so far. Returns as an M-step does; where that fails the point is unchanged, and `failed_count` the rows of the
// component.
std::ptrdiff_t online_step(const Task& task, double step, Point& point, double& failed_count, Control& control);

}  // namespace mixtura
