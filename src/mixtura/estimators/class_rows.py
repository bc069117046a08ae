"""The rows of a classifier's fit: the class of each, and its weight."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from sklearn.utils import assert_all_finite
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets

from mixtura.rows import Rows
from mixtura.sources import Source, from_batches
from mixtura.support.arrays import Array, FloatArray

#: What is known of rows, as `labels` of `GaussianMixture.fit`, made of the numbers of their classes.
Labels = Callable[[Array], Array]


class ClassRows(Protocol):
    """Rows, wherever they lie, each with the number of its class, -1 where nobody knows it."""

    @property
    def has_unknown(self) -> bool:
        """Whether there is a row whose class nobody knows."""

    @property
    def counts(self) -> Array:
        """Number of rows of each class."""

    @property
    def weights(self) -> FloatArray:
        """Sum of the weights of each class."""

    def of_class(self, c: int) -> dict[str, Any]:
        """The rows of one class, as arguments of a mixture's `fit`."""

    def labelled(self, labels: Labels) -> dict[str, Any]:
        """All rows with what is known of them, as arguments of a mixture's `fit`."""

    def parts(self) -> Iterator[RowsInMemory]:
        """All rows, a part after another."""


@dataclass(frozen=True, eq=False)
class RowsInMemory:
    """Rows in an array, the number of each one's class, and weights."""

    X: Array
    codes: Array
    weight: FloatArray | None
    n_classes: int

    @property
    def has_unknown(self) -> bool:
        """Whether there is a row whose class nobody knows."""
        return bool((self.codes < 0).any())

    @cached_property
    def counts(self) -> Array:
        """Number of rows of each class."""
        return np.bincount(self.codes[self.codes >= 0], minlength=self.n_classes)

    @cached_property
    def weights(self) -> FloatArray:
        """Sum of the weights of each class."""
        known = self.codes >= 0
        own = None if self.weight is None else self.weight[known]
        return np.bincount(self.codes[known], own, minlength=self.n_classes).astype(np.float64)

    def of_class(self, c: int) -> dict[str, Any]:
        """The rows of one class, as arguments of a mixture's `fit`."""
        own = self[self.codes == c]
        return {"X": own.X, "sample_weight": own.weight}

    def labelled(self, labels: Labels) -> dict[str, Any]:
        """All rows with what is known of them, as arguments of a mixture's `fit`."""
        return {"X": self.X, "sample_weight": self.weight, "labels": labels(self.codes)}

    def parts(self) -> Iterator[RowsInMemory]:
        """All rows at once."""
        yield self

    def __getitem__(self, rows: Array) -> RowsInMemory:
        """Some rows, by their numbers or a mask."""
        weight = None if self.weight is None else self.weight[rows]
        return replace(self, X=self.X[rows], codes=self.codes[rows], weight=weight)

    def y(self, classes: Array, unlabeled: Any) -> Array:
        """The classes of the rows, as the argument y has them."""
        y = classes[np.maximum(self.codes, 0)]
        if self.has_unknown:
            y = y.astype(object)
            y[self.codes < 0] = unlabeled
        return np.asarray(y)


@dataclass(frozen=True, eq=False)
class RowsOfSource:
    """Rows of a source that one of its columns tells the class of, read anew each time.

    features: the numbers of the columns that are features. numbers: of the classes, by what the column says,
    -1 of what stands for none. factors: by which the weights of each class are multiplied; the last is of
    rows without a class.
    """

    source: Any
    column: str
    features: Array
    numbers: dict[Any, int]
    counts: Array
    weights: FloatArray
    factors: FloatArray
    has_unknown: bool

    def parts(self) -> Iterator[RowsInMemory]:
        """All rows, a part after another."""
        for values, codes, rows in _counting(self.source, self.column):
            own = np.array([self.numbers[value] for value in values], dtype=np.int64)[codes]
            weight = self.factors[own] * (1.0 if rows.weight is None else rows.weight)
            yield RowsInMemory(rows.X[:, self.features], own, weight, len(self.counts))

    def of_class(self, c: int) -> dict[str, Any]:
        """The rows of one class, as arguments of a mixture's `fit`."""

        def batches() -> Iterator[Any]:
            for rows in self.parts():
                own = rows[rows.codes == c]
                if len(own.codes):
                    yield own.X, own.weight

        return {"X": self._like_source(batches)}

    def labelled(self, labels: Labels) -> dict[str, Any]:
        """All rows with what is known of them, as arguments of a mixture's `fit`."""

        def batches() -> Iterator[Any]:
            for rows in self.parts():
                yield rows.X, rows.weight, labels(rows.codes)

        return {"X": self._like_source(batches)}

    @property
    def feature_names(self) -> list[str]:
        """Names of the columns that are features."""
        return [self.source.feature_names[j] for j in self.features]

    def _like_source(self, batches: Callable[[], Iterator[Any]]) -> Source:
        return from_batches(batches, feature_names=self.feature_names)


