"""GaussianMixture: scikit-learn's contract around the one EM loop."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import cache, partial
from numbers import Integral, Real
from time import monotonic
from typing import Any, ClassVar, Self

import numpy as np
from numpy.random import Generator, RandomState
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import (
    Interval,
    InvalidParameterError,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils.validation import check_is_fitted, validate_data

from mixtura import mixture as evaluate
from mixtura.covariance import (
    ONE_FEATURE,
    STRUCTURES,
    CovarianceStructure,
    check_features,
    structure,
)
from mixtura.display.component_table import numbered
from mixtura.em import SufficientStatistics
from mixtura.em.regularisation import regularisation
from mixtura.errors import SingularCovarianceError
from mixtura.estimators import validation as checks
from mixtura.estimators.attributes import PARAMETERS, PUBLIC_FACTS, HandedOut, described_mixture
from mixtura.estimators.constructors import ChecksArgumentNames, warn_of_overrides
from mixtura.fitting.best_of_starts import (
    Beginning,
    Callback,
    Fit,
    OnIteration,
    Options,
    best_fit,
    ordered,
)
from mixtura.fitting.checkpoint import Checkpoint, identity
from mixtura.fitting.diagnosis import Diagnosis, Grounds, diagnose, matching, recording_of
from mixtura.fitting.facts import Criteria, FitFacts
from mixtura.fitting.model_file import SavedModel, save_model
from mixtura.fitting.online import learn
from mixtura.fitting.printer import Printer
from mixtura.fitting.summary import Summary, summarise
from mixtura.fitting.warnings import (
    doubts_about_components,
    doubts_about_end,
    doubts_about_rows,
    warn_of,
)
from mixtura.inputs.checks import as_numeric, check_finite, check_n_features
from mixtura.inputs.frames import frame_of, frame_values
from mixtura.inputs.invalid import check_measured, clearer
from mixtura.inputs.scales import check_extent
from mixtura.mixture import Mixture
from mixtura.rows import ArrayBlocks, Blocks
from mixtura.starts import (
    STARTS,
    ArrayResponsibilities,
    LabelResponsibilities,
    StartRecord,
    Starts,
    mixture_of,
    n_begun,
    search,
)
from mixtura.support.arrays import Array, FloatArray, block_slices, is_native
from mixtura.support.threads import n_threads

_PLAIN = (int, float, str, bool, type(None))
_ALIKE = (np.ndarray, RandomState)  # where one may be given, so may any other
_MOST_KNOWN = 1_000

# Values of lower_bounds_ that a stream keeps: it has no end.
_MOST_BOUNDS = 1_000

_Given = tuple[FloatArray | None, FloatArray | None, FloatArray | None]
_Started = tuple[Mixture, list[StartRecord]]


class GaussianMixture(ChecksArgumentNames, DensityMixin, BaseEstimator):  # type: ignore[misc]
    """Gaussian mixture fitted by EM; a drop-in for scikit-learn's class of the same name.

    What an argument means there it means here. Beyond it: sample weights, threads with the same bits
    for any number of them, memory that does not grow with the rows, sums that stay right far from
    the origin and in float32. The docs list every difference.

    Parameters
    ----------
    n_components : int, default=1
        Number of components.
    covariance_type : {'full', 'tied', 'diag', 'spherical', 'EII', 'VII', ..., 'VVV'}, default='full'
        'full': each component its own matrix; 'tied': one matrix for all; 'diag': each its own variances;
        'spherical': each one variance. Three letters: whether volume, shape and orientation are Equal for
        all components, Variable, or the Identity, as in mclust: 'EII', 'VII' ('spherical'), 'EEI', 'VEI',
        'EVI', 'VVI' ('diag'), 'EEE' ('tied'), 'VEE', 'EVE', 'VVE', 'EEV', 'VEV', 'EVV', 'VVV' ('full'). For
        one feature also 'E' ('EII') and 'V' ('VII').
    tol : float, default=1e-7
        EM stops when the mean log-likelihood (nats a row) changes by at most this in an iteration. The
        default ends within 1e-4 nats a row of where EM would go (docs: differences).
    reg_covar : float or 'auto', default='auto'
        Added to the diagonal of every covariance. A number is in squared units of X; 'auto' is 1e-10 of each
        feature's variance, so that units change nothing.
    max_iter : int, default=1000
        Largest number of EM iterations; 0 leaves the start as it is.
    n_init : int, default=1
        Number of starts (with 'auto', of searches); the one that ends at the highest likelihood is kept.
    init_params : {'auto', 'kmeans', 'k-means++', 'random', 'random_from_data'}, array or callable, \
            default='auto'
        Where EM begins: 'auto', at the best end of a short search among starts of several kinds, on at most
        10,000 rows or 25 a component and feature; 'kmeans', from k-means labels; 'k-means++' and
        'random_from_data', means at rows of the data; 'random', from random responsibilities. An array of
        labels, shape (n_samples,), or of responsibilities, shape (n_samples, n_components). A callable gets
        (X, n_components, random_state) and returns either array or a `Mixture`.
    weights_init : array-like of shape (n_components,), default=None
        Starting weights, instead of those of `init_params`.
    means_init : array-like of shape (n_components, n_features), default=None
        Starting means.
    precisions_init : array-like, default=None
        Starting precisions (inverse covariances), in the shape of `precisions_`.
    random_state : int, RandomState instance or None, default=None
        Seed of the starts and of `sample`.
    warm_start : bool, default=False
        Whether `fit` goes on from the last fit; `n_init` is then ignored.
    verbose : int, default=0
        1 prints each start and every `verbose_interval`-th iteration, and of what `mixtura.scan` and
        `mixtura.from_batches` return every ten seconds the rows read; 2 adds changes and times.
    verbose_interval : int, default=10
        Iterations between prints.
    accelerate : bool or 'auto', default='auto'
        Whether iterations take quasi-Newton steps where those are better (Jamshidian & Jennrich 1997): to the
        same optimum in a third of the passes over the data or fewer. 'auto': where EM begins with the
        search, so that from scikit-learn's starts every iteration is scikit-learn's.
    sort_components : {'weight', 'mean'} or None, default=None
        Order of the components after the fit: 'weight', the heaviest first; 'mean', by the mean of the first
        feature (ties: of the second, ...); None, as they come.
    min_component_rows : float, default=0
        Effective rows (`diagnosis_`) below which a component is degenerate, so that such an end is taken only
        where no other is found; covariances need some in any case (full: n_features + 1, diag: 2).
    callback : callable or None, default=None
        Called after each iteration over all rows as callback(iteration, mixture, log_likelihood), the last
        in nats a row; something true ends the fit there: no further start begins, and the likeliest of what
        was reached is kept.
    max_time : float or None, default=None
        Seconds after which no further iteration begins, nor, once there is a fit, a further start.
    checkpoint : str, path or None, default=None
        File that keeps where the fit stands: written every `checkpoint_interval` seconds, after each start,
        and at Ctrl-C or any other failure; each time beside, and renamed when it is whole.
    checkpoint_interval : float, default=60.0
        Seconds between two writes.
    resume : bool, default=False
        Whether `fit` goes on from the checkpoint, where there is one, and ends with the bits of a fit that
        was never interrupted. Rows and arguments must be those that it began with, but for max_iter,
        max_time, n_jobs and who listens.
    n_jobs : int or None, default=None
        Threads. None: all the cores that this process may use (affinity and cgroup limits respected), and
        one where the problem is small. -1: all cores, -2: all but one, and so on, one at least (joblib's
        meaning: cores + 1 + n_jobs). Results do not depend on it.

    Attributes
    ----------
    weights_ : ndarray of shape (n_components,)
    means_ : ndarray of shape (n_components, n_features)
    covariances_, precisions_, precisions_cholesky_ : ndarray
        (n_components, n_features, n_features) for 'full' and 'VEE' to 'VVV', (n_features, n_features) for
        'tied' and 'EEE', (n_components, n_features) for 'diag' and 'EEI' to 'VVI', (n_components,) for
        'spherical', 'EII' and 'VII'. Like weights_ and means_ computed in float64 and handed out in X's
        dtype.
    mixture_ : Mixture
        The fitted distribution, in float64.
    converged_ : bool
    n_iter_ : int
        Iterations of the best start.
    lower_bound_ : float
        Mean log-likelihood of the fitted mixture (in scikit-learn: of the one before).
    lower_bounds_ : list of float
        The same after each iteration of the best start.
    remaining_gain_ : float
        Estimate of what the mean log-likelihood would still gain if EM went on, in nats a row: Aitken's, or
        where iterations were accelerated that of their quadratic model, whose directions without a step are
        taken to be as flat as the flattest with one. Good to a factor of ten in most fits where tol is 1e-6
        or less, and more often too large than too small; blind where EM stands on a plain with a rise
        behind it, as it may where tol is coarse. NaN where no iteration was made.
    starts_ : Starts, a list of StartRecord
        What became of each start, with the seed that repeats it; those within a search of 'auto' before it.
        Starts that never began are among them.
    diagnosis_ : Diagnosis
        For each component its effective rows, condition number, share of reg_covar, overlap with the nearest
        other, and a verdict.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only where X has string column names.

    See Also
    --------
    Mixture : the fitted distribution as a value: marginal, conditional, density.
    load : read what `save` wrote.

    References
    ----------
    Dempster, Laird & Rubin 1977, Maximum likelihood from incomplete data via the EM algorithm.
    Celeux & Govaert 1995, Gaussian parsimonious clustering models.

    Examples
    --------
    >>> import numpy as np
    >>> from mixtura import GaussianMixture
    >>> X = np.array([[1.0, 2], [1.5, 4], [0.8, 0], [10.0, 2], [10.5, 4], [9.6, 0]])
    >>> gm = GaussianMixture(n_components=2, covariance_type="spherical", random_state=0)
    >>> gm = gm.fit(X, sample_weight=[1, 1, 1, 2, 2, 2])
    >>> gm.weights_.round(3).tolist()
    [0.333, 0.667]
    >>> gm.predict([[0, 0], [12, 3]])
    array([0, 1])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "covariance_type": [StrOptions({*STRUCTURES, *ONE_FEATURE})],
        "tol": [Interval(Real, 0.0, None, closed="left")],
        "reg_covar": [Interval(Real, 0.0, None, closed="left"), StrOptions({"auto"})],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "init_params": [StrOptions({"auto", *STARTS}), "array-like", callable],
        "weights_init": ["array-like", None],
        "means_init": ["array-like", None],
        "precisions_init": ["array-like", None],
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "verbose_interval": [Interval(Integral, 1, None, closed="left")],
        "accelerate": ["boolean", StrOptions({"auto"})],
        "sort_components": [StrOptions({"weight", "mean"}), None],
        "min_component_rows": [Interval(Real, 0.0, None, closed="left")],
        "callback": [callable, None],
        "max_time": [Interval(Real, 0.0, None, closed="left"), None],
        "checkpoint": [str, os.PathLike, None],
        "checkpoint_interval": [Interval(Real, 0.0, None, closed="left")],
        "resume": ["boolean"],
        "n_jobs": [Integral, None],
    }

    #: Sets of plain arguments that were checked before: a check costs as much as ten iterations.
    _known_good: ClassVar[set[tuple[Any, ...]]] = set()

    #: Called as f(start, n_iter, mean_log_likelihood) after each iteration; faces set it for progress.
    _on_iteration: OnIteration | None = None

    #: The parameters that the last fit gave the public attributes; None before it.
    _handed_out: HandedOut | None = None

    #: What is known of the rows of that fit; none where the parameters did not come from one.
    _trained: FitFacts | None = None

    #: Draws of `sample`, made at the first one.
    _sampler: RandomState | None = None

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
        weights_init: Any = None,
        means_init: Any = None,
        precisions_init: Any = None,
        random_state: int | RandomState | None = None,
        warm_start: bool = False,
        verbose: int = 0,
        verbose_interval: int = 10,
        accelerate: bool | str = "auto",
        sort_components: str | None = None,
        min_component_rows: float = 0.0,
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
        self.weights_init = weights_init
        self.means_init = means_init
        self.precisions_init = precisions_init
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose
        self.verbose_interval = verbose_interval
        self.accelerate = accelerate
        self.sort_components = sort_components
        self.min_component_rows = min_component_rows
        self.callback = callback
        self.max_time = max_time
        self.checkpoint = checkpoint
        self.checkpoint_interval = checkpoint_interval
        self.resume = resume
        self.n_jobs = n_jobs

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        warn_of_overrides(cls, vars(cls))

    @classmethod
    def from_parameters(
        cls,
        weights: Any,
        means: Any,
        covariances: Any,
        *,
        covariance_type: str = "full",
        **arguments: Any,
    ) -> Self:
        """Return a model with these parameters, as if it had been fitted: for pipelines, criteria, `save`.

        Parameters
        ----------
        weights : array-like of shape (n_components,)
            Non-negative numbers that sum to 1.
        means : array-like of shape (n_components, n_features)
        covariances : array-like
            In the shape of `covariance_type`; symmetric and positive definite.
        covariance_type : {'full', 'tied', 'diag', 'spherical', 'EII', 'VII', ..., 'VVV'}, default='full'
        **arguments
            Other arguments of the constructor.

        Returns
        -------
        GaussianMixture
            It has seen no rows: `diagnosis_` judges no component, the figures of `summary` that need rows are
            None. `partial_fit`, and `fit` with warm_start=True, go on from these parameters.

        Raises
        ------
        ValueError
            If a shape, a weight or a covariance is not as it should be.

        See Also
        --------
        Mixture.from_parameters : the distribution alone.

        Examples
        --------
        >>> from mixtura import GaussianMixture
        >>> gm = GaussianMixture.from_parameters([0.4, 0.6], [[0.0], [5.0]], [[[1.0]], [[4.0]]])
        >>> gm.predict([[1.0], [6.0]])
        array([0, 1])
        """
        mixture = Mixture.from_parameters(
            weights, means, covariances, covariance_type=covariance_type
        )
        model = cls(**arguments)
        for name, value in _described(mixture).items():  # a subclass may not take these
            setattr(model, name, value)
        model.n_features_in_ = mixture.n_features
        model._hand_out(mixture, np.dtype(np.float64))
        return model

    # Fitting

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit by EM from `n_init` starts and keep the likeliest.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection
            float32 and float64 arrays are read where they lie, memory maps and any strides included; what
            `mixtura.scan` and `mixtura.from_batches` return, a part at a time; a `dask.array` or
            `dask.dataframe` on its workers.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative. A whole weight counts as that many equal rows, 0 as none. A Dask collection, cut as
            X is, where that is one; a source brings its own.

        Returns
        -------
        self : GaussianMixture

        Raises
        ------
        ValueError
            If an argument, X or a weight is not possible, or if every start ends with a singular
            covariance. The earlier fit, if any, is then unchanged.
        OSError
            If the checkpoint cannot be written where it is to be: before any row is read.

        Warns
        -----
        ConvergenceWarning
            If the best start did not converge; says what was still changing and what is left to gain.
        DegenerateComponentWarning
            If a component deserves no trust: held up by reg_covar alone (names constant, equal and dependent
            columns and repeated rows), on too few rows, a spike, or the same as another.
        DataWarning
            If a reg_covar that was given as a number widens a component by more than 1 %.
        """
        self._fit(X, sample_weight)
        return self

    def fit_predict(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
        """Fit, and return the labels of X: the same as fit(X).predict(X).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        ndarray of shape (n_samples,), int64
            Of a source an iterator over such arrays, part by part; of a Dask collection a lazy one.

        Raises
        ------
        ValueError
            As `fit`.
        """
        blocks = self._fit(X, sample_weight)
        if not isinstance(blocks, ArrayBlocks):
            return self.predict(X)
        return evaluate.labels(self.mixture_, blocks.rows, blocks.n_threads)

    def partial_fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        step_size: float | Callable[[float], float] | None = None,
    ) -> Self:
        """Learn from a batch of a stream by online EM, which is approximate: `fit` on all rows is exact.

        The first batch is fitted as by `fit`. Every later one, and every one after a `fit` or `load`, makes
        one M-step from a mean of statistics, s <- (1 - step) s + step s(batch), that forgets old rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The first batch needs at least n_components rows, and many more for a good start; later ones need
            one.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative.
        step_size : float or callable, default=None
            In (0, 1]. A fixed number follows a stream that drifts: rows are forgotten over 1 / step_size
            batches. A callable gets t, how many batches like this one were seen before (their weight over
            this one's; a `fit` counts with all its rows), and returns the step. None: (t + 1)^-0.7, which
            converges where the stream does not change. 1 / (t + 1) forgets nothing. An argument here, so
            that it may change along the stream and the constructor is scikit-learn's.

        Returns
        -------
        self : GaussianMixture
            lower_bound_ is the mean log-likelihood of the batches, each before it was learned, averaged as
            the statistics are; lower_bounds_ keeps its last 1,000 values. n_iter_ counts on, converged_ is
            False: a stream has no end. reg_covar and the order of the components stay those of the first
            batch.

        Raises
        ------
        ValueError
            If an argument, X or a weight is not possible, if n_components or covariance_type changed, or if
            a covariance would be singular. The mixture is then as it was before.

        Warns
        -----
        DegenerateComponentWarning, DataWarning, ConvergenceWarning
            At the first batch, as `fit`. Later `diagnosis_` tells.

        References
        ----------
        Cappé & Moulines 2009, On-line expectation-maximization algorithm for latent data models.

        Examples
        --------
        >>> import numpy as np
        >>> from mixtura import GaussianMixture
        >>> rng = np.random.default_rng(0)
        >>> gm = GaussianMixture(2, random_state=0)
        >>> for _ in range(100):
        ...     batch = rng.normal(size=(500, 1)) + 10 * rng.integers(0, 2, (500, 1))
        ...     gm = gm.partial_fit(batch)
        >>> np.sort(gm.means_[:, 0]).round(1) + 0.0
        array([ 0., 10.])
        """
        step_of = checks.check_step_size(step_size)
        if not self.__sklearn_is_fitted__():
            self._fit(X, sample_weight)
            return self
        with self._unchanged_on_failure():
            kind = self._checked_structure()
            self._check_same_kind(kind, "partial_fit", "call fit")
            self._learn(self._batch(X, sample_weight), step_of)
        return self

    def _batch(self, X: Any, sample_weight: Any) -> Blocks:
        threads = n_threads(self.n_jobs)
        source = checks.elsewhere(X, sample_weight)
        if source is not None:
            return self._in_range(self._check_source(source).blocks(threads))
        rows = self._check_rows(X, self.mixture_)
        weight = checks.check_sample_weight(sample_weight, len(rows))
        return self._in_range(ArrayBlocks(rows, weight, threads))

    def _learn(self, batch: Blocks, step_of: Callable[[float], float]) -> None:
        mixture, before = self.mixture_, self._facts_of_rows()
        reg_covar = regularisation(self.reg_covar, batch) if before is None else before.reg_covar
        learned, facts = learn(mixture, before, batch, step_of, reg_covar)
        # Also those before parameters were set by hand.
        known = getattr(self, "lower_bounds_", [])
        self._hand_out(learned, self._dtype())
        self._take_facts(
            replace(
                facts,
                n_iter=1 + getattr(self, "n_iter_", 0),
                lower_bounds=(*known, facts.mean_log_likelihood)[-_MOST_BOUNDS:],
            )
        )

    def _facts_of_rows(self) -> FitFacts | None:
        """What is known of the fit; None where a parameter was set by hand since."""
        handed_out = self._handed_out
        unchanged = handed_out is not None and self.mixture_ is handed_out.mixture
        if self._trained is None or not unchanged:
            return None
        public = {name: getattr(self, f"{name}_") for name in PUBLIC_FACTS}
        return replace(self._trained, lower_bounds=tuple(self.lower_bounds_), **public)

    def _fit(self, X: Any, sample_weight: Any) -> Blocks:
        printer = Printer(self.verbose, self.verbose_interval) if self.verbose else None
        with (
            self._unchanged_on_failure(),
            nullcontext() if printer is None else printer.following(X),
        ):
            kind = self._checked_structure()
            previous = self._warm_mixture(kind)
            checkpoint = self._checkpoint()
            blocks = self._training_blocks(X, sample_weight)
            self._check_enough_rows(blocks.n_present)
            self._check_features(kind, previous)
            self._warn_of_rows(blocks, kind.has_matrices)
            if checkpoint is not None:
                same = identity(self._arguments(), blocks)
                checkpoint.begin(same, resume=self.resume)
            seeds = self._seeds() if checkpoint is None else checkpoint.seeds
            options = self._options(blocks, printer, checkpoint)
            fit, records, blocks, options = self._best_fit(kind, blocks, options, seeds, previous)
            order = self._order(fit.mixture)
            if order is not None:
                fit = ordered(fit, order, blocks, options)
            self._take_fit(fit, records, blocks, options.reg_covar, seeds[0])
        self._warn(fit, blocks, options.reg_covar)
        return blocks

    @contextmanager
    def _unchanged_on_failure(self) -> Iterator[None]:
        before = dict(self.__dict__)
        try:
            yield
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _arguments(self) -> dict[str, Any]:
        """Arguments of GaussianMixture; the constructor of a subclass may have others, more or fewer."""
        return {name: getattr(self, name) for name in self._parameter_constraints}

    @classmethod
    @cache
    def _get_param_names(cls) -> list[str]:
        """As scikit-learn's, which reads the signature anew at every fit, in some 80 microseconds."""
        names: list[str] = super()._get_param_names()
        return names

    def _checked_structure(self) -> CovarianceStructure:
        plain = self._plain_parameters()
        if plain is None or plain not in self._known_good:
            self._check_each_parameter()
            if plain is not None and len(self._known_good) < _MOST_KNOWN:
                self._known_good.add(plain)
        return structure(self.covariance_type)

    def _plain_parameters(self) -> tuple[Any, ...] | None:
        """The constructor's arguments with their types; None where neither tells whether one is possible."""
        arguments = list(self._arguments().values())
        types = [*map(type, arguments)]
        values = [
            None if kind in _ALIKE else value for kind, value in zip(types, arguments, strict=True)
        ]
        if not all(type(value) in _PLAIN for value in values):
            return None
        seed = self.random_state
        if type(seed) is int and 0 <= seed < 2**32:  # any such seed is as good as another
            values[_SEED_AT] = 0
        return (*values, *types)

    def _check_each_parameter(self) -> None:
        arguments = self._arguments()
        try:
            validate_parameter_constraints(
                self._parameter_constraints, arguments, caller_name=type(self).__name__
            )
        except InvalidParameterError as error:
            message = checks.suggest(error, self._parameter_constraints, arguments)
            raise InvalidParameterError(message) from None
        checks.check_sizes(arguments)
        if self.n_jobs == 0:
            raise ValueError("n_jobs must not be 0: None or -1 mean all cores, 1 means one thread.")

    def _training_blocks(self, X: Any, sample_weight: Any) -> Blocks:
        """Rows to fit, checked: where they lie, in memory or elsewhere."""
        threads = n_threads(self.n_jobs)
        source = checks.elsewhere(X, sample_weight)
        if source is None:
            rows = self._check_training_rows(X)
            weight = checks.check_sample_weight(sample_weight, len(rows))
            return self._in_range(ArrayBlocks(rows, weight, threads))
        blocks = source.blocks(threads)
        if blocks.shape[0] < 2:
            raise ValueError(
                f"Found {source} with 1 row (sample) while a minimum of 2 is required."
            )
        self.n_features_in_ = source.n_features
        self.__dict__.pop("feature_names_in_", None)
        if source.feature_names is not None:
            self.feature_names_in_ = np.array(source.feature_names, dtype=object)
        return self._in_range(blocks)

    def _in_range(self, blocks: Blocks) -> Blocks:
        """The rows in a precision that holds their squares."""
        extent = blocks.extent
        if extent.suits(blocks.dtype):
            return blocks
        check_extent(extent, getattr(self, "feature_names_in_", None))
        return blocks.in_double()

    def _check_training_rows(self, X: Any) -> Array:
        if type(X) is np.ndarray and X.ndim == 2 and is_native(X) and len(X) > 1 and X.shape[1] > 0:
            # All that validate_data would do, at a tenth of its time.
            self.n_features_in_ = X.shape[1]
            self.__dict__.pop("feature_names_in_", None)
            self._check_finite(X)
            return X
        return self._validated(X, reset=True, least_rows=2)

    def _check_rows(self, X: Any, mixture: Mixture) -> Array:
        """Rows to evaluate, in the columns that were fitted."""
        rows = self._validated(X, reset=False)
        check_n_features(rows.shape[1], mixture.n_features)
        return rows

    def _validated(self, X: Any, *, reset: bool, least_rows: int = 1) -> Array:
        frame = frame_of(X)
        options: dict[str, Any] = {"ensure_all_finite": False, "ensure_min_samples": least_rows}
        rows: Array
        if frame is not None:
            validate_data(self, frame.to_native(), reset=reset, skip_check_array=True)  # its names
            rows = check_array(frame_values(frame), estimator=self, **options)
        else:
            check_measured(X)
            try:
                rows = validate_data(self, X, reset=reset, dtype=as_numeric(X), **options)
            except (TypeError, ValueError) as error:
                raise clearer(error, X) from error
        self._check_finite(rows)
        return rows

    def _check_source(self, source: checks.Elsewhere) -> checks.Elsewhere:
        """The source, where it has the columns that were fitted."""
        check_is_fitted(self)
        names = getattr(self, "feature_names_in_", None)
        if names is not None:
            source = source.taking(tuple(names))
        checks.check_columns(source, names, self.n_features_in_, type(self).__name__)
        return source

    def _check_finite(self, rows: Array) -> None:
        names = getattr(self, "feature_names_in_", None)
        check_finite(rows, names, n_threads(self.n_jobs), type(self).__name__)

    def _check_enough_rows(self, n_rows: int) -> None:
        if n_rows < self.n_components:
            raise ValueError(
                f"Expected n_samples >= n_components but got n_components = {self.n_components}, "
                f"n_samples = {n_rows} (rows of weight 0 do not count)."
            )

    def _warm_mixture(self, kind: CovarianceStructure) -> Mixture | None:
        """Where a warm start goes on, or None for a fresh start."""
        if not self.warm_start or not self.__sklearn_is_fitted__():
            return None
        self._check_same_kind(kind, "warm_start=True", "fit with warm_start=False")
        return self.mixture_

    def _check_same_kind(self, kind: CovarianceStructure, what: str, otherwise: str) -> None:
        previous = self.mixture_
        for name, before, now in (
            ("n_components", previous.n_components, self.n_components),
            ("covariance_type", previous.covariance_type, kind.name),
        ):
            if before != now:
                raise ValueError(
                    f"{what} goes on from a fit with {name}={before!r}, but {name} is now {now!r}: "
                    f"set it back, or {otherwise}."
                )

    def _check_features(self, kind: CovarianceStructure, previous: Mixture | None) -> None:
        check_features(kind, self.n_features_in_)
        if previous is not None and previous.n_features != self.n_features_in_:
            raise ValueError(
                f"warm_start=True goes on from a fit of {previous.n_features} features, but X has "
                f"{self.n_features_in_}: fit with warm_start=False."
            )

    def _seeds(self) -> list[int]:
        """One seed a start: the first is random_state itself, so that it is scikit-learn's start."""
        if isinstance(self.random_state, Integral):
            first = int(self.random_state)
        else:
            first = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        if self.n_init == 1:
            return [first]
        others = np.random.SeedSequence(first).generate_state(self.n_init - 1)
        return [first, *(int(seed) for seed in others)]

    def _best_fit(
        self,
        kind: CovarianceStructure,
        blocks: Blocks,
        options: Options,
        seeds: list[int],
        previous: Mixture | None,
    ) -> tuple[Fit, list[StartRecord], Blocks, Options]:
        """The best of all starts; in float64 where float32 does not hold the covariances it comes to."""
        checkpoint = options.checkpoint
        if checkpoint is None or not checkpoint.in_double:
            beginnings = self._beginnings(kind, blocks, options, seeds, previous)
            try:
                fit, records = best_fit(beginnings, blocks, options)
            except SingularCovarianceError:
                if blocks.dtype == np.float64 or not kind.has_matrices:
                    raise
            else:
                is_held = evaluate.arithmetic(fit.mixture, blocks.dtype) == blocks.dtype
                if is_held and not (
                    (fit.failure or fit.leads_to)
                    and kind.has_matrices
                    and blocks.dtype == np.float32
                ):
                    return fit, records, blocks, options
            if checkpoint is not None:
                checkpoint.begin_again()
        blocks = blocks.in_double()
        reg_covar = regularisation(self.reg_covar, blocks)
        options = replace(options, grounds=replace(options.grounds, reg_covar=reg_covar))
        beginnings = self._beginnings(kind, blocks, options, seeds, previous)
        return *best_fit(beginnings, blocks, options), blocks, options

    def _beginnings(
        self,
        kind: CovarianceStructure,
        blocks: Blocks,
        options: Options,
        seeds: list[int],
        previous: Mixture | None,
    ) -> list[Beginning]:
        asked = self.accelerate is True
        if previous is not None:
            return [Beginning("warm start", None, lambda _: (previous, []), asked)]
        given = self._given_parameters(kind, blocks.shape[1])
        if all(parameter is not None for parameter in given):
            start = _override(None, kind, *given)
            return [Beginning("given parameters", None, lambda _: (start, []), asked)]
        if not isinstance(self.init_params, str) and not callable(self.init_params):
            array = checks.check_start_array(self.init_params, blocks.shape[0], self.n_components)
            make = partial(self._from_array, array, kind, options, given)
            return [Beginning("given array", None, make, asked)]
        if callable(self.init_params):
            if not isinstance(blocks, ArrayBlocks):
                raise ValueError(
                    "init_params as a callable gets all rows as an array, which a source and a Dask "
                    "collection are not: give the name of a start, or an array of labels."
                )
            make_called = partial(self._called, kind, blocks.rows, options, given)
            return [
                Beginning("callable", seed, partial(make_called, seed), asked, side_by_side=False)
                for seed in seeds
            ]
        name = self.init_params
        # Where some parameters are given, a search for the others would not end at them.
        if name == "auto" and any(parameter is not None for parameter in given):
            name = "kmeans"
        accelerate = asked or (self.accelerate == "auto" and name == "auto")
        return [
            Beginning(
                name,
                seed,
                partial(self._named, name, kind, options, given, seed),
                accelerate,
                is_found=name == "auto",
            )
            for seed in seeds
        ]

    def _named(
        self,
        name: str,
        kind: CovarianceStructure,
        options: Options,
        given: _Given,
        seed: int,
        blocks: Blocks,
    ) -> _Started:
        if name == "auto":
            reg_covar, deadline = options.reg_covar, options.deadline
            return search(
                blocks,
                kind,
                self.n_components,
                reg_covar,
                seed,
                deadline,
                min_rows=options.grounds.min_rows,
            )
        rng = np.random.RandomState(seed)
        start = STARTS[name](blocks, kind, self.n_components, options.reg_covar, rng)
        return _override(start, kind, *given), []

    def _called(
        self,
        kind: CovarianceStructure,
        rows: Array,
        options: Options,
        given: _Given,
        seed: int,
        blocks: Blocks,
    ) -> _Started:
        result = self.init_params(rows, self.n_components, np.random.RandomState(seed))
        if isinstance(result, Mixture):
            start = self._check_start_mixture(result, kind, rows.shape[1])
            return _override(start, kind, *given), []
        array = checks.check_start_array(result, len(rows), self.n_components)
        return self._from_array(array, kind, options, given, blocks)

    def _from_array(
        self,
        array: Array,
        kind: CovarianceStructure,
        options: Options,
        given: _Given,
        blocks: Blocks,
    ) -> _Started:
        responsibilities = (
            LabelResponsibilities(array, self.n_components)
            if array.ndim == 1
            else ArrayResponsibilities(array)
        )
        start = mixture_of(responsibilities, blocks, kind, self.n_components, options.reg_covar)
        return _override(start, kind, *given), []

    def _check_start_mixture(
        self, start: Mixture, kind: CovarianceStructure, n_features: int
    ) -> Mixture:
        expected = (kind.name, self.n_components, n_features)
        got = (start.covariance_type, start.n_components, start.n_features)
        if got != expected:
            raise ValueError(
                "init_params returned a mixture of (covariance_type, n_components, n_features) = "
                f"{got}, but {expected} is wanted."
            )
        return start

    def _given_parameters(
        self, kind: CovarianceStructure, n_features: int
    ) -> tuple[FloatArray | None, FloatArray | None, FloatArray | None]:
        k = self.n_components
        weights = means = precisions = None
        if self.weights_init is not None:
            weights = checks.check_weights_init(self.weights_init, k)
        if self.means_init is not None:
            means = checks.check_means_init(self.means_init, k, n_features)
        if self.precisions_init is not None:
            precisions = checks.check_precisions_init(self.precisions_init, kind, k, n_features)
        return weights, means, precisions

    def _column_names(self) -> list[str]:
        return [str(name) for name in getattr(self, "feature_names_in_", ())]

    def _checkpoint(self) -> Checkpoint | None:
        if self.checkpoint is None:
            if self.resume:
                raise ValueError("resume=True goes on from a file: name it with checkpoint=.")
            return None
        return Checkpoint(self.checkpoint, float(self.checkpoint_interval), self._seeds())

    def _options(
        self, blocks: Blocks, printer: Printer | None, checkpoint: Checkpoint | None
    ) -> Options:
        return Options(
            grounds=Grounds(
                regularisation(self.reg_covar, blocks),
                recording_of(blocks),
                float(self.min_component_rows),
                self._column_names(),
            ),
            tol=float(self.tol),
            max_iter=self.max_iter,
            deadline=np.inf if self.max_time is None else monotonic() + self.max_time,
            callback=self.callback,
            on_iteration=self._on_iteration or (printer.iteration if printer else None),
            on_end=printer.end if printer else None,
            checkpoint=checkpoint,
        )

    def _take_fit(
        self,
        fit: Fit,
        records: list[StartRecord],
        blocks: Blocks,
        reg_covar: FloatArray,
        seed: int,
    ) -> None:
        self._hand_out(fit.mixture, blocks.dtype)
        self._take_facts(fit.facts(blocks.shape[0], reg_covar, n_begun(records)))
        self.starts_ = Starts(records)
        self._sampler_seed, self._sampler = seed, None

    def _take_facts(self, facts: FitFacts) -> None:
        self._trained = facts
        self.lower_bound_ = facts.mean_log_likelihood
        self.lower_bounds_ = list(facts.lower_bounds)
        for name in PUBLIC_FACTS:
            setattr(self, f"{name}_", getattr(facts, name))

    def _order(self, mixture: Mixture) -> Array | None:
        if self.sort_components is None:
            return None
        if self.sort_components == "weight":
            return np.argsort(-mixture.weights, kind="stable")
        return np.lexsort(mixture.means.T[::-1])

    def _hand_out(self, mixture: Mixture, dtype: np.dtype[Any]) -> None:
        dtype = evaluate.arithmetic(mixture, dtype)  # float32 where it holds the inverses too
        self._handed_out, self._trained = HandedOut.of(mixture), None
        for name, value in self._handed_out.values().items():
            setattr(self, name, value.astype(dtype))

    def _dtype(self) -> np.dtype[Any]:
        """Of the rows that were fitted, as that of the means tells; whole numbers set by hand are float64."""
        return np.dtype(np.float32 if np.asarray(self.means_).dtype == np.float32 else np.float64)

    def _warn_of_rows(self, blocks: Blocks, has_matrices: bool) -> None:
        names = getattr(self, "feature_names_in_", None)
        doubts = doubts_about_rows(blocks, names, has_matrices, self.n_components)
        warn_of("columns", doubts, stacklevel=4)

    def _warn(self, fit: Fit, blocks: Blocks, reg_covar: FloatArray) -> None:
        warn_of("end of EM", doubts_about_end(fit, float(self.tol), self.max_iter), stacklevel=4)
        names = getattr(self, "feature_names_in_", None)
        doubts = doubts_about_components(fit, blocks, reg_covar, self.reg_covar, names)
        warn_of("components", doubts, stacklevel=4)

    # Using the fit

    @property
    def mixture_(self) -> Mixture:
        """The fitted distribution, in float64.

        Where public parameters were set by hand, before a fit or after it, the distribution that they
        describe: weights_, means_ and one of covariances_, precisions_ and precisions_cholesky_ are enough.

        Raises
        ------
        NotFittedError
            Where none was set.
        ValueError
            Where some that were set are not possible, or do not belong together.
        """
        check_is_fitted(self)
        attributes = {name: getattr(self, name) for name in PARAMETERS if hasattr(self, name)}
        # Whatever the constructor's arguments have been set to since: they are for the next fit.
        return described_mixture(attributes, self.covariance_type, self._handed_out)

    def __sklearn_is_fitted__(self) -> bool:
        return any(hasattr(self, name) for name in PARAMETERS)

    def predict(self, X: Any) -> Any:
        """Label each row with its likeliest component: the argmax of `predict_proba`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection

        Returns
        -------
        ndarray of shape (n_samples,), int64
            Of a source an iterator over such arrays, part by part; of a Dask collection a lazy one.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has other columns than were fitted, NaN or infinity.
        """
        return self._evaluated(evaluate.labels, X)

    def predict_proba(self, X: Any) -> Any:
        """Responsibilities: the probability of each component given each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            Rows sum to 1.
            Of a source an iterator over such arrays, part by part; of a Dask collection a lazy one.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has other columns than were fitted, NaN or infinity.
        """
        return self._evaluated(evaluate.responsibilities, X)

    def log_joint(self, X: Any) -> Any:
        """Log of each component's weight times its density at each row: log w_k N(x; mu_k, Sigma_k).

        Its log-sum-exp over the components is `score_samples`; minus that it is the log of
        `predict_proba`, also where probabilities are too small for a number.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            -inf for a component of weight 0.
            Of a source an iterator over such arrays, part by part; of a Dask collection a lazy one.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has other columns than were fitted, NaN or infinity.

        Examples
        --------
        >>> from mixtura import GaussianMixture
        >>> gm = GaussianMixture.from_parameters([0.5, 0.5], [[0.0], [9.0]], [[[1.0]], [[1.0]]])
        >>> gm.log_joint([[0.0]]).round(2)
        array([[ -1.61, -42.11]])
        """
        return self._evaluated(evaluate.log_joint, X)

    def score_samples(self, X: Any) -> Any:
        """Log-density of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection

        Returns
        -------
        ndarray of shape (n_samples,)
            Of a source an iterator over such arrays, part by part; of a Dask collection a lazy one.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has other columns than were fitted, NaN or infinity.
        """
        return self._evaluated(evaluate.log_density, X)

    def predict_to(
        self,
        path: str | os.PathLike[str],
        X: Any,
        what: str | Sequence[str] = "label",
        *,
        keep: Sequence[str] = (),
    ) -> None:
        """Write what the fit says of each row to a Parquet file, without holding it in memory.

        Parameters
        ----------
        path : str or path
            The file. Written beside and renamed when it is whole: an earlier one survives any failure.
        X : array-like of shape (n_samples, n_features), or a source
            What `mixtura.scan` and `mixtura.from_batches` return is read once.
        what : {'label', 'certainty', 'log_density', 'responsibilities'} or several, default='label'
            Columns, in this order: 'label' as `predict`; 'certainty', the probability of that component;
            'log_density' as `score_samples`; 'responsibilities' as `predict_proba`, one column a component:
            'responsibility_0', 'responsibility_1', ...
        keep : sequence of str, default=()
            Columns of the files that `scan` reads to be copied before these, as an identifier; of any type.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has other columns than were fitted, or an argument is not possible; if X holds what is no
            finite number (of a source, SourceError).
        OSError
            If the file cannot be written.
        ImportError
            Without pyarrow: pip install 'mixtura[files]'.

        Examples
        --------
        >>> import numpy as np, pyarrow.parquet, tempfile
        >>> from mixtura import GaussianMixture
        >>> X = np.random.default_rng(0).normal(size=(100, 2))
        >>> gm = GaussianMixture(2, random_state=0).fit(X)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     gm.predict_to(folder + "/labels.parquet", X, ["label", "log_density"])
        ...     table = pyarrow.parquet.read_table(folder + "/labels.parquet")
        >>> table.column_names, table.num_rows
        (['label', 'log_density'], 100)
        """
        try:
            from mixtura.files.predictions import check_outputs, predictions, write_parquet
        except ImportError as error:
            raise ImportError(
                "predict_to needs pyarrow; install it with: pip install 'mixtura[files]'"
            ) from error
        asked, threads = check_outputs(what), n_threads(self.n_jobs)
        mixture = self.mixture_
        tables = self._tables(X, mixture, checks.check_keep(keep, asked))
        write_parquet(
            path, (kept | predictions(mixture, rows, asked, threads) for rows, kept in tables)
        )

    def _tables(
        self, X: Any, mixture: Mixture, keep: Sequence[str]
    ) -> Iterator[tuple[Array, dict[str, Any]]]:
        source = checks.elsewhere(X)
        if source is not None:
            return self._check_source(source).tables(keep)
        if keep:
            raise ValueError("keep names columns of the files of mixtura.scan; an array has none.")
        rows = self._check_rows(X, mixture)
        return ((rows[some], {}) for some in block_slices(*rows.shape))

    def _evaluated(self, function: Callable[[Mixture, Array, int], Array], X: Any) -> Any:
        """What a function gives for all rows; of a source part by part, of a Dask collection a lazy one."""
        threads, mixture = n_threads(self.n_jobs), self.mixture_
        source = checks.elsewhere(X)
        if source is not None:
            return self._check_source(source).evaluated(function, mixture, threads)
        return function(mixture, self._check_rows(X, mixture), threads)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Mean log-density of the rows, in nats; the weighted mean where weights are given.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        float

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X or a weight is not possible.
        """
        criteria = self._score(X, sample_weight)
        return criteria.log_likelihood / criteria.weight

    def bic(self, X: Any, sample_weight: Any = None) -> float:
        """Bayesian information criterion; lower is better. Its n is the sum of the weights.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        float
            -2 log-likelihood + free parameters * log n (Schwarz 1978).
        """
        return self._score(X, sample_weight).bic

    def aic(self, X: Any, sample_weight: Any = None) -> float:
        """Akaike information criterion; lower is better.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        float
            -2 log-likelihood + 2 free parameters (Akaike 1974).
        """
        return self._score(X, sample_weight).aic

    def icl(self, X: Any, sample_weight: Any = None) -> float:
        """Integrated completed likelihood; lower is better.

        BIC plus twice the entropy of the hard assignment, so it prefers components that are
        clusters.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        float
            BIC - 2 sum_i w_i log max_k r_ik (Biernacki, Celeux & Govaert 2000).
        """
        return self._score(X, sample_weight).icl

    def _score(self, X: Any, sample_weight: Any) -> Criteria:
        return Criteria.of(self._sums(X, sample_weight), self.mixture_.n_parameters)

    def _sums(self, X: Any, sample_weight: Any) -> SufficientStatistics:
        threads, mixture = n_threads(self.n_jobs), self.mixture_
        source = checks.elsewhere(X, sample_weight)
        if source is not None:
            return self._check_source(source).score(mixture, threads)
        rows = self._check_rows(X, mixture)
        weight = checks.check_sample_weight(sample_weight, len(rows))
        blocks = ArrayBlocks(rows, weight, threads)
        if weight is not None and not blocks.extent.suits(blocks.dtype):
            blocks = blocks.in_double()
        return blocks.score(mixture)

    def sample(
        self, n_samples: int = 1, random_state: int | RandomState | Generator | None = None
    ) -> tuple[Array, Array]:
        """Draw rows from the fitted mixture, in random order of their components.

        Parameters
        ----------
        n_samples : int, default=1
        random_state : int, RandomState, Generator or None, default=None
            None: each call goes on from the last one; the estimator's `random_state` sets the
            sequence.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features), in the dtype of the fitted rows
        y : ndarray of shape (n_samples,)
            The component of each row.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If n_samples is no whole number, or below 1.
        """
        check_is_fitted(self)
        if random_state is None:
            random_state = self._own_sampler()
        X, y = self.mixture_.sample(n_samples, random_state)
        return X.astype(self._dtype(), copy=False), y

    def _own_sampler(self) -> int | RandomState | None:
        if not hasattr(self, "_sampler_seed"):  # the parameters were set by hand
            return self.random_state
        if self._sampler is None:
            sequence = np.random.SeedSequence((self._sampler_seed, 1))
            self._sampler = np.random.RandomState(sequence.generate_state(4))
        return self._sampler

    def _n_parameters(self) -> int:
        return self.mixture_.n_parameters

    @property
    def diagnosis_(self) -> Diagnosis:
        """How far each component can be trusted; of parameters set by hand, what needs no rows to tell."""
        mixture, trained = self.mixture_, self._facts_of_rows()
        if trained is None:
            unknown = np.full(mixture.n_components, np.nan)
            return diagnose(mixture, unknown, np.zeros(mixture.n_features))
        return diagnose(mixture, trained.effective_rows, trained.reg_covar, trained.verdicts)

    def align_to(self, other: Any) -> Self:
        """Number the components as those of another mixture that they are most like.

        Parameters
        ----------
        other : Mixture, GaussianMixture or another fitted model
            Of as many components and features: a scikit-learn model, too, or whatever else has weights_,
            means_ and covariances_ in the shapes of its covariance_type ('full' where it has none). Pairs are
            chosen together, so that the sum of their Bhattacharyya distances is least.

        Returns
        -------
        self : GaussianMixture
            Its parameters and labels in the other's order.

        Raises
        ------
        NotFittedError
            Before `fit`, or if the other is not fitted.
        TypeError
            If the other is no mixture.
        ValueError
            If the other has another number of components or features.

        Examples
        --------
        >>> import sklearn.mixture
        >>> from mixtura import GaussianMixture
        >>> from mixtura.datasets import load_faithful
        >>> X = load_faithful().data
        >>> theirs = sklearn.mixture.GaussianMixture(2, random_state=1).fit(X)
        >>> ours = GaussianMixture(2, random_state=0).fit(X).align_to(theirs)
        >>> bool((ours.predict(X) == theirs.predict(X)).all())
        True
        """
        order = matching(self.mixture_, checks.as_mixture(other))
        trained = self._facts_of_rows()
        self._hand_out(self.mixture_.permuted(order), self._dtype())
        self._trained = None if trained is None else trained.permuted(order)
        return self

    # Showing and keeping the fit

    def summary(self) -> Summary:
        """Put the fit on one page: print it, or read its fields.

        Returns
        -------
        Summary
            Of the rows that were fitted. Where parameters were set by hand its figures of rows and likelihood
            are None: `score`, `bic`, `aic` and `icl` tell them of any rows.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        mixture, trained = self.mixture_, self._facts_of_rows()
        return summarise(mixture, self._feature_names(), trained)

    def _feature_names(self) -> tuple[str, ...]:
        names = getattr(self, "feature_names_in_", None)
        if names is None:
            return numbered(self.mixture_.n_features)
        return tuple(str(name) for name in names)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fit to one safetensors file, which `mixtura.load` reads without running code.

        Parameters
        ----------
        path : str or path

        Raises
        ------
        NotFittedError
            Before `fit`.
        OSError
            If the file cannot be written; an older file of that name is then unchanged.
        """
        from mixtura import __version__

        names = getattr(self, "feature_names_in_", None)
        saved = SavedModel(
            self.mixture_,
            jsonable_arguments(self) | _described(self.mixture_),
            self._dtype().name,
            None if names is None else [str(name) for name in names],
            self._facts_of_rows(),
        )
        save_model(path, saved, __version__)

    @classmethod
    def _from_saved(cls, saved: SavedModel) -> GaussianMixture:
        mixture = saved.mixture
        model = cls(**saved.parameters)
        model._checked_structure()
        model.n_features_in_ = mixture.n_features
        if saved.feature_names is not None:
            model.feature_names_in_ = np.array(saved.feature_names, dtype=object)
        described = (model.covariance_type, model.n_components)
        if described != (mixture.covariance_type, mixture.n_components):
            raise ValueError(f"the parameters {described} do not match the arrays")
        model._hand_out(mixture, np.dtype(saved.dtype))
        if saved.facts is not None:
            model._take_facts(saved.facts)
        model.starts_ = Starts()
        seed = saved.parameters["random_state"]
        model._sampler_seed, model._sampler = model._seeds()[0] if seed is None else seed, None
        return model


def _override(
    start: Mixture | None,
    kind: CovarianceStructure,
    weights: FloatArray | None,
    means: FloatArray | None,
    precisions: FloatArray | None,
) -> Mixture:
    """The start with those parameters replaced that the user gives, as scikit-learn does."""
    if precisions is None:
        if weights is None and means is None:
            assert start is not None
            return start
        assert start is not None
        covariances, factors = start.covariances, start.precisions_cholesky
    else:
        covariances, factors = (
            kind.invert_precisions(precisions),
            kind.factor_precisions(precisions),
        )
    weights = start.weights if weights is None and start is not None else weights
    means = start.means if means is None and start is not None else means
    assert weights is not None
    assert means is not None
    return Mixture(kind, weights, means, covariances, factors)


def _described(mixture: Mixture) -> dict[str, Any]:
    """The constructor's arguments that a mixture settles."""
    return {
        "n_components": mixture.n_components,
        "covariance_type": mixture.covariance_type,
    }


def jsonable_arguments(model: GaussianMixture) -> dict[str, Any]:
    """Constructor arguments as JSON; what cannot be written (a callable, a generator) becomes the default."""
    defaults = GaussianMixture().get_params(deep=False)
    # A model that is loaded does not write into the files of the fit that it came from.
    arguments = model._arguments() | {name: defaults[name] for name in ("checkpoint", "resume")}
    return {name: _jsonable(value, defaults[name]) for name, value in arguments.items()}


def _jsonable(value: Any, default: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if callable(value) or isinstance(value, RandomState):
        return default
    return np.asarray(value).tolist()


_SEED_AT = list(GaussianMixture._parameter_constraints).index("random_state")


__all__ = ["GaussianMixture"]
