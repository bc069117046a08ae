"""What all peers share: a process that answers commands, one JSON object a line.

A peer's program hands `serve` its versions and a function `prepare(loaded)`, which does what need not be
timed and returns a `Measure` of EM from the given start. It runs in the peer's own environment, so nothing
but numpy is imported here.
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
class Times:
    """Samples, in seconds."""

    iterations: list[float]  # of one EM iteration
    fixed: list[float]  # of a fit beside its iterations


@dataclass(frozen=True)
class Measure:
    """How a peer is measured on the problem that is loaded."""

    reach: Callable[[int], tuple[list[float], Parameters]]  # one fit; iterations' times if known
    times: Callable[[int, float], Times]  # fits of n iterations, for about so many seconds


def by_difference(fit: Callable[[int], Parameters], first: int = 1) -> Measure:
    """Measure a library that cannot be looked into: what n iterations cost more after the `first` ones.

    All that a fit does once (validation, copies, the last E-step) drops out. The difference is one of
    medians: a difference of single fits of a millisecond would be noise. The first fit of a turn is thrown
    away: threads asleep and caches cold would make one iteration dear and the difference small.
    """

    def times(n_iter: int, seconds: float) -> Times:
        fit(first)
        pairs = repeat(
            lambda: (timed(lambda: fit(first))[0], timed(lambda: fit(first + n_iter))[0]), seconds
        )
        fewer, more = (statistics.median(column) for column in zip(*pairs, strict=True))
        iteration = (more - fewer) / n_iter
        return Times([iteration], [fewer - first * iteration])

    return Measure(lambda n_iter: ([], fit(n_iter)), times)


def by_stamps(fit: Callable[[int, list[float]], Parameters]) -> Measure:
    """Measure a library that calls back: `fit` notes the time at the same point of each iteration.

    For the slow ones: no second fit is needed, and every iteration is a sample.
    """

    def reach(n_iter: int) -> tuple[list[float], Parameters]:
        stamps: list[float] = []
        parameters = fit(n_iter, stamps)
        require_iterations(len(stamps) - 1, n_iter)
        return np.diff(stamps).tolist(), parameters

    def times(n_iter: int, seconds: float) -> Times:
        fits = repeat(lambda: timed(lambda: reach(n_iter)[0]), seconds)
        iterations = [iteration for _, of_one in fits for iteration in of_one]
        return Times(iterations, [total - sum(of_one) for total, of_one in fits])

    return Measure(reach, times)


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
    estimator: Callable[..., Any] | None = None,
) -> None:
    """Answer commands until stdin ends.

    fitted: gives the model whose methods `evaluate` times. estimator: the class, with scikit-learn's
    interface, whose fits `fit` times.
    """
    warnings.simplefilter("ignore")  # that EM did not converge is what we ask for
    server = _Server(versions, prepare, fitted, estimator)
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
        estimator: Callable[..., Any] | None,
    ) -> None:
        self._versions = versions
        self._prepare = prepare
        self._fitted = fitted
        self._estimator = estimator
        self.commands = {
            "load": self.load,
            "reach": self.reach,
            "iterate": self.iterate,
            "evaluate": self.evaluate,
            "fit": self.fit,
        }

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

    def reach(self, n_iter: int, parameters: str = "") -> dict[str, Any]:
        """Fit once, as a warm-up and to see where it leads."""
        iterations, reached = self._measure.reach(n_iter)
        if parameters:
            _save(parameters, reached)
        return {"iterations": iterations}

    def iterate(self, n_iter: int, seconds: float) -> dict[str, Any]:
        """Fit again and again for about `seconds`, at least once."""
        times = self._measure.times(n_iter, seconds)
        return {"iterations": times.iterations, "fixed": times.fixed}

    def evaluate(self, method: str, seconds: float) -> dict[str, Any]:
        """Time a method of the fitted model on the rows."""
        if self._fitted is None:
            raise RuntimeError("this peer has no fitted model")
        if self._model is None:
            self._model = self._fitted(self._loaded)
        function = getattr(self._model, method)
        function(self._loaded.X)  # wakes threads, fills caches
        calls = repeat(lambda: timed(lambda: function(self._loaded.X))[0], seconds)
        return {"seconds": calls}

    def fit(self, rows: str, begin: int, end: int, **arguments: Any) -> dict[str, Any]:
        """Time whole fits, one for each of the sets of rows from `begin` to before `end`."""
        if self._estimator is None:
            raise RuntimeError("this peer has no estimator")
        estimator = self._estimator
        sets = np.load(rows)[begin:end]
        estimator(**arguments).fit(sets[0])  # wakes threads, fills caches
        fits = [timed(lambda X=X: estimator(**arguments).fit(X)) for X in sets]
        return {
            "seconds": [seconds for seconds, _ in fits],
            "log_likelihoods": [
                float(model.score(X)) for (_, model), X in zip(fits, sets, strict=True)
            ],
        }


def _save(path: str, parameters: Parameters) -> None:
    weights, means, covariances = (np.asarray(value, dtype=np.float64) for value in parameters)
    np.savez(path, weights=weights, means=means, covariances=covariances)
