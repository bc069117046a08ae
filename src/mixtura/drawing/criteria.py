"""The models of a search: which have a point in a picture of their criterion, and how each looks there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mixtura.drawing.colours import INK, PALETTE
from mixtura.support.arrays import Array, FloatArray
from mixtura.sweep.names import covariance_type_of, model_name

NAMES = {"bic": "BIC", "aic": "AIC", "icl": "ICL"}

# Structures of one kind of matrix share a colour; markers tell them apart.
_KINDS = (
    ("EII", "VII", "E", "V", "spherical"),
    ("EEI", "VEI", "EVI", "VVI", "diag"),
    ("EEE", "VEE", "EVE", "VVE", "tied"),
    ("EEV", "VEV", "EVV", "VVV", "full"),
)

# The picture ends so many times as far from the best as the median is: hopeless models would flatten all
# others.
_SHOWN = 2.5
_COMPARED = 8


@dataclass(frozen=True)
class Models:
    """Those that have a point, in the order of the search."""

    n_components: Array
    names: Array
    values: FloatArray
    lower: bool  # is better

    @property
    def away(self) -> FloatArray:
        """How much worse than the best."""
        worse = self.values if self.lower else -self.values
        return np.asarray(worse - worse.min())

    @property
    def best(self) -> int:
        """The place of the best."""
        return int(np.argmin(self.away))

    @property
    def nearest(self) -> Array:
        """Places of the best few, the best first."""
        return np.argsort(self.away, kind="stable")[:_COMPARED]

    @property
    def end(self) -> float:
        """How far from the best the picture reaches."""
        away = self.away
        return float(min(away.max(), _SHOWN * np.median(away)) or away.max())


def models_of(results: Mapping[str, Array], delta: FloatArray, criterion: str, sign: str) -> Models:
    """Those of a search's `results_` that did not fail and may win."""
    usable = np.isfinite(delta)
    k, values = (results[what][usable] for what in ("n_components", criterion))
    names = np.array(names_of_models(results), dtype=object)[usable]
    return Models(k, names, values, lower=sign == "sklearn")


def names_of_models(results: Mapping[str, Array]) -> list[str]:
    """Of all models, in the order of the search."""
    each = results["covariance_type"]
    if "noise" not in results:
        return list(each)
    return [
        model_name(name, distribution=distribution, noise=bool(noise))
        for name, distribution, noise in zip(
            each, results["distribution"], results["noise"], strict=True
        )
    ]


def look_of_structure(name: str) -> tuple[str, int]:
    """The colour of its kind of matrices, and its place among those of that kind."""
    name = covariance_type_of(name)
    for number, kind in enumerate(_KINDS):
        if name in kind:
            return PALETTE[(0, 1, 2, 4)[number]], kind.index(name)
    return INK, 0
