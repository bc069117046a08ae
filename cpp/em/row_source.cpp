// Rows in memory, and sums of what comes in parts.
#include "em/row_source.hpp"

#include <algorithm>
#include <stdexcept>

namespace mixtura {

template <class Real>
void MemorySource<Real>::accumulate(const Expectation& asked, const Mixture& mixture, OwnedStatistics& out,
                                    Control& control) const {
    if (parts_.size() == 1) return mixtura::accumulate(parts_.front(), mixture, asked, out.view(), control);
    accumulate_parts(parts_, mixture, asked, out.view(), control);
}

template <class Real>
std::unique_ptr<RowSource> MemorySource<Real>::bringing(const GivenResponsibilities& given) const {
    if (parts_.size() != 1) return RowSource::bringing(given);
    Rows<Real> rows = parts_.front();
    rows.given = given;
    return std::make_unique<MemorySource<Real>>(rows);
}

std::unique_ptr<RowSource> RowSource::bringing(const GivenResponsibilities&) const {
    throw std::logic_error("rows in parts bring their responsibilities part by part");
}

SumOverParts::SumOverParts(const Expectation& asked, const Mixture& mixture, bool is_single, OwnedStatistics& out)
    : over_(asked, mixture, is_single), mixture_(mixture), out_(out), part_(out.block.size()) {
    std::fill(out.block.begin(), out.block.end(), 0.0);
}

template <class Real>
void SumOverParts::add(const Rows<Real>& part, Control& control) {
    std::fill(part_.begin(), part_.end(), 0.0);  // what is not asked for is not written
    const Statistics sums(out_.layout(), part_.data(), out_.centres.data());
    mixtura::accumulate(part, mixture_, of_a_part(), sums, control);
    if (!control.interrupted) add(part_);
}

void SumOverParts::add(const std::vector<double>& block) {
    for (std::size_t i = 0; i < block.size(); ++i) out_.block[i] += block[i];
}

void SumOverParts::finish() { over_.finish(out_.view()); }

template class MemorySource<float>;
template class MemorySource<double>;
template void SumOverParts::add<float>(const Rows<float>&, Control&);
template void SumOverParts::add<double>(const Rows<double>&, Control&);

}  // namespace mixtura
