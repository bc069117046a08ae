"""Which features a picture shows: those that the user names, else those that part the components best."""

from __future__ import annotations

import operator
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixtura.mixture import Mixture
from mixtura.support.names import nearest

_MOST_NAMED = 5
_LONGEST_NAME = 30


@dataclass(frozen=True)
class Choice:
    """The features of a picture, and those that nobody asked to leave out."""

    drawn: tuple[int, ...]
    left_out: tuple[int, ...]
    names: tuple[str, ...]  # of all features of the mixture
    is_ranked: bool  # else there is nothing to rank by, and they are the first ones

    @property
    def note(self) -> str:
        """What the picture has to admit, or nothing."""
        if not self.left_out:
            return ""
        shown = [
            textwrap.shorten(self.names[j], _LONGEST_NAME) for j in self.left_out[:_MOST_NAMED]
        ]
        more = len(self.left_out) - len(shown)
        names = ", ".join(shown) + (f" and {more} more" if more else "")
        why = "where components overlap least" if self.is_ranked else "the first"
        return (
            f"{len(self.drawn)} of {len(self.names)} features, {why}; "
            f"left out: {names} (features= draws others)"
        )


def choice(mixture: Mixture, features: Any, names: tuple[str, ...], most: int) -> Choice:
    """Take the features that the user names, all of them, or else `most` of those that there are."""
    n = mixture.n_features
    if features is not None:
        return Choice(tuple(feature_indexes(features, names)), (), names, is_ranked=False)
    drawn = range(n) if n <= most else least_overlapping(mixture, most)
    left_out = tuple(j for j in range(n) if j not in set(drawn))
    return Choice(tuple(drawn), left_out, names, is_ranked=mixture.n_components > 1)


def least_overlapping(mixture: Mixture, n: int) -> list[int]:
    """Choose the `n` features in each of which the components overlap least, in the features' order."""
    return sorted(np.argsort(overlaps(mixture), kind="stable")[:n].tolist())


def overlaps(mixture: Mixture) -> NDArray[np.float64]:
    """How much the components overlap in each feature: sum over pairs k < l of sqrt(w_k w_l) B_kl.

    B_kl is Bhattacharyya's (1943) coefficient of the two Gaussians that k and l are along the feature, of
    means m and standard deviations s:

        sqrt(2 s_k s_l / (s_k^2 + s_l^2)) exp(-(m_k - m_l)^2 / (4 (s_k^2 + s_l^2)))

    The sum is an upper bound of how often the feature alone gives a row the wrong component (Kailath 1967).
    It sees components of one mean and different spread, and one of little weight counts little.

    Returns
    -------
    ndarray of shape (n_features,)
    """
    roots, means, spreads = np.sqrt(mixture.weights), mixture.means, mixture.spreads
    total = np.zeros(mixture.n_features)
    for k in range(mixture.n_components - 1):
        both = np.hypot(spreads[k], spreads[k + 1 :])
        ratio = 2 * (spreads[k] / both) * (spreads[k + 1 :] / both)
        distance = (means[k] - means[k + 1 :]) / both
        total += roots[k] * roots[k + 1 :] @ (np.sqrt(ratio) * np.exp(-0.25 * distance**2))
    return total


def feature_indexes(features: Any, names: Sequence[str]) -> list[int]:
    """Return the columns that `features` (names or numbers, one or several) means.

    Raises
    ------
    ValueError
        If there is no such feature, one is named twice, or none is.
    """
    if isinstance(features, str) or not isinstance(features, Iterable):
        features = [features]
    features = list(features)
    indexes = [_index(feature, names) for feature in features]
    if not indexes:
        raise ValueError("features is empty: name at least one.")
    if len(set(indexes)) < len(indexes):
        raise ValueError(f"features names one twice: {features}.")
    return indexes


def _index(feature: Any, names: Sequence[str]) -> int:
    if isinstance(feature, str):
        if feature not in names:
            advice = nearest(feature, names) or f" Choose from {', '.join(names)}."
            raise ValueError(f"there is no feature {feature!r}.{advice}")
        return names.index(feature)
    try:
        index = operator.index(feature)
    except TypeError:
        raise ValueError(
            f"features holds {feature!r}, which is neither a name nor a whole number."
        ) from None
    if not -len(names) <= index < len(names):
        raise ValueError(f"there is no feature {index}: the mixture has {len(names)}, from 0.")
    return index % len(names)
