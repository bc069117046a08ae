// The E-step over all rows: tiles within chunks, chunks over threads, sums in a tree of fixed shape.
#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "core.hpp"
#include "dispatch.hpp"
#include "parallel.hpp"
#include "prepare.hpp"

namespace mixtura {
namespace {

// Below about this many multiply-adds (some 100 microseconds) a second thread costs more than it brings.
constexpr double work_of_a_thread = 1e6;

double work_per_row(const Mixture& mixture) {
    const double k = static_cast<double>(mixture.n_components);
    const double d = static_cast<double>(mixture.n_features);
    const double per_component = mixture.structure == Structure::full ? d * (d + 1) : 4 * d;
    return k * (per_component + 20);
}

int useful_threads(const Control& control, double work) {
    return static_cast<int>(std::clamp(work / work_of_a_thread, 1.0, static_cast<double>(std::max(control.n_threads, 1))));
}

bool ask_flag(void* flag) { return static_cast<StopFlag*>(flag)->stopped(); }

// One chunk's statistics.
class PartialStatistics {
  public:
    PartialStatistics(const Mixture& mixture, const AccumulateOptions& options)
        : n_components_(static_cast<std::size_t>(mixture.n_components)),
          n_firsts_(static_cast<std::size_t>(mixture.n_components * mixture.n_features)) {
        const bool seconds = options.moments && options.total.mean == nullptr;
        const auto n_seconds = static_cast<std::size_t>(
            seconds ? seconds_size(mixture.structure, mixture.n_components, mixture.n_features) : 0);
        sums_.resize(n_components_ + n_firsts_ + n_seconds);
        clear();
    }

    void clear() {
        std::fill(sums_.begin(), sums_.end(), 0.0);
        statistics_ = {};
        statistics_.counts = sums_.data();
        statistics_.firsts = statistics_.counts + n_components_;
        statistics_.seconds = statistics_.firsts + n_firsts_;
    }

    void add(const PartialStatistics& other) {
        statistics_.weight += other.statistics_.weight;
        statistics_.log_likelihood += other.statistics_.log_likelihood;
        statistics_.log_certainty += other.statistics_.log_certainty;
        for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] += other.sums_[i];
    }

    void copy_to(Statistics& out) const {
        out.weight = statistics_.weight;
        out.log_likelihood = statistics_.log_likelihood;
        out.log_certainty = statistics_.log_certainty;
        std::copy_n(sums_.begin(), n_components_, out.counts);
        std::copy_n(statistics_.firsts, n_firsts_, out.firsts);
        const std::size_t n_seconds = sums_.size() - n_components_ - n_firsts_;
        std::copy_n(statistics_.seconds, n_seconds, out.seconds);
    }

    Statistics& statistics() { return statistics_; }

  private:
    std::size_t n_components_;
    std::size_t n_firsts_;
    std::vector<double> sums_;
    Statistics statistics_;
};

// The kernels fill the lower triangle.
void mirror(double* matrix, std::ptrdiff_t d) {
    for (std::ptrdiff_t i = 0; i < d; ++i) {
        for (std::ptrdiff_t j = 0; j < i; ++j) matrix[j * d + i] = matrix[i * d + j];
    }
}

void mirror_seconds(const Mixture& mixture, double* seconds) {
    const std::ptrdiff_t d = mixture.n_features;
    if (mixture.structure == Structure::tied) mirror(seconds, d);
    if (mixture.structure != Structure::full) return;
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) mirror(seconds + k * d * d, d);
}

// The whitened kernel sums about the total mean m; about the centres c: f_k - n_k (c_k - m).
void move_to_centres(const Mixture& mixture, const AccumulateOptions& options, Statistics& statistics) {
    const std::ptrdiff_t d = mixture.n_features;
    const double* centres = options.centres != nullptr ? options.centres : mixture.means;
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) {
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            statistics.firsts[k * d + j] -= statistics.counts[k] * (centres[k * d + j] - options.total.mean[j]);
        }
    }
}

