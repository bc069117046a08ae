"""What is computed once for an object, when it is first asked for."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Self, TypeVar, overload

T = TypeVar("T")


class cached(cached_property[T]):
    """`functools.cached_property` without its lock.

    Before Python 3.12 it holds one while it computes, and the core computes without the GIL: a process that
    another thread forks meanwhile would wait for that lock for ever. Threads that ask at once may all
    compute; all of them get the value of the first to end.
    """

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None) -> T: ...

    def __get__(self, instance: object, owner: type[Any] | None = None) -> Self | T:
        if instance is None:  # asked of the class, as for what is abstract
            return self
        assert self.attrname is not None
        values = vars(instance)  # where Python finds it by itself, but for `super()`
        if self.attrname not in values:
            values.setdefault(self.attrname, self.func(instance))
        value: T = values[self.attrname]
        return value
