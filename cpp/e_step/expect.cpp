// The E-step over all rows: tiles within chunks, chunks over threads, sums in a tree of fixed shape.
#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <memory>
#include <vector>

#include "e_step/dispatch.hpp"
#include "e_step/prepare.hpp"
#include "model/core.hpp"
#include "support/interrupt.hpp"
#include "support/parallel.hpp"

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
    return static_cast<int>(
        std::clamp(work / work_of_a_thread, 1.0, static_cast<double>(std::max(control.n_threads, 1))));
}

// A tile of one component takes some microseconds, or, with wide matrices, some milliseconds.
bool ask_flag(void* flag) { return static_cast<StopFlag*>(flag)->stopped(); }
bool look_at_flag(void* flag) { return static_cast<StopFlag*>(flag)->stopped(asks_a_look); }

template <class Real>
void listen(Job<Real>& job, StopFlag& flag) {
    job.stopped = job.n_features >= wide ? &look_at_flag : &ask_flag;
    job.stop_argument = &flag;
}

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
        if (d >= wide) check_interrupted_sometimes();
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
        for (std::ptrdiff_t j = 0; j < d; ++j)
            e[static_cast<std::size_t>(j)] = centres[k * d + j] - options.total.mean[j];
        for (std::ptrdiff_t i = 0; i < d; ++i) {
            if (d >= wide) check_interrupted_sometimes();
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

template <class Part>
void for_each_part(const Grid& grid, std::ptrdiff_t chunk, std::ptrdiff_t n_rows, StopFlag& flag, const Part& part) {
    for (std::ptrdiff_t begin = grid.begin(chunk); begin < grid.end(chunk); begin += n_rows) {
        if (flag.stopped()) return;
        part(begin, std::min(n_rows, grid.end(chunk) - begin));
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
        if (d >= wide) check_interrupted();
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

namespace {

// Parts whose chunks the threads share at a time: each holds its sums until the ones before it are added.
constexpr std::size_t parts_at_a_time = 16;

void add(const Statistics& part, const Mixture& mixture, Statistics& sum) {
    const std::ptrdiff_t firsts = mixture.n_components * mixture.n_features;
    sum.weight += part.weight;
    sum.log_likelihood += part.log_likelihood;
    sum.log_certainty += part.log_certainty;
    for (std::ptrdiff_t i = 0; i < mixture.n_components; ++i) sum.counts[i] += part.counts[i];
    for (std::ptrdiff_t i = 0; i < firsts; ++i) sum.firsts[i] += part.firsts[i];
    const std::ptrdiff_t seconds = seconds_size(mixture.structure, mixture.n_components, mixture.n_features);
    for (std::ptrdiff_t i = 0; i < seconds; ++i) sum.seconds[i] += part.seconds[i];
}

// The E-step over parts of the rows, each by itself: sums of the parts in their order, whoever computed them.
template <class Real>
class Accumulation {
  public:
    Accumulation(const Rows<Real>& first, const Mixture& mixture, const AccumulateOptions& asked, Control& control)
        : mixture_(mixture), options_(with_usable_total(asked, mixture)),
          centres_(asked.centres != nullptr ? asked.centres : mixture.means),
          moves_(sizeof(Real) < sizeof(double) && options_.moments && options_.total.mean == nullptr),
          rounded_(rounded()), prepared_(first, mixture, options_), control_(control), flag_(control) {
        listen(prepared_.job(), flag_);
        prepared_.group_rows(mixture);
    }

    // Calls take(statistics) for every part in order; false: interrupted.
    template <class Take>
    bool run(const Rows<Real>* parts, std::size_t n_parts, Statistics& buffer, const Take& take) {
        std::vector<Job<Real>> jobs;
        std::vector<Grid> grids;
        std::vector<std::ptrdiff_t> ends;
        std::deque<TreeSum<PartialStatistics>> sums;
        double n_rows = 0;
        for (std::size_t p = 0; p < n_parts; ++p) {
            jobs.push_back(prepared_.job());
            jobs.back().rows = parts[p];
            jobs.back().tile_rows = std::min(jobs.back().tile_rows, rows_of_one_tile(parts[p].n_rows));
            std::ptrdiff_t& block_rows = jobs.back().grouping.n_rows;
            if (!rows_pay_for_groups(parts[p].n_rows, mixture_.n_components)) block_rows = 0;
            grids.push_back(
                make_grid(parts[p].n_rows, jobs.back().tile_rows, std::max<std::ptrdiff_t>(2048, block_rows)));
            ends.push_back((p == 0 ? 0 : ends.back()) + grids.back().n_chunks());
            sums.emplace_back(grids.back().n_chunks());
            n_rows += static_cast<double>(parts[p].n_rows);
        }
        const int n_workers = useful_threads(control_, n_rows * work_per_row(mixture_));
        const Kernels<Real>& kernels = active_kernels().of<Real>();
        Workspaces<Real> workspaces(prepared_.job(), n_workers);
        for_each_chunk(ends.back(), n_workers, flag_, [&](std::ptrdiff_t index, int worker) {
            const auto p = static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), index) - ends.begin());
            const std::ptrdiff_t chunk = index - (p == 0 ? 0 : ends[p - 1]);
            std::unique_ptr<PartialStatistics> partial = sums[p].reuse();
            if (partial) {
                partial->clear();
            } else {
                partial = std::make_unique<PartialStatistics>(mixture_, options_);
            }
            const Workspace<Real>& work = workspaces.of(worker);
            const std::ptrdiff_t block_rows = jobs[p].grouping.n_rows;
            const auto kernel = block_rows > 0 ? kernels.accumulate_block : kernels.accumulate_tile;
            for_each_part(grids[p], chunk, block_rows > 0 ? block_rows : jobs[p].tile_rows, flag_,
                          [&](std::ptrdiff_t begin, std::ptrdiff_t n) {
                              kernel(jobs[p], begin, n, work, partial->statistics());
                          });
            sums[p].add(chunk, std::move(partial));
        });
        if (control_.interrupted) return false;
        for (const TreeSum<PartialStatistics>& sum : sums) {
            if (sum.root() == nullptr) continue;
            sum.root()->copy_to(buffer);
            finish(buffer);
            take(buffer);
        }
        return true;
    }

  private:
    static AccumulateOptions with_usable_total(AccumulateOptions options, const Mixture& mixture) {
        if (!options.moments || !serves<Real>(options.total, mixture)) options.total = {};
        return options;
    }

    // Float rows: about centres that a float holds, so that a difference is one subtraction; moved at the end.
    std::vector<double> rounded() {
        if (!moves_) return {};
        std::vector<double> out(centres_, centres_ + mixture_.n_components * mixture_.n_features);
        for (double& c : out) c = static_cast<Real>(c);
        options_.centres = out.data();
        return out;
    }

    // K x d
    std::vector<double> repeated(const double* point) const {
        std::vector<double> out;
        for (std::ptrdiff_t k = 0; k < mixture_.n_components; ++k)
            out.insert(out.end(), point, point + mixture_.n_features);
        return out;
    }

    void finish(Statistics& statistics) const {
        if (!options_.moments) return;
        if (options_.total.mean != nullptr) {
            move_to_centres(mixture_, options_, statistics);
            seconds_from_total(mixture_, options_, statistics);
        } else {
            mirror_seconds(mixture_, statistics.seconds);
        }
        if (prepared_.common_point() != nullptr) {
            const std::vector<double> from = repeated(prepared_.common_point());
            return move_centres(mixture_.structure, mixture_.n_components, mixture_.n_features, from.data(), centres_,
                                statistics);
        }
        if (!moves_) return;
        move_centres(mixture_.structure, mixture_.n_components, mixture_.n_features, rounded_.data(), centres_,
                     statistics);
    }

    const Mixture& mixture_;
    AccumulateOptions options_;
    const double* const centres_;
    const bool moves_;
    const std::vector<double> rounded_;
    PreparedJob<Real> prepared_;
    Control& control_;
    StopFlag flag_;
};

}  // namespace

