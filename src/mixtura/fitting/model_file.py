"""Models in one safetensors file: arrays and versioned JSON; loading runs no code."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mixtura.covariance import ONE_FEATURE, STRUCTURES, CovarianceStructure, structure
from mixtura.em import SufficientStatistics
from mixtura.files import schema as must_be
from mixtura.files.schema import Check, Damaged, array_in, mixture_in
from mixtura.files.state_file import arrays_of, described, read, reading, whole_file, write
from mixtura.fitting.facts import FitFacts, facts_in, json_of
from mixtura.mixture import Mixture
from mixtura.support.arrays import FloatArray
from mixtura.support.interruptible import interruptible

#: Raised by one whenever an older version could no longer read what is written. Files without what is new
#: stay of the version before.
FORMAT_VERSION = 2
_VERSION_OF_GAUSSIANS = 1

# The format of a file of many models.
_MANY = "mixtura models"

_CHECK_MANY = must_be.record(
    {
        "by": must_be.nullable(must_be.text),
        "keys": must_be.list_of(must_be.number_or_text),
        "failures": must_be.list_of(must_be.text),
        "models": must_be.list_of(must_be.nullable(must_be.mapping())),
    }
)

# The format of a file of an estimator that uses mixtures.
_USING = "mixtura estimator"

_CHECK_USING = must_be.record(
    {
        "estimator": must_be.text,
        "parameters": must_be.mapping(),
        "fitted": must_be.mapping(),
        "models": must_be.list_of(must_be.mapping()),
    }
)

# What stands in the description of any model, and how an error calls it.
_OF_ANY_MODEL = ("parameters", "dtype", "feature_names")
_WHAT = "its description"

# Sums that partial_fit goes on from, and which array of the mixture each has the shape of.
_MOMENTS = {"centres": "means", "counts": "weights", "firsts": "means", "seconds": "covariances"}
_SCALES = {"scales": "weights", "log_scales": "weights"}


def _moments_of(mixture: Mixture) -> dict[str, str]:
    return _MOMENTS if mixture.df is None else _MOMENTS | _SCALES


# Of all rows' spread: what rounding may make of a second moment, and how far means may lie from those of the
# mixture, whose EM step they are.
_ROUNDING = 1e-6
_FAR = 1e8

# Of the rows' weight, which their counts in the components add up to.
_ROUNDING_OF_COUNTS = 1e-3


@dataclass(frozen=True, eq=False)
class SavedModel:
    """What a model file holds.

    Attributes
    ----------
    mixture : Mixture
    parameters : dict
        The constructor's arguments, as JSON.
    dtype : str
        Of the rows that were fitted.
    feature_names : list of str or None
    facts : FitFacts or None
        None where the parameters were set by hand.
    """

    mixture: Mixture
    parameters: dict[str, Any]
    dtype: str
    feature_names: list[str] | None = None
    facts: FitFacts | None = None


def save_model(path: str | os.PathLike[str], model: SavedModel, library_version: str) -> None:
    """Write a model; an older file survives any failure."""
    write(path, *_parts(model, library_version))


def model_file(model: SavedModel, library_version: str) -> bytes:
    """What `save_model` writes."""
    return whole_file(*_parts(model, library_version))


def _parts(model: SavedModel, library_version: str) -> tuple[dict[str, str], dict[str, FloatArray]]:
    header = {
        "format": "mixtura",
        "format_version": str(_version_of(model.mixture)),
        "covariance_type": model.mixture.covariance_type,
        "model": json.dumps(_description(model, library_version)),
    }
    return header, _arrays("", model)


def read_model(path: str | os.PathLike[str]) -> SavedModel:
    """Read what `save_model` wrote, and check it.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModelFileError
        If the file is damaged, of another kind, or written by a newer version.
    """
    with reading(_existing(path), "load"):
        header, arrays = read(path)
        _check_header(header)
        return _model_in(described(header, "model"), arrays, header.get("covariance_type"))


def _version_of(mixture: Mixture) -> int:
    more = (mixture.df, mixture.noise, mixture.posterior)
    return _VERSION_OF_GAUSSIANS if all(part is None for part in more) else FORMAT_VERSION


def _description(model: SavedModel, library_version: str) -> dict[str, Any]:
    return {
        "library_version": library_version,
        "parameters": model.parameters,
        "dtype": model.dtype,
        "feature_names": model.feature_names,
        **({} if model.facts is None else json_of(model.facts)),
    }


def _arrays(prefix: str, model: SavedModel) -> dict[str, FloatArray]:
    arrays = arrays_of(prefix, model.mixture)
    if model.facts is not None and model.facts.statistics is not None:
        statistics = model.facts.statistics
        names = _moments_of(model.mixture)
        arrays |= {f"{prefix}statistics_{name}": getattr(statistics, name) for name in names}
        if model.mixture.noise is not None:
            arrays[f"{prefix}statistics_noise"] = np.array([statistics.noise])
    return arrays


def _model_in(
    description: Any, arrays: Mapping[str, FloatArray], covariance_type: Any
) -> SavedModel:
    mixture = mixture_in(arrays, "", _structure(covariance_type))
    _check_of_any_model(mixture.n_features)(_WHAT, description)
    own = {name: description[name] for name in _OF_ANY_MODEL}
    return SavedModel(mixture, **own, facts=_facts_in(description, arrays, mixture))


def _existing(path: str | os.PathLike[str]) -> Path:
    file = Path(path)
    if file.is_dir() or not file.exists():
        kind = "is a folder, not a model file" if file.is_dir() else "does not exist"
        raise FileNotFoundError(f"cannot load {file}: it {kind}.")
    return file


# Many models in one file


@dataclass(frozen=True, eq=False)
class SavedModels:
    """What a file of many models holds.

    Attributes
    ----------
    keys : list
        One a table: numbers or text.
    models : list of SavedModel or None
        None where the fit failed.
    failures : list of str
        Why, or ''.
    by : str or None
        The column that told the tables apart.
    """

    keys: list[Any]
    models: list[SavedModel | None]
    failures: list[str]
    by: str | None = None


def save_models(path: str | os.PathLike[str], many: SavedModels, library_version: str) -> None:
    """Write many models; an older file survives any failure."""
    described_models, arrays, version = _described_models(many.models, library_version)
    facts = {
        "by": many.by,
        "keys": many.keys,
        "failures": many.failures,
        "models": described_models,
    }
    header = {"format": _MANY, "format_version": str(version), "facts": json.dumps(facts)}
    write(path, header, arrays)


def _described_models(
    models: Sequence[SavedModel | None], library_version: str
) -> tuple[list[Any], dict[str, FloatArray], int]:
    """Their descriptions and arrays, and the version of the file that holds them."""
    descriptions: list[Any] = []
    arrays: dict[str, FloatArray] = {}
    for i, model in enumerate(models):
        if model is None:
            descriptions.append(None)
            continue
        kind = {"covariance_type": model.mixture.covariance_type}
        descriptions.append(_description(model, library_version) | kind)
        arrays |= _arrays(f"{i}/", model)
    versions = (_version_of(model.mixture) for model in models if model is not None)
    return descriptions, arrays, max(versions, default=1)


def read_models(path: str | os.PathLike[str]) -> SavedModels:
    """Read what `save_models` wrote, and check it.

    Raises
    ------
    FileNotFoundError, ModelFileError
        As `read_model`.
    """
    with reading(_existing(path), "load"):
        header, arrays = read(path)
        if header.get("format") != _MANY:
            raise Damaged("it does not hold the fits of many tables: mixtura.load reads a model")
        _check_version(header, FORMAT_VERSION)
        facts = described(header, "facts")
        _CHECK_MANY(_WHAT, facts)
        models, failures, keys = facts["models"], facts["failures"], facts["keys"]
        if not len(models) == len(failures) == len(keys):
            raise Damaged("its models, failures and keys are not equally many")
        found = _models_in(models, arrays)
        if not any(found):
            raise Damaged("it holds no model")
        return SavedModels(keys, found, failures, facts["by"])


def _models_in(models: list[Any], arrays: Mapping[str, FloatArray]) -> list[SavedModel | None]:
    own = _by_model(arrays)
    return [
        None
        if model is None
        else _model_in(model, own.get(str(i), {}), model.get("covariance_type"))
        for i, model in enumerate(models)
    ]


def _by_model(arrays: Mapping[str, FloatArray]) -> dict[str, dict[str, FloatArray]]:
    found: dict[str, dict[str, FloatArray]] = {}
    for name, array in arrays.items():
        number, _, own = name.partition("/")
        found.setdefault(number, {})[own] = array
    return found


# An estimator that uses mixtures


@dataclass(frozen=True, eq=False)
class SavedEstimator:
    """What a file of an estimator that uses mixtures holds.

    Attributes
    ----------
    estimator : str
        The name of its class.
    parameters : dict
        The constructor's arguments, as JSON.
    fitted : dict
        What it learned beside the mixtures, as JSON.
    models : list of SavedModel
    """

    estimator: str
    parameters: dict[str, Any]
    fitted: dict[str, Any]
    models: list[SavedModel]


def save_estimator(
    path: str | os.PathLike[str], saved: SavedEstimator, library_version: str
) -> None:
    """Write an estimator; an older file survives any failure."""
    models, arrays, version = _described_models(saved.models, library_version)
    facts = {
        "estimator": saved.estimator,
        "parameters": saved.parameters,
        "fitted": saved.fitted,
        "models": models,
    }
    header = {"format": _USING, "format_version": str(version), "facts": json.dumps(facts)}
    write(path, header, arrays)


def read_estimator(path: str | os.PathLike[str], estimator: str) -> SavedEstimator:
    """Read what `save_estimator` wrote of an estimator of that class, and check it.

    Raises
    ------
    FileNotFoundError, ModelFileError
        As `read_model`.
    """
    with reading(_existing(path), "load"):
        header, arrays = read(path)
        if header.get("format") != _USING:
            raise Damaged(f"it does not hold a {estimator}: mixtura.load reads a model")
        _check_version(header, FORMAT_VERSION)
        facts = described(header, "facts")
        _CHECK_USING(_WHAT, facts)
        if facts["estimator"] != estimator:
            raise Damaged(f"it holds a {facts['estimator'][:60]}, not a {estimator}")
        found = [model for model in _models_in(facts["models"], arrays) if model is not None]
        if not found:
            raise Damaged("it holds no model")
        return SavedEstimator(estimator, facts["parameters"], facts["fitted"], found)


# One model


def _check_header(header: dict[str, str]) -> None:
    if header.get("format") == _MANY:
        raise Damaged("it holds many models, of fit_many: FittedMixtures.load reads them")
    if header.get("format") == _USING:
        facts = described(header, "facts")
        name = facts.get("estimator") if isinstance(facts, dict) else None
        raise Damaged(f"it holds a {str(name)[:60]}: {str(name)[:60]}.load reads it")
    if header.get("format", "").startswith("mixtura "):
        raise Damaged("it holds the state of a fit or a sweep, not a model")
    if header.get("format") != "mixtura":
        raise Damaged("it is a safetensors file, but not one that mixtura wrote")
    _check_version(header, FORMAT_VERSION)


def _check_version(header: dict[str, str], newest: int) -> None:
    version = header.get("format_version", "")
    if not re.fullmatch("[0-9]{1,9}", version) or int(version) > newest:
        raise Damaged(
            f"its format is version {version[:20] or 'unknown'}, this mixtura reads up to version "
            f"{newest}. Install a newer mixtura"
        )


def _structure(name: Any) -> CovarianceStructure:
    if not isinstance(name, str) or (name not in STRUCTURES and name not in ONE_FEATURE):
        raise Damaged(f"its covariance_type is none, {must_be.short(name)}")
    return structure(name)


def _check_of_any_model(n_features: int) -> Check:
    return must_be.record(
        {
            "parameters": must_be.mapping(),
            "dtype": must_be.one_of("float32", "float64"),
            "feature_names": must_be.nullable(must_be.list_of(must_be.text, n_features)),
        }
    )


def _facts_in(
    description: dict[str, Any], arrays: Mapping[str, FloatArray], mixture: Mixture
) -> FitFacts | None:
    """What is known of the fit; None of parameters that were set by hand, without any rows."""
    if set(description) <= {*_OF_ANY_MODEL, "library_version", "covariance_type"}:
        return None
    facts = facts_in(description, mixture, _WHAT)
    has_statistics = any(name.startswith("statistics_") for name in arrays)  # older files: none
    return (
        replace(facts, statistics=_statistics_in(arrays, facts, mixture))
        if has_statistics
        else facts
    )


def _statistics_in(
    arrays: Mapping[str, FloatArray], facts: FitFacts, mixture: Mixture
) -> SufficientStatistics:
    sums = {
        name: array_in(arrays, f"statistics_{name}", getattr(mixture, like).shape)
        for name, like in _moments_of(mixture).items()
    }
    if mixture.noise is not None:
        sums["noise"] = array_in(arrays, "statistics_noise", (1,))
    centres, counts = sums.pop("centres"), sums["counts"]
    found = SufficientStatistics.of(
        mixture.structure,
        centres,
        **sums,
        weight=facts.weight,
        log_likelihood=facts.log_likelihood,
        log_certainty=facts.log_certainty,
    )
    for name in _moments_of(mixture):
        if not np.isfinite(getattr(found, name)).all():
            raise Damaged(f"its statistics are not the mixture's ({name} are not finite)")
    if counts.min() < 0:
        raise Damaged("its statistics hold negative counts")
    n_rows = float(counts.sum() + found.noise)
    if not abs(n_rows - facts.weight) <= _ROUNDING_OF_COUNTS * facts.weight:
        raise Damaged(f"its statistics are of {n_rows:g} rows, and the fit is of {facts.weight:g}")
    _check_moments(found, mixture)
    return found


def _check_moments(found: SufficientStatistics, mixture: Mixture) -> None:
    """See that second moments about the means are sums of squares, in units of what the mixture spans."""
    kind, (K, d) = mixture.structure, mixture.means.shape
    variances = kind.diagonals(mixture.covariances, K, d).max(axis=0)
    spread = np.sqrt(variances + np.ptp(mixture.means, axis=0) ** 2)
    means = found.means
    if np.any(np.abs(means - mixture.means) > _FAR * spread):
        raise Damaged("its statistics are not the mixture's (their means lie elsewhere)")
    central = kind.matrices(found.about(means).seconds, K, d) / found.counts.sum()
    for k in range(1 if kind.shared else K):
        moments = central[k] / spread / spread[:, np.newaxis]
        if np.any(np.abs(moments - moments.T) > _ROUNDING) or not _is_semidefinite(moments):
            raise Damaged("its statistics hold what are no variances")


def _is_semidefinite(matrix: FloatArray) -> bool:
    try:
        interruptible(np.linalg.cholesky, matrix + _ROUNDING * np.eye(len(matrix)))
    except np.linalg.LinAlgError:
        return False
    return bool(np.isfinite(matrix).all())
