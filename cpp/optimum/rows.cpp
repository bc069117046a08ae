// The rows that a search sees, and what it makes of them.
#include "optimum/rows.hpp"

#include <algorithm>
#include <cmath>

#include "em/centring.hpp"

namespace mixtura {

double SearchRows::weight() const {
    if (weights == nullptr) return static_cast<double>(n_rows);
    double sum = 0;
    for (std::ptrdiff_t i = 0; i < n_rows; ++i) sum += weights[i];
    return sum;
}

Responsibilities responsibilities(const Mixture& mixture, const SearchRows& rows, Control& control) {
    Responsibilities out{mixture.n_components,
                         std::vector<double>(static_cast<std::size_t>(rows.n_rows * mixture.n_components))};
    Evaluation<double> evaluation;
    std::vector<double> with_noise;
    if (mixture.has_noise()) with_noise.resize(out.values.size() + static_cast<std::size_t>(rows.n_rows));
    evaluation.responsibilities = mixture.has_noise() ? with_noise.data() : out.values.data();
    evaluate(rows.inexact != nullptr ? *rows.inexact : rows.view(), mixture, evaluation, control);
    check(control);
    if (!mixture.has_noise()) return out;
    for (std::ptrdiff_t i = 0; i < rows.n_rows; ++i)
        std::copy_n(with_noise.data() + i * (mixture.n_components + 1), mixture.n_components, out.row(i));
    return out;
}

std::vector<std::int64_t> labels(const OwnedMixture& mixture, const SearchRows& rows, Control& control) {
    std::vector<std::int64_t> out(static_cast<std::size_t>(rows.n_rows));
    Evaluation<double> evaluation;
    evaluation.labels = out.data();
    evaluate(rows.view(), mixture.view(), evaluation, control);
    check(control);
    return out;
}

Responsibilities one_hot(const std::vector<std::int64_t>& labels, std::ptrdiff_t n_components) {
    const auto n_rows = static_cast<std::ptrdiff_t>(labels.size());
    Responsibilities out{n_components, std::vector<double>(static_cast<std::size_t>(n_rows * n_components))};
    for (std::ptrdiff_t i = 0; i < n_rows; ++i) {
        const std::int64_t label = labels[static_cast<std::size_t>(i)];
        if (label >= 0) out.row(i)[label] = 1.0;
    }
    return out;
}

namespace {

// How credible it is that row i is of component k, among those that labels speak of; 1 where nothing is known.
double credibility(const SearchRows& rows, std::ptrdiff_t i, std::ptrdiff_t k) {
    const Labels& labels = rows.labels;
    const double term =
        labels.log_terms != nullptr && k < labels.n_terms ? labels.log_terms[i * labels.n_terms + k] : 0;
    if (labels.components == nullptr || labels.components[i] < 0) return std::exp(term);
    return labels.components[i] == k ? std::exp(term) : 0;
}

// The order of the components that are likeliest to be those of the labels: the largest overlap first.
std::vector<std::ptrdiff_t> matched(const Responsibilities& given, const SearchRows& rows) {
    const std::ptrdiff_t K = given.n_components;
    std::vector<double> overlap(static_cast<std::size_t>(K * K));
    for (std::ptrdiff_t i = 0; i < rows.n_rows; ++i) {
        for (std::ptrdiff_t l = 0; l < K; ++l) {
            const double weight = rows.weight_of(i) * credibility(rows, i, l);
            for (std::ptrdiff_t k = 0; k < K; ++k)
                overlap[static_cast<std::size_t>(l * K + k)] += weight * given.row(i)[k];
        }
    }
    std::vector<std::ptrdiff_t> order(static_cast<std::size_t>(K));
    for (std::ptrdiff_t n = 0; n < K; ++n) {
        const auto best = std::max_element(overlap.begin(), overlap.end()) - overlap.begin();
        const std::ptrdiff_t label = best / K, component = best % K;
        order[static_cast<std::size_t>(label)] = component;
        for (std::ptrdiff_t m = 0; m < K; ++m)
            overlap[static_cast<std::size_t>(label * K + m)] = overlap[static_cast<std::size_t>(m * K + component)] =
                -1;
    }
    return order;
}

}  // namespace

Responsibilities obeying(Responsibilities given, const SearchRows& rows) {
    if (!rows.labels.are_there()) return given;
    const std::ptrdiff_t K = given.n_components;
    const std::vector<std::ptrdiff_t> order = matched(given, rows);
    std::vector<double> credible(static_cast<std::size_t>(K)), known(credible);
    for (std::ptrdiff_t i = 0; i < rows.n_rows; ++i) {
        double sum = 0, of_credible = 0, before = 0;
        for (std::ptrdiff_t k = 0; k < K; ++k) {
            const auto at = static_cast<std::size_t>(k);
            before += given.row(i)[k];
            of_credible += credible[at] = credibility(rows, i, k);
            sum += known[at] = credible[at] * given.row(i)[order[at]];
        }
        // Where nothing is left of what was given, all that is credible alike; rows of noise stay so where they may.
        const bool is_lost = !(sum > 0) && before > 0;
        const double scale = is_lost ? 1 / of_credible : sum > 0 ? before / sum : 0;
        for (std::ptrdiff_t k = 0; k < K; ++k)
            given.row(i)[k] = (is_lost ? credible : known)[static_cast<std::size_t>(k)] * scale;
    }
    return given;
}

std::vector<std::ptrdiff_t> parts_of(const Responsibilities& given) {
    const std::ptrdiff_t K = given.n_components;
    std::vector<std::ptrdiff_t> numbers(static_cast<std::size_t>(K), -1), found;
    std::ptrdiff_t n_seen = 0;
    for (std::size_t i = 0; i < given.values.size(); i += static_cast<std::size_t>(K)) {
        const double* row = given.values.data() + i;
        const double* largest = std::max_element(row, row + K);
        if (*largest != 1) return {};
        std::ptrdiff_t& number = numbers[static_cast<std::size_t>(largest - row)];
        if (number < 0) number = n_seen++;
        found.push_back(number);
    }
    return found;
}

Beginning mixture_of(const Responsibilities& given, const RowSource& rows, const MStep& m_step, Control& control) {
    OwnedStatistics statistics(m_step.structure(), given.n_components, m_step.n_features());
    expect_given(*rows.bringing(given.view()), statistics, control);
    check(control);
    Beginning out{OwnedMixture(m_step.structure(), given.n_components, m_step.n_features())};
    out.failed = m_step.maximise(statistics.view(), nullptr, out.mixture, control);
    check(control);
    if (out.failed >= 0) out.failed_count = statistics.count(out.failed);
    return out;
}

}  // namespace mixtura
