"""What a picture needs of the data: a sample of the rows, their labels, and the names."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixtura import Mixture
from mixtura._frames import frame_of
from mixtura._names import nearest
from mixtura._rows import check_rows
from mixtura.sources import Source

SAMPLE_SEED = 0


@dataclass(frozen=True)
class DrawnRows:
    """The rows that a picture shows, and what the whole mixture says of each."""

    points: NDArray[np.float64]  # only the chosen features
    labels: NDArray[Any]
    certainty: NDArray[np.float64]
    n_rows: int  # of the data that they were sampled from

    @property
    def note(self) -> str:
        """What the picture has to admit, or nothing."""
        if len(self.points) == self.n_rows:
            return ""
        return f"{len(self.points):,} of {self.n_rows:,} rows drawn (random sample)"


def mixture_of(model: Any) -> Mixture:
    if isinstance(model, Mixture):
        return model
    if not hasattr(type(model), "mixture_"):
        kind = kind_of(model)
        raise TypeError(f"model must be a mixtura.GaussianMixture or mixtura.Mixture, got {kind}.")
    mixture: Mixture = model.mixture_
    return mixture


def check_is(given: Any, kind: type, function: str, advice: str) -> None:
    """Raise where a picture is asked of something else than it draws.

    Raises
    ------
    TypeError
        Names the class that was given.
    """
    if not isinstance(given, kind):
        raise TypeError(f"{function} needs a {kind.__name__}, got {kind_of(given)}: {advice}")


def kind_of(given: Any) -> str:
    """Return the full name of its class."""
    if isinstance(given, type):
        return f"the class {given.__qualname__}"
    name = type(given).__qualname__
    return name if type(given).__module__ == "builtins" else f"{type(given).__module__}.{name}"


def feature_names(model: Any, X: Any, n_features: int) -> tuple[str, ...]:
    """Return the names that the model was fitted with, else the data frame's, else x0, x1, ..."""
    named = _named(getattr(model, "feature_names_in_", None)) or _named(_own_names(X))
    return named if len(named) == n_features else tuple(f"x{j}" for j in range(n_features))


def _own_names(X: Any) -> Any:
    if isinstance(X, Source):
        return X.feature_names
    frame = frame_of(X)
    return None if frame is None else frame.columns


def matrix(model: Any, X: Any, n_features: int) -> NDArray[Any] | Source:
    """`X` as numbers, with the columns of a data frame in the order that the model knows.

    What `scan` and `from_batches` return stays where it is.
    """
    wanted = _named(getattr(model, "feature_names_in_", None))
    if isinstance(X, Source):
        return _checked_source(X, wanted, n_features)
    frame = frame_of(X)
    if frame is not None and wanted and _named(frame.columns):
        for name in wanted:
            if name not in frame.columns:
                raise ValueError(f"X has no column {name!r}, which the mixture was fitted with.")
        X = frame.select(wanted)
    return check_rows(X, n_features)


def _checked_source(X: Source, wanted: tuple[str, ...], n_features: int) -> Source:
    if wanted:
        X = X.taking(wanted)
    if X.n_features != n_features:
        raise ValueError(f"X has {X.n_features} features, but the mixture has {n_features}.")
    if wanted and X.feature_names is not None and X.feature_names != wanted:
        raise ValueError(
            f"X has the columns {', '.join(map(repr, X.feature_names))}, but the mixture was fitted with "
            f"{', '.join(map(repr, wanted))}: give those with columns=, in that order."
        )
    return X


def feature_indexes(features: Any, names: Sequence[str]) -> list[int]:
    """Return the columns that `features` (names or numbers, one or several) means."""
    if isinstance(features, str) or not isinstance(features, Iterable):
        features = [features]
    indexes = [_index(feature, names) for feature in features]
    if not indexes:
        raise ValueError("features is empty: name at least one.")
    if len(set(indexes)) < len(indexes):
        raise ValueError(f"features names one twice: {list(features)}.")
    return indexes


def telling_features(mixture: Mixture, n: int) -> list[int]:
    """Choose the `n` features whose means differ most, compared with the spread within."""
    means, weights = mixture.means, mixture.weights
    within = weights @ np.diagonal(mixture.covariance_matrices(), axis1=1, axis2=2)
    between = weights @ (means - weights @ means) ** 2
    return sorted(np.argsort(-between / (between + within), kind="stable")[:n].tolist())


def drawn_rows(
    mixture: Mixture, rows: NDArray[Any] | Source, indexes: list[int], limit: int
) -> DrawnRows:
    sample, n_rows = _sample(rows, limit)
    responsibilities = mixture.responsibilities(sample)
    return DrawnRows(
        points=sample[:, indexes].astype(np.float64),
        labels=responsibilities.argmax(axis=1),
        certainty=responsibilities.max(axis=1),
        n_rows=n_rows,
    )


def _sample(rows: NDArray[Any] | Source, limit: int) -> tuple[NDArray[Any], int]:
    """At most so many rows, and how many there are; of a source the same as of an array."""
    if isinstance(rows, Source):
        n_rows = rows.blocks().shape[0]
        return _rows_at(rows, _chosen(n_rows, limit)), n_rows
    return (rows if len(rows) <= limit else rows[_chosen(len(rows), limit)]), len(rows)


def _rows_at(source: Source, places: NDArray[np.int64]) -> NDArray[Any]:
    found = np.empty((len(places), source.n_features), dtype=source.dtype)
    for part in source.parts():
        here = (places >= part.first_row) & (places < part.first_row + len(part.rows))
        found[here] = part.rows[places[here] - part.first_row]
    return found


def _chosen(n_rows: int, n: int) -> NDArray[np.int64]:
    # The same rows every time: a picture drawn again is the same picture.
    if n_rows <= n:
        return np.arange(n_rows)
    return np.random.default_rng(SAMPLE_SEED).choice(n_rows, size=n, replace=False, shuffle=False)


def _index(feature: Any, names: Sequence[str]) -> int:
    if isinstance(feature, str):
        if feature not in names:
            advice = nearest(feature, names) or f" Choose from {', '.join(names)}."
            raise ValueError(f"there is no feature {feature!r}.{advice}")
        return names.index(feature)
    index = operator.index(feature)
    if not -len(names) <= index < len(names):
        raise ValueError(f"there is no feature {index}: the mixture has {len(names)}, from 0.")
    return index % len(names)


def _named(names: Any) -> tuple[str, ...]:
    names = () if names is None else tuple(names)
    return names if all(isinstance(name, str) for name in names) else ()
