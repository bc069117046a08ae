"""What a user may pass: one clear sentence where it is wrong."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from numbers import Integral, Real
from typing import Any, Protocol

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_array
from sklearn.utils._param_validation import InvalidParameterError, StrOptions
from sklearn.utils.validation import check_is_fitted

from mixtura.covariance import CovarianceStructure
from mixtura.em import SufficientStatistics, default_step
from mixtura.inputs.frames import column_values, is_dask
from mixtura.inputs.invalid import check_measured
from mixtura.inputs.scales import DOUBLE, RANGES
from mixtura.mixture import Mixture
from mixtura.rows import Blocks
from mixtura.rows.drawing import LEAST_WEIGHT
from mixtura.sources import Source
from mixtura.support.arrays import Array, FloatArray
from mixtura.support.names import listed, nearest

# Any whole number up to here is exact as float64 or rounds to one.
_MOST_INTEGER = 10**300


def suggest(
    error: InvalidParameterError, constraints: dict[str, Any], params: dict[str, Any]
) -> str:
    """Return the error's message, with the nearest name where an unknown name was given."""
    message = str(error)
    for name, value in params.items():
        if f"The {name!r} parameter" in message and hasattr(value, "shape"):
            # scikit-learn would print all of it.
            got = f"Got {type(value).__name__} of shape {tuple(value.shape)} instead"
            why = ": rows are given to fit, as in fit(X)." if name == "n_components" else "."
            message = message.partition("Got ")[0] + got + why
        options = [c for c in constraints.get(name, []) if isinstance(c, StrOptions)]
        if f"The {name!r} parameter" in message and options:
            # scikit-learn lists them as a set has them, in another order each time.
            names = sorted(options[0].options)
            message = message.replace(
                str(options[0]), f"a str among {{{', '.join(map(repr, names))}}}"
            )
            return message + (nearest(value, names) if isinstance(value, str) else "")
    return message


def check_sample_weight(sample_weight: Any, n_rows: int) -> FloatArray | None:
    """Return weights as float64, or None where every row weighs 1.

    Raises
    ------
    ValueError
        If the length is not the rows', a weight is negative, NaN or infinite, or all are zero, too small or
        too large to reckon with.
    """
    if sample_weight is None:
        return None
    if isinstance(sample_weight, Real):
        sample_weight = np.full(n_rows, sample_weight)
    weight = _weights_as_floats(column_values(sample_weight, "sample_weight"))
    if weight.shape != (n_rows,):
        raise ValueError(
            f"sample_weight must have one weight for each of the {n_rows} rows of X, "
            f"got shape {weight.shape}."
        )
    # Extremes need no temporary array; NaN is one of them.
    least, most = weight.min(initial=np.inf), weight.max(initial=0.0)
    if not np.isfinite(most) or np.isnan(least) or least == -np.inf:
        row = int(np.argmax(~np.isfinite(weight)))
        raise ValueError(
            f"sample_weight must be finite, but row {row} has {weight[row]}: "
            "give 0 to leave a row out."
        )
    if least < 0:
        row = int(np.argmax(weight < 0))
        raise ValueError(
            f"sample_weight must not be negative, but row {row} has {weight[row]:g}: "
            "give 0 to leave a row out. (Negative values in data passed as weights.)"
        )
    if most == 0:
        raise ValueError("sample_weight must not be zero for every row: no row is left to fit.")
    if not LEAST_WEIGHT <= most <= 1 / LEAST_WEIGHT:
        raise ValueError(
            f"sample_weight is {most:g} at most, and such numbers cannot be squared: multiply all weights by "
            "one number that brings the largest near 1."
        )
    return weight


def check_sizes(params: dict[str, Any]) -> None:
    """Raise where float64 does not hold a number, or does not hold the inverse of reg_covar."""
    for name, value in params.items():
        if isinstance(value, Integral) and abs(int(value)) > _MOST_INTEGER:
            raise ValueError(
                f"{name} must be at most {_MOST_INTEGER:g}, got a number of more digits."
            )
    reg_covar, limits = params["reg_covar"], RANGES[DOUBLE]
    if reg_covar in ("auto", 0) or limits.least**2 <= reg_covar <= limits.most**2:
        return
    raise ValueError(
        f"reg_covar must be 'auto', 0, or a number from {limits.least**2:g} to {limits.most**2:g}, got "
        f"{reg_covar:g}."
    )


def check_no_weight(sample_weight: Any) -> None:
    """Raise where weights are given beside a source, which has its own."""
    if sample_weight is not None:
        raise ValueError(
            "sample_weight belongs to an array; a source has its own: mixtura.scan(path, weight='column'), "
            "or pairs of rows and weights in mixtura.from_batches."
        )


