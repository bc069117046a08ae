"""A Dask collection as an estimator takes it: fitted where it lies, evaluated lazily."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from typing import Any, NoReturn

import numpy as np

from mixtura.em import SufficientStatistics
from mixtura.errors import SourceError
from mixtura.inputs.row_errors import NO_ERRORS, ErrorsGiven
from mixtura.mixture import Mixture, check_no_tails
from mixtura.rows import PartitionedBlocks, Rows
from mixtura.rows.dask import DaskBlocks, score
from mixtura.rows.dask_collection import (
    Names,
    beside,
    check,
    delayed,
    dtype_of,
    feature_names,
    floats,
    is_frame,
    known_errors,
    known_labels,
    with_whole_rows,
)
from mixtura.rows.value import BESIDE
from mixtura.support.arrays import Array

Evaluate = Callable[..., Array]

# What errors are as a field of `Rows`.
ERROR = next(one for one in BESIDE if one.name == "error")

# What a Series of results is called: as the columns that `predict_to` writes, else as its function.
_NAMES = {
    "labels": "label",
    "log_predictive": "log_density",
    "log_densities": "log_density",
    "means": "mean",
}

# What the columns of several are called, each with its number behind.
_COLUMNS = {
    "probabilities": "probability",
    "log_probabilities": "log_probability",
    "decisions": "decision",
    "means": "mean",
    "quantiles": "quantile",
}


class DaskRows:
    """A Dask array or DataFrame, its weights, labels and errors.

    Attributes
    ----------
    n_features : int
    feature_names : tuple of str or None
    """

    def __init__(
        self, X: Any, sample_weight: Any, labels: Any = None, errors: ErrorsGiven = NO_ERRORS
    ) -> None:
        self._dtype = dtype_of(X)
        self._X = X
        self._allows_missing = False
        about = known_labels(labels) | known_errors(errors, X.shape[1])
        self._beside = {"weight": sample_weight, **about}
        self.n_features = X.shape[1]
        self.feature_names = feature_names(X)

    def __str__(self) -> str:
        return f"the Dask {type(self._X).__name__}"

    def with_missing(self) -> DaskRows:
        """The same rows, in which NaN stands for a feature that was not observed."""
        same = copy(self)
        same._allows_missing = True
        return same

    def taking(self, _features: Sequence[str]) -> DaskRows:
        """Return it as it is: a collection has the columns that it has."""
        return self

    def blocks(self, n_threads: int) -> PartitionedBlocks:
        """Rows for EM; looks at all of them."""
        return DaskBlocks(self._X, n_threads, allows_missing=self._allows_missing, **self._beside)

    def score(self, mixture: Mixture, n_threads: int) -> SufficientStatistics:
        """Return the scalars of all rows under the mixture, in one reading."""
        return score(
            self._X, mixture, n_threads, allows_missing=self._allows_missing, **self._beside
        )

    def evaluated(self, function: Evaluate, mixture: Mixture, _: int) -> Any:
        """What a function gives for all rows, to be computed when it is asked for.

        Of an array an array in the same chunks of rows; of a DataFrame a Series, or a DataFrame with
        the columns 'responsibility_0' and so on, with its index and divisions.
        """
        like = function(mixture, np.zeros((1, self.n_features), self._dtype), 1)[:0]
        given = (
            function,
            delayed(mixture, traverse=False),
            self.feature_names,
            self._dtype.str,
            self._allows_missing,
        )
        if "error" in self._beside:
            return self._evaluated_with_errors(like, *given)
        if not is_frame(self._X):
            X = with_whole_rows(self._X)
            whole = (
                {"chunks": (X.chunks[0], like.shape[1:])} if like.ndim == 2 else {"drop_axis": 1}
            )
            return X.map_blocks(_of_block, *given, dtype=like.dtype, meta=like, **whole)
        meta = _as_frame(like, self._X._meta.index[:0], function)
        return self._X.map_partitions(_of_partition, *given, meta=meta)

    def _evaluated_with_errors(self, like: Array, function: Evaluate, *given: Any) -> Any:
        """The same partition by partition: errors may have one axis more than rows."""
        import dask.array
        import dask.dataframe

        blocks = list(np.ravel(with_whole_rows(self._X).to_delayed()))
        errors = beside(self._X, self._beside["error"], ERROR)
        evaluate = delayed(_evaluated, pure=False)
        found = [
            evaluate(block, function, *given, number, error)
            for number, (block, error) in enumerate(zip(blocks, errors, strict=True))
        ]
        if not is_frame(self._X):
            arrays = [
                dask.array.from_delayed(one, (n, *like.shape[1:]), meta=like)
                for one, n in zip(found, self._X.chunks[0], strict=True)
            ]
            return dask.array.concatenate(arrays, allow_unknown_chunksizes=True)
        as_frame = delayed(_as_frame, pure=False)
        frames = [
            as_frame(one, block.index, function) for one, block in zip(found, blocks, strict=True)
        ]
        meta = _as_frame(like, self._X._meta.index[:0], function)
        return dask.dataframe.from_delayed(frames, meta=meta, divisions=self._X.divisions)

    def tables(self, _: Sequence[str]) -> NoReturn:
        """Raise: rows are not brought here."""
        frame = "to_frame()" if is_frame(self._X) else "to_dask_dataframe(['label'])"
        raise SourceError(
            f"predict_to writes a file from this process, and {self} may lie on many: write what predict or "
            f"predict_proba returns, as in gm.predict(X).{frame}.to_parquet(folder)."
        )


def _of_block(
    block: Array,
    function: Evaluate,
    mixture: Mixture,
    names: Names,
    dtype: str,
    missing: bool,
    block_id: tuple[int, ...] = (0,),
) -> Array:
    return _evaluated(block, function, mixture, names, dtype, missing, block_id[0])


def _of_partition(
    frame: Any,
    function: Evaluate,
    mixture: Mixture,
    names: Names,
    dtype: str,
    missing: bool,
    partition_info: dict[str, int] | None = None,
) -> Any:
    number = partition_info["number"] if partition_info else 0
    return _as_frame(
        _evaluated(frame, function, mixture, names, dtype, missing, number), frame.index, function
    )


def _evaluated(
    part: Any,
    function: Evaluate,
    mixture: Mixture,
    names: Names,
    dtype: str,
    missing: bool,
    number: int,
    error: Array | None = None,
) -> Array:
    rows = Rows(floats(part, dtype, number), error=error)
    found = check(rows, names, number, missing=missing)
    check_no_tails(mixture, rows.error)
    return function(mixture, rows.X, 1, missing=found, errors=rows.error)


def _as_frame(results: Array, index: Any, function: Evaluate) -> Any:
    import pandas as pd

    called = getattr(function, "func", function).__name__.strip("_")
    if results.ndim == 1:
        return pd.Series(results, index=index, name=_NAMES.get(called, called))
    name = _COLUMNS.get(called, "responsibility")
    columns = [f"{name}_{k}" for k in range(results.shape[1])]
    return pd.DataFrame(results, index=index, columns=columns)
