"""What Ctrl-C ends: waits for other threads, and NumPy's functions of large matrices, which take seconds."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait
from threading import Thread, current_thread, main_thread
from typing import Any, TypeVar

import numpy as np

from mixtura.support.arrays import FloatArray

# Operations, d^3 for a matrix of d features, up to which a call ends in some ten milliseconds.
_FEW_OPERATIONS = 2e7
_LONGEST_WAIT = 0.05  # seconds

T = TypeVar("T")


def interruptible(function: Callable[..., Any], *matrices: FloatArray) -> Any:
    """What a function of matrices, or of stacks of them, returns; Ctrl-C does not wait for it.

    LAPACK cannot be stopped. So it works in another thread while this one waits, which ends at once: what the
    other still computes is dropped. Of a stack each matrix is a call of its own, so that this is little.
    """
    few = all(one.size * one.shape[-1] < _FEW_OPERATIONS for one in matrices)
    if few or current_thread() is not main_thread():
        return function(*matrices)
    if matrices[0].ndim > 2:
        return np.stack(
            [interruptible(function, *several) for several in zip(*matrices, strict=True)]
        )
    return result_of(_in_a_thread(function, *matrices))


def result_of(future: Future[T]) -> T:
    """The result, once it is there; Ctrl-C ends the wait, whenever it comes.

    A signal between Python's last look for one and the wait itself does not end the wait: so no wait is long.
    """
    while not future.done():
        wait([future], timeout=_LONGEST_WAIT)
    return future.result()


def _in_a_thread(function: Callable[..., Any], *matrices: FloatArray) -> Future[Any]:
    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set_result(function(*matrices))
        except BaseException as error:  # to be raised where the result is asked for
            future.set_exception(error)

    Thread(target=run, name="mixtura matrices", daemon=True).start()
    return future


def gram(factors: FloatArray) -> FloatArray:
    """F F^T of a matrix F, or of each of a stack."""
    product: FloatArray = factors @ np.swapaxes(factors, -1, -2)
    return product


def log_determinants(matrices: FloatArray) -> FloatArray:
    """Of positive definite matrices."""
    return np.asarray(np.linalg.slogdet(matrices)[1])
