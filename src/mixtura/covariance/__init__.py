"""The covariance structures, by name: scikit-learn's four, and the 14 of Celeux & Govaert 1995.

| File           | Structures                           | Covariances                           |
|----------------|--------------------------------------|---------------------------------------|
| `spherical.py` | EII VII                              | (n_components,)                       |
| `diag.py`      | EEI VEI EVI VVI                      | (n_components, n_features)            |
| `tied.py`      | EEE                                  | (n_features, n_features)              |
| `full.py`      | VEE EVE VVE EEV VEV EVV VVV          | (n_components, n_features, n_features)|
"""

from __future__ import annotations

from mixtura.covariance.base import CovarianceStructure
from mixtura.covariance.diag import EEI, EVI, VEI, VVI
from mixtura.covariance.full import EEV, EVE, EVV, VEE, VEV, VVE, VVV
from mixtura.covariance.spherical import EII, VII
from mixtura.covariance.tied import EEE
from mixtura.support.names import nearest

# The name that a user sets is the name that is reported and saved: 'full' is VVV by scikit-learn's name.
_SCIKIT_LEARN = (VVV("full"), EEE("tied"), VVI("diag"), VII("spherical"))
_LETTERS = (
    *(EII(), VII(), EEI(), VEI(), EVI(), VVI(), EEE()),
    *(VEE(), EVE(), VVE(), EEV(), VEV(), EVV(), VVV()),
)

#: mclust's names for one feature, and the structures that they are.
ONE_FEATURE = {"E": "EII", "V": "VII"}

_OF_ONE_FEATURE: dict[str, CovarianceStructure] = {"E": EII("E"), "V": VII("V")}

STRUCTURES: dict[str, CovarianceStructure] = {
    structure.name: structure for structure in (*_SCIKIT_LEARN, *_LETTERS)
}


def structure(name: str) -> CovarianceStructure:
    """Return the structure of that name.

    Raises
    ------
    ValueError
        If there is none; the message suggests the nearest name.
    """
    if name in _OF_ONE_FEATURE:
        return _OF_ONE_FEATURE[name]
    if name not in STRUCTURES:
        raise ValueError(
            f"covariance_type must be one of {list(STRUCTURES)}, got {name!r}."
            f"{nearest(name, STRUCTURES)}"
        )
    return STRUCTURES[name]


def check_features(structure: CovarianceStructure, n_features: int) -> None:
    """Raise ValueError where the name is for one feature and there are more."""
    if structure.name in ONE_FEATURE and n_features != 1:
        raise ValueError(
            f"covariance_type={structure.name!r} is for one feature, but there are {n_features}: its name "
            f"for several is {ONE_FEATURE[structure.name]!r}."
        )


__all__ = ["ONE_FEATURE", "STRUCTURES", "CovarianceStructure", "check_features", "structure"]
