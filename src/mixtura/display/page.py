"""How results show themselves: a page of figures and one table, as text and as HTML, and as a data frame."""

from __future__ import annotations

import textwrap
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import accumulate
from typing import Any
from unicodedata import east_asian_width

from mixtura.support.language import counted
from mixtura.support.language import translated as _

# Characters in a line, where nobody says how many there is room for.
_WIDTH = 100

#: Lines of a table; the rest of a longer one helps nobody on a screen.
MOST_LINES = 40

# Features beside each other in HTML, which knows no width.
_MOST_COLUMNS = 12

_GAP = 2

# Letters that are left of words where there is no room for all.
_LEAST_OF_WORDS = 12

_LEFT = ' style="text-align: left"'
_RIGHT = ' style="text-align: right"'

#: Where all of what a page cuts is to be had, in Python.
EVERYTHING = "to_frame() has all"


@dataclass(frozen=True)
class Table:
    """Cells as text, the header first. What it shows may be the beginning of what there is.

    Attributes
    ----------
    lines : tuple of tuple of str
    thing : str
        What a line stands for.
    n_things : int
        How many there are, shown or not.
    texts : frozenset of str
        Headers of columns of words, which begin at the left.
    n_fixed : int
        Columns before the features.
    n_features : int or None
        Where the columns after those stand for features: the table is turned where they have no room.
    most_lines : int or None
        Lines that are shown; None: all.
    shortens : bool
        Whether the words may be shortened in their middle where a line has no room: names, not sentences.
    """

    lines: tuple[tuple[str, ...], ...]
    thing: str
    n_things: int
    texts: frozenset[str] = frozenset()
    n_fixed: int = 0
    n_features: int | None = None
    most_lines: int | None = MOST_LINES
    shortens: bool = False


@dataclass(frozen=True)
class Page:
    """What a result shows of itself: a title, figures with names, a table, how to read it, sentences."""

    title: str
    facts: tuple[tuple[str, str], ...] = ()
    table: Table | None = None
    note: str = ""
    points: tuple[str, ...] = ()

    def text(self, width: int = _WIDTH, everything: str = EVERYTHING) -> str:
        """Lay it out in lines of this width; `everything` says where what is left out is to be had."""
        paragraphs = ["\n".join(textwrap.wrap(self.title, max(width, 1)))]
        if self.facts:
            paragraphs.append("\n".join(_facts_as_text(self.facts, width)))
        if self.table is not None:
            cut, left_out = _cut(self.table, lambda columns: _n_fitting(columns, width))
            paragraphs.append("\n".join(_lines_as_text(_within(cut, width))))
            paragraphs += [_left_out_in_words(left_out, everything)] if left_out else []
        if self.note:
            paragraphs.append("\n".join(textwrap.wrap(self.note, max(width, 1))))
        if self.points:
            paragraphs.append("\n".join(f"- {point}" for point in self.points))
        return "\n\n".join(paragraphs)

    def html(self) -> str:
        """Lay it out for a notebook, all text escaped."""
        parts = [f"<p><strong>{escape(self.title)}</strong></p>"]
        if self.facts:
            rows = (
                f"<tr><th{_LEFT}>{escape(name)}</th>{_cell(value, is_text=True)}</tr>"
                for name, value in self.facts
            )
            parts.append(_html_table("".join(rows)))
        if self.table is not None:
            most = _MOST_COLUMNS + self.table.n_fixed
            cut, left_out = _cut(self.table, lambda columns: min(len(columns), most))
            parts.append(_html_table(*_body_and_head(cut)))
            if left_out:
                parts.append(f"<p>{escape(_left_out_in_words(left_out, EVERYTHING))}</p>")
        if self.note:
            parts.append(f"<p>{escape(self.note)}</p>")
        if self.points:
            items = "".join(f"<li>{escape(point)}</li>" for point in self.points)
            parts.append(f"<ul>{items}</ul>")
        # The classes keep MathJax from reading formulas into names with two dollar signs.
        return f'<div class="mixtura tex2jax_ignore mathjax_ignore">{"".join(parts)}</div>'


class Shown(ABC):
    """A result that shows itself as a page, and gives what is on it as a data frame."""

    __slots__ = ()

    @abstractmethod
    def _page(self) -> Page:
        """What a person reads."""

    @abstractmethod
    def _columns(self) -> Mapping[str, Any]:
        """The same as columns of equal length, nothing left out."""

    def __repr__(self) -> str:
        return self._page().text()

    def __str__(self) -> str:
        return self._page().text()

    def _repr_html_(self) -> str:
        return self._page().html()

    def to_frame(self, backend: str = "pandas") -> Any:
        """Return the table as a data frame, with nothing rounded or left out.

        Parameters
        ----------
        backend : {'pandas', 'polars', 'pyarrow'}, default='pandas'
            The library whose frame it is.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table

        Raises
        ------
        ValueError
            If there is no such backend.
        ImportError
            If that library is not installed.
        """
        from mixtura.inputs.frames import new_frame

        return new_frame(self._columns(), backend)


def plural(number: int, thing: str) -> str:
    """A number with what it counts, in English."""
    return f"{number:,} {thing if number == 1 else _several(thing)}"


