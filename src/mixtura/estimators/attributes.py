"""The mixture that the public attributes describe, whoever has set them: a fit, or a user by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixtura.covariance import CovarianceStructure, check_features, structure
from mixtura.mixture import Mixture, Noise, check_df
from mixtura.support.arrays import Array, FloatArray

#: Each says what the covariances are; any one is enough, and those that are given must agree.
_SPREADS = ("covariances_", "precisions_cholesky_", "precisions_")

PARAMETERS = ("weights_", "means_", *_SPREADS)

#: Those of t components and of noise alone.
OF_KINDS = ("df_", "noise_weight_", "noise_log_volume_", "noise_box_")


@dataclass(frozen=True, eq=False)
class HandedOut:
    """A mixture whose parameters were handed out as attributes, in float64 as they were computed."""

    mixture: Mixture
    precisions: FloatArray

    @classmethod
    def of(cls, mixture: Mixture) -> HandedOut:
        return cls(mixture.frozen(), mixture.precisions)

    def values(self) -> dict[str, Any]:
        """The public attributes."""
        mixture = self.mixture
        found: dict[str, Any] = dict(
            zip(PARAMETERS, (*mixture.as_tuple(), self.precisions), strict=True)
        )
        if mixture.df is not None:
            found["df_"] = mixture.df
        if mixture.noise is not None:
            found["noise_weight_"] = mixture.noise.weight
            found["noise_log_volume_"] = -mixture.noise.log_density
            if mixture.noise.box is not None:
                found["noise_box_"] = mixture.noise.box
        return found


def described_mixture(
    attributes: Mapping[str, Any], covariance_type: str, handed_out: HandedOut | None
) -> Mixture:
    """The mixture that attributes describe: the one that was handed out where none was changed since.

    Where some were changed, in place or by assignment, those count and the others stay.

    Raises
    ------
    ValueError
        If one that is needed is missing, none of its kind is possible, or covariances, precisions and factors
        that were changed do not belong together.
    """
    own = {} if handed_out is None else handed_out.values()
    changed = {
        name: np.asarray(attributes[name])
        for name in (*PARAMETERS, *OF_KINDS)
        if name in attributes and not _is_same(attributes[name], own.get(name))
    }
    if handed_out is not None and not changed:
        return handed_out.mixture
    means = _finite("means_", changed.get("means_", own.get("means_")))
    if means.ndim != 2:
        raise ValueError(
            f"means_ must be 2-D (n_components, n_features), but it is {means.ndim}-D."
        )
    df = check_df(changed.get("df_", own.get("df_")), len(means))
    noise = _noise(changed, own, None if handed_out is None else handed_out.mixture.noise)
    if noise is not None and noise.box is not None:
        _check_shape("noise_box_", noise.box, (2, means.shape[1]))
    share = 0.0 if noise is None else noise.weight
    weights = _checked_weights(changed.get("weights_", own.get("weights_")), len(means), share)
    spreads = {name: changed[name] for name in _SPREADS if name in changed}
    if handed_out is not None and not spreads:
        before = handed_out.mixture
        _check_shape("means_", means, before.means.shape)
        return Mixture(
            before.structure,
            weights,
            means,
            before.covariances,
            before.precisions_cholesky,
            df,
            noise,
        ).frozen()
    kind = structure(covariance_type)
    check_features(kind, means.shape[1])
    both = _covariances_and_factors(kind, spreads, means)
    return Mixture(kind, weights, means, *both, df, noise).frozen()


def _noise(
    changed: Mapping[str, Any], own: Mapping[str, Any], before: Noise | None
) -> Noise | None:
    weight, log_volume = (
        changed.get(name, own.get(name)) for name in ("noise_weight_", "noise_log_volume_")
    )
    if weight is None or log_volume is None:
        return None
    if not 0 <= float(weight) < 1:
        raise ValueError(
            f"noise_weight_ must be at least 0 and below 1, but it is {float(weight):g}."
        )
    numbers = float(weight), -float(_finite("noise_log_volume_", log_volume))
    if "noise_box_" in changed:
        return Noise.in_box(*numbers, _finite("noise_box_", changed["noise_box_"]))
    return Noise(*numbers) if before is None else Noise(*numbers, before.log_sides, before.box)


def _is_same(value: Any, own: FloatArray | float | None) -> bool:
    value = np.asarray(value)
    return own is not None and np.array_equal(value, np.asarray(own).astype(value.dtype))


def _finite(name: str, value: Any) -> FloatArray:
    if value is None:
        raise ValueError(
            f"{name} is not set: a mixture needs weights_, means_ and one of covariances_, precisions_ and "
            "precisions_cholesky_."
        )
    array = np.array(value, dtype=np.float64, order="C")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, but it contains NaN or infinity.")
    return array


def _check_shape(name: str, value: Array, shape: tuple[int, ...], why: str = "") -> None:
    if value.shape != shape:
        raise ValueError(
            f"{name} must have shape {shape}{why} beside the other parameters, but it has {value.shape}."
        )


def _checked_weights(value: Any, n_components: int, share_of_noise: float) -> FloatArray:
    weights = _finite("weights_", value)
    _check_shape("weights_", weights, (n_components,))
    if (weights < 0).any() or not np.isclose(
        weights.sum() + share_of_noise, 1.0, rtol=0, atol=1e-5
    ):
        raise ValueError(
            f"weights_ must be at least 0 and sum to {1 - share_of_noise:.6g}, but the least is "
            f"{weights.min():g} and the sum {weights.sum():.6g}."
        )
    return weights


def _covariances_and_factors(
    kind: CovarianceStructure, spreads: Mapping[str, Any], means: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Covariances and factors from those of the three that are given."""
    if not spreads:
        _finite("covariances_", None)
    shape = kind.shape(*means.shape)
    ways = {}
    single = any(value.dtype == np.float32 for value in spreads.values())
    eps = float(np.finfo(np.float32 if single else np.float64).eps)
    for name, value in spreads.items():
        array = _finite(name, value)
        _check_shape(name, array, shape, f" for covariance_type={kind.name!r}")
        ways[name] = _both(kind, name, array, means)
    first, *others = ways
    for other in others:
        if not kind.whitens(ways[other][1], ways[first][0], eps):
            raise ValueError(
                f"{first} and {other} do not belong together: set one and delete the other, or compute "
                "both from the same covariances."
            )
    covariances, factors = ways[first]
    kind.check_family(covariances, len(means))
    if (
        "precisions_cholesky_" in ways
    ):  # as it was set, so that densities have the bits that it gives
        factors = ways["precisions_cholesky_"][1]
    return covariances, factors


def _both(
    kind: CovarianceStructure, name: str, value: FloatArray, means: FloatArray
) -> tuple[FloatArray, FloatArray]:
    if name == "covariances_":
        kind.check_symmetric(value)
        return value, kind.factor_covariances(value, *means.shape)
    try:
        if name == "precisions_":
            kind.check_precisions(value)
            return kind.invert_precisions(value), kind.factor_precisions(value)
        factors = kind.upper_factors(value)
        return kind.invert_precisions(kind.precisions(factors)), factors
    except np.linalg.LinAlgError as error:
        raise ValueError(
            f"{name} has no inverse, so that there is no density ({error})."
        ) from error
