"""What all peers share: a process that answers commands, one JSON object a line.

A peer's program hands `serve` its versions and a function `prepare(loaded)`, which does what need not be
timed and returns `measure(n_iter, seconds)`: EM from the given start. It runs in the peer's environment, so
nothing but numpy is imported here.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")
Parameters = tuple[Any, Any, Any]

# A fit that takes microseconds is not repeated for ever.
_MAX_REPEATS = 200


@dataclass(frozen=True)
class Loaded:
    """A problem as a peer gets it: rows and start in one precision."""

    X: np.ndarray
    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    structure: str
    reg_covar: float
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """What fits of one problem took, in seconds."""

    iterations: list[float]  # samples of one EM iteration
    fixed: list[float]  # samples of a fit beside its iterations
    parameters: Parameters  # weights, means, covariances that the fits ended with


Measure = Callable[[int, float], Measured]  # from the number of iterations, and seconds to spend


def by_difference(fit: Callable[[int], Parameters]) -> Measure:
    """Measure a library that cannot be looked into: what n iterations cost more than one does.

    All that a fit does once (validation, copies, the last E-step) drops out. The difference is one of
    medians: a difference of single fits of a millisecond would be noise.
    """

    def measure(n_iter: int, seconds: float) -> Measured:
        pairs = repeat(lambda: (timed(lambda: fit(1)), timed(lambda: fit(n_iter))), seconds)
        one = statistics.median(first for (first, _), _ in pairs)
        total = statistics.median(whole for _, (whole, _) in pairs)
        iteration = (total - one) / (n_iter - 1)
        return Measured([iteration], [total - n_iter * iteration], pairs[-1][1][1])

    return measure


def by_stamps(fit: Callable[[int, list[float]], Parameters]) -> Measure:
    """Measure a library that calls back: `fit` notes the time at the same point of each iteration.

    For the slow ones: no second fit is needed, and every iteration is a sample.
    """

    def one_fit(n_iter: int) -> Measured:
        stamps: list[float] = []
        total, parameters = timed(lambda: fit(n_iter, stamps))
        require_iterations(len(stamps) - 1, n_iter)
        iterations = np.diff(stamps).tolist()
        return Measured(iterations, [total - sum(iterations)], parameters)

    def measure(n_iter: int, seconds: float) -> Measured:
        fits = repeat(lambda: one_fit(n_iter), seconds)
        iterations = [iteration for one in fits for iteration in one.iterations]
        return Measured(iterations, [one.fixed[0] for one in fits], fits[-1].parameters)

    return measure


def repeat(function: Callable[[], T], seconds: float) -> list[T]:
    """Results of calling `function` until the time is up, at least once."""
    end = time.perf_counter() + seconds
    results = [function()]
    while time.perf_counter() < end and len(results) < _MAX_REPEATS:
        results.append(function())
    return results


def timed(function: Callable[[], T]) -> tuple[float, T]:
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def require_iterations(done: int, asked: int) -> None:
    """Refuse a fit that stopped early: its time would be of fewer iterations."""
    if done != asked:
        raise RuntimeError(f"stopped after {done} of {asked} iterations")


def serve(
    versions: dict[str, str],
    prepare: Callable[[Loaded], Measure],
    fitted: Callable[[Loaded], Any] | None = None,
) -> None:
    """Answer commands until stdin ends. `fitted` gives the model whose methods `evaluate` times."""
    warnings.simplefilter("ignore")  # that EM did not converge is what we ask for
    server = _Server(versions, prepare, fitted)
    answer_commands({"versions": server.versions, **server.commands})


def answer_commands(commands: dict[str, Callable[..., Any]]) -> None:
    """Call commands[do](**rest) for each line {"do": ..., ...} and print what it returns as JSON."""
    replies = _private_stdout()
    for line in sys.stdin:
        arguments = json.loads(line)
        try:
            answer = commands[arguments.pop("do")](**arguments)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        replies.write(json.dumps(answer) + "\n")
        replies.flush()


def _private_stdout() -> Any:
    """Keep stdout for replies; what a library prints goes to stderr."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return replies


class _Server:
    def __init__(
        self,
        versions: dict[str, str],
        prepare: Callable[[Loaded], Measure],
        fitted: Callable[[Loaded], Any] | None,
    ) -> None:
        self._versions = versions
        self._prepare = prepare
        self._fitted = fitted
        self.commands = {"load": self.load, "iterate": self.iterate, "evaluate": self.evaluate}

    def versions(self) -> dict[str, str]:
        return {"python": sys.version.split()[0], "numpy": np.__version__, **self._versions}

    def load(
        self, rows: str, start: str, structure: str, reg_covar: float, **options: Any
    ) -> dict[str, Any]:
        X = np.load(rows)
        with np.load(start) as arrays:
            parameters = {name: arrays[name].astype(X.dtype) for name in arrays.files}
        self._loaded = Loaded(
            X, **parameters, structure=structure, reg_covar=reg_covar, options=options
        )
        self._measure = self._prepare(self._loaded)
        self._model: Any = None
        return {}

    def iterate(self, n_iter: int, seconds: float, parameters: str = "") -> dict[str, Any]:
        """Fit again and again for about `seconds`, at least once."""
        measured = self._measure(n_iter, seconds)
        if parameters:
            _save(parameters, measured.parameters)
        return {"iterations": measured.iterations, "fixed": measured.fixed}

    def evaluate(self, method: str, seconds: float) -> dict[str, Any]:
        """Time a method of the fitted model on the rows."""
        if self._fitted is None:
            raise RuntimeError("this peer has no fitted model")
        if self._model is None:
            self._model = self._fitted(self._loaded)
        function = getattr(self._model, method)
        calls = repeat(lambda: timed(lambda: function(self._loaded.X))[0], seconds)
        return {"seconds": calls}


def _save(path: str, parameters: Parameters) -> None:
    weights, means, covariances = (np.asarray(value, dtype=np.float64) for value in parameters)
    np.savez(path, weights=weights, means=means, covariances=covariances)