def check_keep(keep: Sequence[str], outputs: Sequence[str]) -> Sequence[str]:
    """Return the names of the columns to keep; raise where one is also the name of an output."""
    if isinstance(keep, str):
        raise ValueError(f"keep must be a list of names, got {keep!r}.")
    both = [name for name in keep if name in outputs or name.startswith("responsibility_")]
    if both:
        raise ValueError(f"keep holds {both[0]!r}, which is the name of a column that is written.")
    return keep


class Elsewhere(Protocol):
    """Rows that are no array in memory: a source, or a Dask collection."""

    @property
    def n_features(self) -> int:
        """Number of columns."""

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """Names of the columns, if they have any."""

    def taking(self, _features: Sequence[str]) -> Elsewhere:
        """The same rows with the features of these names, where nobody has said which ones to take."""

    def blocks(self, n_threads: int) -> Blocks:
        """Rows for EM, checked."""

    def score(self, mixture: Mixture, n_threads: int) -> SufficientStatistics:
        """Return the scalars of all rows under the mixture."""

    def evaluated(
        self, function: Callable[[Mixture, Array, int], Array], mixture: Mixture, n_threads: int
    ) -> Any:
        """What a function gives for all rows, piece by piece or later."""

    def tables(self, keep: Sequence[str]) -> Iterator[tuple[Array, dict[str, Any]]]:
        """Rows piece by piece, each with the columns to keep."""


def elsewhere(X: Any, sample_weight: Any = None) -> Elsewhere | None:
    """Return X with its weights where it is no array in memory, else None."""
    if isinstance(X, Source):
        check_no_weight(sample_weight)
        return X
    if is_dask(X):
        from mixtura.sources.dask import DaskRows

        return DaskRows(X, sample_weight)
    return None


def check_columns(source: Elsewhere, names: Array | None, n_features: int, estimator: str) -> None:
    """Raise, or warn as scikit-learn does, where a source has other columns than were fitted."""
    fitted = None if names is None else tuple(names)
    if source.feature_names is None or fitted is None:
        if source.n_features != n_features:
            raise ValueError(
                f"{source} has {source.n_features} features, but {estimator} is expecting {n_features} "
                "features as input."
            )
        if source.feature_names is not None:
            warnings.warn(
                f"X has feature names, but {estimator} was fitted without feature names",
                stacklevel=5,
            )
        elif fitted is not None:
            warnings.warn(
                f"X does not have valid feature names, but {estimator} was fitted with feature names",
                stacklevel=5,
            )
    elif source.feature_names != fitted:
        raise ValueError(
            f"{source} has the columns {listed(source.feature_names)}, but {estimator} was fitted with "
            f"{listed(fitted)}: give those with columns=, in that order."
        )


def _weights_as_floats(sample_weight: Any) -> FloatArray:
    check_measured(sample_weight, "sample_weight")
    try:
        weight: FloatArray = check_array(
            sample_weight,
            dtype=np.float64,
            ensure_2d=False,
            ensure_all_finite=False,
            ensure_min_samples=0,
            order="C",
        )
    except (TypeError, ValueError) as error:
        # The first line: what follows is the whole array.
        text = str(error).partition("\n")[0]
        why = "they are complex" if "Complex data" in text else text
        raise type(error)(f"sample_weight must be an array of real numbers: {why}") from error
    return weight


def check_step_size(step_size: Any) -> Callable[[float], float]:
    """Return the step of online EM as a function of how many such batches were seen before.

    Raises
    ------
    ValueError
        If a step, here or when the function is called, is not in (0, 1].
    """
    if step_size is None:
        return default_step
    if callable(step_size):
        return lambda n_before: _checked_step(step_size(n_before))
    step = _checked_step(step_size)
    return lambda _: step


def _checked_step(step: Any) -> float:
    if not isinstance(step, Real) or not 0 < float(step) <= 1:
        raise ValueError(
            f"step_size must be a number above 0 and at most 1, or a function that returns one, got {step!r}."
        )
    return float(step)


def check_weights_init(weights: Any, n_components: int) -> FloatArray:
    """Return starting weights, checked as scikit-learn does."""
    checked = _finite_floats(weights, "weights_init")
    _check_shape(checked, (n_components,), "weights", "weights_init")
    if np.any(checked < 0.0) or np.any(checked > 1.0):
        raise ValueError(
            "The parameter 'weights' should be in the range [0, 1], but got max value "
            f"{np.min(checked):.5f}, min value {np.max(checked):.5f}"
        )
    if not abs(checked.sum() - 1.0) <= 1e-6:
        raise ValueError(
            "The parameter 'weights' should be normalized, but got sum(weights) = "
            f"{checked.sum():.5f}"
        )
    return checked


