"""The names of a sweep's models: a structure, and what its mixtures have beside Gaussian components."""

from __future__ import annotations

from mixtura.covariance import CovarianceStructure, structure
from mixtura.em import Kind

_JOIN = " + "
_TAILS, _NOISE = "t", "noise"


def model_name(covariance_type: str, *, distribution: str = "gaussian", noise: bool = False) -> str:
    """As 'VVV', 'VVV + t', 'VVV + noise' or 'VVV + t + noise'."""
    more = [_TAILS] * (distribution == "t") + [_NOISE] * noise
    return _JOIN.join([covariance_type, *more])


def covariance_type_of(name: str) -> str:
    """Name of the structure alone."""
    return name.split(_JOIN)[0]


def structure_of(name: str) -> CovarianceStructure:
    """Structure of the model's covariances."""
    return structure(covariance_type_of(name))


def has_tails(name: str) -> bool:
    """Whether its components are of Student's t."""
    return _TAILS in name.split(_JOIN)[1:]


def has_noise(name: str) -> bool:
    """Whether it has a background of noise."""
    return _NOISE in name.split(_JOIN)[1:]


def kind_of(name: str, asked: Kind) -> Kind:
    """What the model has of what the sweep is asked for beside Gaussian components."""
    return Kind(
        asked.tails if has_tails(name) else None,
        asked.noise_log_density if has_noise(name) else None,
        noise_log_sides=asked.noise_log_sides if has_noise(name) else None,
        noise_box=asked.noise_box if has_noise(name) else None,
    )


def is_name(name: str, structures: frozenset[str]) -> bool:
    """Whether a text is the name of a model, of one of these structures."""
    covariance_type, *more = name.split(_JOIN)
    return covariance_type in structures and more in ([], [_TAILS], [_NOISE], [_TAILS, _NOISE])
