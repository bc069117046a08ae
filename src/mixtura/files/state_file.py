"""Safetensors files of arrays and JSON: written whole, and read so that no damage gets further."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from mixtura.errors import ModelFileError
from mixtura.files.output import replacing
from mixtura.files.schema import MIXTURE, MORE_OF_MIXTURE, Damaged
from mixtura.mixture import Mixture
from mixtura.support.arrays import FloatArray

_LONGEST = 300  # letters of a message


def write(
    path: str | os.PathLike[str], header: dict[str, str], arrays: dict[str, FloatArray]
) -> None:
    """Replace the file by one that holds these; the old one survives any failure."""
    whole = whole_file(header, arrays)
    with replacing(path) as temporary:
        temporary.write_bytes(whole)


def whole_file(header: dict[str, str], arrays: dict[str, FloatArray]) -> bytes:
    """What a file that holds these is."""
    return save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, header)


def read(path: str | os.PathLike[str]) -> tuple[dict[str, str], dict[str, FloatArray]]:
    """Read what `write` wrote: within `reading`, which says what is wrong."""
    if not Path(path).is_file():  # to open a FIFO would be to wait
        raise Damaged("it is no regular file")
    Path(path).open(
        "rb"
    ).close()  # safetensors would say that there is no file that may not be read
    with safe_open(path, framework="numpy") as opened:
        names = opened.keys()
        for name in names:
            part = opened.get_slice(name)
            if part.get_dtype() != "F64" or 0 in part.get_shape():
                raise Damaged(
                    f"the array {name!r} must be of doubles, but is of {part.get_dtype()} {part.get_shape()}"
                )
        return opened.metadata() or {}, {name: opened.get_tensor(name) for name in names}


@contextmanager
def reading(path: str | os.PathLike[str], doing: str) -> Iterator[None]:
    """Name the file in the error where its contents are not what was written.

    doing: what cannot be done with it, as in 'load'.

    Raises
    ------
    ModelFileError
        In place of Damaged, and of safetensors' own errors.
    """
    try:
        with np.errstate(all="ignore"):  # nonsense overflows, and is an error then
            yield
    except SafetensorError as error:
        raise ModelFileError(
            f"cannot {doing} {path}: it is truncated, damaged or not a safetensors file "
            f"({brief(error)})."
        ) from error
    except OSError as error:
        raise type(error)(error.errno, f"cannot {doing} {path}: {error.strerror}") from error
    except Damaged as error:
        raise ModelFileError(f"cannot {doing} {path}: {error}.") from error


def brief(error: Exception) -> str:
    """What an error says, on one line, however long what it quotes from a file is."""
    words = " ".join(str(error).split())
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]} ..."


def described(header: Mapping[str, str], name: str) -> Any:
    """What stands in a header under that name, as JSON."""
    if name not in header:
        raise Damaged(f"its header has no {name}")
    try:
        return json.loads(header[name])
    except (ValueError, RecursionError) as error:
        raise Damaged(f"the {name!r} of its header is no JSON that can be read") from error


def write_state(
    path: str | os.PathLike[str], kind: str, facts: dict[str, Any], arrays: dict[str, FloatArray]
) -> None:
    """Write a state that a computation goes on from. kind: what file it is, and which version of it."""
    write(path, {"format": kind, "facts": json.dumps(facts)}, arrays)


def read_state(
    path: str | os.PathLike[str], kind: str, what: str
) -> tuple[dict[str, Any], dict[str, FloatArray]]:
    """Read what `write_state` wrote: within `reading`. what: the kind in words."""
    header, arrays = read(path)
    if header.get("format") != kind:
        raise Damaged(f"it is not {what} that this mixtura wrote")
    return described(header, "facts"), arrays


def arrays_of(prefix: str, mixture: Mixture) -> dict[str, FloatArray]:
    """A mixture's arrays under names that begin so."""
    of_all = {prefix + name: getattr(mixture, name) for name in MIXTURE}
    more = {
        "df": mixture.df,
        "noise": None if mixture.noise is None else mixture.noise.as_array,
        "posterior": None if mixture.posterior is None else np.array(mixture.posterior),
    }
    return of_all | {
        prefix + name: np.array(more[name], dtype=np.float64)
        for name in MORE_OF_MIXTURE
        if more[name] is not None
    }
