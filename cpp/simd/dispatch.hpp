// The kernels of the best instruction set that this machine has.
#pragma once

#include "simd/job.hpp"

namespace mixtura {

const KernelSet& active_kernels();
const char* level_name(const KernelSet& kernels);

}  // namespace mixtura
