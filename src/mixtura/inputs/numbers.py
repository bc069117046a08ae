"""Numbers that users give: whole ones, shares, seeds."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.random import Generator, RandomState, SeedSequence


def check_whole(name: str, value: Any, least: int) -> None:
    """Raise ValueError unless it is a whole number of at least `least`."""
    if not _is_number(value, Integral) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}.")


def check_share(name: str, value: Any) -> None:
    """Raise ValueError unless it is a number between 0 and 1."""
    if not _is_number(value, Real) or not 0 < value < 1:
        raise ValueError(f"{name} must be a number between 0 and 1, got {value!r}.")


def _is_number(value: Any, kind: type) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool | np.bool_)


def check_seed(random_state: Any) -> SeedSequence:
    """Return the seed of what is drawn.

    Raises
    ------
    ValueError
        If it is none of those that `random_state` can be.
    """
    if isinstance(random_state, RandomState):
        return SeedSequence(int(random_state.randint(np.iinfo(np.int32).max)))
    if isinstance(random_state, Generator):
        return SeedSequence(int(random_state.integers(np.iinfo(np.int64).max)))
    if random_state is None:
        return SeedSequence()
    if not _is_number(random_state, Integral) or random_state < 0:
        raise ValueError(
            "random_state must be a whole number of at least 0, a RandomState, a Generator or None, got "
            f"{random_state!r}."
        )
    return SeedSequence(int(random_state))


__all__ = ["check_seed", "check_share", "check_whole"]
