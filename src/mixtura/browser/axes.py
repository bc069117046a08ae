"""Along what rows and components are drawn: features, and directions in which components lie apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mixtura.browser import words
from mixtura.covariance import structure
from mixtura.drawing.directions import discriminants
from mixtura.drawing.features import choice
from mixtura.mixture import Mixture
from mixtura.support.arrays import Array, FloatArray

MOST_FEATURES = 8
_MOST_DIRECTIONS = 2
_NAMED = 3  # features that a direction is made of
_FULL = structure("full")


@dataclass(frozen=True, eq=False)
class Axes:
    """Features, then directions, and the components along them.

    Attributes
    ----------
    names : tuple of str
    features : tuple of int
    directions : ndarray of shape (n_directions, n_features of the mixture)
    first : tuple of int
        The two that are drawn first, or the only one.
    notes : tuple of str
        Which they are.
    """

    names: tuple[str, ...]
    features: tuple[int, ...]
    directions: FloatArray
    first: tuple[int, ...]
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def values(self, X: Array) -> FloatArray:
        """Rows along them."""
        chosen = X[:, list(self.features)].astype(np.float64)
        if not len(self.directions):
            return chosen
        return np.hstack([chosen, X.astype(np.float64) @ self.directions.T])

    def are_missing(self, missing: Array) -> Array:
        """Which values of rows along them are expectations; missing: by all features."""
        any_missing: Array = np.any(missing, axis=1, keepdims=True)
        along = np.repeat(any_missing, len(self.directions), axis=1)
        return np.hstack([missing[:, list(self.features)], along])

    def covariances(self, mixture: Mixture) -> FloatArray:
        """Of each component along them: (n_components, n_axes, n_axes)."""
        along = np.zeros((len(self), mixture.n_features))
        along[np.arange(len(self.features)), list(self.features)] = 1.0
        along[len(self.features) :] = self.directions
        if not mixture.structure.has_matrices:  # which would be larger by far than what there is
            return np.asarray((along * mixture.spreads[:, np.newaxis] ** 2) @ along.T)
        return np.array([along @ matrix @ along.T for matrix in mixture.covariance_matrices()])

    def lines(self, mixture: Mixture) -> list[Mixture]:
        """The mixture along each by itself."""
        means, covariances = self.values(mixture.means), self.covariances(mixture)
        return [
            _along(mixture, means[:, [j]], covariances[:, j, j, np.newaxis, np.newaxis])
            for j in range(len(self))
        ]


def axes_of(mixture: Mixture, features: Any, names: tuple[str, ...]) -> Axes:
    """Those that the user names, else all, or those in which components overlap least.

    Raises
    ------
    ValueError
        If there is no such feature.
    """
    chosen = choice(mixture, features, names, MOST_FEATURES)
    directions = (
        discriminants(mixture, _MOST_DIRECTIONS)
        if mixture.n_features > 2 and features is None
        else np.empty((0, mixture.n_features))
    )
    notes = []
    if chosen.left_out:
        notes.append(words.features_left_out(len(chosen.drawn), len(names), chosen.is_ranked))
    if len(directions):
        notes.append(words.what_directions_are(len(directions)))
    notes += [
        words.what_it_is_made_of(number, [names[j] for j in _largest(mixture, direction)])
        for number, direction in enumerate(directions)
    ]
    named = [names[j] for j in chosen.drawn] + [*map(words.direction, range(len(directions)))]
    first = list(range(min(len(chosen.drawn), 2)))
    if features is None:
        best = choice(mixture, None, names, 2).drawn
        first = [chosen.drawn.index(j) for j in best]
    return Axes(tuple(named), chosen.drawn, directions, tuple(first), tuple(notes))


def _largest(mixture: Mixture, direction: FloatArray) -> list[int]:
    """Features with the largest parts in a direction, in units of their spreads within components."""
    parts = np.abs(direction) * np.sqrt(mixture.weights @ mixture.spreads**2)
    return [int(j) for j in np.argsort(-parts, kind="stable")[:_NAMED]]


def _along(mixture: Mixture, means: FloatArray, covariances: FloatArray) -> Mixture:
    factors = _FULL.factor_covariances(covariances, *means.shape)
    return Mixture(_FULL, mixture.weights, means, covariances, factors, mixture.df)
