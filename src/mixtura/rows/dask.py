"""Rows in the partitions of a Dask collection: tasks go to them, and statistics come back."""

from __future__ import annotations

import operator
import pickle
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial, reduce
from itertools import accumulate, chain
from math import ceil, inf
from time import monotonic
from typing import Any

import numpy as np

from mixtura import _core
from mixtura.em import Responsibilities, SufficientStatistics
from mixtura.em.statistics import from_upper_half, upper_half
from mixtura.errors import SourceError
from mixtura.mixture import Mixture
from mixtura.rows.array import ArrayBlocks
from mixtura.rows.blocks import T
from mixtura.rows.dask_collection import (
    Names,
    beside,
    check,
    delayed,
    dtype_of,
    feature_names,
    partitions,
)
from mixtura.rows.dask_scheduler import SMALL, Graph, Scheduler, add, is_in_a_task
from mixtura.rows.facts import Facts, PartFacts
from mixtura.rows.parts import PartitionedBlocks, Shifted, first_look
from mixtura.rows.value import BESIDE, Rows
from mixtura.support.arrays import FloatArray

Task = Callable[[ArrayBlocks, int], T]

# A task that finds a part's facts, or none, and something that adds up and has a weight.
Look = Task[tuple[PartFacts | None, Any]]

# Of a partition, what each field of its rows is: lazy, then a future or a key; None where they lack it.
Place = tuple[Any, ...]

#: Weights, means, precisions_cholesky, df, noise, log weights.
Parameters = tuple[
    FloatArray,
    FloatArray,
    FloatArray,
    FloatArray | None,
    tuple[float, float, FloatArray | None] | None,
    FloatArray | None,
]

# Blocks of sums over some leaves of a binary tree: by level (0: a partition) and place in it.
Sums = dict[tuple[int, int], FloatArray]

# Sums that are added in one task. A worker then holds that many; fewer would mean more levels, and each
# costs some milliseconds.
_FAN_IN = 8

# For so long the scheduler is not asked again what lies where.
_SECONDS = 1.0

