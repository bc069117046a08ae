// The kernels of one instruction set, as a table. Compiled once per set; MIXTURA_KERNELS names the one that this object
// defines.
#include "simd/evaluate.hpp"
#include "simd/grouping.hpp"
#include "simd/job.hpp"
#include "simd/matrices.hpp"
#include "simd/tile.hpp"

#define MIXTURA_STRING_(x) #x
#define MIXTURA_STRING(x) MIXTURA_STRING_(x)

namespace mixtura {

extern const KernelSet MIXTURA_KERNELS;
const KernelSet MIXTURA_KERNELS = {
    MIXTURA_STRING(MIXTURA_KERNELS),
    &find_reaches,
    {&cholesky, &subtract_squares, &invert_upper, &subtract_products, &times_upper, &upper_times, &upper_times_rows,
     &add_gram, &inner_product, &squared_distance},
    {&accumulate_tile<double>, &accumulate_block<double>, &accumulate_incomplete<double>, &evaluate_tile<double>,
     &evaluate_incomplete<double>},
    {&accumulate_tile<float>, &accumulate_block<float>, &accumulate_incomplete<float>, &evaluate_tile<float>,
     &evaluate_incomplete<float>},
};

}  // namespace mixtura
