// From a mixture to the Job that the tile kernels read.
#pragma once

#include <cstddef>
#include <vector>

#include "e_step/completion.hpp"
#include "e_step/deconvolution.hpp"
#include "e_step/density.hpp"
#include "e_step/products.hpp"
#include "e_step/scratch.hpp"
#include "e_step/skipping.hpp"
#include "e_step/student.hpp"
#include "simd/job.hpp"

namespace mixtura {

// Owns the arrays that a Job points to; one per call, shared by all threads, read-only.
template <class Real>
class PreparedJob {
  public:
    PreparedJob(const Rows<Real>& rows, const Lacking& lacking, const Mixture& mixture, const Expectation& asked,
                const double* centres);
    PreparedJob(const PreparedJob&) = delete;  // the job points into this object

    const Job<Real>& job() const { return job_; }
    Job<Real>& job() { return job_; }

    // Rows are sorted by component where that pays; apart from the constructor, since it takes long enough to be
    // stopped.
    void group_rows(const Mixture& mixture);

    // See Products.
    const double* common_point() const { return products_.common_point(job_); }

  private:
    void prepare_density(const Mixture& mixture, const Expectation& asked);
    bool compares_densities(const Mixture& mixture) const;

    Job<Real> job_;
    std::vector<Real> centres_;
    PackedDensity<Real> density_;
    StudentTerms student_;
    Products<Real> products_;
    Bounds<Real> bounds_;
    Groups<Real> groups_;
    ComponentMatrices matrices_;
    Covariances covariances_;
};

// Rows of a tile that holds all of so many.
inline std::ptrdiff_t rows_of_one_tile(std::ptrdiff_t n_rows) { return n_rows > 64 ? (n_rows + 63) / 64 * 64 : 64; }

// Rows a tile: its scratch stays within a core's own cache.
template <class Real>
std::ptrdiff_t tile_rows(Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features);

}  // namespace mixtura
