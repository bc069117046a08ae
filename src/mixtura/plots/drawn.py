"""What a picture needs of the data: a sample of the rows, their labels, and the names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixtura import Mixture
from mixtura.estimators.rows import allows_missing
from mixtura.fitting.given_rows import check_no_errors, check_no_weight
from mixtura.inputs.checks import check_rows
from mixtura.inputs.frames import frame_of
from mixtura.inputs.row_errors import NO_ERRORS, ErrorsGiven, missing_values
from mixtura.inputs.weights import check_sample_weight
from mixtura.mixture import check_no_tails, expected, expected_of_measured, responsibilities
from mixtura.rows import Rows
from mixtura.sources import Source
from mixtura.support.threads import n_threads

SAMPLE_SEED = 0
FAR = 20.0
WIDEST = 100.0
LARGEST = 1e300  # matplotlib takes differences of what it draws

Range = tuple[float, float]


@dataclass(frozen=True)
class DrawnRows:
    """The rows that a picture shows, and what the whole mixture says of each."""

    points: NDArray[np.float64]  # only the chosen features
    gaps: NDArray[np.bool_]  # those of them that were missing, where points are what is expected
    labels: NDArray[Any]  # -1: noise
    certainty: NDArray[np.float64]
    weight: NDArray[np.float64] | None
    n_rows: int  # of the data that they were sampled from

    @property
    def ranges(self) -> list[Range | None]:
        """For each feature, what `range_without_outliers` says."""
        return [range_without_outliers(values) for values in self.points.T]

    def completed(self, features: Sequence[int]) -> NDArray[np.bool_]:
        """Rows that lack one of these of the chosen features."""
        return np.asarray(self.gaps[:, features].any(axis=1))

    @property
    def note(self) -> str:
        """How many of how many rows, or nothing where it is all of them."""
        if len(self.points) == self.n_rows:
            return ""
        return f"{len(self.points):,} of {self.n_rows:,} rows drawn (random sample)"

    def outliers(self, mixture: Mixture) -> str:
        """What lies outside of the picture of the mixture of the features that are drawn, or nothing."""
        n_rows = int((~inside(self.points, self.ranges)).sum())
        if n_rows == 0:
            return ""
        plural, verb = ("s", "lie") if n_rows > 1 else ("", "lies")
        return f"{n_rows} row{plural} {verb} outside of the picture{_lost(mixture, self.ranges)}"


def range_without_outliers(values: NDArray[np.float64]) -> Range | None:
    """The range of a feature without rows so far away that the others would be a dot; None without such.

    They are at most one in 200 (or three), and lie more than twenty times the width of the middle 80 % away
    from these.
    """
    low, high = np.percentile(values, [10, 90], method="nearest")
    reach = FAR * (high - low)
    is_far = (values < low - reach) | (values > high + reach)
    if reach == 0 or not 0 < is_far.sum() <= max(3, len(values) // 200):
        return None
    near = values[~is_far]
    margin = 0.05 * np.ptp(near)
    return float(near.min() - margin), float(near.max() + margin)


def inside(points: NDArray[np.float64], ranges: Sequence[Range | None]) -> NDArray[np.bool_]:
    """Which points lie in the ranges that end somewhere."""
    found = np.ones(len(points), dtype=bool)
    for values, shown in zip(points.T, ranges, strict=True):
        if shown is not None:
            found &= (values >= shown[0]) & (values <= shown[1])
    return found


def components_inside(mixture: Mixture, ranges: Sequence[Range | None]) -> NDArray[np.bool_]:
    """Which components have their centre there, and are not so wide that nothing of them would be seen."""
    found = inside(mixture.means, ranges)
    for spread, shown in zip(mixture.spreads.T, ranges, strict=True):
        if shown is not None:
            found &= spread <= WIDEST * (shown[1] - shown[0])
    return found


def _lost(mixture: Mixture, ranges: Sequence[Range | None]) -> str:
    lost = np.flatnonzero(~components_inside(mixture, ranges)).tolist()
    if not lost:
        return ""
    plural = "s" if len(lost) > 1 else ""
    return f"; component{plural} {', '.join(map(str, lost))} outside of it or far wider"


def mixture_of(model: Any) -> Mixture:
    """Return the mixture of a fitted model, with its noise, or the mixture itself.

    Of a posterior that of the components that hold rows.
    """
    if isinstance(model, Mixture):
        return model
    if not hasattr(type(model), "mixture_"):
        kind = kind_of(model)
        raise TypeError(f"model must be a mixtura.GaussianMixture or mixtura.Mixture, got {kind}.")
    mixture: Mixture = model.mixture_
    density: Mixture = getattr(model, "_density", mixture)
    if density.posterior is None:
        return density
    pruned: Mixture = model.prune()
    return pruned


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
        source = _checked_source(X, wanted, n_features)
        return source.with_missing() if allows_missing(model) else source
    frame = frame_of(X)
    if frame is not None and wanted and _named(frame.columns):
        for name in wanted:
            if name not in frame.columns:
                raise ValueError(f"X has no column {name!r}, which the mixture was fitted with.")
        X = frame.select(wanted)
    return check_rows(X, n_features, missing=allows_missing(model))


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


def drawn_rows(
    mixture: Mixture,
    rows: NDArray[Any] | Source,
    sample_weight: Any,
    indexes: Sequence[int],
    limit: int,
    errors: ErrorsGiven = NO_ERRORS,
) -> DrawnRows:
    """Sample at most `limit` rows, and label them by all features.

    Raises
    ------
    ValueError
        If `sample_weight` is not one weight a row, or errors are not possible.
    """
    sample, n_rows = _sample(rows, sample_weight, limit, errors)
    X, error = sample.X, sample.error
    check_no_tails(mixture, error)
    threads = n_threads(None)
    shares = responsibilities(mixture, X, threads, missing=True, errors=error)
    if error is None:
        completed, _ = expected(mixture, X, threads)
    else:
        completed, _ = expected_of_measured(mixture, X, error, threads)
    likeliest = shares.argmax(axis=1)
    is_noise = likeliest == mixture.n_components
    return DrawnRows(
        points=np.clip(completed[:, indexes].astype(np.float64), -LARGEST, LARGEST),
        gaps=missing_values(X, error)[:, indexes],
        labels=np.where(is_noise, -1, likeliest),
        certainty=shares.max(axis=1),
        weight=sample.weight,
        n_rows=n_rows,
    )


def _sample(
    rows: NDArray[Any] | Source, sample_weight: Any, limit: int, given: ErrorsGiven
) -> tuple[Rows, int]:
    """At most so many rows with what they bring, and how many there are; of a source as of an array."""
    if isinstance(rows, Source):
        check_no_weight(sample_weight)
        check_no_errors(given)
        n_rows = rows.blocks().shape[0]
        return _rows_at(rows, _chosen(n_rows, limit)), n_rows
    n_rows, n_features = rows.shape
    weight, errors = check_sample_weight(sample_weight, n_rows), given.checked(n_rows, n_features)
    chosen = slice(None) if n_rows <= limit else _chosen(n_rows, limit)
    weight, errors = (None if one is None else one[chosen] for one in (weight, errors))
    return Rows(rows[chosen], weight, error=errors, missing=True), n_rows


def _rows_at(source: Source, places: NDArray[np.int64]) -> Rows:
    found, where = [], []
    for part in source.parts():
        is_here = (places >= part.first_row) & (places < part.first_row + len(part.rows))
        if is_here.any():
            found.append(part.rows[places[is_here] - part.first_row])
            where.append(np.flatnonzero(is_here))
    return Rows.concatenate(found)[np.argsort(np.concatenate(where))]


def _chosen(n_rows: int, n: int) -> NDArray[np.int64]:
    # The same rows every time: a picture drawn again is the same picture.
    if n_rows <= n:
        return np.arange(n_rows)
    return np.random.default_rng(SAMPLE_SEED).choice(n_rows, size=n, replace=False, shuffle=False)


def _named(names: Any) -> tuple[str, ...]:
    names = () if names is None else tuple(names)
    return names if all(isinstance(name, str) for name in names) else ()
