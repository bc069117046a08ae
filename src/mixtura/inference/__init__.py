"""How sure the parameters of a fitted mixture are."""

from mixtura.inference.errors import (
    FROM_DERIVATIVES,
    KINDS,
    Delta,
    Interval,
    Replicates,
    StandardErrors,
)
from mixtura.inference.information import Information, information_of
from mixtura.inference.parameters import FreeParameters
from mixtura.inference.reduction import Directions, directions_of

__all__ = [
    "FROM_DERIVATIVES",
    "KINDS",
    "Delta",
    "Directions",
    "FreeParameters",
    "Information",
    "Interval",
    "Replicates",
    "StandardErrors",
    "directions_of",
    "information_of",
]
