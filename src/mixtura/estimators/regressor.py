"""A regressor with scikit-learn's contract: the conditional distribution of a joint mixture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.random import Generator, RandomState
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from mixtura.estimators.constructors import ChecksArgumentNames
from mixtura.estimators.gaussian_mixture import GaussianMixture
from mixtura.estimators.keeping import Kept
from mixtura.estimators.rows import feature_names, rows_in_memory
from mixtura.estimators.state import unchanged_on_failure
from mixtura.estimators.using import misses, mixture_to_fit, name_columns, saved_mixture
from mixtura.fitting.model_file import SavedModel
from mixtura.inputs.checks import check_n_features
from mixtura.mixture import Conditionals, Mixture
from mixtura.support.arrays import Array


class GaussianMixtureRegressor(ChecksArgumentNames, Kept, RegressorMixin, BaseEstimator):  # type: ignore[misc]
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
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
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
            rows = rows_in_memory(self, X, "fit", reset=True, missing=misses(self), least_rows=2)
            targets = self._targets(y, len(rows))
            mixture = mixture_to_fit(
                self, "n_components", "covariance_type", "distribution", "missing"
            )
            whole = np.column_stack([rows, targets])
            self.estimator_ = mixture.fit(whole, sample_weight=sample_weight)
            if (names := feature_names(self)) is not None:
                name_columns(self.estimator_, [*names, *_target_names(y, self.n_outputs_)])
        return self

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
        """The fitted distribution of features and targets."""
        check_is_fitted(self)
        mixture: Mixture = self.estimator_.mixture_
        return mixture

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
        mixture = self.mixture_
        missing = misses(self)
        rows = rows_in_memory(self, X, type(self).__name__, reset=False, missing=missing)
        given = list(range(self.n_features_in_))
        found: Conditionals = mixture.condition(
            given, rows, missing="mar" if missing else "error", n_jobs=self.n_jobs
        )
        return found

    def predict(self, X: Any, return_std: bool = False, return_cov: bool = False) -> Any:
        """Expected targets given each row, and how far they may be from that.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
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

        Raises
        ------
        NotFittedError, ValueError
            As `conditionals`; ValueError also with both return_std and return_cov.
        """
        if return_std and return_cov:
            raise ValueError(
                "Ask for return_std or return_cov: the deviations are roots of the covariances' diagonals."
            )
        given = self.conditionals(X)
        if return_std:
            mean, std = given.mean_and_std()
            return self._like_y(mean), self._like_y(std)
        mean = self._like_y(given.mean())
        return (mean, given.covariance()) if return_cov else mean

    def quantiles(self, X: Any, levels: Any) -> Array:
        """Quantiles of each target given each row: [0.05, 0.95] is an interval that holds nine in ten.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
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
        found = self.conditionals(X).quantiles(levels)
        return found[:, 0] if self._is_one_column else found

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

    def _like_y(self, values: Array) -> Array:
        return values[:, 0] if self._is_one_column else values

    def _models(self) -> list[SavedModel]:
        return [saved_mixture(self.estimator_)]

    def _learned(self) -> dict[str, Any]:
        return {"n_outputs": self.n_outputs_, "is_one_column": self._is_one_column}

    def _take(self, models: list[GaussianMixture], learned: Mapping[str, Any]) -> None:
        [self.estimator_] = models
        self.n_outputs_ = int(learned["n_outputs"])
        self._is_one_column = learned["is_one_column"] is True and self.n_outputs_ == 1
        check_n_features(self.n_features_in_ + self.n_outputs_, self.mixture_.n_features)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = misses(self)
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = True
        return tags


def _target_names(y: Any, n_outputs: int) -> list[str]:
    """Those of a data frame or a series, else y, or y0, y1, ..."""
    found = list(getattr(y, "columns", ())) or [getattr(y, "name", None)]
    if len(found) == n_outputs and all(isinstance(name, str) for name in found):
        return found
    return ["y"] if n_outputs == 1 else [f"y{j}" for j in range(n_outputs)]


def _target_columns(y: Any) -> Array:
    options: dict[str, Any] = {"ensure_2d": False, "dtype": [np.float64, np.float32]}
    found: Array = check_array(y, input_name="y", **options)
    return found


__all__ = ["GaussianMixtureRegressor"]
