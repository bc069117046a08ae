"""Rows in the partitions of a Dask collection: tasks go to them, and statistics come back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, chain
from typing import Any

import numpy as np

from mixtura import _core
from mixtura._rows import Array, FloatArray
from mixtura.blocks._protocol import T
from mixtura.blocks.array import ArrayBlocks
from mixtura.blocks.partitioned import PartFacts, PartitionedBlocks, part_facts
from mixtura.em.statistics import SufficientStatistics
from mixtura.errors import SourceError

try:
    import dask
    import dask.array
    from dask import delayed
except ImportError as error:
    raise ImportError("Rows on Dask need dask; install it with: pip install 'mixtura[dask]'") from error

Task = Callable[[ArrayBlocks, int], T]

# Sums over some leaves of a binary tree: by level (0: a partition) and place in it.
Sums = dict[tuple[int, int], SufficientStatistics]

# Sums that are added in one task. A worker then holds that many; fewer would mean more levels, and each
# costs some milliseconds.
_FAN_IN = 8

# `each` works on 1 partition, then on 4, 16, ...: who stops early has not had all of them read.
_GROWTH = 4


class DaskBlocks(PartitionedBlocks):
    """Rows of a `dask.array` or `dask.dataframe`; they stay where Dask has them.

    With a distributed client the partitions are kept on the workers, as floats, for as long as this object
    lives, and every worker adds up the statistics of those that it holds. What a dead worker held is computed
    again. Without a client each pass runs the collection's own graph on Dask's own scheduler.

    Parameters
    ----------
    X : dask.array.Array of shape (n_rows, n_features) or dask.dataframe.DataFrame
        Of numbers, in chunks of any size; chunks of some columns only are put together. float32 if all of it
        is, else float64.
    sample_weight : dask.array.Array of shape (n_rows,), dask.dataframe.Series or None
        Non-negative, in partitions of as many rows as those of X.
    n_threads : int, default=1
        Of this process: for the M-step, and for the tasks where there is no cluster.

    Raises
    ------
    SourceError
        If X is no table of numbers, if the weights do not fit it, or if something in them is no finite
        number: names the partition, the column and the row in the partition.

    Notes
    -----
    Statistics are added in a binary tree over the partitions, whatever worker holds them: any number of
    workers gives the same bits. A worker sends the sums of the largest subtrees that it has all of, of
    symmetric matrices one half.
    """

    def __init__(self, X: Any, sample_weight: Any = None, n_threads: int = 1) -> None:
        self.n_threads = n_threads
        self.dtype = dtype_of(X)
        self._client = _client()
        rows, weights = _partitions(X, self.dtype), _weights(X, sample_weight)
        if self._client is not None:
            rows, weights = dask.persist(rows, weights)
        names = feature_names(X)
        found: list[_Found] = self._compute(
            [
                delayed(_look_at, pure=False)(x, w, names, number)
                for number, (x, w) in enumerate(zip(rows, weights, strict=True))
            ]
        )
        self._take(rows, weights, found)

    def _take(self, rows: list[Any], weights: list[Any], found: list[_Found]) -> None:
        for one in found:
            if one.fault:
                raise SourceError(one.fault)
        there = [i for i, one in enumerate(found) if one.facts.n_rows]
        if not any(one.facts.n_present for one in found):
            raise SourceError("X has no rows." if not there else "Every weight is zero: no row is left.")
        firsts = list(accumulate((one.facts.n_rows for one in found), initial=0))
        self.parts = [replace(found[i].facts, first_row=firsts[i]) for i in there]
        self._rows = [rows[i] for i in there]
        self._weights = [weights[i] for i in there]
        first = found[there[0]].first
        assert first is not None
        self.origin = first
        self.shape = firsts[-1], len(first)

    def each(self, task: Task[T]) -> Iterator[T]:
        """Run a task on every partition where it lies."""
        sent = self._sent(task)
        run = delayed(_run, pure=False)
        places = list(zip(self._rows, self._weights, self.parts, strict=True))
        done, size = 0, 1
        while done < len(places):
            some = places[done : done + size]
            yield from self._compute([run(sent, x, w, part.first_row) for x, w, part in some])
            done, size = done + size, _GROWTH * size

    def reduced(self, task: Task[SufficientStatistics]) -> SufficientStatistics:
        """Sum of the statistics of all partitions, in a binary tree over them."""
        sent, n_leaves = self._sent(task), len(self.parts)
        work, merge = delayed(_work, pure=False), delayed(_merge, pure=False)
        sums = [
            work(
                sent,
                [self._rows[i] for i in group],
                [self._weights[i] for i in group],
                [self.parts[i].first_row for i in group],
                group,
                n_leaves,
                self._task_threads,
            )
            for group in self._groups()
        ]
        while len(sums) > _FAN_IN:
            sums = [
                merge(n_leaves, *sums[i : i + _FAN_IN]) for i in range(0, len(sums), _FAN_IN)
            ]
        (whole,) = _merge(n_leaves, *self._compute(sums)).values()
        return _unpacked(whole)

    def _groups(self) -> list[list[int]]:
        """Partitions that a task works on: alone without a cluster, else those that lie on one worker.

        A worker that has more than its share, as after another's death, gets several tasks, of which others
        may take some.
        """
        n_leaves = len(self.parts)
        if self._client is None:
            return [[i] for i in range(n_leaves)]
        held = self._client.has_what()
        holders = defaultdict(list)
        for worker, keys in held.items():
            for key in keys:
                holders[key].append(worker)
        of_worker: dict[str, list[int]] = {worker: [] for worker in held}
        nowhere = []
        for i, rows in enumerate(self._rows):
            able = holders.get(rows.key)
            if able is None:
                nowhere.append([i])
            else:
                min((of_worker[worker] for worker in able), key=len).append(i)
        share = -(-n_leaves // max(1, len(held)))
        groups = (
            mine[i : i + share] for mine in of_worker.values() for i in range(0, len(mine), share)
        )
        return [*groups, *nowhere]

    @property
    def _task_threads(self) -> int | None:
        """Threads of a task; None: as many as the worker has that it is run by."""
        if self._client is not None:
            return None
        return max(1, self.n_threads // len(self.parts))

    def _sent(self, task: Any) -> Any:
        return delayed(task, traverse=False)

    def _compute(self, tasks: Sequence[Any]) -> list[Any]:
        return list(dask.compute(*tasks, num_workers=self.n_threads))


# What is asked of a collection, without computing it


def is_frame(X: Any) -> bool:
    """Whether a Dask collection has columns with names and types of their own."""
    return hasattr(X, "columns")


def feature_names(X: Any) -> tuple[str, ...] | None:
    """Names of the columns, where they have any and all are text."""
    names = tuple(X.columns) if is_frame(X) else (None,)
    return names if all(isinstance(name, str) for name in names) else None


def n_features(X: Any) -> int:
    """Number of columns."""
    return len(X.columns) if is_frame(X) else int(X.shape[1])


def dtype_of(X: Any) -> np.dtype[Any]:
    """Precision of the arithmetic.

    Raises
    ------
    SourceError
        If X is no table of numbers.
    """
    if is_frame(X):
        kinds = [_column_kind(name, kind) for name, kind in X.dtypes.items()]
    elif not isinstance(X, dask.array.Array):
        raise SourceError(f"X must be a Dask array or DataFrame, got {type(X).__name__}.")
    elif X.ndim != 2 or np.isnan(X.shape[1]):
        raise SourceError(
            f"X must be a 2-D Dask array with a known number of columns, got the shape {X.shape}."
        )
    elif X.dtype.kind not in "biuf" or not isinstance(X._meta, np.ndarray):
        raise SourceError(
            f"X must hold real numbers in NumPy arrays, got {X.dtype} in {type(X._meta).__name__}."
        )
    else:
        kinds = [X.dtype] * X.shape[1]
    if not kinds:
        raise SourceError("X has no columns.")
    return np.dtype(np.float32 if all(kind == np.float32 for kind in kinds) else np.float64)


def _column_kind(name: Any, kind: Any) -> Any:
    plain = getattr(kind, "numpy_dtype", kind)  # pandas' types that know missing values
    if getattr(plain, "kind", "O") not in "biuf":
        raise SourceError(
            f"Column {name!r} of X holds {kind}, no numbers: choose the columns, X[['a', 'b']]."
        )
    return plain


def with_whole_rows(X: Any) -> Any:
    """Return the array with all columns in every chunk; a frame as it is."""
    return X if is_frame(X) or X.numblocks[1] == 1 else X.rechunk({1: -1})


def _partitions(X: Any, dtype: np.dtype[Any]) -> list[Any]:
    """Partitions as arrays of floats. Chunks of an array of floats are taken as they are, not copied."""
    blocks = list(np.ravel(with_whole_rows(X).to_delayed()))
    if not is_frame(X) and X.dtype == dtype and X.dtype.isnative:
        return blocks
    convert = delayed(_as_floats, pure=False)
    return [convert(block, dtype.str, number) for number, block in enumerate(blocks)]


def _weights(X: Any, sample_weight: Any) -> list[Any]:
    n_partitions = X.npartitions if is_frame(X) else X.numblocks[0]
    if sample_weight is None:
        return [None] * n_partitions
    if not dask.is_dask_collection(sample_weight) or getattr(sample_weight, "ndim", 0) != 1:
        raise SourceError(
            "sample_weight must be a 1-D Dask array or a Dask Series, as X is a Dask collection, got "
            f"{type(sample_weight).__name__}."
        )
    if not is_frame(X) and not is_frame_column(sample_weight) and _is_known(X, sample_weight):
        sample_weight = sample_weight.rechunk((X.chunks[0],))
    blocks = list(np.ravel(sample_weight.to_delayed()))
    if len(blocks) != n_partitions:
        raise SourceError(
            f"sample_weight has {len(blocks)} partitions, X has {n_partitions}: they must be cut alike."
        )
    convert = delayed(_as_weight, pure=False)
    return [convert(block, number) for number, block in enumerate(blocks)]


def is_frame_column(sample_weight: Any) -> bool:
    """Whether it is a Series."""
    return hasattr(sample_weight, "npartitions") and not hasattr(sample_weight, "chunks")


def _is_known(X: Any, sample_weight: Any) -> bool:
    return X.shape[0] == sample_weight.shape[0]  # unknown lengths are NaN, equal to nothing


def _client() -> Any:
    """The distributed client that Dask would compute with, if there is one."""
    client = getattr(dask.base.get_scheduler(), "__self__", None)
    return client if hasattr(client, "has_what") else None


# What runs on the workers


@dataclass(frozen=True)
class _Found:
    facts: PartFacts
    first: FloatArray | None = None
    fault: str = ""


def _as_floats(block: Any, dtype: str, number: int) -> Array:
    return np.ascontiguousarray(_numbers(block, np.dtype(dtype), number))


def _as_weight(block: Any, number: int) -> FloatArray:
    return np.ascontiguousarray(_numbers(block, np.dtype(np.float64), number, "sample_weight"))


def _numbers(block: Any, dtype: np.dtype[Any], number: int, name: Any = None) -> Array:
    missing = {"na_value": np.nan} if hasattr(block, "iloc") else {}
    try:
        numbers: Array = (
            block.to_numpy(dtype=dtype, **missing) if missing else np.asarray(block, dtype=dtype)
        )
    except (TypeError, ValueError) as error:
        for column in getattr(block, "columns", ()):
            _numbers(block[column], dtype, number, f"column {column!r}")
        raise SourceError(f"Partition {number}: {name or 'X'} holds no numbers: {error}.") from None
    return numbers


def _look_at(
    rows: Array, weight: FloatArray | None, names: Sequence[str] | None, number: int
) -> _Found:
    fault = _fault(rows, weight, names)
    if fault or not len(rows):
        return _Found(PartFacts(0, 0, 0, 0.0, 0.0, True), fault=fault and f"{fault} of partition {number}.")
    first = np.array(rows[0], dtype=np.float64)
    return _Found(part_facts(ArrayBlocks(rows, weight), 0), first)


def _fault(rows: Array, weight: FloatArray | None, names: Sequence[str] | None) -> str:
    """What is wrong in a partition, up to the row."""
    count, row, column = _core.find_nonfinite(rows, 1)
    if count:
        kind = "NaN" if np.isnan(rows[row, column]) else "infinity"
        name = f"column {column}" + ("" if names is None else f" ({names[column]!r})")
        return (
            f"Input X contains {kind}: remove such rows or fill them in. The first of {count} such values is "
            f"in {name}, row {row}"
        )
    if weight is None:
        return ""
    if len(weight) != len(rows):
        return (
            f"sample_weight must be cut as X is: there are {len(weight)} weights for the {len(rows)} rows"
        )
    wrong = ~(np.isfinite(weight) & (weight >= 0))
    if not wrong.any():
        return ""
    row = int(np.argmax(wrong))
    return (
        f"sample_weight must be finite and not negative (0 leaves a row out), got {weight[row]:g} for row {row}"
    )


def _run(task: Task[T], rows: Array, weight: FloatArray | None, first_row: int) -> T:
    return task(ArrayBlocks(rows, weight), first_row)


def _work(
    task: Task[SufficientStatistics],
    rows: list[Array],
    weights: list[FloatArray | None],
    first_rows: list[int],
    places: list[int],
    n_leaves: int,
    n_threads: int | None,
) -> Sums:
    """Sums over some partitions, of which few are alive at once."""
    sums: Sums = {}
    n_threads = _worker_threads() if n_threads is None else n_threads
    for x, weight, first_row, place in zip(rows, weights, first_rows, places, strict=True):
        statistics = task(ArrayBlocks(x, weight, n_threads), first_row)
        _put(sums, n_leaves, 0, place, _packed(statistics))
    return sums


def _worker_threads() -> int:
    from distributed import get_worker

    return int(get_worker().state.nthreads)


def _merge(n_leaves: int, *several: Sums) -> Sums:
    merged: Sums = {}
    for (level, place), statistics in chain.from_iterable(sums.items() for sums in several):
        _put(merged, n_leaves, level, place, statistics)
    return merged


def _put(
    sums: Sums, n_leaves: int, level: int, place: int, statistics: SufficientStatistics
) -> None:
    """Add a sum to its sibling's, where that is there, and so on up the tree."""
    while (n_nodes := -(-n_leaves >> level)) > 1:
        sibling = place ^ 1
        if sibling < n_nodes:
            other = sums.pop((level, sibling), None)
            if other is None:
                break
            statistics = statistics + other
        level, place = level + 1, place // 2
    sums[level, place] = statistics


def _packed(statistics: SufficientStatistics) -> SufficientStatistics:
    """The same with one half of symmetric matrices, which `+` adds just as well."""
    if not _has_matrices(statistics):
        return statistics
    upper = np.triu_indices(statistics.centres.shape[1])
    return replace(statistics, seconds=statistics.seconds[..., *upper])


def _unpacked(statistics: SufficientStatistics) -> SufficientStatistics:
    if not _has_matrices(statistics):
        return statistics
    seconds = np.empty(statistics.structure.shape(*statistics.centres.shape))
    i, j = np.triu_indices(statistics.centres.shape[1])
    seconds[..., i, j] = seconds[..., j, i] = statistics.seconds
    return replace(statistics, seconds=seconds)


def _has_matrices(statistics: SufficientStatistics) -> bool:
    return statistics.structure.kernel in (_core.Structure.full, _core.Structure.tied)


__all__ = ["DaskBlocks"]
