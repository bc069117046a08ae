"""What in the data makes covariances degenerate: constant, equal or dependent columns, repeated rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

import numpy as np

from mixtura._rows import Array, FloatArray, block_slices
from mixtura.blocks import ArrayBlocks, Blocks

# Rows looked at for repeated ones, and those that tell whether all rows are looked at for columns.
_ROWS_LOOKED_AT = 10_000
_ROWS_AT_A_GLANCE = 2_000

# Phrases in one message.
_MOST_NAMED = 10

# Least eigenvalue of the correlation matrix up to which columns depend on each other.
_DEPENDENT = 1e-9


def findings(blocks: Blocks, names: Array | None, has_matrices: bool) -> list[str]:
    """What makes covariances degenerate, each a phrase; empty where nothing is found."""
    found, among_columns = column_findings(blocks, names)
    if has_matrices:
        found = first_of([*found, *among_columns])
    repeated = _repeated_row(blocks)
    if repeated is not None:
        row, times, looked_at = repeated
        found.append(f"row {row} stands {times} times among the first {looked_at} rows")
    return found


def column_warning(blocks: Blocks, names: Array | None, has_matrices: bool) -> str:
    """What is wrong with columns, what comes of it and what to do; '' where nothing is.

    Without off-diagonal elements covariances of equal or dependent columns are as sound as others.
    """
    constant, among = column_findings(blocks, names)
    clauses = []
    if has_matrices:
        constant, among = [*constant, *among], []
    if constant:
        clauses.append(f"{'; '.join(first_of(constant))}: the likelihood then depends on reg_covar")
    if among:
        clauses.append(
            f"{'; '.join(first_of(among))}: diagonal and spherical covariances take columns as "
            "independent in each component, so that what they share counts more than once"
        )
    if not clauses:
        return ""
    found = "; ".join(clauses)
    return f"{found[0].upper()}{found[1:]}. Leave such columns out."


def column_findings(blocks: Blocks, names: Array | None) -> tuple[list[str], list[str]]:
    """Constant columns, and equal or dependent ones, each a phrase; rows of weight 0 do not count."""
    glance = _glance(blocks)
    with np.errstate(all="ignore"):  # numbers whose squares overflow are none of this
        if not _is_suspicious(glance.astype(np.float64)):
            return [], []
    constant = _constant_columns(blocks, glance[0])
    alone = [f"column {_name(j, names)} is constant ({value:g})" for j, value in constant]
    skip = {j for j, _ in constant}
    equal = [(i, j) for i, j in _equal_columns(blocks, glance) if i not in skip]
    among = [f"columns {_name(i, names)} and {_name(j, names)} are equal" for i, j in equal]
    skip |= {j for _, j in equal}
    kept = [j for j in range(blocks.shape[1]) if j not in skip]
    moments = blocks.each(partial(_moments, glance=glance[:, kept], columns=kept))
    dependent = [kept[j] for j in _dependent_columns(moments, len(kept))]
    if dependent:
        listed = ", ".join(_name(j, names) for j in dependent)
        among.append(f"columns {listed} are linearly dependent")
    return alone, among


def first_of(found: list[str]) -> list[str]:
    """The first phrases, and how many more there are."""
    if len(found) <= _MOST_NAMED:
        return found
    return [*found[:_MOST_NAMED], f"and {len(found) - _MOST_NAMED} more such columns"]


def row_findings(blocks: Blocks, n_components: int) -> str:
    """A sentence where there are hardly more distinct rows than components, or ''."""
    glance = _glance(blocks)
    few = 2 * n_components
    if len(np.unique(glance[:, 0])) > few or len(np.unique(glance, axis=0)) > few:
        return ""
    n_distinct = n_distinct_rows(blocks, few + 1)
    if n_distinct > few:
        return ""
    return (
        f"There are only {n_distinct} distinct rows, all others repeat them, so that some of {n_components} "
        "components may end on copies of a single row, which have no spread."
    )


def n_distinct_rows(blocks: Blocks, enough: int) -> int:
    """Number of distinct rows that count, counted until there are `enough`."""
    seen = None
    for some in blocks.each(partial(_distinct, enough=enough)):
        seen = some if seen is None else np.unique(np.concatenate([seen, some]), axis=0)
        if len(seen) >= enough:
            break
    return 0 if seen is None else len(seen)


def _distinct(part: ArrayBlocks, _: int, enough: int) -> Array:
    seen: Array = part.rows[:0]
    for block in _blocks(part):
        seen = np.unique(np.concatenate([seen, block]), axis=0)
        if len(seen) >= enough:
            break
    return seen


def _glance(blocks: Blocks) -> Array:
    """Some rows, spread over those that count."""
    step = max(1, blocks.n_present // _ROWS_AT_A_GLANCE)
    return np.concatenate(list(blocks.each(partial(_spread, step=step))))


def _spread(part: ArrayBlocks, _: int, step: int) -> Array:
    X, weight = part.rows, part.sample_weight
    if weight is None:
        return np.array(X[::step])
    slices = block_slices(len(X), 1)
    there = [rows.start + np.flatnonzero(weight[rows])[::step] for rows in slices]
    counting: Array = X[np.concatenate(there)]
    return counting


def _blocks(part: ArrayBlocks) -> Iterator[Array]:
    """All rows that count."""
    X, weight = part.rows, part.sample_weight
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
    if near.sum() <= len(sizes):
        return True
    alone = ArrayBlocks(glance[near])
    moments = alone.each(partial(_moments, glance=alone.rows, columns=list(range(len(sizes)))))
    return bool(_dependent_columns(moments, len(sizes)))


def _moments(
    part: ArrayBlocks, _: int, glance: Array, columns: list[int]
) -> tuple[int, FloatArray, FloatArray]:
    """Number of rows, sums and sums of products of some columns, centres and units from the glance."""
    n_features = len(columns)
    centre = glance.mean(axis=0, dtype=np.float64)
    units = np.abs(glance - centre).max(axis=0)
    units[units == 0] = 1.0
    n_rows, firsts, seconds = 0, np.zeros(n_features), np.zeros((n_features, n_features))
    for block in _blocks(part):
        centred = (block[:, columns] - centre) / units
        n_rows += len(centred)
        firsts += centred.sum(axis=0)
        seconds += centred.T @ centred
    return n_rows, firsts, seconds


def _dependent_columns(
    moments: Iterable[tuple[int, FloatArray, FloatArray]], n_features: int
) -> list[int]:
    """Columns, none of them constant, of which some combination is; none where too few rows tell."""
    if n_features < 2:
        return []
    n_rows, firsts, seconds = 0, np.zeros(n_features), np.zeros((n_features, n_features))
    for n, first, second in moments:
        n_rows, firsts, seconds = n_rows + n, firsts + first, seconds + second
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


def _constant_columns(blocks: Blocks, first: Array) -> list[tuple[int, float]]:
    same = np.ones(blocks.shape[1], dtype=bool)
    for of_part in blocks.each(partial(_same_as, first=first)):
        same &= of_part
        if not same.any():
            break
    return [(int(j), float(first[j])) for j in np.flatnonzero(same)]


def _same_as(part: ArrayBlocks, _: int, first: Array) -> Array:
    same = np.ones(len(first), dtype=bool)
    for block in _blocks(part):
        same &= np.all(block == first, axis=0)
        if not same.any():
            break
    return same


def _equal_columns(blocks: Blocks, glance: Array) -> list[tuple[int, int]]:
    first_seen: dict[bytes, int] = {}
    pairs = []
    for j, column in enumerate(np.ascontiguousarray(glance.T)):
        i = first_seen.setdefault(column.tobytes(), j)
        if i != j:
            pairs.append((i, j))
    if not pairs:
        return []
    for equal in blocks.each(partial(_equal, pairs=pairs)):
        pairs = [pair for pair in pairs if pair in equal]
        if not pairs:
            break
    return pairs


def _equal(part: ArrayBlocks, _: int, pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    for block in _blocks(part):
        pairs = [(i, j) for i, j in pairs if np.array_equal(block[:, i], block[:, j])]
        if not pairs:
            break
    return pairs


def _repeated_row(blocks: Blocks) -> tuple[int, int, int] | None:
    """The row that stands most often in the head of the rows; None where none does twice, or all are one."""
    head = next(blocks.each(_head))
    _, first, counts = np.unique(head, axis=0, return_index=True, return_counts=True)
    most = int(np.argmax(counts))
    if not 2 <= counts[most] < len(head):
        return None
    return int(first[most]), int(counts[most]), len(head)


def _head(part: ArrayBlocks, _: int) -> Array:
    return np.array(part.rows[:_ROWS_LOOKED_AT], order="C")
