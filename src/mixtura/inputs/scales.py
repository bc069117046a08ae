"""Which precision holds the squares of some numbers, and what to say where none does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixtura import _core
from mixtura.support.arrays import FloatArray

SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)


@dataclass(frozen=True)
class Range:
    """Sizes whose squares a precision holds, summed over rows, and those of a far narrower component too."""

    least: float
    most: float


# Squares reach from 1e-24 to 1e24 and from 1e-280 to 1e280; the formats from 1e-38 to 1e38, 1e-308 to 1e308.
RANGES = {SINGLE: Range(1e-12, 1e12), DOUBLE: Range(1e-140, 1e140)}


# Sums in float32 are rounded by some 1e-7 of a variance. What is left of it beside the other features keeps
# as many digits fewer as its inflation has: up to here a fit comes within 1e-6 nats a row of that in float64,
# and from 1e6 on nothing is left.
_MOST_INFLATION = 1e4


@dataclass(frozen=True, eq=False)
class Extent:
    """The least and the most of each feature over some rows, and the mean weight of these."""

    least: FloatArray
    most: FloatArray
    weight: float

    def too_large(self, dtype: np.dtype[Any]) -> NDArray[np.bool_]:
        """Say for each feature whether its weighted squares leave the precision's range."""
        large: NDArray[np.bool_] = self._is_large(
            np.maximum(np.abs(self.least), np.abs(self.most)), dtype
        )
        return large

    def too_narrow(self, dtype: np.dtype[Any]) -> NDArray[np.bool_]:
        """Say for each feature whether it varies by less than can be squared. A constant one does not."""
        spreads = np.minimum(self.most - self.least, np.finfo(np.float64).max)
        narrow: NDArray[np.bool_] = self._is_narrow(spreads, dtype) & (spreads > 0)
        return narrow

    def suits(self, dtype: np.dtype[Any]) -> bool:
        """Whether the features can be computed with in that precision."""
        # Mostly the extremes of all features tell, in a third of the time.
        if self._is_large(max(self.most.max(), -self.least.min()), dtype):
            return False
        return not (
            self._is_narrow((self.most - self.least).min(), dtype) and self.too_narrow(dtype).any()
        )

    def _is_large(self, sizes: Any, dtype: np.dtype[Any]) -> Any:
        return sizes * max(self.weight, 1.0) ** 0.5 > RANGES[dtype].most

    def _is_narrow(self, spreads: Any, dtype: np.dtype[Any]) -> Any:
        return spreads * min(self.weight, 1.0) ** 0.5 < RANGES[dtype].least


def significant(values: FloatArray, n_bits: int) -> FloatArray:
    """Round numbers to so many binary digits, so that sums in another order give the same ones."""
    return _core.significant(values, n_bits)


def suits_single(means: FloatArray, spreads: FloatArray, inflation: float) -> bool:
    """Whether float32 holds what the densities of components with these means and spreads need.

    inflation: `Mixture.inflation`.
    """
    limits = RANGES[SINGLE]
    return bool(
        inflation <= _MOST_INFLATION
        and spreads.min() >= limits.least
        and spreads.max() <= limits.most
        and np.abs(means).max() <= limits.most
    )


def check_extent(extent: Extent, names: Any = None) -> None:
    """Raise where float64 does not hold the squares of a feature.

    Raises
    ------
    ValueError
        Names the feature, its size, and what brings it near 1.
    """
    large, narrow = extent.too_large(DOUBLE), extent.too_narrow(DOUBLE)
    weighted = "" if extent.weight == 1.0 else ", times the weights,"
    for j in np.flatnonzero(large | narrow):
        name = f"column {j}" + ("" if names is None else f" ({names[j]!r})")
        if large[j]:
            size = max(abs(extent.least[j]), abs(extent.most[j]))
            what = f"holds numbers as large as {size:.3g}, and their squares{weighted} come too near the"
            how = f"largest number of float64: divide it by {size:.0e}"
        else:
            size = extent.most[j] - extent.least[j]
            what = f"varies by {size:.3g} only, and the square of that{weighted} comes too near the"
            how = f"smallest number of float64: multiply it by {min(1 / max(size, 1e-300), 1e300):.0e}"
        raise ValueError(f"X cannot be fitted as it is: {name} {what} {how}, or leave it out.")
