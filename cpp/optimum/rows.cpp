// The rows that a search sees, and what it makes of them.
#include "optimum/rows.hpp"

#include <algorithm>

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
    evaluate(rows.view(), mixture, evaluation, control);
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