# After a pass in less time, seconds, the workers are asked directly: tasks are planned, sent and collected in
# some 20 ms. Longer ones are tasks, which the dashboard shows and for which a cluster grows.
_QUICK = 0.25

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
    n_threads : int, default=1
        Of this process: for the M-step, and for the tasks where there is no cluster.
    **others : dask.array.Array, dask.dataframe.Series or None
        What the rows bring beside their features, by the fields of `Rows` ('weight', ...): in partitions of
        as many rows as those of X.

    Raises
    ------
    SourceError
        If X is no table of numbers, if the weights do not fit it, or if something in them is no finite
        number: names the partition, the column and the row in the partition. At any time if the connection
        to the scheduler is lost, and with it what the workers held.

    Notes
    -----
    Statistics are added in a binary tree over the partitions, whatever worker holds them: any number of
    workers gives the same bits. A worker sends the sums of the largest subtrees that it has all of, of
    symmetric matrices one half.
    """

    def __init__(
        self, X: Any, n_threads: int = 1, *, allows_missing: bool = False, **others: Any
    ) -> None:
        self.n_threads, self._allows_missing = n_threads, allows_missing
        self.dtype = dtype_of(X)
        self._given, self._others = X, others
        self.has_labels = any(others.get(name) is not None for name in ("label", "log_credible"))
        self.has_errors = others.get("error") is not None
        credible = others.get("log_credible")
        self.n_credible = 0 if credible is None else credible.shape[1]
        self._scheduler = Scheduler(X)
        self._client = self._scheduler.client
        with self._scheduler.at_hand():
            self._keep(_lazy_places(X, self.dtype, others))
            self._look(feature_names(X))

    def in_double(self) -> DaskBlocks:
        """The same rows as float64, looked at anew."""
        return DaskBlocks(
            self._given.astype(np.float64),
            self.n_threads,
            allows_missing=self._allows_missing,
            **self._others,
        )

    def _keep(self, lazy: list[Place]) -> None:
        """Have the partitions computed where they are to stay; without a cluster, note how they are."""
        self._graph: Graph = {}
        self._grouped_at = self._held_at = -inf
        self._is_quick = False
        if self._client is None:
            self._graph, self._places = _graph_of(lazy)
        else:
            self._places = _in_places(lazy, self._client.compute(_there(lazy)))

    def _look(self, names: Names) -> None:
        """Check every partition, and find what a fit asks of it before its first iteration."""
        look = _Look(first_look, self._allows_missing)
        found = _found(self._scheduler, self._graph, self._places, names, look, self.n_threads)
        counts = [0 if part is None else part.counts.n_rows for part in found.facts]
        ends = list(accumulate(counts))
        there = [i for i, n_rows in enumerate(counts) if n_rows]
        parts = [
            replace(part, first_row=end - part.counts.n_rows)
            for part, end in zip(found.facts, ends, strict=True)
            if part is not None
        ]
        self.facts = Facts(parts, found.total)
        self.has_missing = any(part.has_missing for part in parts)
        self._places = [self._places[i] for i in there]
        self.shape = ends[-1], self._given.shape[1]

    def each(self, task: Task[T]) -> Iterator[T]:
        """Run a task on every partition where it lies."""
        places = list(zip(self._places, self.parts, strict=True))
        done, size = 0, 1
        while done < len(places):
            graph: Graph = {}
            sent = self._scheduler.sent(graph, task)
            runs = [
                (_run, sent, [*place, part.has_missing], part.first_row)
                for place, part in places[done : done + size]
            ]
            with self._scheduler.at_hand():
                found = self._computed(graph, add(graph, "each", runs))
            yield from found
            done, size = done + size, _GROWTH * size

    def source(self, dtype: np.dtype[Any]) -> _core.RowSource:
        """The rows as the core asks them: who holds them adds up their sums."""
        return _core.CalledRows(partial(self._summed, dtype), dtype == np.float32)

    def bringing(self, responsibilities: Responsibilities, n_components: int) -> _core.RowSource:  # noqa: ARG002
        """The same, each row with its responsibilities, by their places among all rows."""
        given = partial(self._summed, self.dtype, responsibilities=responsibilities)
        return _core.CalledRows(given, self.dtype == np.float32)

    def _summed(
        self,
        dtype: np.dtype[Any],
        asked: tuple[Any, ...],
        kernel: _core.Structure,
        parameters: Parameters | None,
        centres: FloatArray,
        responsibilities: Responsibilities | None = None,
    ) -> FloatArray:
        normal = self.normal if responsibilities is not None and self.has_missing else None
        task = _Sums(kernel.name, centres, dtype, asked, parameters, responsibilities, normal)
        K, d = centres.shape
        return from_upper_half(self._reduced(task), kernel, K, d, task.has_scales)

    def _reduced(self, task: Task[FloatArray]) -> FloatArray:
        """Sum of the blocks of all partitions, in a binary tree over them."""
        began = monotonic()
        with self._scheduler.at_hand():
            sums = self._asked_directly(task) if self._is_quick else None
            if sums is None:
                sums = self._asked_by_tasks(task)
        self._is_quick = monotonic() - began < _QUICK
        (whole,) = _merge(len(self.parts), sums).values()
        return whole

    def _asked_by_tasks(self, task: Task[FloatArray]) -> list[Sums]:
        n_leaves = len(self.parts)
        graph: Graph = {}
        sent = self._scheduler.sent(graph, task)
        work = [
            (
                _work,
                sent,
                [[*self._places[i], self.parts[i].has_missing] for i in group],
                [self.parts[i].first_row for i in group],
                group,
                n_leaves,
                self._task_threads,
            )
            for group in self._groups()
        ]
        keys = add(graph, "expect", work)
        while len(keys) > _FAN_IN:
            several = [keys[i : i + _FAN_IN] for i in range(0, len(keys), _FAN_IN)]
            keys = add(graph, "add", [(_merge, n_leaves, some) for some in several])
        return self._computed(graph, keys)

    def _asked_directly(self, task: Task[FloatArray]) -> list[Sums] | None:
        """What few workers have of the tree, by one call each; None where that cannot be."""
        if self._client is None or is_in_a_task():
            return None
        if monotonic() - self._held_at > _SECONDS:
            self._holdings, self._held_at = self._shares(), monotonic()
        asked = _pickled((task, self._holdings, len(self.parts)))
        if not self._holdings or len(asked) > SMALL:
            return None
        try:
            found = self._client.run(_work_here, asked)
        except OSError:  # a worker died
            found = {}
        answers = [found.get(worker) for worker in self._holdings]
        if None in answers:
            self._grouped_at = self._held_at = -inf
            return None
        return [pickle.loads(answer) for answer in answers]

    def _groups(self) -> list[list[int]]:
        """Partitions that a task works on: alone without a cluster, else those that lie on one worker."""
        if self._client is None:
            return [[i] for i in range(len(self.parts))]
        if monotonic() - self._grouped_at > _SECONDS:
            self._grouped, self._grouped_at = self._by_worker(), monotonic()
        return self._grouped

    def _by_worker(self) -> list[list[int]]:
        """Partitions of each worker.

        One that has more than its share, as after another's death, gets several tasks, of which others may
        take some.
        """
        of_worker, lost = self._placed(self._client.has_what())
        share = -(-len(self.parts) // max(1, len(of_worker)))
        groups = [
            mine[i : i + share] for mine in of_worker.values() for i in range(0, len(mine), share)
        ]
        return sorted([*groups, *([i] for i in lost)])  # neighbours are added first

    def _placed(self, held: Mapping[str, Any]) -> tuple[dict[str, list[int]], list[int]]:
        """Partitions of each worker, one that has copies on the least of theirs; and those that none has."""
        holders = defaultdict(list)
        for worker, keys in held.items():
            for key in keys:
                holders[key].append(worker)
        able = [holders[place[0].key] for place in self._places]
        of_worker: dict[str, list[int]] = {worker: [] for worker in held}
        for i in sorted(range(len(able)), key=lambda i: len(able[i])):  # who has a choice fills up
            if able[i]:
                min((of_worker[worker] for worker in able[i]), key=len).append(i)
        lost = [i for i, workers in enumerate(able) if not workers]
        return {worker: sorted(mine) for worker, mine in of_worker.items()}, lost

    def _shares(self) -> dict[str, list[_Held]]:
        """What each of few workers is to do, by its threads; what lies elsewhere is moved to it.

        Empty where there are many workers, or partitions that none has.
        """
        held = self._client.has_what()
        of_worker, lost = self._placed(held)
        threads = self._client.nthreads()
        if lost or not 0 < len(held) <= _FAN_IN or held.keys() != threads.keys():
            return {}
        per_thread = len(self.parts) / sum(threads.values())
        room = {worker: ceil(per_thread * n) for worker, n in threads.items()}
        surplus = [i for worker, mine in of_worker.items() for i in mine[room[worker] :]]
        shares = {worker: mine[: room[worker]] for worker, mine in of_worker.items()}
        for i in surplus:
            shares[max(shares, key=lambda worker: room[worker] - len(shares[worker]))].append(i)
        before = list(self._places)
        for worker, mine in shares.items():
            self._move_to(worker, mine, held[worker])
        if self._places != before:
            shares, lost = self._placed(self._client.has_what())  # Dask has the last word
        if lost:
            return {}
        return {
            worker: [self._held(i) for i in sorted(mine)] for worker, mine in shares.items() if mine
        }

    def _move_to(self, worker: str, mine: list[int], held: Collection[Any]) -> None:
        """Have some partitions lie on a worker, which holds those keys already.

        Each becomes a new result there, and is let go where it was. Of copies (`Client.replicate`) Dask's
        memory manager would drop some within two seconds, and not those that are not needed.
        """
        from distributed import wait

        for i in mine:
            self._places[i] = tuple(self._moved_to(worker, one, held) for one in self._places[i])
        wait(_there([self._places[i] for i in mine]))

    def _moved_to(self, worker: str, one: Any, held: Collection[Any]) -> Any:
        if one is None or one.key in held:
            return one
        where = {"workers": [worker], "allow_other_workers": True}  # it may die
        return self._client.submit(_itself, one, **where, pure=False)

    def _held(self, i: int) -> _Held:
        part = self.parts[i]
        keys = tuple(_key(one) for one in self._places[i])
        return _Held(i, part.first_row, keys, part.has_missing)

    def _computed(self, graph: Graph, keys: list[Any]) -> list[Any]:
        return self._scheduler.computed(self._graph | graph, keys, self.n_threads)

    @property
    def _task_threads(self) -> int | None:
        """Threads of a task; None: as many as the worker has that runs it."""
        if self._client is not None:
            return None
        return max(1, self.n_threads // len(self.parts))


def _pickled(task: Any) -> bytes:
    from distributed.protocol import pickle

    text: bytes = pickle.dumps(task)
    return text


def _key(place: Any) -> Any:
    return None if place is None else place.key


def score(
    X: Any,
    mixture: Mixture,
    n_threads: int = 1,
    *,
    allows_missing: bool = False,
    **others: Any,
) -> SufficientStatistics:
    """Scalars of all rows of a collection under a mixture: in one pass, which checks them and keeps none.

    Raises
    ------
    SourceError
        As `DaskBlocks`.
    """
    scheduler = Scheduler(X)
    with scheduler.at_hand():
        graph, places = _graph_of(_lazy_places(X, dtype_of(X), others))
        look = _Look(_Scored(mixture), allows_missing)
        found = _found(scheduler, graph, places, feature_names(X), look, n_threads)
    scalars = found.total
    return SufficientStatistics.implied_by(
        mixture, scalars.weight, scalars.log_likelihood, scalars.log_certainty
    )


# Partitions


def _lazy_places(X: Any, dtype: np.dtype[Any], others: Mapping[str, Any]) -> list[Place]:
    """Of each partition what the fields of its rows are to be."""
    columns = [partitions(X, dtype)]
    for what in BESIDE:
        values = others.get(what.name)
        none = [None] * len(columns[0])
        columns.append(none if values is None else beside(X, values, what))
    return list(zip(*columns, strict=True))


def _there(places: list[Place]) -> list[Any]:
    return [one for place in places for one in place if one is not None]


def _in_places(places: list[Place], found: Iterable[Any]) -> list[Place]:
    """What was found for all that is there, in its place."""
    each = iter(found)
    return [tuple(None if one is None else next(each) for one in place) for place in places]


def _graph_of(lazy: list[Place]) -> tuple[Graph, list[Place]]:
    """How the partitions are computed, and their keys."""
    there = _there(lazy)
    return dict(delayed(there).__dask_graph__()), _in_places(lazy, [one.key for one in there])


def _found(
    scheduler: Scheduler,
    graph: Graph,
    places: list[Place],
    names: Names,
    look: _Look,
    n_threads: int,
) -> _Found:
    """What `look` finds in all partitions, which are checked in the same pass."""
    tasks: Graph = {}
    sent = scheduler.sent(tasks, look)
    looks = [(_look_at, sent, list(place), names, i) for i, place in enumerate(places)]
    keys = add(tasks, "look", looks)
    while len(keys) > 1:
        several = [keys[i : i + _FAN_IN] for i in range(0, len(keys), _FAN_IN)]
        keys = add(tasks, "together", [(_together, some) for some in several])
    found: _Found
    (found,) = scheduler.computed(graph | tasks, keys, n_threads)
    if found.fault:
        raise SourceError(found.fault)
    if found.total is None:
        raise SourceError("X has no rows.")
    if not found.total.weight:
        raise SourceError("Every weight is zero, so that no row is left.")
    return found


# What runs on the workers


@dataclass(frozen=True, eq=False)
class _Found:
    """What there is in neighbouring partitions, each of which may have no rows; or what is wrong first."""

    facts: list[PartFacts | None]
    total: Any
    fault: str = ""

    def __add__(self, other: _Found) -> _Found:
        if self.fault or other.fault:
            return _Found([], None, self.fault or other.fault)
        facts = self.facts + other.facts
        if self.total is None or other.total is None:
            return _Found(facts, other.total if self.total is None else self.total)
        return _Found(facts, self.total + other.total)


@dataclass(frozen=True, eq=False)
class _Look:
    """What is found in each partition; whether features may be missing."""

    task: Look
    allows_missing: bool


def _look_at(look: _Look, values: list[Any], names: Names, number: int) -> _Found:
    rows = Rows(*values)
    try:
        missing = check(rows, names, number, missing=look.allows_missing)
    except SourceError as fault:
        # Returned, so that of several partitions the first is named.
        return _Found([], None, str(fault))
    if not len(rows):
        return _Found([None], None)
    facts, total = look.task(ArrayBlocks(replace(rows, missing=missing)), 0)
    return _Found([facts], total)


def _together(several: list[_Found]) -> _Found:
    """The sum of at most `_FAN_IN`, in a binary tree."""
    while len(several) > 1:
        several = [reduce(operator.add, several[i : i + 2]) for i in range(0, len(several), 2)]
    return several[0]


@dataclass(frozen=True)
class _Scalars:
    weight: float
    log_likelihood: float
    log_certainty: float

    def __add__(self, other: _Scalars) -> _Scalars:
        return _Scalars(
            self.weight + other.weight,
            self.log_likelihood + other.log_likelihood,
            self.log_certainty + other.log_certainty,
        )


@dataclass(frozen=True, eq=False)
class _Scored:
    mixture: Mixture

    def __call__(self, part: ArrayBlocks, _: int) -> tuple[None, _Scalars]:
        sums = part.score(self.mixture)
        return None, _Scalars(sums.weight, sums.log_likelihood, sums.log_certainty)


@dataclass(frozen=True, eq=False)
class _Sums:
    """The sums of a partition: half of symmetric matrices is enough, of which `+` makes the same half."""

    kernel: str
    centres: FloatArray
    dtype: np.dtype[Any]
    asked: tuple[Any, ...]
    parameters: Parameters | None
    responsibilities: Responsibilities | None
    normal: Mixture | None = None  # completes rows that bring them

    @property
    def has_scales(self) -> bool:
        """Whether the mixture is one of Student's t components."""
        return self.parameters is not None and self.parameters[3] is not None

    def __call__(self, part: ArrayBlocks, first_row: int) -> FloatArray:
        kernel, centres, threads = _core.Structure[self.kernel], self.centres, part.n_threads
        if self.responsibilities is not None:
            given = Shifted(self.responsibilities, first_row)
            rows = part.bringing(given, len(centres), self.normal)
            block = _core.accumulate_given(rows, kernel, centres, threads)
        else:
            assert self.parameters is not None
            weights, means, factors, df, noise, log_weights = self.parameters
            # No E-step reads the counts of a posterior.
            posterior = None if log_weights is None else (log_weights, log_weights)
            mixture = _core.Mixture(kernel, weights, means, None, factors, df, noise, posterior)
            asked, rows = _core.Expectation(*self.asked), part.source(self.dtype)
            block = _core.accumulate(rows, asked, mixture, centres, threads)
        return block[upper_half(kernel, *centres.shape, self.has_scales)]


