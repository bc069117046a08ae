"""The covariance structures, by name."""

from __future__ import annotations

from mixtura._names import nearest
from mixtura.covariance._structure import CovarianceStructure
from mixtura.covariance.diag import Diag
from mixtura.covariance.full import Full
from mixtura.covariance.spherical import Spherical
from mixtura.covariance.tied import Tied

STRUCTURES: dict[str, CovarianceStructure] = {
    structure.name: structure for structure in (Full(), Tied(), Diag(), Spherical())
}


def structure(name: str) -> CovarianceStructure:
    """Return the structure of that name.

    Raises
    ------
    ValueError
        If there is none; the message suggests the nearest name.
    """
    if name not in STRUCTURES:
        raise ValueError(
            f"covariance_type must be one of {list(STRUCTURES)}, got {name!r}."
            f"{nearest(name, STRUCTURES)}"
        )
    return STRUCTURES[name]


__all__ = ["STRUCTURES", "CovarianceStructure", "structure"]