def number_of(number: int, thing: str) -> str:
    """A number with what it counts, in the language in which results are shown."""
    return f"{number:,} {counted(number, thing, _several(thing))}"


def _several(thing: str) -> str:
    return thing + ("es" if thing.endswith(("ch", "ss")) else "s")


def _cut(
    table: Table, n_fitting: Callable[[Sequence[Sequence[str]]], int]
) -> tuple[Table, list[str]]:
    """The part of a table that is shown, turned where features have no room beside each other; what is not.

    n_fitting: tells of columns how many have room.
    """
    lines, n_features, most = table.lines, table.n_features, table.most_lines
    columns = list(zip(*lines, strict=True))
    if n_features is None or (
        n_features == len(columns) - table.n_fixed and n_fitting(columns) == len(columns)
    ):
        shown = lines if most is None else lines[: most + 1]
        return replace(table, lines=shown), _more(table.n_things - len(shown) + 1, table.thing)
    columns = columns if most is None else columns[: table.n_fixed + most]
    n_columns = max(n_fitting(list(zip(*columns, strict=True))), 2)
    turned = tuple(column[:n_columns] for column in columns)
    left_out = [
        *_more(table.n_things - len(turned[0]) + 1, table.thing),
        *_more(n_features - len(turned) + table.n_fixed, "feature"),
    ]
    return replace(table, lines=turned, texts=frozenset()), left_out


def _more(number: int, thing: str) -> list[str]:
    if number <= 0:
        return []
    things = counted(number, thing, _several(thing))
    return [_("{number} more {things}").format(number=f"{number:,}", things=things)]


def _left_out_in_words(left_out: Sequence[str], everything: str) -> str:
    what = _(" and ").join(left_out)
    return _("... and {what}; {everything}").format(what=what, everything=everything)


def _n_fitting(columns: Sequence[Sequence[str]], width: int) -> int:
    """Count the columns that have room beside each other."""
    ends = accumulate(max(map(_width, column)) + _GAP for column in columns)
    return sum(end - _GAP <= width for end in ends)


def _width(text: str) -> int:
    """Columns of a terminal that a text takes."""
    return len(text) + sum(east_asian_width(letter) in "WF" for letter in text)


def _facts_as_text(facts: Sequence[tuple[str, str]], width: int) -> list[str]:
    indent = max(_width(name) for name, _ in facts) + _GAP
    lines = []
    for name, value in facts:
        first, *rest = textwrap.wrap(value, max(width - indent, 10)) or [""]
        lines.append(name + " " * (indent - _width(name)) + first)
        lines += [" " * indent + line for line in rest]
    return lines


def _within(table: Table, width: int) -> Table:
    """The table, the longest words shortened in their middle where it is wider than a line."""
    columns = list(zip(*table.lines, strict=True))
    widths = [max(map(_width, column)) for column in columns]
    of_words = [i for i, column in enumerate(columns) if column[0] in table.texts]
    excess = sum(widths) + _GAP * (len(widths) - 1) - width
    if excess <= 0 or not of_words or not table.shortens:
        return table
    longest = max(of_words, key=lambda i: widths[i])
    room = max(widths[longest] - excess, _LEAST_OF_WORDS)
    header, *cells = columns[longest]
    columns[longest] = (header, *(_shortened(cell, room) for cell in cells))
    return replace(table, lines=tuple(zip(*columns, strict=True)))


def _shortened(text: str, room: int) -> str:
    """As many letters, the middle left out: names that are long differ at their ends."""
    if _width(text) <= room:
        return text
    behind = (room - 1) // 2
    return f"{text[: room - 1 - behind]}…{text[len(text) - behind :]}"


def _lines_as_text(table: Table) -> list[str]:
    header = table.lines[0]
    widths = [max(map(_width, column)) for column in zip(*table.lines, strict=True)]

    def line_of(cells: Sequence[str]) -> str:
        padded = []
        for name, cell, width in zip(header, cells, widths, strict=True):
            blanks = " " * (width - _width(cell))
            padded.append(cell + blanks if name in table.texts else blanks + cell)
        return (" " * _GAP).join(padded).rstrip()

    first, *rest = map(line_of, table.lines)
    return [first, "─" * (sum(widths) + _GAP * (len(widths) - 1)), *rest]


def _body_and_head(table: Table) -> tuple[str, str]:
    header, *rest = table.lines
    head = "".join(
        f"<th{_LEFT if name in table.texts else _RIGHT}>{escape(name)}</th>" for name in header
    )
    body = (
        "".join(
            _cell(cell, is_text=name in table.texts)
            for name, cell in zip(header, line, strict=True)
        )
        for line in rest
    )
    return "".join(f"<tr>{line}</tr>" for line in body), f"<thead><tr>{head}</tr></thead>"


def _cell(text: str, *, is_text: bool) -> str:
    return f"<td{_LEFT if is_text else _RIGHT}>{escape(text)}</td>"


def _html_table(body: str, head: str = "") -> str:
    return f'<table border="1" class="dataframe">{head}<tbody>{body}</tbody></table>'
