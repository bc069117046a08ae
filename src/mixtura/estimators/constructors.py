"""What a class says of arguments that it does not have, and of methods that it does not call."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Hashable, Iterable, Mapping
from functools import cache
from typing import Any, ClassVar, Self

from mixtura.support.names import listed, nearest

#: The steps of scikit-learn's EM, which subclasses of its class override. Here EM runs in the native core.
NEVER_CALLED = frozenset(
    {
        "_check_parameters",
        "_compute_lower_bound",
        "_e_step",
        "_estimate_log_prob",
        "_estimate_log_prob_resp",
        "_estimate_log_weights",
        "_estimate_weighted_log_prob",
        "_get_parameters",
        "_initialize",
        "_initialize_parameters",
        "_m_step",
        "_print_verbose_msg_init_beg",
        "_print_verbose_msg_init_end",
        "_print_verbose_msg_iter_end",
        "_set_parameters",
    }
)


class ChecksArgumentNames:
    """A class whose constructor names the argument that was meant where one of its name is unknown."""

    #: Why there are no arguments of some names.
    _why_not: ClassVar[Mapping[str, str]] = {}

    def __new__(cls, *_: Any, **arguments: Any) -> Self:
        known = _argument_names(cls)  # type: ignore[arg-type]  # mypy takes Self for unhashable
        unknown = [] if known is None else [name for name in arguments if name not in known]
        if known is not None and unknown:
            name = unknown[0]
            reason = cls._why_not.get(name)
            end = nearest(name, known) if reason is None else f" {reason}"
            raise TypeError(f"{cls.__name__} has no argument {name!r}.{end}")
        return super().__new__(cls)


@cache
def _argument_names(cls: Hashable) -> tuple[str, ...] | None:
    """The names that a class's constructor takes; None where it takes any."""
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]  # type: ignore[misc]
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return tuple(parameter.name for parameter in parameters)


def warn_of_overrides(cls: type, names: Iterable[str]) -> None:
    """Say which of the methods that a subclass defines will not be called, and what to use instead."""
    never = sorted(NEVER_CALLED.intersection(names))
    if never:
        warnings.warn(
            f"{cls.__name__} defines {listed(never)}, which nothing calls: EM runs in mixtura's native core. "
            "Give init_params a function to begin elsewhere, callback a function to watch EM or to end it.",
            UserWarning,
            stacklevel=3,
        )
