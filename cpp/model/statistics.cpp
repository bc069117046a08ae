// The algebra of sums about centres.
#include <vector>

#include "model/core.hpp"
#include "support/interrupt.hpp"

namespace mixtura {

// With t = centres - new_centres:  f' = f + n t,  S' = S + f t^T + t f^T + n t t^T = S + f' t^T + t f^T.
void move_centres(Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features, const double* centres,
                  const double* new_centres, const Statistics& statistics) {
    const std::ptrdiff_t d = n_features;
    std::vector<double> shifts(static_cast<std::size_t>(d)), moved(static_cast<std::size_t>(d));
    double* t = shifts.data();
    double* first = moved.data();
    for (std::ptrdiff_t k = 0; k < n_components; ++k) {
        double* f = statistics.firsts + k * d;
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            t[j] = centres[k * d + j] - new_centres[k * d + j];
            first[j] = f[j] + statistics.counts[k] * t[j];
        }
        switch (structure) {
            case Structure::full:
            case Structure::tied: {
                double* seconds = statistics.seconds + (structure == Structure::full ? k * d * d : 0);
                for (std::ptrdiff_t i = 0; i < d; ++i) {
                    if (d >= wide) check_interrupted_sometimes();
                    for (std::ptrdiff_t j = 0; j < d; ++j) seconds[i * d + j] += first[i] * t[j] + t[i] * f[j];
                }
                break;
            }
            case Structure::diag:
                for (std::ptrdiff_t j = 0; j < d; ++j) statistics.seconds[k * d + j] += (first[j] + f[j]) * t[j];
                break;
            case Structure::spherical:
                for (std::ptrdiff_t j = 0; j < d; ++j) statistics.seconds[k] += (first[j] + f[j]) * t[j];
                break;
        }
        for (std::ptrdiff_t j = 0; j < d; ++j) f[j] = first[j];
    }
}

}  // namespace mixtura
