// The EM loop (Dempster, Laird & Rubin 1977).
#include "em/loop.hpp"

#include <cmath>
#include <utility>

#include "support/interrupt.hpp"

namespace mixtura {
namespace {

constexpr double negligible =
    1e-8;  // nats a row: of what reg_covar is due, so that without its doing nothing falls at all

std::size_t length(std::ptrdiff_t n) { return static_cast<std::size_t>(n); }

// Of wide matrices that takes a while.
template <class Value>
Value copy_of(const Value& value) {
    check_interrupted();
    return value;
}

struct Point {
    OwnedMixture mixture;
    OwnedStatistics statistics;
};

class Loop {
  public:
    Loop(Model model, const RowSource& rows, const double* reg_covar, Monitor& monitor, Acceleration* acceleration,
         const Outside& outside, Point& start, Control& control)
        : model_(model), rows_(rows), reg_covar_(reg_covar), monitor_(monitor), acceleration_(acceleration),
          outside_(outside), control_(control), current_(start),
          next_{copy_of(start.mixture), copy_of(start.statistics)}, proposal_(copy_of(start.statistics)) {}

    void run() {
        expect(current_);
        while (goes_on()) {
            if (acceleration_ != nullptr && leap()) continue;
            if (control_.interrupted || !maximise(current_.statistics)) return;
            expect(next_);
            std::swap(current_, next_);
            if (acceleration_ != nullptr) acceleration_->step();
        }
    }

  private:
    // Where a component is about to jump far (a start at the wrong end of the data) sums about its old mean would
    // cancel; then they are taken once more about the mean it jumps to.
    void expect(Point& point) {
        point.statistics.centres = point.mixture.means;
        rows_.accumulate(point.mixture, point.statistics, control_);
        if (control_.interrupted || !cancels(point)) return;
        point.statistics.centre();
        rows_.accumulate(point.mixture, point.statistics, control_);
    }

    bool cancels(Point& point) const {
        const Structure structure = point.mixture.structure;
        const auto test = rows_.is_single() ? &mixtura::cancels<float> : &mixtura::cancels<double>;
        return test(structure, point.mixture.n_components, d(), point.statistics.view(), reg_covar_);
    }

    // The mixture after these statistics, in next_.
    bool maximise(OwnedStatistics& statistics) {
        const std::ptrdiff_t failed =
            mixtura::maximise(model_, current_.mixture.n_components, d(), statistics.view(), statistics.centres.data(),
                              reg_covar_, current_.mixture.covariances.data(), next_.mixture.parameters(), control_);
        if (control_.interrupted) return false;
        if (failed >= 0 && &statistics == &current_.statistics) {
            monitor_.failed = failed;
            monitor_.failed_count = statistics.counts[length(failed)];
            monitor_.converged = false;
        }
        return failed < 0;
    }

    // Takes the acceleration's proposal; false where there is none or the likelihood is lower there than a step of EM's
    // could be.
    bool leap() {
        const OwnedMixture& mixture = current_.mixture;
        Statistics proposal = proposal_.view();
        if (!acceleration_->propose(current_.statistics.view(), current_.statistics.centres.data(),
                                    mixture.weights.data(), mixture.precisions_cholesky.data(), proposal,
                                    proposal_.centres.data())) {
            return false;
        }
        if (!maximise(proposal_)) {
            acceleration_->shorten();
            return false;
        }
        expect(next_);
        if (control_.interrupted) return false;
        const double rise = next_.statistics.mean_log_likelihood() - current_.statistics.mean_log_likelihood();
        if (rise >= due_to_reg_covar(current_.mixture, next_.mixture)) {
            acceleration_->accept();
            std::swap(current_, next_);
            return true;
        }
        ++monitor_.n_refused;
        acceleration_->refuse(next_.statistics.view(), next_.statistics.centres.data());
        return false;
    }

    // By how much the likelihood rises at least in a step of EM's, in nats a row; it may fall where this is below 0.
    // What the M-step raises is the expected log-likelihood less 1/2 sum_k w_k tr(R inv(Sigma_k)), R = diag(reg_covar),
    // w the new weights.
    double due_to_reg_covar(const OwnedMixture& before, const OwnedMixture& after) const {
        double sum = 0;
        for (std::ptrdiff_t k = 0; k < after.n_components; ++k) {
            sum += after.weights[length(k)] * (regularised_share(after, k) - regularised_share(before, k));
        }
        return std::abs(sum) < negligible ? 0 : sum / 2;
    }

    // tr(R inv(Sigma_k))
    double regularised_share(const OwnedMixture& mixture, std::ptrdiff_t k) const {
        const Structure structure = mixture.structure;
        const double* factors = mixture.precisions_cholesky.data();
        double sum = 0;
        for (std::ptrdiff_t i = 0; i < d(); ++i) {
            double precision = 0;
            if (structure == Structure::spherical) precision = factors[k] * factors[k];
            if (structure == Structure::diag) precision = factors[k * d() + i] * factors[k * d() + i];
            if (structure == Structure::full || structure == Structure::tied) {
                const double* row = factors + ((structure == Structure::full ? k * d() : 0) + i) * d();
                for (std::ptrdiff_t j = i; j < d(); ++j) precision += row[j] * row[j];
            }
            sum += reg_covar_[i] * precision;
        }
        return sum;
    }

    bool goes_on() {
        if (control_.interrupted) return false;
        const bool on = monitor_.goes_on(current_.statistics.mean_log_likelihood());
        const std::ptrdiff_t heard = monitor_.n_iter() - outside_.first;
        if (outside_.hear && heard >= 0 && heard % outside_.every == 0)
            monitor_.stopped = outside_.hear(current_.mixture);
        if (monitor_.stopped.empty() && is_late()) monitor_.stopped = "max_time reached";
        if (outside_.stop != nullptr && outside_.stop->load(std::memory_order_relaxed))
            monitor_.stopped = "interrupted";
        return on && monitor_.stopped.empty();
    }

    bool is_late() const {
        return outside_.deadline != Outside::Clock::time_point::max() && Outside::Clock::now() > outside_.deadline;
    }

    std::ptrdiff_t d() const { return current_.mixture.n_features; }

    const Model model_;
    const RowSource& rows_;
    const double* const reg_covar_;
    Monitor& monitor_;
    Acceleration* const acceleration_;
    const Outside& outside_;
    Control& control_;
    Point& current_;
    Point next_;
    OwnedStatistics proposal_;
};

}  // namespace

void expectation_maximisation(Model model, const RowSource& rows, const double* reg_covar, Monitor& monitor,
                              Acceleration* acceleration, const Outside& outside, OwnedMixture& mixture,
                              OwnedStatistics& statistics, Control& control) {
    Point point{std::move(mixture), std::move(statistics)};
    Loop(model, rows, reg_covar, monitor, acceleration, outside, point, control).run();
    mixture = std::move(point.mixture);
    statistics = std::move(point.statistics);
}

}  // namespace mixtura
