// One tile through the E-step and into the statistics. Compiled once per instruction set;
// MIXTURA_KERNELS names the set that this object defines.
#include "distances.hpp"
#include "job.hpp"
#include "moments.hpp"
#include "responsibilities.hpp"

#define MIXTURA_STRING_(x) #x
#define MIXTURA_STRING(x) MIXTURA_STRING_(x)

namespace mixtura {
namespace {

template <class Real>
SplitPoint<Real> offset(SplitPoint<Real> points, std::ptrdiff_t by) {
    return {points.high + by, points.low + by};
}

// Rows beyond the last one repeat it with weight 0, so that every lane holds finite numbers.
template <class Real>
void load_tile(const Rows<Real>& rows, std::ptrdiff_t begin, std::ptrdiff_t n_rows, std::ptrdiff_t n_active,
               std::ptrdiff_t stride, Real* tile) {
    const Real* from = rows.data + begin * rows.row_stride;
    for (std::ptrdiff_t j = 0; j < rows.n_features; ++j) {
        const Real* column = from + j * rows.feature_stride;
        Real* to = tile + j * stride;
        for (std::ptrdiff_t r = 0; r < n_rows; ++r) to[r] = column[r * rows.row_stride];
        for (std::ptrdiff_t r = n_rows; r < n_active; ++r) to[r] = to[n_rows - 1];
    }
}

template <class Real>
void load_weights(const Rows<Real>& rows, std::ptrdiff_t begin, std::ptrdiff_t n_rows, std::ptrdiff_t n_active,
                  Real* weights) {
    for (std::ptrdiff_t r = 0; r < n_rows; ++r) weights[r] = rows.weights ? Real(rows.weights[begin + r]) : Real(1);
    for (std::ptrdiff_t r = n_rows; r < n_active; ++r) weights[r] = Real(0);
}

template <class Real>
void load_given(const Job<Real>& job, std::ptrdiff_t begin, std::ptrdiff_t n_rows, std::ptrdiff_t n_active,
                const Workspace<Real>& work) {
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        const double* from = job.given.data + begin * job.given.row_stride + k * job.given.component_stride;
        Real* to = work.responsibilities + k * job.tile_rows;
        for (std::ptrdiff_t r = 0; r < n_rows; ++r) to[r] = Real(from[r * job.given.row_stride]) * work.weights[r];
        for (std::ptrdiff_t r = n_rows; r < n_active; ++r) to[r] = Real(0);
    }
}

template <class Real>
void component_distances(const Job<Real>& job, std::ptrdiff_t k, std::ptrdiff_t n_active, const Workspace<Real>& work,
                         Real* distances) {
    const std::ptrdiff_t d = job.n_features;
    const std::ptrdiff_t stride = job.tile_rows;
    const SplitPoint<Real> mean = offset(job.means, k * d);
    const Real* factor = job.factors + k * job.factor_stride;
    if (job.whitened) {
        whitened_distances(work.scaled, job.whitened_means + k * d, d, stride, n_active, distances);
    } else if (job.structure == Structure::diag) {
        diag_distances(work.rows, mean, factor, d, stride, n_active, distances);
    } else if (job.structure == Structure::spherical) {
        spherical_distances(work.rows, mean, *factor, d, stride, n_active, distances);
    } else {
        subtract_point(work.rows, mean, d, stride, n_active, work.differences);
        full_distances(work.differences, factor, d, stride, n_active, distances);
    }
}

// log(w_k p_k(x)) - shift, for every component. False when the call was stopped.
template <class Real>
bool log_joint(const Job<Real>& job, std::ptrdiff_t n_active, const Workspace<Real>& work) {
    if (job.whitened) {
        subtract_point(work.rows, job.origin, job.n_features, job.tile_rows, n_active, work.differences);
        whiten(work.differences, job.factors, job.n_features, job.tile_rows, n_active, work.scaled);
    }
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        if (job.stopped(job.stop_argument)) return false;
        Real* joint = work.responsibilities + k * job.tile_rows;
        component_distances(job, k, n_active, work, joint);
        for (std::ptrdiff_t r = 0; r < n_active; r += lanes<Real>) {
            store<Real>(joint + r, job.coefficients[k] - Real(0.5) * load<Real>(joint + r));
        }
    }
    return true;
}

template <class Real>
void second_moments(const Job<Real>& job, std::ptrdiff_t k, std::ptrdiff_t n_active, const Workspace<Real>& work,
                    double* seconds) {
    const std::ptrdiff_t d = job.n_features;
    const std::ptrdiff_t stride = job.tile_rows;
    switch (job.structure) {
        case Structure::full:
            full_second_moments(work.differences, work.scaled, d, stride, n_active, seconds + k * d * d);
            break;
        case Structure::tied:
            full_second_moments(work.differences, work.scaled, d, stride, n_active, seconds);
            break;
        case Structure::diag:
            for (std::ptrdiff_t j = 0; j < d; ++j) {
                seconds[k * d + j] += weighted_square(work.differences + j * stride, work.scaled + j * stride, n_active);
            }
            break;
        case Structure::spherical:
            for (std::ptrdiff_t j = 0; j < d; ++j) {
                seconds[k] += weighted_square(work.differences + j * stride, work.scaled + j * stride, n_active);
            }
            break;
    }
}

