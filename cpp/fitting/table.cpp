// Rows of a small table, and what they are all together.
#include "fitting/table.hpp"

namespace mixtura {

Table::Table(const Rows<double>& rows, Control& control, bool has_scatter) : rows_(rows), source_(rows) {
    const std::vector<double> ones(static_cast<std::size_t>(rows.n_rows), 1.0);
    const auto bringing = source_.bringing({ones.data(), 1, 1});
    std::vector<double> first;
    for (std::ptrdiff_t j = 0; j < rows.n_features; ++j) first.push_back(rows.data[j * rows.feature_stride]);
    mean = spread_about(first, Structure::diag, *bringing, control).mean;
    variances = spread_about(mean, Structure::diag, *bringing, control).variances;
    if (has_scatter) spread = spread_about(mean, Structure::full, *bringing, control);
}

std::vector<double> copied(const Rows<double>& rows, const std::vector<std::int64_t>& some) {
    std::vector<double> values;
    values.reserve(some.size() * static_cast<std::size_t>(rows.n_features));
    for (const std::int64_t i : some) {
        for (std::ptrdiff_t j = 0; j < rows.n_features; ++j)
            values.push_back(rows.data[i * rows.row_stride + j * rows.feature_stride]);
    }
    return values;
}

Rows<double> contiguous(const std::vector<double>& values, std::ptrdiff_t n_features) {
    Rows<double> rows;
    rows.data = values.data();
    rows.n_features = rows.row_stride = n_features;
    rows.n_rows = static_cast<std::ptrdiff_t>(values.size()) / n_features;
    rows.feature_stride = 1;
    return rows;
}

}  // namespace mixtura
