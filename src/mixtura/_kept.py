"""Files of state that a computation goes on from: arrays and JSON in one safetensors file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from mixtura._files import replacing
from mixtura._rows import FloatArray
from mixtura.covariance import CovarianceStructure
from mixtura.errors import ModelFileError
from mixtura.mixture import Mixture

_ARRAYS = ("weights", "means", "covariances", "precisions_cholesky")


def keep(
    path: str | os.PathLike[str], kind: str, facts: dict[str, Any], arrays: dict[str, FloatArray]
) -> None:
    """Replace the file by one that holds these; the old one survives any failure.

    kind: what file it is, and which version of it.
    """
    with replacing(path) as temporary:
        try:
            save_file(arrays, temporary, {"format": kind, "facts": json.dumps(facts)})
        except SafetensorError as error:  # its own kind for what the system refused
            raise OSError(None, str(error)) from error


def kept(
    path: str | os.PathLike[str], kind: str, what: str
) -> tuple[dict[str, Any], dict[str, FloatArray]]:
    """Read what `keep` wrote. what: the kind in words.

    Raises
    ------
    ModelFileError
        If the file is damaged or of another kind.
    """
    file = Path(path)
    try:
        with safe_open(file, framework="numpy") as opened:
            header = opened.metadata() or {}
            if header.get("format") != kind:
                raise ModelFileError(
                    f"cannot resume from {file}: it is not {what} that this mixtura wrote."
                )
            arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        return json.loads(header["facts"]), arrays
    except (SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise ModelFileError(
            f"cannot resume from {file}: it is truncated, damaged or not {what} ({error})."
        ) from error


def arrays_of(prefix: str, mixture: Mixture) -> dict[str, FloatArray]:
    """A mixture's arrays under names that begin so."""
    return {f"{prefix} {name}": np.ascontiguousarray(getattr(mixture, name)) for name in _ARRAYS}


def mixture_in(
    arrays: dict[str, FloatArray], prefix: str, structure: CovarianceStructure
) -> Mixture:
    """Give the mixture whose arrays stand under those names."""
    return Mixture(structure, *(arrays[f"{prefix} {name}"] for name in _ARRAYS)).frozen()
