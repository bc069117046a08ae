// The kernels of mixtura, as plain C++: what an EM iteration needs and nothing of Python.
//
//     statistics = accumulate(rows, mixture)     E-step fused with the sums; the only code that touches data
//     mixture    = maximise(statistics)          M-step; K d^2 numbers, never sees a row
//
// All arrays are row-major and owned by the caller. Parameters and statistics are double
// whatever the rows' precision.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace mixtura {

// The shape of the precision factors and of the second moments.
enum class Structure { full, tied, diag, spherical };

// The 14 models of Celeux & Govaert 1995, Sigma_k = lambda_k D_k A_k D_k^T: volume lambda_k, shape A_k and
// orientation D_k each Equal over the components, Variable, or the Identity. What the M-step asks; the
// E-step and the sums know only the shape, structure_of.
enum class Model { EII, VII, EEI, VEI, EVI, VVI, EEE, VEE, EVE, VVE, EEV, VEV, EVV, VVV };

Structure structure_of(Model model);

// Rows as they lie in memory: any strides (in elements), float or double, optional weights.
template <class Real>
struct Rows {
    const Real* data = nullptr;
    std::ptrdiff_t n_rows = 0;
    std::ptrdiff_t n_features = 0;
    std::ptrdiff_t row_stride = 0;
    std::ptrdiff_t feature_stride = 0;
    const double* weights = nullptr;  // null: every row weighs 1
};

struct Mixture {
    Structure structure = Structure::full;
    std::ptrdiff_t n_components = 0;
    std::ptrdiff_t n_features = 0;
    const double* weights = nullptr;              // K
    const double* means = nullptr;                // K x d
    const double* precisions_cholesky = nullptr;  // full K x d x d, tied d x d, diag K x d, spherical K
};

// Responsibilities that are given instead of computed (starts); any strides, K columns.
struct GivenResponsibilities {
    const double* data = nullptr;
    std::ptrdiff_t row_stride = 0;
    std::ptrdiff_t component_stride = 0;
};

// The constant total scatter sum w (x - mean)(x - mean)^T. With it a tied iteration needs
// no second moments of its own, where that loses no digits (expect.cpp).
struct TotalScatter {
    double weight = 0;
    const double* mean = nullptr;     // d
    const double* scatter = nullptr;  // d x d
};

struct AccumulateOptions {
    const double* centres = nullptr;  // K x d; the moments are taken about them (null: the means)
    GivenResponsibilities given;      // data null: computed from the mixture
    TotalScatter total;               // mean null: not known
    bool hard = false;                // a row belongs wholly to its likeliest component
    bool moments = true;              // false: only the scalars
};

// What the M-step needs, all sums over the rows. seconds: full K x d x d, tied d x d, diag K x d,
// spherical K. The caller gives zeroed arrays.
struct Statistics {
    double weight = 0;          // sum w
    double log_likelihood = 0;  // sum w log p(x)
    double log_certainty = 0;   // sum w log max_k r_k(x): the entropy term of ICL
    double* counts = nullptr;   // sum w r
    double* firsts = nullptr;   // sum w r (x - c)
    double* seconds = nullptr;  // sum w r (x - c)(x - c)^T
};

// Outputs of evaluate; each may be null.
template <class Real>
struct Evaluation {
    Real* log_density = nullptr;       // N
    Real* responsibilities = nullptr;  // N x K
    std::int64_t* labels = nullptr;    // N
    Real* log_joint = nullptr;         // N x K
};

// The same sums about other centres; changes firsts and seconds where they lie.
void move_centres(Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features, const double* centres,
                  const double* new_centres, const Statistics& statistics);

// How a long call, or a row of short ones, is stopped: `poll` is asked on the calling thread several times a second;
// true ends the call early and `interrupted` is set.
struct Control {
    int n_threads = 1;
    bool (*poll)(void*) = nullptr;
    void* poll_argument = nullptr;
    bool interrupted = false;
    std::chrono::steady_clock::time_point last_poll = std::chrono::steady_clock::now();
    unsigned n_asked = 0;  // how often since the clock was looked at
};

std::ptrdiff_t seconds_size(Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features);

// Whether second moments of a tied mixture from the total scatter lose no digits of a `Real`.
template <class Real>
bool serves(const TotalScatter& total, const Mixture& mixture);

