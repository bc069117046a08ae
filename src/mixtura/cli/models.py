"""Model files as arguments: what is loaded, and what is said where models and data are confused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import mixtura
from mixtura import GaussianMixture
from mixtura.cli.errors import CommandError, UsageError, reason
from mixtura.files.output import format_of
from mixtura.sources.arrow import EXTENSIONS as SCANNED

_STATE = "the state of a fit or a sweep"


def load(path: str) -> GaussianMixture:
    """Load a model, or say what the file is instead."""
    try:
        fitted = mixtura.load(path)
        fitted.summary()
    except (OSError, ValueError) as error:
        raise CommandError(f"cannot load {path}: {_why_not(path, error)}") from error
    return fitted


def _why_not(path: str, error: Exception) -> str:
    file = Path(path)
    if file.is_dir():
        inside = file / "model.safetensors"
        what = str(inside) if inside.is_file() else "a model file, as mixtura fit writes it"
        return f"it is a folder; give {what}"
    if file.is_file() and file.suffix.lower() in {*SCANNED, ".npy"}:
        return "it is a data file; give a model file, as mixtura fit writes it"
    why = reason(error).removeprefix(f"cannot load {path}: ")
    return f"{why}; give a model file, as mixtura fit writes it"


def check_order(model: str, files: Sequence[str]) -> None:
    """Refuse data where the model should stand, and the model among the data."""
    models = [file for file in files if _content(file) == "a model"]
    if models and _content(model) is None:
        data = " ".join([model, *(file for file in files if file not in models)])
        raise UsageError(
            f"{models[0]} is a model and {model} is not, but the model comes first: "
            f"mixtura predict {models[0]} {data}"
        )


def check_no_models(files: Sequence[str]) -> None:
    """Refuse a model file, or the state of a fit, where data should stand."""
    for file in files:
        if not file:
            raise UsageError("a FILE is empty; name files, folders or patterns")
        if content := _content(file):
            raise CommandError(
                f"{file} holds {content}, not data; give files of rows (mixtura show tells of a model)"
            )


def _content(path: str) -> str | None:
    """What a file of ours holds, by its header; None where it is another's, or not there."""
    kind = format_of(Path(path))
    if kind == "mixtura":
        return "a model"
    return _STATE if kind.startswith("mixtura ") else None
