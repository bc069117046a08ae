"""What in the data makes covariances degenerate: constant, equal or dependent columns, repeated rows."""

from __future__ import annotations

import numpy as np

from mixtura._rows import Array, FloatArray, block_slices

# Rows looked at for equal and dependent columns and repeated rows.
_ROWS_LOOKED_AT = 10_000
_ROWS_AT_A_GLANCE = 2_000

# Least eigenvalue of the correlation matrix up to which columns depend on each other.
_DEPENDENT = 1e-9


def findings(X: Array, names: Array | None) -> list[str]:
    """What makes data degenerate, each a phrase; empty where nothing is found."""
    found = column_findings(X, names)
    repeated = _repeated_row(X)
    if repeated is not None and not np.all(X[0] == X[-1]):
        row, times, looked_at = repeated
        found.append(f"row {row} stands {times} times among the first {looked_at} rows")
    return found


def column_findings(X: Array, names: Array | None, weight: FloatArray | None = None) -> list[str]:
    """What a glance at the columns tells, each a phrase; rows of weight 0 do not count."""
    step = max(1, len(X) // _ROWS_AT_A_GLANCE)
    glance = X[::step].astype(np.float64)
    if weight is not None:
        glance = glance[weight[::step] > 0]
    with np.errstate(all="ignore"):  # numbers whose squares overflow are none of this
        if not _is_suspicious(glance):
            return []
    constant = _constant_columns(X)
    found = [f"column {_name(j, names)} is constant ({value:g})" for j, value in constant]
    skip = {j for j, _ in constant}
    equal = [(i, j) for i, j in _equal_columns(X) if i not in skip]
    found += [f"columns {_name(i, names)} and {_name(j, names)} are equal" for i, j in equal]
    skip |= {j for _, j in equal}
    kept = [j for j in range(X.shape[1]) if j not in skip]
    dependent = [kept[j] for j in _dependent_columns(glance[:, kept])]
    if dependent:
        listed = ", ".join(_name(j, names) for j in dependent)
        found.append(f"columns {listed} are linearly dependent")
    return found


def _is_suspicious(glance: Array) -> bool:
    """Whether a column seems constant or a combination of others."""
    centred = glance - glance.mean(axis=0)
    scatter = centred.T @ centred
    sizes = np.sqrt(np.diag(scatter))
    if not (sizes > 1e-13 * np.sqrt(len(glance)) * np.abs(glance[0])).all():
        return True
    if len(glance) <= len(sizes) or len(sizes) == 1:
        return False
    return bool(np.linalg.eigvalsh(scatter / np.outer(sizes, sizes))[0] <= _DEPENDENT)


def _dependent_columns(glance: Array) -> list[int]:
    """Columns of which some combination is constant; none where there are too few rows to tell."""
    n_rows, n_features = glance.shape
    if n_features < 2 or n_rows <= n_features:
        return []
    centred = glance - glance.mean(axis=0)
    centred /= np.abs(centred).max(axis=0)
    values, vectors = np.linalg.eigh(np.corrcoef(centred.T))
    if values[0] > _DEPENDENT:
        return []
    return [int(j) for j in np.flatnonzero(np.abs(vectors[:, 0]) > 1e-4)]


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
