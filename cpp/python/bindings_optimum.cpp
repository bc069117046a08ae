// The search as Python sees it.
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "optimum/hierarchy.hpp"
#include "optimum/moves.hpp"
#include "optimum/search.hpp"
#include "optimum/starts.hpp"
#include "optimum/verdict.hpp"
#include "python/bindings.hpp"

namespace mixtura::python {
namespace {

using Matrix = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Parameters = std::tuple<Doubles, Doubles, Doubles, Doubles>;  // weights, means, covariances, precisions_cholesky
using GivenArrays = std::vector<std::tuple<std::string, Matrix>>;

// The rows of searches: as they lie and as contiguous doubles, with the scatter of all of them.
class SearchRows {
  public:
    template <class Real>
    SearchRows(const RowArray<Real>& rows, const Matrix& doubles, const std::optional<Doubles>& sample_weight,
               const Total& total, double rows_per_weight, double min_rows)
        : rows_(rows), doubles_(doubles), weight_(sample_weight), total_(total), rows_per_weight_(rows_per_weight),
          min_rows_(min_rows) {
        require_shape("doubles", doubles, shape_of(rows));
        require(rows.size() > 0, "rows must have a row and a feature at least");
        const mixtura::Rows<Real> all = as_rows(rows, sample_weight);
        const mixtura::TotalScatter scatter = as_total(total, all.n_features);
        for (const bool hard : {false, true}) {
            sources_[hard][false] = std::make_unique<mixtura::ArraySource<Real>>(all, hard, mixtura::TotalScatter{});
            sources_[hard][true] = std::make_unique<mixtura::ArraySource<Real>>(all, hard, scatter);
        }
        recording_ = mixtura::recording_of(doubles_.data(), weight_ ? weight_->data() : nullptr, view().n_rows,
                                           view().n_features, rows_per_weight, std::numeric_limits<Real>::epsilon());
    }

    mixtura::SearchRows view() const {
        return {doubles_.data(), weight_ ? weight_->data() : nullptr, static_cast<std::ptrdiff_t>(doubles_.shape(0)),
                static_cast<std::ptrdiff_t>(doubles_.shape(1))};
    }

    mixtura::Problem problem(Model model, std::ptrdiff_t n_components, const Doubles& reg_covar,
                             const Doubles& metric_reg_covar, std::uint64_t seed, double seconds) const {
        const mixtura::SearchRows rows = view();
        const Sizes sizes(mixtura::structure_of(model), n_components, rows.n_features);
        require_shape("reg_covar", reg_covar, {sizes.d});
        require_shape("metric_reg_covar", metric_reg_covar, {sizes.d});
        mixtura::Problem problem;
        problem.model = model;
        problem.n_components = n_components;
        problem.rows = rows;
        problem.source = sources_[false][mixtura::structure_of(model) == Structure::tied].get();
        problem.hard = sources_[true][false].get();
        problem.hard_tied = sources_[true][true].get();
        problem.total = as_total(total_, rows.n_features);
        problem.reg_covar = reg_covar.data();
        problem.metric_reg_covar = metric_reg_covar.data();
        problem.recording = &recording_;
        problem.rows_per_weight = rows_per_weight_;
        problem.min_rows = min_rows_;
        problem.seed = seed;
        problem.deadline = deadline_after(seconds);
        return problem;
    }

    double rows_per_weight() const { return rows_per_weight_; }

