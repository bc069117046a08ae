"""What a picture is given: a model, and rows with names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from mixtura import Mixture
from mixtura.estimators.rows import allows_missing
from mixtura.fitting.given_rows import (
    GivenRows,
    RowsInMemory,
    check_no_errors,
    check_no_weight,
)
from mixtura.inputs.checks import check_rows
from mixtura.inputs.frames import frame_of
from mixtura.inputs.row_errors import NO_ERRORS, ErrorsGiven
from mixtura.inputs.weights import check_sample_weight
from mixtura.sources import Source


def mixture_of(model: Any) -> Mixture:
    """Return the mixture of a fitted model, with its noise, or the mixture itself.

    Of a posterior that of the components that hold rows, and the noise.
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
    if density.noise is None:
        return pruned
    weights = pruned.weights * (1 - density.noise.weight)
    return replace(pruned, weights=weights, noise=density.noise)


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


def with_all(
    rows: NDArray[Any] | Source, sample_weight: Any = None, errors: ErrorsGiven = NO_ERRORS
) -> GivenRows:
    """Those rows with their weights and errors; a source has its own.

    Raises
    ------
    ValueError
        If `sample_weight` is not one weight a row, or errors are not possible.
    """
    if isinstance(rows, Source):
        check_no_weight(sample_weight)
        check_no_errors(errors)
        return rows
    weight, error = check_sample_weight(sample_weight, len(rows)), errors.checked(*rows.shape)
    return RowsInMemory(rows, weight, missing=True, errors=error)


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


def _named(names: Any) -> tuple[str, ...]:
    names = () if names is None else tuple(names)
    return names if all(isinstance(name, str) for name in names) else ()
