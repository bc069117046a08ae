"""Some rows as one value: their features, and whatever else each of them brings."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.random import RandomState

from mixtura import _core
from mixtura.inputs.missing import are_observed
from mixtura.inputs.row_errors import unread
from mixtura.mixture import Mixture, drawn, drawn_truth, expected
from mixtura.support.arrays import (
    Array,
    FloatArray,
    block_slices,
    contiguous_rows,
    is_native,
    result_dtype,
)

# Of what a row may bring beside its features: the type that it is held in, its numbers of axes, its name as
# an argument, and its plural.
_WEIGHT = {"dtype": np.float64, "ndim": (1,), "argument": "sample_weight", "plural": "weights"}
_LABEL = {"dtype": np.int32, "ndim": (1,), "argument": "labels", "plural": "labels"}
_CREDIBLE = {"dtype": np.float64, "ndim": (2,), "argument": "labels", "plural": "labels"}
_ERROR = {"dtype": np.float64, "ndim": (2, 3), "argument": "error", "plural": "errors"}


@dataclass(frozen=True, eq=False)
class Rows:
    """Some rows. The first axis of each array is the rows; each but `X` is optional.

    What is done with rows (cut, put together, hashed, sent, ...) is done with every field alike. A new thing
    that a row may bring is a new field here.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Real numbers of any type and layout; not copied.
    weight : ndarray of shape (n_rows,), optional
        Non-negative; None: every row weighs 1.
    label : ndarray of shape (n_rows,), optional
        The component that each row is known to belong to; -1 where it is not known.
    log_credible : ndarray of shape (n_rows, n_components), optional
        Of each component, and of noise in one column more where there is any, the log of how credible it is
        that the row belongs to it; -inf where it cannot.
    error : ndarray of shape (n_rows, n_features) or (n_rows, n_features, n_features), optional
        Variances or covariances of the errors with which each row was measured; infinite where a feature
        is not known.
    missing : bool, default=False
        Whether NaN may stand for features that were not observed.
    """

    X: Array
    weight: FloatArray | None = field(default=None, metadata=_WEIGHT)
    label: Array | None = field(default=None, metadata=_LABEL)
    log_credible: FloatArray | None = field(default=None, metadata=_CREDIBLE)
    error: FloatArray | None = field(default=None, metadata=_ERROR)
    missing: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "X", np.asarray(self.X))
        for one in beside(type(self)):
            values = getattr(self, one.name)
            if values is not None:
                if one.name == "error" and len(values) == 1:  # of all rows alike
                    values = np.broadcast_to(values, (len(self.X), *values.shape[1:]))
                object.__setattr__(self, one.name, contiguous_rows(values, one.metadata["dtype"]))

    def __len__(self) -> int:
        return len(self.X)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of features."""
        n_rows, n_features = self.X.shape
        return n_rows, n_features

    @property
    def n_bytes(self) -> int:
        """Bytes that they take."""
        return sum(values.nbytes for values in self.values.values())

    @property
    def values(self) -> dict[str, Array]:
        """What there is, by the names of the fields."""
        found = {"X": self.X}
        found |= {one.name: getattr(self, one.name) for one in beside(type(self))}
        return {name: values for name, values in found.items() if values is not None}

    def __getitem__(self, some: slice | Array) -> Rows:
        """Some of the rows: a slice, or by their numbers, or where a mask is true."""
        arrays = {name: values[some] for name, values in self.values.items()}
        return type(self)(**arrays, missing=self.missing)

    @staticmethod
    def concatenate(several: Sequence[Rows]) -> Rows:
        """One after another; all bring the same things."""
        if any(rows.weight is not None for rows in several):  # 1 where there are none
            several = [replace(rows, weight=rows._weights) for rows in several]
        names = several[0].values
        arrays = {name: np.concatenate([rows.values[name] for rows in several]) for name in names}
        return type(several[0])(**arrays, missing=any(rows.missing for rows in several))

    def copy(self) -> Rows:
        """The same in memory of their own, in the same order of axes."""
        arrays = {name: values.copy(order="K") for name, values in self.values.items()}
        return type(self)(**arrays, missing=self.missing)

    def weighing(self, total: float) -> Rows:
        """The same, so much in all."""
        weights = self._weights
        return replace(self, weight=weights * (total / weights.sum()))

    def fill(self, rows: Rows) -> None:
        """Write as many other rows into the memory of these."""
        for name, values in self.values.items():
            values[:] = rows.values[name]

    def in_precision(self, dtype: np.dtype[Any]) -> Rows:
        """The same with features that the core reads, float32 or float64; a copy only where need be."""
        if is_native(self.X) and self.X.dtype == dtype:
            return self
        return replace(self, X=self.X.astype(dtype))

    def recording(self, rows_per_weight: float) -> _core.Recording:
        """How the values of each column were recorded: to which step, and which are shared."""
        doubles = np.ascontiguousarray(self.X, dtype=np.float64)
        is_single = self.X.dtype == np.float32
        return _core.recording_of(doubles, self.weight, rows_per_weight, is_single)

    def native(self, responsibilities: FloatArray | None = None) -> _core.Rows:
        """The same as the core takes them, features as they lie; each with its responsibilities if given.

        Sums of such rows are of what was measured, whatever the errors.
        """
        return _core.Rows(
            self.X,
            self.weight,
            responsibilities,
            self.label,
            self.log_credible,
            self.missing,
            self.error if responsibilities is None else None,
        )

    def alone(self) -> Rows:
        """The same with their weights, and nothing else beside the features."""
        return Rows(self.X, self.weight, missing=self.missing)

    def weighing_observed(self) -> Rows:
        """The same, rows without any value of weight 0: they say nothing."""
        observed = are_observed(self.X)
        if observed.all():
            return self
        return replace(self, weight=np.where(observed, self._weights, 0.0))

    @property
    def _weights(self) -> FloatArray:
        return np.ones(len(self)) if self.weight is None else self.weight

    @property
    def error_variances(self) -> FloatArray:
        """Of each feature of each row; where there are no errors, AssertionError."""
        assert self.error is not None
        if self.error.ndim == 2:
            return self.error
        return np.asarray(np.diagonal(self.error, axis1=1, axis2=2))

    def known(self) -> Rows:
        """The same, NaN where the error is infinite."""
        hidden = unread(self.error)
        if hidden is None:
            return self
        X = np.where(hidden, np.nan, self.X).astype(result_dtype(self.X), copy=False)
        return replace(self, X=X, missing=True)

    def completed(self, mixture: Mixture, rng: RandomState, n_threads: int = 1) -> Rows:
        """The same with draws from the mixture in place of missing features."""
        values = drawn(mixture, self.X, rng, n_threads)
        return replace(self, X=values.astype(result_dtype(self.X), copy=False), missing=False)

    def without_errors(self, mixture: Mixture, rng: RandomState, n_threads: int = 1) -> Rows:
        """The same with draws, by the mixture, of what is true in place of what was measured."""
        values = drawn_truth(mixture, self.X, np.asarray(self.error), rng, n_threads)
        X = values.astype(result_dtype(self.X), copy=False)
        return replace(self, X=X, error=None, missing=False)

    def expected(self, mixture: Mixture, n_threads: int = 1) -> Rows:
        """The same with what the mixture expects in place of missing features."""
        return replace(self, X=expected(mixture, self.X, n_threads)[0], missing=False)

    def digest(self) -> str:
        """A number that other rows would not have."""
        digest = hashlib.sha256(f"{self.X.shape} {self.X.dtype.str}".encode())
        for name, values in self.values.items():
            digest.update(b"" if name == "X" else f"{name}s".encode())
            for some in block_slices(len(values), int(np.prod(values.shape[1:]))):
                digest.update(np.ascontiguousarray(values[some]).tobytes())
        return digest.hexdigest()

    def distinct(self, most: int) -> Rows | None:
        """Those of positive weight, equal ones taken together: the first of each, with the weight of all.

        The features must be native floats. None where more than `most` are left.
        """
        room = min(most, len(self))
        first, weight = np.empty(room, dtype=np.int64), np.empty(room)
        n_distinct = _core.find_distinct(self._compared, self.weight, first, weight)
        if n_distinct > room:
            return None
        # Copied, also where they are all of them: a source writes its next part where these lie.
        return replace(self[first[:n_distinct]], weight=weight[:n_distinct])

    @property
    def _compared(self) -> Array:
        """All that makes two rows differ but their weights, as one table."""
        beside = [
            values.reshape(len(self), -1)
            for name, values in self.values.items()
            if name not in ("X", "weight")
        ]
        return np.hstack([self.X, *beside], dtype=np.float64) if beside else self.X


def beside(kind: type[Rows]) -> tuple[Field[Any], ...]:
    """The arrays beside the features, each with such `metadata`."""
    return tuple(one for one in fields(kind) if "dtype" in one.metadata)


#: Those of rows as they are.
BESIDE = beside(Rows)
