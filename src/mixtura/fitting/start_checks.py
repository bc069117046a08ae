"""Where a user wants EM to begin: one clear sentence where that is not possible."""

from __future__ import annotations

from typing import Any

import numpy as np

from mixtura.covariance import CovarianceStructure
from mixtura.inputs.scales import DOUBLE, RANGES
from mixtura.mixture import Mixture
from mixtura.support.arrays import Array, FloatArray


def check_weights_init(weights: Any, n_components: int, has_noise: bool = False) -> FloatArray:
    """Return starting weights, checked as scikit-learn does; NaN: left to the start.

    has_noise: they may sum to less than 1.
    """
    checked = _finite_floats(weights, "weights_init", may_be_nan=True)
    _check_shape(checked, (n_components,), "weights", "weights_init")
    if abs(checked.sum() - 1.0) <= 1e-6 and checked.min() >= 0.0 and checked.max() <= 1.0:
        return checked  # as mostly
    if np.any(checked < 0.0) or np.any(checked > 1.0):
        raise ValueError(
            "The parameter 'weights' should be in the range [0, 1], but got max value "
            f"{np.min(checked):.5f}, min value {np.max(checked):.5f}"
        )
    known = np.nansum(checked)
    has_gaps = bool(np.isnan(checked).any())
    if has_gaps and known >= 1.0:
        raise ValueError(
            f"weights_init sums to {known:.5g}, which leaves nothing for the components that are NaN."
        )
    is_whole = abs(known - 1.0) <= 1e-6 and not has_gaps
    if not (is_whole or ((has_gaps or has_noise) and known < 1.0)):
        raise ValueError(
            f"The parameter 'weights' should be normalized, but got sum(weights) = {known:.5f}"
        )
    return checked


def check_means_init(means: Any, n_components: int, n_features: int) -> FloatArray:
    """Return starting means, checked as scikit-learn does; rows of NaN: left to the start."""
    checked = _finite_floats(means, "means_init", may_be_nan=True)
    _check_shape(checked, (n_components, n_features), "means", "means_init")
    _check_whole(checked, "means_init")
    most = RANGES[DOUBLE].most
    if np.any(np.abs(checked) > most):
        raise ValueError(
            f"means_init must be at most {most:g} in size, so that distances can be squared, but it "
            f"contains {checked.flat[np.nanargmax(np.abs(checked))]:g}."
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


def check_covariances_init(
    covariances: Any, structure: CovarianceStructure, n_components: int, n_features: int
) -> FloatArray:
    """Return starting covariances, checked; those of NaN are left to the start."""
    shape = structure.shape(n_components, n_features)
    checked = _finite_floats(covariances, "covariances_init", may_be_nan=True)
    _check_shape(checked, shape, f"{structure.name} covariance", "covariances_init")
    _check_whole(checked[np.newaxis] if structure.shared else checked, "covariances_init")
    is_given = ~np.isnan(checked).reshape(1 if structure.shared else n_components, -1)[:, 0]
    if is_given.all():
        structure.check_symmetric(checked)
        structure.factor_covariances(checked, n_components, n_features)
        structure.check_family(checked, n_components)
    elif structure.shared or "E" in structure.letters:
        raise ValueError(
            f"covariances_init of covariance_type={structure.name!r}, whose components share a part of their "
            "covariances, must be given of all components, without NaN."
        )
    elif is_given.any():
        few = checked[is_given]
        structure.check_symmetric(few)
        structure.factor_covariances(few, len(few), n_features)
    return checked


def _check_whole(values: FloatArray, name: str) -> None:
    """Raise where some numbers of a component are NaN, and others not."""
    missing = np.isnan(values).reshape(len(values), -1)
    if not missing.any():
        return
    torn = np.flatnonzero(missing.any(axis=1) & ~missing.all(axis=1))
    if len(torn):
        raise ValueError(
            f"{name} holds NaN and numbers for component {torn[0]}: give all of them, or NaN for all."
        )


def _finite_floats(values: Any, name: str, may_be_nan: bool = False) -> FloatArray:
    try:
        array: FloatArray = np.array(values, dtype=np.float64, order="C")
    except (TypeError, ValueError) as error:
        why = str(error).rstrip(".")
        if "inhomogeneous" in why:
            why = "its rows differ in length"
        raise ValueError(f"{name} must be an array of real numbers: {why}.") from error
    is_good = ~np.isinf(array) if may_be_nan else np.isfinite(array)
    if not is_good.all():
        what = "infinity" if may_be_nan else "NaN or infinity"
        raise ValueError(f"{name} must be finite, but it contains {what}.")
    return array


def _check_shape(array: Array, shape: tuple[int, ...], name: str, argument: str) -> None:
    if array.shape != shape:
        # scikit-learn's sentence, which code may look for, calls it by another name than the user did.
        raise ValueError(
            f"{argument} has the wrong shape. The parameter '{name}' should have the shape of {shape}, "
            f"but got {array.shape}"
        )


def check_start_mixture(
    start: Mixture, structure: CovarianceStructure, n_components: int, n_features: int
) -> Mixture:
    """Return the mixture that a callable gave, where it is one of those that are fitted."""
    expected = (structure.name, n_components, n_features)
    got = (start.covariance_type, start.n_components, start.n_features)
    if got != expected:
        raise ValueError(
            "init_params returned a mixture of (covariance_type, n_components, n_features) = "
            f"{got}, but {expected} is wanted."
        )
    return start


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
