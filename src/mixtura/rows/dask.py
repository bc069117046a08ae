"""Rows in the partitions of a Dask collection: tasks go to them, and statistics come back."""

from __future__ import annotations

import pickle
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import accumulate, chain
from math import ceil, inf
from time import monotonic
from typing import Any
from uuid import uuid4

import numpy as np

from mixtura import _core
from mixtura.em.statistics import SufficientStatistics
from mixtura.errors import SourceError
from mixtura.rows.array import ArrayBlocks
from mixtura.rows.blocks import T
from mixtura.rows.dask_partitions import (
    Names,
    beside,
    check,
    dask,
    delayed,
    dtype_of,
    feature_names,
    partitions,
)
from mixtura.rows.parts import PartFacts, PartitionedBlocks, part_facts
from mixtura.rows.value import BESIDE, Rows

Task = Callable[[ArrayBlocks, int], T]

# As Dask has it: by its key each task, a tuple of a function and its arguments, keys and futures among them.
Graph = dict[Any, Any]

# Of a partition, what each field of its rows is: lazy, then a future or a key; None where they lack it.
Place = tuple[Any, ...]

# Sums over some leaves of a binary tree: by level (0: a partition) and place in it.
Sums = dict[tuple[int, int], SufficientStatistics]

# Sums that are added in one task. A worker then holds that many; fewer would mean more levels, and each
# costs some milliseconds.
_FAN_IN = 8

