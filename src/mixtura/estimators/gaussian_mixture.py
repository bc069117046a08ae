"""GaussianMixture: scikit-learn's contract around the one EM loop."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cache, partial
from time import monotonic
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
from numpy.random import RandomState
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from mixtura import mixture as evaluate
from mixtura.covariance import CovarianceStructure, check_features, structure
from mixtura.em import Kind, Knowledge, Tails
from mixtura.em.regularisation import regularisation
from mixtura.estimators.attributes import HandedOut
from mixtura.estimators.constructors import ChecksArgumentNames, warn_of_overrides
from mixtura.estimators.inferring import Inferring
from mixtura.estimators.predicting import Predicting, labels_given
from mixtura.estimators.reporting import Reporting
from mixtura.estimators.rows import blocks_to_fit, feature_names, rows_to_evaluate, rows_to_fit
from mixtura.estimators.saving import described, saved_model
from mixtura.estimators.state import (
    facts_of,
    hand_out,
    handed_in,
    has_parameters,
    take_facts,
    unchanged_on_failure,
)
from mixtura.estimators.validation import (
    CONSTRAINTS,
    as_mixture,
    check_parameters,
    check_same_kind,
    check_step_size,
)
from mixtura.fitting.best_of_starts import (
    Callback,
    Fit,
    OnIteration,
    Options,
    ordered,
)
from mixtura.fitting.checkpoint import Checkpoint, identity
from mixtura.fitting.diagnosis import Diagnosis, Grounds, diagnose, matching
from mixtura.fitting.facts import ABOUT_COMPONENTS, FitFacts
from mixtura.fitting.gaps import Gaps
from mixtura.fitting.given_parameters import GivenParameters
from mixtura.fitting.given_rows import (
    GivenRows,
    LabelsGiven,
    RowsInMemory,
    check_labels_elsewhere,
    in_range,
)
from mixtura.fitting.knowledge import KnownArguments, knowledge_of
from mixtura.fitting.model_file import SavedModel, save_model
from mixtura.fitting.online import learn
from mixtura.fitting.precision import best_fit_in_precision
from mixtura.fitting.printer import Printer
from mixtura.fitting.request import StartRequest, kind_of, options_of, seeds_of
from mixtura.fitting.small_fits import SmallFit, SmallFits
from mixtura.fitting.summary import Summary, summarise
from mixtura.fitting.warnings import (
    doubts_about_components,
    doubts_about_end,
    doubts_about_rows,
    warn_of,
)
from mixtura.inputs.row_errors import NO_ERRORS, ErrorsGiven
from mixtura.inputs.scales import DOUBLE
from mixtura.mixture import Mixture
from mixtura.rows import Blocks
from mixtura.starts import Searched, Starts, UnreadStarts, n_begun
from mixtura.support.cached import cached
from mixtura.support.threads import n_threads

# Values of lower_bounds_ that a stream keeps: it has no end.
_MOST_BOUNDS = 1_000


class GaussianMixture(ChecksArgumentNames, Reporting, Inferring, Predicting, BaseEstimator):  # type: ignore[misc]
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
        Starting means. With those of all components the default start draws nothing: equal weights, and the
        scatter of the rows around the nearest mean, where these are not given.
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
    distribution : {'gaussian', 't'}, default='gaussian'
        Of a component: 't' is Student's, whose heavy tails take outliers in (Peel & McLachlan 2000);
        `covariances_` are then scale matrices.
    df : float, 'shared' or None, default=None
        Degrees of freedom of components of Student's t: None, one a component, estimated, from 1 to 10,000;
        'shared', one for all; a number, that one.
    noise : bool, default=False
        Whether rows may belong to no component, but to a background of constant density (Fraley & Raftery
        1998): label -1, and the last column of `predict_proba`.
    noise_volume : float or None, default=None
        One over that density, in units of X to the power of n_features. None: the smaller of two boxes around
        the rows, one along the features and one along the principal components, both of features divided by
        their standard deviations.
    covariances_init : array-like, default=None
        Starting covariances, in the shape of `covariances_`; instead of precisions_init. In these, means_init
        and weights_init a component of NaN is left to the start.
    prior : Prior, 'default' or None, default=None
        What is believed of the parameters before any row is seen: EM then finds the maximum a posteriori.
        'default': mclust's, made of the rows, which hardly moves a component that has rows and keeps every
        one from collapsing (Fraley & Raftery 2007). `score`, `bic` and the like stay those of the likelihood.
    fixed : dict or None, default=None
        Parameters that stay as they begin: some of the keys 'weights', 'means' and 'covariances', each True
        or a boolean for each component. Their values are those of weights_init, means_init and
        covariances_init.
    equal_weights : bool, default=False
        Whether all components have the same weight.
    min_weight : float or None, default=None
        Least weight of a component.
    max_eigenvalue_ratio : float or None, default=None
        Greatest ratio of any two eigenvalues of all covariances, of features divided by their standard
        deviations (García-Escudero, Gordaliza, Matrán & Mayo-Iscar 2008): for full, tied, diag, spherical and
        EEI. A spherical covariance has one eigenvalue, which is not divided.
    missing : {'error', 'mar'}, default='error'
        What NaN in X is: an error, or ('mar') a feature that was not observed, missing at random. EM then
        finds the maximum of the likelihood of what was observed (Ghahramani & Jordan 1994), and `predict`,
        `score` and the like take such rows. Rows without any value count as rows of weight 0.
    callback : callable or None, default=None
        Called after each iteration over all rows as callback(iteration, mixture, log_likelihood), the last
        in nats a row, and with a prior as `lower_bound_`; something true ends the fit there: no further start
        begins, and the likeliest of what was reached is kept.
    max_time : float or None, default=None
        Seconds, from the call of `fit`, after which no further iteration begins, not even of the first start:
        its mixture, however few its iterations, is the fit where there is no other.
    checkpoint : str, path or None, default=None
        File that keeps where the fit stands: written every `checkpoint_interval` seconds, after each start,
        and at Ctrl-C or any other failure; each time beside, and renamed when it is whole.
    checkpoint_interval : float, default=60.0
        Seconds between two writes.
    resume : bool, default=False
        Whether `fit` goes on from the checkpoint, where there is one, and ends with the bits of a fit that
        was never interrupted. Rows and arguments must be those that it began with, but for max_iter,
        max_time, n_jobs and callbacks.
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
    df_ : ndarray of shape (n_components,)
        Only with distribution='t': the degrees of freedom.
    noise_weight_, noise_log_volume_ : float
        Only with noise=True: share of the rows that are noise, so that weights_ sum to 1 - noise_weight_;
        minus the log of its density.
    noise_box_ : ndarray of shape (2, n_features)
        Only with noise=True and no noise_volume: the least and the most of each feature in the rows, between
        which `sample` draws noise.
    mixture_ : Mixture
        The fitted distribution of the components, in float64; without noise its weights sum to 1.
    converged_ : bool
    n_iter_ : int
        Iterations of the best start.
    lower_bound_ : float
        Mean log-likelihood of the fitted mixture (in scikit-learn: of the one before); with a prior what EM
        raises, which is more than that by the log density of the parameters, but for a constant, a row.
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

    _parameter_constraints: ClassVar[dict[str, Any]] = CONSTRAINTS

    #: Called as f(start, n_iter, mean_log_likelihood) after each iteration; faces set it for progress.
    _on_iteration: OnIteration | None = None

    #: The parameters that the last fit gave the public attributes; None before it.
    _handed_out: HandedOut | None = None

    #: What is known of the rows of that fit; none where the parameters did not come from one.
    _trained: FitFacts | None = None

    #: What became of its starts.
    _starts: Starts | UnreadStarts

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
        distribution: str = "gaussian",
        df: float | str | None = None,
        noise: bool = False,
        noise_volume: float | None = None,
        covariances_init: Any = None,
        prior: Any = None,
        fixed: Any = None,
        equal_weights: bool = False,
        min_weight: float | None = None,
        max_eigenvalue_ratio: float | None = None,
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
        self.distribution = distribution
        self.df = df
        self.noise = noise
        self.noise_volume = noise_volume
        self.covariances_init = covariances_init
        self.prior = prior
        self.fixed = fixed
        self.equal_weights = equal_weights
        self.min_weight = min_weight
        self.max_eigenvalue_ratio = max_eigenvalue_ratio
        self.missing = missing
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
        degrees_of_freedom: Any = None,
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
        degrees_of_freedom : float or array-like of shape (n_components,), default=None
            Of components of Student's t, whose scale matrices `covariances` are. None: Gaussian components.
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
            weights, means, covariances, covariance_type=covariance_type, df=degrees_of_freedom
        )
        model = cls(**arguments)
        for name, value in described(mixture).items():  # a subclass may not take these
            setattr(model, name, value)
        model.n_features_in_ = mixture.n_features
        hand_out(model, mixture, np.dtype(np.float64))
        return model

    # Fitting

    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        labels: Any = None,
        error_covariances: Any = None,
        error_std: Any = None,
    ) -> Self:
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
        labels : array-like, default=None
            What is known of which component rows belong to: of shape (n_samples,), numbers of components, -1
            where nothing is known; of shape (n_samples, n_components), True where a row may belong to a
            component, or how credible that is, 0 or more, by which its density there is multiplied. With
            noise=True the latter two have one column more, for noise, the last. A component that is excluded
            has no share in the row's likelihood. Components have the numbers of their labels.
        error_covariances : array-like, default=None
            Of the errors with which each row was measured: variances, of shape (n_samples, n_features), or
            covariances, (n_samples, n_features, n_features); of all rows alike, (1, n_features) or (1,
            n_features, n_features). 0 is exact; an infinite variance is a value that is not read. The mixture
            is then that of what was measured, without the errors (extreme deconvolution; Bovy, Hogg & Roweis
            2011), and its likelihood that of the rows with them. Not with distribution='t'.
        error_std : array-like, default=None
            The same as standard deviations, of shape (n_samples, n_features) or (n_features,), as catalogues
            give them.

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
        self._fit(X, sample_weight, labels, ErrorsGiven(error_covariances, error_std))
        return self

    def fit_predict(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        labels: Any = None,
        error_covariances: Any = None,
        error_std: Any = None,
    ) -> Any:
        """Fit, and return the labels of X: the same as fit(X).predict(X).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), source or Dask collection
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
        labels : array-like, default=None
            As for `fit`.
        error_covariances, error_std : array-like, default=None
            As for `fit`.

        Returns
        -------
        ndarray of shape (n_samples,), int64
            Of a source an iterator over such arrays, part by part; of a Dask collection a lazy one.

        Raises
        ------
        ValueError
            As `fit`.
        """
        given = self._fit(X, sample_weight, labels, ErrorsGiven(error_covariances, error_std))
        return given.evaluated(evaluate.labels, self._density, n_threads(self.n_jobs))

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
        labels : array-like, default=None
            As for `fit`.
        error_covariances, error_std : array-like, default=None
            As for `fit`.
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
        step_of = check_step_size(step_size)
        self._check_stream()
        errors = ErrorsGiven(error_covariances, error_std)
        if not self.__sklearn_is_fitted__():
            self._fit(X, sample_weight, labels, errors)
            return self
        with unchanged_on_failure(self):
            kind = self._checked_structure()
            self._check_same_kind(kind, "partial_fit", "call fit")
            self._learn(X, sample_weight, labels, errors, step_of)
        return self

    def _check_stream(self) -> None:
        """Raise where an argument is about all rows, which a stream never shows."""
        if isinstance(self.prior, str) or self.max_eigenvalue_ratio is not None:
            name = "prior='default'" if isinstance(self.prior, str) else "max_eigenvalue_ratio"
            raise ValueError(
                f"partial_fit cannot have {name}, which is made of all rows: give a Prior, or call fit."
            )

    def _learn(
        self,
        X: Any,
        sample_weight: Any,
        labels: Any,
        errors: ErrorsGiven,
        step_of: Callable[[float], float],
        total: float | None = None,
    ) -> None:
        mixture, before = self._density, facts_of(self)
        known = labels_given(labels, mixture)
        given = rows_to_evaluate(self, mixture.n_features, X, sample_weight, known, errors)
        batch = in_range(given.blocks(n_threads(self.n_jobs)), feature_names(self))
        if batch.has_missing and batch.weight == 0:  # no value of any row was observed
            return
        reg_covar = regularisation(self._reg_covar, batch) if before is None else before.reg_covar
        grounds = Grounds(reg_covar, kind=self._kind_of(mixture, batch))
        m_step = grounds.m_step(mixture.structure)
        learned, facts = learn(mixture, before, batch, step_of, m_step, total)
        n_parameters, log_prior = grounds.n_parameters(learned), grounds.log_prior(learned)
        facts = replace(facts, n_parameters=n_parameters, log_prior=log_prior)
        # Those of before parameters were set by hand count on, too.
        bounds = (*getattr(self, "lower_bounds_", ()), facts.lower_bound)
        n_iter = 1 + getattr(self, "n_iter_", 0)
        hand_out(self, learned, self._dtype_of_rows())
        take_facts(self, replace(facts, n_iter=n_iter, lower_bounds=bounds[-_MOST_BOUNDS:]))

    def _kind_of(self, mixture: Mixture, batch: Blocks) -> Kind:
        """What such a mixture has beside Gaussian components, the noise as dense as it is."""
        tails = None if mixture.df is None else Tails.of(self.df)
        known, noise = self._known(batch), mixture.noise
        if noise is None:
            return Kind(tails, known=known)
        return Kind(tails, noise.log_density, known, noise.log_sides, noise.box)

    def _fit(
        self, X: Any, sample_weight: Any, labels: Any, errors: ErrorsGiven = NO_ERRORS
    ) -> GivenRows:
        began = monotonic()
        printer = Printer(self.verbose, self.verbose_interval) if self.verbose else None
        with unchanged_on_failure(self), nullcontext() if printer is None else printer.following(X):
            arguments = self._arguments()
            kind = self._checked_structure(arguments)
            previous = self._warm_mixture(kind)
            checkpoint = self._checkpoint()
            given = rows_to_fit(self, X, sample_weight, self._labels_given(labels), errors)
            asked = _Asked(arguments, kind, previous, checkpoint, printer, began)
            ended = self._small_fit(asked, given)
            if not isinstance(ended, _Ended):
                ended = self._best_fit(asked, given, ended)
            hand_out(self, ended.fit.mixture, ended.dtype)
            take_facts(self, ended.facts)
            self._starts = ended.starts
            self._sampler_seed, self._sampler = ended.seed, None
        fit, blocks, names = ended.fit, ended.blocks, feature_names(self)
        end = doubts_about_end(fit, float(self.tol), self.max_iter)
        told = warn_of("end of EM", end, stacklevel=3)
        about = doubts_about_components(fit, blocks, ended.facts.reg_covar, self._reg_covar, names)
        told += warn_of(ABOUT_COMPONENTS, about, stacklevel=3)
        if told:
            self._trained = replace(ended.facts, warnings=(*ended.facts.warnings, *told))
        return given

    def _small_fit(self, asked: _Asked, given: GivenRows) -> _Ended | Searched | None:
        """By one call of the core, where that is enough; else what it has found, if anything."""
        goes_on = asked.previous is not None or self._on_iteration is not None
        if goes_on or not isinstance(given, RowsInMemory) or not given.are_plain:
            return None
        seconds = np.inf if self.max_time is None else asked.began + self.max_time - monotonic()
        fits = SmallFits.of(asked.arguments, asked.kind, given.n_features, seconds)
        if fits is None or not fits.suit(given.rows):
            return None
        seed = asked.seeds[0]
        small = fits.fit(given.rows, seed, n_threads(self.n_jobs))
        if not isinstance(small, SmallFit):
            return small
        small, blocks = small.ordered(self.sort_components), partial(blocks_to_fit, self, given)
        return _Ended(small.fit, small.facts, small.starts, DOUBLE, blocks, seed)

    def _best_fit(self, asked: _Asked, given: GivenRows, searched: Searched | None) -> _Ended:
        """Of all starts; searched: what the search of the first has found, where it has been made."""
        blocks = blocks_to_fit(self, given)
        check_labels_elsewhere(blocks, self.n_components, noise=self.noise)
        self._check_order(blocks)
        self._check_size(blocks, asked.kind, asked.previous)
        has_matrices, names = asked.kind.has_matrices, feature_names(self)
        doubts = doubts_about_rows(blocks, names, has_matrices, self._n_with_rows)
        told = warn_of("columns", doubts, stacklevel=4)
        checkpoint = asked.checkpoint
        if checkpoint is not None:
            checkpoint.begin(identity(asked.arguments, blocks), resume=self.resume)
        seeds = asked.seeds if checkpoint is None else checkpoint.seeds
        options = self._options(blocks, asked.began, asked.printer, checkpoint)
        request = self._start_request(asked.kind, seeds, asked.previous)
        request = replace(request, searched=searched)
        found = best_fit_in_precision(request, blocks, options, self._reg_covar)
        fit, blocks, options = found.fit, found.blocks, found.options
        fit = ordered(fit, self._order_of(blocks), blocks, options)
        facts = fit.facts(blocks.shape[0], options, n_begun(found.records))
        facts = replace(facts, warnings=tuple(told))
        if blocks.has_missing:
            facts = replace(facts, gaps=Gaps.of(fit.mixture, blocks))
        starts = Starts(found.records)
        return _Ended(fit, facts, starts, blocks.dtype, lambda: blocks, seeds[0])

    @property
    def starts_(self) -> Starts:
        """What became of each start."""
        if isinstance(self._starts, UnreadStarts):
            self._starts = self._starts.read()
        return self._starts

    def _order_of(self, blocks: Blocks) -> str | None:
        """By what components are put in order after the fit."""
        return self.sort_components

    def _check_order(self, blocks: Blocks) -> None:
        if blocks.has_labels and self.sort_components is not None:
            raise ValueError(
                "sort_components gives components new numbers, and labels name them by theirs: leave one of "
                "the two out."
            )

    def _labels_given(self, labels: Any) -> LabelsGiven:
        return LabelsGiven(labels, self.n_components, self.noise)

    def _arguments(self) -> dict[str, Any]:
        """Arguments of GaussianMixture; the constructor of a subclass may have others, more or fewer."""
        return {name: getattr(self, name) for name in self._parameter_constraints}

    @classmethod
    @cache
    def _get_param_names(cls) -> list[str]:
        """As scikit-learn's, which reads the signature anew at every fit, in some 80 microseconds."""
        names: list[str] = super()._get_param_names()
        return names

    def _checked_structure(self, arguments: Mapping[str, Any] | None = None) -> CovarianceStructure:
        arguments = self._arguments() if arguments is None else arguments
        check_parameters(type(self).__name__, arguments, self._parameter_constraints)
        return structure(self.covariance_type)

    def _warm_mixture(self, kind: CovarianceStructure) -> Mixture | None:
        """Where a warm start goes on, or None for a fresh start."""
        if not self.warm_start or not self.__sklearn_is_fitted__():
            return None
        self._check_same_kind(kind, "warm_start=True", "fit with warm_start=False")
        # What is not asked for any more is left behind; what is new, the first M-step adds.
        previous = self._density if self.noise else self._density.without_noise()
        return previous if self.distribution == "t" else replace(previous, df=None)

    def _check_same_kind(self, kind: CovarianceStructure, what: str, otherwise: str) -> None:
        check_same_kind(self.mixture_, self.n_components, kind.name, what, otherwise)

    def _check_size(
        self, blocks: Blocks, kind: CovarianceStructure, previous: Mixture | None
    ) -> None:
        if blocks.n_present < self.n_components:
            raise ValueError(
                f"Expected n_samples >= n_components but got n_components = {self.n_components}, "
                f"n_samples = {blocks.n_present} (rows of weight 0 do not count)."
            )
        check_features(kind, self.n_features_in_)
        if previous is not None and previous.n_features != self.n_features_in_:
            raise ValueError(
                f"warm_start=True goes on from a fit of {previous.n_features} features, but X has "
                f"{self.n_features_in_}: fit with warm_start=False."
            )

    def _seeds(self) -> list[int]:
        return seeds_of(self.random_state, self.n_init)

    def _checkpoint(self) -> Checkpoint | None:
        if self.checkpoint is None:
            if self.resume:
                raise ValueError("resume=True goes on from a file: name it with checkpoint=.")
            return None
        return Checkpoint(self.checkpoint, float(self.checkpoint_interval), self._seeds())

    def _options(
        self,
        blocks: Blocks,
        began: float,
        printer: Printer | None,
        checkpoint: Checkpoint | None,
    ) -> Options:
        return options_of(
            blocks,
            reg_covar=self._reg_covar,
            tol=self.tol,
            max_iter=self.max_iter,
            max_time=self.max_time,
            min_component_rows=self.min_component_rows,
            names=feature_names(self),
            kind=self._kind(blocks),
            began=began,
            callback=self.callback,
            on_iteration=self._on_iteration or (printer.iteration if printer else None),
            on_end=printer.end if printer else None,
            checkpoint=checkpoint,
        )

    @property
    def _n_with_rows(self) -> int:
        """Components that need rows."""
        return self.n_components

    @property
    def _reg_covar(self) -> float | str:
        """What is added to the covariances of a component's rows."""
        return self.reg_covar

    def _kind(self, blocks: Blocks) -> Kind:
        return kind_of(
            blocks,
            distribution=self.distribution,
            df=self.df,
            noise=self.noise,
            noise_volume=self.noise_volume,
            known=self._known(blocks),
        )

    def _known(self, blocks: Blocks) -> Knowledge:
        """What is known of the parameters beside the rows."""
        kind = structure(self.covariance_type)
        arguments = KnownArguments(
            self.prior, self.fixed, self.equal_weights, self.min_weight, self.max_eigenvalue_ratio
        )
        given = GivenParameters.of(
            kind,
            self.n_components,
            blocks.shape[1],
            weights_init=self.weights_init,
            means_init=self.means_init,
            precisions_init=self.precisions_init,
            covariances_init=self.covariances_init,
            has_noise=self.noise,
        )
        known = knowledge_of(arguments, blocks, kind, self.n_components, given, self.noise)
        if self.sort_components is not None and known.is_of_each(kind, blocks.shape[1]):
            raise ValueError(
                f"sort_components={self.sort_components!r} gives the components other numbers than those by "
                "which fixed parameters or the prior know them: take sort_components=None."
            )
        return known

    def _start_request(
        self, kind: CovarianceStructure, seeds: list[int], previous: Mixture | None
    ) -> StartRequest:
        return StartRequest(
            kind,
            self.n_components,
            seeds,
            self.init_params,
            self.weights_init,
            self.means_init,
            self.precisions_init,
            self.covariances_init,
            self.accelerate,
            previous,
        )

    # Using the fit

    @property
    def mixture_(self) -> Mixture:
        """The fitted distribution of the components, in float64; noise apart.

        Where public parameters were set by hand, before a fit or after it, the distribution that they
        describe: weights_, means_ and one of covariances_, precisions_ and precisions_cholesky_ are enough.

        Raises
        ------
        NotFittedError
            Where none was set.
        ValueError
            Where some that were set are not possible, or do not belong together.
        """
        return self._density.without_noise()

    def _n_parameters(self) -> int:
        mixture, facts = self._density, facts_of(self)
        return mixture.n_parameters if facts is None else facts.parameters_of(mixture)

    @property
    def _density(self) -> Mixture:
        """The fitted distribution, with the noise."""
        check_is_fitted(self)
        # Whatever the constructor's arguments have been set to since: they are for the next fit.
        return handed_in(self)

    def __sklearn_is_fitted__(self) -> bool:
        return has_parameters(self)

    @property
    def diagnosis_(self) -> Diagnosis:
        """How far each component can be trusted; of parameters set by hand, what needs no rows to tell."""
        mixture, facts = self.mixture_, facts_of(self)
        if facts is None:
            unknown = np.full(mixture.n_components, np.nan)
            return diagnose(mixture, unknown, np.zeros(mixture.n_features))
        return diagnose(mixture, facts.effective_rows, facts.reg_covar, facts.verdicts)

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
        mixture, facts = self._density, facts_of(self)
        order = matching(mixture, as_mixture(other))
        hand_out(self, mixture.permuted(order), self._dtype_of_rows())
        take_facts(self, None if facts is None else facts.permuted(order))
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
        return summarise(self._density, self._names_of_features(), facts_of(self))

    def _reported(self) -> Self:
        return self

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

        save_model(path, self._saved(), __version__)

    def _saved(self) -> SavedModel:
        return saved_model(self, self._arguments(), default_arguments())


@dataclass(frozen=True, eq=False)
class _Asked:
    """What a call of `fit` is asked for, beside the rows."""

    arguments: dict[str, Any]
    kind: CovarianceStructure
    previous: Mixture | None
    checkpoint: Checkpoint | None
    printer: Printer | None
    began: float

    @cached
    def seeds(self) -> list[int]:
        """One a start, drawn once: a generator that is given goes on."""
        return seeds_of(self.arguments["random_state"], self.arguments["n_init"])


@dataclass(frozen=True, eq=False)
class _Ended:
    """What a call of `fit` has come to."""

    fit: Fit
    facts: FitFacts
    starts: Starts | UnreadStarts
    dtype: np.dtype[Any]
    #: The rows, for who has something to tell of them.
    blocks: Callable[[], Blocks]
    seed: int


@cache
def default_arguments() -> Mapping[str, Any]:
    """The constructor's arguments as they are where nobody sets them."""
    return MappingProxyType(GaussianMixture().get_params(deep=False))


__all__ = ["GaussianMixture", "default_arguments"]
