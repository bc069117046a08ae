// The search for the best optimum, and what it is made of.
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "m_step/maximum_likelihood.hpp"
#include "optimum/cut.hpp"
#include "optimum/hierarchy.hpp"
#include "optimum/leave_one_out.hpp"
#include "optimum/moves.hpp"
#include "optimum/search.hpp"
#include "optimum/starts.hpp"
#include "optimum/verdict.hpp"
#include "python/values.hpp"

namespace mixtura::python {
namespace {

using Matrix = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using GivenArrays = std::vector<std::tuple<std::string, Matrix>>;

// The rows of searches: as they lie and as contiguous doubles, with the scatter of all of them.
class SearchedRows {
  public:
    template <class Real>
    SearchedRows(const RowArray<Real>& rows, const Matrix& doubles, const std::optional<Doubles>& sample_weight,
                 const Total& total, double rows_per_weight, double min_rows, const std::optional<LabelArray>& labels,
                 const std::optional<Doubles>& log_terms, const RowsArrays* inexact,
                 const std::optional<Doubles>& error_variances, const Recording* known)
        : rows_per_weight(rows_per_weight), min_rows(min_rows), expectation_(false, true, total), rows_(rows),
          doubles_(doubles), weight_(sample_weight), labels_(labels), log_terms_(log_terms), inexact_(inexact),
          error_variances_(error_variances) {
        require_shape("doubles", doubles, shape_of(rows));
        require(rows.size() > 0, "rows must have a row and a feature at least");
        mixtura::Rows<Real> all = as_rows(rows, sample_weight);
        all.labels = labels_of(labels_, log_terms_, all.n_rows);
        expectation_.require_sizes(Sizes(Structure::tied, 1, all.n_features));
        source = std::make_unique<MemorySource<Real>>(all);
        require_shape("error_variances", error_variances, {all.n_features});
        if (inexact != nullptr) {
            require(!inexact->is_single(), "inexact rows must be float64");
            require(inexact->n_rows() == all.n_rows && inexact->n_features() == all.n_features,
                    "inexact rows must be as many, of as many features");
            const mixtura::Rows<double>& own = inexact->of_doubles();
            require(own.row_stride == own.n_features && own.feature_stride == 1, "inexact rows must be contiguous");
            inexact_source = std::make_unique<MemorySource<double>>(inexact->of_doubles());
        }
        recording = known;
        if (known != nullptr) {
            require(static_cast<std::ptrdiff_t>(known->rounding.size()) == all.n_features,
                    "recording must be of " + std::to_string(all.n_features) + " features");
            return;
        }
        // Values that were drawn were never recorded.
        const double* recorded = inexact == nullptr ? doubles_.data() : inexact->of_doubles().data;
        own_recording_ = recording_of(recorded, weight_ ? weight_->data() : nullptr, view().n_rows, view().n_features,
                                      rows_per_weight, std::numeric_limits<Real>::epsilon());
        recording = &own_recording_;
    }

    mixtura::SearchRows view() const {
        return {doubles_.data(),
                weight_ ? weight_->data() : nullptr,
                static_cast<std::ptrdiff_t>(doubles_.shape(0)),
                static_cast<std::ptrdiff_t>(doubles_.shape(1)),
                labels_of(labels_, log_terms_, static_cast<std::ptrdiff_t>(doubles_.shape(0))),
                inexact_ == nullptr ? nullptr : &inexact_->of_doubles(),
                error_variances_ ? error_variances_->data() : nullptr};
    }
    const TotalScatter& total() const { return expectation_.value.total; }
    void require_features(std::ptrdiff_t n_features) const {
        require(n_features == view().n_features, "means must have the " + std::to_string(view().n_features) +
                                                     " features of the rows, got " + std::to_string(n_features));
    }

    std::unique_ptr<RowSource> source, inexact_source;
    const Recording* recording;
    double rows_per_weight, min_rows;

