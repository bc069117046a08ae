"""What in the data makes covariances degenerate: constant, equal or dependent columns, repeated rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from mixtura._rows import Array, FloatArray, block_slices

# Rows looked at for repeated ones, and those that tell whether all rows are looked at for columns.
_ROWS_LOOKED_AT = 10_000
_ROWS_AT_A_GLANCE = 2_000

# Phrases in one message.
_MOST_NAMED = 10

# Least eigenvalue of the correlation matrix up to which columns depend on each other.
_DEPENDENT = 1e-9


def findings(X: Array, names: Array | None, weight: FloatArray | None = None) -> list[str]:
    """What makes data degenerate, each a phrase; empty where nothing is found."""
    found = column_findings(X, names, weight)
    repeated = _repeated_row(X)
    if repeated is not None and not np.all(X[0] == X[-1]):
        row, times, looked_at = repeated
        found.append(f"row {row} stands {times} times among the first {looked_at} rows")
    return found


def column_findings(X: Array, names: Array | None, weight: FloatArray | None = None) -> list[str]:
    """What makes covariances degenerate in the columns, each a phrase; rows of weight 0 do not count."""
    glance = _glance(X, weight)
    with np.errstate(all="ignore"):  # numbers whose squares overflow are none of this
        if not _is_suspicious(glance.astype(np.float64)):
            return []
    constant = _constant_columns(X, weight, glance[0])
    found = [f"column {_name(j, names)} is constant ({value:g})" for j, value in constant]
    skip = {j for j, _ in constant}
    equal = [(i, j) for i, j in _equal_columns(X, weight, glance) if i not in skip]
    found += [f"columns {_name(i, names)} and {_name(j, names)} are equal" for i, j in equal]
    skip |= {j for _, j in equal}
    kept = [j for j in range(X.shape[1]) if j not in skip]
    blocks = (block[:, kept] for block in _blocks(X, weight))
    dependent = [kept[j] for j in _dependent_columns(blocks, glance[:, kept])]
    if dependent:
        listed = ", ".join(_name(j, names) for j in dependent)
        found.append(f"columns {listed} are linearly dependent")
    if len(found) > _MOST_NAMED:
        found = [*found[:_MOST_NAMED], f"and {len(found) - _MOST_NAMED} more such columns"]
    return found


def row_findings(X: Array, weight: FloatArray | None, n_components: int) -> str:
    """A sentence where there are hardly more distinct rows than components, or ''."""
    glance = _glance(X, weight)
    few = 2 * n_components
    if len(np.unique(glance[:, 0])) > few or len(np.unique(glance, axis=0)) > few:
        return ""
    distinct = np.unique(glance, axis=0)
    for block in _blocks(X, weight):
        distinct = np.unique(np.concatenate([distinct, block]), axis=0)
        if len(distinct) > few:
            return ""
    return f"There are only {len(distinct)} distinct rows for {n_components} components."


def _glance(X: Array, weight: FloatArray | None) -> Array:
    """Some rows, spread over those that count."""
    if weight is None:
        return X[:: max(1, len(X) // _ROWS_AT_A_GLANCE)]
    step = max(1, int(np.count_nonzero(weight)) // _ROWS_AT_A_GLANCE)
    there = [rows.start + np.flatnonzero(weight[rows])[::step] for rows in block_slices(len(X), 1)]
    counting: Array = X[np.concatenate(there)]
    return counting


def _blocks(X: Array, weight: FloatArray | None) -> Iterator[Array]:
    """All rows that count."""
    for rows in block_slices(*X.shape):
        yield X[rows] if weight is None else X[rows][weight[rows] > 0]


def _is_suspicious(glance: Array) -> bool:
    """Whether a column seems constant or a combination of others."""
    centred = glance - glance.mean(axis=0)
    scatter = centred.T @ centred
    sizes = np.sqrt(np.diag(scatter))
    if not (sizes > 1e-13 * np.sqrt(len(glance)) * np.abs(glance[0])).all():
        return True
    if len(glance) <= len(sizes) or len(sizes) == 1:
        return False
    if np.linalg.eigvalsh(scatter / np.outer(sizes, sizes))[0] > _DEPENDENT:
        return False
    # One row that is far away in every column makes them seem so: without such rows they must be, too.
    distance = np.abs(glance - np.median(glance, axis=0))
    near = (distance <= 30 * np.median(distance, axis=0)).all(axis=1)
    return near.sum() <= len(sizes) or bool(_dependent_columns([glance[near]], glance[near]))


def _dependent_columns(blocks: Iterable[Array], glance: Array) -> list[int]:
    """Columns, none of them constant, of which some combination is; none where too few rows tell.

    The glance gives centres and units for the sums over the blocks.
    """
    n_features = glance.shape[1]
    if n_features < 2:
        return []
    centre = glance.mean(axis=0, dtype=np.float64)
    units = np.abs(glance - centre).max(axis=0)
    units[units == 0] = 1.0
    n_rows, firsts, seconds = 0, np.zeros(n_features), np.zeros((n_features, n_features))
    for block in blocks:
        centred = (block - centre) / units
        n_rows += len(centred)
        firsts += centred.sum(axis=0)
        seconds += centred.T @ centred
    if n_rows <= n_features:
        return []
    scatter = seconds - np.outer(firsts, firsts) / n_rows
    sizes = np.sqrt(np.diag(scatter))
    values, vectors = np.linalg.eigh(scatter / sizes[:, np.newaxis] / sizes)
    if values[0] > _DEPENDENT:
        return []
    return [int(j) for j in np.flatnonzero(np.abs(vectors[:, 0]) > 1e-4)]


def _name(column: int, names: Array | None) -> str:
    return str(column) if names is None else f"{column} ({names[column]!r})"


def _constant_columns(X: Array, weight: FloatArray | None, first: Array) -> list[tuple[int, float]]:
    same = np.ones(X.shape[1], dtype=bool)
    for block in _blocks(X, weight):
        same &= np.all(block == first, axis=0)
        if not same.any():
            break
    return [(int(j), float(first[j])) for j in np.flatnonzero(same)]


def _equal_columns(X: Array, weight: FloatArray | None, glance: Array) -> list[tuple[int, int]]:
    first_seen: dict[bytes, int] = {}
    pairs = []
    for j, column in enumerate(np.ascontiguousarray(glance.T)):
        i = first_seen.setdefault(column.tobytes(), j)
        if i != j and all(np.array_equal(b[:, i], b[:, j]) for b in _blocks(X, weight)):
            pairs.append((i, j))
    return pairs


def _repeated_row(X: Array) -> tuple[int, int, int] | None:
    head = np.ascontiguousarray(X[:_ROWS_LOOKED_AT])
    _, first, counts = np.unique(head, axis=0, return_index=True, return_counts=True)
    most = int(np.argmax(counts))
    if counts[most] < 2:
        return None
    return int(first[most]), int(counts[most]), len(head)
