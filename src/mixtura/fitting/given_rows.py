"""The rows that are given to be fitted or evaluated, wherever they lie, and their weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from mixtura.em import SufficientStatistics
from mixtura.inputs.frames import is_dask
from mixtura.inputs.labels import (
    UNKNOWN,
    KnownLabels,
    check_labels,
    check_n_columns,
    out_of_range,
)
from mixtura.inputs.missing import has_missing
from mixtura.inputs.row_errors import NO_ERRORS, ErrorsGiven, unread
from mixtura.inputs.scales import check_extent
from mixtura.inputs.weights import check_sample_weight
from mixtura.mixture import Mixture, check_no_tails
from mixtura.rows import ArrayBlocks, Blocks, Rows
from mixtura.sources import Source
from mixtura.support.arrays import Array, FloatArray, block_slices


class Evaluate(Protocol):
    """What a mixture, or another density, says of each row.

    missing: NaN stands for features that were not observed. errors: with which they were measured.
    """

    def __call__(
        self,
        mixture: Any,
        X: Array,
        threads: int,
        /,
        *,
        missing: bool = False,
        errors: FloatArray | None = None,
    ) -> Array:
        """Return it for checked rows, on so many threads."""


class GivenRows(Protocol):
    """Rows, wherever they lie: fitted, scored and evaluated alike."""

    @property
    def n_features(self) -> int:
        """Number of columns."""

    def blocks(self, n_threads: int) -> Blocks:
        """Rows for EM, checked."""

    def score(self, mixture: Mixture, n_threads: int) -> SufficientStatistics:
        """Return the scalars of all rows under the mixture."""

    def evaluated(self, function: Evaluate, mixture: Any, n_threads: int) -> Any:
        """What a function gives for all rows, piece by piece or later."""

    def tables(self, keep: Sequence[str]) -> Iterator[tuple[Rows, dict[str, Any]]]:
        """Rows piece by piece, each with the columns to keep."""


class RowsElsewhere(GivenRows, Protocol):
    """Rows that are no array in memory: a source, or a Dask collection."""

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """Names of the columns, if they have any."""

    def with_missing(self) -> RowsElsewhere:
        """The same rows, in which NaN stands for a feature that was not observed."""

    def taking(self, _features: Sequence[str]) -> RowsElsewhere:
        """The same rows with the features of these names, where nobody has said which ones to take."""


@dataclass(frozen=True, eq=False)
class RowsInMemory:
    """An array of rows that were checked, their weights, and what they are known to be.

    missing: whether features of some are NaN. errors: their variances or covariances.
    """

    rows: Array
    sample_weight: FloatArray | None = None
    labels: KnownLabels = UNKNOWN
    missing: bool = False
    errors: FloatArray | None = None

    @property
    def n_features(self) -> int:
        """Number of columns."""
        return int(self.rows.shape[1])

    @property
    def are_plain(self) -> bool:
        """Whether they bring nothing but their features."""
        return (
            self.sample_weight is None
            and self.labels is UNKNOWN
            and not self.missing
            and self.errors is None
        )

    def blocks(self, n_threads: int) -> ArrayBlocks:
        """Rows for EM."""
        label, log_credible = self.labels.label, self.labels.log_credible
        rows = Rows(
            self.rows, self.sample_weight, label, log_credible, self.errors, missing=self.missing
        )
        return ArrayBlocks(rows, n_threads)

    def score(self, mixture: Mixture, n_threads: int) -> SufficientStatistics:
        """Return the scalars of all rows under the mixture."""
        check_no_tails(mixture, self.errors)
        blocks = self.blocks(n_threads)
        if self.sample_weight is not None and not blocks.extent.suits(blocks.dtype):
            blocks = blocks.in_double()
        return blocks.score(mixture)

    def evaluated(self, function: Evaluate, mixture: Any, n_threads: int) -> Array:
        """What a function gives for all rows."""
        check_no_tails(mixture, self.errors)
        return function(mixture, self.rows, n_threads, missing=self.missing, errors=self.errors)

    def tables(self, keep: Sequence[str]) -> Iterator[tuple[Rows, dict[str, Any]]]:
        """Rows piece by piece."""
        if keep:
            raise ValueError("keep names columns of the files of mixtura.scan; an array has none.")
        rows = Rows(self.rows, error=self.errors, missing=self.missing)
        return ((rows[some], {}) for some in block_slices(*self.rows.shape))


def given_rows(
    X: Any,
    sample_weight: Any,
    labels: LabelsGiven,
    errors: ErrorsGiven,
    reading: Reading,
) -> GivenRows:
    """X with its weights, labels and errors."""
    rows = rows_elsewhere(X, sample_weight, labels, errors)
    if rows is not None:
        return reading.elsewhere(rows)
    array = reading.in_memory(X)
    error = errors.checked(*array.shape)
    hidden = unread(error)
    reading.check(array if hidden is None else np.where(hidden, 0, array))
    weight = check_sample_weight(sample_weight, len(array))
    gaps = reading.missing and has_missing(array)
    return RowsInMemory(array, weight, labels.checked(len(array)), gaps, error)


@dataclass(frozen=True, eq=False)
class Reading:
    """How X becomes rows that may be fitted or evaluated. Each raises where they may not.

    in_memory: an array of X. check: looks through its values, but those that are not read. elsewhere: of a
    source or a Dask collection. missing: whether features may be NaN.
    """

    in_memory: Callable[[Any], Array]
    check: Callable[[Array], None]
    elsewhere: Callable[[RowsElsewhere], RowsElsewhere]
    missing: bool = False


@dataclass(frozen=True, eq=False)
class LabelsGiven:
    """The argument `labels` of a fit of so many components, with noise or without."""

    labels: Any = None
    n_components: int = 1
    noise: bool = False

    def checked(self, n_rows: int) -> KnownLabels:
        """What they say of so many rows."""
        return check_labels(self.labels, n_rows, self.n_components, noise=self.noise)


NO_LABELS = LabelsGiven()


def rows_elsewhere(
    X: Any,
    sample_weight: Any = None,
    labels: LabelsGiven | None = None,
    errors: ErrorsGiven = NO_ERRORS,
) -> RowsElsewhere | None:
    """X with its weights, labels and errors where it is no array in memory, else None."""
    of_rows = None if labels is None else labels.labels
    if isinstance(X, Source):
        check_no_weight(sample_weight)
        check_no_labels(of_rows)
        check_no_errors(errors)
        return X
    if is_dask(X):
        from mixtura.sources.dask import DaskRows

        return DaskRows(X, sample_weight, of_rows, errors)
    return None


def in_range(blocks: Blocks, names: Array | None) -> Blocks:
    """The rows in a precision that holds their squares."""
    extent = blocks.extent
    if extent.suits(blocks.dtype):
        return blocks
    check_extent(extent, names)
    return blocks.in_double()


def check_no_weight(sample_weight: Any) -> None:
    """Raise where weights are given beside a source, which has its own."""
    if sample_weight is not None:
        raise ValueError(
            "sample_weight belongs to an array; a source has its own: mixtura.scan(path, weight='column'), "
            "or pairs of rows and weights in mixtura.from_batches."
        )


def check_no_labels(labels: Any) -> None:
    """Raise where labels are given beside a source, which has its own."""
    if labels is not None:
        raise ValueError(
            "labels belong to an array; a source has its own: mixtura.scan(path, label='column'), or tuples "
            "of rows, weights and labels in mixtura.from_batches."
        )


def check_no_errors(errors: ErrorsGiven) -> None:
    """Raise where errors are given beside a source, which has its own."""
    if errors.are_there:
        raise ValueError(
            "error_covariances and error_std belong to an array; a source has its own: "
            "mixtura.scan(path, error_std=['column', ...]), or tuples of rows, weights, labels and errors in "
            "mixtura.from_batches."
        )


def check_labels_elsewhere(blocks: Blocks, n_components: int, *, noise: bool = False) -> None:
    """Look through the labels of a source or a Dask collection.

    Raises
    ------
    ValueError
        If one is no component, or a mask or confidences are of other components.
    """
    if not blocks.has_labels or isinstance(blocks, ArrayBlocks):  # those are checked
        return
    if blocks.n_credible:
        check_n_columns(blocks.n_credible, n_components, noise=noise)
        return
    least, most = _extremes(blocks)
    if least < -1 or most >= n_components:
        found = most if most >= n_components else least
        raise ValueError(out_of_range(f"there is {found}", n_components))


def largest_label(blocks: Blocks) -> int:
    """The largest that is known of a row; -1: none is."""
    return _extremes(blocks)[1] if blocks.has_labels else -1


def _extremes(blocks: Blocks) -> tuple[int, int]:
    extremes = list(blocks.each(_extremes_of_labels))
    return min(low for low, _ in extremes), max(high for _, high in extremes)


def _extremes_of_labels(part: ArrayBlocks, _: int) -> tuple[int, int]:
    label = part.rows.label
    if label is None or not len(label):
        return -1, -1
    return int(label.min()), int(label.max())


def check_keep(keep: Sequence[str], outputs: Sequence[str]) -> Sequence[str]:
    """Return the names of the columns to keep; raise where one is also the name of an output."""
    if isinstance(keep, str):
        raise ValueError(f"keep must be a list of names, got {keep!r}.")
    both = [name for name in keep if name in outputs or name.startswith("responsibility_")]
    if both:
        raise ValueError(f"keep holds {both[0]!r}, which is the name of a column that is written.")
    return keep
