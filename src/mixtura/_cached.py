"""What is computed once for an object, when it is first asked for."""

from __future__ import annotations

from functools import cached_property
from typing import Any, TypeVar

T = TypeVar("T")


class cached(cached_property[T]):
    """`functools.cached_property` without its lock.

    Before Python 3.12 it holds one while it computes, and the core computes without the GIL: a process that
    another thread forks meanwhile would wait for that lock for ever. Threads that ask at once may all
    compute; all of them get the value of the first to end.
    """

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        # Where there is a value already, Python finds it in the instance and does not ask here.
        return vars(instance).setdefault(self.attrname, self.func(instance))
