"""The least time in which one exact EM iteration could run on this machine."""

from __future__ import annotations

import statistics
from collections.abc import Callable

from harness.problems import Problem

Rates = dict[str, float]

# Multiplications and additions that an iteration cannot do without, from (N, d, K). Full: Mahalanobis
# distances by a triangular factor, and half of the symmetric second moments, N·K·d·(d+1) each. Tied: the rows
# are whitened once, and the second moments follow from a scatter that never changes.
USEFUL_FLOPS: dict[str, Callable[[int, int, int], int]] = {
    "full": lambda n, d, k: 2 * n * k * d * (d + 1),
    "tied": lambda n, d, k: n * d * (d + 1) + 4 * n * k * d,
    "diag": lambda n, d, k: 8 * n * k * d,
    "spherical": lambda n, d, k: 4 * n * k * d,
}

ITEM_BYTES = {"float64": 8, "float32": 4}


def useful_flops(problem: Problem) -> int:
    return USEFUL_FLOPS[problem.structure](problem.n_rows, problem.n_features, problem.n_components)


def limit_terms(problem: Problem, dtype: str, rates: Rates) -> dict[str, float]:
    """Seconds that each of an iteration's three needs takes by itself."""
    exps = problem.n_rows * problem.n_components
    size = problem.n_rows * problem.n_features * ITEM_BYTES[dtype]
    return {
        "flops": useful_flops(problem) / rates["flops"],
        "exps": exps / rates["exps"],
        "bytes": size / rates["bytes"],
    }


def median_rates(samples: list[Rates]) -> Rates:
    return {name: statistics.median(rates[name] for rates in samples) for name in samples[0]}
