// Tiles within chunks, chunks over threads, sums in a tree of fixed shape.
#include "e_step/expect.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <memory>
#include <vector>

#include "e_step/completion.hpp"
#include "e_step/prepare.hpp"
#include "e_step/slopes.hpp"
#include "e_step/total.hpp"
#include "model/owned.hpp"
#include "simd/dispatch.hpp"
#include "support/interrupt.hpp"
#include "support/parallel.hpp"

namespace mixtura {
namespace {

double work_per_row(Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features) {
    const double k = static_cast<double>(n_components);
    const double d = static_cast<double>(n_features);
    const double per_component = structure == Structure::full ? d * (d + 1) : 4 * d;
    return k * (per_component + 20);
}

double work_per_row(const Mixture& mixture) {
    return work_per_row(mixture.structure, mixture.n_components, mixture.n_features);
}

// Beside the density.
constexpr double work_of_a_hessian = 4;

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
    explicit PartialStatistics(const SumLayout& layout)
        : block_(static_cast<std::size_t>(layout.size())), statistics_(layout, block_.data(), nullptr) {}
    PartialStatistics(const PartialStatistics&) = delete;  // the statistics lie in this object's block
    PartialStatistics& operator=(const PartialStatistics&) = delete;

    void clear() { std::fill(block_.begin(), block_.end(), 0.0); }
    void add(const PartialStatistics& other) {
        for (std::size_t i = 0; i < block_.size(); ++i) block_[i] += other.block_[i];
    }
    // Second moments stay as they are where there are none here.
    void copy_to(const Statistics& out) const { std::copy(block_.begin(), block_.end(), out.block); }
    Statistics& statistics() { return statistics_; }