# Bytes of a task up to which every worker gets it from the scheduler. A larger one goes to one worker, and
# from there to the others.
_SMALL = 1 << 20

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

    def __init__(self, X: Any, n_threads: int = 1, **others: Any) -> None:
        self.n_threads = n_threads
        self.dtype = dtype_of(X)
        self._given, self._others = X, others
        self._get = dask.base.get_scheduler(collections=[X])
        self._client = _client_of(self._get)
        self._connection = getattr(self._client, "scheduler_comm", None)
        with self._scheduler_at_hand():
            self._keep(self._partitions())
            self._look(feature_names(X))

    @contextmanager
    def _scheduler_at_hand(self) -> Iterator[None]:
        """Say so where what goes wrong is that the scheduler is gone: Dask fails in many ways then.

        One that was started again knows nothing of the partitions that were kept.
        """
        try:
            yield
        except Exception as error:
            if not self._has_lost_scheduler:
                raise
            raise SourceError(
                "The connection to the Dask scheduler was lost, and with it the rows that its workers held: "
                "make a new Client once the scheduler runs again, and fit again."
            ) from error

    @property
    def _has_lost_scheduler(self) -> bool:
        client = self._client
        if client is None:
            return False
        # A client that has found another one, or the same one started again, has another connection.
        return client.status != "running" or client.scheduler_comm is not self._connection

    def in_double(self) -> DaskBlocks:
        """The same rows as float64, looked at anew."""
        return DaskBlocks(self._given.astype(np.float64), self.n_threads, **self._others)

    def _partitions(self) -> list[Place]:
        """Of each partition what the fields of its rows are to be; not yet computed."""
        columns = [partitions(self._given, self.dtype)]
        for what in BESIDE:
            values = self._others.get(what.name)
            none = [None] * len(columns[0])
            columns.append(none if values is None else beside(self._given, values, what))
        return list(zip(*columns, strict=True))

    def _keep(self, lazy: list[Place]) -> None:
        """Have the partitions computed where they are to stay; without a cluster, note how they are."""
        self._graph: Graph = {}
        self._grouped_at = self._held_at = -inf
        self._is_quick = False
        there = [one for place in lazy for one in place if one is not None]
        if self._client is None:
            self._graph = dict(delayed(there).__dask_graph__())
            found = iter([one.key for one in there])
        else:
            found = iter(self._client.compute(there))
        self._places: list[Place] = [
            tuple(None if one is None else next(found) for one in place) for place in lazy
        ]

    def _look(self, names: Names) -> None:
        """Count the rows of each partition, and look for what is no finite number."""
        graph: Graph = {}
        looks = [(_look_at, list(place), names, i) for i, place in enumerate(self._places)]
        found: list[_Found] = self._computed(graph, _add(graph, "look", looks))
        for one in found:
            if one.fault:
                raise SourceError(one.fault)
        there = [i for i, one in enumerate(found) if one.facts.n_rows]
        if not there:
            raise SourceError("X has no rows.")
        if not any(one.facts.n_present for one in found):
            raise SourceError("Every weight is zero, so that no row is left.")
        ends = list(accumulate(one.facts.n_rows for one in found))
        self.parts = [
            replace(found[i].facts, first_row=ends[i] - found[i].facts.n_rows) for i in there
        ]
        self._places = [self._places[i] for i in there]
        self.origin = found[there[0]].first
        self.shape = ends[-1], len(self.origin)

    def each(self, task: Task[T]) -> Iterator[T]:
        """Run a task on every partition where it lies."""
        places = list(zip(self._places, self.parts, strict=True))
        done, size = 0, 1
        while done < len(places):
            graph: Graph = {}
            sent = self._sent(graph, task)
            runs = [
                (_run, sent, list(place), part.first_row)
                for place, part in places[done : done + size]
            ]
            with self._scheduler_at_hand():
                found = self._computed(graph, _add(graph, "each", runs))
            yield from found
            done, size = done + size, _GROWTH * size

    def reduced(self, task: Task[SufficientStatistics]) -> SufficientStatistics:
        """Sum of the statistics of all partitions, in a binary tree over them."""
        began = monotonic()
        with self._scheduler_at_hand():
            sums = self._asked_directly(task) if self._is_quick else None
            if sums is None:
                sums = self._asked_by_tasks(task)
        self._is_quick = monotonic() - began < _QUICK
        (whole,) = _merge(len(self.parts), sums).values()
        return _unpacked(whole)

    def _asked_by_tasks(self, task: Task[SufficientStatistics]) -> list[Sums]:
        n_leaves = len(self.parts)
        graph: Graph = {}
        sent = self._sent(graph, task)
        work = [
            (
                _work,
                sent,
                [list(self._places[i]) for i in group],
                [self.parts[i].first_row for i in group],
                group,
                n_leaves,
                self._task_threads,
            )
            for group in self._groups()
        ]
        keys = _add(graph, "expect", work)
        while len(keys) > _FAN_IN:
            several = [keys[i : i + _FAN_IN] for i in range(0, len(keys), _FAN_IN)]
            keys = _add(graph, "add", [(_merge, n_leaves, some) for some in several])
        return self._computed(graph, keys)

    def _asked_directly(self, task: Task[SufficientStatistics]) -> list[Sums] | None:
        """What few workers have of the tree, by one call each; None where that cannot be."""
        if self._client is None or _is_in_a_task():
            return None
        if monotonic() - self._held_at > _SECONDS:
            self._holdings, self._held_at = self._shares(), monotonic()
        asked = _pickled((task, self._holdings, len(self.parts)))
        if not self._holdings or len(asked) > _SMALL:
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
        """What each of few workers is to do, by its threads; it gets copies of what it has not.

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
        try:
            for worker, mine in shares.items():
                self._copy_to(worker, mine, held[worker])
        except (KeyError, OSError, ValueError):  # it died, or has no memory left and pauses
            return {}
        return {
            worker: [self._held(i) for i in sorted(mine)] for worker, mine in shares.items() if mine
        }

    def _copy_to(self, worker: str, mine: list[int], keys: Any) -> None:
        futures = [one for i in mine for one in self._places[i] if one is not None]
        missing = [one for one in futures if one.key not in keys]
        if missing:
            self._client.replicate(missing, n=1, workers=[worker])

    def _held(self, i: int) -> _Held:
        return _Held(i, self.parts[i].first_row, tuple(_key(one) for one in self._places[i]))

    @property
    def _task_threads(self) -> int | None:
        """Threads of a task; None: as many as the worker has that runs it."""
        if self._client is not None:
            return None
        return max(1, self.n_threads // len(self.parts))

    def _sent(self, graph: Graph, task: Any) -> Any:
        """The task; where it is large its key, so that not every worker gets it from the scheduler."""
        if self._client is None or _n_bytes(task) <= _SMALL:
            return task
        (key,) = _add(graph, "task", [(_given, [task])])
        return key

    def _computed(self, graph: Graph, keys: list[Any]) -> list[Any]:
        if self._client is None or _is_in_a_task():
            return list(self._get(self._graph | graph, keys, num_workers=self.n_threads))
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TB"}):
            futures = self._client.get(graph, keys, sync=False)
        # The futures of the pass before are let go here. Had they been at its end, the client would have told
        # the scheduler, and then have kept this graph back for the 10 ms in which it gathers messages.
        self._recent = futures
        try:
            return list(self._client.gather(futures))
        except BaseException:
            for future in futures:
                future.release()  # tasks that nobody waits for are cancelled
            raise


def _add(graph: Graph, name: str, tasks: list[Any]) -> list[Any]:
    """Add tasks to a graph under keys of their own, which are returned."""
    run = f"mixtura-{name}-{uuid4().hex}"
    keys = [(run, i) for i in range(len(tasks))]
    graph |= zip(keys, tasks, strict=True)
    return keys


def _n_bytes(task: Any) -> int:
    from distributed.protocol import pickle

    buffers: list[Any] = []
    text = pickle.dumps(task, buffer_callback=buffers.append)
    return len(text) + int(sum(buffer.raw().nbytes for buffer in buffers))


def _pickled(task: Any) -> bytes:
    from distributed.protocol import pickle

    text: bytes = pickle.dumps(task)
    return text


def _is_in_a_task() -> bool:
    """Whether this is a task itself; Dask's `get` then lets another one have its thread."""
    from distributed import get_worker

    try:
        get_worker()
    except ValueError:
        return False
    return True


