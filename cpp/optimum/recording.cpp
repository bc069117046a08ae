// The step that values were rounded to, and values that rows share.
#include "optimum/recording.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

namespace mixtura {
namespace {

// Values lie on a grid where this share of the rows and of the distinct values does.
constexpr double share_of_rows = 0.95, share_of_values = 0.9;

// The step is one of the smallest differences, or a part of it: 0, 2 and 5 lie on a grid of 1.
constexpr int most_parts = 6;

// Rounding of the last digits, of a value and of a step times a whole number.
constexpr double ulps = 16;

// A column whose variance is less than twice that of its rounding has no grid to be thinner than: one that is 1 in a
// few rows and 0 in all others.
constexpr double coarse = 2;

// So many effective rows, or fewer, are one: no other has its value.
constexpr double of_one_row = 1.5;

struct Value {
    double value, weight;
};

// Whether no two rows have a value in common: by a table of hashes, in a fraction of the time in which they are sorted.
bool are_distinct(const double* rows, std::ptrdiff_t n_rows, std::ptrdiff_t n_features) {
    std::size_t n_places = 2;
    int shift = 63;  // to the highest bits of a product, on which all bits of the factors have a say
    for (; n_places < 2 * static_cast<std::size_t>(n_rows); --shift) n_places *= 2;
    std::vector<double> places(n_places, std::numeric_limits<double>::quiet_NaN());  // free ones
    for (std::ptrdiff_t i = 0; i < n_rows; ++i) {
        const double value = rows[i * n_features] + 0.0;  // 0 and -0 are one value
        if (std::isnan(value)) continue;
        std::uint64_t bits;
        std::memcpy(&bits, &value, sizeof bits);
        auto place = static_cast<std::size_t>((bits * 0x9e3779b97f4a7c15u) >> shift);  // Knuth, 6.4
        for (; !std::isnan(places[place]); place = (place + 1) & (n_places - 1)) {
            if (places[place] == value) return false;
        }
        places[place] = value;
    }
    return true;
}

std::vector<Value> unweighted_values(const double* rows, std::ptrdiff_t n_rows, std::ptrdiff_t n_features) {
    std::vector<double> all;
    all.reserve(static_cast<std::size_t>(n_rows));
    for (std::ptrdiff_t i = 0; i < n_rows; ++i) {
        if (!std::isnan(rows[i * n_features])) all.push_back(rows[i * n_features]);
    }
    std::sort(all.begin(), all.end());
    std::vector<Value> values;
    values.reserve(all.size());
    for (const double value : all) {
        if (values.empty() || values.back().value != value) values.push_back({value, 0});
        values.back().weight += 1;
    }
    return values;
}

// Distinct values of positive weight, ascending; none of those that are missing (NaN).
std::vector<Value> values_of(const double* rows, const double* weights, std::ptrdiff_t n_rows,
                             std::ptrdiff_t n_features) {
    if (weights == nullptr) return unweighted_values(rows, n_rows, n_features);
    std::vector<std::pair<double, double>> all;
    all.reserve(static_cast<std::size_t>(n_rows));
    for (std::ptrdiff_t i = 0; i < n_rows; ++i) {
        if (weights[i] > 0 && !std::isnan(rows[i * n_features])) all.emplace_back(rows[i * n_features], weights[i]);
    }
    std::sort(all.begin(), all.end());
    std::vector<Value> values;
    for (const auto& [value, weight] : all) {
        if (values.empty() || values.back().value != value) values.push_back({value, 0});
        values.back().weight += weight;
    }
    return values;
}

double size_of(const std::vector<Value>& values) {
    return std::max(std::abs(values.front().value), std::abs(values.back().value));
}

bool is_grid(const std::vector<Value>& values, double origin, double step, double slack) {
    double rows = 0, on_rows = 0;
    std::size_t on_values = 0;
    for (const Value& one : values) {
        const double place = (one.value - origin) / step;
        rows += one.weight;
        if (std::abs(place - std::round(place)) > slack / step) continue;
        on_rows += one.weight;
        ++on_values;
    }
    return on_rows >= share_of_rows * rows &&
           static_cast<double>(on_values) >= share_of_values * static_cast<double>(values.size());
}

// A step known from two neighbours alone, from values ever farther apart: rounding counts for less where many steps lie
// between.
double refined(const std::vector<double>& distances, double step, double slack) {
    double known = 1;  // steps that lie between the values it is known from
    for (const double distance : distances) {
        const double n_steps = std::round(distance / step);
        if (n_steps <= known || 2 * slack * n_steps > known * step) continue;
        if (std::abs(distance - n_steps * step) > slack * n_steps / known) continue;
        step = distance / n_steps;
        known = n_steps;
    }
    return step;
}

double step_of(const std::vector<Value>& values, double epsilon) {
    const double slack = ulps * epsilon * size_of(values);
    std::vector<double> steps;
    for (std::size_t i = 1; i < values.size(); ++i) {
        const double step = values[i].value - values[i - 1].value;
        if (step > 100 * slack) steps.push_back(step);
    }
    if (steps.empty()) return 0;
    std::sort(steps.begin(), steps.end());
    const double origin = std::max_element(values.begin(), values.end(), [](const Value& a, const Value& b) {
                              return a.weight < b.weight;
                          })->value;
    std::vector<double> distances;
    for (const Value& one : values) distances.push_back(std::abs(one.value - origin));
    std::sort(distances.begin(), distances.end());
    // A few values off the grid make the smallest differences small.
    double largest = 0;
    for (const std::size_t i : {std::size_t{0}, steps.size() / 20, steps.size() / 10}) {
        for (int parts = 1; parts <= most_parts; ++parts) {
            const double step = refined(distances, steps[i] / parts, slack);
            if (step <= largest || step <= 100 * slack || !is_grid(values, origin, step, slack)) continue;
            largest = step;
            break;
        }
    }
    return largest;
}

double variance_of(const std::vector<Value>& values) {
    double weight = 0, mean = 0, sum = 0;
    for (const Value& one : values) {
        weight += one.weight;
        mean += one.weight * (one.value - values.front().value);
    }
    mean /= weight;
    for (const Value& one : values) {
        const double difference = one.value - values.front().value - mean;
        sum += one.weight * difference * difference;
    }
    return sum / weight;
}

std::vector<SharedValue> shared_among(const std::vector<Value>& values, double rows_per_weight) {
    std::vector<SharedValue> shared;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const double rows = rows_per_weight * values[i].weight;
        if (!(rows > of_one_row)) continue;
        double gap = std::numeric_limits<double>::infinity();
        if (i > 0) gap = std::min(gap, values[i].value - values[i - 1].value);
        if (i + 1 < values.size()) gap = std::min(gap, values[i + 1].value - values[i].value);
        shared.push_back({values[i].value, gap, rows});
    }
    return shared;
}

double rows_of(const std::vector<Value>& values, double rows_per_weight) {
    double rows = 0;
    for (const Value& one : values) rows += rows_per_weight * one.weight;
    return rows;
}

double floor_of(const std::vector<SharedValue>& shared, double rounding, double variance, double rows) {
    double floor = rounding / 2;
    for (const SharedValue& one : shared) {
        if (one.rows > 0.02 * rows) floor = std::max(floor, std::min(one.gap * one.gap / 24, variance / 100));
    }
    return floor;
}

}  // namespace

