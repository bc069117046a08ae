// From a mixture to what the tile kernels read: split means, packed factors, log coefficients.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "model/expectation.hpp"
#include "model/mixture.hpp"
#include "model/rows.hpp"
#include "simd/job.hpp"

namespace mixtura {

// Owns the arrays that a Job points to; one per call, shared by all threads, read-only.
template <class Real>
class PreparedJob {
  public:
    PreparedJob(const Rows<Real>& rows, const Mixture& mixture, const Expectation& asked, const double* centres);

    const Job<Real>& job() const { return job_; }
    Job<Real>& job() { return job_; }

    // Rows are sorted by component where the components lie so far apart that this leaves out most distances. That
    // changes the order of sums, so it depends on the mixture and the number of rows alone.
    void group_rows(const Mixture& mixture);

    // d: the point about which moments are summed, of all components; null: about the centres, or the total mean.
    const double* common_point() const { return job_.n_terms > 0 && !job_.whitened ? common_point_.data() : nullptr; }

  private:
    void prepare_density(const Mixture& mixture);
    void prepare_residues(const Mixture& mixture);
    void prepare_bounds(const Mixture& mixture);
    bool prepare_reaches(const Mixture& mixture);
    void prepare_scores(const Mixture& mixture);
    void prepare_whitening(const Mixture& mixture, const TotalScatter& total);
    void prepare_terms(const Mixture& mixture);

    struct SplitArray {
        std::vector<Real> high;
        std::vector<Real> low;
        void assign(const double* points, std::size_t size);
        SplitPoint<Real> view() const { return {high.data(), low.data()}; }
    };

    Job<Real> job_;
    SplitArray means_, origin_;
    std::vector<double> log_heights_;
    std::vector<Real> factors_, coefficients_, whitened_means_, term_factors_, bound_factors_, residues_, centres_;
    std::vector<double> group_origin_, common_point_;
    std::vector<float> reaches_, scores_;
};

// Scratch for one thread, as large as one tile and its temporaries.
// Memory as it comes: to clear it takes longer than an E-step of few rows, and so does to ask for it at every call. A
// thread keeps the last that it gave back, up to a megabyte.
class Scratch {
  public:
    Scratch() = default;
    explicit Scratch(std::size_t n_bytes);
    Scratch(Scratch&&) = default;
    Scratch& operator=(Scratch&&) = default;
    ~Scratch();
    unsigned char* data() const { return bytes_.get(); }

  private:
    std::unique_ptr<unsigned char[]> bytes_;
    std::size_t size_ = 0;
};

template <class Real>
class WorkspaceMemory {
  public:
    explicit WorkspaceMemory(const Job<Real>& job);
    WorkspaceMemory(const WorkspaceMemory&) = delete;  // the workspace points into this object
    const Workspace<Real>& workspace() const { return workspace_; }

  private:
    void take_sorted(const Job<Real>& job, Real*& next);

    Scratch memory_;
    std::vector<std::uint64_t> active_;
    std::vector<std::uint8_t> list_;
    std::vector<std::int32_t> listed_, chains_, sorting_;
    std::vector<double> sorted_weights_;
    std::vector<float> centred_;
    std::vector<std::uint64_t> near_;
    Experience experience_;
    Workspace<Real> workspace_;
};

// Whether so many rows pay for what their grouping costs once a call, see grouping.hpp.
inline bool rows_pay_for_groups(std::ptrdiff_t n_rows, std::ptrdiff_t n_components) {
    return n_rows >= 128 * n_components;
}

// Rows of a tile that holds all of so many.
inline std::ptrdiff_t rows_of_one_tile(std::ptrdiff_t n_rows) { return n_rows > 64 ? (n_rows + 63) / 64 * 64 : 64; }

// Rows a tile: its scratch stays within a core's own cache.
template <class Real>
std::ptrdiff_t tile_rows(Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features);

}  // namespace mixtura
