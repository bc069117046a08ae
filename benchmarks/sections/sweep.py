"""All sizes: no shape may be much slower than the one next to it."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from harness.bench import OURS, Bench
from harness.limits import limit_terms, median_rates, useful_flops
from harness.problems import Problem, write
from harness.text import digits, percent, table

TITLE = "Sweep over features and components"

FEATURES = (1, 2, 3, 5, 8, 10, 16, 17, 24, 32, 33, 64, 128, 200)
COMPONENTS = (1, 2, 3, 10, 32, 100, 500)
STRUCTURES = ("full", "tied", "diag", "spherical")

# A cell's time in units of the sum of its three terms (flops, exponentials, bytes): how much more than a
# neighbour's makes a cliff. Not of the largest, by which the share goes: where two are equal it is half
# of the sum, and shares dip between shapes whose times rise evenly.
CLIFF = 1.6

# Rows, so that an iteration takes about the same time everywhere. Enough of them, where that does not take
# seconds, for the M-step, which does not grow with the rows, to be a small part.
_FLOPS = 1e8
_MOST_FLOPS = 2e10
_LEAST_ROWS, _ENOUGH_ROWS, _MOST_ROWS = 2048, 8192, 200_000

_SECONDS = 0.15
_N_ITER = 9
_LARGE = 2e9  # useful flops, above which one iteration tells enough
_REPEATS = 2  # of a cell that looks like a cliff, before it counts as one

Key = tuple[str, int, int]


def measure(bench: Bench) -> dict[str, Any]:
    slices = [_measure_slice(bench, s, dtype) for dtype in bench.dtypes for s in bench.structures]
    return join(slices)


def join(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """One sweep from several, each of other structures or precisions."""
    return {
        "rates": [rates for part in parts for rates in part["rates"]],
        "cells": [cell for part in parts for cell in part["cells"]],
        "cliffs": [cliff for part in parts for cliff in part["cliffs"]],
    }


@dataclass(frozen=True)
class Sample:
    """One time of a cell, and what the machine could do just then: slow minutes hit both."""

    seconds: float
    rates: dict[str, float]


Samples = dict[Key, list[Sample]]


def _measure_slice(bench: Bench, structure: str, dtype: str) -> dict[str, Any]:
    """All sizes of one structure in one precision; neighbours never differ in either."""
    features = FEATURES[::3] if bench.quick else FEATURES
    components = COMPONENTS[1::2] if bench.quick else COMPONENTS
    samples: Samples = {}
    for d in features:
        samples |= _measure_cells(bench, dtype, [(structure, d, k) for k in components])
    for _ in range(_REPEATS):
        suspects = {key for cliff in find_cliffs(_burdens(samples, dtype)) for key in cliff}
        for key, again in _measure_cells(bench, dtype, sorted(suspects)).items():
            samples[key] += again
    print(f"swept {structure} {dtype}", flush=True)
    burdens = _burdens(samples, dtype)
    cells = [_cell(key, dtype, of_cell) for key, of_cell in samples.items()]
    cliffs = [(dtype, slow, fast) for slow, fast in find_cliffs(burdens)]
    rates = median_rates([s.rates for of_cell in samples.values() for s in of_cell])
    return {"rates": [{"dtype": dtype, **rates}], "cells": cells, "cliffs": cliffs}


def _cell(key: Key, dtype: str, samples: list[Sample]) -> dict[str, Any]:
    problem = shape(*key)
    seconds = statistics.median(sample.seconds for sample in samples)
    return {
        "structure": problem.structure,
        "dtype": dtype,
        "d": problem.n_features,
        "k": problem.n_components,
        "n_rows": problem.n_rows,
        "seconds": seconds,
        "flop_seconds": seconds / useful_flops(problem),
        "share": statistics.median(max(terms(key, dtype, s)) / s.seconds for s in samples),
        "burden": burden(key, dtype, samples),
    }


def _measure_cells(bench: Bench, dtype: str, keys: list[Key]) -> Samples:
    """One sample of each."""
    samples: Samples = {}
    for first in range(0, len(keys), len(COMPONENTS)):
        batch = keys[first : first + len(COMPONENTS)]
        rates = bench.machine.ask(do="rates", dtype=dtype)
        samples |= {key: [Sample(_measure(bench, dtype, *key), rates)] for key in batch}
    return samples


def _measure(bench: Bench, dtype: str, structure: str, d: int, k: int) -> float:
    """Seconds of an iteration."""
    problem = shape(structure, d, k)
    files = write(problem, bench.folder / "sweep", (dtype,))
    worker = bench.workers[OURS]
    worker.ask(**files.command(problem, dtype), loop=True)  # checks would be most of the time
    n_iter = _N_ITER if useful_flops(problem) < _LARGE else 1
    return worker.ask(do="iterate", n_iter=n_iter, seconds=_SECONDS)["iterations"][0]


def shape(structure: str, d: int, k: int) -> Problem:
    one_row = useful_flops(Problem("", 1, d, k, structure))
    least = max(_LEAST_ROWS, min(_ENOUGH_ROWS, int(_MOST_FLOPS / one_row)))
    n_rows = min(max(int(_FLOPS / one_row), least), _MOST_ROWS)
    # A component can have fewer rows than its covariance has directions: reg_covar keeps it regular.
    return Problem("", n_rows, d, k, structure, reg_covar=1.0, round_clouds=True)


def _burdens(samples: Samples, dtype: str) -> dict[Key, float]:
    return {key: burden(key, dtype, of_cell) for key, of_cell in samples.items()}


def burden(key: Key, dtype: str, samples: list[Sample]) -> float:
    """A cell's time in units of the sum of its terms."""
    return statistics.median(s.seconds / sum(terms(key, dtype, s)) for s in samples)


