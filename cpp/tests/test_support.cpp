// Threads, sums in a tree, interruption, eigenvectors.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#if defined(__unix__)
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

#include "m_step/linear_algebra.hpp"
#include "support/control.hpp"
#include "support/memory.hpp"
#include "support/parallel.hpp"
#include "support/side_by_side.hpp"
#include "tests/checks.hpp"

using namespace mixtura;

namespace {

std::vector<double> random_symmetric(std::ptrdiff_t d, std::mt19937& generator) {
    std::normal_distribution<double> normal;
    std::vector<double> matrix(static_cast<std::size_t>(d * d));
    for (std::ptrdiff_t i = 0; i < d; ++i) {
        for (std::ptrdiff_t j = 0; j <= i; ++j) {
            matrix[static_cast<std::size_t>(i * d + j)] = matrix[static_cast<std::size_t>(j * d + i)] =
                normal(generator);
        }
    }
    return matrix;
}

// Rows orthonormal, values descending, and the matrix composed of them again.
void check_eigen(const std::vector<double>& matrix, std::ptrdiff_t d) {
    std::vector<double> values(static_cast<std::size_t>(d)), vectors(matrix.size()), room = matrix;
    eigen(room.data(), d, values.data(), vectors.data());
    const double* v = vectors.data();
    double size = 0;
    for (double x : values) size = std::max(size, std::abs(x));
    for (std::ptrdiff_t i = 0; i < d; ++i) {
        CHECK(i == 0 || values[static_cast<std::size_t>(i - 1)] >= values[static_cast<std::size_t>(i)],
              "eigenvalues descend");
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            double product = 0, composed = 0;
            for (std::ptrdiff_t m = 0; m < d; ++m) {
                product += v[i * d + m] * v[j * d + m];
                composed += values[static_cast<std::size_t>(m)] * v[m * d + i] * v[m * d + j];
            }
            CHECK(close(product, i == j ? 1 : 0, 0, 1e-13), "eigenvectors are orthonormal");
            CHECK(close(composed, matrix[static_cast<std::size_t>(i * d + j)], 0, 1e-13 * size),
                  "eigen composes again");
        }
    }
}

struct Leaf {
    std::vector<std::ptrdiff_t> leaves;
    void add(const Leaf& other) { leaves.insert(leaves.end(), other.leaves.begin(), other.leaves.end()); }
};

// By the question number n the answer is yes.
struct Questions {
    int n_asked = 0;
    int n = 1;

    static bool ask(void* questions) {
        auto* const self = static_cast<Questions*>(questions);
        return ++self->n_asked >= self->n;
    }
};

void eigen_decomposes() {
    std::mt19937 generator(5);
    for (const std::ptrdiff_t d : {1, 2, 3, 4, 7, 12, 20, 33}) {
        std::vector<double> matrix = random_symmetric(d, generator);
        check_eigen(matrix, d);
        // An orthogonal reflection I - 2 v v^T: one eigenvalue -1, the others 1.
        double square = 0;
        for (std::ptrdiff_t j = 0; j < d; ++j)
            square += matrix[static_cast<std::size_t>(j)] * matrix[static_cast<std::size_t>(j)];
        std::vector<double> reflection(matrix.size());
        for (std::ptrdiff_t i = 0; i < d; ++i) {
            for (std::ptrdiff_t j = 0; j < d; ++j) {
                reflection[static_cast<std::size_t>(i * d + j)] =
                    (i == j ? 1 : 0) -
                    2 * matrix[static_cast<std::size_t>(i)] * matrix[static_cast<std::size_t>(j)] / square;
            }
        }
        check_eigen(reflection, d);
        check_eigen(std::vector<double>(matrix.size(), 0.0), d);
        check_eigen(std::vector<double>(matrix.size(), 1.0), d);
    }
}

// Variances 1e-12 and 1e12 with a correlation of 0.9: the small eigenvalue is 1e-12 (1 - 0.81) to all digits.
void eigen_keeps_small_eigenvalues() {
    double matrix[] = {1e-12, 0.9, 0.9, 1e12}, values[2], vectors[4];
    eigen(matrix, 2, values, vectors);
    CHECK(close(values[0], 1e12, 1e-14, 0) && close(values[1], 0.19e-12, 1e-13, 0), "eigen, units far apart");
}

