"""A Gaussian mixture as one immutable value: weights, means, covariances; density, sampling."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any, overload

import numpy as np

from mixtura.covariance import CovarianceStructure, check_features, structure
from mixtura.display.component_table import (
    component_columns,
    component_table,
    note_on_cells,
    numbered,
)
from mixtura.display.page import Page, Shown, plural
from mixtura.inputs.checks import check_rows
from mixtura.inputs.numbers import check_whole
from mixtura.mixture import comparing, curve, regions, slopes
from mixtura.mixture.comparing import Divergence, Estimate, Reduction
from mixtura.mixture.conditionals import Conditionals
from mixtura.mixture.curve import CutPoints
from mixtura.mixture.evaluation import (
    Seed,
    labels,
    log_density,
    log_joint,
    random_generator,
    responsibilities,
)
from mixtura.mixture.fisher import check_no_correlations, fisher_vector
from mixtura.mixture.from_torch import parameters_of_torch
from mixtura.mixture.noise import Noise
from mixtura.mixture.normals import bhattacharyya
from mixtura.mixture.posterior import Posterior
from mixtura.mixture.slopes import Modes
from mixtura.mixture.univariate import checked_levels
from mixtura.support.arrays import Array, FloatArray
from mixtura.support.interruptible import interruptible
from mixtura.support.threads import n_threads


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Mixture(Shown):
    """The distribution sum_k w_k N(mu_k, Sigma_k). Make one with `from_parameters`.

    Attributes
    ----------
    structure : CovarianceStructure
        Gives the covariances their shape and meaning.
    weights : ndarray of shape (n_components,)
        Non-negative, sum 1.
    means : ndarray of shape (n_components, n_features)
    covariances, precisions_cholesky : ndarray
        In the structure's shape: full and VEE to VVV (n_components, n_features, n_features), tied and EEE
        (n_features, n_features), diag and EEI to VVI (n_components, n_features), spherical, EII and VII
        (n_components,).
        P = precisions_cholesky is upper triangular with P P^T = inv(covariance).
    df : ndarray of shape (n_components,) or None
        Degrees of freedom of components of Student's t, whose `covariances` are scale matrices: their
        covariance is df / (df - 2) times that, where df > 2. None: the components are Gaussian.
    noise : Noise or None
        A background of constant density; the weights then sum to 1 - noise.weight. The `mixture_` of a
        fitted model is without.
    posterior : Posterior or None
        Where the parameters are the expectations of a variational posterior, the rest of it. Responsibilities
        are then the variational ones. The `mixture_` of a fitted model is without.

    Examples
    --------
    >>> import mixtura
    >>> mixture = mixtura.Mixture.from_parameters(
    ...     weights=[0.4, 0.6], means=[[0.0], [5.0]], covariances=[[[1.0]], [[4.0]]]
    ... )
    >>> mixture.log_density([[0.0], [5.0]]).round(4)
    array([-1.8028, -2.1229])
    """

    structure: CovarianceStructure
    weights: FloatArray
    means: FloatArray
    covariances: FloatArray
    precisions_cholesky: FloatArray
    df: FloatArray | None = None
    noise: Noise | None = None
    posterior: Posterior | None = None

    def __post_init__(self) -> None:
        if self.noise is not None:  # as a tuple where it comes from the core
            object.__setattr__(self, "noise", Noise(*self.noise))
        if self.posterior is not None:
            object.__setattr__(self, "posterior", Posterior(*self.posterior))

    @classmethod
    def from_parameters(
        cls,
        weights: Any,
        means: Any,
        covariances: Any,
        *,
        covariance_type: str = "full",
        df: Any = None,
    ) -> Mixture:
        """Return the mixture with these parameters, checked.

        Parameters
        ----------
        weights : array-like of shape (n_components,)
            Non-negative numbers that sum to 1.
        means : array-like of shape (n_components, n_features)
        covariances : array-like
            In the shape of `covariance_type`; symmetric and positive definite. What the structure has equal
            must be equal to five digits.
        covariance_type : {'full', 'tied', 'diag', 'spherical', 'EII', 'VII', ..., 'VVV'}, default='full'
        df : float or array-like of shape (n_components,), default=None
            Degrees of freedom, above 0, of components of Student's t, whose scale matrices the covariances
            then are. None: Gaussian components.

        Raises
        ------
        ValueError
            If a shape, a weight, a covariance or df is not as it should be.
        """
        kind = structure(covariance_type)
        weights, means, covariances = _checked(kind, weights, means, covariances)
        factors = kind.factor_covariances(covariances, *means.shape)
        kind.check_family(covariances, len(means))
        return cls(kind, weights, means, covariances, factors, check_df(df, len(means))).frozen()

    @classmethod
    def from_torch(cls, distribution: Any) -> Mixture:
        """The mixture that a distribution of PyTorch is.

        Parameters
        ----------
        distribution : torch.distributions.MixtureSameFamily
            With components MultivariateNormal, LowRankMultivariateNormal or Independent(Normal, 1), or, of
            one feature, Normal or StudentT.

        Returns
        -------
        Mixture
            Of structure 'full', 'diag' or, of one feature, 'spherical'. `mixtura.export.to_torch` is the way
            back.

        Raises
        ------
        TypeError
            If it is something else.
        ValueError
            If it is a batch of mixtures, or a parameter is not as it should be.

        Examples
        --------
        >>> from torch import distributions as td, tensor  # doctest: +SKIP
        >>> components = td.Normal(tensor([0.0, 5.0]), tensor([1.0, 2.0]))  # doctest: +SKIP
        >>> weights = td.Categorical(tensor([0.5, 0.5]))  # doctest: +SKIP
        >>> mixtura.Mixture.from_torch(td.MixtureSameFamily(weights, components))  # doctest: +SKIP
        Mixture(2 components, 1 feature, spherical covariances)
        """
        return cls.from_parameters(**parameters_of_torch(distribution))

    def frozen(self) -> Mixture:
        """Make every array read-only, and return the mixture."""
        for array in self.as_tuple():
            array.setflags(write=False)
        for array in (self.df, *(self.posterior or ())):
            if array is not None:
                array.setflags(write=False)
        return self

    def without_noise(self) -> Mixture:
        """The distribution of the rows that are no noise; the same where there is none."""
        if self.noise is None:
            return self
        share = self.weights.sum()
        weights = (
            self.weights / share if share > 0 else np.full_like(self.weights, 1 / len(self.weights))
        )
        posterior = self.posterior
        if posterior is not None:
            posterior = posterior.of_components(self.n_components)
        return replace(self, weights=weights, noise=None, posterior=posterior).frozen()

    def without_posterior(self) -> Mixture:
        """The distribution of the expected parameters alone; the same where there is nothing else."""
        return self if self.posterior is None else replace(self, posterior=None)

    @property
    def log_weights(self) -> FloatArray:
        """What an E-step takes for the logarithms of the weights."""
        if self.posterior is not None:
            return self.posterior.log_weights[: self.n_components]
        with np.errstate(divide="ignore"):
            return np.log(self.weights)

    def as_tuple(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return the weights, means, covariances and precisions_cholesky."""
        return self.weights, self.means, self.covariances, self.precisions_cholesky

    @property
    def covariance_type(self) -> str:
        """The structure's name."""
        return self.structure.name

    @property
    def n_components(self) -> int:
        """Number of components."""
        return int(self.means.shape[0])

    @property
    def n_features(self) -> int:
        """Number of features."""
        return int(self.means.shape[1])

    @property
    def n_parameters(self) -> int:
        """Number of free parameters: weights, means, covariances, degrees of freedom, noise."""
        more = (0 if self.df is None else self.n_components) + (self.noise is not None)
        return self.structure.n_parameters(self.n_components, self.n_features) + more

    @property
    def precisions(self) -> FloatArray:
        """Inverse covariances, in the structure's shape."""
        return self.structure.precisions(self.precisions_cholesky)

    @property
    def spreads(self) -> FloatArray:
        """Standard deviation of each feature in each component: (n_components, n_features)."""
        return np.sqrt(self.structure.diagonals(self.covariances, *self.means.shape))

    @property
    def inflation(self) -> float:
        """Largest ratio of a feature's variance in a component to its variance given the other features."""
        if not self.structure.has_matrices:
            return 1.0
        factors = self.precisions_cholesky
        precisions = np.einsum("...ij,...ij->...i", factors, factors)
        return float((self.spreads**2 * precisions).max())

    def covariance_matrices(self) -> FloatArray:
        """Every component's covariance as a full matrix.

        Returns
        -------
        ndarray of shape (n_components, n_features, n_features)
        """
        return self.structure.matrices(self.covariances, *self.means.shape)

    def __repr__(self) -> str:
        tails = "" if self.df is None else ", Student's t"
        return f"Mixture({self._in_words()}{tails})"

    def _in_words(self) -> str:
        components = plural(self.n_components, "component")
        features = plural(self.n_features, "feature")
        return f"{components}, {features}, {self.covariance_type} covariances"

    def _page(self) -> Page:
        title = f"{'Gaussian' if self.df is None else 't'} mixture: {self._in_words()}"
        note = note_on_cells(has_tails=self.df is not None)
        return Page(title, (), component_table(*self._by_component()), note)

    def _columns(self) -> Mapping[str, Any]:
        return component_columns(*self._by_component())

    def _by_component(self) -> tuple[Any, ...]:
        names = numbered(self.n_features)
        return self.weights, None, self.means, self.spreads, names, self.df

    def log_density(self, X: Any, *, n_jobs: int | None = None, missing: str = "error") -> Array:
        """Log of the density at each row; the least number of its precision where it is lower still.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
        n_jobs : int or None, default=None
            Threads; None: all the cores that this process may use.
        missing : {'error', 'mar'}, default='error'
            Whether NaN is an error, or stands for a feature that was not observed: then of the others.

        Returns
        -------
        ndarray of shape (n_rows,), float32 for float32 rows, else float64

        Raises
        ------
        ValueError
            If X holds NaN or infinity, or has another number of features.
        """
        return log_density(self, *self._rows(X, n_jobs, missing), missing=missing == "mar")

    def log_joint(self, X: Any, *, n_jobs: int | None = None, missing: str = "error") -> Array:
        """Log of each component's weight times its density at each row: log w_k N(x; mu_k, Sigma_k).

        Its log-sum-exp over the components is `log_density`; the difference of the two is the log of
        `responsibilities`, also where those are too small for a number.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
        n_jobs : int or None, default=None
            Threads; None: all the cores that this process may use.
        missing : {'error', 'mar'}, default='error'
            Whether NaN is an error, or stands for a feature that was not observed: then of the others.

        Returns
        -------
        ndarray of shape (n_rows, n_components), float32 for float32 rows, else float64
            -inf for a component of weight 0.

        Raises
        ------
        ValueError
            If X holds NaN or infinity, or has another number of features.

        Examples
        --------
        >>> import mixtura
        >>> mixture = mixtura.Mixture.from_parameters([0.5, 0.5], [[0.0], [9.0]], [[[1.0]], [[1.0]]])
        >>> mixture.log_joint([[0.0]]).round(2)
        array([[ -1.61, -42.11]])
        """
        return log_joint(self, *self._rows(X, n_jobs, missing), missing=missing == "mar")

    def responsibilities(
        self, X: Any, *, n_jobs: int | None = None, missing: str = "error"
    ) -> Array:
        """Probability of each component given each row; rows sum to 1.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
        n_jobs : int or None, default=None
            Threads; None: all the cores that this process may use.
        missing : {'error', 'mar'}, default='error'
            Whether NaN is an error, or stands for a feature that was not observed: then of the others.

        Returns
        -------
        ndarray of shape (n_rows, n_components), float32 for float32 rows, else float64

        Raises
        ------
        ValueError
            If X holds NaN or infinity, or has another number of features.
        """
        return responsibilities(self, *self._rows(X, n_jobs, missing), missing=missing == "mar")

    def labels(self, X: Any, *, n_jobs: int | None = None, missing: str = "error") -> Array:
        """The likeliest component of each row: the argmax of its responsibilities.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
        n_jobs : int or None, default=None
            Threads; None: all the cores that this process may use.
        missing : {'error', 'mar'}, default='error'
            Whether NaN is an error, or stands for a feature that was not observed: then of the others.

        Returns
        -------
        ndarray of shape (n_rows,), int64

        Raises
        ------
        ValueError
            If X holds NaN or infinity, or has another number of features.
        """
        return labels(self, *self._rows(X, n_jobs, missing), missing=missing == "mar")

    def _rows(
        self, X: Any, n_jobs: int | None, missing: str, n_features: int | None = None
    ) -> tuple[Array, int]:
        """Checked rows, and threads."""
        if missing not in ("error", "mar"):
            raise ValueError(f"missing must be 'error' or 'mar', got {missing!r}.")
        threads = n_threads(n_jobs)
        n_features = self.n_features if n_features is None else n_features
        return check_rows(X, n_features, threads, missing=missing == "mar"), threads

    def sample(self, n_samples: int = 1, random_state: Seed = None) -> tuple[Array, Array]:
        """Draw rows, in random order of their components.

        Parameters
        ----------
        n_samples : int, default=1
        random_state : int, RandomState, Generator or None, default=None
            None draws from numpy's global state, as everywhere in scikit-learn.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
        labels : ndarray of shape (n_samples,), int64
            The component that each row was drawn from.

        Raises
        ------
        ValueError
            If n_samples is below 1 (TypeError: no whole number).
        """
        check_n_samples(n_samples)
        rng = random_generator(random_state)
        drawn = rng.choice(self.n_components, size=n_samples, p=self.weights / self.weights.sum())
        X = rng.standard_normal((n_samples, self.n_features))
        covariances = self.covariance_matrices()
        for k in np.unique(drawn):
            mine = drawn == k
            away = X[mine] @ interruptible(np.linalg.cholesky, covariances[k]).T
            if self.df is not None:  # a Gaussian over the root of a Gamma of mean 1
                away /= np.sqrt(rng.chisquare(self.df[k], (len(away), 1)) / self.df[k])
            X[mine] = self.means[k] + away
        return X, drawn.astype(np.int64)

    def fisher_vector(
        self,
        X: Any,
        *,
        improved: bool = False,
        alpha: float = 0.5,
        n_jobs: int | None = None,
    ) -> FloatArray:
        """How the mean log density of some rows rises with each parameter, in units of its information.

        Of rows that are local descriptors of an image this tells images apart: such vectors are what a linear
        classifier takes. The result is that of scikit-image's function of this name. Noise has no part in it.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
        improved : bool, default=False
            Whether to take powers of the sizes, and to scale the vector to length 1.
        alpha : float, default=0.5
            That power, from 0 to 1.
        n_jobs : int or None, default=None
            Threads; None: all the cores that this process may use.

        Returns
        -------
        ndarray of shape (n_components * (1 + 2 * n_features),)
            The derivatives by weights, means and, with the other sign, deviations, feature by feature of one
            component after another.

        Raises
        ------
        ValueError
            If features are correlated within components ('full', 'tied', VEE to VVV), components are of
            Student's t, X has no row, holds NaN or infinity, or alpha is not possible.

        References
        ----------
        Perronnin, Sánchez & Mensink 2010, Improving the Fisher kernel for large-scale image classification.
        Sánchez, Perronnin, Mensink & Verbeek 2013, Image classification with the Fisher vector.

        Examples
        --------
        >>> import mixtura
        >>> mixture = mixtura.Mixture.from_parameters(
        ...     [0.5, 0.5], [[0.0], [9.0]], [[1.0], [1.0]], covariance_type="diag"
        ... )
        >>> mixture.fisher_vector([[0.0], [2.0]]).round(2) + 0.0
        array([ 0.71, -0.71,  1.41,  0.  , -1.  ,  0.  ])
        """
        check_no_correlations(self)
        if isinstance(alpha, bool) or not isinstance(alpha, Real) or not 0 <= alpha <= 1:
            raise ValueError(f"alpha must be a number from 0 to 1, got {alpha!r}.")
        rows, threads = self._rows(X, n_jobs, "error")
        return fisher_vector(self, rows, threads, improved=improved, alpha=float(alpha))

    # Regions, cuts and modes

    def cdf(
        self,
        X: Any,
        *,
        return_error: bool = False,
        random_state: Seed = 0,
    ) -> Any:
        """Probability that every feature is at most the row's. Noise has no part in it.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
        return_error : bool, default=False
            Whether to return standard errors too.
        random_state : int, RandomState, Generator or None, default=0
            Of the integral where it is not exact.

        Returns
        -------
        ndarray of shape (n_rows,), float64
            Exact of one feature, and of Gaussian components whose features are independent. Else an integral
            by quasi-Monte Carlo (Genz 1992).
        error : ndarray of shape (n_rows,)
            Only with return_error: the standard error of that integral; 0 where it is exact.

        Raises
        ------
        ValueError
            If X holds NaN or infinity, or has another number of features.

        References
        ----------
        Genz 1992, Numerical computation of multivariate normal probabilities.

        Examples
        --------
        >>> import mixtura
        >>> mixture = mixtura.Mixture.from_parameters([0.5, 0.5], [[0.0], [9.0]], [[[1.0]], [[1.0]]])
        >>> mixture.cdf([[0.0], [4.5]])
        array([0.25, 0.5 ])
        """
        X, _ = self._rows(X, 1, "error")
        values, errors = regions.cdf(self, X, random_generator(random_state))
        return (values, errors) if return_error else values

    def quantile(self, levels: Any) -> Any:
        """Values that a row stays below with these probabilities, of one feature.

        Parameters
        ----------
        levels : float or array-like of shape (n_levels,)
            Within (0, 1).

        Returns
        -------
        float, or ndarray of shape (n_levels,)
            In the feature's units, to twelve digits of the widest component's spread.

        Raises
        ------
        ValueError
            If a level is not within (0, 1), or there are several features: `marginal(j)` is of one.

        Examples
        --------
        >>> import mixtura
        >>> mixture = mixtura.Mixture.from_parameters([0.5, 0.5], [[0.0], [9.0]], [[[1.0]], [[1.0]]])
        >>> mixture.quantile([0.1, 0.9]).round(4)
        array([-0.8416,  9.8416])
        """
        curve.check_one_feature(self, "quantile", "take marginal(j).quantile of one feature j")
        levels = checked_levels(levels)
        found = curve.quantile(self, np.atleast_1d(levels))
        return found if levels.ndim else float(found[0])

    def hdr_threshold(
        self,
        coverage: float,
        *,
        return_error: bool = False,
        n_samples: int = 100_000,
        random_state: Seed = 0,
    ) -> Any:
        """Density above which lies a share of the distribution: the bound of its highest-density region.

        That region is the smallest that holds the share (Hyndman 1996). Noise has no part in it.

        Parameters
        ----------
        coverage : float
            The share, within (0, 1).
        return_error : bool, default=False
            Whether to return the standard error too.
        n_samples : int, default=100,000
            Draws, where it is not exact.
        random_state : int, RandomState, Generator or None, default=0
            Of the draws.

        Returns
        -------
        float
            A density. Exact of one feature, and of a single Gaussian; else a quantile of the densities of
            draws.
        error : float
            Only with return_error: its standard error; 0 where it is exact.

        Raises
        ------
        ValueError
            If coverage is not within (0, 1), or n_samples is below 1 (TypeError: no whole number).

        References
        ----------
        Hyndman 1996, Computing and graphing highest density regions.

        Examples
        --------
        >>> import mixtura
        >>> mixture = mixtura.Mixture.from_parameters([1.0], [[0.0]], [[[1.0]]])
        >>> round(mixture.hdr_threshold(0.95), 6)  # the normal density at 1.96
        0.058445
        """
        log_threshold, error = self._log_threshold(coverage, n_samples, random_state)
        threshold = float(np.exp(log_threshold))
        return (threshold, threshold * error) if return_error else threshold

    def is_in_hdr(
        self,
        X: Any,
        coverage: float,
        *,
        n_samples: int = 100_000,
        random_state: Seed = 0,
        n_jobs: int | None = None,
    ) -> Array:
        """Whether rows lie in the highest-density region of a coverage.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
        coverage : float
            Within (0, 1).
        n_samples, random_state
            As in `hdr_threshold`.
        n_jobs : int or None, default=None
            Threads; None: all the cores that this process may use.

        Returns
        -------
        ndarray of shape (n_rows,), bool

        Raises
        ------
        ValueError
            If coverage is not within (0, 1), or X holds NaN or infinity or has another number of features.

        Examples
        --------
        >>> import mixtura
        >>> mixture = mixtura.Mixture.from_parameters([0.5, 0.5], [[0.0], [9.0]], [[[1.0]], [[1.0]]])
        >>> mixture.is_in_hdr([[0.0], [4.5], [9.0]], 0.95)
        array([ True, False,  True])
        """
        X, threads = self._rows(X, n_jobs, "error")
        log_threshold, _ = self._log_threshold(coverage, n_samples, random_state)
        return np.asarray(log_density(self.without_noise(), X, threads) >= log_threshold)

    def _log_threshold(
        self, coverage: float, n_samples: int, random_state: Seed
    ) -> tuple[float, float]:
        checked_levels(coverage, "coverage")
        check_n_samples(n_samples)
        rng = random_generator(random_state)
        return regions.log_threshold(self, float(coverage), n_samples, rng)

    def mahalanobis(self, X: Any, *, missing: str = "error") -> FloatArray:
        """Distances of rows from every component: the root of (x - mu)^T inv(Sigma) (x - mu).

        Of t components by their scale matrices.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
        missing : {'error', 'mar'}, default='error'
            Whether NaN is an error, or stands for a feature that was not observed: then of the others.

        Returns
        -------
        ndarray of shape (n_rows, n_components), float64
            Of a Gaussian component's rows the squares have a chi-squared distribution, with as many degrees
            of freedom as features were observed.

        Raises
        ------
        ValueError
            If X holds NaN or infinity, or has another number of features.

        Examples
        --------
        >>> import mixtura
        >>> mixture = mixtura.Mixture.from_parameters([0.5, 0.5], [[0.0], [9.0]], [[[1.0]], [[4.0]]])
        >>> mixture.mahalanobis([[3.0]])
        array([[3., 3.]])
        """
        X, _ = self._rows(X, 1, missing)
        return slopes.distances(self, X)

    def cut_points(self, costs: Any = None, *, rule: str = "likeliest") -> CutPoints:
        """Where along one feature the decision for a component changes: thresholds between groups.

        Parameters
        ----------
        costs : array-like of shape (n_components, n_components), default=None
            costs[i, j]: what it costs to decide for component j where i is true. None: all errors cost the
            same, so that the likeliest component is decided for.
        rule : {'likeliest', 'monotone'}, default='likeliest'
            'likeliest': the decision of least expected cost everywhere. A wide component may then hold two
            pieces, on both sides of a narrow one. 'monotone': of the rules under which larger values never
            belong to a component of lower mean, the one of least expected cost: each component holds at most
            one piece.

        Returns
        -------
        CutPoints
            `points`, ascending, and `labels`, the components between them: one more. Beyond all components'
            quantiles of 1e-12 nothing is cut. Noise has no part in it.

        Raises
        ------
        ValueError
            If there are several features: `marginal(j)` is of one; if costs or rule are not possible.

        Examples
        --------
        >>> import mixtura
        >>> mixture = mixtura.Mixture.from_parameters([0.5, 0.5], [[0.0], [9.0]], [[[1.0]], [[1.0]]])
        >>> points, labels = mixture.cut_points()
        >>> points.round(6), labels
        (array([4.5]), array([0, 1]))
        """
        curve.check_one_feature(self, "cut_points", "take marginal(j).cut_points of one feature j")
        if rule not in curve.RULES:
            raise ValueError(f"rule must be one of {list(curve.RULES)}, got {rule!r}.")
        costs = curve.checked_costs(costs, self.n_components)
        return curve.cut_points(self.without_noise(), costs, rule)

    def modes(self) -> Modes:
        """Maxima of the density to which the means of the components lead. Noise has no part in it.

        Returns
        -------
        Modes
            `points`, the highest first, their `log_density`, and `of_component`, the mode that each
            component's mean leads to: several where components make one hill. In several features there may
            be further modes, between components, to which no mean leads.

        References
        ----------
        Carreira-Perpinan 2000, Mode-finding for mixtures of Gaussian distributions.
        Ray & Lindsay 2005, The topography of multivariate normal mixtures.

        Examples
        --------
        >>> import mixtura
        >>> mixture = mixtura.Mixture.from_parameters(
        ...     [0.3, 0.3, 0.4], [[0.0], [1.0], [9.0]], [[[1.0]], [[1.0]], [[1.0]]]
        ... )
        >>> modes = mixture.modes()
        >>> modes.points.round(3).tolist(), modes.of_component
        ([[0.5], [9.0]], array([0, 0, 1]))
        """
        return slopes.modes(self)

    def log_density_gradient(self, X: Any, *, n_jobs: int | None = None) -> Array:
        """Gradient of the log density at each row: which way it rises. Noise has no part in it.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
        n_jobs : int or None, default=None
            Threads; None: all the cores that this process may use.

        Returns
        -------
        ndarray of shape (n_rows, n_features)
            sum_k r_k inv(Sigma_k) (mu_k - x), r the responsibilities; of t components each term (df + d) /
            (df + squared distance) times that. float32 for rows of float32, else float64.

        Raises
        ------
        ValueError
            If X holds NaN or infinity, or has another number of features.

        Examples
        --------
        >>> import mixtura
        >>> mixture = mixtura.Mixture.from_parameters([1.0], [[0.0]], [[[4.0]]])
        >>> mixture.log_density_gradient([[2.0]])
        array([[-0.5]])
        """
        return slopes.gradient(self, *self._rows(X, n_jobs, "error"))

    def log_density_hessian(self, X: Any, *, n_jobs: int | None = None) -> Array:
        """Second derivatives of the log density at each row. Noise has no part in it.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
        n_jobs : int or None, default=None
            Threads; None: all the cores that this process may use.

        Returns
        -------
        ndarray of shape (n_rows, n_features, n_features)
            sum_k r_k ((s_k - s)(s_k - s)^T - inv(Sigma_k)), s_k the gradients of the components' log
            densities and s their mean, `log_density_gradient`; of t components with more, as slopes bend too.
            Symmetric to the last bit. float32 for rows of float32, else float64.

        Raises
        ------
        ValueError
            If X holds NaN or infinity, or has another number of features.

        Examples
        --------
        >>> import mixtura
        >>> mixture = mixtura.Mixture.from_parameters([1.0], [[0.0]], [[[4.0]]])
        >>> mixture.log_density_hessian([[2.0]])
        array([[[-0.25]]])
        """
        return slopes.hessian(self, *self._rows(X, n_jobs, "error"))

    # Beside another mixture

    def kl_divergence(
        self, other: Any, *, n_samples: int = 100_000, random_state: Seed = 0
    ) -> Divergence:
        """Kullback-Leibler divergence of another mixture from this one: what it costs to take it for this.

        Parameters
        ----------
        other : Mixture, or a fitted model
            Of as many features.
        n_samples : int, default=100,000
            Draws from this mixture.
        random_state : int, RandomState, Generator or None, default=0

        Returns
        -------
        Divergence
            `value`, the mean of log p / q over the draws, with its `std_error`, in nats; `lower` and `upper`,
            bounds in closed form, of Gaussian components (0 and infinity of t). Noise has no part in it.

        Raises
        ------
        TypeError
            If other is no mixture.
        ValueError
            If it has other features, or n_samples is below 1.

        References
        ----------
        Hershey & Olsen 2007, Approximating the Kullback Leibler divergence between Gaussian mixture models.

        Examples
        --------
        >>> import mixtura
        >>> near, far = (
        ...     mixtura.Mixture.from_parameters([0.5, 0.5], [[0.0], [mean]], [[[1.0]], [[1.0]]])
        ...     for mean in (4.0, 5.0)
        ... )
        >>> found = near.kl_divergence(far)
        >>> round(found.value, 2), found.std_error < 0.005, found.lower <= found.value <= found.upper
        (0.2, True, True)
        """
        other, rng = self._compared(other, n_samples, random_state)
        return comparing.kl_divergence(self.without_noise(), other, n_samples, rng)

    def jensen_shannon(
        self, other: Any, *, n_samples: int = 100_000, random_state: Seed = 0
    ) -> Estimate:
        """Jensen-Shannon divergence: from 0 of equal mixtures to log 2 of those that nowhere overlap.

        Parameters
        ----------
        other : Mixture, or a fitted model
            Of as many features.
        n_samples : int, default=100,000
            Draws, half of them from each.
        random_state : int, RandomState, Generator or None, default=0

        Returns
        -------
        Estimate
            `value` and `std_error`, in nats. The root of the value is a distance. Noise has no part in it.

        Raises
        ------
        TypeError
            If other is no mixture.
        ValueError
            If it has other features, or n_samples is below 1.

        Examples
        --------
        >>> import mixtura
        >>> one = mixtura.Mixture.from_parameters([1.0], [[0.0]], [[[1.0]]])
        >>> far = mixtura.Mixture.from_parameters([1.0], [[99.0]], [[[1.0]]])
        >>> round(one.jensen_shannon(one).value, 6), round(one.jensen_shannon(far).value, 6)
        (0.0, 0.693147)
        """
        other, rng = self._compared(other, n_samples, random_state)
        return comparing.jensen_shannon(self.without_noise(), other, n_samples, rng)

    def wasserstein(self, other: Any) -> float:
        """Distance of two mixtures by the transport of components: MW2, in the features' units.

        Parameters
        ----------
        other : Mixture, or a fitted model
            Of as many features; both of Gaussian components.

        Returns
        -------
        float
            Root of the least mean squared 2-Wasserstein distance of components that are paired by shares of
            their weights: at least the 2-Wasserstein distance of the mixtures. Noise has no part in it.

        Raises
        ------
        TypeError
            If other is no mixture.
        ValueError
            If it has other features, or one has t components.

        References
        ----------
        Delon & Desolneux 2020, A Wasserstein-type distance in the space of Gaussian mixture models.

        Examples
        --------
        >>> import mixtura
        >>> one = mixtura.Mixture.from_parameters([0.5, 0.5], [[0.0], [9.0]], [[[1.0]], [[1.0]]])
        >>> moved = mixtura.Mixture.from_parameters([0.5, 0.5], [[12.0], [3.0]], [[[1.0]], [[1.0]]])
        >>> one.wasserstein(moved)
        3.0
        """
        other, _ = self._compared(other, 1, 0)
        comparing.check_gaussian("wasserstein", self, other)
        return comparing.wasserstein(self.without_noise(), other)

    def _compared(self, other: Any, n_samples: int, random_state: Seed) -> tuple[Mixture, Any]:
        check_n_samples(n_samples)
        return comparing.other_mixture(other, self), random_generator(random_state)

    def overlap(self) -> FloatArray:
        """How much the components overlap, two by two: Bhattacharyya's coefficients.

        Returns
        -------
        ndarray of shape (n_components, n_components)
            From 0 to 1, 1 on the diagonal: the integral of sqrt(p_k p_l), p the components' densities without
            their weights; times sqrt(w_k w_l) it bounds how often rows of the two are confused. Of t
            components that of Gaussians with their scale matrices.

        Examples
        --------
        >>> import mixtura
        >>> mixture = mixtura.Mixture.from_parameters([0.5, 0.5], [[0.0], [2.0]], [[[1.0]], [[1.0]]])
        >>> mixture.overlap().round(4)
        array([[1.    , 0.6065],
               [0.6065, 1.    ]])
        """
        return np.asarray(np.exp(-bhattacharyya(self, self)))

    def reduce(self, n_components: int) -> Reduction:
        """The same in fewer components, merged two by two where that costs least.

        Parameters
        ----------
        n_components : int
            From 1 to as many as there are.

        Returns
        -------
        Reduction
            `mixture`, of structure 'full', 'diag' or 'spherical', with the mean of this one (and, where it is
            'full', its covariance); `kl_bound`, at most so many nats the divergence of this mixture from it;
            `labels`, where each component went. Noise has no part in it.

        Raises
        ------
        ValueError
            If n_components is not possible, or components are of Student's t.

        References
        ----------
        Runnalls 2007, Kullback-Leibler approach to Gaussian mixture reduction.

        Examples
        --------
        >>> import mixtura
        >>> mixture = mixtura.Mixture.from_parameters(
        ...     [0.3, 0.3, 0.4], [[0.0], [1.0], [9.0]], [[[1.0]], [[1.0]], [[1.0]]]
        ... )
        >>> less = mixture.reduce(2)
        >>> less.labels, less.mixture.means.ravel(), round(less.kl_bound, 3)
        (array([0, 0, 1]), array([0.5, 9. ]), 0.067)
        """
        check_whole("n_components", n_components, 1)
        if n_components > self.n_components:
            raise ValueError(
                f"n_components={n_components} are more than there are, {self.n_components}: reduce merges."
            )
        comparing.check_gaussian("reduce", self)
        return comparing.reduced(self.without_noise(), int(n_components))

    def permuted(self, order: Sequence[int] | Array) -> Mixture:
        """The same distribution with its components in another order.

        Parameters
        ----------
        order : sequence of int
            Component i of the result is this mixture's component order[i].

        Returns
        -------
        Mixture

        Raises
        ------
        ValueError
            If `order` does not hold each component once.
        """
        order = np.asarray(order, dtype=np.intp)
        if not np.array_equal(np.sort(order), np.arange(self.n_components)):
            raise ValueError(
                f"order must hold each of the {self.n_components} components once, got {order.tolist()}."
            )
        shared = self.structure.shared
        return Mixture(
            self.structure,
            self.weights[order],
            self.means[order],
            self.covariances.copy() if shared else self.covariances[order],
            self.precisions_cholesky.copy() if shared else self.precisions_cholesky[order],
            None if self.df is None else self.df[order],
            self.noise,
            None if self.posterior is None else self.posterior.permuted(order),
        ).frozen()

    def marginal(self, features: int | Sequence[int]) -> Mixture:
        """The distribution of some features alone.

        Parameters
        ----------
        features : int or sequence of int
            Numbers of columns, in the order wanted; negative ones count from the end. No mask.

        Returns
        -------
        Mixture
            Of the same structure where that is handed down to the parts of a matrix: from EVI comes
            VVI; from EVE, VVE, EEV, VEV and EVV comes VVV.

        Raises
        ------
        ValueError
            If a number is no whole one, is out of range or appears twice, or none is given.
        """
        kept = self._feature_indices(features)
        covariances = np.ascontiguousarray(self.structure.marginal(self.covariances, kept))
        return self._with(self.weights, self.means[:, kept], covariances, self.df)

    @overload
    def condition(
        self, features: int | Sequence[int], values: float | Sequence[float]
    ) -> Mixture: ...
    @overload
    def condition(
        self,
        features: int | Sequence[int],
        values: Any,
        *,
        missing: str = ...,
        n_jobs: int | None = ...,
    ) -> Any: ...
    def condition(
        self,
        features: int | Sequence[int],
        values: Any,
        *,
        missing: str = "error",
        n_jobs: int | None = None,
    ) -> Any:
        """The distribution of the other features where `features` have `values`.

        Parameters
        ----------
        features : int or sequence of int
            Columns whose values are known, as in `marginal`.
        values : array-like of shape (len(features),) or (n_rows, len(features))
            One number where `features` is one. Of a matrix each row is a case of its own.
        missing : {'error', 'mar'}, default='error'
            Of a matrix, whether NaN is an error, or stands for a value that is not known of that row.
        n_jobs : int or None, default=None
            Threads, of a matrix; None: all the cores that this process may use.

        Returns
        -------
        Mixture
            Over the remaining features, in their order; the structure as in `marginal`. Weights are
            the responsibilities of `values` (Bishop 2006, eqs. 2.81, 2.82 within each component).
        Conditionals
            Of a matrix: the same for all rows at once, with `mean`, `mean_and_std`, `covariance`,
            `quantiles`, `log_density`, `weights` and `sample`.

        Raises
        ------
        ValueError
            If a number of a column is not possible, as in `marginal`, if no feature would remain, or if
            `values` has another length, or holds NaN or infinity.

        Examples
        --------
        >>> import mixtura
        >>> mixture = mixtura.Mixture.from_parameters([1.0], [[0.0, 0.0]], [[[1.0, 0.8], [0.8, 1.0]]])
        >>> mixture.condition(0, 1.0).means
        array([[0.8]])
        >>> mean, std = mixture.condition(0, [[1.0], [2.0]]).mean_and_std()
        >>> mean[:, 0].round(2), std[:, 0].round(2)
        (array([0.8, 1.6]), array([0.6, 0.6]))
        """
        given = self._feature_indices(features)
        rest = [j for j in range(self.n_features) if j not in given]
        if not rest:
            raise ValueError("condition needs at least one feature left free, but all are given.")
        if np.ndim(values) == 2:
            return self._conditionals(given, values, n_jobs, missing)
        values = _as_floats(np.atleast_1d(values), "values", (len(given),))
        gain, covariances = self.structure.condition(self.covariances, given, rest)
        shift = np.einsum(
            "krg,kg->kr",
            np.broadcast_to(gain, (self.n_components, *gain.shape[1:])),
            values - self.means[:, given],
        )
        of_given = self.marginal(given)
        weights = of_given.responsibilities(values[np.newaxis])[0]
        means, kept = self.means[:, rest] + shift, np.ascontiguousarray(covariances)
        if self.df is None:
            return self._with(weights, means, kept)
        return self._with_tails(weights, means, kept, of_given, values)

    def _conditionals(
        self, given: list[int], values: Any, n_jobs: int | None, missing: str
    ) -> Conditionals:
        if np.shape(values)[1] != len(given):
            raise ValueError(
                f"values must have a column for each of the {len(given)} features that are given, got "
                f"{np.shape(values)[1]}."
            )
        known, threads = self._rows(values, n_jobs, missing, len(given))
        return Conditionals(self, given, known, threads)

    def _with_tails(
        self,
        weights: FloatArray,
        means: FloatArray,
        covariances: FloatArray,
        of_given: Mixture,
        values: FloatArray,
    ) -> Mixture:
        """The t components that remain: wider where the given values are far (Ding 2016)."""
        assert self.df is not None
        n_given = len(values)
        df = self.df + n_given
        widths = (self.df + of_given.square_distances(values)) / df
        kind = structure(_OF_OWN_WIDTH[self.structure.kernel.name])
        parts = structure(self.structure.of_parts or self.structure.name)
        matrices = parts.matrices(covariances, *means.shape) * widths[:, np.newaxis, np.newaxis]
        kept = np.einsum(
            {"full": "kij->kij", "diag": "kii->ki", "spherical": "kii->k"}[kind.name], matrices
        )
        kept = np.ascontiguousarray(kept / (means.shape[1] if kind.name == "spherical" else 1))
        factors = kind.factor_covariances(kept, *means.shape)
        return Mixture(
            kind, weights.copy(), np.ascontiguousarray(means), kept, factors, df
        ).frozen()

    def square_distances(self, row: FloatArray) -> FloatArray:
        """Of one row from every component, in units of its covariance: (n_components,)."""
        away = (row - self.means)[:, :, np.newaxis]
        solved = interruptible(np.linalg.solve, self.covariance_matrices(), away)
        distances: FloatArray = np.einsum("kij,kij->k", away, solved)
        return distances

    def _with(
        self,
        weights: FloatArray,
        means: FloatArray,
        covariances: FloatArray,
        df: FloatArray | None = None,
    ) -> Mixture:
        kind = structure(self.structure.of_parts or self.structure.name)
        means = np.ascontiguousarray(means)
        factors = kind.factor_covariances(covariances, *means.shape)
        df = None if df is None else df.copy()
        return Mixture(kind, weights.copy(), means, covariances.copy(), factors, df).frozen()

    def _feature_indices(self, features: int | Sequence[int]) -> list[int]:
        listed = list(features) if isinstance(features, Iterable) else [features]
        for j in listed:
            _check_column_number(j, self.n_features)
        indices = [int(j) % self.n_features for j in listed]
        if len(set(indices)) != len(indices) or not indices:
            raise ValueError(f"features must be distinct and at least one, got {listed}.")
        return indices


