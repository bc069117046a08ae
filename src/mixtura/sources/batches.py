"""Rows from an iterator over arrays or data frames that can be made again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mixtura.errors import SourceError
from mixtura.inputs.frames import column_names, column_values, frame_of, frame_values, is_dask
from mixtura.inputs.labels import MOST_COMPONENTS, check_labels
from mixtura.inputs.missing import unmasked
from mixtura.inputs.row_errors import ErrorsGiven
from mixtura.rows import Rows
from mixtura.sources.source import Piece, Source
from mixtura.support.arrays import result_dtype
from mixtura.support.cached import cached
from mixtura.support.names import listed

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
        a generator function, say. Each item is an array of shape (n_rows, n_features), a data frame, an Arrow
        table or RecordBatch, or a pair of one of them and its weights, shape (n_rows,), or three things: its
        labels behind the weights (None: there are none), as `GaussianMixture.fit` takes them, or four: the
        errors behind these, as its `error_covariances`; batches may be of any size. Anything that can be
        iterated again, as a list, does as well. It is called and iterated in a thread of its own.
    feature_names : iterable of str, default=None
        Names of the columns, which a fit learns and `predict` then checks. None: those of the first batch,
        where that is a data frame. Every later batch that has names must have the same.
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
        If `make_iterator` is an iterator or generator, which can be run through only once, or is itself an
        array or a data frame.
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
        _check_no_table(make_iterator)
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


def _check_no_table(batches: Any) -> None:
    is_array = is_dask(batches) or (isinstance(batches, np.ndarray) and batches.ndim < 3)
    if is_array or frame_of(batches) is not None:
        raise TypeError(
            f"make_iterator must give batch after batch, but is one {type(batches).__name__}: give it to fit "
            "itself, or an iterable of such batches."
        )


class _Batches(Source):
    def __init__(
        self, batches: Batches, names: tuple[str, ...] | None, max_memory: int | str | None
    ) -> None:
        super().__init__(max_memory)
        self._batches = batches
        self._previous: object = None
        self._given_names = names

    def __repr__(self) -> str:
        name = getattr(self._batches, "__name__", type(self._batches).__name__)
        return f"from_batches({name})"

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        return self._first.names if self._given_names is None else self._given_names

    @property
    def n_features(self) -> int:
        return self._first.rows.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        return result_dtype(self._first.rows.X)

    @property
    def is_weighted(self) -> bool:
        return self._first.rows.weight is not None

    @property
    def is_labelled(self) -> bool:
        return self._first.rows.label is not None

    @property
    def beside(self) -> dict[str, tuple[int, ...]]:
        credible = self._first.rows.log_credible
        of_each = {} if credible is None else {"log_credible": credible.shape[1:]}
        error = self._first.rows.error
        errors = {} if error is None else {"error": error.shape[1:]}
        return super().beside | of_each | errors

    @cached
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
        n_columns, given = piece.rows.shape[1], self._given_names
        if given is not None and len(given) != n_columns:
            raise SourceError(
                f"{self} has {len(given)} feature_names, but its batches have {n_columns} columns."
            )
        return replace(piece, rows=piece.rows[:1].copy())

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

    def pieces(self, first_row: int) -> Iterator[Piece]:
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
        self._check_names(piece, like)
        if (piece.rows.weight is None) != (like.rows.weight is None):
            has, had = (
                ("no weights", "has") if piece.rows.weight is None else ("weights", "has none")
            )
            raise SourceError(f"{what} has {has}, but batch 0 {had}: give all or none of them.")
        own, first = _kind_of_labels(piece.rows), _kind_of_labels(like.rows)
        if own != first:
            raise SourceError(
                f"{what} has {own}, but batch 0 has {first}: give all batches labels of one kind, or none."
            )
        own, first = _kind_of_errors(piece.rows), _kind_of_errors(like.rows)
        if own != first:
            raise SourceError(
                f"{what} has {own}, but batch 0 has {first}: give all batches errors of one kind, or none."
            )
        if result_dtype(like.rows.X) == np.float32 and result_dtype(piece.rows.X) != np.float32:
            raise SourceError(
                f"{what} holds {piece.rows.X.dtype} where batch 0 holds float32: give all in one precision."
            )

    def _check_names(self, piece: _ArrayPiece, like: _ArrayPiece) -> None:
        what, given = f"{self}: batch {piece.number}", self._given_names
        if given is None and piece.names != like.names:
            raise SourceError(
                f"{what} has {_columns(piece.names)}, but batch 0 has {_columns(like.names)}: give the same "
                "columns in the same order."
            )
        if given is not None and piece.names is not None and piece.names != given:
            raise SourceError(
                f"{what} has {_columns(piece.names)}, but feature_names has {_columns(given)}: give the "
                "columns in that order, or leave feature_names out."
            )


def _columns(names: tuple[str, ...] | None) -> str:
    return "no names" if names is None else f"the columns {listed(names)}"


@dataclass(frozen=True)
class _ArrayPiece:
    rows: Rows
    names: tuple[str, ...] | None
    number: int
    skipped: int = 0

    @property
    def n_rows(self) -> int:
        return len(self.rows)

    def after(self, skipped: int) -> _ArrayPiece:
        return replace(self, rows=self.rows[skipped:], skipped=skipped) if skipped else self

    def write(self, out: Rows, first: int) -> None:
        out.fill(self.rows[first : first + len(out)])

    def place(self, row: int, column: int | None) -> str:
        name = column if self.names is None or column is None else repr(self.names[column])
        what = "the weight" if column is None else f"column {name}"
        return f"{what} in row {self.skipped + row} of batch {self.number}"


def _piece(batch: Batch, number: int) -> _ArrayPiece:
    given, weight, label, errors = (
        (*batch, None, None)[:4] if _is_tuple(batch) else (batch, None, None, None)
    )
    try:
        frame = frame_of(given)
        rows = np.asarray(unmasked(given)) if frame is None else frame_values(frame)
        weight = None if weight is None else column_values(weight, "the weight")
    except (TypeError, ValueError) as error:
        raise SourceError(f"batch {number}: {error}") from error
    if rows.ndim != 2 or rows.dtype.kind not in "biuf":
        what = "text or objects" if rows.dtype.kind in "OSU" else str(rows.dtype)
        raise SourceError(
            f"batch {number} must be an array of real numbers of shape (n_rows, n_features) or a data frame, "
            f"got shape {rows.shape} of {what}: give an iterable of batches; one array goes to fit itself."
        )
    names = None if frame is None else column_names(frame)
    if weight is not None:
        weight = np.asarray(weight, dtype=np.float64)
        if weight.shape != (len(rows),):
            raise SourceError(
                f"batch {number} has {len(rows)} rows, but weights of shape {weight.shape}: give one a row."
            )
    about = _labels(label, len(rows), number) | _errors(errors, rows.shape, number)
    return _ArrayPiece(Rows(rows, weight, **about), names, number)


def _is_tuple(batch: Batch) -> bool:
    return isinstance(batch, tuple) and len(batch) in (2, 3, 4)


def _labels(label: Any, n_rows: int, number: int) -> dict[str, Any]:
    """What a batch says of labels, as fields of `Rows`: all of them say it, where one does."""
    if label is None:
        return {}
    shape = np.shape(label)
    n_components = shape[1] if len(shape) == 2 else MOST_COMPONENTS
    try:
        known = check_labels(label, n_rows, n_components, noise=False)
    except ValueError as error:
        raise SourceError(f"batch {number}: {error}") from error
    if len(shape) == 2:
        credible = known.log_credible
        return {"log_credible": np.zeros(shape) if credible is None else credible}
    label = known.label
    return {"label": np.full(n_rows, -1, dtype=np.int32) if label is None else label}


def _errors(errors: Any, shape: tuple[int, int], number: int) -> dict[str, Any]:
    """Of a batch, as a field of `Rows`: all of them have it, where one does."""
    if errors is None:
        return {}
    try:
        known = ErrorsGiven(errors).checked(*shape)
    except ValueError as error:
        raise SourceError(f"batch {number}: {error}") from error
    of_one = shape[1:] * (np.ndim(errors) - 1)
    return {"error": np.zeros((shape[0], *of_one)) if known is None else known}


def _kind_of_errors(rows: Rows) -> str:
    if rows.error is None:
        return "no errors"
    return "variances" if rows.error.ndim == 2 else "covariances"


def _kind_of_labels(rows: Rows) -> str:
    if rows.log_credible is not None:
        return f"labels of {rows.log_credible.shape[1]} columns"
    return "no labels" if rows.label is None else "labels of one number a row"