// Tied: since responsibilities sum to 1, the pooled second moments about the centres follow from the constant
// total scatter T about the mean m:  T - sum_k (f_k e_k^T + e_k f_k^T + n_k e_k e_k^T),  e_k = c_k - m.
void seconds_from_total(const Mixture& mixture, const AccumulateOptions& options, Statistics& statistics) {
    const std::ptrdiff_t d = mixture.n_features;
    const double* centres = options.centres != nullptr ? options.centres : mixture.means;
    std::copy_n(options.total.scatter, d * d, statistics.seconds);
    std::vector<double> e(static_cast<std::size_t>(d));
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) {
        const double* f = statistics.firsts + k * d;
        for (std::ptrdiff_t j = 0; j < d; ++j) e[static_cast<std::size_t>(j)] = centres[k * d + j] - options.total.mean[j];
        for (std::ptrdiff_t i = 0; i < d; ++i) {
            const double e_i = e[static_cast<std::size_t>(i)];
            for (std::ptrdiff_t j = 0; j < d; ++j) {
                const double e_j = e[static_cast<std::size_t>(j)];
                statistics.seconds[i * d + j] -= f[i] * e_j + e_i * f[j] + statistics.counts[k] * e_i * e_j;
            }
        }
    }
}

// Scratch that a thread makes at its first chunk.
template <class Real>
class Workspaces {
  public:
    Workspaces(const Job<Real>& job, int n_workers) : job_(job), owned_(static_cast<std::size_t>(n_workers)) {}

    const Workspace<Real>& of(int worker) {
        auto& memory = owned_[static_cast<std::size_t>(worker)];
        if (!memory) memory = std::make_unique<WorkspaceMemory<Real>>(job_);
        return memory->workspace();
    }

  private:
    const Job<Real>& job_;
    std::vector<std::unique_ptr<WorkspaceMemory<Real>>> owned_;
};

template <class Real, class Tile>
void for_each_tile(const Job<Real>& job, const Grid& grid, std::ptrdiff_t chunk, StopFlag& flag, const Tile& tile) {
    for (std::ptrdiff_t begin = grid.begin(chunk); begin < grid.end(chunk); begin += job.tile_rows) {
        if (flag.stopped()) return;
        tile(begin, std::min(job.tile_rows, grid.end(chunk) - begin));
    }
}

}  // namespace

// Mean squared distance from the total mean, per feature and in units of the within-component covariance, up to which
// second moments from the total scatter keep 12 digits (double) or 5 (float).
namespace {

template <class Real>
constexpr double scatter_limit = sizeof(Real) == sizeof(double) ? 1e4 : 1e2;

}  // namespace

// Whether trace(P^T T P), the total scatter in units of the components' covariance, is within it.
template <class Real>
bool serves(const TotalScatter& total, const Mixture& mixture) {
    if (total.mean == nullptr || mixture.structure != Structure::tied) return false;
    const std::ptrdiff_t d = mixture.n_features;
    const double* factor = mixture.precisions_cholesky;
    double whitened = 0;
    for (std::ptrdiff_t i = 0; i < d; ++i) {
        for (std::ptrdiff_t m = 0; m < d; ++m) {
            double product = 0;  // (P P^T)_im
            for (std::ptrdiff_t j = std::max(i, m); j < d; ++j) product += factor[i * d + j] * factor[m * d + j];
            whitened += total.scatter[i * d + m] * product;
        }
    }
    return whitened <= scatter_limit<Real> * total.weight * static_cast<double>(d);
}

std::ptrdiff_t seconds_size(Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features) {
    switch (structure) {
        case Structure::full: return n_components * n_features * n_features;
        case Structure::tied: return n_features * n_features;
        case Structure::diag: return n_components * n_features;
        case Structure::spherical: return n_components;
    }
    return 0;
}