def check_means_init(means: Any, n_components: int, n_features: int) -> FloatArray:
    """Return starting means, checked as scikit-learn does."""
    checked = _finite_floats(means, "means_init")
    _check_shape(checked, (n_components, n_features), "means", "means_init")
    most = RANGES[DOUBLE].most
    if np.any(np.abs(checked) > most):
        raise ValueError(
            f"means_init must be at most {most:g} in size, so that distances can be squared, but it "
            f"contains {checked.flat[np.argmax(np.abs(checked))]:g}."
        )
    return checked


def check_precisions_init(
    precisions: Any, structure: CovarianceStructure, n_components: int, n_features: int
) -> FloatArray:
    """Return starting precisions, checked as scikit-learn does."""
    shape = structure.shape(n_components, n_features)
    checked = _finite_floats(precisions, "precisions_init")
    _check_shape(checked, shape, f"{structure.name} precision", "precisions_init")
    structure.check_precisions(checked)
    structure.check_family(checked, n_components, "precisions")
    return checked


def _finite_floats(values: Any, name: str) -> FloatArray:
    try:
        array: FloatArray = np.array(values, dtype=np.float64, order="C")
    except (TypeError, ValueError) as error:
        why = str(error).rstrip(".")
        if "inhomogeneous" in why:
            why = "its rows differ in length"
        raise ValueError(f"{name} must be an array of real numbers: {why}.") from error
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, but it contains NaN or infinity.")
    return array


def _check_shape(array: Array, shape: tuple[int, ...], name: str, argument: str) -> None:
    if array.shape != shape:
        # scikit-learn's sentence, which code may look for, calls it by another name than the user did.
        raise ValueError(
            f"{argument} has the wrong shape. The parameter '{name}' should have the shape of {shape}, "
            f"but got {array.shape}"
        )


def as_mixture(other: Any) -> Mixture:
    """The distribution of a fitted model, this package's or another's.

    Raises
    ------
    TypeError
        If it is none (NotFittedError: not fitted).
    """
    if isinstance(other, Mixture):
        return other
    if isinstance(other, BaseEstimator):
        check_is_fitted(other)
    if isinstance(own := getattr(other, "mixture_", None), Mixture):
        return own
    names = ("weights_", "means_", "covariances_")
    missing = [name for name in names if not hasattr(other, name)]
    if missing:
        raise TypeError(
            "align_to needs a Mixture or a fitted model with weights_, means_ and covariances_, got "
            f"{type(other).__name__}, which has no {missing[0]}."
        )
    weights, means, covariances = (np.asarray(getattr(other, name), np.float64) for name in names)
    kind = getattr(other, "covariance_type", "full")
    # Of float32 weights the sum is 1 to six digits.
    return Mixture.from_parameters(
        weights / weights.sum(), means, covariances, covariance_type=kind
    )


def check_start_array(start: Any, n_rows: int, n_components: int) -> Array:
    """Return an array of labels (n_rows,) or of responsibilities (n_rows, n_components), checked.

    Raises
    ------
    ValueError
        If the shape, a label or a responsibility is not possible.
    """
    try:
        array = np.asarray(start)
    except ValueError as error:
        raise ValueError("init_params as an array has rows that differ in length.") from error
    if array.shape == (n_rows,):
        return _check_labels(array, n_components)
    if array.shape == (n_rows, n_components):
        return _check_responsibilities(array)
    raise ValueError(
        f"init_params as an array must hold labels, shape ({n_rows},), or responsibilities, shape "
        f"({n_rows}, {n_components}); got shape {array.shape}."
    )


def _check_labels(labels: Array, n_components: int) -> Array:
    if labels.dtype.kind not in "iufb" or not np.all(labels == np.floor(labels)):
        raise ValueError("init_params as labels must be whole numbers.")
    labels = labels.astype(np.intp)
    if labels.min() < 0 or labels.max() >= n_components:
        raise ValueError(
            f"init_params as labels must lie in 0..{n_components - 1} (n_components="
            f"{n_components}), but they range from {labels.min()} to {labels.max()}."
        )
    return labels


def _check_responsibilities(responsibilities: Array) -> Array:
    if responsibilities.dtype.kind not in "fiub" or not np.all(np.isfinite(responsibilities)):
        raise ValueError("init_params as responsibilities must be finite numbers.")
    if np.any(responsibilities < 0):
        raise ValueError("init_params as responsibilities must not be negative.")
    sums = responsibilities.sum(axis=1)
    if not np.allclose(sums, 1.0, atol=1e-5):
        row = int(np.argmax(np.abs(sums - 1.0)))
        raise ValueError(
            f"init_params as responsibilities must sum to 1 in each row, but row {row} sums to "
            f"{sums[row]:.6g}."
        )
    return responsibilities
