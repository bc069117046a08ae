"""How sure the parameters of a fitted mixture are."""

from mixtura.inference.errors import (
    FROM_DERIVATIVES,
    KINDS,
    Delta,
    StandardErrors,
)
from mixtura.inference.information import Information, information_of
from mixtura.inference.intervals import Interval
from mixtura.inference.parameters import FreeParameters
from mixtura.inference.reduction import Directions, directions_of
from mixtura.inference.replicates import Refits, Replicates

__all__ = [
    "FROM_DERIVATIVES",
    "KINDS",
    "Delta",
    "Directions",
    "FreeParameters",
    "Information",
    "Interval",
    "Refits",
    "Replicates",
    "StandardErrors",
    "directions_of",
    "information_of",
]