  private:
    Numbers block_;
    Statistics statistics_;
};

// The kernels fill the lower triangle. By squares, whose rows and columns the cache holds both.
void mirror(double* matrix, std::ptrdiff_t d) {
    constexpr std::ptrdiff_t side = 16;
    for (std::ptrdiff_t top = 0; top < d; top += side) {
        if (d >= wide) check_interrupted_sometimes();
        for (std::ptrdiff_t left = 0; left <= top; left += side) {
            for (std::ptrdiff_t i = top; i < std::min(top + side, d); ++i) {
                for (std::ptrdiff_t j = left; j < std::min(left + side, i); ++j) matrix[j * d + i] = matrix[i * d + j];
            }
        }
    }
}

void mirror_seconds(const Statistics& statistics) {
    if (!has_matrices(statistics.structure())) return;
    const std::ptrdiff_t d = statistics.n_features();
    const std::ptrdiff_t n = n_covariances(statistics.structure(), statistics.n_components());
    for (std::ptrdiff_t k = 0; k < n; ++k) mirror(statistics.seconds + k * d * d, d);
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

template <class Piece>
void for_each_piece(const Grid& grid, std::ptrdiff_t chunk, std::ptrdiff_t n_rows, StopFlag& flag, const Piece& piece) {
    for (std::ptrdiff_t begin = grid.begin(chunk); begin < grid.end(chunk); begin += n_rows) {
        if (flag.stopped()) return;
        piece(begin, std::min(n_rows, grid.end(chunk) - begin));
    }
}

// Rows with a feature at least.
template <class Real>
std::ptrdiff_t n_present(const Rows<Real>& rows) {
    return rows.patterns.are_there() ? rows.patterns.n_present : rows.n_rows;
}

// A part of the rows: its job, the grid of its chunks, their sum.
template <class Real>
struct Part {
    Part(const Job<Real>& prepared, const Rows<Real>& rows) : job(prepared) {
        const std::ptrdiff_t n_rows = n_present(rows);
        job.rows = rows;
        job.tile_rows = std::min(job.tile_rows, rows_of_one_tile(n_rows));
        if (!rows_pay_for_groups(n_rows, job.n_components)) job.grouping.n_rows = 0;
        table.prepare(rows, job);
        grid = make_grid(n_rows, job.tile_rows, std::max(rows_of_a_chunk, job.grouping.n_rows));
        sum = std::make_unique<TreeSum<PartialStatistics>>(grid.n_chunks());
    }

    ConditionalTable table;
    Job<Real> job;
    Grid grid;
    std::unique_ptr<TreeSum<PartialStatistics>> sum;
};

// The E-step over parts of the rows, each by itself, whoever computed them.
template <class Real>
class Accumulation {
  public:
    // Parts whose chunks the threads share at a time: each holds its sums until the ones before it are added.
    static constexpr std::size_t parts_at_a_time = 16;

    Accumulation(const Rows<Real>& first, const Lacking& lacking, const Mixture& mixture, const Expectation& asked,
                 const double* centres, Control& control)
        : mixture_(mixture), asked_(with_usable_total(asked, mixture, is_single)), centres_(centres),
          moves_(is_single && asked_.moments && asked_.total.mean == nullptr), rounded_(rounded()),
          prepared_(first, lacking, mixture, asked_, moves_ ? rounded_.data() : centres), control_(control),
          flag_(control) {
        listen(prepared_.job(), flag_);
        prepared_.group_rows(mixture);
    }

    // Calls take() for every part in order, when its sums lie in `out`; false: interrupted.
    template <class Take>
    bool run(const Rows<Real>* rows, std::size_t n_parts, const Statistics& out, const Take& take) {
        const std::ptrdiff_t n_first = n_present(rows[0]);
        if (n_parts == 1 && n_first > 0 && n_first <= rows_of_a_chunk) {
            if (!run_at_once(rows[0], out)) return false;
            take();
            return true;
        }
        std::vector<Part<Real>> parts;
        std::vector<std::ptrdiff_t> ends;
        double n_rows = 0;
        for (std::size_t p = 0; p < n_parts; ++p) {
            parts.emplace_back(prepared_.job(), rows[p]);
            ends.push_back((p == 0 ? 0 : ends.back()) + parts.back().grid.n_chunks());
            n_rows += static_cast<double>(rows[p].n_rows);
        }
        const SumLayout layout = asked_sums(out);
        const int n_workers = useful_threads(control_, n_rows * work_per_row(mixture_));
        Workspaces<Real> workspaces(prepared_.job(), n_workers);
        for_each_chunk(ends.back(), n_workers, flag_, [&](std::ptrdiff_t index, int worker) {
            const auto p = static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), index) - ends.begin());
            add_chunk(parts[p], index - (p == 0 ? 0 : ends[p - 1]), layout, workspaces.of(worker));
        });
        if (control_.interrupted) return false;
        for (const Part<Real>& part : parts) {
            if (part.sum->root() == nullptr) continue;
            part.sum->root()->copy_to(out);
            finish(out);
            take();
        }
        return true;
    }

  private:
    static constexpr bool is_single = sizeof(Real) < sizeof(double);

    // Float rows: about centres that a float holds, so that a difference is one subtraction; moved at the end.
    std::vector<double> rounded() const {
        if (!moves_) return {};
        std::vector<double> out(centres_, centres_ + mixture_.n_components * mixture_.n_features);
        for (double& c : out) c = static_cast<Real>(c);
        return out;
    }

    void add_chunk(const Part<Real>& part, std::ptrdiff_t chunk, const SumLayout& layout, const Workspace<Real>& work) {
        std::unique_ptr<PartialStatistics> partial = part.sum->reuse();
        if (partial) {
            partial->clear();
        } else {
            partial = std::make_unique<PartialStatistics>(layout);
        }
        add_rows(part, chunk, work, partial->statistics());
        part.sum->add(chunk, std::move(partial));
    }

    SumLayout asked_sums(const Statistics& out) const {
        SumLayout layout = out.layout;
        layout.has_seconds = asked_.moments && asked_.total.mean == nullptr;
        return layout;
    }

    // The only chunk of few rows: what carries chunks over threads would take as long as the rows.
    bool run_at_once(const Rows<Real>& rows, const Statistics& out) {
        const SumLayout layout = asked_sums(out);
        std::fill_n(out.block, layout.size(), 0.0);
        Statistics sums(layout, out.block, nullptr);
        const WorkingFor call(flag_);
        const Part<Real> part(prepared_.job(), rows);
        WorkspaceMemory<Real> memory(part.job);
        add_rows(part, 0, memory.workspace(), sums);
        if (control_.interrupted) return false;
        finish(out);
        return true;
    }

    void add_rows(const Part<Real>& part, std::ptrdiff_t chunk, const Workspace<Real>& work, Statistics& sums) {
        const Kernels<Real>& kernels = active_kernels().of<Real>();
        const std::ptrdiff_t block_rows = part.job.grouping.n_rows;
        const auto kernel = part.job.rows.patterns.are_there() ? kernels.accumulate_incomplete
                            : block_rows > 0                   ? kernels.accumulate_block
                                                               : kernels.accumulate_tile;
        for_each_piece(part.grid, chunk, block_rows > 0 ? block_rows : part.job.tile_rows, flag_,
                       [&](std::ptrdiff_t begin, std::ptrdiff_t n) { kernel(part.job, begin, n, work, sums); });
    }

    // K x d
    std::vector<double> repeated(const double* point) const {
        std::vector<double> out;
        for (std::ptrdiff_t k = 0; k < mixture_.n_components; ++k) {
            out.insert(out.end(), point, point + mixture_.n_features);
        }
        return out;
    }

    // From what the kernels sum, about points that suit them, to sums about the centres.
    void finish(const Statistics& out) const {
        if (!asked_.moments) return;
        if (asked_.total.mean != nullptr) {
            take_from_total(asked_.total, out);
        } else {
            mirror_seconds(out);
        }
        if (prepared_.common_point() != nullptr) {
            const std::vector<double> from = repeated(prepared_.common_point());
            move_centres({out.layout, out.block, from.data()}, centres_);
        } else if (moves_) {
            move_centres({out.layout, out.block, rounded_.data()}, centres_);
        }
    }

    const Mixture& mixture_;
    const Expectation asked_;
    const double* const centres_;
    const bool moves_;
    const std::vector<double> rounded_;
    PreparedJob<Real> prepared_;
    Control& control_;
    StopFlag flag_;
};

}  // namespace

