// Memory of a tile and its temporaries, one thread's.
#include "e_step/scratch.hpp"

#include <algorithm>
#include <utility>

namespace mixtura {
namespace {

constexpr std::size_t most_spare = 1 << 20;

template <class Real>
constexpr std::ptrdiff_t widest_vector = 64 / static_cast<std::ptrdiff_t>(sizeof(Real));  // of any instruction set

struct Spare {
    std::unique_ptr<unsigned char[]> bytes;
    std::size_t size = 0;
};

Spare& spare() {
    thread_local Spare of_this_thread;
    return of_this_thread;
}

// Whether rows or components are to be left out: what candidates are for.
template <class Real>
bool needs_candidates(const Job<Real>& job) {
    return job.bound_features > 0 || job.grouping.n_rows > 0;
}

// Whitened distances that are kept.
template <class Real>
std::ptrdiff_t residual_features(const Job<Real>& job) {
    if (!job.slopes.are_asked || !(has_matrices(job.structure) || job.slopes.hessians)) return 0;
    return job.slopes.keeps_all ? job.n_components * job.n_features : job.n_features;
}

// Numbers of all pieces.
template <class Real>
std::ptrdiff_t scratch_size(const Job<Real>& job) {
    const std::ptrdiff_t of_candidates = needs_candidates(job) ? padded(job.n_features) + 4 : 0;
    const std::ptrdiff_t of_tile = job.n_features + 2 * padded(job.n_features + 1) + job.n_densities + 4;
    const std::ptrdiff_t of_kinds = job.student != nullptr ? 2 * job.n_components : 0;
    const std::ptrdiff_t of_slopes = job.slopes.are_asked ? 2 * job.n_features + residual_features(job) : 0;
    const std::ptrdiff_t of_pulls = job.slopes.are_asked ? job.n_components * 4 * widest_vector<Real> : 0;
    const std::ptrdiff_t of_bends = job.slopes.hessians ? job.n_features * job.n_features * widest_vector<Real> : 0;
    return (of_tile + of_kinds + of_candidates + of_slopes) * job.tile_stride + of_pulls + of_bends +
           job.grouping.n_rows * job.n_features;
}

// Numbers of the rows' precision for rows with missing features.
template <class Real>
std::ptrdiff_t incomplete_size(const Job<Real>& job) {
    if (!job.completion.is_needed || job.completion.matrices == nullptr) return 0;
    return job.n_components * (job.completion.n_cells + job.n_features * cell_slack) +
           2 * job.n_features * widest_vector<Real>;
}

// From the first cache line on, so that no vector crosses one.
template <class Real>
Pieces<Real> aligned(unsigned char* data) {
    const auto address = reinterpret_cast<std::uintptr_t>(data);
    return {reinterpret_cast<Real*>(data + (64 - address % 64) % 64)};
}

}  // namespace

Scratch::Scratch(std::size_t n_bytes) {
    Spare& last = spare();
    size_ = std::exchange(last.size, 0);
    bytes_ = std::move(last.bytes);
    if (size_ >= n_bytes) return;
    bytes_.reset(new unsigned char[n_bytes]);
    size_ = n_bytes;
}

Scratch::~Scratch() {
    Spare& last = spare();
    if (bytes_ == nullptr || size_ > most_spare || size_ <= last.size) return;
    last.bytes = std::move(bytes_);
    last.size = size_;
}

template <class Real>
WorkspaceMemory<Real>::WorkspaceMemory(const Job<Real>& job) {
    constexpr std::ptrdiff_t line = 64 / static_cast<std::ptrdiff_t>(sizeof(Real));
    memory_ = Scratch(static_cast<std::size_t>(scratch_size(job) + incomplete_size(job) + line) * sizeof(Real));
    Pieces<Real> pieces = aligned<Real>(memory_.data());
    take_tile(job, pieces);
    if (job.grouping.n_rows > 0) take_sorted(job, pieces);
    if (needs_candidates(job)) take_candidates(job, pieces);
    if (job.completion.is_needed) take_incomplete(job, pieces);
    if (job.deconvolution.is_needed) take_deconvolved(job);
    workspace_.experience = &experience_;
}

template <class Real>
void WorkspaceMemory<Real>::take_tile(const Job<Real>& job, Pieces<Real>& pieces) {
    const std::ptrdiff_t stride = job.tile_stride;
    workspace_.rows = pieces.take(job.n_features * stride);
    workspace_.differences = pieces.take(padded(job.n_features + 1) * stride);
    workspace_.panels = pieces.take(padded(job.n_features + 1) * stride);
    workspace_.responsibilities = pieces.take(job.n_densities * stride);
    if (job.student != nullptr) {
        workspace_.scales = pieces.take(job.n_components * stride);
        workspace_.log_scales = pieces.take(job.n_components * stride);
    }
    workspace_.weights = pieces.take(stride);
    workspace_.log_density = pieces.take(stride);
    workspace_.log_certainty = pieces.take(stride);
    workspace_.roots = pieces.take(stride);
    if (job.slopes.are_asked) {
        workspace_.slopes = pieces.take(job.n_features * stride);
        workspace_.pulled = pieces.take(job.n_features * stride);
        workspace_.pulls = pieces.take(job.n_components * 4 * widest_vector<Real>);
    }
    if (job.slopes.hessians) workspace_.curved = pieces.take(job.n_features * job.n_features * widest_vector<Real>);
    if (residual_features(job) > 0) workspace_.residuals = pieces.take(residual_features(job) * stride);
    active_.resize(static_cast<std::size_t>(job.n_densities));
    workspace_.active = active_.data();
    listed_.resize(static_cast<std::size_t>(job.n_densities));
    workspace_.listed = listed_.data();
}

template <class Real>
void WorkspaceMemory<Real>::take_sorted(const Job<Real>& job, Pieces<Real>& pieces) {
    const auto n = static_cast<std::size_t>(job.grouping.n_rows);
    SortedRows<Real>& sorted = workspace_.sorted;
    sorted.rows = pieces.take(job.grouping.n_rows * job.n_features);
    sorted_weights_.resize(n);
    sorted.weights = sorted_weights_.data();
    sorting_.resize(3 * n + static_cast<std::size_t>(job.n_components) + 1);
    sorted.guesses = sorting_.data();
    sorted.unsorted = sorted.guesses + n;
    sorted.places = sorted.unsorted + n;
    sorted.starts = sorted.places + n;
    centred_.resize(static_cast<std::size_t>((job.n_features + 1) * scan_stride + 16));
    sorted.centred = centred_.data();
    near_.resize(static_cast<std::size_t>((job.n_components + 63) / 64));
    sorted.near = near_.data();
}

template <class Real>
void WorkspaceMemory<Real>::take_candidates(const Job<Real>& job, Pieces<Real>& pieces) {
    const std::ptrdiff_t stride = job.tile_stride;
    Candidates<Real>& candidates = workspace_.candidates;
    candidates.gathered = pieces.take(padded(job.n_features) * stride);
    candidates.joint = pieces.take(stride);
    candidates.likeliest = pieces.take(stride);
    candidates.highest = pieces.take(stride);
    candidates.thresholds = pieces.take(stride);
    list_.resize(static_cast<std::size_t>(stride) + 64);  // room for whole groups of rows
    chains_.resize(static_cast<std::size_t>(job.n_components + stride));
    candidates.list = list_.data();
    candidates.heads = chains_.data();
    candidates.next = chains_.data() + job.n_components;
}

template <class Real>
void WorkspaceMemory<Real>::take_incomplete(const Job<Real>& job, Pieces<Real>& pieces) {
    const auto n = static_cast<std::size_t>(job.tile_rows);
    Incomplete<Real>& incomplete = workspace_.incomplete;
    runs_.resize(n);
    incomplete.runs = runs_.data();
    features_.resize(n * static_cast<std::size_t>(job.n_features + 1));
    incomplete.features = features_.data();
    incomplete.labels = features_.data() + n * static_cast<std::size_t>(job.n_features);
    beside_.resize(n * static_cast<std::size_t>(1 + job.rows.labels.n_terms));
    incomplete.weights = beside_.data();
    incomplete.log_terms = beside_.data() + n;
    if (job.completion.matrices == nullptr) return;
    incomplete.cells = pieces.take(job.n_components * (job.completion.n_cells + job.n_features * cell_slack));
    incomplete.differences = pieces.take(job.n_features * widest_vector<Real>);
    incomplete.explained = pieces.take(job.n_features * widest_vector<Real>);
    conditionals_.resize(n * static_cast<std::size_t>(n_covariances(job.structure, job.n_components)));
    incomplete.conditionals = conditionals_.data();
    room_.reset(new double[static_cast<std::size_t>(job.completion.room)]);
    incomplete.room = room_.get();
}

template <class Real>
void WorkspaceMemory<Real>::take_deconvolved(const Job<Real>& job) {
    const std::ptrdiff_t d = job.n_features, triangle = d * (d + 1) / 2;
    // What rows bring (2 d, triangle), the factor and what it gives (triangle, 2 d, d^2) or sums and a row (1, d,
    // triangle, d).
    const std::ptrdiff_t room =
        (2 * d + triangle + std::max(triangle + 2 * d + d * d, 1 + 2 * d + triangle)) * widest_vector<double>;
    const std::ptrdiff_t posteriors =
        job.deconvolution.posteriors ? job.n_components * job.tile_stride * (d + triangle) : 0;
    deconvolved_.reset(new double[static_cast<std::size_t>(room + posteriors + d + widest_vector<double>)]);
    Pieces<double> pieces = aligned<double>(reinterpret_cast<unsigned char*>(deconvolved_.get()));
    workspace_.deconvolved = {pieces.take(room), pieces.take(posteriors), pieces.take(d)};
}

template class WorkspaceMemory<double>;
template class WorkspaceMemory<float>;

}  // namespace mixtura