  private:
    mixtura::Recording recording_;
    nb::ndarray<> rows_;
    Matrix doubles_;
    std::optional<Doubles> weight_;
    std::optional<Total> total_;
    double rows_per_weight_, min_rows_;
    std::unique_ptr<mixtura::RowSource> sources_[2][2];  // by hard, by with the total scatter
};

mixtura::OwnedMixture mixture_in(Model model, const Parameters& parameters) {
    const auto& [weights, means, covariances, precisions_cholesky] = parameters;
    return as_owned(mixtura::structure_of(model), weights, means, covariances, precisions_cholesky);
}

// One of as many features as the rows have.
mixtura::OwnedMixture mixture_of(const SearchRows& rows, Model model, const Parameters& parameters) {
    const Doubles& means = std::get<1>(parameters);
    require_matrix("means", means);
    require_shape("means", means, {static_cast<std::ptrdiff_t>(means.shape(0)), rows.view().n_features});
    return mixture_in(model, parameters);
}

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
    nb::list records;
    for (const mixtura::Record& r : found.records) {
        records.append(nb::make_tuple(r.kind, std::max<std::ptrdiff_t>(r.n_iter, 0), r.log_likelihood, r.converged,
                                      r.ended, r.n_passes, r.failed, r.failed_count));
    }
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

nb::tuple search(const SearchRows& rows, Model model, std::ptrdiff_t n_components, const Doubles& reg_covar,
                 const Doubles& metric_reg_covar, std::uint64_t seed, double seconds, Stop* stop, int n_threads) {
    const mixtura::Problem problem = rows.problem(model, n_components, reg_covar, metric_reg_covar, seed, seconds);
    return run(n_threads, stop, [&](mixtura::Control& control) { return mixtura::search(problem, control); });
}

nb::tuple search_from(const SearchRows& rows, Model model, std::ptrdiff_t n_components, const Doubles& reg_covar,
                      const Doubles& metric_reg_covar, std::uint64_t seed, double seconds, const GivenArrays& given,
                      const std::optional<Parameters>& incumbent,
                      const std::tuple<std::ptrdiff_t, std::ptrdiff_t>& budget, Stop* stop, int n_threads) {
    const mixtura::Problem problem = rows.problem(model, n_components, reg_covar, metric_reg_covar, seed, seconds);
    std::vector<mixtura::Given> starts;
    for (const auto& [kind, array] : given) {
        require_shape("responsibilities", array, {problem.rows.n_rows, n_components});
        starts.push_back({kind, as_responsibilities(array)});
    }
    std::optional<mixtura::OwnedMixture> best;
    if (incumbent) best = mixture_of(rows, model, *incumbent);
    require(!best || best->n_components == n_components, "incumbent must have n_components components");
    const mixtura::Budget passes{std::get<0>(budget), std::get<1>(budget)};
    return run(n_threads, stop, [&](mixtura::Control& control) {
        return mixtura::search_from(starts, best ? &*best : nullptr, passes, problem, control);
    });
}

std::optional<Array> split(const SearchRows& rows, Model model, const Parameters& mixture, const Matrix& given,
                           const Doubles& reg_covar) {
    const mixtura::OwnedMixture whole = mixture_of(rows, model, mixture);
    require_shape("reg_covar", reg_covar, {whole.n_features});
    require_shape("responsibilities", given, {rows.view().n_rows, whole.n_components});
    return as_matrix(without_gil(1, [&](mixtura::Control&) {
        const mixtura::Responsibilities before = as_responsibilities(given);
        const auto found = mixtura::cuts(whole, before, rows.view(), reg_covar.data(), rows.rows_per_weight());
        return found.empty() ? mixtura::Responsibilities{} : mixtura::split(before, found.front());
    }));
}

Array merged(Model model, const Parameters& mixture, const Matrix& given) {
    const mixtura::OwnedMixture whole = mixture_in(model, mixture);
    require(whole.n_components > 1, "n_components must be at least 2, got 1");
    require_shape("responsibilities", given, {n_rows_of(given), whole.n_components});
    return *as_matrix(without_gil(1, [&](mixtura::Control&) {
        return mixtura::merged(as_responsibilities(given), mixtura::closest_pairs(whole).front());
    }));
}

Array merge_losses(Model model, const Parameters& mixture) {
    const mixtura::OwnedMixture whole = mixture_in(model, mixture);
    return as_array(without_gil(1, [&](mixtura::Control&) { return mixtura::merge_losses(whole); }),
                    {whole.n_components, whole.n_components});
}

std::vector<std::int64_t> partition(const SearchRows& rows, Model metric, std::ptrdiff_t n_components,
                                    std::ptrdiff_t max_iter, const Doubles& reg_covar, std::uint64_t seed) {
    require(metric == Model::EEI || metric == Model::EEE, "metric must be EEI or EEE");
    const mixtura::Problem problem = rows.problem(metric, n_components, reg_covar, reg_covar, seed, 0.0);
    mixtura::Random random(seed);
    return without_gil(1, [&](mixtura::Control& control) {
        try {
            return mixtura::partition(problem, metric, max_iter, random, control);
        } catch (const mixtura::Interrupted&) {
            return std::vector<std::int64_t>{};
        }
    });
}

// (gain, united, merged, share) of each.
nb::list moves(const SearchRows& rows, Model model, const Parameters& mixture, const Matrix& given,
               const Doubles& reg_covar) {
    const mixtura::OwnedMixture whole = mixture_of(rows, model, mixture);
    require_shape("reg_covar", reg_covar, {whole.n_features});
    require_shape("responsibilities", given, {rows.view().n_rows, whole.n_components});
    const std::vector<mixtura::Move> promising = without_gil(1, [&](mixtura::Control&) {
        return mixtura::moves(whole, as_responsibilities(given), rows.view(), reg_covar.data(), rows.rows_per_weight());
    });
    nb::list found;
    for (const mixtura::Move& move : promising) {
        found.append(nb::make_tuple(move.gain, nb::make_tuple(move.united[0], move.united[1]),
                                    nb::make_tuple(move.merged[0], move.merged[1]),
                                    as_array(*move.share, {rows.view().n_rows})));
    }
    return found;
}

void leave_one_out(Structure structure, const Doubles& rows, const std::optional<Doubles>& sample_weight,
                   const Doubles& weights, const Doubles& means, const Doubles& precisions_cholesky,
                   const MutableDoubles& responsibilities) {
    require(structure == Structure::full || structure == Structure::tied,
            "structure must be full or tied: only matrices have leverage");
    const Sizes sizes = Sizes::of(structure, "means", means);
    const mixtura::Mixture mixture = as_mixture(sizes, weights, means, precisions_cholesky);
    require_matrix("rows", rows);
    const std::ptrdiff_t n = n_rows_of(rows);
    require_shape("rows", rows, {n, sizes.d});
    require_shape("responsibilities", responsibilities, {n, sizes.k});
    require_shape("sample_weight", sample_weight, {n});
    without_gil(1, [&](mixtura::Control&) {
        mixtura::leave_one_out(mixture, rows.data(), sample_weight ? sample_weight->data() : nullptr, n,
                               responsibilities.data());
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

// (kind, component, label, words); the kind is '' where there is no doubt.
std::tuple<std::string, std::ptrdiff_t, std::string, std::string> first_doubt(
    Model model, const Parameters& mixture, const Doubles& effective_rows, const Doubles& reg_covar,
    const mixtura::Recording* recording, double min_rows, const nb::callable& total_covariance, std::ptrdiff_t only,
    const std::vector<std::string>& names) {
    const mixtura::OwnedMixture whole = mixture_in(model, mixture);
    const auto d = whole.n_features;
    require_shape("effective_rows", effective_rows, {whole.n_components});
    require_shape("reg_covar", reg_covar, {d});
    require(recording == nullptr || static_cast<std::ptrdiff_t>(recording->rounding.size()) == d,
            "recording must be of " + std::to_string(d) + " features");
    require(only >= -1 && only < whole.n_components, "only must be a component or -1, got " + std::to_string(only));
    require(names.empty() || static_cast<std::ptrdiff_t>(names.size()) == d, "names must be one a feature, or none");
    const auto total = [&] {
        const GilHeld gil;
        const auto covariance = nb::cast<Doubles>(call(total_covariance));
        require_shape("total_covariance", covariance, {d, d});
        return std::vector<double>(covariance.data(), covariance.data() + covariance.size());
    };
    const mixtura::Verdict verdict = without_gil(1, [&](mixtura::Control&) {
        return mixtura::first_doubt(whole, effective_rows.data(), {model, reg_covar.data(), recording, min_rows, total},
                                    only);
    });
    constexpr const char* kinds[] = {"",           "few rows", "held up",   "thinner than recorded",
                                     "point mass", "spike",    "coincident"};
    const std::string name = names.empty() || verdict.column < 0 ? "" : names[static_cast<std::size_t>(verdict.column)];
    return {kinds[static_cast<int>(verdict.doubt)], verdict.component, verdict.label(name), verdict.words(name)};
}

}  // namespace

void bind_search(nb::module_& m) {
    nb::class_<SearchRows>(m, "SearchRows",
                           "The rows of searches; doubles: the same, total: (weight, mean, scatter) of all of them.")
        .def(nb::init<const RowArray<double>&, const Matrix&, const std::optional<Doubles>&, const Total&, double,
                      double>(),
             "rows"_a.noconvert(), "doubles"_a.noconvert(), "sample_weight"_a.none(), "total"_a, "rows_per_weight"_a,
             "min_rows"_a)
        .def(nb::init<const RowArray<float>&, const Matrix&, const std::optional<Doubles>&, const Total&, double,
                      double>(),
             "rows"_a.noconvert(), "doubles"_a.noconvert(), "sample_weight"_a.none(), "total"_a, "rows_per_weight"_a,
             "min_rows"_a);
    m.def("search", &search, "rows"_a, "model"_a, "n_components"_a, "reg_covar"_a, "metric_reg_covar"_a, "seed"_a,
          "seconds"_a, "stop"_a.none(), "n_threads"_a,
          "The search behind the default start. Returns the best parameters, or None, and records (kind, n_iter,\n"
          "log_likelihood, converged, ended, n_passes, failed, failed_count); nothing and none where it was stopped.");
    m.def("search_from", &search_from, "rows"_a, "model"_a, "n_components"_a, "reg_covar"_a, "metric_reg_covar"_a,
          "seed"_a, "seconds"_a, "given"_a, "incumbent"_a.none(), "budget"_a, "stop"_a.none(), "n_threads"_a,
          "The search from responsibilities that are given; returns the same. budget: E-steps for moves, and for its "
          "own.");
    m.def("split", &split, "rows"_a, "model"_a, "mixture"_a, "responsibilities"_a, "reg_covar"_a,
          "Responsibilities of one component more: that is cut whose best cut gains most; None: none can be.");
    m.def("merged", &merged, "model"_a, "mixture"_a, "responsibilities"_a,
          "Responsibilities of one component fewer: the two whose merge costs least are one.");
    m.def("merge_losses", &merge_losses, "model"_a, "mixture"_a,
          "Bound on what each merge of two components costs, in nats a row.");
    m.def("partition", &partition, "rows"_a, "metric"_a, "n_components"_a, "max_iter"_a, "reg_covar"_a, "seed"_a,
          "Labels by hard EM from seeds far apart, in the metric of EEI or EEE.");
    m.def("moves", &moves, "rows"_a, "model"_a, "mixture"_a, "responsibilities"_a, "reg_covar"_a,
          "Merge-and-split moves, the most promising first: (gain, united, merged, share of each row for the second "
          "part).");
    m.def("leave_one_out", &leave_one_out, "structure"_a, "rows"_a.noconvert(), "sample_weight"_a.none(), "weights"_a,
          "means"_a, "precisions_cholesky"_a, "responsibilities"_a.noconvert(),
          "Replaces responsibilities by those that leave each row itself out.");
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
    nb::class_<mixtura::Recording>(m, "Recording",
                                   "How the values of each column were written down: to which step, which are shared.")
        .def_ro("rounding", &mixtura::Recording::rounding,
                "Variance of the rounding of each column; 0: its values lie on no grid.");
    m.def("recording_of", &recording_of, "rows"_a.noconvert(), "sample_weight"_a.none(), "rows_per_weight"_a,
          "single"_a, "Looks at the values of rows; single: they have passed through float32.");
    m.def("are_held_up", &are_held_up, "structure"_a, "total_covariance"_a, "reg_covar"_a,
          "Whether all rows together have no variance beside reg_covar in some direction that the structure's "
          "covariances have.");
    m.def("first_doubt", &first_doubt, "model"_a, "mixture"_a, "effective_rows"_a, "reg_covar"_a, "recording"_a.none(),
          "min_rows"_a, "total_covariance"_a, "only"_a, "names"_a,
          "What makes the likelihood of a mixture doubtful: (kind, component, label, words), '' where nothing does. "
          "only: this component,\n"
          "unless it is -1; total_covariance(): of all rows; names: what to call the columns.");
}

}  // namespace mixtura::python
