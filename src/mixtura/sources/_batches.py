"""Rows from an iterator over arrays that can be made again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mixtura._rows import Array, FloatArray, result_dtype
from mixtura.errors import SourceError
from mixtura.sources._source import Piece, Source

Batch = Any
Batches = Callable[[], Iterable[Batch]] | Iterable[Batch]


def from_batches(
    make_iterator: Batches,
    *,
    feature_names: Iterable[str] | None = None,
    max_memory: int | str | None = None,
) -> Source:
    """Rows that come in batches, to be fitted without ever being in memory together.

    Parameters
    ----------
    make_iterator : callable or iterable
        Called without arguments it returns a new iterator over the same rows in the same order, each time:
        a generator function, say. Each item is an array of shape (n_rows, n_features) or a pair of one and
        of its weights, shape (n_rows,); batches may be of any size. Anything that can be iterated again, as a
        list, does as well. It is called and iterated in a thread of its own.
    feature_names : iterable of str, default=None
        Names of the columns, which a fit learns and `predict` then checks.
    max_memory : int or str, default=None
        Bytes of rows that are held at a time, as a number or as '200MB'. They include those that are being
        read and worked on, seven parts of 8 MB (16 in float64); what does not fit is asked for again at every
        iteration. None: a quarter of the memory that is free.

    Returns
    -------
    Source
        To be given to `fit`, `score`, `predict` and the like in place of an array. float32 where the first
        batch is, else float64.

    Raises
    ------
    TypeError
        If `make_iterator` is an iterator or generator, which can be run through only once.
    ValueError
        If max_memory is not possible.

    Examples
    --------
    >>> import numpy as np, mixtura
    >>> def days():
    ...     for day in range(30):
    ...         rng = np.random.default_rng(day)
    ...         yield rng.normal(size=(1000, 2)) + 8 * rng.integers(0, 2, (1000, 1))
    >>> gm = mixtura.GaussianMixture(2, random_state=0).fit(mixtura.from_batches(days))
    >>> np.sort(gm.means_[:, 0]).round().tolist()
    [0.0, 8.0]
    """
    if not callable(make_iterator):
        if not isinstance(make_iterator, Iterable):
            raise TypeError(
                "make_iterator must be a function that returns a new iterator of arrays at each call, got "
                f"{type(make_iterator).__name__}."
            )
        if isinstance(make_iterator, Iterator):
            raise TypeError(
                f"make_iterator is a {type(make_iterator).__name__}, which can be run through only once, but "
                "EM reads the rows at every iteration: give the function that makes it, without calling it."
            )
    names = None if feature_names is None else tuple(str(name) for name in feature_names)
    return _Batches(make_iterator, names, max_memory)


class _Batches(Source):
    def __init__(
        self, batches: Batches, names: tuple[str, ...] | None, max_memory: int | str | None
    ) -> None:
        super().__init__(max_memory)
        self._batches = batches
        self._previous: object = None
        self.feature_names = names

    def __repr__(self) -> str:
        name = getattr(self._batches, "__name__", type(self._batches).__name__)
        return f"from_batches({name})"

    @property
    def n_features(self) -> int:
        return int(self._first.rows.shape[1])

    @property
    def dtype(self) -> np.dtype[Any]:
        return result_dtype(self._first.rows)

    @property
    def is_weighted(self) -> bool:
        return self._first.weight is not None

    @cached_property
    def _first(self) -> _ArrayPiece:
        """The head of the first batch: what all must be like."""
        iterator = self._new_iterator()
        try:
            batch = next(iterator, None)
        finally:
            getattr(iterator, "close", lambda: None)()
        if batch is None:
            raise SourceError(f"{self} gives no batches.")
        piece = _piece(batch, 0)
        weight = None if piece.weight is None else piece.weight[:1]
        first = _ArrayPiece(piece.rows[:1].copy(), weight, 0)
        if self.feature_names is not None and len(self.feature_names) != first.rows.shape[1]:
            raise SourceError(
                f"{self} has {len(self.feature_names)} feature_names, but its batches have "
                f"{first.rows.shape[1]} columns."
            )
        return first

    def _new_iterator(self) -> Iterator[Batch]:
        made = self._batches() if callable(self._batches) else self._batches
        if not isinstance(made, Iterable):
            raise SourceError(
                f"{self} must return an iterator of arrays, but returned {type(made).__name__}."
            )
        if isinstance(made, Iterator) and made is self._previous:
            raise SourceError(
                f"{self} returned the same {type(made).__name__} twice, which can be run through only once: "
                "it must return a new one at each call."
            )
        self._previous = made
        return iter(made)

    def _pieces(self, first_row: int) -> Iterator[Piece]:
        like = self._first
        iterator = self._new_iterator()
        before = 0
        try:
            for number, batch in enumerate(iterator):
                piece = _piece(batch, number)
                self._check(piece, like)
                skipped = min(max(first_row - before, 0), piece.n_rows)
                before += piece.n_rows
                yield piece.after(skipped)
        finally:
            getattr(iterator, "close", lambda: None)()

    def _check(self, piece: _ArrayPiece, like: _ArrayPiece) -> None:
        what = f"{self}: batch {piece.number}"
        width, expected = piece.rows.shape[1], like.rows.shape[1]
        if width != expected:
            raise SourceError(f"{what} has {width} columns, but batch 0 has {expected}.")
        if (piece.weight is None) != (like.weight is None):
            has, had = ("no weights", "has") if piece.weight is None else ("weights", "has none")
            raise SourceError(f"{what} has {has}, but batch 0 {had}: give all or none of them.")
        if result_dtype(like.rows) == np.float32 and result_dtype(piece.rows) != np.float32:
            raise SourceError(
                f"{what} holds {piece.rows.dtype} where batch 0 holds float32: give all in one precision."
            )


@dataclass(frozen=True)
class _ArrayPiece:
    rows: Array
    weight: FloatArray | None
    number: int
    skipped: int = 0

    @property
    def n_rows(self) -> int:
        return len(self.rows)

    def after(self, skipped: int) -> _ArrayPiece:
        if not skipped:
            return self
        weight = None if self.weight is None else self.weight[skipped:]
        return _ArrayPiece(self.rows[skipped:], weight, self.number, skipped)

    def write(self, out: Array, first: int) -> None:
        out[:] = self.rows[first : first + len(out)]

    def place(self, row: int, column: int | None) -> str:
        what = "the weight" if column is None else f"column {column}"
        return f"{what} in row {self.skipped + row} of batch {self.number}"


def _piece(batch: Batch, number: int) -> _ArrayPiece:
    given, weight = batch if isinstance(batch, tuple) and len(batch) == 2 else (batch, None)
    rows = np.asarray(given)
    if rows.ndim != 2 or rows.dtype.kind not in "biuf":
        what = "text or objects" if rows.dtype.kind in "OSU" else str(rows.dtype)
        raise SourceError(
            f"batch {number} must be an array of real numbers of shape (n_rows, n_features), got shape "
            f"{rows.shape} of {what}."
        )
    if weight is None:
        return _ArrayPiece(rows, None, number)
    weight = np.asarray(weight, dtype=np.float64)
    if weight.shape != (len(rows),):
        raise SourceError(
            f"batch {number} has {len(rows)} rows, but weights of shape {weight.shape}: give one a row."
        )
    return _ArrayPiece(rows, weight, number)
