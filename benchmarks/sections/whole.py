"""Whole fits with all defaults: what a user waits for, of 60 rows to a million and 2 to 2,000 features."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from harness.bench import OURS, THEIRS, Bench
from harness.text import table
from sections.small import WORSE, Fits, measured, row_of

TITLE = "Whole fits"

# rows, features, components, structure, how far apart in standard deviations of a column, fits
PROBLEMS = (
    (2_000, 2, 5, "full", 3.0, 20),
    (2_000, 2, 5, "full", 1.5, 20),
    (20_000, 8, 8, "full", 3.0, 5),
    (20_000, 8, 8, "full", 1.0, 5),
    (200_000, 10, 10, "full", 3.0, 2),
    (200_000, 10, 10, "full", 1.0, 2),
    (1_000_000, 4, 6, "full", 3.0, 1),
    (1_000_000, 4, 6, "full", 1.5, 1),
    (60, 1_536, 3, "full", 1.0, 2),
    (60, 1_536, 3, "diag", 1.0, 2),
    (300, 768, 3, "diag", 1.0, 2),
    (300, 400, 3, "tied", 1.0, 2),
    (3_000, 256, 3, "full", 1.0, 2),
    (3_000, 256, 3, "tied", 1.0, 2),
    (500, 2_000, 3, "spherical", 1.0, 2),
)


def drawn(n_rows: int, n_features: int, n_components: int, apart: float, seed: int) -> np.ndarray:
    """Clusters with covariances of all shapes."""
    rng = np.random.default_rng(seed)
    means = apart * rng.standard_normal((n_components, n_features))
    scales = rng.uniform(0.5, 1.5, (n_components, n_features))
    labels = rng.choice(n_components, n_rows, p=rng.dirichlet(np.full(n_components, 5.0)))
    noise = rng.standard_normal((n_rows, n_features))
    turned = noise + 0.3 * np.roll(noise, 1, axis=1)
    return means[labels] + scales[labels] * turned


def measure(bench: Bench) -> dict[str, Any]:
    workers = {name: bench.workers[name] for name in (THEIRS, OURS) if name in bench.workers}
    chosen = [
        problem for problem in PROBLEMS if not bench.quick or problem[0] * problem[1] <= 5_000
    ]
    return {"fits": [measured(bench, workers, fits_of(*problem)) for problem in chosen]}


def fits_of(
    n_rows: int, n_features: int, n_components: int, structure: str, apart: float, n_fits: int
) -> Fits:
    label = f"{n_rows:,} × {n_features:,}, K = {n_components}, {structure}, {apart:g} apart"
    arguments = {"n_components": n_components, "covariance_type": structure}
    return Fits(label, n_fits, partial(drawn, n_rows, n_features, n_components, apart), arguments)


def render(data: dict[str, Any]) -> str:
    names = list(data["fits"][0]["seconds"])
    return "\n\n".join(
        [
            "All defaults of each library (`random_state=0`): scikit-learn's is a single start from k-means "
            "and `tol` 1e-3, mixtura's a search for the best optimum and `tol` 1e-7. Rows are drawn from "
            "clusters whose means have so many standard deviations in each column. In brackets how many fits "
            f"ended more than {WORSE:g} nats a row below the other:",
            table(
                ["rows", "fits", *names, "ratio"], [row_of(fits, names) for fits in data["fits"]]
            ),
        ]
    )