def _itself(values: T) -> T:
    return values


def _run(task: Task[T], values: list[Any], first_row: int) -> T:
    return task(ArrayBlocks(Rows(*values)), first_row)


def _work(
    task: Task[FloatArray],
    parts: list[list[Any]],
    first_rows: list[int],
    places: list[int],
    n_leaves: int,
    n_threads: int | None,
) -> Sums:
    """Sums over some partitions, of which few are alive at once."""
    sums: Sums = {}
    n_threads = _worker_threads() if n_threads is None else n_threads
    for values, first_row, place in zip(parts, first_rows, places, strict=True):
        block = task(ArrayBlocks(Rows(*values), n_threads), first_row)
        _put(sums, n_leaves, 0, place, block)
    return sums


@dataclass(frozen=True)
class _Held:
    """A partition on a worker: its place among all, and the keys of its rows' fields there."""

    place: int
    first_row: int
    keys: tuple[Any, ...]
    has_missing: bool


async def _work_here(asked: bytes, dask_worker: Any) -> bytes | None:
    """As `_work`, on the worker that runs this and over what it holds; None: something is not there.

    All in bytes: each array would be a part of its own of the message, which takes half a millisecond more.
    """
    address, threads = dask_worker.contact_address, int(dask_worker.state.nthreads)
    # In a thread of the tasks': this one serves messages.
    executor = dask_worker.executors["default"]
    answer: bytes | None = await dask_worker.loop.run_in_executor(
        executor, _work_on_held, asked, address, dask_worker.data, threads
    )
    return answer


