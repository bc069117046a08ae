"""A regressor with scikit-learn's contract: the conditional distribution of a joint mixture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.random import Generator, RandomState
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from mixtura.estimators.gaussian_mixture import GaussianMixture
from mixtura.estimators.rows import allows_missing, feature_names, learn_columns, rows_in_memory
from mixtura.estimators.state import unchanged_on_failure
from mixtura.estimators.using import UsesMixtures, mixture_to_fit, name_columns, saved_mixture
from mixtura.fitting.given_rows import RowsElsewhere, rows_elsewhere
from mixtura.fitting.model_file import SavedModel
from mixtura.inputs.checks import check_n_features
from mixtura.inputs.frames import is_dask
from mixtura.mixture import Conditionals, Mixture
from mixtura.support.arrays import Array, FloatArray
from mixtura.support.names import nearest
from mixtura.support.threads import n_threads


class GaussianMixtureRegressor(UsesMixtures, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Predict targets from features by a mixture of both: its mean, and all of its distribution, given X.

    The mixture is fitted to the columns of X and y together. Given a row of X the targets have a mixture
    again, whose components are linear regressions: with one component all of this is linear regression with
    an intercept.

    Parameters
    ----------
    n_components : int, default=1
        Components of the mixture. `estimator=GaussianMixtureSearch(range(1, 6))` chooses among several.
    covariance_type : str, default='full'
        As in `GaussianMixture`. Without covariances between features, as in 'diag', features tell the
        component alone.
    distribution : {'gaussian', 't'}, default='gaussian'
        Of a component, as in `GaussianMixture`.
    missing : {'error', 'mar'}, default='error'
        What NaN in X is: an error, or ('mar') a feature that is not given. The fit learns of such rows what
        they have, and a prediction is that given the others.
    estimator : GaussianMixture, GaussianMixtureSearch or None, default=None
        The mixture to be fitted, with any other arguments; instead of those above.
    random_state : int, RandomState instance or None, default=None
        Of the starts.
    n_jobs : int or None, default=None
        Threads, as in `GaussianMixture`.

    Attributes
    ----------
    estimator_ : GaussianMixture or GaussianMixtureSearch
        Fitted to the columns of X and then those of y.
    n_outputs_ : int
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only where X has string column names.

    See Also
    --------
    Mixture.condition : the same of any mixture, and any of its features.

    References
    ----------
    Ghahramani & Jordan 1994, Supervised learning from incomplete data via an EM approach.
    Sung 2004, Gaussian mixture regression and classification.

    Examples
    --------
    >>> from mixtura import GaussianMixtureRegressor
    >>> from mixtura.datasets import load_faithful
    >>> eruption, waiting = load_faithful().data.T
    >>> regressor = GaussianMixtureRegressor(2, random_state=0).fit(eruption[:, None], waiting)
    >>> mean, std = regressor.predict([[2.0], [4.5]], return_std=True)
    >>> mean.round(1), std.round(1)
    (array([54.2, 81.1]), array([5.6, 5.6]))
    >>> regressor.quantiles([[2.0]], [0.05, 0.5, 0.95]).round(1)
    array([[45.1, 54.2, 63.4]])
    """

    def __init__(
        self,
        n_components: int = 1,
        *,
        covariance_type: str = "full",
        distribution: str = "gaussian",
        missing: str = "error",
        estimator: Any = None,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.distribution = distribution
        self.missing = missing
        self.estimator = estimator
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the mixture of features and targets.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Of a source or a Dask collection the name of the column of targets, or a list of such names.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative. A whole weight counts as that many equal rows.

        Returns
        -------
        self : GaussianMixtureRegressor

        Raises
        ------
        ValueError
            If an argument, X, y or a weight is not possible. The earlier fit, if any, is then unchanged.

        Warns
        -----
        ConvergenceWarning, DegenerateComponentWarning, DataWarning
            As `GaussianMixture.fit`.
        """
        with unchanged_on_failure(self):
            mixture = mixture_to_fit(
                self, "n_components", "covariance_type", "distribution", "missing"
            )
            elsewhere = rows_elsewhere(X, sample_weight)
            if elsewhere is None:
                whole = self._whole_table(X, y)
            else:
                whole, self._columns = X, self._learn_columns(elsewhere, y)
            self.estimator_ = mixture.fit(whole, sample_weight=sample_weight)
            if elsewhere is None and (names := feature_names(self)) is not None:
                name_columns(self.estimator_, [*names, *_target_names(y, self.n_outputs_)])
        return self

    def _whole_table(self, X: Any, y: Any) -> Array:
        """Features and targets beside each other. Learns which are which."""
        missing = allows_missing(self)
        rows = rows_in_memory(self, X, "fit", reset=True, missing=missing, least_rows=2)
        targets = self._targets(y, len(rows))
        self._columns = list(range(rows.shape[1] + self.n_outputs_))
        return np.column_stack([rows, targets])

    def _learn_columns(self, rows: RowsElsewhere, y: Any) -> list[int]:
        """The numbers of the columns of features, and then of those that y names. Learns which are which."""
        names = list(rows.feature_names or ())
        targets = [y] if isinstance(y, str) else list(y)
        if not all(isinstance(name, str) for name in targets) or len(set(targets)) < len(targets):
            raise ValueError(
                f"Of {rows} y is the name of the target's column, or a list of several, each once."
            )
        for name in targets:
            if name not in names:
                raise ValueError(f"{rows} has no column {name!r}.{nearest(name, names)}")
        features = [name for name in names if name not in targets]
        if not features:
            raise ValueError("y names every column, so that none is left to predict from.")
        learn_columns(self, features, len(features))
        self._is_one_column, self.n_outputs_ = isinstance(y, str), len(targets)
        return [names.index(name) for name in (*features, *targets)]

    def _targets(self, y: Any, n_rows: int) -> Array:
        """As columns. Learns whether y was one column by itself."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None."
            )
        found = _target_columns(y)
        self._is_one_column = found.ndim == 1
        if len(found) != n_rows:
            raise ValueError(
                f"y must have a row for each of the {n_rows} rows of X, got {len(found)}."
            )
        found = found.reshape(n_rows, -1)
        self.n_outputs_ = found.shape[1]
        return found

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimator_")

    @property
    def mixture_(self) -> Mixture:
        """The fitted distribution of the features, and then the targets."""
        check_is_fitted(self)
        mixture: Mixture = self.estimator_.mixture_
        in_order = self._columns == sorted(self._columns)
        return mixture if in_order else mixture.marginal(self._columns)

    def conditionals(self, X: Any) -> Conditionals:
        """The distribution of the targets given each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        Conditionals
            As `Mixture.condition` of a matrix gives it.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has other columns than were fitted, infinity, or NaN that was not asked for.
        """
        check_is_fitted(self)
        missing = allows_missing(self)
        rows = rows_in_memory(self, X, type(self).__name__, reset=False, missing=missing)
        return self._says().given(rows, n_threads(self.n_jobs), missing=missing)

    def _says(self) -> Regression:
        return Regression(self.mixture_, self.n_features_in_, self._is_one_column)

    def predict(self, X: Any, return_std: bool = False, return_cov: bool = False) -> Any:
        """Expected targets given each row, and how far they may be from that.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection
        return_std : bool, default=False
            Whether to return standard deviations too.
        return_cov : bool, default=False
            Whether to return covariances of the targets too.

        Returns
        -------
        mean : ndarray of shape (n_samples,) or (n_samples, n_outputs), as y was
        std : ndarray of the same shape
            Only with return_std. Infinite where a t component has none.
        covariance : ndarray of shape (n_samples, n_outputs, n_outputs)
            Only with return_cov.
            Of a source an iterator over these, part by part; of a Dask collection means, lazily.

        Raises
        ------
        NotFittedError, ValueError
            As `conditionals`; ValueError also with both return_std and return_cov.
        """
        if return_std and return_cov:
            raise ValueError(
                "Ask for return_std or return_cov: the deviations are roots of the covariances' diagonals."
            )
        if is_dask(X) and (return_std or return_cov):
            raise ValueError(
                "Of a Dask collection predict gives means alone: ask for quantiles, or give it in pieces."
            )
        if return_std:
            return self._evaluated(_means_and_std, X)
        return self._evaluated(_means_and_covariances if return_cov else _means, X)

    def quantiles(self, X: Any, levels: Any) -> Any:
        """Quantiles of each target given each row: [0.05, 0.95] is an interval that holds nine in ten.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection
        levels : array-like of shape (n_levels,)
            Within (0, 1).

        Returns
        -------
        ndarray of shape (n_samples, n_levels) or (n_samples, n_outputs, n_levels), as y was

        Raises
        ------
        NotFittedError, ValueError
            As `conditionals`; ValueError also if a level is not within (0, 1).
        """
        return self._evaluated(partial(_quantiles, levels=levels), X)

    def predict_density(self, X: Any, y: Any, *, log: bool = False) -> Array:
        """Density of targets given the features of their rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Where to evaluate it, one place a row.
        log : bool, default=False
            Whether to return logarithms, which hold smaller densities.

        Returns
        -------
        ndarray of shape (n_samples,)
            In units of one over those of y.

        Raises
        ------
        NotFittedError, ValueError
            As `conditionals`; ValueError also if y has another shape.
        """
        given = self.conditionals(X)
        y = _target_columns(y)
        if y.shape != (len(given),) + (() if self._is_one_column else (self.n_outputs_,)):
            raise ValueError(
                f"y must have the {len(given)} rows of X, and the {self.n_outputs_} targets of the fit, got "
                f"shape {y.shape}."
            )
        found = given.log_density(y.reshape(len(given), -1))
        return found if log else np.exp(found)

    def sample_y(
        self,
        X: Any,
        n_samples: int = 1,
        random_state: int | RandomState | Generator | None = None,
    ) -> Array:
        """Draw targets given each row.

        Parameters
        ----------
        X : array-like of shape (n_samples_X, n_features)
        n_samples : int, default=1
            Draws of each row.
        random_state : int, RandomState, Generator or None, default=None
            None draws from numpy's global state.

        Returns
        -------
        ndarray of shape (n_samples_X, n_samples) or (n_samples_X, n_outputs, n_samples), as y was

        Raises
        ------
        NotFittedError, ValueError
            As `conditionals`.
        """
        draws = np.moveaxis(self.conditionals(X).sample(n_samples, random_state), 0, -1)
        return draws[:, 0] if self._is_one_column else draws

    def _models(self) -> list[SavedModel]:
        return [saved_mixture(self.estimator_)]

    def _learned(self) -> dict[str, Any]:
        return {
            "n_outputs": self.n_outputs_,
            "is_one_column": self._is_one_column,
            "columns": self._columns,
        }

    def _take(self, models: list[GaussianMixture], learned: Mapping[str, Any]) -> None:
        [self.estimator_] = models
        self.n_outputs_ = int(learned["n_outputs"])
        self._is_one_column = learned["is_one_column"] is True and self.n_outputs_ == 1
        n_columns = self.n_features_in_ + self.n_outputs_
        self._columns = list(learned["columns"])
        if sorted(self._columns) != list(range(n_columns)):
            raise ValueError("its columns are not those of its features and targets")
        check_n_features(n_columns, self.estimator_.mixture_.n_features)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = True
        return tags


