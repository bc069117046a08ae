"""An outlier detector with scikit-learn's contract: rows where a mixture has little density."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted

from mixtura.estimators.constructors import ChecksArgumentNames
from mixtura.estimators.gaussian_mixture import GaussianMixture
from mixtura.estimators.keeping import Kept, saved_value
from mixtura.estimators.rows import feature_names, rows_in_memory
from mixtura.estimators.state import unchanged_on_failure
from mixtura.estimators.using import misses, mixture_to_fit, name_columns, saved_mixture
from mixtura.fitting.model_file import SavedModel
from mixtura.inputs.checks import check_n_features
from mixtura.inputs.weights import check_sample_weight
from mixtura.mixture import Mixture, comparable_log_density
from mixtura.support.arrays import Array, FloatArray
from mixtura.support.threads import n_threads


class GaussianMixtureOutlierDetector(ChecksArgumentNames, Kept, OutlierMixin, BaseEstimator):  # type: ignore[misc]
    """Call rows outliers where a Gaussian mixture, fitted to all of them, has the least density.

    Parameters
    ----------
    n_components : int, default=1
        Components of the mixture.
    covariance_type : str, default='full'
        As in `GaussianMixture`.
    contamination : float, default=0.1
        Share of the fitted rows (of their weight) that are outliers, in (0, 0.5]: it sets `offset_`.
    distribution : {'gaussian', 't'}, default='gaussian'
        Of a component: 't' has heavy tails, so that outliers move its mean and scale less.
    noise : bool, default=False
        Whether outliers may belong to a background of constant density while the mixture is fitted, so that
        they do not move the components. Scores are of the components alone.
    missing : {'error', 'mar'}, default='error'
        What NaN in X is, as in `GaussianMixture`: rows are then judged by what was observed of them, and a
        feature that is missing costs what it costs on average where it is observed.
    estimator : GaussianMixture, GaussianMixtureSearch, Mixture or None, default=None
        The mixture to be fitted, with any other arguments, instead of those above but contamination. A
        `Mixture`, as `mixture_` of a fitted model, is taken as it is, and the rows set `offset_` alone.
    random_state : int, RandomState instance or None, default=None
        Of the starts.
    n_jobs : int or None, default=None
        Threads, as in `GaussianMixture`.

    Attributes
    ----------
    offset_ : float
        The log density below which a row is an outlier.
    mixture_ : Mixture
    estimator_ : GaussianMixture, GaussianMixtureSearch or None
        What was fitted; None where a `Mixture` was given.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only where X has string column names.

    References
    ----------
    Banfield & Raftery 1993, Model-based Gaussian and non-Gaussian clustering.
    Peel & McLachlan 2000, Robust mixture modelling using the t distribution.

    Examples
    --------
    >>> import numpy as np
    >>> from mixtura import GaussianMixtureOutlierDetector
    >>> X = np.append(np.random.default_rng(0).normal(size=(99, 2)), [[8.0, 8.0]], axis=0)
    >>> detector = GaussianMixtureOutlierDetector(contamination=0.01, random_state=0).fit(X)
    >>> np.flatnonzero(detector.predict(X) == -1)
    array([99])
    """

    offset_: float
    _fitted: Mixture

    def __init__(
        self,
        n_components: int = 1,
        *,
        covariance_type: str = "full",
        contamination: float = 0.1,
        distribution: str = "gaussian",
        noise: bool = False,
        missing: str = "error",
        estimator: Any = None,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.contamination = contamination
        self.distribution = distribution
        self.noise = noise
        self.missing = missing
        self.estimator = estimator
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit the mixture, and find the density below which rows are outliers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative. A whole weight counts as that many equal rows.

        Returns
        -------
        self : GaussianMixtureOutlierDetector

        Raises
        ------
        ValueError
            If an argument, X or a weight is not possible. The earlier fit, if any, is then unchanged.

        Warns
        -----
        ConvergenceWarning, DegenerateComponentWarning, DataWarning
            As `GaussianMixture.fit`.
        """
        if not isinstance(self.contamination, Real) or not 0 < self.contamination <= 0.5:
            raise ValueError(
                f"contamination must be a share above 0 and at most 0.5, got {self.contamination!r}."
            )
        with unchanged_on_failure(self):
            rows = rows_in_memory(self, X, "fit", reset=True, missing=self._misses, least_rows=2)
            self._fit_mixture(rows, sample_weight)
            weight = check_sample_weight(sample_weight, len(rows))
            scores = self._scores(rows)
            self.offset_ = _weighted_quantile(scores, weight, float(self.contamination))
        return self

    def _fit_mixture(self, rows: Array, sample_weight: Any) -> None:
        if isinstance(self.estimator, Mixture):
            check_n_features(rows.shape[1], self.estimator.n_features)
            self.estimator_, self._fitted = None, self.estimator
            return
        names = "n_components", "covariance_type", "distribution", "noise", "missing"
        self.estimator_ = mixture_to_fit(self, *names).fit(rows, sample_weight=sample_weight)
        name_columns(self.estimator_, feature_names(self))
        self._fitted = self.estimator_.mixture_

    @property
    def _misses(self) -> bool:
        return self.missing == "mar" if isinstance(self.estimator, Mixture) else misses(self)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "offset_")

    @property
    def mixture_(self) -> Mixture:
        """The distribution that rows are judged by."""
        check_is_fitted(self)
        return self._fitted

    def score_samples(self, X: Any) -> Array:
        """Log density of each row; low is abnormal.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has other columns than were fitted, infinity, or NaN that was not asked for.
        """
        check_is_fitted(self)
        rows = rows_in_memory(self, X, type(self).__name__, reset=False, missing=self._misses)
        return self._scores(rows)

    def _scores(self, rows: Array) -> Array:
        return comparable_log_density(self._fitted, rows, n_threads(self.n_jobs))

    def decision_function(self, X: Any) -> Array:
        """`score_samples` less `offset_`: below 0 a row is an outlier.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)

        Raises
        ------
        NotFittedError, ValueError
            As `score_samples`.
        """
        return np.asarray(self.score_samples(X) - self.offset_)

    def predict(self, X: Any) -> Array:
        """Whether each row is an outlier.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,), int
            -1 for outliers, 1 for the rest.

        Raises
        ------
        NotFittedError, ValueError
            As `score_samples`.
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    def _models(self) -> list[SavedModel]:
        given = self.estimator_ is None
        return [saved_value(self._fitted) if given else saved_mixture(self.estimator_)]

    def _learned(self) -> dict[str, Any]:
        return {"offset": self.offset_}

    def _take(self, models: list[GaussianMixture], learned: Mapping[str, Any]) -> None:
        [fitted] = models
        check_n_features(self.n_features_in_, fitted.mixture_.n_features)
        self.estimator_ = None if isinstance(self.estimator, Mixture) else fitted
        self._fitted, self.offset_ = fitted.mixture_, float(learned["offset"])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self._misses
        return tags


def _weighted_quantile(values: Array, weight: FloatArray | None, share: float) -> float:
    """Interpolated as numpy's: of whole weights that of the rows repeated so often."""
    if weight is None:
        return float(np.quantile(values, share))
    order = np.argsort(values)
    values, ends = values[order].astype(np.float64), np.cumsum(weight[order])
    # Of rows repeated so often, the one of number t counted from 0 is the first whose end lies beyond t.
    at = share * (ends[-1] - 1)
    below, above = np.floor(at), np.ceil(at)
    low, high = (
        values[min(np.searchsorted(ends, t, side="right"), len(values) - 1)] for t in (below, above)
    )
    return float(low + (at - below) * (high - low))


__all__ = ["GaussianMixtureOutlierDetector"]
