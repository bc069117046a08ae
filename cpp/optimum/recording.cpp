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

struct Value {
    double value, weight;
};

// Columns that are read together: what the cache brings of a row beside one value are its neighbours.
constexpr std::ptrdiff_t columns_at_a_time = 8;

// Whether no two of n values are equal: by a bit for each hash, in a fraction of the time in which they are sorted. The
// few values that meet a bit that is set are looked for among those before them.
class Distinctness {
  public:
    explicit Distinctness(std::ptrdiff_t n) {
        std::size_t n_words = 2;
        for (shift_ = 64 - 7; n_words < 2 * static_cast<std::size_t>(n); --shift_) n_words *= 2;
        words_.resize(n_words);
    }

    bool operator()(const double* values, std::ptrdiff_t n) {
        std::fill(words_.begin(), words_.end(), std::uint64_t{0});
        for (std::ptrdiff_t i = 0; i < n; ++i) {
            const double value = values[i] + 0.0;  // 0 and -0 are one value
            std::uint64_t bits;
            std::memcpy(&bits, &value, sizeof bits);
            const std::uint64_t place = (bits * 0x9e3779b97f4a7c15u) >> shift_;  // Knuth, 6.4
            std::uint64_t& word = words_[place / 64];
            const std::uint64_t bit = std::uint64_t{1} << (place % 64);
            if ((word & bit) != 0 && is_among(values, i, value)) return false;
            word |= bit;
        }
        return true;
    }

  private:
    // A value that is missing equals no other.
    static bool is_among(const double* values, std::ptrdiff_t n, double value) {
        int n_equal = 0;
        for (std::ptrdiff_t i = 0; i < n; ++i) n_equal += values[i] == value ? 1 : 0;
        return n_equal > 0;
    }

    int shift_;  // to the highest bits of a product, on which all bits of the factors have a say
    std::vector<std::uint64_t> words_;
};

// Of each column, whether no two rows have a value in common.
std::vector<bool> are_distinct(const double* rows, std::ptrdiff_t n_rows, std::ptrdiff_t n_features) {
    std::vector<bool> found;
    Distinctness are_apart(n_rows);
    std::vector<double> columns(static_cast<std::size_t>(n_rows * columns_at_a_time));
    for (std::ptrdiff_t first = 0; first < n_features; first += columns_at_a_time) {
        const std::ptrdiff_t n = std::min(columns_at_a_time, n_features - first);
        for (std::ptrdiff_t i = 0; i < n_rows; ++i) {
            for (std::ptrdiff_t j = 0; j < n; ++j)
                columns[static_cast<std::size_t>(j * n_rows + i)] = rows[i * n_features + first + j];
        }
        for (std::ptrdiff_t j = 0; j < n; ++j) found.push_back(are_apart(columns.data() + j * n_rows, n_rows));
    }
    return found;
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
        if (!(rows > 1.5)) continue;
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
    Recording recording;
    std::vector<bool> distinct(static_cast<std::size_t>(n_features));
    if (weights == nullptr && rows_per_weight <= 1) distinct = are_distinct(rows, n_rows, n_features);
    for (std::ptrdiff_t j = 0; j < n_features; ++j) {
        if (distinct[static_cast<std::size_t>(j)]) {
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
