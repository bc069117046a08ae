// Whole fits of small tables: the same for any number of threads, and none where something is to be told.
#include <vector>

#include "fitting/refits.hpp"
#include "fitting/whole_fit.hpp"
#include "m_step/maximum_likelihood.hpp"
#include "optimum/random.hpp"
#include "tests/checks.hpp"

using namespace mixtura;

namespace {

constexpr std::ptrdiff_t n_rows = 90, n_features = 2;

// Two groups, of uniform numbers.
std::vector<double> groups(std::uint64_t seed) {
    Random random(seed);
    std::vector<double> rows;
    for (std::ptrdiff_t i = 0; i < n_rows * n_features; ++i)
        rows.push_back(random.uniform() + (i % 4 < n_features ? 0 : 5));
    return rows;
}

Rows<double> rows_in(const std::vector<double>& values) { return {values.data(), n_rows, n_features, n_features, 1}; }

Asked asked_for(Model model) {
    Asked asked;
    asked.model = model;
    asked.n_components = 2;
    asked.tol = 1e-7;
    asked.max_iter = 100;
    asked.n_bits = 36;
    asked.least = 1e-140;
    asked.most = 1e140;
    asked.few_rows = 4;
    return asked;
}

std::vector<Outcome> outcomes(const std::vector<std::vector<double>>& tables, const Asked& asked, int n_threads) {
    Control control;
    control.n_threads = n_threads;
    std::vector<Rows<double>> rows;
    std::vector<std::uint64_t> seeds;
    for (const std::vector<double>& table : tables) {
        rows.push_back(rows_in(table));
        seeds.push_back(seeds.size());
    }
    return whole_fits(rows, seeds, asked, control);
}

std::vector<std::optional<WholeFit>> fitted(const std::vector<std::vector<double>>& tables, const Asked& asked,
                                            int n_threads) {
    std::vector<std::optional<WholeFit>> fits;
    for (Outcome& one : outcomes(tables, asked, n_threads)) fits.push_back(std::move(one.fit));
    return fits;
}

void refits_are_the_same_for_any_number_of_threads() {
    const std::vector<double> values = groups(3);
    const auto fit = fitted({values}, asked_for(Model::VVV), 1);
    CHECK(fit[0].has_value(), "a fit");
    std::vector<std::uint64_t> seeds;
    for (std::uint64_t seed = 0; seed < 9; ++seed) seeds.push_back(seed);
    const std::vector<double> counts = drawn_counts(nullptr, n_rows, n_rows, seeds);
    const MaximumLikelihood m_step(Model::VVV, std::vector<double>(n_features, 1e-8));
    const Refitting asked{{&m_step}, false, 36, false, false, 1e-7, 100};
    const auto all = [&](int n_threads) {
        Control control;
        control.n_threads = n_threads;
        return refits(rows_in(values), counts.data(), 9, fit[0]->point.mixture, asked, control);
    };
    const std::vector<Refit> alone = all(1), together = all(4);
    for (std::size_t i = 0; i < alone.size(); ++i) {
        double drawn = 0;
        for (std::ptrdiff_t r = 0; r < n_rows; ++r) drawn += counts[i * n_rows + static_cast<std::size_t>(r)];
        CHECK(drawn == n_rows, "draws");
        CHECK(alone[i].failed < 0, "a refit");
        CHECK(alone[i].mixture.means == together[i].mixture.means, "threads");
        CHECK(alone[i].mixture.means != fit[0]->point.mixture.means, "other rows");
    }
}

void threads_change_nothing() {
    std::vector<std::vector<double>> tables;
    for (std::uint64_t seed = 0; seed < 8; ++seed) tables.push_back(groups(seed));
    for (const Model model : {Model::VVV, Model::EEE, Model::VVI, Model::VII}) {
        const auto alone = fitted(tables, asked_for(model), 1), together = fitted(tables, asked_for(model), 4);
        for (std::size_t i = 0; i < tables.size(); ++i) {
            CHECK(alone[i] && together[i], "whole fits");
            CHECK(alone[i]->point.mixture.means == together[i]->point.mixture.means, "threads");
            CHECK(alone[i]->monitor.history == together[i]->monitor.history, "threads");
            CHECK(alone[i]->monitor.converged, "convergence");
            const std::vector<double>& weights = alone[i]->point.mixture.weights;
            CHECK(close(weights[0], 0.5, 0, 0.02), "the groups");
        }
    }
}

void what_is_to_be_told_has_no_fit() {
    std::vector<double> constant = groups(0), missing = groups(0), dependent = groups(0), repeated = groups(0);
    for (std::ptrdiff_t i = 0; i < n_rows; ++i) {
        const auto at = static_cast<std::size_t>(i * n_features);
        constant[at] = 3;
        dependent[at] = 2 * dependent[at + 1] - 1;
        repeated[at] = repeated[at % 8];
        repeated[at + 1] = repeated[at % 8 + 1];
    }
    missing[7] = std::numeric_limits<double>::quiet_NaN();
    const auto found = fitted({constant, missing, dependent, repeated, groups(0)}, asked_for(Model::VVV), 1);
    for (std::size_t i = 0; i < 4; ++i) CHECK(!found[i], "what is to be told");
    CHECK(found[4].has_value(), "what is not");
    Asked many = asked_for(Model::VVV);
    many.min_rows = 60;
    const Outcome doubtful = outcomes({groups(0)}, many, 1)[0];
    CHECK(!doubtful.fit, "components in doubt");
    CHECK(doubtful.found && doubtful.found->mixture && !doubtful.found->records.empty(), "what its search has found");
    CHECK(!outcomes({constant}, many, 1)[0].found, "no search of rows in doubt");
}

void a_start_is_where_it_begins() {
    Asked asked = asked_for(Model::VVV);
    const auto found = fitted({groups(3)}, asked, 1);
    asked.start = found[0]->point.mixture;
    asked.max_iter = 0;
    const auto again = fitted({groups(3)}, asked, 1);
    CHECK(again[0]->point.mixture.means == found[0]->point.mixture.means, "the start");
    CHECK(again[0]->records.empty() && again[0]->n_searched == 0, "no search");
}

}  // namespace

int main() {
    threads_change_nothing();
    refits_are_the_same_for_any_number_of_threads();
    what_is_to_be_told_has_no_fit();
    a_start_is_where_it_begins();
    return report();
}
