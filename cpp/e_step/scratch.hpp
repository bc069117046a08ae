// One thread's scratch for the kernels, as large as one tile and its temporaries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "simd/job.hpp"

namespace mixtura {

// Memory as it comes: to clear it takes longer than an E-step of few rows, and so does to allocate it at every call. A
// thread reuses the last that it gave back, up to a megabyte.
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

// Hands out numbers from memory, one after the other.
template <class Real>
struct Pieces {
    Real* next;

    Real* take(std::ptrdiff_t size) {
        Real* const taken = next;
        next += size;
        return taken;
    }
};

template <class Real>
class WorkspaceMemory {
  public:
    explicit WorkspaceMemory(const Job<Real>& job);
    WorkspaceMemory(const WorkspaceMemory&) = delete;  // the workspace points into this object
    const Workspace<Real>& workspace() const { return workspace_; }

  private:
    void take_tile(const Job<Real>& job, Pieces<Real>& pieces);
    void take_sorted(const Job<Real>& job, Pieces<Real>& pieces);
    void take_candidates(const Job<Real>& job, Pieces<Real>& pieces);
    void take_incomplete(const Job<Real>& job, Pieces<Real>& pieces);
    void take_deconvolved(const Job<Real>& job);

    Scratch memory_;
    std::vector<std::uint64_t> active_;
    std::vector<std::uint8_t> list_;
    std::vector<std::int32_t> listed_, chains_, sorting_;
    std::vector<double> sorted_weights_;
    std::vector<float> centred_;
    std::vector<std::uint64_t> near_;
    std::vector<Run> runs_;
    std::vector<std::int32_t> features_;
    std::vector<double> beside_;
    std::unique_ptr<double[]> room_;
    std::vector<Conditional> conditionals_;
    std::unique_ptr<double[]> deconvolved_;
    Experience experience_;
    Workspace<Real> workspace_;
};

}  // namespace mixtura
