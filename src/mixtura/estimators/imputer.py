"""An imputer with scikit-learn's contract, on a Gaussian mixture."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.impute import MissingIndicator
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, validate_data

from mixtura.estimators.gaussian_mixture import GaussianMixture
from mixtura.inputs.frames import frame_of, frame_values
from mixtura.inputs.missing import check_missing, unmasked
from mixtura.support.arrays import Array


class GaussianMixtureImputer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Fill in missing values by a Gaussian mixture that is fitted to what was observed.

    Parameters
    ----------
    n_components : int, default=1
        Components of the mixture; one is a Gaussian.
    covariance_type : str, default='full'
        As in `GaussianMixture`. Without covariances between features, as in 'diag', what is observed tells
        the component alone.
    estimator : GaussianMixture or None, default=None
        The mixture to be fitted, with any other arguments; instead of n_components and covariance_type.
    missing_values : number, default=nan
        What stands for a missing value. Where it is another number NaN is an error.
    sample_posterior : bool, default=False
        Whether values are drawn from their conditional distribution instead of being its mean, so that they
        vary as the data do; each call of `transform` draws anew.
    add_indicator : bool, default=False
        Whether columns are added that say where values were missing, of the features that lacked some in the
        fit.
    keep_empty_features : bool, default=False
        Whether features without any value in the fit are kept, as zeros; else they are left out.
    random_state : int, RandomState instance or None, default=None
        Of the fit and the draws.
    n_jobs : int or None, default=None
        Threads, as in `GaussianMixture`.

    Attributes
    ----------
    estimator_ : GaussianMixture
        Fitted to the features that have values.
    indicator_ : MissingIndicator or None
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only where X has string column names.

    See Also
    --------
    GaussianMixture.impute : the same of a fitted mixture, with standard deviations and several draws.

    References
    ----------
    Ghahramani & Jordan 1994, Supervised learning from incomplete data via an EM approach.

    Examples
    --------
    >>> import numpy as np
    >>> from mixtura import GaussianMixtureImputer
    >>> X = [[1.0, 2.1], [2.0, 3.9], [3.0, 6.2], [4.0, 7.8], [5.0, np.nan]]
    >>> GaussianMixtureImputer().fit_transform(X)[-1].round(1)
    array([5. , 9.8])
    """

    def __init__(
        self,
        n_components: int = 1,
        *,
        covariance_type: str = "full",
        estimator: GaussianMixture | None = None,
        missing_values: Any = np.nan,
        sample_posterior: bool = False,
        add_indicator: bool = False,
        keep_empty_features: bool = False,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.estimator = estimator
        self.missing_values = missing_values
        self.sample_posterior = sample_posterior
        self.add_indicator = add_indicator
        self.keep_empty_features = keep_empty_features
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit the mixture to what is observed.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : None
            Ignored.

        Returns
        -------
        self : GaussianMixtureImputer

        Raises
        ------
        ValueError
            If X or an argument is not possible, or no value of X is there.
        """
        rows = self._with_gaps(X, reset=True)
        self._is_there = ~np.isnan(rows).all(axis=0)
        if not self._is_there.any():
            raise ValueError("Every value of X is missing, so that nothing can be learned of it.")
        self._random = check_random_state(self.random_state)
        self.estimator_ = self._mixture().fit(rows[:, self._is_there])
        self.indicator_ = None
        if self.add_indicator:
            self.indicator_ = MissingIndicator(error_on_new=False).fit(rows)
        return self

    def transform(self, X: Any) -> Array:
        """Fill in what is missing.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_features_out), in the dtype of X where that is a float
            Observed values bit for bit.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has other columns, or infinity.
        """
        check_is_fitted(self)
        rows = self._with_gaps(X, reset=False)
        filled = np.zeros_like(rows)
        known = rows[:, self._is_there]
        if self.sample_posterior:
            draws = self.estimator_.impute(known, n_draws=1, random_state=self._random)
            filled[:, self._is_there] = draws[0]
        else:
            filled[:, self._is_there] = self.estimator_.impute(known)
        if not self.keep_empty_features:
            filled = filled[:, self._is_there]
        if self.indicator_ is None:
            return filled
        gaps: Array = self.indicator_.transform(rows)
        return np.hstack([filled, gaps.astype(filled.dtype)])

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Names of the columns that `transform` returns.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            None: those of the fit, else x0, x1, ...

        Returns
        -------
        ndarray of str
        """
        check_is_fitted(self)
        names: Array = np.asarray(_check_feature_names_in(self, input_features), dtype=object)
        kept = names if self.keep_empty_features else names[self._is_there]
        if self.indicator_ is None:
            return kept
        return np.concatenate([kept, self.indicator_.get_feature_names_out(names)])

    def _mixture(self) -> GaussianMixture:
        if self.estimator is None:
            mixture = GaussianMixture(
                self.n_components, covariance_type=self.covariance_type, n_jobs=self.n_jobs
            )
        elif isinstance(self.estimator, GaussianMixture):
            mixture = clone(self.estimator)
        else:
            kind = type(self.estimator).__name__
            raise TypeError(f"estimator must be a GaussianMixture or None, got {kind}.")
        mixture.set_params(missing="mar")
        if mixture.random_state is None:
            mixture.set_params(random_state=self._random.randint(2**31 - 1))
        return mixture

    @property
    def _is_nan(self) -> bool:
        value = self.missing_values
        return isinstance(value, float | np.floating) and bool(np.isnan(value))

    def _with_gaps(self, X: Any, *, reset: bool) -> Array:
        """Checked rows, NaN where values are missing."""
        frame = frame_of(X)
        options: dict[str, Any] = {"dtype": [np.float64, np.float32], "ensure_all_finite": False}
        rows: Array
        if frame is not None:
            validate_data(self, frame.to_native(), reset=reset, skip_check_array=True)  # its names
            rows = check_array(frame_values(frame), estimator=self, **options)
        else:
            X = unmasked(X, self.missing_values)
            rows = validate_data(self, X, reset=reset, **options)
        if not self._is_nan:
            if np.isnan(rows).any():
                raise ValueError(
                    f"Input X contains NaN, and missing values are {self.missing_values!r}: give "
                    "missing_values=numpy.nan where NaN stands for them."
                )
            rows = np.where(rows == self.missing_values, np.nan, rows)
        check_missing(rows, getattr(self, "feature_names_in_", None), 1, type(self).__name__)
        return rows

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self._is_nan
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


__all__ = ["GaussianMixtureImputer"]
