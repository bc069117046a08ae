"""The covariance structures, by name: scikit-learn's four, and the 14 of Celeux & Govaert 1995.

| File           | Structures                           | Covariances                           |
|----------------|--------------------------------------|---------------------------------------|
| `spherical.py` | EII VII                              | (n_components,)                       |
| `diag.py`      | EEI VEI EVI VVI                      | (n_components, n_features)            |
| `tied.py`      | EEE                                  | (n_features, n_features)              |
| `full.py`      | VEE EVE VVE EEV VEV EVV VVV          | (n_components, n_features, n_features)|
"""

from __future__ import annotations

from mixtura._names import nearest
from mixtura.covariance._structure import CovarianceStructure
from mixtura.covariance.diag import EEI, EVI, VEI, VVI
from mixtura.covariance.full import EEV, EVE, EVV, VEE, VEV, VVE, VVV
from mixtura.covariance.spherical import EII, VII
from mixtura.covariance.tied import EEE

# The name that a user sets is the name that is reported and saved: 'full' is VVV by scikit-learn's name.
_SCIKIT_LEARN = (VVV("full"), EEE("tied"), VVI("diag"), VII("spherical"))
_LETTERS = (
    *(EII(), VII(), EEI(), VEI(), EVI(), VVI(), EEE()),
    *(VEE(), EVE(), VVE(), EEV(), VEV(), EVV(), VVV()),
)

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
    if name not in STRUCTURES:
        raise ValueError(
            f"covariance_type must be one of {list(STRUCTURES)}, got {name!r}."
            f"{nearest(name, STRUCTURES)}"
        )
    return STRUCTURES[name]


__all__ = ["STRUCTURES", "CovarianceStructure", "structure"]
