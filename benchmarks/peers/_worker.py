"""What all peers share: a process that answers commands, one JSON object a line.

A peer's program hands `serve` its versions and a function `prepare(loaded)`, which does what need not be
timed and returns `run(n_iter)`: EM from the given start, measured. It runs in the peer's own environment,
so nothing but numpy is imported here.
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
from typing import Any

import numpy as np

Parameters = tuple[Any, Any, Any]

# A fit that takes microseconds is not repeated for ever.
_MAX_RUNS = 200


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
class Run:
    """One measured fit."""

    iterations: list[float]  # seconds; one number for each iteration, or their mean
    total: float  # seconds of a whole fit of n_iter iterations
    n_iter: int
    parameters: Parameters  # weights, means, covariances after n_iter iterations

    @property
    def fixed(self) -> float:
        """Seconds of the fit beside its iterations."""
        return self.total - self.n_iter * statistics.median(self.iterations)


def by_difference(fit: Callable[[int], Parameters]) -> Callable[[int], Run]:
    """Measure a library that cannot be looked into: what n iterations cost more than one does.

    All that a fit does once (validation, copies, the last E-step) drops out.
    """

    def run(n_iter: int) -> Run:
        one, _ = _timed(fit, 1)
        total, parameters = _timed(fit, n_iter)
        return Run([(total - one) / (n_iter - 1)], total, n_iter, parameters)

    return run


def by_stamps(fit: Callable[[int, list[float]], Parameters]) -> Callable[[int], Run]:
    """Measure a library that calls back: `fit` notes the time at the same point of each iteration.

    For the slow ones: no second fit is needed, and every iteration is a sample.
    """

    def run(n_iter: int) -> Run:
        stamps: list[float] = []
        total, parameters = _timed(lambda n: fit(n, stamps), n_iter)
        if len(stamps) != n_iter + 1:
            raise RuntimeError(f"{len(stamps)} stamps from {n_iter} iterations")
        return Run(np.diff(stamps).tolist(), total, n_iter, parameters)

    return run


def require_iterations(done: int, asked: int) -> None:
    """Refuse a fit that stopped early: its time would be of fewer iterations."""
    if done != asked:
        raise RuntimeError(f"stopped after {done} of {asked} iterations")


def _timed(function: Callable[[int], Parameters], n_iter: int) -> tuple[float, Parameters]:
    start = time.perf_counter()
    result = function(n_iter)
    return time.perf_counter() - start, result


def serve(
    versions: dict[str, str],
    prepare: Callable[[Loaded], Callable[[int], Run]],
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
        prepare: Callable[[Loaded], Callable[[int], Run]],
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
        self._run = self._prepare(self._loaded)
        self._model: Any = None
        return {}

    def iterate(self, n_iter: int, seconds: float, parameters: str = "") -> dict[str, Any]:
        """Fit again and again for about `seconds`, at least once."""
        runs, end = [], time.perf_counter() + seconds
        while not runs or (time.perf_counter() < end and len(runs) < _MAX_RUNS):
            runs.append(self._run(n_iter))
        if parameters:
            _save(parameters, runs[-1].parameters)
        iterations = [second for run in runs for second in run.iterations]
        return {"iterations": iterations, "fixed": [run.fixed for run in runs]}

    def evaluate(self, method: str, seconds: float) -> dict[str, Any]:
        """Time a method of the fitted model on the rows."""
        if self._fitted is None:
            raise RuntimeError("this peer has no fitted model")
        if self._model is None:
            self._model = self._fitted(self._loaded)
        function = getattr(self._model, method)
        samples: list[float] = []
        end = time.perf_counter() + seconds
        while not samples or (time.perf_counter() < end and len(samples) < _MAX_RUNS):
            start = time.perf_counter()
            function(self._loaded.X)
            samples.append(time.perf_counter() - start)
        return {"seconds": samples}


def _save(path: str, parameters: Parameters) -> None:
    weights, means, covariances = (np.asarray(value, dtype=np.float64) for value in parameters)
    np.savez(path, weights=weights, means=means, covariances=covariances)
