// exp and log of the kernels, as they show through the responsibilities and the certainty of a row.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <vector>

#include "simd/job.hpp"
#include "tests/checks.hpp"
#include "tests/random_problem.hpp"

using namespace mixtura;

namespace {

// x in one dimension, under round components of variance 1: all that leads to the argument of exp is exact where the
// numbers have few digits, so exp and log show through the responsibilities and the certainty of a row.
template <class Real>
struct Line {
    RandomProblem problem;

    explicit Line(const std::vector<double>& means)
        : problem(Structure::spherical, 1, static_cast<std::ptrdiff_t>(means.size()), 1, 1) {
        problem.means = means;
        std::fill(problem.factors.begin(), problem.factors.end(), 1.0);
    }

    std::vector<Real> responsibilities(Real x, Real& log_density) const {
        std::vector<Real> out(problem.means.size());
        Control control;
        evaluate(Rows<Real>{&x, 1, 1, 1, 1, nullptr}, problem.mixture(), {&log_density, out.data(), nullptr, nullptr},
                 control);
        return out;
    }

    // log sum_k exp(a_k - max a), a the log joint densities.
    long double log_sum(Real x) const {
        Sums sums(problem);
        Control control;
        accumulate(Rows<Real>{&x, 1, 1, 1, 1, nullptr}, problem.mixture(), {}, sums.view(), control);
        return -static_cast<long double>(sums.view().log_certainty);
    }
};

// Components at 0 and at m: a_m - a_0 = m x - m^2 / 2.
template <class Real>
void exp_and_log_keep_their_digits() {
    constexpr long double ulp = std::numeric_limits<Real>::epsilon();
    constexpr bool wide = sizeof(Real) == sizeof(double);
    constexpr int digits = wide ? 26 : 12;  // of x - m and less: its square is exact
    const double lowest = wide ? -708 : -87, vanishing = wide ? 1e200 : 1e30;
    std::mt19937 generator(8);
    Real log_density;
    for (const double m : {8.0, 1.0, 0.0625}) {
        const Line<Real> line({0, m});
        const double width = wide ? 128 : 16 * std::min(m, 1.0), grid = std::ldexp(width, -digits);
        const double least = std::max(m / 2 + lowest / m, m - width);
        std::uniform_int_distribution<long> steps(0, static_cast<long>((m / 2 - least) / grid));
        for (int i = 0; i < 20'000; ++i) {
            const double x = m / 2 - grid * static_cast<double>(i == 0 ? 0 : steps(generator));
            const long double argument = static_cast<long double>(m) * x - static_cast<long double>(m) * m / 2;
            const long double theirs = std::exp(argument);
            const std::vector<Real> r = line.responsibilities(static_cast<Real>(x), log_density);
            const long double ours = static_cast<long double>(r[1]) / r[0];
            if (i == 0) CHECK(r[0] == Real(0.5) && r[1] == Real(0.5), "exp 0 is 1");
            if (r[1] == 0 && argument < -negligible<double>) continue;
            // Half a unit is the product's with 1 / sum.
            CHECK(std::abs(ours / theirs - 1) <= 1.5L * ulp, "exp");
            const long double of_sum = (theirs / (1 + theirs) + 0.5L) * ulp;
            const long double log_sum = std::log1p(theirs);
            CHECK(std::abs(line.log_sum(static_cast<Real>(x)) - log_sum) <= of_sum + log_sum * ulp, "log of 1 to 2");
        }
    }
    for (int k = 1; k <= 1000; k += k < 70 ? 1 : 31) {
        const Line<Real> line(std::vector<double>(static_cast<std::size_t>(k), 0.5));
        const long double theirs = std::log(static_cast<long double>(k));
        CHECK(std::abs(line.log_sum(Real(0.5)) - theirs) <= ulp * theirs, "log of whole numbers");
    }
    const Line<Real> line({0, vanishing});
    const std::vector<Real> near = line.responsibilities(0, log_density);
    CHECK(near[0] == 1 && near[1] == 0, "exp -inf is 0");
    const std::vector<Real> far = line.responsibilities(static_cast<Real>(-vanishing), log_density);
    CHECK(log_density == std::numeric_limits<Real>::lowest(), "the least number where the density has no logarithm");
    CHECK(far[0] == 1 && far[1] == 0, "nearer by more than can be written");
}

}  // namespace

int main() {
    exp_and_log_keep_their_digits<double>();
    exp_and_log_keep_their_digits<float>();
    return report();
}