void the_tree_keeps_every_leaf_in_order() {
    for (std::ptrdiff_t n = 1; n <= 40; ++n) {
        std::vector<std::ptrdiff_t> order(static_cast<std::size_t>(n));
        for (std::ptrdiff_t i = 0; i < n; ++i) order[static_cast<std::size_t>(i)] = i;
        std::shuffle(order.begin(), order.end(), std::mt19937(static_cast<unsigned>(n)));
        TreeSum<Leaf> sum(n);
        for (std::ptrdiff_t leaf : order) {
            auto partial = std::make_unique<Leaf>();
            partial->leaves = {leaf};
            sum.add(leaf, std::move(partial));
        }
        CHECK(sum.root() != nullptr && static_cast<std::ptrdiff_t>(sum.root()->leaves.size()) == n, "tree");
        for (std::ptrdiff_t i = 0; i < n; ++i)
            CHECK(sum.root()->leaves[static_cast<std::size_t>(i)] == i, "tree order");
    }
}

void an_exception_in_a_thread_reaches_the_caller() {
    Control control;
    StopFlag flag(control);
    bool caught = false;
    try {
        for_each_chunk(50, 4, flag, [](std::ptrdiff_t chunk, int) {
            if (chunk == 17) throw std::runtime_error("17");
        });
    } catch (const std::runtime_error&) {
        caught = true;
    }
    CHECK(caught, "exception");
}

// Several threads call at once, each for more helpers than there are, again and again; one of them from within its own
// work.
void helpers_run_every_chunk_once() {
    const auto rounds = [](std::ptrdiff_t n_chunks) {
        for (int round = 0; round < 200; ++round) {
            std::vector<int> runs(static_cast<std::size_t>(n_chunks));
            std::atomic<int> nested{0};
            Control control;
            StopFlag flag(control);
            for_each_chunk(n_chunks, 5, flag, [&](std::ptrdiff_t chunk, int worker) {
                check_that(worker >= 0 && worker < 5, "workers", "helpers");
                ++runs[static_cast<std::size_t>(chunk)];
                if (round % 50 == 0 && chunk == 3) for_each_chunk(4, 3, flag, [&](std::ptrdiff_t, int) { ++nested; });
            });
            for (const int n : runs) CHECK(n == 1, "helpers");
            CHECK(nested == (round % 50 == 0 && n_chunks > 3 ? 4 : 0), "nested helpers");
        }
    };
    std::vector<std::thread> callers;
    for (const std::ptrdiff_t n_chunks : {1, 2, 7, 40}) callers.emplace_back(rounds, n_chunks);
    for (std::thread& caller : callers) caller.join();
}

// Each of these takes seconds to minutes on so many features, and knows nothing of the call that it works for.
void wide_matrices_are_left_where_a_call_is_to_end() {
#ifndef MIXTURA_SANITIZED
    constexpr std::ptrdiff_t d = 2000;
    std::vector<double> matrix(d * d, 0.5), other(d * d), half(d * d), values(d);
    for (std::ptrdiff_t j = 0; j < d; ++j) matrix[static_cast<std::size_t>(j * d + j)] = 1 + static_cast<double>(j);
    const std::function<void()> works[] = {
        [&] { cholesky(std::vector<double>(matrix).data(), d); },
        [&] { invert_upper(matrix.data(), d, other.data()); },
        [&] { congruence(matrix.data(), matrix.data(), half.data(), other.data(), d); },
        [&] { compose(matrix.data(), values.data(), d, other.data()); },
        [&] { eigen(std::vector<double>(matrix).data(), d, values.data(), other.data()); },
    };
    for (const auto& work : works) {
        Questions questions;
        Control control;
        control.poll = &Questions::ask;
        control.poll_argument = &questions;
        StopFlag flag(control);
        const WorkingFor call(flag);
        bool left = false;
        try {
            work();
        } catch (const Interrupted&) {
            left = true;
        }
        CHECK(left && control.interrupted && questions.n_asked == 1, "interrupted");
    }
#endif
}

// A helper knows of the question that its caller is asked while it waits.
void a_caller_that_waits_is_asked() {
    Questions questions;
    Control control;
    control.poll = &Questions::ask;
    control.poll_argument = &questions;
    StopFlag flag(control);
    const auto caller = std::this_thread::get_id();
    std::atomic<int> begun{0};
    bool left = false;
    try {
        for_each_chunk(2, 2, flag, [&](std::ptrdiff_t, int) {
            for (++begun; begun < 2;) std::this_thread::yield();
            if (std::this_thread::get_id() == caller) return;
            for (;;) check_interrupted();
        });
    } catch (const Interrupted&) {
        left = true;
    }
    CHECK(left && control.interrupted, "asked while waiting");
}

// A forked child has threads of its own.
void a_forked_child_gets_helpers() {
#if defined(__unix__) && !defined(__SANITIZE_THREAD__)       // that sanitizer knows no threads in a forked child
    if (std::getenv("MIXTURA_EMULATED") != nullptr) return;  // nor does qemu's user mode
    const pid_t child = fork();
    if (child == 0) {
        // Both must be at work at the same time: each waits for the other.
        std::atomic<int> begun{0};
        run_with_helpers(
            1,
            [&](int) {
                for (++begun; begun < 2;) std::this_thread::yield();
            },
            [] {});
        std::_Exit(begun == 2 ? 0 : 1);
    }
    int status = 1;
    for (int tenths = 0; tenths < 100 && waitpid(child, &status, WNOHANG) == 0; ++tenths) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        if (tenths == 99) kill(child, SIGKILL);
    }
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "forked child");
#endif
}