template <class Real>
void accumulate(const Rows<Real>& rows, const Mixture& mixture, const AccumulateOptions& options,
                Statistics& statistics, Control& control) {
    Accumulation<Real>(rows, mixture, options, control).run(&rows, 1, statistics, [](const Statistics&) {});
}

template <class Real>
void accumulate_parts(const std::vector<Rows<Real>>& parts, const Mixture& mixture, const AccumulateOptions& options,
                      Statistics& statistics, Control& control) {
    // The tied shortcut is linear in the scatter: the parts take none for theirs, and the whole's is added once.
    const std::ptrdiff_t d = mixture.n_features;
    const bool has_total = options.moments && serves<Real>(options.total, mixture);
    const std::vector<double> none(static_cast<std::size_t>(has_total ? d * d : 0));
    AccumulateOptions of_parts = options;
    of_parts.total = has_total ? TotalScatter{0, options.total.mean, none.data()} : TotalScatter{};
    Accumulation<Real> accumulation(parts.front(), mixture, of_parts, control);
    PartialStatistics buffer(mixture, {});
    statistics.weight = statistics.log_likelihood = statistics.log_certainty = 0;
    std::fill_n(statistics.counts, mixture.n_components, 0.0);
    std::fill_n(statistics.firsts, mixture.n_components * d, 0.0);
    std::fill_n(statistics.seconds, seconds_size(mixture.structure, mixture.n_components, d), 0.0);
    const auto take = [&](const Statistics& part) { add(part, mixture, statistics); };
    for (std::size_t first = 0; first < parts.size(); first += parts_at_a_time) {
        const std::size_t n = std::min(parts_at_a_time, parts.size() - first);
        if (!accumulation.run(parts.data() + first, n, buffer.statistics(), take)) return;
    }
    if (!has_total) return;
    for (std::ptrdiff_t i = 0; i < d * d; ++i) statistics.seconds[i] += options.total.scatter[i];
}

