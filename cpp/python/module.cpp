// The core as Python sees it: arrays and values in, numbers out.
#include "e_step/expect.hpp"
#include "python/bindings.hpp"

NB_MODULE(_core, m) {
    m.doc() = "The kernels of mixtura. Internal: use the classes of the package.";
    nb::set_leak_warnings(false);  // a daemon thread that still fits at exit keeps what it works on
    mixtura::python::bind_model(m);
    mixtura::python::bind_e_step(m);
    mixtura::python::bind_m_step(m);
    mixtura::python::bind_em(m);
    mixtura::python::bind_optimum(m);
    mixtura::python::bind_fitting(m);
    m.def("simd_level", &mixtura::simd_level, "The instruction set in use.");
    m.def("simd_levels", &mixtura::simd_levels, "Those that this machine has, the best first.");
}