  private:
    Recording own_recording_;
    ExpectationArrays expectation_;
    nb::ndarray<> rows_;
    Matrix doubles_;
    std::optional<Doubles> weight_;
    std::optional<LabelArray> labels_;
    std::optional<Doubles> log_terms_;
    const RowsArrays* inexact_;
    std::optional<Doubles> error_variances_;
};

// What is searched, and where.
class BoundProblem {
  public:
    BoundProblem(const SearchedRows& rows, const MStep& m_step, std::ptrdiff_t n_components,
                 const Doubles& metric_reg_covar, std::uint64_t seed, double seconds)
        : metric_reg_covar_(metric_reg_covar) {
        const Sizes sizes(m_step.structure(), n_components, rows.view().n_features);
        sizes.require_fits(m_step);
        require_shape("metric_reg_covar", metric_reg_covar, {sizes.d});
        problem.m_step = &m_step;
        problem.n_components = n_components;
        problem.rows = rows.view();
        problem.source = rows.source.get();
        problem.inexact_source = rows.inexact_source.get();
        problem.total = rows.total();
        problem.metric_reg_covar = metric_reg_covar_.data();
        problem.recording = rows.recording;
        problem.rows_per_weight = rows.rows_per_weight;
        problem.min_rows = rows.min_rows;
        problem.seed = seed;
        problem.deadline = deadline_after(seconds);
    }

    Problem problem;

