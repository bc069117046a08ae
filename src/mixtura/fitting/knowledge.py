"""What is known of a mixture's parameters, from an estimator's arguments: one sentence where it cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixtura import _core
from mixtura.covariance import CovarianceStructure
from mixtura.em import NOTHING, Bounds, Fixed, Knowledge, Prior
from mixtura.em.prior import PARTS
from mixtura.fitting.diagnosis import total_covariance
from mixtura.fitting.given_parameters import GivenParameters
from mixtura.rows import Blocks
from mixtura.support.arrays import Array, FloatArray

# Structures of which the likeliest covariances within a ratio of eigenvalues are known.
_WITH_RATIO = ("VVV", "EEE", "VVI", "EEI", "VII")


@dataclass(frozen=True, eq=False)
class KnownArguments:
    """The arguments of an estimator that tell of parameters, as the user gave them."""

    prior: Any = None
    fixed: Any = None
    equal_weights: bool = False
    min_weight: float | None = None
    max_eigenvalue_ratio: float | None = None

    @property
    def are_there(self) -> bool:
        """Whether any was given."""
        has_prior = self.prior is not None or bool(self.fixed)
        bounds = self.min_weight, self.max_eigenvalue_ratio
        return has_prior or self.equal_weights or any(bound is not None for bound in bounds)


def knowledge_of(
    arguments: KnownArguments,
    blocks: Blocks,
    kind: CovarianceStructure,
    n_components: int,
    given: GivenParameters,
    has_noise: bool,
) -> Knowledge:
    """What the arguments tell.

    given: the starting parameters, whose values `fixed` fixes.

    Raises
    ------
    ValueError
        If they cannot be, or not together.
    """
    if not arguments.are_there:
        return NOTHING
    n_features = blocks.shape[1]
    prior = arguments.prior
    if prior == "default":
        prior = default_prior(blocks, kind, n_components)
    if prior is not None:
        prior.check(kind, n_components, n_features)
    fixed = _fixed(arguments.fixed, prior, kind, n_components, given)
    bounds = _bounds(arguments, blocks, kind)
    _check_together(arguments, n_components, prior, fixed, has_noise)
    return Knowledge(prior, fixed, bounds)


def default_prior(blocks: Blocks, kind: CovarianceStructure, n_components: int) -> Prior:
    """That of Fraley & Raftery 2007.

    nu = d + 2, kappa = 0.01, the mean of all rows; their covariance (with n - 1) over n_components^(2 / d),
    of variances the mean of its diagonal.
    """
    n_features = blocks.shape[1]
    covariance = total_covariance(blocks, kind)
    if not np.all(np.diag(covariance) > 0):
        raise ValueError(
            "prior='default' takes its scatter from the rows, but a feature of X does not vary: leave that "
            "feature out, or give a Prior."
        )
    known = covariance if kind.has_matrices else np.diag(covariance).copy()
    n_rows = blocks.weight * blocks.rows_per_weight
    one = _core.default_scatter(kind.kernel, n_components, known, n_rows)
    shape = kind.shape(1, n_features)
    one = one.reshape(shape if kind.shared else shape[1:])
    return Prior(
        mean=blocks.mean, mean_count=0.01, degrees_of_freedom=n_features + 2.0, scatter=one
    )


def _fixed(
    asked: Any,
    prior: Prior | None,
    kind: CovarianceStructure,
    n_components: int,
    given: GivenParameters,
) -> Fixed:
    kept = {} if prior is None else prior.kept
    values: dict[str, FloatArray] = dict(kept)
    for part, which in _checked_parts(asked, n_components).items():
        if not which.any():
            continue
        if part in kept:
            raise ValueError(
                f"fixed[{part!r}] is not needed: the prior keeps those of its mixture."
            )
        own = getattr(given, part)
        if own is None:
            names = (
                "covariances_init or precisions_init" if part == "covariances" else f"{part}_init"
            )
            raise ValueError(f"fixed={{{part!r}: ...}} needs their values: give {names}.")
        values[part] = _masked(part, own, which, kind)
    return Fixed(**values)


def _checked_parts(asked: Any, n_components: int) -> dict[str, Array]:
    """A mask over the components for each part."""
    if asked is None:
        return {}
    if not isinstance(asked, Mapping) or not set(asked) <= set(PARTS):
        raise ValueError(
            f"fixed must be a dict with some of the keys {', '.join(map(repr, PARTS))}, got {asked!r}."
        )
    return {part: _mask(part, which, n_components) for part, which in asked.items()}


def _mask(part: str, which: Any, n_components: int) -> Array:
    mask = np.asarray(which)
    if mask.dtype != bool or mask.shape not in ((), (n_components,)):
        raise ValueError(
            f"fixed[{part!r}] must be True, or a boolean for each of the {n_components} components, got "
            f"{which!r}."
        )
    return np.broadcast_to(mask, (n_components,))


def _masked(part: str, own: FloatArray, which: Array, kind: CovarianceStructure) -> FloatArray:
    if part == "covariances" and (kind.shared or "E" in kind.letters):
        if not which.all():
            raise ValueError(
                f"fixed['covariances'] must be True for covariance_type={kind.name!r}, whose components "
                "share a part of their covariances."
            )
        which = np.ones(len(own), dtype=bool)
    values = own.copy()
    values[~which] = np.nan
    if np.isnan(values[which]).any():
        raise ValueError(f"fixed[{part!r}] holds a component whose value is NaN in {part}_init.")
    return values


def _bounds(arguments: KnownArguments, blocks: Blocks, kind: CovarianceStructure) -> Bounds:
    ratio, spreads = arguments.max_eigenvalue_ratio, None
    if ratio is not None:
        if kind.letters not in _WITH_RATIO:
            raise ValueError(
                f"max_eigenvalue_ratio is not possible with covariance_type={kind.name!r}: take one of "
                f"{', '.join(_WITH_RATIO)} (full, tied, diag and spherical are among them)."
            )
        spreads = np.sqrt(blocks.variances)
        spreads = np.where(spreads > 0, spreads, 1.0)
    return Bounds(
        arguments.equal_weights,
        arguments.min_weight or 0.0,
        np.inf if ratio is None else float(ratio),
        spreads,
    )


def _check_together(
    arguments: KnownArguments,
    n_components: int,
    prior: Prior | None,
    fixed: Fixed,
    has_noise: bool,
) -> None:
    least = arguments.min_weight or 0.0
    if least * n_components > 1:
        raise ValueError(
            f"min_weight={least:g} is too much for n_components={n_components}: their weights would sum to "
            "more than 1."
        )
    if arguments.max_eigenvalue_ratio is not None and fixed.covariances is not None:
        raise ValueError("max_eigenvalue_ratio and fixed covariances cannot be combined.")
    if fixed.weights is None:
        return
    if arguments.equal_weights:
        raise ValueError("equal_weights=True and fixed weights cannot be combined.")
    known = fixed.weights[~np.isnan(fixed.weights)]
    n_free, rest = n_components - len(known), 1 - known.sum()
    if np.any(known < least):
        raise ValueError(
            f"A weight is fixed at {known.min():g}, which is below min_weight={least:g}."
        )
    if n_free == 0 and not has_noise and abs(rest) > 1e-6:
        raise ValueError(f"All weights are fixed, but they sum to {known.sum():g} and not to 1.")
    if (n_free > 0 or has_noise) and not rest > max(least * n_free, 1e-12):
        if prior is not None and "weights" in prior.kept:
            raise ValueError(
                "The prior keeps the weights of its mixture, which leave nothing for noise=True: name "
                "'weights' in adapt of Prior.from_mixture."
            )
        what = "the free weights" if n_free else "the noise"
        raise ValueError(
            f"Fixed weights sum to {known.sum():g}, which leaves too little for {what}."
        )


__all__ = ["KnownArguments", "default_prior", "knowledge_of"]