template <class Real>
void accumulate(const Rows<Real>& rows, const Mixture& mixture, const Expectation& asked, Statistics out,
                Control& control) {
    Accumulation<Real>(rows, lacking_of(&rows, 1), mixture, asked, out.centres, control).run(&rows, 1, out, [] {});
}

template <class Real>
void accumulate_parts(const std::vector<Rows<Real>>& parts, const Mixture& mixture, const Expectation& asked,
                      Statistics out, Control& control) {
    const OverParts over(asked, mixture, sizeof(Real) < sizeof(double));
    const Lacking lacking = lacking_of(parts.data(), parts.size());
    Accumulation<Real> accumulation(parts.front(), lacking, mixture, over.of_a_part(), out.centres, control);
    Numbers buffer(static_cast<std::size_t>(out.layout.size()));
    const Statistics part(out.layout, buffer.data(), out.centres);
    std::fill_n(out.block, buffer.size(), 0.0);
    const auto take = [&] {
        for (std::size_t i = 0; i < buffer.size(); ++i) out.block[i] += buffer[i];
    };
    constexpr std::size_t at_a_time = Accumulation<Real>::parts_at_a_time;
    for (std::size_t first = 0; first < parts.size(); first += at_a_time) {
        const std::size_t n = std::min(at_a_time, parts.size() - first);
        if (!accumulation.run(parts.data() + first, n, part, take)) return;
    }
    over.finish(out);
}

bool can_be_shared(std::ptrdiff_t n_rows, Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features) {
    const double work = static_cast<double>(n_rows) * work_per_row(structure, n_components, n_features);
    return n_rows > 2 * rows_of_a_chunk && work >= 2 * work_of_a_thread;
}

namespace {

// Of each feature, over the components.
std::vector<double> variances_of(const Mixture& mixture, const std::vector<double>& mean) {
    std::vector<double> out(mean.size());
    const std::vector<double> own = component_variances(mixture);
    double sum = 0;
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) sum += mixture.weights[k];
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) {
        double wider = 1;
        if (mixture.df != nullptr)
            wider = mixture.df[k] > 2 ? mixture.df[k] / (mixture.df[k] - 2) : std::numeric_limits<double>::infinity();
        for (std::size_t j = 0; j < mean.size(); ++j) {
            const std::size_t at = static_cast<std::size_t>(k) * mean.size() + j;
            const double away = mixture.means[at] - mean[j];
            if (mixture.weights[k] > 0) out[j] += mixture.weights[k] / sum * (wider * own[at] + away * away);
        }
    }
    return out;
}

