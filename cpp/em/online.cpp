// Statistics that forget, and the M-step from them.
#include "em/online.hpp"

#include <algorithm>
#include <utility>

#include "m_step/estimates.hpp"

namespace mixtura {
namespace {

// Share of all rows below which a component is not forgotten further. Its rows may come back and find it where it was:
// at a share of 0 no row would ever be its own again.
constexpr double least_share = 1e-100;

// `old` at `factor` times its weight; what is all but forgotten stays, so that it keeps its digits.
void fade(OwnedStatistics& old, double factor) {
    const SumLayout& layout = old.layout();
    Numbers faded(old.block);
    for (double& sum : faded) sum *= factor;
    for (std::ptrdiff_t k = 0; k < layout.n_components; ++k) {
        if (!(old.count(k) < least_share * old.weight())) continue;
        for (const auto& [begin, n] : sums_of_component(layout, k)) {
            std::copy_n(old.block.begin() + begin, n, faded.begin() + begin);
        }
    }
    old.block = std::move(faded);
}

// (1 - step) old + step new, a unit of weight of each, at the weight of both.
OwnedStatistics mixed(OwnedStatistics old, const OwnedStatistics& batch, double step) {
    const double weight = old.weight() + batch.weight(), before = old.weight();
    old.move_to(batch.centres);
    fade(old, (1 - step) * weight / before);
    const double factor = step * weight / batch.weight();
    for (std::size_t i = 0; i < old.block.size(); ++i) old.block[i] += factor * batch.block[i];
    return old;
}

}  // namespace

std::ptrdiff_t online_step(const Task& task, double step, Point& point, double& failed_count, Control& control) {
    const Mixture before = point.mixture.view();
    OwnedStatistics batch(point.mixture);
    batch.centres = point.mixture.means;
    task.rows.accumulate(task.expectation, before, batch, control);
    OwnedStatistics statistics = mixed(point.statistics, batch, step);
    if (cancels(statistics.view(), task.m_step.added(), task.m_step.added_scatter(), task.rows.is_single())) {
        statistics.centre();  // as in `expect`: about where the components jump to
        batch.centres = statistics.centres;
        task.rows.accumulate(task.expectation, before, batch, control);
        statistics = mixed(point.statistics, batch, step);
    }
    OwnedMixture next(before.structure, before.n_components, before.n_features);
    const std::ptrdiff_t failed = task.m_step.maximise(statistics.view(), &point.mixture, next, control);
    if (failed >= 0) failed_count = statistics.count(failed);
    if (failed >= 0 || control.interrupted) return failed;
    point.mixture = std::move(next);
    point.statistics = std::move(statistics);
    return -1;
}

}  // namespace mixtura
