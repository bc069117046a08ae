"""Is the best really best, and which components are one cluster: questions after a search."""

from mixtura.selection.bootstrap import (
    DifferenceTest,
    RatioTest,
    bootstrap_difference,
    bootstrap_ratio_test,
)
from mixtura.selection.combining import Combination, combine

__all__ = [
    "Combination",
    "DifferenceTest",
    "RatioTest",
    "bootstrap_difference",
    "bootstrap_ratio_test",
    "combine",
]