const SharedValue* Recording::nearest(std::ptrdiff_t column, double x) const {
    const std::vector<SharedValue>& values = shared_values[static_cast<std::size_t>(column)];
    if (values.empty()) return nullptr;
    const auto above = std::lower_bound(values.begin(), values.end(), x,
                                        [](const SharedValue& one, double x) { return one.value < x; });
    if (above == values.begin()) return &*above;
    const auto below = above - 1;
    return above == values.end() || x - below->value < above->value - x ? &*below : &*above;
}

Recording recording_of(const double* rows, const double* weights, std::ptrdiff_t n_rows, std::ptrdiff_t n_features,
                       double rows_per_weight, double epsilon) {
    const double heaviest = weights == nullptr || n_rows == 0 ? 1 : *std::max_element(weights, weights + n_rows);
    Recording recording;
    for (std::ptrdiff_t j = 0; j < n_features; ++j) {
        if (rows_per_weight * heaviest <= of_one_row && are_distinct(rows + j, n_rows, n_features)) {
            recording.rounding.push_back(0);
            recording.floor.push_back(0);
            recording.shared_values.emplace_back();
            continue;
        }
        const std::vector<Value> values = values_of(rows + j, weights, n_rows, n_features);
        std::vector<SharedValue> shared;
        double rounding = 0;
        if (values.size() > 1) shared = shared_among(values, rows_per_weight);
        if (!shared.empty()) {
            const double step = step_of(values, epsilon);
            rounding = step * step / 12;
            if (!(variance_of(values) > coarse * rounding)) {
                rounding = 0;
                shared.clear();
            }
        }
        recording.rounding.push_back(rounding);
        recording.floor.push_back(
            shared.empty() ? 0 : floor_of(shared, rounding, variance_of(values), rows_of(values, rows_per_weight)));
        recording.shared_values.push_back(std::move(shared));
    }
    return recording;
}

}  // namespace mixtura
