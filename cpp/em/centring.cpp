// When sums are taken anew, about other centres.
#include "em/centring.hpp"

#include <algorithm>

#include "m_step/estimates.hpp"

namespace mixtura {

void expect(const RowSource& rows, const Expectation& asked, const MStep& m_step, const OwnedMixture& mixture,
            OwnedStatistics& statistics, Control& control) {
    statistics.centres = mixture.means;
    const Mixture view = mixture.view();
    rows.accumulate(asked, view, statistics, control);
    if (control.interrupted) return;
    if (!cancels(statistics.view(), m_step.added(), m_step.added_scatter(), rows.is_single())) return;
    statistics.centre();
    rows.accumulate(asked, view, statistics, control);
}

bool expect_given(const RowSource& rows, OwnedStatistics& statistics, Control& control) {
    const SumLayout& layout = statistics.layout();
    Mixture sizes;
    sizes.structure = layout.structure;
    sizes.n_components = layout.n_components;
    sizes.n_features = layout.n_features;
    std::fill(statistics.centres.begin(), statistics.centres.end(), 0.0);
    rows.accumulate({}, sizes, statistics, control);
    const double* counts = statistics.view().counts;
    if (std::all_of(counts, counts + layout.n_components, [](double n) { return n == 0; })) return false;
    statistics.centre();
    statistics.centre_empty();
    rows.accumulate({}, sizes, statistics, control);
    return true;
}

}  // namespace mixtura
