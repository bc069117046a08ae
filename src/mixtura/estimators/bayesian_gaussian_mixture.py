"""BayesianGaussianMixture: scikit-learn's contract around variational Bayes in the one EM loop."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from numbers import Real
from types import MappingProxyType
from typing import Any, ClassVar, NoReturn, Self

import numpy as np
from numpy.random import Generator, RandomState
from sklearn.utils._param_validation import Interval, StrOptions

from mixtura import mixture as evaluate
from mixtura.covariance import CovarianceStructure
from mixtura.em import ConjugatePrior, Kind, Prior
from mixtura.em.conjugate import Numbers
from mixtura.estimators.gaussian_mixture import GaussianMixture, default_arguments
from mixtura.estimators.predicting import labels_given
from mixtura.estimators.rows import rows_to_evaluate
from mixtura.estimators.saving import saved_model
from mixtura.estimators.state import facts_of, unchanged_on_failure
from mixtura.estimators.validation import CONSTRAINTS, check_step_size
from mixtura.fitting.best_of_starts import Callback
from mixtura.fitting.conjugate import (
    PriorArguments,
    check_conjugate,
    drawn_from,
    posterior_of_no_rows,
    prior_of,
)
from mixtura.fitting.facts import FitFacts
from mixtura.fitting.given_rows import GivenRows
from mixtura.fitting.model_file import SavedModel
from mixtura.fitting.posterior_summary import summarise_posterior
from mixtura.fitting.request import kind_of
from mixtura.inputs.row_errors import ErrorsGiven
from mixtura.mixture import NO_ERRORS_OF_T, IndependentT, Mixture, Predictive
from mixtura.rows import ArrayBlocks, Blocks
from mixtura.support.arrays import Array, FloatArray
from mixtura.support.threads import n_threads

_ABOVE_ZERO = [None, Interval(Real, 0.0, None, closed="neither")]

_OWN_CONSTRAINTS: dict[str, list[Any]] = {
    "weight_concentration_prior_type": [
        StrOptions({"dirichlet_process", "dirichlet_distribution"})
    ],
    "weight_concentration_prior": _ABOVE_ZERO,
    "mean_precision_prior": _ABOVE_ZERO,
    "mean_prior": [None, "array-like"],
    "degrees_of_freedom_prior": _ABOVE_ZERO,
    "covariance_prior": [None, "array-like", Interval(Real, 0.0, None, closed="neither")],
    "prior": [ConjugatePrior, Prior, None],
}

# Of those of GaussianMixture.
_SHARED = (
    "n_components",
    "covariance_type",
    "tol",
    "reg_covar",
    "max_iter",
    "n_init",
    "init_params",
    "random_state",
    "warm_start",
    "verbose",
    "verbose_interval",
    "accelerate",
    "noise",
    "noise_volume",
    "missing",
    "callback",
    "max_time",
    "checkpoint",
    "checkpoint_interval",
    "resume",
    "n_jobs",
)

# Effective rows from which a component is said to hold some.
_HOLDS = 1.0


class _Absent:
    """A method of GaussianMixture that this class has not, as scikit-learn's has not."""

    def __init__(self, instead: str) -> None:
        self._instead = instead

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type | None = None) -> NoReturn:
        raise AttributeError(f"BayesianGaussianMixture has no {self._name}: {self._instead}.")


