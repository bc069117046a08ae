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

__all__ = [
    "FROM_DERIVATIVES",
    "KINDS",
    "Delta",
    "FreeParameters",
    "Information",
    "Interval",
    "Replicates",
    "StandardErrors",
    "information_of",
]