template <class Real>
void add_moments(const Job<Real>& job, std::ptrdiff_t n_active, const Workspace<Real>& work, Statistics& statistics) {
    const std::ptrdiff_t d = job.n_features;
    const std::ptrdiff_t stride = job.tile_rows;
    for (std::ptrdiff_t j = d; j < round_up(d, factor_block); ++j) {
        for (std::ptrdiff_t r = 0; r < n_active; ++r) work.differences[j * stride + r] = work.scaled[j * stride + r] = 0;
    }
    for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
        if (job.stopped(job.stop_argument)) return;
        const Real* responsibilities = work.responsibilities + k * stride;
        const Real count = sum_rows(responsibilities, n_active);
        if (count == Real(0)) continue;  // every term is zero
        statistics.counts[k] += count;
        subtract_point(work.rows, offset(job.centres, k * d), d, stride, n_active, work.differences);
        first_moments(work.differences, responsibilities, d, stride, n_active, work.scaled, statistics.firsts + k * d);
        if (job.second_moments) second_moments(job, k, n_active, work, statistics.seconds);
    }
}

template <class Real>
double weight_of(const Rows<Real>& rows, std::ptrdiff_t row) {
    return rows.weights != nullptr ? rows.weights[row] : 1.0;
}

// Rows of weight 0 count nothing, even where their density is 0.
template <class Real>
void add_likelihood(const Job<Real>& job, std::ptrdiff_t begin, std::ptrdiff_t n_rows, const Workspace<Real>& work,
                    const Real* log_certainty, Statistics& statistics) {
    double log_likelihood = 0;
    double certainty = 0;
    double weight = 0;
    for (std::ptrdiff_t r = 0; r < n_rows; ++r) {
        const double w = weight_of(job.rows, begin + r);
        log_likelihood += w == 0 ? 0 : w * work.log_density[r];
        certainty += w == 0 ? 0 : w * log_certainty[r];
        weight += w;
    }
    statistics.log_likelihood += log_likelihood + weight * job.shift;
    statistics.log_certainty += certainty;
}

template <class Real>
void accumulate_tile(const Job<Real>& job, std::ptrdiff_t begin, std::ptrdiff_t n_rows, const Workspace<Real>& work,
                     Statistics& statistics) {
    const std::ptrdiff_t n_active = round_up(n_rows, row_vectors * lanes<Real>);
    load_tile(job.rows, begin, n_rows, n_active, job.tile_rows, work.rows);
    load_weights(job.rows, begin, n_rows, n_active, work.weights);
    for (std::ptrdiff_t r = 0; r < n_rows; ++r) statistics.weight += weight_of(job.rows, begin + r);
    if (job.given.data != nullptr) {
        load_given(job, begin, n_rows, n_active, work);
    } else {
        Real* log_certainty = work.differences;  // free at this point
        if (!log_joint(job, n_active, work)) return;
        normalise(work.responsibilities, job.n_components, job.tile_rows, n_active, work.weights, work.log_density,
                  log_certainty);
        add_likelihood(job, begin, n_rows, work, log_certainty, statistics);
        if (job.hard) harden(work.responsibilities, job.n_components, job.tile_rows, n_active, work.weights);
    }
    if (job.moments) add_moments(job, n_active, work, statistics);
}

template <class Real>
void write_responsibilities(const Job<Real>& job, std::ptrdiff_t n_rows, const Workspace<Real>& work, Real* out) {
    for (std::ptrdiff_t r = 0; r < n_rows; ++r) {
        for (std::ptrdiff_t k = 0; k < job.n_components; ++k) {
            out[r * job.n_components + k] = work.responsibilities[k * job.tile_rows + r];
        }
    }
}

// The first of the largest responsibilities, so that labels are the argmax of what is written.
template <class Real>
void write_labels(const Job<Real>& job, std::ptrdiff_t n_rows, const Workspace<Real>& work, std::int64_t* out) {
    for (std::ptrdiff_t r = 0; r < n_rows; ++r) {
        std::int64_t best = 0;
        for (std::ptrdiff_t k = 1; k < job.n_components; ++k) {
            if (work.responsibilities[k * job.tile_rows + r] > work.responsibilities[best * job.tile_rows + r]) best = k;
        }
        out[r] = best;
    }
}

template <class Real>
void evaluate_tile(const Job<Real>& job, std::ptrdiff_t begin, std::ptrdiff_t n_rows, const Workspace<Real>& work,
                   const Evaluation<Real>& out) {
    const std::ptrdiff_t n_active = round_up(n_rows, row_vectors * lanes<Real>);
    load_tile(job.rows, begin, n_rows, n_active, job.tile_rows, work.rows);
    for (std::ptrdiff_t r = 0; r < n_active; ++r) work.weights[r] = 1;
    if (!log_joint(job, n_active, work)) return;
    normalise(work.responsibilities, job.n_components, job.tile_rows, n_active, work.weights, work.log_density,
              work.differences);
    if (out.log_density != nullptr) {
        for (std::ptrdiff_t r = 0; r < n_rows; ++r) out.log_density[begin + r] = Real(work.log_density[r] + job.shift);
    }
    if (out.responsibilities != nullptr) {
        write_responsibilities(job, n_rows, work, out.responsibilities + begin * job.n_components);
    }
    if (out.labels != nullptr) write_labels(job, n_rows, work, out.labels + begin);
}

}  // namespace

extern const KernelSet MIXTURA_KERNELS;
const KernelSet MIXTURA_KERNELS = {
    MIXTURA_STRING(MIXTURA_KERNELS),
    {&accumulate_tile<double>, &evaluate_tile<double>},
    {&accumulate_tile<float>, &evaluate_tile<float>},
};

}  // namespace mixtura