class BayesianGaussianMixture(GaussianMixture):
    """Gaussian mixture by variational Bayes: the prior decides how many components hold rows.

    A drop-in for scikit-learn's class of the same name; what an argument means there it means here. Beyond
    it: `lower_bound_` is the whole variational bound, which never falls; `log_evidence_` compares numbers of
    components, structures and priors; `score_samples` is the log of a density, which integrates to 1; the
    updates of every covariance_type are those of one bound; sample weights, labels, missing values, files,
    threads. The docs list every difference.

    Parameters
    ----------
    n_components : int, default=1
        Largest number of components: those that the prior does without are left with no rows.
    covariance_type : {'full', 'tied', 'diag', 'spherical', 'EEI', 'EII', 'VII', 'VVI', 'EEE', 'VVV'}, \
            default='full'
        As in `GaussianMixture`. The other eight have no conjugate prior.
    tol : float, default=1e-7
        The fit stops when the bound, in nats a row, changes by at most this in an iteration.
    reg_covar : float or 'auto', default='auto'
        A number is added to the diagonal of the covariance of each component's rows, as scikit-learn does:
        such a step is none of the bound's, which may then fall. 'auto' adds nothing there, and to the
        diagonal of the default covariance_prior 1e-10 of each feature's variance, so that it is positive
        definite.
    max_iter : int, default=1000
    n_init : int, default=1
        Number of starts (with 'auto', of searches); the one that ends at the highest bound is kept.
    init_params : {'auto', 'kmeans', 'k-means++', 'random', 'random_from_data'}, array or callable, \
            default='auto'
        As in `GaussianMixture`; 'auto' searches for the highest bound.
    weight_concentration_prior_type : {'dirichlet_process', 'dirichlet_distribution'}, \
            default='dirichlet_process'
        Of the weights: the sticks of a Dirichlet process, the first component the largest a priori, or a
        symmetric Dirichlet distribution.
    weight_concentration_prior : float or None, default=None
        Concentration of either: the lower, the fewer components hold rows. None: 1 / n_components.
    mean_precision_prior : float or None, default=None
        Rows that the prior mean counts as. None: 1.
    mean_prior : array-like of shape (n_features,) or None, default=None
        None: the mean of X.
    degrees_of_freedom_prior : float or None, default=None
        Rows that covariance_prior counts as: above n_features - 1 for matrices, above 0 for variances. None:
        n_features.
    covariance_prior : float or array-like, default=None
        Sum of squares that the prior brings, in the shape of one covariance. None: the covariance of X, its
        diagonal, or the mean of that.
    random_state : int, RandomState instance or None, default=None
    warm_start : bool, default=False
    verbose : int, default=0
    verbose_interval : int, default=10
    accelerate : bool or 'auto', default='auto'
    noise : bool, default=False
        As in `GaussianMixture`: a background of constant density beside the components. Its weight has a
        uniform prior, and the components share the rest as the prior of weights says.
    noise_volume : float or None, default=None
        As in `GaussianMixture`.
    prior : ConjugatePrior, Prior or None, default=None
        What is believed of each component, in place of the five arguments above: the posterior of another
        fit (`as_prior`), so that rows are learned from in turn, or a `Prior` of all parameters, such as
        `Prior.from_mixture(model, adapt=('weights', 'means', 'covariances'))` (its weights have a Dirichlet
        distribution). With init_params='auto' the fit then begins at the prior, and component k stays
        component k.
    missing : {'error', 'mar'}, default='error'
    callback : callable or None, default=None
        As in `GaussianMixture`, called with the bound in nats a row.
    max_time : float or None, default=None
    checkpoint : str, path or None, default=None
    checkpoint_interval : float, default=60.0
    resume : bool, default=False
    n_jobs : int or None, default=None
        All these as in `GaussianMixture`.

    Attributes
    ----------
    weights_ : ndarray of shape (n_components,)
        Their posterior means; of sticks what the components share, renormalised to 1; with noise to
        1 - noise_weight_.
    means_ : ndarray of shape (n_components, n_features)
        Their posterior means.
    covariances_, precisions_, precisions_cholesky_ : ndarray
        precisions_ are posterior means, the others follow from them; in the shapes of `GaussianMixture`.
    weight_concentration_ : ndarray of shape (n_components,), or tuple of two
        Of the posterior Dirichlet distribution; of sticks both parameters of each Beta distribution.
    mean_precision_, degrees_of_freedom_ : ndarray of shape (n_components,)
        Rows that each mean and each covariance counts as.
    weight_concentration_prior_, mean_precision_prior_, degrees_of_freedom_prior_ : float
    mean_prior_ : ndarray of shape (n_features,)
    covariance_prior_ : float or ndarray
        The prior as it was used. From `prior` they are of each component, along a first axis;
        weight_concentration_prior_ of sticks is then a tuple of two, as weight_concentration_.
    noise_weight_, noise_log_volume_, noise_box_
        Only with noise=True, as in `GaussianMixture`; the weight is its posterior mean.
    lower_bound_ : float
        The variational bound on the log evidence, in nats a row, without log K! (scikit-learn's is a total,
        and lacks terms).
    lower_bounds_ : list of float
        The same after each iteration.
    log_evidence_ : float
        The bound in total, with the log of the number of relabellings that are as good: comparable over
        n_components, structures and priors. With one component it is the log evidence itself.
    n_components_ : int
        Components that hold rows: one effective row or more.
    mixture_ : Mixture
        The Gaussian mixture of weights_, means_ and covariances_.
    converged_, n_iter_, starts_, diagnosis_, n_features_in_, feature_names_in_
        As in `GaussianMixture`.

    See Also
    --------
    GaussianMixture : the maximum likelihood or a posteriori.

    References
    ----------
    Bishop 2006, Pattern recognition and machine learning, section 10.2.
    Blei & Jordan 2006, Variational inference for Dirichlet process mixtures.

    Examples
    --------
    >>> from mixtura import BayesianGaussianMixture
    >>> from mixtura.datasets import load_faithful
    >>> X = load_faithful().data
    >>> model = BayesianGaussianMixture(6, random_state=0).fit(X)
    >>> model.n_components_
    2
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        name: CONSTRAINTS[name] for name in _SHARED
    } | _OWN_CONSTRAINTS

    def __init__(
        self,
        n_components: int = 1,
        *,
        covariance_type: str = "full",
        tol: float = 1e-7,
        reg_covar: float | str = "auto",
        max_iter: int = 1000,
        n_init: int = 1,
        init_params: Any = "auto",
        weight_concentration_prior_type: str = "dirichlet_process",
        weight_concentration_prior: float | None = None,
        mean_precision_prior: float | None = None,
        mean_prior: Any = None,
        degrees_of_freedom_prior: float | None = None,
        covariance_prior: Any = None,
        random_state: int | RandomState | None = None,
        warm_start: bool = False,
        verbose: int = 0,
        verbose_interval: int = 10,
        accelerate: bool | str = "auto",
        noise: bool = False,
        noise_volume: float | None = None,
        prior: ConjugatePrior | Prior | None = None,
        missing: str = "error",
        callback: Callback | None = None,
        max_time: float | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_interval: float = 60.0,
        resume: bool = False,
        n_jobs: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.weight_concentration_prior_type = weight_concentration_prior_type
        self.weight_concentration_prior = weight_concentration_prior
        self.mean_precision_prior = mean_precision_prior
        self.mean_prior = mean_prior
        self.degrees_of_freedom_prior = degrees_of_freedom_prior
        self.covariance_prior = covariance_prior
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose
        self.verbose_interval = verbose_interval
        self.accelerate = accelerate
        self.noise = noise
        self.noise_volume = noise_volume
        self.prior = prior
        self.missing = missing
        self.callback = callback
        self.max_time = max_time
        self.checkpoint = checkpoint
        self.checkpoint_interval = checkpoint_interval
        self.resume = resume
        self.n_jobs = n_jobs

    # How EM is run

    @property
    def _reg_covar(self) -> float | str:
        return 0.0 if self.reg_covar == "auto" else self.reg_covar

    @property
    def _n_with_rows(self) -> int:
        return 1

    @property
    def _has_sticks(self) -> bool:
        return self.weight_concentration_prior_type == "dirichlet_process"

    @property
    def _searches(self) -> bool:
        return isinstance(self.init_params, str) and self.init_params == "auto"

    def _checked_structure(self, arguments: Mapping[str, Any] | None = None) -> CovarianceStructure:
        kind = super()._checked_structure(arguments)
        check_conjugate(kind)
        return kind

    def _kind(self, blocks: Blocks) -> Kind:
        arguments = PriorArguments(
            self._has_sticks,
            self._has_sticks and self._searches,
            self.weight_concentration_prior,
            self.mean_precision_prior,
            self.mean_prior,
            self.degrees_of_freedom_prior,
            self.covariance_prior,
            self.reg_covar == "auto",
            self.prior,
        )
        prior = prior_of(arguments, super()._checked_structure(), self.n_components, blocks)
        kind = kind_of(
            blocks,
            distribution="gaussian",
            df=None,
            noise=self.noise,
            noise_volume=self.noise_volume,
        )
        return replace(kind, conjugate=prior)

    def _order_of(self, blocks: Blocks) -> str | None:
        """Of a search the largest first, as the sticks are, unless components are known by numbers."""
        are_known = blocks.has_labels or (self.prior is not None and _tells_apart(self.prior))
        return "weight" if self._searches and not are_known else None

    def _kind_of(self, mixture: Mixture, batch: Blocks) -> Kind:
        noise = mixture.noise
        if noise is None:
            return Kind(conjugate=self._prior)
        return Kind(
            noise_log_density=noise.log_density,
            noise_log_sides=noise.log_sides,
            noise_box=noise.box,
            conjugate=self._prior,
        )

    def partial_fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        labels: Any = None,
        error_covariances: Any = None,
        error_std: Any = None,
        step_size: float | Callable[[float], float] | None = None,
        total_samples: float | None = None,
    ) -> Self:
        """Learn from a batch of a stream by stochastic variational inference.

        The first batch is fitted as by `fit`, and gives the defaults of the prior. Every later one makes a
        step of the natural gradient: the sums over the rows become (1 - step) of what they were and step of
        the batch's, scaled to all rows (Hoffman et al. 2013).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
        labels : array-like, default=None
            As for `fit`.
        error_covariances, error_std : array-like, default=None
            As for `fit`.
        step_size : float or callable, default=None
            As in `GaussianMixture.partial_fit`.
        total_samples : float or None, default=None
            Rows of the whole stream, beside which the prior counts. None: those so far.

        Returns
        -------
        self : BayesianGaussianMixture
            lower_bound_ estimates the bound from the batches.

        Raises
        ------
        ValueError
            If an argument, X or a weight is not possible, or total_samples is not above 0. The posterior is
            then as it was before.

        References
        ----------
        Hoffman, Blei, Wang & Paisley 2013, Stochastic variational inference.

        Examples
        --------
        >>> import numpy as np
        >>> from mixtura import BayesianGaussianMixture
        >>> rng = np.random.default_rng(0)
        >>> model = BayesianGaussianMixture(5, random_state=0)
        >>> for _ in range(50):
        ...     batch = rng.normal(size=(200, 1)) + 10 * rng.integers(0, 2, (200, 1))
        ...     model = model.partial_fit(batch, total_samples=10_000)
        >>> model.n_components_, float(model.mean_precision_.sum().round())
        (2, 10005.0)
        """
        if total_samples is not None and not total_samples > 0:
            raise ValueError(f"total_samples must be above 0, got {total_samples!r}.")
        step_of = check_step_size(step_size)
        errors = ErrorsGiven(error_covariances, error_std)
        if not self.__sklearn_is_fitted__():
            self._fit(X, sample_weight, labels, errors)
            return self
        with unchanged_on_failure(self):
            kind = self._checked_structure()
            self._check_same_kind(kind, "partial_fit", "call fit")
            self._learn(X, sample_weight, labels, errors, step_of, total_samples)
        return self

    def _small_fit(self, asked: Any, given: GivenRows) -> None:
        """The one call of the core knows maximum likelihood alone."""

    # The posterior

    @property
    def _facts(self) -> FitFacts:
        """What is known of the fit.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            Where parameters were set by hand since.
        """
        mixture, facts = self._density, facts_of(self)
        if facts is None or mixture.posterior is None:
            raise ValueError(
                "The parameters were set by hand, so that there is no posterior: call fit again."
            )
        return facts

    @property
    def _prior(self) -> ConjugatePrior:
        prior = self._facts.conjugate
        assert prior is not None
        return prior

    @property
    def weight_concentration_(self) -> FloatArray | tuple[FloatArray, FloatArray]:
        """Of the posterior of the weights."""
        return self._prior.weight_concentrations(self._density)

    @property
    def mean_precision_(self) -> FloatArray:
        """Rows that each posterior mean counts as."""
        return self._prior.mean_precisions(self._density)

    @property
    def degrees_of_freedom_(self) -> FloatArray:
        """Rows that each posterior covariance counts as."""
        return self._prior.all_degrees_of_freedom(self._density)

    @property
    def weight_concentration_prior_(self) -> Numbers | tuple[Numbers, Numbers]:
        """Of the weights."""
        prior = self._prior
        is_pair = prior.sticks and prior.is_of_each
        return (prior.stick_counts, prior.concentration) if is_pair else prior.concentration

    @property
    def mean_precision_prior_(self) -> Numbers:
        """Rows that the prior mean counts as."""
        return self._prior.mean_precision

    @property
    def mean_prior_(self) -> FloatArray:
        """The prior mean."""
        return self._prior.mean

    @property
    def degrees_of_freedom_prior_(self) -> Numbers:
        """Rows that covariance_prior_ counts as."""
        return self._prior.degrees_of_freedom

    @property
    def covariance_prior_(self) -> float | FloatArray:
        """Sum of squares that the prior brings."""
        scatter = self._prior.scatter
        return float(scatter) if scatter.ndim == 0 else scatter

    @property
    def log_evidence_(self) -> float:
        """The bound on the log evidence, in total, over all labellings."""
        facts = self._facts
        relabellings = self._prior.log_relabellings(self._density)
        return facts.log_likelihood + facts.log_prior + relabellings

    @property
    def n_components_(self) -> int:
        """Components that hold one effective row or more."""
        return len(self._held)

    @property
    def _held(self) -> Array:
        """Components that hold rows."""
        return np.flatnonzero(self._facts.effective_rows >= _HOLDS)

    @property
    def _components_with_rows(self) -> Array:
        is_posterior = self._density.posterior is not None and facts_of(self) is not None
        return self._held if is_posterior else super()._components_with_rows

    @property
    def mixture_(self) -> Mixture:
        """The Gaussian mixture of weights_, means_ and covariances_.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        return self._density.without_posterior().without_noise()

    def as_prior(self) -> ConjugatePrior:
        """Return the posterior as a prior for further rows.

        Fits of batches in turn, each with the posterior of the last as its `prior`, learn as one stream:
        with one component the last posterior is that of all rows at once.

        Returns
        -------
        ConjugatePrior
            Of each component, for the argument `prior` of another model of as many components, the same
            covariance_type and weight_concentration_prior_type.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If the sticks of a Dirichlet process are not in the order of the components, as where labels
            settle that.

        Examples
        --------
        >>> from mixtura import BayesianGaussianMixture
        >>> from mixtura.datasets import load_faithful
        >>> X = load_faithful().data
        >>> first = BayesianGaussianMixture(2, random_state=0).fit(X[:136])
        >>> both = BayesianGaussianMixture(2, prior=first.as_prior()).fit(X[136:])
        >>> both.mean_precision_.round().tolist()
        [175.0, 99.0]
        """
        return self._prior.posterior(self._density)

    def prune(self) -> Mixture:
        """Return the mixture of the components that hold rows, its weights renormalised.

        Returns
        -------
        Mixture
            Of `n_components_` components.

        Raises
        ------
        NotFittedError
            Before `fit`.

        Examples
        --------
        >>> from mixtura import BayesianGaussianMixture
        >>> from mixtura.datasets import load_faithful
        >>> BayesianGaussianMixture(6, random_state=0).fit(load_faithful().data).prune()
        Mixture(2 components, 2 features, full covariances)
        """
        mixture, held = self.mixture_, self._held
        weights = mixture.weights[held] / mixture.weights[held].sum()
        covariances, factors = mixture.covariances, mixture.precisions_cholesky
        if not mixture.structure.shared:
            covariances, factors = covariances[held], factors[held]
        return Mixture(
            mixture.structure, weights, mixture.means[held], covariances, factors
        ).frozen()

    def align_to(self, other: Any) -> Self:
        """Number the components as those of another mixture that they are most like.

        Parameters
        ----------
        other : Mixture or fitted model
            As for `GaussianMixture.align_to`.

        Returns
        -------
        self : BayesianGaussianMixture

        Raises
        ------
        ValueError
            If the other has another number of components or features, or if the sticks of a Dirichlet process
            stand in the order of the components, as from an explicit start.
        """
        prior = self._prior
        if prior.is_of_each:
            raise ValueError(
                "align_to would give the components other numbers than those by which the prior knows them."
            )
        if prior.sticks and not prior.by_size:
            raise ValueError(
                "align_to would give the sticks of the Dirichlet process another order, and with it another "
                "posterior: begin with init_params='auto', or take 'dirichlet_distribution'."
            )
        return super().align_to(other)

    def summary(self) -> Any:
        """Put the fit on one page: print it, or read its fields.

        Returns
        -------
        PosteriorSummary
            With the log evidence and the components that hold rows; where parameters were set by hand, a
            `Summary`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        if self._density.posterior is None or facts_of(self) is None:
            return super().summary()
        names = self._names_of_features()
        return summarise_posterior(
            self._density, names, self._facts, self.log_evidence_, self.n_components_
        )

    def posterior_sample(
        self, n_draws: int = 1, random_state: int | RandomState | Generator | None = None
    ) -> list[Mixture]:
        """Draw whole mixtures from the posterior.

        Parameters
        ----------
        n_draws : int, default=1
        random_state : int, RandomState, Generator or None, default=None
            None: each call goes on from the last one.

        Returns
        -------
        list of Mixture
            Each with weights, means and covariances of its own; the noise apart.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        rng = evaluate.random_generator(self._draws() if random_state is None else random_state)
        return [drawn_from(self._density, self._prior, rng) for _ in range(n_draws)]

    def sample_prior(
        self, n_draws: int = 1, random_state: int | RandomState | Generator | None = None
    ) -> list[Mixture]:
        """Draw whole mixtures from the prior that the fit used.

        Parameters
        ----------
        n_draws : int, default=1
        random_state : int, RandomState, Generator or None, default=None

        Returns
        -------
        list of Mixture

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        rng = evaluate.random_generator(self._draws() if random_state is None else random_state)
        prior, mixture = self._prior, self._density
        believed = posterior_of_no_rows(prior, mixture.structure, mixture.n_components)
        return [drawn_from(believed, prior, rng) for _ in range(n_draws)]

    # Rows

    @property
    def _predictive(self) -> Predictive:
        mixture = self._density
        return mixture if mixture.posterior is None else self._prior.predictive(mixture)

    def score(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        labels: Any = None,
        error_covariances: Any = None,
        error_std: Any = None,
    ) -> float:
        """Mean log predictive density of the rows, in nats; the weighted mean where weights are given.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
        labels : array-like, default=None
            As for `fit`; not for variances of each feature ('diag', 'EEI').
        error_covariances, error_std : None
            Not possible: a t component of a row with errors has no density in closed form.

        Returns
        -------
        float

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X or a weight is not possible, or errors are given.
        """
        predictive, mixture = self._predictive, self._density
        known, errors = labels_given(labels, mixture), ErrorsGiven(error_covariances, error_std)
        if errors.are_there:
            raise ValueError(NO_ERRORS_OF_T)
        rows = rows_to_evaluate(self, mixture.n_features, X, sample_weight, known)
        threads = n_threads(self.n_jobs)
        if isinstance(predictive, Mixture):
            return rows.score(predictive, threads).mean_log_likelihood
        if labels is not None:
            raise ValueError(
                f"score takes no labels with covariance_type={self.covariance_type!r}: the density of a "
                "further row is then no mixture of multivariate t distributions."
            )
        sums = list(rows.blocks(threads).each(_Scored(predictive)))
        weight, log_density = np.sum(sums, axis=0)
        return float(log_density / weight)

    def _drawn(
        self, n_samples: int, random_state: int | RandomState | Generator | None
    ) -> tuple[Array, Array]:
        return self._predictive.without_noise().sample(n_samples, random_state)

    bic = _Absent("log_evidence_ compares fits")
    aic = _Absent("log_evidence_ compares fits")
    icl = _Absent("log_evidence_ compares fits")
    from_parameters = _Absent("a posterior comes from rows")

    def _saved(self) -> SavedModel:
        return saved_model(self, self._arguments(), default_arguments_of_bayesian())


def _tells_apart(prior: ConjugatePrior | Prior) -> bool:
    """Whether components are known by their numbers."""
    if isinstance(prior, ConjugatePrior):
        return prior.is_of_each
    arrays = (prior.concentration, prior.mean_count, prior.degrees_of_freedom)
    return np.ndim(prior.mean) == 2 or any(np.ndim(array) > 0 for array in arrays)


@dataclass(frozen=True, eq=False)
class _Scored:
    """The weight of a part of the rows, and the sum of their log densities."""

    predictive: IndependentT

    def __call__(self, part: ArrayBlocks, _: int) -> tuple[float, float]:
        rows = part.rows
        log_density = self.predictive.log_density(rows.X)
        weight = np.ones(len(log_density)) if rows.weight is None else rows.weight
        return float(weight.sum()), float(weight @ log_density)


@cache
def default_arguments_of_bayesian() -> Mapping[str, Any]:
    """The constructor's arguments as they are where nobody sets them."""
    return MappingProxyType(BayesianGaussianMixture().get_params(deep=False))


# What the constructor does not take is as it is in GaussianMixture by default.
for _name, _value in default_arguments().items():
    if _name not in BayesianGaussianMixture._parameter_constraints:
        setattr(BayesianGaussianMixture, _name, _value)


__all__ = ["BayesianGaussianMixture", "default_arguments_of_bayesian"]
