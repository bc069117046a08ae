"""A classifier with scikit-learn's contract: discriminant analysis by Gaussian mixtures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import StratifiedKFold
from sklearn.utils import assert_all_finite, check_random_state, column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from mixtura.covariance import structure
from mixtura.display.page import Page, Shown, Table, plural
from mixtura.estimators.constructors import ChecksArgumentNames
from mixtura.estimators.gaussian_mixture import GaussianMixture, default_arguments
from mixtura.estimators.gaussian_mixture_search import GaussianMixtureSearch
from mixtura.estimators.keeping import Kept
from mixtura.estimators.rows import feature_names, rows_in_memory
from mixtura.estimators.state import facts_of, unchanged_on_failure
from mixtura.estimators.using import (
    check_for_several,
    misses,
    mixture_to_fit,
    name_columns,
    quietly,
    saved_mixture,
    warn_again,
)
from mixtura.fitting.facts import Criteria
from mixtura.fitting.model_file import SavedModel
from mixtura.inputs.weights import check_sample_weight
from mixtura.mixture import Mixture, log_density, log_sum_exp, some_components
from mixtura.support.arrays import Array, FloatArray, result_dtype
from mixtura.support.threads import n_threads
from mixtura.sweep import grid

# Of cross-validation.
_FOLDS = 5


class GaussianMixtureClassifier(ChecksArgumentNames, Kept, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
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
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
            The class of each row.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative. A whole weight counts as that many equal rows.

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
            rows = rows_in_memory(self, X, "fit", reset=True, missing=misses(self), least_rows=2)
            y = self._labels(y, len(rows))
            weight = check_sample_weight(sample_weight, len(rows))
            if weight is not None and (weight == 0).any():  # rows that are not there
                y, rows, weight = y[weight > 0], rows[weight > 0], weight[weight > 0]
            codes = self._codes(y)
            weight = self._weights(codes, weight)
            self.class_prior_ = self._priors(codes, weight)
            known = _Training(rows, codes, weight)
            if self.criterion == "cv":
                chosen = self._cross_validated(known)
            else:
                chosen = self._numbers(), grid.structures_of(self.covariance_type, rows.shape[1])
            self._fit_classes(known, *chosen)
            self._training = self._scores(known)
        return self

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

    def _codes(self, y: Array) -> Array:
        """The number of each row's class, -1 where it is not known. Learns the classes."""
        known = np.ones(len(y), dtype=bool)
        if self.unlabeled is not None:
            known = np.array([value != self.unlabeled for value in y.tolist()], dtype=bool)
        if y.dtype.kind == "f":
            assert_all_finite(y[known], input_name="y")
        if not known.any():
            raise ValueError(
                f"y holds no class: every row is {self.unlabeled!r}, which is unlabeled."
            )
        of_rows = y[known]
        if self.unlabeled is not None and y.dtype == object:  # as numbers beside None are
            of_rows = np.array(of_rows.tolist())
        check_classification_targets(of_rows)
        self.classes_, of_known = np.unique(of_rows, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y holds one class only, {self.classes_.tolist()[0]!r}: a classifier needs two at least."
            )
        codes = np.full(len(y), -1, dtype=np.int64)
        codes[known] = of_known
        return codes

    def _named(self, c: int) -> str:
        return f"Class {self.classes_.tolist()[c]!r}"

    def _weights(self, codes: Array, weight: FloatArray | None) -> FloatArray | None:
        if self.class_weight is None:
            return weight
        known = codes >= 0
        weight = np.ones(len(codes)) if weight is None else weight.copy()
        weight[known] *= compute_sample_weight(self.class_weight, self.classes_[codes[known]])
        return weight

    def _priors(self, codes: Array, weight: FloatArray | None) -> FloatArray:
        K, known = len(self.classes_), codes >= 0
        own = None if weight is None else weight[known]
        shares = np.bincount(codes[known], own, minlength=K)
        if (shares == 0).any():
            raise ValueError(f"{self._named(int(np.argmin(shares)))} has a class_weight of 0.")
        if self.priors is None:
            return np.asarray(shares / shares.sum())
        priors = np.asarray(self.priors, dtype=np.float64)
        if priors.shape != (K,) or not (priors >= 0).all() or not np.isclose(priors.sum(), 1.0):
            raise ValueError(
                f"priors must be {K} numbers of 0 or more that sum to 1, one for each class in sorted order, "
                f"got {priors.tolist()}."
            )
        return np.asarray(priors / priors.sum())

    def _numbers(self) -> list[list[int]]:
        """Numbers of components to be tried for each class."""
        if not isinstance(self.n_components, Mapping):
            return [grid.numbers_of_components(self.n_components)] * len(self.classes_)
        names = set(self.classes_.tolist())
        if set(self.n_components) != names:
            wrong = sorted(names.symmetric_difference(self.n_components), key=str)[0]
            raise ValueError(
                f"n_components as a dict must name each class of y and no other, but {wrong!r} is "
                f"{'missing' if wrong in names else 'no class'}."
            )
        return [
            grid.numbers_of_components(self.n_components[name]) for name in self.classes_.tolist()
        ]

    @property
    def _is_joint(self) -> bool:
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

    def _fit_classes(
        self, known: _Training, numbers: list[list[int]], names: Sequence[str]
    ) -> None:
        if self._is_joint:
            fitted = self._best_joint(known, names)
            self._of_component = np.arange(len(self.classes_))
            self.estimators_ = [fitted]
        else:
            self.estimators_ = [
                self._fit_class(known, c, numbers[c], names) for c in range(len(self.classes_))
            ]
            self._of_component = None
            if known.has_unknown:
                self.estimators_ = [self._fit_with_unknown(known)]
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

    def _best_joint(self, known: _Training, names: Sequence[str]) -> GaussianMixture:
        """One component a class, of the structure that has the lowest BIC: a sound one where there is any."""
        if len(names) > 1:
            _check_comparable(self._mixture())
        found = []
        failures = {}
        for name in names:
            try:
                model, caught = quietly(partial(self._fit_joint, known, name))
            except ValueError as error:
                failures[name] = error
                continue
            doubtful = any(verdict != "sound" for verdict in model.diagnosis_.verdict)
            found.append((doubtful, _bic(model), caught, model))
        if not found:
            raise next(iter(failures.values()))
        _, _, caught, best = min(found, key=lambda one: one[:2])
        warn_again(caught, "")
        return best

    def _fit_joint(self, known: _Training, name: str) -> GaussianMixture:
        mixture = self._mixture()
        if mixture.noise:
            raise ValueError(
                "noise is of each class where each has a mixture of its own: give n_components=[1] for one "
                "component a class."
            )
        K = len(self.classes_)
        mixture.set_params(n_components=K, covariance_type=name)
        if not known.has_unknown:
            mixture.set_params(init_params=known.codes)
        elif self.priors is not None:
            mixture.set_params(weights_init=self.class_prior_, fixed={"weights": True})
        return mixture.fit(known.X, sample_weight=known.weight, labels=known.codes)

    def _fit_class(
        self, known: _Training, c: int, numbers: list[int], names: Sequence[str]
    ) -> GaussianMixture:
        mixture, mine = self._mixture(), known.codes == c
        name, n_rows = self._named(c), int(mine.sum())
        if n_rows < max(2, min(numbers)):
            raise ValueError(
                f"{name} has too few rows, {n_rows}, for {plural(min(numbers), 'component')}."
            )
        own = mixture.set_params(n_components=numbers[0], covariance_type=names[0])
        if len(numbers) * len(names) > 1:
            own = _search(mixture, numbers, names)
        weight = None if known.weight is None else known.weight[mine]
        try:
            fitted, caught = quietly(partial(own.fit, known.X[mine], sample_weight=weight))
        except ValueError as error:
            raise type(error)(f"{name}: {error}") from error
        if not known.has_unknown:  # this fit is where EM over all rows begins, and nothing more
            warn_again(caught, f"{name}: ")
        best: GaussianMixture = getattr(fitted, "best_estimator_", fitted)
        return best

    def _fit_with_unknown(self, known: _Training) -> GaussianMixture:
        """EM over the components of all classes, each open to its own rows and those that nobody labelled."""
        kinds = {model.covariance_type for model in self.estimators_}
        shares = set(structure(next(iter(kinds))).letters) - {"V", "I"}
        if len(kinds) > 1 or shares or self.estimators_[0].noise or self.priors is not None:
            raise ValueError(
                "Rows without a class are used by one EM over the mixtures of all classes: give it one "
                "structure that shares nothing ('full', 'diag' or 'spherical'), no noise and no priors, or "
                "n_components=1."
            )
        of_component = np.repeat(
            np.arange(len(self.classes_)), [model.n_components for model in self.estimators_]
        )
        mixtures = [model.mixture_ for model in self.estimators_]
        mixture = self._mixture()
        mixture.set_params(
            n_components=len(of_component),
            covariance_type=kinds.pop(),
            weights_init=np.concatenate(
                [
                    prior * own.weights
                    for prior, own in zip(self.class_prior_, mixtures, strict=True)
                ]
            ),
            means_init=np.concatenate([own.means for own in mixtures]),
            covariances_init=np.concatenate([own.covariances for own in mixtures]),
        )
        possible = (known.codes[:, np.newaxis] < 0) | (known.codes[:, np.newaxis] == of_component)
        self._of_component = of_component
        return mixture.fit(known.X, sample_weight=known.weight, labels=possible)

    def _cross_validated(self, known: _Training) -> tuple[list[list[int]], list[str]]:
        """The number and the structure of lowest Brier score; rows without a class help every fold."""
        numbers = self._numbers()
        if isinstance(self.n_components, Mapping):
            if any(len(own) > 1 for own in numbers):
                raise ValueError(
                    "criterion='cv' chooses one number for all classes: give a dict one number a class, or "
                    "take criterion='bic'."
                )
            choices: list[Any] = [self.n_components]
        else:
            choices = [1] if self._is_joint else [[k] for k in numbers[0]]
        labelled = np.flatnonzero(known.codes >= 0)
        counts = np.bincount(known.codes[labelled])
        if counts.min() < 2:
            name = self._named(int(np.argmin(counts)))
            raise ValueError(f"{name} has too few rows for cross-validation, 1.")
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        folds = StratifiedKFold(min(_FOLDS, int(counts.min())), shuffle=True, random_state=seed)
        parts = list(folds.split(labelled, known.codes[labelled]))
        scored = []
        for k in choices:
            for name in grid.structures_of(self.covariance_type, known.X.shape[1]):
                trial = clone(self).set_params(
                    n_components=k,
                    covariance_type=name,
                    criterion="bic",
                    class_weight=None,  # the weights have it
                    random_state=seed,
                )
                scored.append((self._brier_of_folds(trial, known, labelled, parts), k, name))
        best = min(scored, key=lambda one: one[0])
        if not np.isfinite(best[0]):
            raise ValueError("No structure could be fitted to every fold of the rows.")
        chosen = clone(self).set_params(n_components=best[1])
        chosen.classes_ = self.classes_
        return chosen._numbers(), [best[2]]

    def _brier_of_folds(
        self,
        trial: GaussianMixtureClassifier,
        known: _Training,
        labelled: Array,
        parts: list[tuple[Array, Array]],
    ) -> float:
        total = weight = 0.0
        for _, held_out in parts:
            test = known.part(labelled[held_out])
            rest = np.delete(np.arange(len(known.codes)), labelled[held_out])
            fold = known.part(rest)
            y = fold.labels(self.classes_, self.unlabeled)
            try:
                model, _ = quietly(partial(trial.fit, fold.X, y, fold.weight))
            except ValueError:
                return np.inf
            sums = _sums_of(model.predict_proba(test.X), test)
            total, weight = total + sums.brier, weight + sums.weight
        return total / weight

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

    def log_joint(self, X: Any) -> Array:
        """Log of each class's prior times its density at each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has other columns than were fitted, NaN or infinity.
        """
        check_is_fitted(self)
        rows = rows_in_memory(self, X, type(self).__name__, reset=False, missing=misses(self))
        return self._log_joint(rows)

    def _log_joint(self, rows: Array) -> Array:
        threads, missing = n_threads(self.n_jobs), misses(self)
        with np.errstate(divide="ignore"):
            log_priors = np.log(self.class_prior_)
        found = np.empty((len(rows), len(self.classes_)), dtype=result_dtype(rows))
        for c, mixture in enumerate(self.mixtures_):
            found[:, c] = log_priors[c] + log_density(mixture, rows, threads, missing=missing)
        return found

    def predict(self, X: Any) -> Array:
        """The likeliest class of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)

        Raises
        ------
        NotFittedError, ValueError
            As `log_joint`.
        """
        joint = self.log_joint(X)
        return np.asarray(self.classes_[joint.argmax(axis=1)])

    def predict_proba(self, X: Any) -> Array:
        """Probability of each class given each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Rows sum to 1.

        Raises
        ------
        NotFittedError, ValueError
            As `log_joint`.
        """
        return np.asarray(np.exp(self.predict_log_proba(X)))

    def predict_log_proba(self, X: Any) -> Array:
        """Log of `predict_proba`, also where a probability is too small for a number.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)

        Raises
        ------
        NotFittedError, ValueError
            As `log_joint`.
        """
        joint = self.log_joint(X)
        return np.asarray(joint - log_sum_exp(joint)[:, np.newaxis])

    def decision_function(self, X: Any) -> Array:
        """How far a row is on the side of each class, in nats.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or (n_samples,) of two classes
            `log_joint`; of two classes that of the second less that of the first: above 0 it is predicted.

        Raises
        ------
        NotFittedError, ValueError
            As `log_joint`.
        """
        joint = self.log_joint(X)
        return np.asarray(joint[:, 1] - joint[:, 0]) if joint.shape[1] == 2 else joint

    def score_samples(self, X: Any) -> Array:
        """Log density of each row, whatever its class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)

        Raises
        ------
        NotFittedError, ValueError
            As `log_joint`.
        """
        return log_sum_exp(self.log_joint(X))

    def _scores(self, known: _Training) -> _Scores:
        joint = self._log_joint(known.X).astype(np.float64)
        log_densities = log_sum_exp(joint)
        sums = _sums_of(np.exp(joint - log_densities[:, np.newaxis]), known)
        w = np.ones(len(joint)) if known.weight is None else known.weight
        own = np.where(
            known.codes < 0, log_densities, joint[np.arange(len(joint)), np.maximum(known.codes, 0)]
        )
        return _Scores(
            n_rows=len(joint),
            weight=float(w.sum()),
            log_likelihood=float(w @ own),
            mixture_log_likelihood=float(w @ log_densities),
            error=sums.errors / sums.weight,
            brier=sums.brier / sums.weight,
        )

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
        self._training = _Scores(**learned["training"])
        self._take_mixtures()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = misses(self)
        return tags