  private:
    Doubles metric_reg_covar_;
};

mixtura::Responsibilities as_responsibilities(const Matrix& array) {
    return {static_cast<std::ptrdiff_t>(array.shape(1)),
            std::vector<double>(array.data(), array.data() + array.size())};
}

std::optional<Array> as_matrix(mixtura::Responsibilities values) {
    if (values.n_components == 0) return {};
    const auto n_rows = static_cast<std::ptrdiff_t>(values.values.size()) / values.n_components;
    return as_array(std::move(values.values), {n_rows, values.n_components});
}

// The parameters, or None; what became of each descent.
nb::tuple as_tuple(mixtura::Found found) {
    const nb::list records = as_list(found.records);
    nb::list others;
    for (mixtura::OwnedMixture& other : found.others) others.append(as_arrays(std::move(other)));
    nb::object mixture = nb::none();
    if (found.mixture) mixture = as_arrays(std::move(*found.mixture));
    return nb::make_tuple(mixture, records, others);
}

// Runs a search without the GIL; an interrupted one raises what the signal handler did, a stopped one finds nothing.
template <class Search>
nb::tuple run(int n_threads, Stop* stop, const Search& search) {
    return as_tuple(without_gil(
        n_threads,
        [&](mixtura::Control& control) {
            try {
                return search(control);
            } catch (const mixtura::Interrupted&) {
                return mixtura::Found{};
            }
        },
        stop));
}

nb::tuple search(const BoundProblem& bound, Stop* stop, int n_threads) {
    return run(n_threads, stop, [&](Control& control) { return mixtura::search(bound.problem, control); });
}

void require_of(const Problem& problem, const char* name, const MixtureArrays& mixture) {
    require(mixture.sizes == Sizes(problem.m_step->structure(), problem.n_components, problem.rows.n_features),
            std::string(name) + " must have n_components components and the features of the rows");
}

nb::tuple better_end(const BoundProblem& bound, const std::vector<std::tuple<std::string, const MixtureArrays*>>& given,
                     Stop* stop, int n_threads) {
    std::vector<mixtura::Start> starts;
    for (const auto& [kind, mixture] : given) {
        require_of(bound.problem, "a start", *mixture);
        starts.push_back({kind, mixture->owned()});
    }
    return run(n_threads, stop, [&](Control& control) { return mixtura::better_end(starts, bound.problem, control); });
}

nb::tuple search_from(const BoundProblem& bound, const GivenArrays& given, const MixtureArrays* incumbent,
                      const std::tuple<std::ptrdiff_t, std::ptrdiff_t>& budget, Stop* stop, int n_threads) {
    const Problem& problem = bound.problem;
    std::vector<Given> starts;
    for (const auto& [kind, array] : given) {
        require_shape("responsibilities", array, {problem.rows.n_rows, problem.n_components});
        starts.push_back({kind, as_responsibilities(array)});
    }
    std::optional<OwnedMixture> best;
    if (incumbent != nullptr) {
        require_of(problem, "incumbent", *incumbent);
        best = incumbent->owned();
    }
    const Budget passes{std::get<0>(budget), std::get<1>(budget)};
    return run(n_threads, stop, [&](Control& control) {
        return mixtura::search_from(starts, best ? &*best : nullptr, passes, problem, control);
    });
}

void require_given(const SearchedRows& rows, const MStep& m_step, const MixtureArrays& mixture, const Matrix& given) {
    rows.require_features(mixture.sizes.d);
    require(m_step.n_features() == mixture.sizes.d, "the M-step was made for other features");
    require_shape("responsibilities", given, {rows.view().n_rows, mixture.sizes.k});
}

std::optional<Array> split(const SearchedRows& rows, const MStep& m_step, const MixtureArrays& mixture,
                           const Matrix& given) {
    require_given(rows, m_step, mixture, given);
    return as_matrix(without_gil(1, [&](Control&) {
        const Responsibilities before = as_responsibilities(given);
        const auto found = cuts(mixture.owned(), before, rows.view(), m_step.added().data(), rows.rows_per_weight);
        return found.empty() ? Responsibilities{} : mixtura::split(before, found.front());
    }));
}

Array merged(const MixtureArrays& mixture, const Matrix& given) {
    require(mixture.sizes.k > 1, "n_components must be at least 2, got 1");
    require_shape("responsibilities", given, {n_rows_of(given), mixture.sizes.k});
    return *as_matrix(without_gil(1, [&](Control&) {
        return mixtura::merged(as_responsibilities(given), closest_pairs(mixture.owned(), {}).front());
    }));
}

Array merge_losses(const MixtureArrays& mixture) {
    return as_array(without_gil(1, [&](Control&) { return mixtura::merge_losses(mixture.owned(), nullptr); }),
                    {mixture.sizes.k, mixture.sizes.k});
}

std::vector<std::int64_t> partition(const BoundProblem& bound, Model metric, std::ptrdiff_t max_iter) {
    require(metric == Model::EEI || metric == Model::EEE, "metric must be EEI or EEE");
    Random random(bound.problem.seed);
    return without_gil(1, [&](Control& control) {
        try {
            return mixtura::partition(bound.problem, metric, max_iter, random, control);
        } catch (const Interrupted&) {
            return std::vector<std::int64_t>{};
        }
    });
}

// (gain, united, merged, share) of each.
nb::list moves(const SearchedRows& rows, const MStep& m_step, const MixtureArrays& mixture, const Matrix& given) {
    require_given(rows, m_step, mixture, given);
    const std::vector<Move> promising = without_gil(1, [&](Control&) {
        const OwnedMixture whole = mixture.owned();
        const Responsibilities before = as_responsibilities(given);
        const double* const added = m_step.added().data();
        const auto found = cuts(whole, before, rows.view(), added, rows.rows_per_weight);
        return mixtura::moves(found, whole, before, rows.view(), added, rows.rows_per_weight);
    });
    nb::list found;
    for (const Move& move : promising) {
        found.append(nb::make_tuple(move.gain, nb::make_tuple(move.united[0], move.united[1]),
                                    nb::make_tuple(move.merged[0], move.merged[1]),
                                    as_array(*move.share, {rows.view().n_rows})));
    }
    return found;
}

void leave_one_out(const Doubles& rows, const std::optional<Doubles>& sample_weight, const MixtureArrays& mixture,
                   const MutableDoubles& responsibilities) {
    const Sizes& sizes = mixture.sizes;
    require(has_matrices(sizes.structure), "structure must be full or tied: only matrices have leverage");
    require_matrix("rows", rows);
    const std::ptrdiff_t n = n_rows_of(rows);
    require_shape("rows", rows, {n, sizes.d});
    require_shape("responsibilities", responsibilities, {n, sizes.k});
    require_shape("sample_weight", sample_weight, {n});
    without_gil(1, [&](Control& control) {
        mixtura::leave_one_out(mixture.view(), rows.data(), sample_weight ? sample_weight->data() : nullptr, n,
                               responsibilities.data(), control);
    });
}

double cut(Structure structure, const Doubles& rows, const Doubles& weights, const Doubles& reg_covar,
           double least_rows, const nb::ndarray<std::int8_t, nb::c_contig, nb::device::cpu>& sides) {
    require_matrix("rows", rows);
    const Sizes sizes(structure, 2, static_cast<std::ptrdiff_t>(rows.shape(1)));
    const std::ptrdiff_t n = n_rows_of(rows);
    require_shape("weights", weights, {n});
    require_shape("sides", sides, {n});
    require_shape("reg_covar", reg_covar, {sizes.d});
    return without_gil(1, [&](mixtura::Control&) {
        return mixtura::cut(structure, rows.data(), weights.data(), n, sizes.d, reg_covar.data(), least_rows,
                            sides.data());
    });
}

// Pairs: the second cluster joins the first.
std::vector<std::vector<std::int64_t>> merges_of(mixtura::Merge merge, const Matrix& rows, const Doubles& counts,
                                                 double beside) {
    const auto n = n_rows_of(rows), d = static_cast<std::ptrdiff_t>(rows.shape(1));
    require(n > 0 && d > 0, "rows must have a row and a feature at least");
    require_shape("counts", counts, {n});
    const auto merges = without_gil(
        1, [&](mixtura::Control&) { return mixtura::merges_of(merge, rows.data(), counts.data(), n, d, beside); });
    std::vector<std::vector<std::int64_t>> pairs;
    for (std::size_t i = 0; i < merges.size(); i += 2) pairs.push_back({merges[i], merges[i + 1]});
    return pairs;
}

// How the values of rows were written down.
mixtura::Recording recording_of(const Matrix& rows, const std::optional<Doubles>& sample_weight, double rows_per_weight,
                                bool single) {
    require_shape("sample_weight", sample_weight, {n_rows_of(rows)});
    const auto d = static_cast<std::ptrdiff_t>(rows.shape(1));
    return without_gil(1, [&](mixtura::Control&) {
        return mixtura::recording_of(
            rows.data(), sample_weight ? sample_weight->data() : nullptr, n_rows_of(rows), d, rows_per_weight,
            single ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon());
    });
}

bool are_held_up(Structure structure, const Doubles& total_covariance, const Doubles& reg_covar) {
    const std::ptrdiff_t d = static_cast<std::ptrdiff_t>(reg_covar.size());
    require_shape("reg_covar", reg_covar, {d});
    require_shape("total_covariance", total_covariance, {d, d});
    const std::vector<double> total(total_covariance.data(), total_covariance.data() + total_covariance.size());
    return without_gil(1,
                       [&](mixtura::Control&) { return mixtura::are_held_up(structure, total, reg_covar.data(), d); });
}

using Doubted = std::tuple<std::string, std::ptrdiff_t, std::string, std::string>;

// (kind, component, label, words) of the gravest doubt, and of the first one about each other component.
std::vector<Doubted> doubts_about(const MStep& m_step, const MixtureArrays& mixture, const Doubles& effective_rows,
                                  const Recording* recording, double min_rows, const nb::callable& total_covariance,
                                  const std::vector<std::string>& names) {
    const Sizes& sizes = mixture.sizes;
    sizes.require_fits(m_step);
    require_shape("effective_rows", effective_rows, {sizes.k});
    require(recording == nullptr || static_cast<std::ptrdiff_t>(recording->rounding.size()) == sizes.d,
            "recording must be of " + std::to_string(sizes.d) + " features");
    require(names.empty() || static_cast<std::ptrdiff_t>(names.size()) == sizes.d,
            "names must be one a feature, or none");
    const auto total = [&] {
        const GilHeld gil;
        const auto covariance = nb::cast<Doubles>(call(total_covariance));
        require_shape("total_covariance", covariance, {sizes.d, sizes.d});
        return std::vector<double>(covariance.data(), covariance.data() + covariance.size());
    };
    const std::vector<Verdict> verdicts = without_gil(1, [&](Control&) {
        const OwnedMixture whole = mixture.owned();
        return mixtura::doubts_about(whole, effective_rows.data(), {m_step, recording, min_rows, total});
    });
    constexpr const char* kinds[] = {"",           "few rows", "held up",   "thinner than recorded",
                                     "point mass", "spike",    "coincident"};
    std::vector<Doubted> doubts;
    for (const Verdict& verdict : verdicts) {
        const bool has_name = !names.empty() && verdict.column >= 0;
        const std::string name = has_name ? names[static_cast<std::size_t>(verdict.column)] : "";
        doubts.emplace_back(kinds[static_cast<int>(verdict.doubt)], verdict.component, verdict.label(name),
                            verdict.words(name));
    }
    return doubts;
}

}  // namespace

void bind_optimum(nb::module_& m) {
    nb::class_<mixtura::Recording>(m, "Recording",
                                   "How the values of each column were written down: to which step, which are shared.")
        .def_ro("rounding", &mixtura::Recording::rounding,
                "Variance of the rounding of each column; 0: its values lie on no grid.");
    nb::class_<SearchedRows>(
        m, "SearchRows",
        "The rows of searches; doubles: the same, total: (weight, mean, scatter) of all of them; "
        "inexact: the same with\ngaps or errors, error_variances: (d) by which components are wider as "
        "they are measured;\nrecording: how the values of rows were recorded, where that is known.")
        .def(nb::init<const RowArray<double>&, const Matrix&, const std::optional<Doubles>&, const Total&, double,
                      double, const std::optional<LabelArray>&, const std::optional<Doubles>&, const RowsArrays*,
                      const std::optional<Doubles>&, const Recording*>(),
             "rows"_a.noconvert(), "doubles"_a.noconvert(), "sample_weight"_a.none(), "total"_a, "rows_per_weight"_a,
             "min_rows"_a, "labels"_a.noconvert().none() = nb::none(), "log_terms"_a.noconvert().none() = nb::none(),
             "inexact"_a.none() = nb::none(), "error_variances"_a.none() = nb::none(),
             "recording"_a.none() = nb::none(), nb::keep_alive<1, 10>(), nb::keep_alive<1, 12>())
        .def(nb::init<const RowArray<float>&, const Matrix&, const std::optional<Doubles>&, const Total&, double,
                      double, const std::optional<LabelArray>&, const std::optional<Doubles>&, const RowsArrays*,
                      const std::optional<Doubles>&, const Recording*>(),
             "rows"_a.noconvert(), "doubles"_a.noconvert(), "sample_weight"_a.none(), "total"_a, "rows_per_weight"_a,
             "min_rows"_a, "labels"_a.noconvert().none() = nb::none(), "log_terms"_a.noconvert().none() = nb::none(),
             "inexact"_a.none() = nb::none(), "error_variances"_a.none() = nb::none(),
             "recording"_a.none() = nb::none(), nb::keep_alive<1, 10>(), nb::keep_alive<1, 12>());
    nb::class_<BoundProblem>(m, "SearchProblem",
                             "What is searched, and where. metric_reg_covar: above 0; seconds: after which no descent "
                             "begins but the first, and each ends.")
        .def(nb::init<const SearchedRows&, const MStep&, std::ptrdiff_t, const Doubles&, std::uint64_t, double>(),
             "rows"_a, "m_step"_a, "n_components"_a, "metric_reg_covar"_a, "seed"_a, "seconds"_a,
             nb::keep_alive<1, 2>(), nb::keep_alive<1, 3>());
    m.def("search", &search, "problem"_a, "stop"_a.none(), "n_threads"_a,
          "The search behind the default start. Returns the best parameters, or None, and records (kind, n_iter,\n"
          "log_likelihood, converged, ended, n_passes, failed, failed_count); nothing and none where it was stopped.");
    m.def("better_end", &better_end, "problem"_a, "starts"_a, "stop"_a.none(), "n_threads"_a,
          "The better end of EM from mixtures, each with its name; what became of each. None: no end is proper, or "
          "stop was set.");
    m.def("search_from", &search_from, "problem"_a, "given"_a, "incumbent"_a.none(), "budget"_a, "stop"_a.none(),
          "n_threads"_a,
          "The search from responsibilities that are given; returns the same. budget: E-steps for moves, and for its "
          "own.");
    m.def("split", &split, "rows"_a, "m_step"_a, "mixture"_a, "responsibilities"_a,
          "Responsibilities of one component more: that is cut whose best cut gains most; None: none can be.");
    m.def("merged", &merged, "mixture"_a, "responsibilities"_a,
          "Responsibilities of one component fewer: the two whose merge costs least are one.");
    m.def("merge_losses", &merge_losses, "mixture"_a,
          "Bound on what each merge of two components costs, in nats a row.");
    m.def("partition", &partition, "problem"_a, "metric"_a, "max_iter"_a,
          "Labels by hard EM from seeds far apart, in the metric of EEI or EEE.");
    m.def("moves", &moves, "rows"_a, "m_step"_a, "mixture"_a, "responsibilities"_a,
          "Merge-and-split moves, the most promising first: (gain, united, merged, share of each row for the second "
          "part).");
    m.def("leave_one_out", &leave_one_out, "rows"_a.noconvert(), "sample_weight"_a.none(), "mixture"_a,
          "responsibilities"_a.noconvert(), "Replaces responsibilities by those that leave each row itself out.");
    m.def("cut", &cut, "structure"_a, "rows"_a.noconvert(), "weights"_a, "reg_covar"_a, "least_rows"_a,
          "sides"_a.noconvert(),
          "Cuts the rows of positive weight in two; fills sides with 0 and 1 (-1: weight 0) and returns the gain.");
    nb::enum_<mixtura::Merge>(m, "Merge", "What a merge of clusters raises least.")
        .value("gaussian", mixtura::Merge::gaussian)
        .value("ward", mixtura::Merge::ward);
    m.def("merges_of", &merges_of, "merge"_a, "rows"_a, "counts"_a, "beside"_a,
          "Rows merged pair by pair: the second cluster of each pair, named by its first row, joins the first.");
    m.def("rows_needed", &mixtura::rows_needed, "model"_a, "n_features"_a,
          "Effective rows below which a component's covariance is degenerate.");
    m.attr("HELD_UP") = mixtura::held_up;
    m.attr("WIDE") = mixtura::wide;
    m.def("recording_of", &recording_of, "rows"_a.noconvert(), "sample_weight"_a.none(), "rows_per_weight"_a,
          "single"_a, "Looks at the values of rows; single: they have passed through float32.");
    m.def("are_held_up", &are_held_up, "structure"_a, "total_covariance"_a, "reg_covar"_a,
          "Whether all rows together have no variance beside reg_covar in some direction that the structure's "
          "covariances have.");
    m.def(
        "doubts_about", &doubts_about, "m_step"_a, "mixture"_a, "effective_rows"_a, "recording"_a.none(), "min_rows"_a,
        "total_covariance"_a, "names"_a,
        "What makes the likelihood of a mixture doubtful: (kind, component, label, words) of the gravest doubt, and of "
        "each other\ncomponent; empty where nothing does. total_covariance(): of all rows; names: what to call the "
        "columns.");
}

}  // namespace mixtura::python