template <class Real>
void evaluate(const Rows<Real>& rows, const Mixture& mixture, const Evaluation<Real>& out, Control& control) {
    PreparedJob<Real> prepared(rows, mixture, AccumulateOptions{});
    Job<Real>& job = prepared.job();
    StopFlag flag(control);
    listen(job, flag);
    const Grid grid = make_grid(rows.n_rows, job.tile_rows);
    const int n_workers = useful_threads(control, static_cast<double>(rows.n_rows) * work_per_row(mixture));
    const Kernels<Real>& kernels = active_kernels().of<Real>();
    Workspaces<Real> workspaces(job, n_workers);
    for_each_chunk(grid.n_chunks(), n_workers, flag, [&](std::ptrdiff_t chunk, int worker) {
        const Workspace<Real>& work = workspaces.of(worker);
        for_each_part(grid, chunk, job.tile_rows, flag, [&](std::ptrdiff_t begin, std::ptrdiff_t n_rows) {
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

template <class Real>
void find_extent(const Rows<Real>& rows, double* least, double* most, Control& control) {
    StopFlag flag(control);
    const std::ptrdiff_t d = rows.n_features;
    const Grid grid = make_grid(rows.n_rows, 64);
    constexpr Real infinity = std::numeric_limits<Real>::infinity();
    std::vector<Real> leasts(static_cast<std::size_t>(grid.n_chunks() * d), infinity), mosts(leasts.size(), -infinity);
    const double work = static_cast<double>(rows.n_rows) * static_cast<double>(d) / 4;
    for_each_chunk(grid.n_chunks(), useful_threads(control, work), flag, [&](std::ptrdiff_t chunk, int) {
        Real* low = leasts.data() + chunk * d;
        Real* high = mosts.data() + chunk * d;
        for (std::ptrdiff_t i = grid.begin(chunk); i < grid.end(chunk); ++i) {
            const Real* row = rows.data + i * rows.row_stride;
            for (std::ptrdiff_t j = 0; j < d; ++j) {
                low[j] = std::min(low[j], row[j * rows.feature_stride]);
                high[j] = std::max(high[j], row[j * rows.feature_stride]);
            }
        }
    });
    std::fill_n(least, d, static_cast<double>(infinity));
    std::fill_n(most, d, -static_cast<double>(infinity));
    for (std::size_t i = 0; i < leasts.size(); ++i) {
        const std::size_t j = i % static_cast<std::size_t>(d);
        least[j] = std::min(least[j], static_cast<double>(leasts[i]));
        most[j] = std::max(most[j], static_cast<double>(mosts[i]));
    }
}

template bool serves<double>(const TotalScatter&, const Mixture&);
template bool serves<float>(const TotalScatter&, const Mixture&);
template void accumulate_parts<double>(const std::vector<Rows<double>>&, const Mixture&, const AccumulateOptions&,
                                       Statistics&, Control&);
template void accumulate_parts<float>(const std::vector<Rows<float>>&, const Mixture&, const AccumulateOptions&,
                                      Statistics&, Control&);
template void accumulate<double>(const Rows<double>&, const Mixture&, const AccumulateOptions&, Statistics&, Control&);
template void accumulate<float>(const Rows<float>&, const Mixture&, const AccumulateOptions&, Statistics&, Control&);
template void evaluate<double>(const Rows<double>&, const Mixture&, const Evaluation<double>&, Control&);
template void evaluate<float>(const Rows<float>&, const Mixture&, const Evaluation<float>&, Control&);
template NonFinite find_nonfinite<double>(const Rows<double>&, Control&);
template NonFinite find_nonfinite<float>(const Rows<float>&, Control&);
template void find_extent<double>(const Rows<double>&, double*, double*, Control&);
template void find_extent<float>(const Rows<float>&, double*, double*, Control&);

}  // namespace mixtura