// Rows without any feature: the density of nothing is 1, and responsibilities are the weights.
template <class Real>
void evaluate_empty(const Rows<Real>& rows, const Mixture& mixture, const Evaluation<Real>& out) {
    const std::ptrdiff_t n = mixture.n_components + (mixture.has_noise() ? 1 : 0);
    const auto weight = [&](std::ptrdiff_t k) {
        return k < mixture.n_components ? mixture.weights[k] : mixture.noise.weight;
    };
    const std::ptrdiff_t d = mixture.n_features;
    std::vector<double> mean = mean_of(mixture);
    double sum = 0;
    for (std::ptrdiff_t k = 0; k < mixture.n_components; ++k) sum += mixture.weights[k];
    for (double& value : mean) value /= sum;
    const std::vector<double> variances = variances_of(mixture, mean);
    std::ptrdiff_t best = 0;
    for (std::ptrdiff_t k = 1; k < n; ++k) best = weight(k) > weight(best) ? k : best;
    for (std::ptrdiff_t at = n_present(rows); at < rows.n_rows; ++at) {
        const auto row = static_cast<std::ptrdiff_t>(rows.patterns.order[at]);
        if (out.log_density != nullptr) out.log_density[row] = 0;
        if (out.labels != nullptr) out.labels[row] = best < mixture.n_components ? best : -1;
        for (std::ptrdiff_t k = 0; k < n; ++k) {
            if (out.responsibilities != nullptr) out.responsibilities[row * n + k] = static_cast<Real>(weight(k));
            if (out.log_joint != nullptr) out.log_joint[row * n + k] = static_cast<Real>(std::log(weight(k)));
        }
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            if (out.expected != nullptr)
                out.expected[row * d + j] = static_cast<Real>(mean[static_cast<std::size_t>(j)]);
            if (out.variances != nullptr)
                out.variances[row * d + j] = static_cast<Real>(variances[static_cast<std::size_t>(j)]);
        }
    }
}

}  // namespace

template <class Real>
void evaluate(const Rows<Real>& rows, const Mixture& mixture, const Evaluation<Real>& out, Control& control) {
    PreparedJob<Real> prepared(rows, lacking_of(&rows, 1), mixture, Expectation{}, mixture.means);
    Job<Real>& job = prepared.job();
    job.completion.by_pattern |= out.expected != nullptr;
    job.deconvolution.posteriors = rows.errors.are_there() && out.expected != nullptr;
    PackedSlopes<Real> slopes;
    if (out.gradient != nullptr || out.hessian != nullptr) slopes.prepare(mixture, out.hessian != nullptr, job);
    StopFlag flag(control);
    listen(job, flag);
    ConditionalTable table;
    table.prepare(rows, job);
    const Grid grid = make_grid(n_present(rows), job.tile_rows);
    const double work_of_row = (out.hessian != nullptr ? work_of_a_hessian : 1) * work_per_row(mixture);
    const int n_workers = useful_threads(control, static_cast<double>(rows.n_rows) * work_of_row);
    const Kernels<Real>& kernels = active_kernels().of<Real>();
    Workspaces<Real> workspaces(job, n_workers);
    for_each_chunk(grid.n_chunks(), n_workers, flag, [&](std::ptrdiff_t chunk, int worker) {
        const Workspace<Real>& work = workspaces.of(worker);
        for_each_piece(grid, chunk, job.tile_rows, flag, [&](std::ptrdiff_t begin, std::ptrdiff_t n_rows) {
            const auto kernel = rows.patterns.are_there() ? kernels.evaluate_incomplete : kernels.evaluate_tile;
            kernel(job, begin, n_rows, work, out);
        });
    });
    if (n_present(rows) < rows.n_rows) evaluate_empty(rows, mixture, out);
}

template void accumulate_parts<double>(const std::vector<Rows<double>>&, const Mixture&, const Expectation&, Statistics,
                                       Control&);
template void accumulate_parts<float>(const std::vector<Rows<float>>&, const Mixture&, const Expectation&, Statistics,
                                      Control&);
template void accumulate<double>(const Rows<double>&, const Mixture&, const Expectation&, Statistics, Control&);
template void accumulate<float>(const Rows<float>&, const Mixture&, const Expectation&, Statistics, Control&);
template void evaluate<double>(const Rows<double>&, const Mixture&, const Evaluation<double>&, Control&);
template void evaluate<float>(const Rows<float>&, const Mixture&, const Evaluation<float>&, Control&);

}  // namespace mixtura
