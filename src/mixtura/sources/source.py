"""A source of rows: read in pieces, cut anew to parts of one size, kept as far as they fit."""

from __future__ import annotations

import mmap
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from copy import copy
from dataclasses import dataclass, replace
from functools import partial, reduce
from operator import add
from typing import Any, Literal, NoReturn, Protocol

import numpy as np

from mixtura import _core
from mixtura.em import Expectation, SufficientStatistics
from mixtura.errors import SourceError
from mixtura.inputs.missing import first_infinite
from mixtura.inputs.row_errors import unread
from mixtura.mixture import Mixture, arithmetic, native_mixture
from mixtura.rows import ArrayBlocks, PartitionedBlocks, Rows
from mixtura.rows.blocks import T
from mixtura.rows.facts import Facts, Overview, PartFacts
from mixtura.rows.parts import overview_of, part_facts
from mixtura.rows.value import BESIDE
from mixtura.sources.memory import n_bytes
from mixtura.support.arrays import Array, FloatArray
from mixtura.support.cached import cached
from mixtura.support.prefetch import IN_FLIGHT, Prefetched

# Numbers in a part (8 MB of float32), and rows at most: large enough that the threads within a part and the
# sum of its statistics cost nothing beside the work, small enough that a few of them are little.
_PART_NUMBERS = 1 << 21
_PART_ROWS = 1 << 17

# Parts whose memory pyarrow takes for the pages of a piece.
_DECODING = 3


