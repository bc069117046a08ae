"""An outlier detector with scikit-learn's contract: rows where a mixture has little density."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted

from mixtura.estimators.gaussian_mixture import GaussianMixture
from mixtura.estimators.keeping import saved_value
from mixtura.estimators.rows import rows_to_fit
from mixtura.estimators.state import unchanged_on_failure
from mixtura.estimators.using import UsesMixtures, mixture_to_fit, saved_mixture
from mixtura.fitting.model_file import SavedModel
from mixtura.inputs.checks import check_n_features
from mixtura.mixture import Mixture, comparable_log_density
from mixtura.rows import ArrayBlocks
from mixtura.support.arrays import Array, FloatArray
from mixtura.support.threads import n_threads


class GaussianMixtureOutlierDetector(UsesMixtures, OutlierMixin, BaseEstimator):  # type: ignore[misc]
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
        X : array-like of shape (n_samples, n_features), source or Dask collection
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
            rows = rows_to_fit(self, X, sample_weight).blocks(n_threads(self.n_jobs))
            self._fit_mixture(X, sample_weight)
            parts = list(rows.each(partial(_scores_of_part, self._fitted)))
            scores, weight = map(np.concatenate, zip(*parts, strict=True))
            self.offset_ = _weighted_quantile(scores, weight, float(self.contamination))
        return self

    def _fit_mixture(self, X: Any, sample_weight: Any) -> None:
        if isinstance(self.estimator, Mixture):
            check_n_features(self.n_features_in_, self.estimator.n_features)
            self.estimator_, self._fitted = None, self.estimator
            return
        names = "n_components", "covariance_type", "distribution", "noise", "missing"
        self.estimator_ = mixture_to_fit(self, *names).fit(X, sample_weight=sample_weight)
        self._fitted = self.estimator_.mixture_

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "offset_")

    @property
    def mixture_(self) -> Mixture:
        """The distribution that rows are judged by."""
        check_is_fitted(self)
        return self._fitted

    def score_samples(self, X: Any) -> Any:
        """Log density of each row; low is abnormal.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection

        Returns
        -------
        ndarray of shape (n_samples,)
            Of a source an iterator over such arrays, part by part; of a Dask collection a lazy one: as all
            predictions.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has other columns than were fitted, infinity, or NaN that was not asked for.
        """
        return self._evaluated(_score, X)

    def _says(self) -> _Judge:
        return _Judge(self._fitted, self.offset_)

    def decision_function(self, X: Any) -> Any:
        """`score_samples` less `offset_`: below 0 a row is an outlier.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection

        Returns
        -------
        ndarray of shape (n_samples,)

        Raises
        ------
        NotFittedError, ValueError
            As `score_samples`.
        """
        return self._evaluated(_decision, X)

    def predict(self, X: Any) -> Any:
        """Whether each row is an outlier.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection

        Returns
        -------
        ndarray of shape (n_samples,), int
            -1 for outliers, 1 for the rest.

        Raises
        ------
        NotFittedError, ValueError
            As `score_samples`.
        """
        return self._evaluated(_labels, X)

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


@dataclass(frozen=True)
class _Judge:
    """A mixture, and the log density below which a row is an outlier."""

    mixture: Mixture
    offset: float

    @property
    def df(self) -> FloatArray | None:
        """Degrees of freedom of its components."""
        return self.mixture.df


def _score(judge: _Judge, X: Array, threads: int, **about: Any) -> Array:
    return comparable_log_density(judge.mixture, X, threads, **about)


def _decision(judge: _Judge, X: Array, threads: int, **about: Any) -> Array:
    return np.asarray(_score(judge, X, threads, **about) - judge.offset)


def _labels(judge: _Judge, X: Array, threads: int, **about: Any) -> Array:
    return np.where(_decision(judge, X, threads, **about) < 0, -1, 1)


def _scores_of_part(mixture: Mixture, part: ArrayBlocks, _: int) -> tuple[Array, FloatArray]:
    rows, threads = part.rows, part.n_threads
    weight = np.ones(len(rows)) if rows.weight is None else rows.weight.copy()
    scores = comparable_log_density(
        mixture, rows.X, threads, missing=rows.missing, errors=rows.error
    )
    return scores, weight


def _weighted_quantile(values: Array, weight: FloatArray, share: float) -> float:
    """Interpolated as numpy's: of whole weights that of the rows repeated so often."""
    if (weight == 1).all():
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
