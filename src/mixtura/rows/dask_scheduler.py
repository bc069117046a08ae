"""Who computes the tasks on a Dask collection: Dask's own scheduler, or a cluster's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from mixtura.errors import SourceError
from mixtura.rows.blocks import T
from mixtura.rows.dask_collection import dask

# As Dask has it: by its key each task, a tuple of a function and its arguments, keys and futures among them.
Graph = dict[Any, Any]

# Bytes of a task up to which every worker gets it from the scheduler. A larger one goes to one worker, and
# from there to the others.
SMALL = 1 << 20


class Scheduler:
    """What computes a collection's graph. `client`: the distributed one, None where there is no cluster."""

    def __init__(self, X: Any) -> None:
        self._get = dask.base.get_scheduler(collections=[X])
        self.client = _client_of(self._get)
        self._connection = getattr(self.client, "scheduler_comm", None)

    @contextmanager
    def at_hand(self) -> Iterator[None]:
        """Say so where what goes wrong is that the scheduler is gone: Dask fails in many ways then.

        One that was started again knows nothing of the partitions that were kept.
        """
        try:
            yield
        except Exception as error:
            if not self._is_lost:
                raise
            raise SourceError(
                "The connection to the Dask scheduler was lost, and with it the rows that its workers held: "
                "make a new Client once the scheduler runs again, and fit again."
            ) from error

    @property
    def _is_lost(self) -> bool:
        client = self.client
        if client is None:
            return False
        # A client that has found another one, or the same one started again, has another connection.
        return client.status != "running" or client.scheduler_comm is not self._connection

    def computed(self, graph: Graph, keys: list[Any], n_threads: int) -> list[Any]:
        """Compute these keys; with so many threads where there is no cluster."""
        if self.client is None or is_in_a_task():
            return list(self._get(graph, keys, num_workers=n_threads))
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TB"}):
            futures = self.client.get(graph, keys, sync=False)
        # The futures of the pass before are let go here. Had they been at its end, the client would have told
        # the scheduler, and then have kept this graph back for the 10 ms in which it gathers messages.
        self._recent = futures
        try:
            return list(self.client.gather(futures))
        except BaseException:
            for future in futures:
                future.release()  # tasks that nobody waits for are cancelled
            raise

    def sent(self, graph: Graph, task: Any) -> Any:
        """The task; where it is large its key, so that not every worker gets it from the scheduler."""
        if self.client is None or _n_bytes(task) <= SMALL:
            return task
        (key,) = add(graph, "task", [(_given, [task])])
        return key


def add(graph: Graph, name: str, tasks: list[Any]) -> list[Any]:
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


def is_in_a_task() -> bool:
    """Whether this is a task itself; Dask's `get` then lets another one have its thread."""
    from distributed import get_worker

    try:
        get_worker()
    except ValueError:
        return False
    return True


def _client_of(scheduler: Any) -> Any:
    """The distributed client that computes, if there is one."""
    client = getattr(scheduler, "__self__", None)
    return client if hasattr(client, "has_what") else None


def _given(values: list[T]) -> T:
    return values[0]