// The total scatter, where there is one, is used where it serves.
template <class Real>
void accumulate(const Rows<Real>& rows, const Mixture& mixture, const AccumulateOptions& options,
                Statistics& statistics, Control& control);

template <class Real>
void evaluate(const Rows<Real>& rows, const Mixture& mixture, const Evaluation<Real>& out, Control& control);

// The same over rows in parts, the largest first: the sum, in their order, of what accumulate gives for each part.
// options.total is that of all rows.
template <class Real>
void accumulate_parts(const std::vector<Rows<Real>>& parts, const Mixture& mixture, const AccumulateOptions& options,
                      Statistics& statistics, Control& control);

// True where the centres lie so far from the new means, measured in the new spread, that
// seconds / counts - delta delta^T would lose digits of a `Real`; the sums should be taken again about the new means.
// reg_covar: what will be added to the spread; null where nothing is.
template <class Real>
bool cancels(Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features, const Statistics& statistics,
             const double* reg_covar = nullptr);

struct Parameters {
    double* weights = nullptr;
    double* means = nullptr;
    double* covariances = nullptr;
    double* precisions_cholesky = nullptr;
};

// reg_covar (d) is added to the diagonal of every covariance, its mean to a spherical variance.
// previous: the covariances of the mixture before, where an iterative M-step goes on; null: none.
// Returns -1, or the index of the first component whose covariance is not positive definite.
std::ptrdiff_t maximise(Model model, std::ptrdiff_t n_components, std::ptrdiff_t n_features,
                        const Statistics& statistics, const double* centres, const double* reg_covar,
                        const double* previous, const Parameters& out, Control& control);

// precisions_cholesky = inv(chol(covariance))^T, upper triangular; the same return value.
std::ptrdiff_t factorise(Structure structure, std::ptrdiff_t n_components, std::ptrdiff_t n_features,
                         const double* covariances, double* precisions_cholesky, Control& control);

// Eigenvalues of a symmetric matrix in descending order, eigenvectors as the rows of `vectors`. `matrix` is destroyed.
void eigen(double* matrix, std::ptrdiff_t n_features, double* values, double* vectors);

// Cuts the rows of positive weight in two (n_rows x n_features, contiguous). Fills `sides` with 0 and 1, -1 where the
// weight is 0, and returns the gain in classification log-likelihood of two components over one; -infinity where
// no cut leaves `least_rows` (in weight) on both sides or the covariance is singular.
double cut(Structure structure, const double* rows, const double* weights, std::ptrdiff_t n_rows,
           std::ptrdiff_t n_features, const double* reg_covar, double least_rows, std::int8_t* sides);

// Rows to begin from: n_components of them, each the best of n_trials draws. uniforms: n_components x n_trials in [0,
// 1).
void plus_plus(const double* rows, const double* weights, std::ptrdiff_t n_rows, std::ptrdiff_t n_features,
               std::ptrdiff_t n_components, std::ptrdiff_t n_trials, const double* uniforms, std::int64_t* seeds);

// Replaces responsibilities (n_rows x K), from which `mixture` (full or tied) was made, by those that leave each row
// itself out, with all of its weight.
void leave_one_out(const Mixture& mixture, const double* rows, const double* weights, std::ptrdiff_t n_rows,
                   double* responsibilities);

// The distinct rows of positive weight, in the order in which they first appear: where each first stands, and the sum
// of the weights of all that equal it (room for `most` of both). Returns their number; most + 1 where there are more,
// found as soon as there are.
template <class Real>
std::ptrdiff_t find_distinct(const Rows<Real>& rows, std::ptrdiff_t most, std::int64_t* first, double* weights,
                             Control& control);

struct NonFinite {
    std::ptrdiff_t count = 0;
    std::ptrdiff_t row = -1;  // of the first one, in row order
    std::ptrdiff_t feature = -1;
};

template <class Real>
NonFinite find_nonfinite(const Rows<Real>& rows, Control& control);

// The least and the most of each feature, d numbers each.
template <class Real>
void find_extent(const Rows<Real>& rows, double* least, double* most, Control& control);

// The instruction set in use: "baseline", "avx2" or "avx512".
const char* simd_level();

// Those that this machine has, the best first.
std::vector<std::string> simd_levels();

}  // namespace mixtura
