"""What the text of an option means, or a sentence that shows the text and says what it must be."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from mixtura.cli.errors import UsageError, suggestion

LARGEST_SEED = 2**32 - 1


def whole(option: str, least: int | None = None, most: int | None = None) -> dict[str, Any]:
    """Return typer's arguments for an option that is a whole number within bounds."""
    wanted = "a whole number" + _within(least, most)
    return _number(option, int, wanted, least, most)


def number(option: str, least: float | None = None) -> dict[str, Any]:
    """Return typer's arguments for an option that is a finite number."""
    return _number(option, float, "a number" + _within(least, None), least, None)


def choice(option: str, *names: str) -> dict[str, Any]:
    """Return typer's arguments for an option that is one of some names."""

    def read(text: str) -> str:
        if text not in names:
            raise UsageError(f"{option} is {text!r}.{suggestion(text, names)}")
        return text

    return {"parser": read}


def auto_or_number(option: str, least: float) -> dict[str, Any]:
    """Return typer's arguments for an option that is 'auto' or a number of at least so much."""
    wanted = "auto, or a number" + _within(least, None)
    read = _reader(option, float, wanted, least, None)
    return {
        "parser": lambda text: text if text == "auto" else read(text),
        "metavar": f"auto|NUMBER>={least:g}",
    }


def named_or_number(option: str, name: str) -> dict[str, Any]:
    """Return typer's arguments for an option that is a name or a number above 0."""
    read = _reader(option, float, f"{name}, or a number above 0", 5e-324, None)
    return {
        "parser": lambda text: text if text == name else read(text),
        "metavar": f"{name}|NUMBER>0",
    }


def one_or_several(option: str, least: int) -> dict[str, Any]:
    """Return typer's arguments for a whole number, or several such as '1:4', which stay text."""
    one = _reader(option, int, "a whole number" + _within(least, None), least, None)
    return {
        "parser": lambda text: text if {":", ","} & set(str(text)) else one(text),
        "metavar": f"INTEGER>={least}",
    }


def _number(
    option: str, kind: type, wanted: str, least: float | None, most: float | None
) -> dict[str, Any]:
    name = "INTEGER" if kind is int else "NUMBER"
    return {
        "parser": _reader(option, kind, wanted, least, most),
        "metavar": name if least is None else f"{name}>={least:g}",
    }


def _reader(
    option: str, kind: type, wanted: str, least: float | None, most: float | None
) -> Callable[[str], Any]:
    low, high = -math.inf if least is None else least, math.inf if most is None else most

    def read(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high or not math.isfinite(value):
            raise UsageError(f"{option} is {str(text)!r}, but must be {wanted}")
        return value

    return read


def _within(least: float | None, most: float | None) -> str:
    if most is not None:
        return f" from {least:g} to {most}"
    return "" if least is None else f" of at least {least:g}"