// With any number of threads what is asked for is the same; what is computed ahead is no more than was said.
void results_side_by_side_are_those_of_one_after_another() {
    for (const int n_threads : {1, 2, 7}) {
        Control control;
        control.n_threads = n_threads;
        std::atomic<int> n_computed{0};
        SideBySide<std::ptrdiff_t> squares(10, 4, control, [&](std::ptrdiff_t i, Control& inner) {
            CHECK(inner.n_threads == std::max(1, n_threads / 4), "threads of a piece");
            ++n_computed;
            return i * i;
        });
        for (std::ptrdiff_t i = 0; i < 6; ++i) CHECK(squares[i] == i * i, "side by side");
        CHECK(n_computed == (n_threads == 1 ? 6 : 8), "computed ahead");
    }
}

void an_exception_side_by_side_reaches_the_caller() {
    for (const int n_threads : {1, 3}) {
        Control control;
        control.n_threads = n_threads;
        SideBySide<int> pieces(3, 3, control, [](std::ptrdiff_t i, Control&) -> int {
            if (i == 1) throw std::runtime_error("side by side");
            return 0;
        });
        bool caught = false;
        try {
            for (std::ptrdiff_t i = 0; i < 3; ++i) (void)pieces[i];
        } catch (const std::runtime_error&) {
            caught = true;
        }
        CHECK(caught, "exception side by side");
    }
}

// The caller's poll ends every piece, those of other threads too, by its Control and where work deep below asks.
void pieces_side_by_side_end_with_their_call() {
    using Clock = std::chrono::steady_clock;
    for (const bool is_deep : {false, true}) {
        Control control;
        control.n_threads = 3;
        control.poll = [](void*) { return true; };
        std::atomic<int> n_begun{0}, n_told{0};
        SideBySide<int> pieces(3, 3, control, [&](std::ptrdiff_t, Control& inner) {
            const Clock::time_point end = Clock::now() + std::chrono::seconds(20);
            for (++n_begun; n_begun < 3 && Clock::now() < end;) std::this_thread::yield();
            StopFlag flag(inner);
            const WorkingFor call(flag);
            try {
                while (Clock::now() < end && !inner.interrupted) {
                    is_deep ? check_interrupted() : static_cast<void>(flag.stopped(asks_a_look));
                }
            } catch (const Interrupted&) {}
            if (inner.interrupted) ++n_told;
            return 0;
        });
        bool left = false;
        try {
            (void)pieces[0];
        } catch (const Interrupted&) {
            left = true;
        }
        CHECK(left && control.interrupted && n_told == 3, "interrupted side by side");
    }
}

// Fresh pages hold zeros.
void large_memory_is_used_again_while_somebody_recycles() {
    constexpr std::size_t n_bytes = std::size_t{1} << 23;
    const Recycling recycling;
    auto* const first = static_cast<unsigned char*>(take_memory(n_bytes));
    std::fill(first, first + n_bytes, static_cast<unsigned char>(7));
    give_back_memory(first, n_bytes);
    auto* const larger = static_cast<unsigned char*>(take_memory(2 * n_bytes));
    CHECK(larger != first, "a piece is given to who asks for as many bytes");
    auto* const again = static_cast<unsigned char*>(take_memory(n_bytes));
    CHECK(again == first && std::all_of(again, again + n_bytes, [](unsigned char byte) { return byte == 7; }),
          "a piece that was given back");
    auto* const other = static_cast<unsigned char*>(take_memory(n_bytes));
    CHECK(other != again, "a piece has one owner");
    give_back_memory(other, n_bytes);
    give_back_memory(again, n_bytes);
    give_back_memory(larger, 2 * n_bytes);
}

}  // namespace

int main() {
    eigen_decomposes();
    eigen_keeps_small_eigenvalues();
    the_tree_keeps_every_leaf_in_order();
    an_exception_in_a_thread_reaches_the_caller();
    helpers_run_every_chunk_once();
    wide_matrices_are_left_where_a_call_is_to_end();
    a_caller_that_waits_is_asked();
    results_side_by_side_are_those_of_one_after_another();
    an_exception_side_by_side_reaches_the_caller();
    pieces_side_by_side_end_with_their_call();
    a_forked_child_gets_helpers();
    large_memory_is_used_again_while_somebody_recycles();
    return report();
}