def rows_of_a_part(n_features: int) -> int:
    """Rows in each part but the last. Of the shape alone: the bits of a fit do not depend on memory."""
    return int(np.clip(_PART_NUMBERS // max(n_features, 1), 1, _PART_ROWS))


class Piece(Protocol):
    """Rows as they come from a source, before they are cut to parts."""

    @property
    def n_rows(self) -> int:
        """Number of rows."""

    def write(self, out: Rows, first: int) -> None:
        """Write the rows from `first` on into `out`, as many and with all that it has room for."""

    def place(self, row: int, column: int | None) -> str:
        """Where a value stands, in words: its file, column and row; column None: the weight."""


# A piece, and its rows from one on up to another.
Stretch = tuple[Piece, int, int]


@dataclass(frozen=True)
class Part:
    """Rows to be worked on together, until the next are asked for: those come into the same memory."""

    first_row: int
    rows: Rows


@dataclass(frozen=True)
class _Opened:
    """What a first reading found."""

    facts: list[PartFacts]
    kept: list[Part]
    overview: Overview | None  # None where a prediction came first, which does not ask for it


class Source(ABC):
    """Rows that lie elsewhere, to be read again and again: what `scan` and `from_batches` return.

    Give it to `fit`, `score`, `bic`, `predict` and the like instead of an array. The first reading checks
    every value and keeps what fits in `max_memory`; later ones read the rest again, in another
    thread than the one that computes.

    Attributes
    ----------
    feature_names : tuple of str or None
    on_rows : callable or None
        Called with the number of rows done in a pass over them, after each part: at the first reading, at
        each iteration, at a prediction. Set it for a progress bar; `n_rows` is None before the first pass
        ends.
    """

    on_rows: Callable[[int], object] | None = None

    #: Whether NaN stands for a feature that was not observed.
    allows_missing: bool = False

    #: Whether parts keep rows together ('C') or columns ('F'): as the pieces do that are written into them.
    _order: Literal["C", "F"] = "C"

    def __init__(self, max_memory: int | str | None) -> None:
        n_bytes(
            max_memory
        )  # what it means is asked when the rows are read, but nonsense is said now
        self._max_memory = max_memory
        self._opened: _Opened | None = None
        self._twin: Source | None = None

    @property
    @abstractmethod
    def feature_names(self) -> tuple[str, ...] | None:
        """Names of the columns, if they have any."""

    @property
    @abstractmethod
    def n_features(self) -> int:
        """Number of columns, the weight not among them."""

    @property
    def n_rows(self) -> int | None:
        """Number of rows; None until they were read once."""
        opened = self._opened
        if opened is None and self._twin is not None:
            opened = self._twin._opened
        return None if opened is None else sum(part.counts.n_rows for part in opened.facts)

    @property
    @abstractmethod
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""

    @property
    @abstractmethod
    def is_weighted(self) -> bool:
        """Whether rows have weights."""

    @property
    def is_labelled(self) -> bool:
        """Whether rows may say which component they belong to."""
        return False

    @property
    def beside(self) -> dict[str, tuple[int, ...]]:
        """What each row brings beside its features: fields of `Rows`, and the shape of one value."""
        there = {"weight": self.is_weighted, "label": self.is_labelled}
        return {name: () for name, is_there in there.items() if is_there}

    def taking(self, _features: Sequence[str]) -> Source:
        """The same rows with the features of these names, where nobody has said which ones to take.

        Raises
        ------
        SourceError
            If they have no such features.
        """
        return self

    def with_missing(self) -> Source:
        """The same rows, in which NaN stands for a feature that was not observed."""
        if self.allows_missing:
            return self
        if self._twin is None:
            self._twin = copy(self)
            self._twin.allows_missing = True
        self._twin.on_rows = self.on_rows
        return self._twin

    def dropping(self) -> Source:
        """The same rows without those in which a cell is missing, where these can be told."""
        return self

    @abstractmethod
    def pieces(self, first_row: int) -> Iterator[Piece]:
        """Read from `first_row` on."""

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError(
            "A source of rows is no array: give it to fit, score, bic, predict or predict_to, or read its "
            "rows with numpy, pandas or pyarrow."
        )

    def evaluated(
        self, function: Callable[..., Array], mixture: Mixture, n_threads: int
    ) -> Iterator[Array]:
        """What a function gives for each part, as they are read."""
        parts = (part.rows for part in self.parts())
        return (
            function(mixture, rows.X, n_threads, missing=rows.missing, errors=rows.error)
            for rows in parts
        )

    def score(self, mixture: Mixture, n_threads: int) -> SufficientStatistics:
        """Return the scalars of all rows under the mixture, in one reading, the first or a later one."""
        dtype = arithmetic(mixture, self.dtype)
        rows = _core.StreamRows(partial(self._pieces_in, dtype), dtype == np.float32)
        asked = Expectation(moments=False).native
        block = _core.accumulate(rows, asked, native_mixture(mixture), None, n_threads)
        return SufficientStatistics(mixture.structure, mixture.means, block)

    def _pieces_in(self, dtype: np.dtype[Any]) -> Iterator[_core.Rows]:
        with closing(self.parts()) as parts:  # type: ignore[type-var]
            for part in parts:
                yield from ArrayBlocks(part.rows).pieces(dtype)

    def blocks(self, n_threads: int = 1) -> PartitionedBlocks:
        """Rows for EM; reads all of them, where that has not been done.

        Raises
        ------
        SourceError
            If something in them is no finite number, or they cannot be read: says where.
        """
        return SourceBlocks(self, n_threads)

    def parts(self) -> Iterator[Part]:
        """Read the rows, a part after another."""
        opened = self._opened
        return self._told(self._first_reading() if opened is None else self._reopened(opened))

    def _told(self, parts: Iterator[Part]) -> Iterator[Part]:
        with closing(parts):  # type: ignore[type-var]
            for part in parts:
                yield part
                self._tell(part.first_row + len(part.rows))

    def _tell(self, n_done: int) -> None:
        if self.on_rows is not None:
            self.on_rows(n_done)

    def tables(self, keep: Sequence[str]) -> Iterator[tuple[Rows, dict[str, Any]]]:
        """Read the rows, each time with the columns of theirs that `keep` names.

        Raises
        ------
        ValueError
            If there is no such column.
        """
        if keep:
            raise ValueError(
                f"{self} has no columns to keep beside its features: those of files can be."
            )
        return ((part.rows, {}) for part in self.parts())

    def opened(self, n_threads: int = 1) -> _Opened:
        """What a first reading found, with all that a fit asks before its first iteration."""
        if self._opened is None:
            for _ in self._told(self._first_reading(n_threads)):
                pass
        assert self._opened is not None
        if self._opened.overview is None:
            arrays = (ArrayBlocks(part.rows, n_threads) for part in self.parts())
            self._opened = replace(self._opened, overview=reduce(add, map(overview_of, arrays)))
        return self._opened

    def _first_reading(self, n_threads: int | None = None) -> Iterator[Part]:
        """Read, check and keep the parts; with threads for it, look over them on the way."""
        # The part that is worked on, pieces of its size in flight, and what decoding one takes beside it.
        room = n_bytes(self._max_memory) - (1 + IN_FLIGHT + _DECODING) * self._bytes_of_a_part
        kept: list[Part] = []
        facts: list[PartFacts] = []
        overview: Overview | None = None
        spare: list[Rows] = []
        with Prefetched(self._stretches(0)) as stretches:
            for part in self._cut(stretches, 0, spare, check=True):
                array = ArrayBlocks(part.rows, n_threads or 1)
                facts.append(part_facts(array, part.first_row))
                if n_threads is not None:
                    seen = overview_of(array)
                    overview = seen if overview is None else overview + seen
                room -= part.rows.n_bytes
                if room >= 0:
                    kept.append(part)
                yield part
                if room < 0:
                    spare.append(part.rows)
        if not facts:
            raise SourceError(f"{self} has no rows.")
        if not any(fact.counts.n_present for fact in facts):
            raise SourceError(f"{self}: every weight is zero, so that no row is left.")
        self._opened = _Opened(facts, kept, overview)

    def _reopened(self, opened: _Opened) -> Iterator[Part]:
        kept, facts = opened.kept, opened.facts
        if len(kept) == len(facts):
            yield from kept
            return
        first_row = facts[len(kept)].first_row
        spare: list[Rows] = []
        # Those that are not kept are read while those that are are worked on.
        with Prefetched(self._stretches(first_row)) as stretches:
            yield from kept
            parts = self._cut(stretches, first_row, spare, check=False)
            for fact in facts[len(kept) :]:
                part = next(parts, None)
                if part is None or len(part.rows) != fact.counts.n_rows:
                    self._raise_changed()
                yield replace(part, rows=replace(part.rows, missing=fact.has_missing))
                spare.append(part.rows)
            if next(parts, None) is not None:
                self._raise_changed()

    def _room(self, n_rows: int) -> Rows:
        """Memory for so many rows, with all that they bring."""
        X = _pages((n_rows, self.n_features), self.dtype, self._order)
        beside: dict[str, Any] = {
            one.name: np.empty((n_rows, *self.beside[one.name]), one.metadata["dtype"])
            for one in BESIDE
            if one.name in self.beside
        }
        return Rows(X, **beside)

    def rows_of(self, piece: Piece) -> Rows:
        """Rows of a piece by themselves, checked."""
        rows = self._room(piece.n_rows)
        piece.write(rows, 0)
        missing = _check(rows, piece, 0, missing=self.allows_missing)
        return replace(rows, missing=missing)

    @property
    def _bytes_of_a_part(self) -> int:
        return rows_of_a_part(self.n_features) * self._room(1).n_bytes

    def _raise_changed(self) -> NoReturn:
        raise SourceError(
            f"{self} gave another number of rows than at its first reading: it must give the same rows every "
            "time. Make a new source if it has changed."
        )

    def _stretches(self, first_row: int) -> Iterator[Stretch]:
        """Pieces, a large one in stretches: only few rows of it wait, and no other piece meanwhile."""
        size = rows_of_a_part(self.n_features)
        with closing(self.pieces(first_row)) as pieces:  # type: ignore[type-var]
            for piece in pieces:
                for first in range(0, piece.n_rows, size):
                    yield piece, first, min(first + size, piece.n_rows)

    def _cut(
        self, stretches: Iterator[Stretch], first_row: int, spare: list[Rows], *, check: bool
    ) -> Iterator[Part]:
        """Cut what is read to parts, in the memory of spare ones where there are any."""
        part = _Growing(self, first_row, spare)
        for piece, first, end in stretches:
            done = first
            while done < end:
                done += part.take(piece, done, end, check)
                if part.is_full:
                    yield part.finished()
                    part = _Growing(self, part.end, spare)
        if part.n_rows:
            yield part.finished()


class _Growing:
    """A part that is being filled."""

    def __init__(self, source: Source, first_row: int, spare: list[Rows]) -> None:
        self._first_row, self._allows_missing = first_row, source.allows_missing
        self.n_rows, self._has_missing = 0, False
        # Memory that is new costs as much time as filling it.
        self._rows = spare.pop() if spare else source._room(rows_of_a_part(source.n_features))

    @property
    def is_full(self) -> bool:
        return self.n_rows == len(self._rows)

    @property
    def end(self) -> int:
        return self._first_row + self.n_rows

    def take(self, piece: Piece, first: int, end: int, check: bool) -> int:
        """Take the rows of a piece from `first` up to `end`, as far as there is room; return how many."""
        taken = min(len(self._rows) - self.n_rows, end - first)
        mine = slice(self.n_rows, self.n_rows + taken)
        piece.write(self._rows[mine], first)
        if check:
            found = _check(self._rows[mine], piece, first, missing=self._allows_missing)
            self._has_missing = self._has_missing or found
        self.n_rows += taken
        return taken

    def finished(self) -> Part:
        rows = self._rows if self.is_full else self._rows[: self.n_rows].copy()
        return Part(self._first_row, replace(rows, missing=self._has_missing))


def _pages(shape: tuple[int, int], dtype: np.dtype[Any], order: Literal["C", "F"]) -> Array:
    """An array in pages of its own, which the system has back as soon as it is freed.

    malloc would keep what the reader's threads free, each in an arena of its own.
    """
    n_bytes = int(np.prod(shape)) * dtype.itemsize
    if not hasattr(mmap, "MAP_PRIVATE"):
        return np.empty(shape, dtype=dtype, order=order)
    pages = mmap.mmap(-1, max(n_bytes, 1), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):
            pages.madvise(mmap.MADV_HUGEPAGE)  # as numpy does
    return np.ndarray(shape, dtype=dtype, buffer=pages, order=order)


def _check(rows: Rows, piece: Piece, first: int, *, missing: bool) -> bool:
    """Raise where a feature or weight of these rows of a piece, from `first` on, is none that counts.

    Whether features are missing, where they may be.
    """
    hidden = unread(rows.error)
    X = rows.X if hidden is None else np.where(hidden, 0, rows.X)
    found = _check_features(X, piece, first, missing=missing) or hidden is not None
    if rows.weight is not None:
        _check_weight(rows.weight, piece, first)
    return found


def _check_features(X: Array, piece: Piece, first: int, *, missing: bool) -> bool:
    if X.strides[0] < X.strides[1]:  # in the order of memory
        n_found, column, row = _core.find_nonfinite(X.T, 1)
    else:
        n_found, row, column = _core.find_nonfinite(X, 1)
    if missing and n_found:
        place = first_infinite(X)
        if place is None:
            return True
        row, column = place
    if n_found:
        what, advice = "infinite", " or fill them in"
        if np.isnan(X[row, column]):
            what, advice = "NaN", ", fill them in, or fit with missing='mar'"
        raise SourceError(
            f"{piece.place(first + row, column)} is {what}: remove such rows{advice}."
        )
    return False


def _check_weight(weight: FloatArray, piece: Piece, first: int) -> None:
    wrong = ~(np.isfinite(weight) & (weight >= 0))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise SourceError(
            f"{piece.place(first + row, None)} is {weight[row]:g}: weights are finite and not negative; "
            "give 0 to leave a row out."
        )


class SourceBlocks(PartitionedBlocks):
    """Rows of a source, to be computed with where they are read."""

    def __init__(self, source: Source, n_threads: int) -> None:
        self._source, self.n_threads = source, n_threads
        self.dtype = source.dtype
        self.shape = self.counts.n_rows, source.n_features
        beside = source.beside
        self.has_labels = "label" in beside or "log_credible" in beside
        self.n_credible = beside.get("log_credible", (0,))[0]
        self.has_errors = "error" in beside
        self.has_missing = any(part.has_missing for part in self.parts)

    @cached
    def facts(self) -> Facts:
        """Known since the first reading."""
        opened = self._source.opened(self.n_threads)
        assert opened.overview is not None
        return Facts(opened.facts, opened.overview)

    def in_double(self) -> SourceBlocks:
        """The same rows, converted to float64 part by part."""
        same = SourceBlocks(self._source, self.n_threads)
        same.dtype = np.dtype(np.float64)
        return same

    def source(self, dtype: np.dtype[Any]) -> _core.RowSource:
        """The rows in memory, where all of them are, and nobody wants to be told of each part."""
        in_memory = self._source.opened().kept
        is_told = self._source.on_rows is not None
        if is_told or len(in_memory) < len(self.parts) or dtype != self._source.dtype:
            return super().source(dtype)
        # Of the rows as a part has them: those without any value weigh nothing.
        return _core.MemoryRows([ArrayBlocks(part.rows).rows.native() for part in in_memory])

    def each(self, task: Callable[[ArrayBlocks, int], T]) -> Iterator[T]:
        """Run a task on the parts as they come."""
        with closing(self._source.parts()) as parts:  # type: ignore[type-var]
            for part in parts:
                array = ArrayBlocks(part.rows, self.n_threads, self.dtype)
                yield task(array, part.first_row)