def check_n_samples(n_samples: Any) -> None:
    """Raise unless it is a number of rows to draw."""
    if not isinstance(n_samples, Integral) or isinstance(n_samples, bool):
        raise TypeError(f"n_samples must be a whole number of at least 1, got {n_samples!r}.")
    if n_samples < 1:
        raise ValueError(
            f"Invalid value for 'n_samples': {n_samples}. The sampling requires at least "
            "one sample."
        )


# Structure of t components of which some features are given: each then has a width of its own.
_OF_OWN_WIDTH = {"full": "full", "tied": "full", "diag": "diag", "spherical": "spherical"}


def _check_column_number(j: Any, n_features: int) -> None:
    if isinstance(j, bool | np.bool_):
        raise ValueError(
            "features must be numbers of columns, got a mask of True and False: give np.flatnonzero(mask)."
        )
    if not isinstance(j, Integral):
        raise ValueError(
            f"features must be numbers of columns, from 0 to {n_features - 1}, got {j!r}."
        )
    if not -n_features <= int(j) < n_features:
        raise ValueError(f"feature {j} is out of range: there are {n_features}.")


def checked_mixture(
    kind: CovarianceStructure,
    weights: Any,
    means: Any,
    covariances: Any,
    precisions_cholesky: Any,
    df: Any = None,
    noise: Noise | None = None,
    posterior: Posterior | None = None,
) -> Mixture:
    """The mixture of arrays from elsewhere, as a file: with their bits, where they are one.

    Densities are those of the factors. That the covariances are theirs is checked as closely as rounding
    allows; to factor these anew would give other bits, and none for what is singular on another machine.

    Raises
    ------
    ValueError
        If they are none.
    """
    share = 0.0 if noise is None else noise.weight
    weights, means, covariances = _checked(kind, weights, means, covariances, share)
    factors = _as_floats(precisions_cholesky, "precision factors", covariances.shape)
    kind.check_factors(factors, covariances)
    kind.check_family(covariances, len(means))
    df = check_df(df, len(means))
    return Mixture(kind, weights, means, covariances, factors, df, noise, posterior).frozen()


