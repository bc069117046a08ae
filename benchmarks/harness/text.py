"""Numbers and tables as Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first two columns to the left, numbers to the right."""
    rule = ["---" if column < 2 else "---:" for column in range(len(head))]
    lines = [head, rule, *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def duration(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{digits(seconds * 1e6)} µs"
    return f"{digits(seconds * 1e3)} ms" if seconds < 10 else f"{digits(seconds)} s"


def digits(value: float) -> str:
    """Three significant digits, no exponent."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    places = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{places}f}"


def percent(share: float) -> str:
    places = 0 if share >= 0.1 else 1 if share >= 0.01 else 2
    return f"{100 * share:.{places}f} %"


def times(ratio: float) -> str:
    return f"{digits(ratio)} ×"
