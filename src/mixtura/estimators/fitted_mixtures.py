"""The fits of many tables: arrays over all of them, and an estimator of each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self, overload

import numpy as np

from mixtura.errors import ModelFileError
from mixtura.estimators.gaussian_mixture import GaussianMixture
from mixtura.estimators.restoring import model_of
from mixtura.files.state_file import brief
from mixtura.fitting.facts import Criteria
from mixtura.fitting.model_file import SavedModel, SavedModels, read_models, save_models
from mixtura.inputs.frames import frame_of, new_frame
from mixtura.inputs.tables import Tables
from mixtura.mixture import Mixture
from mixtura.support.arrays import Array, FloatArray
from mixtura.support.cached import cached


class KeptModels(Sequence[SavedModel | None]):
    """What is kept of fits, None where one failed: as they were left until somebody looks."""

    def __init__(self, kept: Sequence[SavedModel | Callable[[], SavedModel] | None]) -> None:
        self._kept = list(kept)

    def __len__(self) -> int:
        return len(self._kept)

    @overload
    def __getitem__(self, i: int) -> SavedModel | None: ...
    @overload
    def __getitem__(self, i: slice) -> KeptModels: ...
    def __getitem__(self, i: int | slice) -> SavedModel | KeptModels | None:
        """The model of the i-th table, or those of some."""
        if isinstance(i, slice):
            return KeptModels(self._kept[i])
        kept = self._kept[i]
        if callable(kept):
            kept = self._kept[i] = kept()
        return kept

    def __reduce__(self) -> tuple[Any, ...]:
        return KeptModels, (list(self),)


class FittedMixtures(Sequence[GaussianMixture]):
    """What `fit_many` returns: as a sequence the estimators, and arrays over all tables.

    In arrays the first axis is the table. Where a fit failed floats are NaN, counts 0 and texts empty; where
    numbers of components differ, what a table has no component for is NaN.

    Attributes
    ----------
    keys : ndarray of shape (n_tables,)
        Values of the column that told the tables apart, sorted; else 0, 1, ...
    failures : tuple of str
        Why a fit failed, or ''.
    by : str or None
        The column that told the tables apart.
    """

    def __init__(
        self,
        keys: Array,
        models: Sequence[SavedModel | None],
        failures: Sequence[str],
        by: str | None = None,
    ) -> None:
        self.keys = keys
        self.failures = tuple(failures)
        self.by = by
        self._models = models if isinstance(models, KeptModels) else KeptModels(models)

    # Each

    def __len__(self) -> int:
        return len(self._models)

    @overload
    def __getitem__(self, i: int) -> GaussianMixture: ...
    @overload
    def __getitem__(self, i: slice) -> Self: ...
    def __getitem__(self, i: int | slice) -> GaussianMixture | Self:
        """The fitted estimator of the i-th table, or the fits of some.

        Raises
        ------
        IndexError
            If there are fewer tables.
        ValueError
            If that fit failed: why.
        """
        if isinstance(i, slice):
            return type(self)(self.keys[i], self._models[i], self.failures[i], self.by)
        model = self._models[i]
        if model is None:
            raise ValueError(f"The fit of table {self.keys[i]!s} failed: {self.failures[i]}")
        return model_of(model)

    def __iter__(self) -> Iterator[GaussianMixture]:
        return (self[i] for i in range(len(self)))

    def of(self, key: Any) -> GaussianMixture:
        """The fitted estimator of the table with that key.

        Raises
        ------
        KeyError
            If there is no such table.
        ValueError
            If its fit failed: why.
        """
        return self[self._place(key)]

    def _place(self, key: Any) -> int:
        places = np.flatnonzero(self.keys == key)
        if len(places) != 1:
            raise KeyError(f"no table has the key {key!r}; keys lists them")
        return int(places[0])

    def __repr__(self) -> str:
        failed = sum(map(bool, self.failures))
        of_them = f", {failed} failed" if failed else ""
        return f"<{type(self).__name__}: {len(self)} tables{of_them}>"

    # All

    @property
    def n_components(self) -> Array:
        """Numbers of components, of shape (n_tables,)."""
        return self._each(lambda model: model.mixture.n_components, 0)

    @property
    def covariance_types(self) -> Array:
        """Of shape (n_tables,)."""
        return self._each(lambda model: model.mixture.covariance_type, "")

    @property
    def weights(self) -> FloatArray:
        """Of shape (n_tables, n_components)."""
        return self._stacked(lambda mixture: mixture.weights)

    @property
    def means(self) -> FloatArray:
        """Of shape (n_tables, n_components, n_features)."""
        return self._stacked(lambda mixture: mixture.means)

    @property
    def covariances(self) -> FloatArray:
        """As each estimator's `covariances_`; where structures differ, as matrices.

        Shape: (n_tables, n_components, n_features, n_features) for 'full', (n_tables, n_features, n_features)
        for 'tied', (n_tables, n_components, n_features) for 'diag', (n_tables, n_components) for 'spherical'.
        """
        if len({mixture.covariance_type for mixture in self._mixtures}) > 1:
            return self._stacked(lambda mixture: mixture.covariance_matrices())
        return self._stacked(lambda mixture: mixture.covariances)

    @property
    def log_likelihoods(self) -> FloatArray:
        """Mean log-likelihood of each table's rows under its mixture, nats a row; of shape (n_tables,)."""
        return self._facts("mean_log_likelihood", np.nan)

    @property
    def bic(self) -> FloatArray:
        """Bayesian information criterion of each table; of shape (n_tables,). Lower is better."""
        return self._each(_bic, np.nan)

    @property
    def n_rows(self) -> Array:
        """Rows fitted of each table; of shape (n_tables,)."""
        return self._facts("n_rows", 0)

    @property
    def n_iter(self) -> Array:
        """EM iterations over all rows of each table; of shape (n_tables,)."""
        return self._facts("n_iter", 0)

    @property
    def converged(self) -> Array:
        """Whether EM converged, of shape (n_tables,)."""
        return self._facts("converged", False)

    @property
    def verdicts(self) -> Array:
        """'sound', or what is wrong with the first component that is not; of shape (n_tables,)."""
        return self._each(_verdict, "")

    def to_frame(self, backend: str = "pandas") -> Any:
        """One row for each table and component.

        Parameters
        ----------
        backend : {'pandas', 'polars', 'pyarrow'}, default='pandas'

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            Columns: the key (by its column's name, or 'table'), n_rows, log_likelihood, bic, n_iter,
            converged, verdict, failure; component, weight, and mean_ of each feature. A table without a fit
            has one row, of component -1.

        Raises
        ------
        ImportError
            If that library is not installed.
        """
        counts = np.maximum(self.n_components, 1)
        table = np.repeat(np.arange(len(self)), counts)
        component = np.concatenate([np.arange(n) for n in counts])
        names = self._names_of_features()
        means, weights = self.means, self.weights
        whole = {
            self.by or "table": self.keys,
            "n_rows": self.n_rows,
            "log_likelihood": self.log_likelihoods,
            "bic": self.bic,
            "n_iter": self.n_iter,
            "converged": self.converged,
            "verdict": self.verdicts,
            "failure": np.array(self.failures, dtype=object),
        }
        columns = {name: values[table] for name, values in whole.items()}
        columns["component"] = np.where(self.n_components[table] > 0, component, -1)
        columns["weight"] = weights[table, component]
        columns |= {f"mean_{name}": means[table, component, j] for j, name in enumerate(names)}
        return new_frame(columns, backend)

    # Rows

    def predict(self, X: Any) -> Any:
        """Labels of the rows of each table.

        Parameters
        ----------
        X : as `fit_many` takes it
            Of one data frame the rows of each key belong to the table with that key.

        Returns
        -------
        ndarray of shape (n_tables, n_rows), list of ndarray, or ndarray of shape (n_rows,)
            In the form of X. -1 where the fit failed.

        Raises
        ------
        ValueError
            If X has other tables.
        """
        return self._evaluated(X, lambda model, rows: model.predict(rows), -1)

    def score_samples(self, X: Any) -> Any:
        """Log density of the rows of each table, in the form of X as `predict`; NaN where the fit failed."""
        return self._evaluated(X, lambda model, rows: model.score_samples(rows), np.nan)

    def score(self, X: Any) -> FloatArray:
        """Mean log density of each table's rows; of shape (n_tables,). NaN where the fit failed."""
        tables, fits = self._tables(X)
        return np.array(
            [
                np.nan if self._models[i] is None else self[i].score(rows)
                for i, rows in zip(fits, tables.X, strict=True)
            ]
        )

    def _evaluated(
        self, X: Any, of: Callable[[GaussianMixture, Any], Array], missing: float
    ) -> Any:
        tables, fits = self._tables(X)
        values = [
            np.full(_length(rows), missing) if self._models[i] is None else of(self[i], rows)
            for i, rows in zip(fits, tables.X, strict=True)
        ]
        if tables.places is not None:
            whole = np.empty(sum(map(len, values)), dtype=np.result_type(*values))
            for places, some in zip(tables.places, values, strict=True):
                whole[places] = some
            return whole
        return values if isinstance(X, list | tuple) else np.stack(values)

    def _tables(self, X: Any) -> tuple[Tables, list[int]]:
        """The tables of X, and which fit is of each."""
        tables = Tables.of(X, self.by)
        if self.by is not None:
            return tables, [self._place_of_rows(key) for key in tables.keys]
        if len(tables) != len(self):
            raise ValueError(f"X has {len(tables)} tables, but {len(self)} were fitted.")
        return tables, list(range(len(self)))

    def _place_of_rows(self, key: Any) -> int:
        try:
            return self._place(key)
        except KeyError:
            raise ValueError(f"X has rows of {self.by} {key!s}, which was not fitted.") from None

    # Files

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all fits to one safetensors file, which `load` reads without running code.

        Keys are written as numbers or text: dates and other objects as `str` shows them.

        Raises
        ------
        OSError
            If the file cannot be written; an older file of that name is then unchanged.
        """
        from mixtura import __version__

        dates = self.keys.dtype.kind in "mM"
        keys = [_plain(key) for key in (self.keys.astype(str) if dates else self.keys).tolist()]
        many = SavedModels(keys, list(self._models), list(self.failures), self.by)
        save_models(path, many, __version__)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Load what `save` wrote. Reading it runs no code.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ModelFileError
            If the file is damaged, of another kind, or written by a newer version.
        """
        many = read_models(path)
        try:
            for model in many.models:
                if model is not None:
                    model_of(model)  # what is not possible is an error here, not at its first use
        except (KeyError, TypeError, ValueError) as error:
            raise ModelFileError(
                f"cannot load {path}: its description is damaged ({brief(error)})."
            ) from error
        return cls(np.array(many.keys), many.models, many.failures, many.by)

    # How arrays are made

    @cached
    def _mixtures(self) -> list[Mixture]:
        return [model.mixture for model in self._models if model is not None]

    def _each(self, value: Callable[[SavedModel], Any], missing: Any) -> Array:
        return np.array([missing if model is None else value(model) for model in self._models])

    def _facts(self, name: str, missing: Any) -> Array:
        return self._each(
            lambda model: missing if model.facts is None else getattr(model.facts, name), missing
        )

    def _stacked(self, values: Callable[[Mixture], FloatArray]) -> FloatArray:
        if len({mixture.n_features for mixture in self._mixtures}) > 1:
            raise ValueError(
                "The tables differ in their number of features, so that no array holds all: take the fits "
                "one by one, as [i]."
            )
        arrays = [None if model is None else values(model.mixture) for model in self._models]
        shapes = [array.shape for array in arrays if array is not None]
        whole = np.full((len(arrays), *np.max(shapes, axis=0)), np.nan)
        for place, array in zip(whole, arrays, strict=True):
            if array is not None:
                place[tuple(map(slice, array.shape))] = array
        return whole

    def _names_of_features(self) -> list[str]:
        first = next(model for model in self._models if model is not None)
        if first.feature_names is not None:
            return first.feature_names
        return [str(j) for j in range(first.mixture.n_features)]


def _bic(model: SavedModel) -> float:
    if model.facts is None:
        return np.nan
    return Criteria.of_fit(model.facts, model.mixture).bic


def _verdict(model: SavedModel) -> str:
    verdicts = (model.facts and model.facts.verdicts) or ()
    return next((one for one in verdicts if one not in ("sound", "not judged")), "sound")


def _length(rows: Any) -> int:
    frame = frame_of(rows)
    return len(np.asarray(rows)) if frame is None else len(frame)


def _plain(key: Any) -> int | float | str | bool:
    return key if isinstance(key, int | float | str | bool) else str(key)