@dataclass(frozen=True, eq=False)
class Regression:
    """A mixture of features, the first ones, and targets, and whether these are one column by itself."""

    mixture: Mixture
    n_given: int
    is_one_column: bool

    @property
    def df(self) -> FloatArray | None:
        """Degrees of freedom of its components."""
        return self.mixture.df

    def given(
        self, X: Array, threads: int, *, missing: bool = False, errors: FloatArray | None = None
    ) -> Conditionals:
        """The distribution of the targets given checked rows."""
        if errors is not None:
            raise ValueError(
                "Errors of measurement are for GaussianMixture: give a regressor rows without them."
            )
        features, about = list(range(self.n_given)), "mar" if missing else "error"
        found: Conditionals = self.mixture.condition(features, X, missing=about, n_jobs=threads)
        return found

    def like_y(self, values: Array) -> Array:
        """As y was: without an axis of targets where it had none."""
        return values[:, 0] if self.is_one_column else values


def _means(regression: Regression, X: Array, threads: int, **about: Any) -> Array:
    return regression.like_y(regression.given(X, threads, **about).mean())


def _means_and_std(regression: Regression, X: Array, threads: int, **about: Any) -> Any:
    mean, std = regression.given(X, threads, **about).mean_and_std()
    return regression.like_y(mean), regression.like_y(std)


def _means_and_covariances(regression: Regression, X: Array, threads: int, **about: Any) -> Any:
    given = regression.given(X, threads, **about)
    return regression.like_y(given.mean()), given.covariance()


def _quantiles(
    regression: Regression, X: Array, threads: int, *, levels: Any, **about: Any
) -> Array:
    return regression.like_y(regression.given(X, threads, **about).quantiles(levels))


def _target_names(y: Any, n_outputs: int) -> list[str]:
    """Those of a data frame or a series, else y, or y0, y1, ..."""
    found = list(getattr(y, "columns", ())) or [getattr(y, "name", None)]
    if len(found) == n_outputs and all(isinstance(name, str) for name in found):
        return found
    return ["y"] if n_outputs == 1 else [f"y{j}" for j in range(n_outputs)]


def _target_columns(y: Any) -> Array:
    if np.asarray(y).dtype.kind in "USO":
        try:
            y = np.asarray(y).astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"y must hold numbers: {error}.") from error
    options: dict[str, Any] = {"ensure_2d": False, "dtype": [np.float64, np.float32]}
    found: Array = check_array(y, input_name="y", **options)
    return found


__all__ = ["GaussianMixtureRegressor"]