def rows_of_source(
    source: Any, y: Any, class_weight: Any, unlabeled: Any
) -> tuple[Array, RowsOfSource]:
    """The classes that a column of a source names, sorted, and its rows.

    Raises
    ------
    ValueError
        If y names no column, rows have labels or errors beside, or a class is not known and nobody said that
        this may be.
    """
    if not isinstance(y, str):
        raise ValueError("Of a source y is the name of the column of classes, a text.")
    _check_no_others(source)
    found: dict[Any, tuple[int, float]] = {}
    for values, codes, rows in _counting(source, y):
        counts = np.bincount(codes, minlength=len(values)).tolist()
        weights = np.bincount(codes, rows.weight, minlength=len(values)).tolist()
        for value, count, weight in zip(values, counts, weights, strict=True):
            before = found.get(value, (0, 0.0))
            found[value] = before[0] + count, before[1] + weight
    if not found:
        raise ValueError(f"{source} has no rows.")
    features = [j for j, name in enumerate(source.feature_names) if name != y]
    if not features:
        raise ValueError(
            f"{source} has no column but {y!r}, so that none is left to tell classes by."
        )
    unknown = {value for value in found if value is None or value == unlabeled}
    if None in unknown and unlabeled is None:
        raise ValueError(
            f"{source}: column {y!r}, of classes, is empty in some rows: unlabeled= is for such."
        )
    known = [value for value in found if value not in unknown]
    classes, order = known_classes(np.array(known or [unlabeled]), unlabeled)
    of_each = np.array([found[known[i]] for i in np.argsort(order)])
    counts, weights = of_each[:, 0].astype(np.int64), of_each[:, 1]
    factors = np.ones(len(classes) + 1)
    if class_weight is not None:
        factors[:-1] = factors_of(class_weight, classes, counts)
    numbers = dict(zip(known, order.tolist(), strict=True)) | dict.fromkeys(unknown, -1)
    return classes, RowsOfSource(
        source,
        y,
        np.array(features),
        numbers,
        counts,
        weights * factors[:-1],
        factors,
        bool(unknown),
    )


def _check_no_others(source: Any) -> None:
    for what, there in (("labels", source.is_labelled), ("errors", "error" in source.beside)):
        if there:
            raise ValueError(
                f"{source} has {what}, which a classifier does not use: leave them out."
            )


def _counting(source: Any, column: str) -> Iterator[tuple[list[Any], Array, Rows]]:
    """Rows of positive weight, part by part, behind what `_encoded` makes of the column."""
    import pyarrow as pa

    for rows, kept in source.tables([column]):
        said = pa.array(kept[column])
        if rows.weight is not None:
            rows, said = rows[rows.weight > 0], said.filter(pa.array(rows.weight > 0))
        if len(rows):
            yield *_encoded(said), rows


def _encoded(column: Any) -> tuple[list[Any], Array]:
    """What a column of Arrow says, each thing once, and which of it in each row; None where it is empty."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):  # by which empty cells may have no number
        column = column.dictionary_decode()
    encoded = column.dictionary_encode(null_encoding="encode")
    said = [
        None if value == "" or _is_empty(value) else value
        for value in encoded.dictionary.to_pylist()
    ]
    return said, encoded.indices.to_numpy()


def _is_empty(value: Any) -> bool:
    """Whether it is what stands for nothing: None, pandas' NA, NaN."""
    is_na = value is None or type(value).__name__ in ("NAType", "NaTType")
    return is_na or bool(value != value)  # NaN alone is not itself


def known_classes(y: Array, unlabeled: Any) -> tuple[Array, Array]:
    """The classes in y, sorted, and the number of each row's, -1 where it is not known.

    Raises
    ------
    ValueError
        If y has no class, or values that are none.
    """
    values = y.tolist()
    empty = np.array([_is_empty(value) for value in values], dtype=bool)
    if unlabeled is None and y.dtype.kind == "f":
        assert_all_finite(y, input_name="y")
    if unlabeled is None and empty.any():
        row = int(np.argmax(empty))
        raise ValueError(
            f"y holds {values[row]!r} in row {row}, which is no class: leave such rows out, or let EM use "
            "them with unlabeled=."
        )
    known = ~empty
    if unlabeled is not None:
        known[known] = [value != unlabeled for value in y[known].tolist()]
    if not known.any():
        raise ValueError(f"y holds no class: every row is {unlabeled!r}, which is unlabeled.")
    of_rows = y[known]
    if y.dtype.kind == "f":
        assert_all_finite(of_rows, input_name="y")
    if unlabeled is not None and y.dtype == object:  # as numbers beside None are
        of_rows = np.array(of_rows.tolist())
    check_classification_targets(of_rows)
    classes, of_known = np.unique(of_rows, return_inverse=True)
    codes = np.full(len(y), -1, dtype=np.int64)
    codes[known] = of_known
    return classes, codes


def factors_of(class_weight: Any, classes: Array, counts: Array) -> FloatArray:
    """By what the weights of each class are multiplied, as scikit-learn's `compute_class_weight` says."""
    if isinstance(class_weight, str) and class_weight == "balanced":
        return np.asarray(counts.sum() / (len(counts) * counts))
    return np.asarray(compute_class_weight(class_weight, classes=classes, y=classes))


__all__ = [
    "ClassRows",
    "Labels",
    "RowsInMemory",
    "RowsOfSource",
    "factors_of",
    "known_classes",
    "rows_of_source",
]
