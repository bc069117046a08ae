"""The problems: rows from a known mixture, and an explicit start near it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

DTYPES = ("float64", "float32")


@dataclass(frozen=True)
class Problem:
    """Rows of a mixture whose neighbouring means lie about `distance` standard deviations apart.

    Three leaves the responsibilities soft, so that no library can gain by skipping what is zero.
    """

    name: str
    n_rows: int
    n_features: int
    n_components: int
    structure: str
    n_iter: int = 5
    distance: float = 3.0
    reg_covar: float = 0.0  # what it means differs between libraries
    round_clouds: bool = False  # unit covariances: rows that are quicker to make

    @property
    def label(self) -> str:
        return f"{self.n_rows:,} × {self.n_features}, K = {self.n_components}, {self.structure}"

    def scaled(self, factor: float) -> Problem:
        """The same with fewer rows, for a quick look."""
        least = 20 * self.n_components
        return replace(self, n_rows=max(least, int(self.n_rows * factor)))


# The slow ones get two iterations, or scikit-learn alone would take minutes.
TABLE = (
    Problem("B", 100_000, 2, 5, "full", n_iter=10),
    Problem("C", 200_000, 10, 10, "full"),
    Problem("D", 200_000, 32, 32, "full", n_iter=2),
    Problem("E", 50_000, 128, 16, "full", n_iter=2),
    Problem("F", 100_000, 128, 64, "diag", n_iter=2),
    Problem("G", 500_000, 10, 10, "tied"),
    Problem("H", 500_000, 10, 10, "spherical"),
    Problem("I", 500_000, 10, 10, "diag"),
)

# So near each other that EM creeps: with tol=0 mixtura stops where the likelihood has long ceased to rise.
SMALL = Problem("small", 600, 2, 3, "full", n_iter=25, distance=1.0)


@dataclass(frozen=True)
class Files:
    """Where a problem lies on disk, for the peers' processes to read."""

    rows: dict[str, Path]  # by dtype
    start: Path

    def command(self, problem: Problem, dtype: str) -> dict[str, object]:
        """What tells a peer to load it."""
        return {
            "do": "load",
            "rows": str(self.rows[dtype]),
            "start": str(self.start),
            "structure": problem.structure,
            "reg_covar": problem.reg_covar,
        }


def write(problem: Problem, folder: Path, dtypes: tuple[str, ...] = DTYPES) -> Files:
    """Make the rows and the start of `problem` and write them to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(20_260_101)
    means = _means(problem, rng)
    X = _rows(problem, means, rng)
    files = Files({dtype: folder / f"rows-{dtype}.npy" for dtype in dtypes}, folder / "start.npz")
    for dtype, path in files.rows.items():
        np.save(path, X.astype(dtype))
    np.savez(files.start, **_start(problem, means, rng))
    return files


def _means(problem: Problem, rng: np.random.Generator) -> np.ndarray:
    # Two draws from N(0, s²I) lie about s·√(2d) apart.
    scale = problem.distance / np.sqrt(2 * problem.n_features)
    return scale * rng.standard_normal((problem.n_components, problem.n_features))


def _rows(problem: Problem, means: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows in float32, so that both precisions see the same numbers."""
    d = problem.n_features
    X = rng.standard_normal((problem.n_rows, d))
    labels = rng.integers(problem.n_components, size=problem.n_rows)
    if problem.round_clouds:
        return (X + means[labels]).astype(np.float32)
    for k, mean in enumerate(means):
        # Covariances that differ by about as much in 128 dimensions as in 2.
        factor = np.eye(d) + rng.standard_normal((d, d)) / max(d, 2)
        own = labels == k
        X[own] = X[own] @ factor + mean
    return X.astype(np.float32)


def _start(problem: Problem, means: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    n_components, n_features = means.shape
    covariances = {
        "full": np.tile(np.eye(n_features), (n_components, 1, 1)),
        "tied": np.eye(n_features),
        "diag": np.ones((n_components, n_features)),
        "spherical": np.ones(n_components),
    }
    moved = means + 0.1 * rng.standard_normal(means.shape)
    return {
        "weights": np.full(n_components, 1 / n_components),
        "means": moved.astype(np.float32),
        "covariances": covariances[problem.structure],
    }