def _bic(model: GaussianMixture) -> float:
    facts = facts_of(model)
    assert facts is not None
    return Criteria.of_fit(facts, model._density).bic


def _check_comparable(mixture: GaussianMixture) -> None:
    """Raise where BIC says nothing of such mixtures."""
    if type(mixture) is not GaussianMixture:
        raise ValueError(
            f"BIC does not compare models of {type(mixture).__name__}: give one number of components and one "
            "structure, or criterion='cv'."
        )


def _search(
    mixture: GaussianMixture, numbers: list[int], names: Sequence[str]
) -> GaussianMixtureSearch:
    """The sweep over these that makes its fits as `mixture` would be made.

    Raises
    ------
    ValueError
        If that has an argument which a sweep has not.
    """
    _check_comparable(mixture)
    search = GaussianMixtureSearch(numbers, list(names))
    theirs, ours = mixture.get_params(deep=False), search.get_params(deep=False)
    defaults = default_arguments()
    fixed = {"n_components", "covariance_type"}
    for name, value in theirs.items():
        if name not in ours and value is not defaults[name] and value != defaults[name]:
            raise ValueError(
                f"estimator has {name}, which a search among several models has not: leave it out, or give "
                "one number of components and one structure."
            )
    search.set_params(
        **{name: value for name, value in theirs.items() if name in ours and name not in fixed}
    )
    return search