template <class Real>
void accumulate(const Rows<Real>& rows, const Mixture& mixture, const AccumulateOptions& asked,
                Statistics& statistics, Control& control) {
    AccumulateOptions options = asked;
    if (!options.moments || !serves<Real>(options.total, mixture)) options.total = {};
    // Float rows: about centres that a float holds, so that a difference is one subtraction; moved at the end.
    const double* centres = options.centres != nullptr ? options.centres : mixture.means;
    const bool moves = sizeof(Real) < sizeof(double) && options.moments && options.total.mean == nullptr;
    std::vector<double> rounded;
    if (moves) {
        rounded.assign(centres, centres + mixture.n_components * mixture.n_features);
        for (double& c : rounded) c = static_cast<Real>(c);
        options.centres = rounded.data();
    }
    PreparedJob<Real> prepared(rows, mixture, options);
    Job<Real>& job = prepared.job();
    StopFlag flag(control);
    job.stopped = &ask_flag;
    job.stop_argument = &flag;
    const Grid grid = make_grid(rows.n_rows, job.tile_rows);
    const int n_workers = useful_threads(control, static_cast<double>(rows.n_rows) * work_per_row(mixture));
    const Kernels<Real>& kernels = active_kernels().of<Real>();
    Workspaces<Real> workspaces(job, n_workers);
    TreeSum<PartialStatistics> sum(grid.n_chunks());
    for_each_chunk(grid.n_chunks(), n_workers, flag, [&](std::ptrdiff_t chunk, int worker) {
        std::unique_ptr<PartialStatistics> partial = sum.reuse();
        if (partial) {
            partial->clear();
        } else {
            partial = std::make_unique<PartialStatistics>(mixture, options);
        }
        const Workspace<Real>& work = workspaces.of(worker);
        for_each_tile(job, grid, chunk, flag, [&](std::ptrdiff_t begin, std::ptrdiff_t n_rows) {
            kernels.accumulate_tile(job, begin, n_rows, work, partial->statistics());
        });
        sum.add(chunk, std::move(partial));
    });
    if (control.interrupted || sum.root() == nullptr) return;
    sum.root()->copy_to(statistics);
    if (!options.moments) return;
    if (options.total.mean != nullptr) {
        move_to_centres(mixture, options, statistics);
        seconds_from_total(mixture, options, statistics);
    } else {
        mirror_seconds(mixture, statistics.seconds);
    }
    if (moves) move_centres(mixture.structure, mixture.n_components, mixture.n_features, rounded.data(), centres, statistics);
}

template <class Real>
void evaluate(const Rows<Real>& rows, const Mixture& mixture, const Evaluation<Real>& out, Control& control) {
    PreparedJob<Real> prepared(rows, mixture, AccumulateOptions{});
    Job<Real>& job = prepared.job();
    StopFlag flag(control);
    job.stopped = &ask_flag;
    job.stop_argument = &flag;
    const Grid grid = make_grid(rows.n_rows, job.tile_rows);
    const int n_workers = useful_threads(control, static_cast<double>(rows.n_rows) * work_per_row(mixture));
    const Kernels<Real>& kernels = active_kernels().of<Real>();
    Workspaces<Real> workspaces(job, n_workers);
    for_each_chunk(grid.n_chunks(), n_workers, flag, [&](std::ptrdiff_t chunk, int worker) {
        const Workspace<Real>& work = workspaces.of(worker);
        for_each_tile(job, grid, chunk, flag, [&](std::ptrdiff_t begin, std::ptrdiff_t n_rows) {
            kernels.evaluate_tile(job, begin, n_rows, work, out);
        });
    });
}

template <class Real>
NonFinite find_nonfinite(const Rows<Real>& rows, Control& control) {
    StopFlag flag(control);
    const Grid grid = make_grid(rows.n_rows, 64);
    std::vector<NonFinite> found(static_cast<std::size_t>(grid.n_chunks()));
    const double work = static_cast<double>(rows.n_rows) * static_cast<double>(rows.n_features) / 4;
    for_each_chunk(grid.n_chunks(), useful_threads(control, work), flag, [&](std::ptrdiff_t chunk, int) {
        NonFinite& of_chunk = found[static_cast<std::size_t>(chunk)];
        for (std::ptrdiff_t i = grid.begin(chunk); i < grid.end(chunk); ++i) {
            const Real* row = rows.data + i * rows.row_stride;
            for (std::ptrdiff_t j = 0; j < rows.n_features; ++j) {
                if (std::isfinite(row[j * rows.feature_stride])) continue;
                if (of_chunk.count++ == 0) of_chunk = {1, i, j};
            }
        }
    });
    NonFinite all;
    for (const NonFinite& of_chunk : found) {
        if (of_chunk.count == 0) continue;
        if (all.count == 0) all = {0, of_chunk.row, of_chunk.feature};
        all.count += of_chunk.count;
    }
    return all;
}

template bool serves<double>(const TotalScatter&, const Mixture&);
template bool serves<float>(const TotalScatter&, const Mixture&);
template void accumulate<double>(const Rows<double>&, const Mixture&, const AccumulateOptions&, Statistics&, Control&);
template void accumulate<float>(const Rows<float>&, const Mixture&, const AccumulateOptions&, Statistics&, Control&);
template void evaluate<double>(const Rows<double>&, const Mixture&, const Evaluation<double>&, Control&);
template void evaluate<float>(const Rows<float>&, const Mixture&, const Evaluation<float>&, Control&);
template NonFinite find_nonfinite<double>(const Rows<double>&, Control&);
template NonFinite find_nonfinite<float>(const Rows<float>&, Control&);

}  // namespace mixtura
