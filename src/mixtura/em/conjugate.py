"""Conjugate priors of variational Bayes, and what a posterior of theirs is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from scipy.special import gammaln

from mixtura.covariance import CovarianceStructure
from mixtura.mixture import Mixture, Predictive, predictive_of
from mixtura.support.arrays import Array, FloatArray

Numbers = float | FloatArray

#: Structures whose posterior is of the prior's family: three letters.
CONJUGATE = frozenset({"EII", "VII", "EEI", "VVI", "EEE", "VVV"})

# Those with one precision for all components.
_COMMON = frozenset({"EII", "EEI", "EEE"})


@dataclass(frozen=True, eq=False)
class ConjugatePrior:
    """What is believed of a mixture before any row is seen (cpp/m_step/variational.hpp).

    Of a component it is the same for all, or each has its own, along a first axis of n_components: so the
    posterior of one fit is the prior of the next (`BayesianGaussianMixture.as_prior`).

    Attributes
    ----------
    sticks : bool
        Whether the weights' prior is a Dirichlet process, by its sticks; else a Dirichlet distribution.
    by_size : bool
        Whether the sticks are those of the components in order of their rows, the most first, in which the
        bound is highest; else they have the components' order.
    concentration : float or ndarray of shape (n_components,)
        Of the process, or for each component of the distribution; of sticks the second parameter of each.
    mean : ndarray of shape (n_features,) or (n_components, n_features)
    mean_precision : float or ndarray of shape (n_components,)
        Rows that the mean counts as.
    degrees_of_freedom : float or ndarray of shape (n_components,)
        Rows that the scatter counts as.
    scatter : ndarray
        In the shape of one covariance; or (n_components, ...).
    stick_counts : float or ndarray of shape (n_components,), default=1.0
        The first parameter of each stick.
    noise_counts : tuple of two floats, default=(1.0, 1.0)
        Of the Beta distribution of the noise's weight, where there is noise.
    """

    sticks: bool
    by_size: bool
    concentration: Numbers
    mean: FloatArray
    mean_precision: Numbers
    degrees_of_freedom: Numbers
    scatter: FloatArray
    stick_counts: Numbers = 1.0
    noise_counts: tuple[float, float] = (1.0, 1.0)

    def __repr__(self) -> str:
        own = f"{len(self.mean)} components" if self.is_of_each else "all components alike"
        return f"ConjugatePrior({own}, {self.mean.shape[-1]} features)"

    @property
    def is_of_each(self) -> bool:
        """Whether each component has its own, so that they are told apart."""
        return self.mean.ndim == 2

    def scatter_of(self, kind: CovarianceStructure, n_features: int) -> FloatArray:
        """The scatter, in the shape of one covariance of that structure, or of each."""
        one = kind.shape(1, n_features)
        shape = one if kind.shared else one[1:]
        scatter = np.asarray(self.scatter, dtype=np.float64)
        return scatter.reshape((-1, *shape) if scatter.size > np.prod(shape) else shape)

    @property
    def native(self) -> Any:
        """Its counts, means and scatters as the core takes them."""
        numbers = (
            self.concentration,
            self.stick_counts,
            self.mean,
            self.mean_precision,
            self.degrees_of_freedom,
            self.scatter,
        )
        return tuple(np.array(value, dtype=np.float64).ravel() for value in numbers)

    def check(self, kind: CovarianceStructure, n_components: int, n_features: int) -> None:
        """Raise ValueError where it is of other mixtures."""
        one = kind.shape(1, n_features)
        size = int(np.prod(one if kind.shared else one[1:]))
        if self.mean.shape[-1] != n_features:
            raise ValueError(
                f"The prior is of {self.mean.shape[-1]} features, but X has {n_features}."
            )
        if self.is_of_each and len(self.mean) != n_components:
            raise ValueError(
                f"The prior is of {len(self.mean)} components, but n_components={n_components}."
            )
        n_own = 1 if self.is_common(kind) or not self.is_of_each else n_components
        n_given = np.size(self.degrees_of_freedom)
        if np.size(self.scatter) != n_own * size or n_given != n_own:
            raise ValueError(
                f"The prior is of other covariances than covariance_type={kind.name!r}."
            )

    @staticmethod
    def is_common(kind: CovarianceStructure) -> bool:
        """Whether all components have one precision."""
        return kind.letters in _COMMON

    # The posterior, by the rows in each component.

    def mean_precisions(self, mixture: Mixture) -> FloatArray:
        """Rows that each posterior mean counts as: (n_components,)."""
        return np.asarray(self.mean_precision + _counts(mixture))

    def all_degrees_of_freedom(self, mixture: Mixture) -> FloatArray:
        """Rows that each posterior covariance counts as: (n_components,)."""
        counts = _counts(mixture)
        if self.is_common(mixture.structure):
            counts = np.full_like(counts, counts.sum())
        return np.asarray(self.degrees_of_freedom + counts)

    def weight_concentrations(self, mixture: Mixture) -> FloatArray | tuple[FloatArray, FloatArray]:
        """Of the posterior Dirichlet distribution; of sticks both parameters of each Beta distribution."""
        counts = _counts(mixture)
        if not self.sticks:
            return np.asarray(self.concentration + counts)
        order = self.order_of_sticks(mixture)
        behind = np.empty_like(counts)
        behind[order] = counts[order][::-1].cumsum()[::-1] - counts[order]
        return np.asarray(self.stick_counts + counts), np.asarray(self.concentration + behind)

    def noise_counts_of(self, mixture: Mixture) -> tuple[float, float]:
        """Both parameters of the posterior Beta distribution of the noise's weight."""
        if mixture.noise is None:
            return self.noise_counts
        assert mixture.posterior is not None
        before, counts = self.noise_counts, mixture.posterior.counts
        return before[0] + float(counts[-1]), before[1] + float(counts[:-1].sum())

    def posterior(self, mixture: Mixture) -> ConjugatePrior:
        """What is believed once the rows are seen, as a prior of each component.

        Raises
        ------
        ValueError
            If the sticks are not in the order of the components.
        """
        weights, nu = (
            self.weight_concentrations(mixture),
            self.all_degrees_of_freedom(mixture),
        )
        in_order = (np.diff(self.order_of_sticks(mixture)) > 0).all()
        if self.sticks and not in_order:
            raise ValueError(
                "The sticks of the Dirichlet process are not in the order of the components, which labels "
                "settle: take weight_concentration_prior_type='dirichlet_distribution'."
            )
        kind, scatter = mixture.structure, mixture.covariances
        if self.is_common(kind):
            nu, scatter = nu[:1], scatter if kind.shared else scatter[:1]
        own = nu.reshape(-1, *[1] * (scatter.ndim - 1)) * scatter
        stick_counts, concentration = weights if isinstance(weights, tuple) else (1.0, weights)
        return ConjugatePrior(
            self.sticks,
            False,
            concentration,
            mixture.means.copy(),
            self.mean_precisions(mixture),
            nu if len(nu) > 1 else float(nu[0]),
            own if len(own) > 1 or kind.shared else own[0],
            stick_counts,
            self.noise_counts_of(mixture),
        )

    def order_of_sticks(self, mixture: Mixture) -> Array:
        """The components in the order of their sticks."""
        counts = _counts(mixture)
        return np.argsort(-counts, kind="stable") if self.by_size else np.arange(len(counts))

    def predictive(self, mixture: Mixture) -> Predictive:
        """The density of a further row."""
        of_means, of_covariances = (
            self.mean_precisions(mixture),
            self.all_degrees_of_freedom(mixture),
        )
        return predictive_of(mixture, of_means, of_covariances)

    def log_relabellings(self, mixture: Mixture) -> float:
        """Log of how many posteriors there are that differ from this one in their labels alone.

        A Dirichlet distribution tells no component from another: K! of them, fewer by those of components
        without rows, which are the same. The sticks are in an order, and a prior of each tells them apart.
        """
        if self.sticks or self.is_of_each:
            return 0.0
        n_empty = int((_counts(mixture) < _NO_ROWS).sum())
        return float(gammaln(mixture.n_components + 1) - gammaln(n_empty + 1))

    # In files

    def as_json(self) -> dict[str, Any]:
        """As lists and numbers, which `from_json` takes."""
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: value if isinstance(value, bool) else np.asarray(value).tolist()
            for name, value in own.items()
        }

    @classmethod
    def from_json(cls, json: Mapping[str, Any]) -> Self:
        """What `as_json` gave."""
        made = {
            name: np.array(value, dtype=np.float64) if isinstance(value, list) else value
            for name, value in json.items()
        }
        made["scatter"] = np.array(json["scatter"], dtype=np.float64)
        of_noise, of_rows = json.get("noise_counts", (1.0, 1.0))
        return cls(**made | {"noise_counts": (of_noise, of_rows)})


# Effective rows below which a component is the prior alone.
_NO_ROWS = 1e-3


def _counts(mixture: Mixture) -> FloatArray:
    assert mixture.posterior is not None
    return mixture.posterior.counts[: mixture.n_components]


__all__ = ["CONJUGATE", "ConjugatePrior"]
