"""Why a covariance is held up by reg_covar alone: constant or equal columns, repeated rows."""

from __future__ import annotations

import numpy as np

from mixtura._rows import Array, block_slices
from mixtura.mixture import Mixture

# Least variance in any direction, in units of reg_covar, up to which reg_covar alone keeps it from 0.
_HELD_UP = 1.01

# Rows looked at for equal columns and repeated rows.
_ROWS_LOOKED_AT = 10_000


def held_up_components(mixture: Mixture, reg_covar: float) -> list[int]:
    """Components with a direction in which the data have no spread beside reg_covar."""
    k, d = mixture.means.shape
    precisions = mixture.structure.diagonals(mixture.precisions, k, d)
    # The largest eigenvalue of a precision is at most d times its largest diagonal entry.
    suspects = np.any(precisions * d * _HELD_UP * reg_covar >= 1.0, axis=1) & (mixture.weights > 0)
    return [k for k in map(int, np.flatnonzero(suspects)) if _is_held_up(mixture, k, reg_covar)]


def _is_held_up(mixture: Mixture, component: int, reg_covar: float) -> bool:
    if mixture.structure.has_matrices:
        least = np.linalg.eigvalsh(mixture.covariance_matrices()[component])[0]
    else:
        least = mixture.spreads[component].min() ** 2
    return bool(least <= _HELD_UP * reg_covar)


def degenerate_message(
    components: list[int], X: Array, reg_covar: float, names: Array | None
) -> str:
    """One sentence on what is degenerate, and what was found in the data."""
    plural = "s" if len(components) > 1 else ""
    listed = ", ".join(map(str, components[:10])) + (", ..." if len(components) > 10 else "")
    found = "; ".join(findings(X, names)) or (
        f"their data spread less than reg_covar={reg_covar:g}: give X in larger units, or lower reg_covar"
    )
    return (
        f"Component{plural} {listed} held up by reg_covar={reg_covar:g} alone, so the likelihood "
        f"depends on it: {found}."
    )


def findings(X: Array, names: Array | None) -> list[str]:
    """What makes data degenerate, each a phrase; empty where nothing is found."""
    constant = _constant_columns(X)
    found = [f"column {_name(j, names)} is constant ({value:g})" for j, value in constant]
    skip = {j for j, _ in constant}
    found += [
        f"columns {_name(i, names)} and {_name(j, names)} are equal"
        for i, j in _equal_columns(X)
        if i not in skip
    ]
    repeated = _repeated_row(X)
    if repeated is not None and len(constant) < X.shape[1]:
        row, times, looked_at = repeated
        found.append(f"row {row} stands {times} times among the first {looked_at} rows")
    return found


def _name(column: int, names: Array | None) -> str:
    return str(column) if names is None else f"{column} ({names[column]!r})"


def _constant_columns(X: Array) -> list[tuple[int, float]]:
    same = np.ones(X.shape[1], dtype=bool)
    for rows in block_slices(*X.shape):
        same &= np.all(X[rows] == X[0], axis=0)
        if not same.any():
            break
    return [(int(j), float(X[0, j])) for j in np.flatnonzero(same)]


def _equal_columns(X: Array) -> list[tuple[int, int]]:
    head = np.ascontiguousarray(X[:_ROWS_LOOKED_AT].T)
    first_seen: dict[bytes, int] = {}
    pairs = []
    for j, column in enumerate(head):
        i = first_seen.setdefault(column.tobytes(), j)
        if i != j and all(np.array_equal(X[r, i], X[r, j]) for r in block_slices(len(X), 1)):
            pairs.append((i, j))
    return pairs


def _repeated_row(X: Array) -> tuple[int, int, int] | None:
    head = np.ascontiguousarray(X[:_ROWS_LOOKED_AT])
    _, first, counts = np.unique(head, axis=0, return_index=True, return_counts=True)
    most = int(np.argmax(counts))
    if counts[most] < 2:
        return None
    return int(first[most]), int(counts[most]), len(head)