@dataclass(frozen=True, eq=False)
class _Training:
    """Rows, the number of each one's class (-1: not known), and weights."""

    X: Array
    codes: Array
    weight: FloatArray | None

    @property
    def has_unknown(self) -> bool:
        return bool((self.codes < 0).any())

    def part(self, rows: Array) -> _Training:
        weight = None if self.weight is None else self.weight[rows]
        return replace(self, X=self.X[rows], codes=self.codes[rows], weight=weight)

    def labels(self, classes: Array, unlabeled: Any) -> Array:
        """As y has them."""
        y = classes[np.maximum(self.codes, 0)]
        if self.has_unknown:
            y = y.astype(object)
            y[self.codes < 0] = unlabeled
        return np.asarray(y)


@dataclass(frozen=True)
class _Sums:
    """Over rows whose class is known."""

    weight: float
    errors: float
    brier: float


def _sums_of(probabilities: Array, known: _Training) -> _Sums:
    """Half the squares of what probabilities are away from 0 and 1 is Brier's score of a row (mclust's)."""
    has_class = known.codes >= 0
    codes, r = known.codes[has_class], probabilities[has_class]
    w = np.ones(len(codes)) if known.weight is None else known.weight[has_class]
    truth = codes[:, np.newaxis] == np.arange(r.shape[1])
    return _Sums(
        float(w.sum()),
        float(w @ (r.argmax(axis=1) != codes)),
        float(w @ ((r - truth) ** 2).sum(axis=1) / 2),
    )


