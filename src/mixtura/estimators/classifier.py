"""A classifier with scikit-learn's contract: discriminant analysis by Gaussian mixtures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_is_fitted

from mixtura.estimators import class_densities
from mixtura.estimators.class_choice import lowest_brier_score
from mixtura.estimators.class_densities import ClassDensities
from mixtura.estimators.class_mixtures import ClassMixtures, FittedClasses
from mixtura.estimators.class_rows import (
    ClassRows,
    RowsInMemory,
    RowsOfSource,
    factors_of,
    known_classes,
    rows_of_source,
)
from mixtura.estimators.classifier_summary import ClassifierSummary, TrainingScores
from mixtura.estimators.gaussian_mixture import GaussianMixture
from mixtura.estimators.rows import allows_missing, feature_names, learn_columns, rows_in_memory
from mixtura.estimators.state import unchanged_on_failure
from mixtura.estimators.using import (
    UsesMixtures,
    check_for_several,
    mixture_to_fit,
    name_columns,
    saved_mixture,
    warn_again,
)
from mixtura.fitting.given_rows import rows_elsewhere
from mixtura.fitting.model_file import SavedModel
from mixtura.inputs.weights import check_sample_weight
from mixtura.mixture import Mixture, some_components
from mixtura.sources import Source
from mixtura.support.arrays import Array, FloatArray
from mixtura.support.threads import n_threads
from mixtura.sweep import grid


class GaussianMixtureClassifier(UsesMixtures, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Classify rows by a Gaussian mixture for each class: model-based discriminant analysis.

    A row belongs to the class of which prior times density is greatest there. With one component a class the
    covariance structure says what the classes share (EDDA, Bensmail & Celeux 1996): 'EEE' is linear
    discriminant analysis and 'VVV' quadratic, with maximum-likelihood covariances. With several, each class
    has a mixture of its own (MclustDA, Fraley & Raftery 2002).

    Parameters
    ----------
    n_components : int, iterable of int, or dict, default=1
        Components of each class. 1: one a class, whose covariances the structure ties across classes. Any
        other number: each class has a mixture of its own. Several, as `range(1, 6)`: that of lowest BIC, for
        each class by itself; `[1]` is one component a class, and nothing shared. A dict has either for each
        class.
    covariance_type : str or iterable of str, default='full'
        As in `GaussianMixture`; 'all' or several names: the one that `criterion` prefers.
    criterion : {'bic', 'cv'}, default='bic'
        What chooses among several: 'bic', the lowest BIC; 'cv', the lowest Brier score of 5 stratified folds,
        the same for all classes.
    priors : array-like of shape (n_classes,), default=None
        Probabilities of the classes in sorted order; None: their shares of the rows.
    class_weight : dict, 'balanced' or None, default=None
        By which weights of rows are multiplied, as everywhere in scikit-learn.
    unlabeled : label or None, default=None
        What stands in y for a row whose class is not known, as -1: EM then uses such rows too. None: all
        classes are known. Where classes have mixtures of their own the structure must share nothing.
    distribution : {'gaussian', 't'}, default='gaussian'
        Of a component, as in `GaussianMixture`.
    missing : {'error', 'mar'}, default='error'
        What NaN in X is, as in `GaussianMixture`: a row is classified by what was observed of it.
    estimator : GaussianMixture or None, default=None
        A mixture with any other arguments, as a prior, instead of distribution and missing; its n_components
        and covariance_type give way to those here.
    random_state : int, RandomState instance or None, default=None
        Of the starts and the folds.
    n_jobs : int or None, default=None
        Threads, as in `GaussianMixture`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted.
    class_prior_ : ndarray of shape (n_classes,)
    mixtures_ : list of Mixture
        The distribution of each class.
    mixture_ : Mixture
        That of the rows, whatever their class.
    estimators_ : list of GaussianMixture
        What was fitted: one to all classes together, or one to each.
    covariance_types_ : list of str
        Of each class.
    n_parameters_ : int
        Free ones: of the mixtures, and of the priors where these were not given.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only where X has string column names.

    See Also
    --------
    mixtura.plots.plot_boundary : the classes in the plane of two features.

    References
    ----------
    Bensmail & Celeux 1996, Regularized Gaussian discriminant analysis through eigenvalue decomposition.
    Hastie & Tibshirani 1996, Discriminant analysis by Gaussian mixtures.
    Fraley & Raftery 2002, Model-based clustering, discriminant analysis, and density estimation.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from mixtura import GaussianMixtureClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = GaussianMixtureClassifier(covariance_type="all").fit(X, y)
    >>> classifier.covariance_types_[0], round(1 - classifier.score(X, y), 2)
    ('VEV', 0.02)
    """

    mixtures_: list[Mixture]
    estimators_: list[GaussianMixture]
    class_prior_: FloatArray

    #: The class of each component of one mixture of all classes; None: each class has its own.
    _of_component: Array | None = None

    def __init__(
        self,
        n_components: Any = 1,
        *,
        covariance_type: str | Iterable[str] = "full",
        criterion: str = "bic",
        priors: Any = None,
        class_weight: Any = None,
        unlabeled: Any = None,
        distribution: str = "gaussian",
        missing: str = "error",
        estimator: GaussianMixture | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.criterion = criterion
        self.priors = priors
        self.class_weight = class_weight
        self.unlabeled = unlabeled
        self.distribution = distribution
        self.missing = missing
        self.estimator = estimator
        self.random_state = random_state
        self.n_jobs = n_jobs

    # Fitting

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or source
        y : array-like of shape (n_samples,)
            The class of each row. Of a source the name of the column of classes, which is then no feature.
            None, NaN and, in a file, an empty cell are rows without a class, where `unlabeled` is given.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative. A whole weight counts as that many equal rows. A source has its own.

        Returns
        -------
        self : GaussianMixtureClassifier

        Raises
        ------
        ValueError
            If an argument, X, y or a weight is not possible, there is one class only, or a class has too few
            rows. The earlier fit, if any, is then unchanged.

        Warns
        -----
        ConvergenceWarning, DegenerateComponentWarning, DataWarning
            As `GaussianMixture.fit`, with the name of the class.
        """
        with unchanged_on_failure(self):
            grid.check_choice("criterion", self.criterion, ("bic", "cv"))
            rows = self._rows_of_classes(X, y, sample_weight)
            self.class_prior_ = self._priors(rows.weights)
            numbers, names = self._numbers(), self.covariance_type
            if self.criterion == "cv":
                if not isinstance(rows, RowsInMemory):
                    raise ValueError(
                        "criterion='cv' is of rows in memory: of a source choose by 'bic', or give a sample."
                    )
                n_components, names = lowest_brier_score(self, self.classes_, rows, numbers)
                numbers = self._numbers(n_components)
            names = grid.structures_of(names, self.n_features_in_)
            fits = ClassMixtures(
                self._mixture, self.classes_, self.class_prior_, self.priors is not None
            )
            found = (
                fits.tied(rows, names) if self._is_tied else fits.of_their_own(rows, numbers, names)
            )
            self._take_fits(found)
            self._training = self._scores(rows)
            for about, caught in found.caught:
                warn_again(caught, about)
        return self

    def _scores(self, rows: ClassRows) -> TrainingScores:
        says, threads, missing = self._says(), n_threads(self.n_jobs), allows_missing(self)
        joint = (
            (class_densities.log_joint(says, part.X, threads, missing=missing), part)
            for part in rows.parts()
        )
        return TrainingScores.of(joint)

    def _rows_of_classes(self, X: Any, y: Any, sample_weight: Any) -> ClassRows:
        """The rows, checked. Learns the columns and the classes."""
        if rows_elsewhere(X, sample_weight) is None:
            rows: ClassRows = self._rows_in_memory(X, y, sample_weight)
        elif isinstance(X, Source):
            rows = self._rows_of_source(X, y)
        else:
            raise ValueError(
                "A classifier is not fitted to a Dask collection: write it to files and give mixtura.scan of "
                "these, or take a sample. It predicts such collections."
            )
        if len(self.classes_) < 2:
            raise ValueError(
                f"y holds one class only, {self.classes_.tolist()[0]!r}: a classifier needs two at least."
            )
        return rows

    def _rows_of_source(self, source: Source, y: Any) -> RowsOfSource:
        """Of these y names the column of classes, which is no feature."""
        source = source.with_missing() if allows_missing(self) else source
        self.classes_, rows = rows_of_source(source, y, self.class_weight, self.unlabeled)
        learn_columns(self, rows.feature_names, len(rows.features))
        return rows

    def _rows_in_memory(self, X: Any, y: Any, sample_weight: Any) -> RowsInMemory:
        """Rows of weight 0 are left out."""
        missing = allows_missing(self)
        rows = rows_in_memory(self, X, "fit", reset=True, missing=missing, least_rows=2)
        y = self._labels(y, len(rows))
        weight = check_sample_weight(sample_weight, len(rows))
        if weight is not None and (weight == 0).any():
            y, rows, weight = y[weight > 0], rows[weight > 0], weight[weight > 0]
        self.classes_, codes = known_classes(y, self.unlabeled)
        found = RowsInMemory(rows, codes, weight, len(self.classes_))
        if self.class_weight is None:
            return found
        # What stands last is of rows without a class.
        factors = np.append(factors_of(self.class_weight, self.classes_, found.counts), 1.0)
        return replace(found, weight=factors[codes] * (1.0 if weight is None else weight))

    def _labels(self, y: Any, n_rows: int) -> Array:
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None."
            )
        y = column_or_1d(np.asarray(y), warn=True)
        if len(y) != n_rows:
            raise ValueError(
                f"y must have one class for each of the {n_rows} rows of X, got {len(y)}."
            )
        return np.asarray(y)

    def _priors(self, weights: FloatArray) -> FloatArray:
        """As they are given, or the shares of the classes' weights."""
        K = len(weights)
        if (weights == 0).any():
            name = self.classes_.tolist()[int(np.argmin(weights))]
            raise ValueError(f"Class {name!r} has a class_weight of 0.")
        if self.priors is None:
            return np.asarray(weights / weights.sum())
        try:
            priors = np.asarray(self.priors, dtype=np.float64)
        except (TypeError, ValueError):
            priors = np.empty(0)
        if priors.shape != (K,) or not (priors >= 0).all() or not np.isclose(priors.sum(), 1.0):
            raise ValueError(
                f"priors must be {K} numbers of 0 or more that sum to 1, one for each class in sorted order, "
                f"got {self.priors!r}."
            )
        return np.asarray(priors / priors.sum())

    def _numbers(self, n_components: Any = None) -> list[list[int]]:
        """Numbers of components to be tried for each class, of the argument or of one like it."""
        asked = self.n_components if n_components is None else n_components
        if not isinstance(asked, Mapping):
            return [grid.numbers_of_components(asked)] * len(self.classes_)
        names = set(self.classes_.tolist())
        if set(asked) != names:
            wrong = sorted(names.symmetric_difference(asked), key=str)[0]
            raise ValueError(
                f"n_components as a dict must name each class of y and no other, but {wrong!r} is "
                f"{'missing' if wrong in names else 'no class'}."
            )
        return [grid.numbers_of_components(asked[name]) for name in self.classes_.tolist()]

    @property
    def _is_tied(self) -> bool:
        """Whether the structure ties the classes."""
        return isinstance(self.n_components, Integral) and int(self.n_components) == 1

    def _mixture(self) -> GaussianMixture:
        mixture = mixture_to_fit(self, "distribution", "missing")
        if not isinstance(mixture, GaussianMixture):
            raise TypeError(
                "estimator must be a GaussianMixture: n_components and covariance_type of the classifier say "
                "what is to be tried."
            )
        check_for_several(mixture)
        return mixture

    def _take_fits(self, found: FittedClasses) -> None:
        self.estimators_, self._of_component = found.models, found.of_component
        for model in self.estimators_:
            name_columns(model, feature_names(self))
        self._take_mixtures()

    def _take_mixtures(self) -> None:
        """Set what follows from the fitted mixtures."""
        if self._of_component is None:
            self.mixtures_ = [model._density for model in self.estimators_]
        else:
            whole = self.estimators_[0]._density
            classes = range(len(self.classes_))
            of_each = [np.flatnonzero(self._of_component == c) for c in classes]
            self.mixtures_ = [some_components(whole, own) for own in of_each]
            if self.priors is None:
                shares = np.array([whole.weights[own].sum() for own in of_each])
                self.class_prior_ = shares / shares.sum()
        self.covariance_types_ = [mixture.covariance_type for mixture in self.mixtures_]
        self.n_parameters_ = self._count_parameters()

    def _count_parameters(self) -> int:
        own = sum(model._n_parameters() for model in self.estimators_)
        of_priors = len(self.classes_) - 1
        if self._of_component is None:
            return own + (of_priors if self.priors is None else 0)
        counts_weights = self.estimators_[0].fixed is None
        return own - (of_priors if self.priors is not None and counts_weights else 0)

    # Using the fit

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "mixtures_")

    @property
    def mixture_(self) -> Mixture:
        """The distribution of rows, whatever their class, without noise: components of the first class first.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        check_is_fitted(self)
        own = [mixture.without_noise() for mixture in self.mixtures_]
        weights = [prior * one.weights for prior, one in zip(self.class_prior_, own, strict=True)]
        return Mixture.from_parameters(
            np.concatenate(weights),
            np.concatenate([one.means for one in own]),
            np.concatenate([one.covariance_matrices() for one in own]),
            df=None if own[0].df is None else np.concatenate([one.df for one in own]),
        )

    def log_joint(self, X: Any) -> Any:
        """Log of each class's prior times its density at each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Of a source an iterator over such arrays, part by part; of a Dask collection a lazy one: as all
            predictions.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has other columns than were fitted, NaN or infinity.
        """
        return self._evaluated(class_densities.log_joint, X)

    def _says(self) -> ClassDensities:
        return ClassDensities(self.classes_, self.class_prior_, self.mixtures_)

    def predict(self, X: Any) -> Any:
        """The likeliest class of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection

        Returns
        -------
        ndarray of shape (n_samples,)

        Raises
        ------
        NotFittedError, ValueError
            As `log_joint`.
        """
        return self._evaluated(class_densities.labels, X)

    def predict_proba(self, X: Any) -> Any:
        """Probability of each class given each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Rows sum to 1.

        Raises
        ------
        NotFittedError, ValueError
            As `log_joint`.
        """
        return self._evaluated(class_densities.probabilities, X)

    def predict_log_proba(self, X: Any) -> Any:
        """Log of `predict_proba`, also where a probability is too small for a number.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection

        Returns
        -------
        ndarray of shape (n_samples, n_classes)

        Raises
        ------
        NotFittedError, ValueError
            As `log_joint`.
        """
        return self._evaluated(class_densities.log_probabilities, X)

    def decision_function(self, X: Any) -> Any:
        """How far a row is on the side of each class, in nats.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or (n_samples,) of two classes
            `log_joint`; of two classes that of the second less that of the first: above 0 it is predicted.

        Raises
        ------
        NotFittedError, ValueError
            As `log_joint`.
        """
        return self._evaluated(class_densities.decisions, X)

    def score_samples(self, X: Any) -> Any:
        """Log density of each row, whatever its class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection

        Returns
        -------
        ndarray of shape (n_samples,)

        Raises
        ------
        NotFittedError, ValueError
            As `log_joint`.
        """
        return self._evaluated(class_densities.log_densities, X)

    def summary(self) -> ClassifierSummary:
        """Put the fit on one page: print it, or read its fields.

        Returns
        -------
        ClassifierSummary

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        check_is_fitted(self)
        scores = self._training
        return ClassifierSummary(
            n_rows=scores.n_rows,
            n_features=self.n_features_in_,
            classes=tuple(str(name) for name in self.classes_),
            priors=tuple(self.class_prior_.tolist()),
            n_components=tuple(mixture.n_components for mixture in self.mixtures_),
            covariance_types=tuple(self.covariance_types_),
            log_likelihood=scores.log_likelihood,
            mixture_log_likelihood=scores.mixture_log_likelihood,
            n_parameters=self.n_parameters_,
            bic=-2 * scores.log_likelihood + self.n_parameters_ * float(np.log(scores.weight)),
            error=scores.error,
            brier=scores.brier,
        )

    def _models(self) -> list[SavedModel]:
        return [saved_mixture(model) for model in self.estimators_]

    def _learned(self) -> dict[str, Any]:
        if self.classes_.dtype.kind not in "biufUO":
            raise ValueError(
                f"A file holds classes that are texts, numbers or booleans, not {self.classes_.dtype}: fit "
                "to such names of them."
            )
        of_component = None if self._of_component is None else self._of_component.tolist()
        return {
            "classes": self.classes_.tolist(),
            "dtype": self.classes_.dtype.str,
            "priors": self.class_prior_.tolist(),
            "of_component": of_component,
            "training": asdict(self._training),
        }

    def _take(self, models: list[GaussianMixture], learned: Mapping[str, Any]) -> None:
        dtype = np.dtype(learned["dtype"])
        if dtype.kind not in "biufUO":
            raise ValueError(f"classes of type {dtype}")
        self.classes_ = np.array(learned["classes"], dtype=dtype)
        K, of_component = len(self.classes_), learned["of_component"]
        self.class_prior_ = np.array(learned["priors"], dtype=np.float64)
        if self.class_prior_.shape != (K,) or not np.isclose(self.class_prior_.sum(), 1.0):
            raise ValueError("its priors are not those of its classes")
        self.estimators_ = models
        self._of_component = None if of_component is None else np.array(of_component, dtype=np.intp)
        if self._of_component is None:
            fits = len(models) == K
        else:
            fits = len(models) == 1 and len(of_component) == models[0].n_components
            fits = fits and set(of_component) == set(range(K))
        if not fits or any(model.n_features_in_ != self.n_features_in_ for model in models):
            raise ValueError("its mixtures are not those of its classes")
        self._training = TrainingScores(**learned["training"])
        self._take_mixtures()


__all__ = ["ClassifierSummary", "GaussianMixtureClassifier"]
