"""What in the data makes covariances degenerate: constant, equal or dependent columns, repeated rows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial, reduce

import numpy as np
from scipy.sparse.csgraph import connected_components

from mixtura import _core
from mixtura.covariance import STRUCTURES
from mixtura.fitting.diagnosis import total_covariance
from mixtura.rows import ArrayBlocks, Blocks, distinct_rows
from mixtura.support.arrays import Array, FloatArray, block_slices
from mixtura.support.interruptible import gram, interruptible

# Products in a scatter matrix of all rows that is quicker than to preview at some.
_FEW_PRODUCTS = 100_000

# Phrases in one message.
_MOST_NAMED = 10

# Least eigenvalue of the correlation matrix up to which columns depend on each other.
_DEPENDENT = 1e-9

# Least share of a column in a combination that is constant; less is rounding.
_TAKES_PART = 1e-4

#: Median distances from the median beyond which a value is far from the others.
FAR = 30.0

# Number of rows, their sums, their sums of products.
_Sums = tuple[int, FloatArray, FloatArray]


def findings(blocks: Blocks, names: Array | None, has_matrices: bool) -> list[str]:
    """What makes covariances degenerate, each a phrase; empty where nothing is found."""
    found, among_columns = column_findings(blocks, names)
    if has_matrices:
        found = first_of([*found, *among_columns])
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
    if _is_surely_sound(blocks):
        return [], []
    sample = blocks.preview
    if not _is_suspicious(sample):
        return [], []
    constant = _constant_columns(blocks, _first_observed(sample))
    alone = [f"column {column_name(j, names)} is constant ({value:g})" for j, value in constant]
    skip = {j for j, _ in constant}
    equal = [(i, j) for i, j in _equal_columns(blocks, sample) if i not in skip]
    among = [
        f"columns {column_name(i, names)} and {column_name(j, names)} are equal" for i, j in equal
    ]
    skip |= {j for _, j in equal}
    kept = [j for j in range(blocks.shape[1]) if j not in skip]
    for columns in _dependent_columns(blocks, sample, kept):
        listed = ", ".join(column_name(j, names) for j in columns)
        among.append(f"columns {listed} are linearly dependent")
    return alone, among


def first_of(found: list[str]) -> list[str]:
    """The first phrases, and how many more there are."""
    if len(found) <= _MOST_NAMED:
        return found
    return [*found[:_MOST_NAMED], f"and {len(found) - _MOST_NAMED} more such columns"]


def row_findings(blocks: Blocks, n_components: int) -> str:
    """A sentence where there are hardly more distinct rows than components, or ''."""
    sample = blocks.preview
    few = few_distinct(n_components)
    if len({*sample[: 2 * few, 0].tolist()}) > few:  # as mostly, and quicker than to sort
        return ""
    if len(np.unique(sample[:, 0])) > few or len(np.unique(sample, axis=0)) > few:
        return ""
    n_distinct = n_distinct_rows(blocks, few + 1)
    if n_distinct > few:
        return ""
    only, ending = only_rows(n_distinct, blocks), "a single row, which has no spread"
    if n_distinct < blocks.n_present:
        only, ending = (
            f"{only}, all others repeat them",
            "copies of a single row, which have no spread",
        )
    return f"There are {only}, so that some of {n_components} components may end on {ending}."


def only_rows(n_distinct: int, blocks: Blocks) -> str:
    """How few rows there are: distinct ones, where others repeat them."""
    return f"only {n_distinct} {'distinct ' if n_distinct < blocks.n_present else ''}rows"


def n_distinct_rows(blocks: Blocks, enough: int) -> int:
    """Number of distinct rows that count, counted until there are `enough`."""
    found = distinct_rows(blocks, enough - 1)
    return enough if found is None else len(found)


def _blocks(part: ArrayBlocks) -> Iterator[Array]:
    """All rows that count."""
    X, weight = part.rows.X, part.rows.weight
    for rows in block_slices(*X.shape):
        yield X[rows] if weight is None else X[rows][weight[rows] > 0]


def _is_surely_sound(blocks: Blocks) -> bool:
    """Whether few rows leave no doubt about their columns, by their scatter, which a search asks for anyway.

    They do where the least eigenvalue of the correlation matrix is far above that of dependent columns, and
    all standard deviations are far above the rounding of the means.
    """
    if not isinstance(blocks, ArrayBlocks) or blocks.rows.weight is not None or blocks.has_missing:
        return False
    if not has_few_products(*blocks.shape) or blocks.dtype != np.float64:
        return False
    covariance = total_covariance(blocks, STRUCTURES["full"])
    return _core.are_surely_sound(blocks.mean, blocks.variances, covariance)


def has_few_products(n_rows: int, n_features: int) -> bool:
    """Whether the scatter of so many rows is quicker than to preview at some, and tells of their columns."""
    return n_features < n_rows and n_rows * n_features**2 <= _FEW_PRODUCTS


def few_distinct(n_components: int) -> int:
    """So many distinct rows, or fewer, are hardly more than components."""
    return 2 * n_components


def _is_suspicious(sample: Array) -> bool:
    """Whether a column seems constant or a combination of others; this by rows without gaps."""
    centre, units = _scale(sample)
    if not (units > 1e-13 * np.abs(_first_observed(sample))).all():
        return True
    sample = _whole(sample)
    return _can_tell(*sample.shape) and bool(_dependent_sets(_sums(sample, centre, units)))


def _dependent_columns(blocks: Blocks, sample: Array, columns: list[int]) -> list[list[int]]:
    """Sets of columns of which a combination is constant: in all rows, and in those that are not far away.

    One row that is far away in every column makes all of them seem so.
    """
    if len(columns) < 2:
        return []
    sample = _whole(sample[:, columns])
    if not len(sample):
        return []
    centre, units = _scale(sample)
    moments = partial(_moments, columns=columns, centre=centre, units=units)
    found = _dependent_sets(reduce(_added, blocks.each(moments)))
    near = sample[_is_near(sample.astype(np.float64))] if found else sample
    return [[columns[j] for j in some] for some in found if _seem_dependent(near[:, some])]


def _seem_dependent(rows: Array) -> bool:
    return bool(_dependent_sets(_sums(rows, *_scale(rows))))


def _is_near(rows: FloatArray) -> Array:
    """Whether each row is not far from the others in any column; half of the rows are not, at least."""
    largest = distances_from_median(rows).max(axis=1)
    near: Array = largest <= max(FAR, float(np.median(largest)))
    return near


def distances_from_median(rows: FloatArray) -> FloatArray:
    """Distance of each value from its column's median, in medians of those that are not 0."""
    distances: FloatArray = np.abs(rows - np.median(rows, axis=0))
    for distance in distances.T:
        # Where most of a column is one value, as of a dummy, the others have a spread all the same.
        there = distance > 0
        distance /= np.median(distance[there]) if there.any() else 1.0
    return distances