@dataclass(frozen=True)
class _Scores:
    """What is known of the rows that were fitted."""

    n_rows: int
    weight: float
    log_likelihood: float
    mixture_log_likelihood: float
    error: float
    brier: float


@dataclass(frozen=True, repr=False)
class ClassifierSummary(Shown):
    """What `GaussianMixtureClassifier.summary()` returns.

    Attributes
    ----------
    n_rows, n_features : int
    classes : tuple of str
    priors : tuple of float
    n_components : tuple of int
        Of each class.
    covariance_types : tuple of str
    log_likelihood : float
        Of rows and classes: sum log prior times density of each row's own class, which the fit raises.
    mixture_log_likelihood : float
        Of the rows alone, whatever their class: what mclust reports.
    n_parameters : int
    bic : float
        -2 log_likelihood + n_parameters log n; lower is better.
    error : float
        Share of the fitted rows that are given another class; new rows are met by more.
    brier : float
        Mean over the fitted rows of half the squared distance between probabilities and truth.
    """

    n_rows: int
    n_features: int
    classes: tuple[str, ...]
    priors: tuple[float, ...]
    n_components: tuple[int, ...]
    covariance_types: tuple[str, ...]
    log_likelihood: float
    mixture_log_likelihood: float
    n_parameters: int
    bic: float
    error: float
    brier: float

    def to_dict(self) -> dict[str, Any]:
        """Return everything as numbers, strings, lists and dicts, ready for JSON."""
        return asdict(self)

    def _page(self) -> Page:
        facts = (
            ("rows", f"{self.n_rows:,} x {plural(self.n_features, 'feature')}"),
            ("log-likelihood", f"{self.log_likelihood:,.3f} with the classes"),
            ("of rows alone", f"{self.mixture_log_likelihood:,.3f}"),
            ("free parameters", f"{self.n_parameters:,}"),
            ("BIC", f"{self.bic:,.2f} (lower is better)"),
            ("error, Brier", f"{self.error:.4f}, {self.brier:.4f} on these rows"),
        )
        header = ("class", "prior", "components", "covariances")
        lines = (
            (name, f"{prior:.4f}", f"{k}", kind)
            for name, prior, k, kind in zip(
                self.classes, self.priors, self.n_components, self.covariance_types, strict=True
            )
        )
        texts = frozenset({"class", "covariances"})
        table = Table((header, *lines), "class", len(self.classes), texts)
        return Page(
            f"Gaussian mixture classifier, {plural(len(self.classes), 'class')}", facts, table
        )

    def _columns(self) -> dict[str, Any]:
        return {
            "class": self.classes,
            "prior": self.priors,
            "n_components": self.n_components,
            "covariance_type": self.covariance_types,
        }


__all__ = ["ClassifierSummary", "GaussianMixtureClassifier"]
