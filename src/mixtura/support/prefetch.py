"""The next items are made in another thread while this one works on those before."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T")

# Items that may wait: with the one that is being made and the one that is worked on there are three.
_WAITING = 1
IN_FLIGHT = _WAITING + 2

_END = object()


class Prefetched(Generic[T]):
    """Iterates over `items`, which are asked for in a thread of their own, from now on.

    A context manager: on leaving, however that happens, the thread has ended and `items` is closed in it.
    What goes wrong in the thread is raised here, in its place.
    """

    def __init__(self, items: Iterator[T]) -> None:
        self._ready: Queue[Any] = Queue(_WAITING)
        self._stopping = Event()
        self._thread = Thread(target=self._fill, args=(items,), name="mixtura reader", daemon=True)
        self._thread.start()

    def _fill(self, items: Iterator[T]) -> None:
        try:
            for item in items:
                if not self._put((item, None)):
                    break
            self._put((_END, None))
        except BaseException as error:  # to be raised where the items are asked for
            self._put((_END, error))
        finally:
            getattr(items, "close", lambda: None)()

    def _put(self, item: tuple[Any, BaseException | None]) -> bool:
        while not self._stopping.is_set():
            try:
                self._ready.put(item, timeout=0.1)
            except Full:
                continue
            return True
        return False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        if self._stopping.is_set():
            raise StopIteration
        item, error = self._ready.get()
        if error is not None:
            self.close()
            raise error
        if item is _END:
            self.close()
            raise StopIteration
        found: T = item
        return found

    def close(self) -> None:
        """End the thread; wait until it has let go of what it reads."""
        self._stopping.set()
        while True:  # one put may be waiting for room
            try:
                self._ready.get_nowait()
            except Empty:
                break
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