def terms(key: Key, dtype: str, sample: Sample) -> list[float]:
    return list(limit_terms(shape(*key), dtype, sample.rates).values())


def find_cliffs(burdens: dict[Key, float]) -> list[tuple[Key, Key]]:
    """Neighbours (slow, fast) of which one uses the machine so much worse."""
    pairs = [sorted(pair, key=burdens.__getitem__) for pair in _neighbours(burdens)]
    return [(slow, fast) for fast, slow in pairs if burdens[slow] > CLIFF * burdens[fast]]


def _neighbours(cells: dict[Key, float]) -> list[tuple[Key, Key]]:
    features = sorted({d for _, d, _ in cells})
    components = sorted({k for _, _, k in cells})
    structures = list(dict.fromkeys(structure for structure, _, _ in cells))
    along_d = [
        ((s, d, k), (s, e, k))
        for s in structures
        for k in components
        for d, e in pairwise(features)
    ]
    along_k = [
        ((s, d, k), (s, d, m))
        for s in structures
        for d in features
        for k, m in pairwise(components)
    ]
    return along_d + along_k


def render(data: dict[str, Any]) -> str:
    parts = [
        "Picoseconds for each useful flop of each row, mixtura, and the share of the limit. "
        f"**Bold**: a cliff, more than {CLIFF} times a neighbour's time for the sum of what it needs (flops, "
        "exponentials and bytes)."
    ]
    for dtype in dict.fromkeys(cell["dtype"] for cell in data["cells"]):
        cells = {
            (cell["structure"], cell["d"], cell["k"]): cell
            for cell in data["cells"]
            if cell["dtype"] == dtype
        }
        cliffs = [(tuple(s), tuple(f)) for of, s, f in data["cliffs"] if of == dtype]
        structures = list(dict.fromkeys(structure for structure, _, _ in cells))
        for structure in structures:
            grid = _grid(cells, structure, {slow for slow, _ in cliffs})
            parts += [f"### {structure}, {dtype}", grid]
        parts += [f"### All shares in percent, {dtype}", _share_table(cells, structures)]
        parts.append(_cliff_text(cliffs, cells))
    return "\n\n".join(parts)


def _grid(cells: dict[Key, dict[str, float]], structure: str, slow: set[Any]) -> str:
    features = sorted({d for s, d, _ in cells if s == structure})
    components = sorted({k for s, _, k in cells if s == structure})

    def text(d: int, k: int) -> str:
        cell = cells[structure, d, k]
        number = f"{digits(cell['flop_seconds'] * 1e12)} ({percent(cell['share'])})"
        return f"**{number}**" if (structure, d, k) in slow else number

    rows = [[f"d = {d}", *(text(d, k) for k in components)] for d in features]
    return table(["", *(f"K = {k}" for k in components)], rows)


def _share_table(cells: dict[Key, dict[str, float]], structures: list[str]) -> str:
    """A cell for each structure and number of features: the shares at every number of components."""
    features = sorted({d for _, d, _ in cells})
    components = sorted({k for _, _, k in cells})

    def text(structure: str, d: int) -> str:
        return " ".join(f"{100 * cells[structure, d, k]['share']:.0f}" for k in components)

    rows = [[str(d), *(text(structure, d) for structure in structures)] for d in features]
    listed = ", ".join(map(str, components))
    return f"At K = {listed}:\n\n" + table(["d", *structures], rows)


def _cliff_text(cliffs: list[tuple[Key, Key]], cells: dict[Key, dict[str, float]]) -> str:
    if not cliffs:
        return f"No cliffs: no neighbours differ by more than {CLIFF} ×."
    lines = []
    for slow, fast in cliffs:
        ratio = cells[slow]["burden"] / cells[fast]["burden"]
        (structure, d, k), (_, e, m) = slow, fast
        lines.append(f"- {structure}, d = {d}, K = {k}: {digits(ratio)} × d = {e}, K = {m}")
    return "\n".join([f"Cliffs: {len(lines)}", "", *lines])
