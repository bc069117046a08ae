"""Conjugate priors on weights, means and covariances: EM then finds the maximum a posteriori."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from mixtura import _core
from mixtura.covariance import CovarianceStructure, structure
from mixtura.mixture import Mixture
from mixtura.support.arrays import FloatArray

PARTS = ("weights", "means", "covariances")

#: Those that have one covariance for all components, and so one prior of it.
_COMMON = ("EII", "EEI", "EEE")


@dataclass(frozen=True, eq=False, kw_only=True)
class Prior:
    """What is believed of a mixture before any row is seen: `GaussianMixture(prior=...)`.

    Dirichlet on the weights, normal on the means given the covariances, inverse Wishart on the covariances
    (inverse gamma on variances): each is worth some rows more, and without any of them the fit is that of
    maximum likelihood. Every argument is one for all components, or an array with one for each along its
    first axis.

    Parameters
    ----------
    concentration : float or array-like of shape (n_components,), default=1.0
        Alpha of the Dirichlet distribution: concentration - 1 rows more in the component. At least 1.
    mean : array-like of shape (n_features,) or (n_components, n_features), default=None
        Where means are expected; needed where mean_count is above 0.
    mean_count : float or array-like of shape (n_components,), default=0.0
        Kappa: the rows that `mean` is worth. Given its covariance S a mean is normal with the covariance
        S / kappa.
    degrees_of_freedom : float or array-like of shape (n_components,), default=None
        Nu of the inverse Wishart distribution; of each variance the inverse gamma one with shape nu / 2.
        None: no prior on covariances.
    scatter : array-like, default=None
        Lambda, the scale matrix of that distribution, in the shape of one covariance: (n_features,
        n_features), of 'diag' (n_features,) and of 'spherical' a number; of variances the inverse gamma
        distribution's scale is half of each. Structures that have one covariance for all (tied, EII, EEI,
        EEE) take one.
    mixture : Mixture, default=None
        Where EM begins; those of its parameters that have no prior are kept as they are (`from_mixture`).

    See Also
    --------
    GaussianMixture : prior='default' is made of the rows, as Fraley & Raftery propose.

    References
    ----------
    Fraley & Raftery 2007, Bayesian regularization for normal mixture estimation and model-based clustering.
    Gauvain & Lee 1994, Maximum a posteriori estimation for multivariate Gaussian mixture observations.

    Examples
    --------
    >>> import numpy as np
    >>> from mixtura import GaussianMixture, Prior
    >>> X = np.array([[0.0], [0.2], [5.0], [5.1], [5.2]])
    >>> prior = Prior(mean=[[0.0], [5.0]], mean_count=3, degrees_of_freedom=3, scatter=[[0.1]])
    >>> GaussianMixture(2, prior=prior, random_state=0).fit(X).means_.round(2).tolist()
    [[0.04], [5.05]]
    """

    concentration: Any = 1.0
    mean: Any = None
    mean_count: Any = 0.0
    degrees_of_freedom: Any = None
    scatter: Any = None
    mixture: Mixture | None = None

    def __post_init__(self) -> None:
        for name in _ARRAYS:
            object.__setattr__(self, name, _numbers(name, getattr(self, name)))
        if np.any(self.concentration < 1):
            raise ValueError(
                "concentration of a Prior must be at least 1: 1 is no prior on weights."
            )
        if np.any(self.mean_count < 0):
            raise ValueError(
                "mean_count of a Prior must be 0 or more: the rows that its mean is worth."
            )
        if self.mean is None and np.any(self.mean_count > 0):
            raise ValueError("A Prior with a mean_count needs the mean that is worth so many rows.")
        if (self.scatter is None) != (self.degrees_of_freedom is None):
            raise ValueError("A Prior of covariances needs both degrees_of_freedom and scatter.")

    @classmethod
    def from_mixture(
        cls, mixture: Any, relevance: float = 16.0, adapt: Iterable[str] = ("means",)
    ) -> Self:
        """Return the prior that adapts a mixture to other rows, component by component.

        With `adapt=('means',)` this is the adaptation of a background model (Reynolds, Quatieri & Dunn
        2000): the first iteration moves each mean by n / (n + relevance) of the way to that of its n rows,
        and weights and covariances stay. GaussianMixture then begins at the mixture.

        Parameters
        ----------
        mixture : Mixture or fitted GaussianMixture
        relevance : float, default=16.0
            Rows that what is adapted is worth in each component; above 1.
        adapt : iterable of {'means', 'weights', 'covariances'}, default=('means',)
            What has a prior. Weights: concentration = 1 + relevance * n_components * weight. Covariances: as
            many rows of that covariance. The others are kept.

        Returns
        -------
        Prior

        Raises
        ------
        ValueError
            If relevance is not above 1, or there is no such part.
        """
        known: Mixture = getattr(mixture, "mixture_", mixture)
        parts = (adapt,) if isinstance(adapt, str) else tuple(adapt)
        wrong = [part for part in parts if part not in PARTS]
        if wrong or not parts:
            raise ValueError(f"adapt must name some of {', '.join(PARTS)}, got {adapt!r}.")
        if not 1 < relevance < np.inf:
            raise ValueError(f"relevance must be a number of rows above 1, got {relevance!r}.")
        own: dict[str, Any] = {}
        if "weights" in parts:
            own["concentration"] = 1 + relevance * known.n_components * known.weights
        if "means" in parts:
            own |= {"mean": known.means, "mean_count": relevance}
        if "covariances" in parts:
            own |= _prior_at_covariances(known, relevance, "means" in parts)
        return cls(**own, mixture=known)

    @property
    def kept(self) -> dict[str, FloatArray]:
        """Parameters of the mixture that have no prior, by their names."""
        if self.mixture is None:
            return {}
        has_prior = {
            "weights": bool(np.any(self.concentration > 1)),
            "means": bool(np.any(self.mean_count > 0)),
            "covariances": self.degrees_of_freedom is not None,
        }
        return {part: getattr(self.mixture, part) for part in PARTS if not has_prior[part]}

    @property
    def n_components(self) -> int:
        """Of the mixtures that it is for; 0: of any, since it is the same for all components."""
        if self.mixture is not None:
            return self.mixture.n_components
        # Those of a scatter tell of components only where the structure is known.
        n_axes = {"concentration": 0, "mean": 1, "mean_count": 0, "degrees_of_freedom": 0}
        for name, n in n_axes.items():
            array = getattr(self, name)
            if array is not None and array.ndim > n:
                return len(array)
        return 0

    def check(self, kind: CovarianceStructure, n_components: int, n_features: int) -> None:
        """Raise ValueError where it is none of such mixtures, or their likelihood has no maximum under it."""
        if self.mixture is not None:
            theirs = (self.mixture.covariance_type, *self.mixture.means.shape)
            ours = (kind.name, n_components, n_features)
            if theirs != ours:
                raise ValueError(
                    "The prior is of a mixture of (covariance_type, n_components, n_features) = "
                    f"{theirs}, but {ours} is fitted."
                )
        for name, shape in self._shapes(kind, n_features).items():
            array = getattr(self, name)
            is_common = name in ("degrees_of_freedom", "scatter") and kind.letters in _COMMON
            shapes = [shape] if is_common else [shape, (n_components, *shape)]
            if array is not None and array.shape not in shapes:
                one = f"shape {shapes[-1]}" if len(shapes) > 1 else "one for all components"
                raise ValueError(
                    f"{name} of the prior must have shape {shape} or {one} for "
                    f"covariance_type={kind.name!r}, got {array.shape}."
                )
        if self.degrees_of_freedom is not None:
            self._check_covariances(kind, n_features)

    def _check_covariances(self, kind: CovarianceStructure, n_features: int) -> None:
        if np.any(self._covariance_counts(kind, n_features) <= 0):
            least = _degrees_of_freedom(kind, n_features, 0.0)
            raise ValueError(
                f"The prior is improper for covariance_type={kind.name!r}: degrees_of_freedom must be above "
                f"{least:g} in {n_features} features."
            )
        scatter = np.asarray(self.scatter)
        if not kind.has_matrices:
            is_positive = bool(np.all(scatter > 0))
        else:
            is_positive = bool(
                np.allclose(scatter, np.swapaxes(scatter, -1, -2), rtol=1e-5, atol=0)
                and np.all(np.linalg.eigvalsh(scatter) > 0)
            )
        if not is_positive:
            raise ValueError(
                f"The prior is improper for covariance_type={kind.name!r}: its scatter must be "
                + ("symmetric and positive definite." if kind.has_matrices else "above 0.")
            )

    def native(self, kind: CovarianceStructure, n_components: int, n_features: int) -> Any:
        """As the core takes it, of each component; n_components = 0: one for all."""
        n = max(n_components, 1)
        shapes = self._shapes(kind, n_features)
        mean = np.zeros(n_features) if self.mean is None else self.mean
        size = shapes["scatter"]
        counts, scatter = np.zeros(()), np.zeros(size)
        if self.degrees_of_freedom is not None:
            counts, scatter = self._covariance_counts(kind, n_features), self.scatter
        n_own = 1 if kind.shared else n
        values = (
            (self.concentration - 1, (n,)),
            (mean, (n, n_features)),
            (self.mean_count, (n,)),
            (counts, (n_own,)),
            (scatter, (n_own, *size)),
        )
        return tuple(
            np.ascontiguousarray(np.broadcast_to(value, shape), dtype=np.float64)
            for value, shape in values
        )

    def _covariance_counts(self, kind: CovarianceStructure, n_features: int) -> FloatArray:
        """What the prior adds to the counts of log-determinants; that of the mean apart."""
        if kind.has_matrices:
            return np.asarray(self.degrees_of_freedom + n_features + 1)
        per_count = 1 if kind.kernel == _core.Structure.diag else n_features
        return np.asarray((self.degrees_of_freedom + 2) / per_count)

    def _shapes(self, kind: CovarianceStructure, n_features: int) -> dict[str, tuple[int, ...]]:
        one = kind.shape(1, n_features)
        size = one if kind.shared else one[1:]
        return {
            "concentration": (),
            "mean": (n_features,),
            "mean_count": (),
            "degrees_of_freedom": (),
            "scatter": size,
        }

    def n_components_of(self, kind: CovarianceStructure, n_features: int) -> int:
        """As `n_components`, by the scatter too."""
        size = self._shapes(kind, n_features)["scatter"]
        if self.scatter is not None and self.scatter.ndim > len(size):
            return len(self.scatter)
        return self.n_components

    def as_json(self) -> dict[str, Any]:
        """As lists and numbers, which `from_json` takes."""
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        json = {name: None if value is None else value.tolist() for name, value in arrays.items()}
        mixture = self.mixture
        if mixture is None:
            return json
        described: dict[str, Any] = {part: getattr(mixture, part).tolist() for part in PARTS}
        described["covariance_type"] = mixture.covariance_type
        described["df"] = None if mixture.df is None else mixture.df.tolist()
        return json | {"mixture": described}

    @classmethod
    def from_json(cls, json: Mapping[str, Any]) -> Self:
        """What `as_json` gave."""
        arguments = dict(json)
        mixture = arguments.pop("mixture", None)
        made = None if mixture is None else Mixture.from_parameters(**mixture)
        return cls(**arguments, mixture=made)


_ARRAYS = ("concentration", "mean", "mean_count", "degrees_of_freedom", "scatter")


def _numbers(name: str, value: Any) -> FloatArray | None:
    if value is None:
        return None
    try:
        array: FloatArray = np.array(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} of a Prior must be numbers, got {value!r}.") from error
    if not np.isfinite(array).all():
        raise ValueError(f"{name} of a Prior must be finite, but it contains NaN or infinity.")
    array.setflags(write=False)
    return array


def _degrees_of_freedom(kind: CovarianceStructure, n_features: int, count: float) -> float:
    """Those that add so much to the count of a log-determinant."""
    if kind.has_matrices:
        return count - n_features - 1
    return count * (1 if kind.kernel == _core.Structure.diag else n_features) - 2


def _prior_at_covariances(mixture: Mixture, relevance: float, has_means: bool) -> dict[str, Any]:
    """Of as many rows of each covariance, that of the mean included."""
    kind, (k, d) = structure(mixture.covariance_type), mixture.means.shape
    rows, means, covariances = relevance, float(has_means), mixture.covariances
    if kind.letters in _COMMON:
        rows, means = k * relevance, k * means
        covariances = covariances if kind.shared else covariances[0]
    features = d if kind.kernel == _core.Structure.spherical else 1
    return {
        "degrees_of_freedom": _degrees_of_freedom(kind, d, rows - means),
        "scatter": rows * features * covariances,
    }


__all__ = ["PARTS", "Prior"]
