"""The sufficient statistics of an EM iteration: all that the M-step knows about the rows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.special import digamma

from mixtura import _core
from mixtura.covariance import CovarianceStructure
from mixtura.mixture import Mixture
from mixtura.support.arrays import Array, FloatArray

#: Where a sum stands in the block, its shape, and whether it is one a component.
_Place = tuple[slice, tuple[int, ...], bool]


@lru_cache(maxsize=512)
def _layout(
    kernel: _core.Structure, n_components: int, n_features: int, has_scales: bool
) -> dict[str, _Place]:
    """Which sums there are: the core says it (cpp/model/statistics.hpp)."""
    sums = _core.SumLayout(kernel, n_components, n_features, has_scales).sums
    return {
        name: (slice(begin, begin + int(np.prod(shape, dtype=int))), shape, is_by_component)
        for name, begin, shape, is_by_component in sums
    }


@lru_cache(maxsize=512)
def _size(
    kernel: _core.Structure, n_components: int, n_features: int, has_scales: bool = False
) -> int:
    return int(_core.SumLayout(kernel, n_components, n_features, has_scales).size)


@lru_cache(maxsize=64)
def upper_half(
    kernel: _core.Structure, n_components: int, n_features: int, has_scales: bool = False
) -> Array:
    """Numbers of a block, without one half of symmetric matrices: all that has to be sent or stored."""
    size = _size(kernel, n_components, n_features, has_scales)
    if kernel not in (_core.Structure.full, _core.Structure.tied):
        return np.arange(size)
    seconds, shape, _ = _layout(kernel, n_components, n_features, has_scales)["seconds"]
    numbers = np.arange(seconds.start, seconds.stop).reshape(shape)
    upper = numbers[..., *np.triu_indices(n_features)]
    return np.concatenate([np.arange(seconds.start), upper.ravel()])


def from_upper_half(
    half: FloatArray,
    kernel: _core.Structure,
    n_components: int,
    n_features: int,
    has_scales: bool = False,
) -> FloatArray:
    """Return the block that such a half is of."""
    block = np.empty(_size(kernel, n_components, n_features, has_scales))
    block[upper_half(kernel, n_components, n_features, has_scales)] = half
    if kernel in (_core.Structure.full, _core.Structure.tied):
        place, shape, _ = _layout(kernel, n_components, n_features, has_scales)["seconds"]
        seconds = block[place].reshape(shape)
        i, j = np.triu_indices(n_features)
        seconds[..., j, i] = seconds[..., i, j]
    return block


@dataclass(frozen=True, eq=False, slots=True)
class SufficientStatistics:
    """Sums over rows, about fixed centres c, in one block of numbers. A monoid: `+` adds the blocks.

    The centres are the means that the responsibilities r were computed with, so firsts / counts
    tends to 0 as EM converges and nothing cancels, wherever the origin lies.

    Attributes
    ----------
    structure : CovarianceStructure
    centres : ndarray of shape (n_components, n_features)
    block : ndarray of shape (n_sums,)
        All sums. Each by its name is a view of it.
    weight : float
        Sum of w.
    log_likelihood : float
        Sum of w log p(x), of the mixture that the responsibilities come from.
    log_certainty : float
        Sum of w log max_k r_k(x): the entropy term of ICL.
    noise : float
        Sum of w r of the background.
    counts : ndarray of shape (n_components,)
        Sums of w r.
    scales, log_scales : ndarray of shape (n_components,)
        Sums of w r u and of w r (E[log u] - u), where components are of Student's t; u is the weight of a
        row, (df + n_features) / (df + its squared distance). Gaussian: u = 1.
    firsts : ndarray of shape (n_components, n_features)
        Sums of w r u (x - c).
    seconds : ndarray in the structure's shape
        Sums of w r u (x - c)(x - c)^T, or what the structure keeps of them.
    """

    structure: CovarianceStructure
    centres: FloatArray
    block: FloatArray
    #: Where each sum stands: looked up once, since a small fit asks for some dozens.
    _places: dict[str, _Place] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        kernel, sizes = self.structure.kernel, self.centres.shape
        places = _layout(kernel, *sizes, len(self.block) != _size(kernel, *sizes))
        object.__setattr__(self, "_places", places)

    @classmethod
    def of(
        cls, structure: CovarianceStructure, centres: FloatArray, **sums: Any
    ) -> SufficientStatistics:
        """Return statistics with these sums; those that are not named are 0."""
        layout = _layout(structure.kernel, *centres.shape, "scales" in sums)
        block = np.zeros(max(place.stop for place, _, _ in layout.values()))
        for name, values in sums.items():
            block[layout[name][0]] = np.ravel(values)
        return cls(structure, centres, block)

    @classmethod
    def implied_by(
        cls, mixture: Mixture, weight: float, log_likelihood: float, log_certainty: float
    ) -> SufficientStatistics:
        """Return statistics whose M-step, with reg_covar 0, gives `mixture` back."""
        counts = weight * mixture.weights
        more: dict[str, Any] = {}
        if mixture.noise is not None:
            more["noise"] = weight * mixture.noise.weight
        if mixture.df is not None:  # what u, drawn from Gamma(df / 2, df / 2), has on average
            log_scales = digamma(mixture.df / 2) - np.log(mixture.df / 2) - 1
            more |= {"scales": counts, "log_scales": counts * log_scales}
        return cls.of(
            mixture.structure,
            mixture.means,
            weight=weight,
            log_likelihood=log_likelihood,
            log_certainty=log_certainty,
            counts=counts,
            seconds=mixture.structure.moments(mixture.covariances, counts, mixture.n_features),
            **more,
        )

    def _number(self, name: str) -> float:
        number: float = self.block.item(self._places[name][0].start)
        return number

    def _sum(self, name: str) -> FloatArray:
        place, shape, _ = self._places[name]
        return self.block[place].reshape(shape)

    @property
    def weight(self) -> float:
        """Sum of w."""
        return self._number("weight")

    @property
    def log_likelihood(self) -> float:
        """Sum of w log p(x)."""
        return self._number("log_likelihood")

    @property
    def log_certainty(self) -> float:
        """Sum of w log max_k r_k(x)."""
        return self._number("log_certainty")

    @property
    def noise(self) -> float:
        """Sum of w r of the background."""
        return self._number("noise")

    @property
    def has_scales(self) -> bool:
        """Whether components are of Student's t."""
        return "scales" in self._places

    @property
    def scales(self) -> FloatArray:
        """Sums of w r u: those that the moments weigh."""
        return self._sum("scales" if self.has_scales else "counts")

    @property
    def log_scales(self) -> FloatArray:
        """Sums of w r (E[log u] - u), of Student's t components."""
        return self._sum("log_scales")

    @property
    def counts(self) -> FloatArray:
        """Sums of w r."""
        return self._sum("counts")

    @property
    def firsts(self) -> FloatArray:
        """Sums of w r (x - c)."""
        return self._sum("firsts")

    @property
    def seconds(self) -> FloatArray:
        """Sums of w r (x - c)(x - c)^T."""
        return self._sum("seconds")

    def __add__(self, other: SufficientStatistics) -> SufficientStatistics:
        same_centres = self.centres is other.centres or np.array_equal(self.centres, other.centres)
        if self.structure != other.structure or not same_centres:
            raise ValueError(
                "Only statistics of the same structure about the same centres can be added."
            )
        return replace(self, block=self.block + other.block)

    def scaled(self, factor: float) -> SufficientStatistics:
        """Return the statistics of the same rows at `factor` times their weights."""
        return replace(self, block=factor * self.block)

    def about(self, centres: FloatArray) -> SufficientStatistics:
        """Return the same sums about other centres, by algebra alone.

        Exact but for rounding: like the M-step it loses digits where the new centres lie many spreads away.
        """
        _, block = _core.about(self.structure.kernel, self.centres, self.block, centres)
        return replace(self, centres=centres, block=block)

    def permuted(self, order: Array) -> SufficientStatistics:
        """Return the same sums with the components in another order, as `Mixture.permuted`."""
        block = self.block.copy()
        for name, (place, _, is_by_component) in self._places.items():
            if is_by_component:
                block[place] = self._sum(name)[order].ravel()
        return replace(self, centres=self.centres[order], block=block)

    @property
    def mean_log_likelihood(self) -> float:
        """Log-likelihood a row (per unit of weight)."""
        return self.log_likelihood / self.weight

    @property
    def means(self) -> FloatArray:
        """The means that these statistics imply; a component without rows stays at its centre."""
        scales = self.scales
        scales = np.where(scales > 0, scales, 1.0)
        return self.centres + self.firsts / scales[:, np.newaxis]


__all__ = ["SufficientStatistics", "from_upper_half", "upper_half"]