def check_df(df: Any, n_components: int) -> FloatArray | None:
    """Degrees of freedom, one a component, or None.

    Raises
    ------
    ValueError
        If one is not above 0, or there are more or fewer than components.
    """
    if df is None:
        return None
    values = _as_floats(df, "df")
    values = np.full(n_components, values) if values.ndim == 0 else values
    if values.shape != (n_components,):
        raise ValueError(f"df must have shape ({n_components},), got {values.shape}.")
    if (values <= 0).any():
        raise ValueError(f"df must be above 0, but the least is {values.min():g}.")
    return values


def _checked(
    kind: CovarianceStructure,
    weights: Any,
    means: Any,
    covariances: Any,
    share_of_noise: float = 0.0,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    means = _as_floats(means, "means")
    if means.ndim != 2:
        raise ValueError(f"means must be 2-D (n_components, n_features), got {means.ndim}-D.")
    if not means.size:
        raise ValueError("means must be of at least one component and one feature, but are empty.")
    n_components, n_features = means.shape
    check_features(kind, n_features)
    weights = _as_floats(weights, "weights", (n_components,))
    _check_weights(weights, share_of_noise)
    shape = kind.shape(n_components, n_features)
    covariances = _as_floats(covariances, f"'{kind.name}' covariances", shape)
    kind.check_symmetric(covariances)
    return weights, means, covariances


def _as_floats(values: Any, name: str, shape: tuple[int, ...] | None = None) -> FloatArray:
    array = np.array(values, dtype=np.float64, order="C")
    if shape is not None and array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}.")
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{name} must be finite numbers, but some are NaN or infinite.")
    return array


def _check_weights(weights: FloatArray, share_of_noise: float = 0.0) -> None:
    if np.any(weights < 0):
        k = int(np.argmin(weights))
        raise ValueError(f"weights must not be negative, but weight {k} is {weights[k]:g}.")
    if not np.isclose(weights.sum() + share_of_noise, 1.0, atol=1e-6):
        beside = " beside the noise's" if share_of_noise else ""
        raise ValueError(
            f"weights must sum to {1 - share_of_noise:.6g}{beside}, but their sum is {weights.sum():.6g}."
        )


def covariance_of(mixture: Mixture) -> FloatArray:
    """Of the mixture; of a structure without matrices its diagonal alone."""
    weights, offsets = mixture.weights, mixture.means - mixture.weights @ mixture.means
    if not mixture.structure.has_matrices:
        return np.diag(weights @ (mixture.spreads**2 + offsets**2))
    within = np.einsum("k,kij->ij", weights, mixture.covariance_matrices())
    return np.ascontiguousarray(within + (weights * offsets.T) @ offsets)
