"""How long after Ctrl-C does a call end? Signals at random moments of each phase; median and worst.

python benchmarks/faults/interrupt.py [--tries 20] [--only fit]
"""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Timer
from time import perf_counter

import numpy as np

import mixtura
from mixtura import GaussianMixture, GaussianMixtureSearch, Mixture
from mixtura.testing.problems import random_mixture

LIMIT = 0.2

# Rows, features, components and structures of fits, from few of both to many of either.
_SHAPES = (
    (2_000, 2, 5, ("full",)),
    (200_000, 10, 10, ("full",)),
    (60, 1_536, 3, ("full", "diag")),
    (300, 768, 3, ("diag",)),
    (3_000, 256, 3, ("full", "tied")),
    (300, 400, 3, ("tied",)),
    (500, 2_000, 3, ("spherical",)),
)

Action = Callable[[], object]


def phases(folder: Path) -> Iterator[tuple[str, Action]]:
    """What is interrupted, by name. Where a fit is needed first, it is made when the phase is asked for."""
    rng = np.random.RandomState(0)
    for n_rows, n_features, n_components, types in _SHAPES:
        X = rng.normal(size=(n_rows, n_features))
        for name in types:
            what = f"fit {name}, {n_rows:,} x {n_features:,}, K={n_components}"
            yield what, fit(X, n_components, covariance_type=name)
    wide, wider = rng.normal(size=(100, 1000)), rng.normal(size=(60, 1536)).astype(np.float32)
    tall = rng.normal(size=(3000, 600))
    for name in ("full", "tied", "diag", "VEV", "VVE"):
        yield f"fit {name}, 100 x 1000", fit(wide, covariance_type=name)
    yield "fit full, 60 x 1536, float32", fit(wider)
    yield "fit full, 3000 x 600", fit(tall, max_iter=20)
    for init in ("random", "kmeans", "k-means++"):
        yield f"fit from {init}, 100 x 1000", fit(wide, init_params=init)
    yield "sweep, 200 x 100", lambda: GaussianMixtureSearch(range(1, 4)).fit(tall[:200, :100])
    path = folder / "rows.parquet"
    write(path, tall)
    yield "fit of a file, 3000 x 600", fit(mixtura.scan(path), max_iter=20)
    fitted = fit(tall[:, :500], init_params="random_from_data", max_iter=3)()
    many = GaussianMixture.from_parameters(
        np.full(4, 0.25),
        rng.normal(size=(4, 1500)),
        np.tile(np.eye(1500) + 0.1, (4, 1, 1)),
    )
    several = random_mixture(30, 200, "full", np.random.default_rng(0))
    saved = folder / "model.mixtura"
    many.save(saved)
    yield "diagnosis_, K = 4, d = 1500", lambda: diagnosis(many.mixture_)
    yield "diagnosis_, K = 3, d = 500", lambda: diagnosis(fitted.mixture_)
    yield "diagnosis_, K = 30, d = 200", lambda: diagnosis(several)
    yield "summary, d = 1500", many.summary
    yield "precisions_, d = 1500", lambda: replace(many.mixture_).precisions
    yield "save, d = 1500", lambda: many.save(saved)
    yield "load, d = 1500", lambda: mixtura.load(saved)
    yield "sample, d = 1500", lambda: many.sample(1000)
    yield "condition, d = 1500", lambda: many.mixture_.condition(range(500), np.zeros(500))
    yield "predict, d = 500", lambda: fitted.predict_proba(tall[:, :500])


def fit(X: object, n_components: int = 3, **options: object) -> Callable[[], GaussianMixture]:
    return lambda: GaussianMixture(n_components, random_state=0, **options).fit(X)


def diagnosis(mixture: Mixture) -> object:
    """Of the mixture, of which nothing is computed yet."""
    rows, floor = np.full(mixture.n_components, 2000.0), np.full(mixture.n_features, 1e-6)
    return mixtura.fitting.diagnosis.diagnose(replace(mixture), rows, floor)


def write(path: Path, X: np.ndarray) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    columns = {f"x{j}": X[:, j] for j in range(X.shape[1])}
    pa.parquet.write_table(pa.table(columns), path, row_group_size=500)


def seconds_of(action: Action, most: float = 20.0) -> float:
    """How long it takes, up to `most`."""
    began = perf_counter()
    delay_of(action, most)
    return perf_counter() - began


def delay_of(action: Action, moment: float) -> float:
    """Seconds from the signal, sent at that moment, to the end of the call; 0 where it had ended before."""
    sent: list[float] = []

    def send() -> None:
        sent.append(perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = Timer(moment, send)
    timer.daemon = True
    timer.start()
    try:
        action()
        timer.cancel()
        timer.join()
    except KeyboardInterrupt:
        pass
    return perf_counter() - sent[0] if sent else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=20)
    parser.add_argument("--only", default="", help="phases whose name holds this")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has jobs behind & ignore it
    rng = np.random.RandomState()
    print(f"{'phase':34}  {'whole':>8}  {'median':>8}  {'worst':>8}  late", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, action in phases(Path(folder)):
            if arguments.only not in name:
                continue
            whole = seconds_of(action)
            delays = [delay_of(action, whole * rng.uniform()) for _ in range(arguments.tries)]
            late = sum(delay > LIMIT for delay in delays)
            figures = f"{whole:7.2f}s  {np.median(delays):7.3f}s  {max(delays):7.3f}s"
            print(f"{name:34}  {figures}  {late or ''}", flush=True)


if __name__ == "__main__":
    main()