def _work_on_held(
    asked: bytes, address: str, data: Mapping[Any, Any], n_threads: int
) -> bytes | None:
    task, holdings, n_leaves = pickle.loads(asked)
    sums: Sums = {}
    for one in holdings.get(address, []):
        try:
            values: list[Any] = [None if key is None else data[key] for key in one.keys]
        except KeyError:
            return None
        rows = replace(Rows(*values), missing=one.has_missing)
        block = task(ArrayBlocks(rows, n_threads), one.first_row)
        _put(sums, n_leaves, 0, one.place, block)
    return pickle.dumps(sums)


def _worker_threads() -> int:
    from distributed import get_worker

    return int(get_worker().state.nthreads)


def _merge(n_leaves: int, several: list[Sums]) -> Sums:
    merged: Sums = {}
    for (level, place), block in chain.from_iterable(sums.items() for sums in several):
        _put(merged, n_leaves, level, place, block)
    return merged


def _put(sums: Sums, n_leaves: int, level: int, place: int, block: FloatArray) -> None:
    """Add a sum to its sibling's, where that is there, and so on up the tree."""
    while (n_nodes := -(-n_leaves >> level)) > 1:
        sibling = place ^ 1
        if sibling < n_nodes:
            other = sums.pop((level, sibling), None)
            if other is None:
                break
            block = block + other
        level, place = level + 1, place // 2
    sums[level, place] = block


__all__ = ["DaskBlocks", "score"]
