// The rows that a search sees, and what it makes of them.
#pragma once

#include <cstddef>
#include <vector>

#include "em/loop.hpp"
#include "support/interrupt.hpp"

namespace mixtura {

inline void check(const Control& control) {
    if (control.interrupted) throw Interrupted{};
}

// N x K, row-major. Without components: there are none.
struct Responsibilities {
    std::ptrdiff_t n_components = 0;
    std::vector<double> values;

    double* row(std::ptrdiff_t i) { return values.data() + i * n_components; }
    const double* row(std::ptrdiff_t i) const { return values.data() + i * n_components; }
    GivenResponsibilities view() const { return {values.data(), n_components, 1}; }
};

// Contiguous, in memory of the caller's. Partitions, cuts and moves need whole rows; where features are missing or were
// measured with errors, what descents and responsibilities go by are the rows as they are.
struct SearchRows {
    const double* data = nullptr;     // N x d
    const double* weights = nullptr;  // null: every row weighs 1
    std::ptrdiff_t n_rows = 0, n_features = 0;
    Labels labels{};
    const Rows<double>* inexact = nullptr;    // the same as they are, with gaps or errors; null: they have none
    const double* error_variances = nullptr;  // d: by which measured components are wider; null: no errors

    const double* row(std::ptrdiff_t i) const { return data + i * n_features; }
    double weight_of(std::ptrdiff_t i) const { return weights ? weights[i] : 1.0; }
    double weight() const;
    Rows<double> view() const { return {data, n_rows, n_features, n_features, 1, weights, {}, labels}; }
};

// Of the components alone: where there is noise, rows sum to less than 1.
// By the rows as they are.
Responsibilities responsibilities(const Mixture& mixture, const SearchRows& rows, Control& control);

// By whole rows.
std::vector<std::int64_t> labels(const OwnedMixture& mixture, const SearchRows& rows, Control& control);

// Responsibility 1 for the component that a row's label names; none where it is -1, noise.
Responsibilities one_hot(const std::vector<std::int64_t>& labels, std::ptrdiff_t n_components);

// With the components in an order in which they hold the rows that are known to be theirs, and these rows in them.
Responsibilities obeying(Responsibilities given, const SearchRows& rows);

// A mixture that a search begins from, or the component whose covariance was singular.
struct Beginning {
    OwnedMixture mixture;
    std::ptrdiff_t failed = -1;
    double failed_count = 0;              // its rows
    std::vector<std::ptrdiff_t> parts{};  // of wide rows that are wholly one component's each: `parts_of`
    std::ptrdiff_t as_before = -1;        // the known partition that this is; there is no mixture then
};

// The component of each row, numbered in the order in which they first appear; empty where a row is shared.
std::vector<std::ptrdiff_t> parts_of(const Responsibilities& given);

// The mixture that responsibilities imply, by one M-step.
Beginning mixture_of(const Responsibilities& given, const RowSource& rows, const MStep& m_step, Control& control);

}  // namespace mixtura