def _key(place: Any) -> Any:
    return None if place is None else place.key


def _client_of(scheduler: Any) -> Any:
    """The distributed client that computes, if there is one."""
    client = getattr(scheduler, "__self__", None)
    return client if hasattr(client, "has_what") else None


# What runs on the workers


@dataclass(frozen=True, eq=False)
class _Found:
    """What there is in a partition, or what is wrong with it."""

    facts: PartFacts
    first: Any = None
    fault: str = ""


_NOTHING = PartFacts(0, 0, 0, 0.0, 0.0, True)


def _look_at(values: list[Any], names: Names, number: int) -> _Found:
    rows = Rows(*values)
    try:
        check(rows, names, number)
    except SourceError as fault:
        # Returned, so that of several partitions the first is named.
        return _Found(_NOTHING, fault=str(fault))
    if not len(rows):
        return _Found(_NOTHING)
    facts = part_facts(ArrayBlocks(rows), 0)
    return _Found(facts, np.array(rows.X[0], dtype=np.float64))


def _given(values: list[T]) -> T:
    return values[0]


def _run(task: Task[T], values: list[Any], first_row: int) -> T:
    return task(ArrayBlocks(Rows(*values)), first_row)


def _work(
    task: Task[SufficientStatistics],
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
        statistics = task(ArrayBlocks(Rows(*values), n_threads), first_row)
        _put(sums, n_leaves, 0, place, _packed(statistics))
    return sums


@dataclass(frozen=True)
class _Held:
    """A partition on a worker: its place among all, and the keys of its rows' fields there."""

    place: int
    first_row: int
    keys: tuple[Any, ...]


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
            values: Place = tuple(None if key is None else data[key] for key in one.keys)
        except KeyError:
            return None
        statistics = task(ArrayBlocks(Rows(*values), n_threads), one.first_row)
        _put(sums, n_leaves, 0, one.place, _packed(statistics))
    return pickle.dumps(sums)


def _worker_threads() -> int:
    from distributed import get_worker

    return int(get_worker().state.nthreads)


def _merge(n_leaves: int, several: list[Sums]) -> Sums:
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
