"""Which models a search is to fit, from what the user wrote."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np

from mixtura.covariance import ONE_FEATURE, STRUCTURES, check_features, structure
from mixtura.em import GAUSSIAN, NOTHING, Kind, Knowledge
from mixtura.fitting.findings import n_distinct_rows, only_rows
from mixtura.rows import Blocks
from mixtura.support.names import nearest
from mixtura.sweep.cells import CRITERIA, Key, n_parameters_of

#: The 14 structures by mclust's names, from narrow to wide.
ALL = tuple(name for name in STRUCTURES if len(name) == 3)

SIGNS = ("sklearn", "mclust")


def numbers_of_components(asked: Any) -> list[int]:
    """Return the numbers asked for, ascending, each once.

    Raises
    ------
    ValueError
        If there is none, or one is no whole number of at least 1.
    """
    listed = [asked] if isinstance(asked, Integral) else _as_list(asked, "n_components")
    if not listed:
        raise ValueError(
            "n_components is empty: give at least one number of components, such as range(1, 10)."
        )
    for value in listed:
        if not isinstance(value, Integral) or isinstance(value, bool | np.bool_) or value < 1:
            raise ValueError(
                f"n_components must hold whole numbers of at least 1, but {value!r} is among them."
            )
    return sorted({int(value) for value in listed})


def choices_of(name: str, asked: Any, possible: tuple[Any, ...]) -> list[Any]:
    """Return the values of an axis that are asked for, each once.

    Raises
    ------
    ValueError
        If there is none, or one is none of those possible.
    """
    listed = [asked] if isinstance(asked, str | bool | np.bool_) else _as_list(asked, name)
    found = list(dict.fromkeys(value for value in possible if value in listed))
    wrong = [value for value in listed if value not in possible]
    if wrong or not found:
        given = repr(wrong[0]) if wrong else "none"
        choices = " or ".join(map(repr, possible))
        raise ValueError(f"{name} must be {choices}, or a list of them, got {given}.")
    return found


def check_max_parameters(asked: Any) -> None:
    """Raise a ValueError unless it is None or a whole number of at least 1."""
    if asked is None:
        return
    if not isinstance(asked, Integral) or isinstance(asked, bool | np.bool_) or asked < 1:
        raise ValueError(
            f"max_parameters must be a whole number of at least 1, or None, got {asked!r}."
        )


def check_structures(asked: Any) -> None:
    """See that there are such structures, before the rows are looked at.

    Raises
    ------
    ValueError
        If there is none, or a name is unknown: the message suggests the nearest.
    """
    names = _names(asked)
    if not names:
        raise ValueError(
            "covariance_type is empty: give 'all', or at least one structure, such as ['VVV', 'EEE']."
        )
    for name in names:
        if not isinstance(name, str) or name not in (*STRUCTURES, *ONE_FEATURE, "all"):
            raise ValueError(
                f"covariance_type must be 'all' or hold names of {list(STRUCTURES)}, but {name!r} is among "
                f"them.{nearest(name, [*STRUCTURES, 'all'])}"
            )


def structures_of(asked: Any, n_features: int) -> list[str]:
    """Return the names of the structures asked for, each once.

    Raises
    ------
    ValueError
        If there is none, a name is unknown, or for one feature where there are more.
    """
    check_structures(asked)
    names: dict[str, None] = {}
    for name in _names(asked):
        if name == "all":
            names |= dict.fromkeys(ONE_FEATURE if n_features == 1 else ALL)
        else:
            check_features(structure(name), n_features)
            names[name_in(name, n_features)] = None
    return list(names)


def _names(asked: Any) -> list[Any]:
    return [asked] if isinstance(asked, str) else _as_list(asked, "covariance_type")


def name_in(name: str, n_features: int) -> str:
    """The name of a structure in a search: one feature has neither shape nor orientation, only E and V."""
    if n_features > 1 or (name not in STRUCTURES and name not in ONE_FEATURE):
        return name
    return structure(name).letters[0]


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    """Raise ValueError, with the nearest name, unless `value` is one of the choices."""
    if not isinstance(value, str) or value not in choices:
        listed = ", ".join(map(repr, choices))
        raise ValueError(f"{name} must be one of {listed}, got {value!r}.{nearest(value, choices)}")


def check_criterion(criterion: Any) -> None:
    """Raise ValueError unless there is such a criterion."""
    check_choice("criterion", criterion, CRITERIA)


def impossible(
    keys: list[Key],
    blocks: Blocks,
    max_parameters: int | None,
    asked: Kind = GAUSSIAN,
    largest_label: int = -1,
    known: Mapping[Key, Knowledge | str] | None = None,
) -> dict[Key, str]:
    """Why cells of too many parameters, or of more components than distinct rows, are not fitted.

    asked: what mixtures may have beside Gaussian components. largest_label: of those known of rows.
    known: of parameters, by cell, or why that cannot be.
    """
    most = max(k for k, _ in keys)
    n_distinct = n_distinct_rows(blocks, most)
    why_not = {}
    for k, name in keys:
        own = (known or {}).get((k, name), NOTHING)
        if isinstance(own, str):
            why_not[k, name] = own
            continue
        n_parameters = n_parameters_of((k, name), blocks.shape[1], asked, own)
        if k > n_distinct:
            why_not[k, name] = f"{k} components, but X has {only_rows(n_distinct, blocks)}"
        elif k <= largest_label:
            why_not[k, name] = f"{k} components, but labels name component {largest_label}"
        elif max_parameters is not None and n_parameters > max_parameters:
            why_not[k, name] = (
                f"{n_parameters} parameters, more than max_parameters={max_parameters}"
            )
    return why_not


def _as_list(values: Any, name: str) -> list[Any]:
    try:
        return list(values)
    except TypeError:
        raise ValueError(
            f"{name} must be a name, a number or a list of them, got {values!r}."
        ) from None
