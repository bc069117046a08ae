"""Functions of large matrices: the same results as of small ones, and Ctrl-C does not wait for them."""

import os
import signal
import threading

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mixtura.support.interruptible import interruptible, log_determinants

LARGE = 300


def matrices(n, d=LARGE):
    factors = np.random.RandomState(0).normal(size=(n, d, 2 * d))
    return factors @ factors.transpose(0, 2, 1)


@pytest.mark.parametrize("function", [np.linalg.eigvalsh, np.linalg.cholesky, log_determinants])
def test_results_are_those_of_the_function(function):
    stack = matrices(3)
    assert_array_equal(interruptible(function, stack), function(stack))
    assert_array_equal(interruptible(function, stack[0]), function(stack[0]))


def test_several_stacks_are_taken_matrix_by_matrix():
    stack, right = matrices(2), np.ones((2, LARGE, 1))
    assert_array_equal(interruptible(np.linalg.solve, stack, right), np.linalg.solve(stack, right))


def test_errors_are_the_functions():
    with pytest.raises(np.linalg.LinAlgError):
        interruptible(np.linalg.cholesky, -matrices(1)[0])


def test_ctrl_c_does_not_wait_for_the_function():
    begun, released, ended = threading.Event(), threading.Event(), threading.Event()

    def slow(_):
        begun.set()
        released.wait(60)
        ended.set()

    def interrupt():
        begun.wait()
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            interruptible(slow, np.zeros((LARGE, LARGE)))
        assert not ended.is_set()
    finally:
        signal.signal(signal.SIGINT, before)
        released.set()