def _scale(rows: Array) -> tuple[FloatArray, FloatArray]:
    """Mean of each column, and the largest distance from it: centre and units of sums."""
    if _has_gaps(rows):
        rows = np.where(np.isnan(rows), _first_observed(rows), rows)
    centre = rows.mean(axis=0, dtype=np.float64)
    units = np.abs(rows - centre).max(axis=0).astype(np.float64)
    return centre, units


def _first_observed(rows: Array) -> Array:
    """The first value of each column; 0 where there is none."""
    if len(rows) and not np.isnan(rows[0]).any():
        first: Array = rows[0]
        return first
    seen = ~np.isnan(rows)
    first = rows[seen.argmax(axis=0), np.arange(rows.shape[1])]
    return np.where(seen.any(axis=0), first, 0.0)


def _whole(rows: Array) -> Array:
    """Rows without gaps."""
    return rows[~np.isnan(rows).any(axis=1)] if _has_gaps(rows) else rows


def _has_gaps(rows: Array) -> bool:
    """Whether a value is missing: the least one is then, which takes no memory to find."""
    with np.errstate(invalid="ignore"):
        return bool(rows.size and np.isnan(rows.min()))


@np.errstate(all="ignore")  # squares of numbers far beyond the sample overflow
def _moments(
    part: ArrayBlocks, _: int, columns: list[int], centre: FloatArray, units: FloatArray
) -> _Sums:
    whole = (_whole(block[:, columns]) for block in _blocks(part))
    return reduce(_added, (_sums(block, centre, units) for block in whole))


def _sums(rows: Array, centre: FloatArray, units: FloatArray) -> _Sums:
    """Number of rows, their sums and sums of products, about a centre and in units."""
    centred = ((rows - centre) / np.where(units > 0, units, 1.0)).astype(np.float64, copy=False)
    return len(centred), centred.sum(axis=0), interruptible(gram, centred.T)


def _added(one: _Sums, other: _Sums) -> _Sums:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


def _dependent_sets(sums: _Sums) -> list[list[int]]:
    """Sets of columns of which a combination is constant; none where too few rows tell."""
    n_rows, firsts, seconds = sums
    if not _can_tell(n_rows, len(firsts)) or not np.isfinite(seconds).all():
        return []
    scatter = seconds - np.outer(firsts, firsts) / n_rows
    # A column that is constant in these rows says nothing of others: what is left of its scatter is rounding.
    varying = np.flatnonzero(np.diag(scatter) > 1e-12 * np.diag(seconds))
    sizes = np.sqrt(np.diag(scatter)[varying])
    correlations = scatter[np.ix_(varying, varying)] / sizes[:, np.newaxis] / sizes
    return [varying[some].tolist() for some in _null_sets(correlations)]


def _can_tell(n_rows: int, n_columns: int) -> bool:
    """Whether so many rows tell that columns depend on each other: in few, all do."""
    return n_rows > n_columns > 1


def _null_sets(correlations: FloatArray) -> list[Array]:
    """Smallest sets of variables between which the null space of their correlations falls apart."""
    if len(correlations) < 2 or _exceeds(correlations, _DEPENDENT):
        return []
    values, vectors = interruptible(np.linalg.eigh, correlations)
    null = vectors[:, values <= _DEPENDENT]
    shares = np.linalg.norm(null, axis=1)
    members = np.flatnonzero(shares > _TAKES_PART)
    directions = null[members] / shares[members, np.newaxis]
    linked = np.abs(directions @ directions.T) > _TAKES_PART
    n_sets, labels = connected_components(linked, directed=False)
    return [members[labels == i] for i in range(n_sets)]


def _exceeds(matrix: FloatArray, bound: float) -> bool:
    """Whether every eigenvalue is larger: what is left then has a Cholesky factor."""
    try:
        interruptible(np.linalg.cholesky, matrix - bound * np.eye(len(matrix)))
    except np.linalg.LinAlgError:
        return False
    return True


def column_name(column: int, names: Array | None) -> str:
    """What a column is called in messages."""
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
        same &= np.all((block == first) | np.isnan(block), axis=0)
        if not same.any():
            break
    return same


def _equal_columns(blocks: Blocks, sample: Array) -> list[tuple[int, int]]:
    first_seen: dict[bytes, int] = {}
    pairs = []
    for j, column in enumerate(np.ascontiguousarray(sample.T)):
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
        pairs = [
            (i, j) for i, j in pairs if np.array_equal(block[:, i], block[:, j], equal_nan=True)
        ]
        if not pairs:
            break
    return pairs
