"""What is computed once for an object, when it is first asked for."""

from __future__ import annotations

from functools import cached_property
from typing import TypeVar

T = TypeVar("T")


class cached(cached_property[T]):
    """`functools.cached_property` without its lock.

    Before Python 3.12 it holds one while it computes, and the core computes without the GIL: a process that
    another thread forks meanwhile would wait for that lock for ever. Threads that ask at once may all
    compute; all of them get the value of the first to end.
    """

    def __get__(self, instance: object, owner: type | None = None) -> T:  # type: ignore[override]
        assert self.attrname is not None
        values = vars(instance)  # where Python finds it by itself, but for `super()`
        if self.attrname not in values:
            values.setdefault(self.attrname, self.func(instance))
        value: T = values[self.attrname]
        return value
