"""What values read from a file must be: said once for each, beside what writes it, and checked here."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mixtura.covariance import CovarianceStructure
from mixtura.mixture import Mixture, Noise, Posterior, checked_mixture
from mixtura.support.arrays import FloatArray

#: Raises Damaged unless a value, whose name comes first, is as it must be.
Check = Callable[[str, Any], None]

# Beyond them sums of numbers overflow, and a double is no longer one whole number.
_MOST = 1e300
_LARGEST = 2**53

# In standard deviations: the squares of such distances, summed, are still numbers.
_FARTHEST = 1e150

#: The seeds that numpy takes.
LARGEST_SEED = 2**32 - 1

MIXTURE = ("weights", "means", "covariances", "precisions_cholesky")

#: What a mixture may have besides; the noise as its weight, log density and log sides, where those are known;
#: the posterior as its counts and log weights.
MORE_OF_MIXTURE = ("df", "noise", "posterior")


class Damaged(ValueError):
    """A value is not what was written; the message names it."""


def number(low: float = -_MOST, *, above: float = -np.inf, finite: bool = True) -> Check:
    """A float of at least `low` and more than `above`; with `finite=False` NaN and infinity too."""

    def check(name: str, value: Any) -> None:
        is_float = isinstance(value, float)
        fits = is_float and (not finite or (low <= value <= _MOST and value > above))
        _require(fits, name, "a number in its range", value)

    return check


def whole(low: int = 0, high: int = _LARGEST) -> Check:
    """A whole number in this range."""

    def check(name: str, value: Any) -> None:
        fits = type(value) is int and low <= value <= high
        _require(fits, name, f"a whole number from {low} to {high}", value)

    return check


def flag(name: str, value: Any) -> None:
    """True or false."""
    _require(isinstance(value, bool), name, "true or false", value)


def text(name: str, value: Any) -> None:
    """Any text."""
    _require(isinstance(value, str), name, "text", value)


def number_or_text(name: str, value: Any) -> None:
    """A finite number, true or false, or any text."""
    fits = isinstance(value, str | bool | int) or (isinstance(value, float) and abs(value) <= _MOST)
    _require(fits, name, "a number or text", value)


def one_of(*values: str) -> Check:
    """One of these texts."""
    return lambda name, value: _require(
        isinstance(value, str) and value in values, name, f"one of {values}", value
    )


def nullable(check: Check) -> Check:
    """Null, or what `check` says."""
    return lambda name, value: None if value is None else check(name, value)


def list_of(check: Check, size: int | None = None) -> Check:
    """A list, of this size if it is given, each of whose values is as `check` says."""

    def check_list(name: str, value: Any) -> None:
        fits = isinstance(value, list) and size in (None, len(value))
        _require(fits, name, "a list" if size is None else f"a list of {size}", value)
        for i, item in enumerate(value):
            check(f"{name}[{i}]", item)

    return check_list


def one_or_each(check: Check, size: int) -> Check:
    """One value, or a list of so many."""

    def check_either(name: str, value: Any) -> None:
        try:
            check(name, value)
        except Damaged:
            list_of(check, size)(name, value)

    return check_either


def mapping(check: Check | None = None) -> Check:
    """Values by name, each as `check` says."""

    def check_mapping(name: str, value: Any) -> None:
        _require(isinstance(value, dict), name, "values by name", value)
        if check is not None:
            for key, item in value.items():
                check(f"{name}[{short(key)}]", item)

    return check_mapping


def record(fields: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """Values by name: all these, each as its check says, and maybe others, which a newer version added."""

    def check_record(name: str, value: Any) -> None:
        _require(isinstance(value, dict), name, "values by name", value)
        for key, check in fields.items():
            if key not in value:
                raise Damaged(f"{name} has no {key}")
            check(key, value[key])
        for key, check in (optional or {}).items():
            if key in value:
                check(key, value[key])

    return check_record


def array_in(
    arrays: Mapping[str, FloatArray], name: str, shape: tuple[int, ...] | None = None
) -> FloatArray:
    """The array of that name: of this shape, or flat where none is given."""
    if name not in arrays:
        raise Damaged(f"there is no array {name!r}")
    array = arrays[name]
    if array.ndim != 1 if shape is None else array.shape != shape:
        wanted = "one dimension" if shape is None else f"shape {shape}"
        raise Damaged(f"the array {name!r} must have {wanted}, but has shape {array.shape}")
    return array


def mixture_in(
    arrays: Mapping[str, FloatArray],
    prefix: str,
    structure: CovarianceStructure,
    shape: tuple[int, int] | None = None,
) -> Mixture:
    """The mixture whose arrays have names that begin so; `shape`: of its means, where that is known."""
    missing = [name for name in MIXTURE if prefix + name not in arrays]
    if missing:
        raise Damaged(f"there is no array {prefix + missing[0]!r}")
    try:
        noise, pair = None, prefix + "noise"
        if pair in arrays:
            n_features = arrays[prefix + "means"].shape[-1]
            noise = Noise.from_array(array_in(arrays, pair), n_features)
        weights, means, covariances, factors = (arrays[prefix + name] for name in MIXTURE)
        df = arrays.get(prefix + "df")
        n_densities = len(means) + (noise is not None)
        posterior = _posterior_in(arrays, prefix + "posterior", n_densities)
        mixture = checked_mixture(
            structure, weights, means, covariances, factors, df, noise, posterior
        )
    except ValueError as error:
        raise Damaged(f"its contents are not a mixture ({error})") from error
    if np.any(np.abs(mixture.means) > _FARTHEST * mixture.spreads):
        raise Damaged(
            "a mean lies so many standard deviations from zero that no density has a number"
        )
    if shape is not None and mixture.means.shape != shape:
        raise Damaged(f"the means must have shape {shape}, but have {mixture.means.shape}")
    return mixture


def _posterior_in(
    arrays: Mapping[str, FloatArray], name: str, n_densities: int
) -> Posterior | None:
    if name not in arrays:
        return None
    counts, log_weights = array_in(arrays, name, (2, n_densities)).copy()
    if not (np.isfinite(counts).all() and np.isfinite(log_weights).all() and counts.min() >= 0):
        raise Damaged(f"the array {name!r} must hold counts of at least 0 and finite log weights")
    return Posterior(counts, log_weights)


def short(value: Any) -> str:
    """A value as a message shows it, however large or deep it is."""
    return reprlib.repr(value)


def _require(fits: bool, name: str, what: str, value: Any) -> None:
    if not fits:
        raise Damaged(f"{name} must be {what}, but is {short(value)}")
