// The EM loop (Dempster, Laird & Rubin 1977).
#include "em/loop.hpp"

#include <optional>
#include <utility>

#include "em/centring.hpp"
#include "support/interrupt.hpp"

namespace mixtura {
namespace {

// Of wide matrices that takes a while.
template <class Value>
Value copy_of(const Value& value) {
    check_interrupted();
    return value;
}

class Loop {
  public:
    Loop(const Task& task, Monitor& monitor, Acceleration* acceleration, const LoopOptions& options, Point& start,
         Control& control)
        : task_(task), monitor_(monitor), acceleration_(acceleration), options_(options), control_(control),
          current_(start), next_(copy_of(start)) {}

    void run() {
        expect(current_);
        while (goes_on()) {
            const bool accelerates = acceleration_ != nullptr && !begins_certain();
            if (accelerates && leap()) continue;
            if (control_.interrupted || !maximise(current_.statistics)) return;
            expect(next_);
            std::swap(current_, next_);
            if (accelerates) acceleration_->step();
            if (has_same_partition()) {
                monitor_.converged = true;
                monitor_.predicted_gain = 0;
            }
        }
    }

  private:
    void expect(Point& point) {
        mixtura::expect(task_.rows, task_.expectation, task_.m_step, point.mixture, point.statistics, control_);
    }

    // The mixture after these statistics, in next_.
    bool maximise(OwnedStatistics& statistics) {
        const std::ptrdiff_t failed =
            task_.m_step.maximise(statistics.view(), &current_.mixture, next_.mixture, control_);
        if (control_.interrupted) return false;
        if (failed >= 0 && &statistics == &current_.statistics) {
            monitor_.failed = failed;
            monitor_.failed_count = statistics.count(failed);
            monitor_.converged = false;
        }
        return failed < 0;
    }

    // Whether every row of many features is wholly one component's, so that an M-step ends at once where the next
    // E-step leaves it there. An acceleration of such steps gains nothing and costs more than they do.
    static bool is_certain(const Point& point) {
        return point.mixture.n_features >= wide && point.statistics.log_certainty() == 0;
    }

    bool begins_certain() {
        is_accelerated_ = is_accelerated_ || !is_certain(current_);
        return !is_accelerated_;
    }

    // After a plain step: whether each row is where it was, so that nothing is left to change but rounding.
    bool has_same_partition() const {
        return is_certain(current_) && is_certain(next_) && current_.statistics.counts() == next_.statistics.counts();
    }

    // Takes the acceleration's proposal; false where there is none or the objective is lower there than a step of EM's
    // could be.
    bool leap() {
        if (!proposal_) proposal_.emplace(current_.statistics);
        if (!acceleration_->propose(current_.statistics, current_.mixture, *proposal_)) return false;
        if (!maximise(*proposal_)) {
            acceleration_->shorten();
            return false;
        }
        expect(next_);
        if (control_.interrupted) return false;
        const double rise = objective(next_) - objective(current_);
        if (rise >= task_.m_step.least_rise(current_.mixture, next_.mixture)) {
            acceleration_->accept();
            std::swap(current_, next_);
            return true;
        }
        ++monitor_.n_refused;
        acceleration_->reject(next_.statistics);
        return false;
    }

    double objective(const Point& point) const {
        return mixtura::objective(task_.m_step, point.mixture, point.statistics);
    }

    bool goes_on() {
        if (control_.interrupted) return false;
        const bool on = monitor_.goes_on(objective(current_));
        const std::ptrdiff_t iteration = monitor_.n_iter() - options_.first;
        if (options_.callback && iteration >= 0 && iteration % options_.every == 0) {
            monitor_.stopped = options_.callback(current_.mixture);
        }
        if (monitor_.stopped.empty() && is_late()) monitor_.stopped = "max_time reached";
        if (options_.stop != nullptr && options_.stop->load(std::memory_order_relaxed)) {
            monitor_.stopped = "interrupted";
        }
        return on && monitor_.stopped.empty();
    }

    bool is_late() const {
        return options_.deadline != LoopOptions::Clock::time_point::max() &&
               LoopOptions::Clock::now() > options_.deadline;
    }

    const Task& task_;
    Monitor& monitor_;
    Acceleration* const acceleration_;
    const LoopOptions& options_;
    Control& control_;
    Point& current_;
    Point next_;
    std::optional<OwnedStatistics> proposal_;  // of many numbers, and of nobody where nothing is accelerated
    bool is_accelerated_ = false;
};

}  // namespace

void expectation_maximisation(const Task& task, Monitor& monitor, Acceleration* acceleration,
                              const LoopOptions& options, Point& point, Control& control) {
    task.m_step.complete(point.mixture);
    const Recycling recycling;
    if (task.m_step.has_tails()) point.statistics = OwnedStatistics(point.mixture);
    Loop(task, monitor, acceleration, options, point, control).run();
}

}  // namespace mixtura
