"""What a shell writes a model as: one row for each, by the ending of the file's name."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixtura.export.matlab import to_matlab
from mixtura.export.mclust import to_mclust
from mixtura.export.onnx import to_onnx
from mixtura.export.plain import to_json
from mixtura.export.spark import to_spark
from mixtura.files.output import replacing
from mixtura.support.names import listed, nearest


@dataclass(frozen=True)
class Target:
    """What a model can be written as.

    Attributes
    ----------
    name : str
        By which it is asked for.
    ending : str
        Of the names of such files, in small letters; '/' of a folder.
    write : callable
        Called as write(model, path).
    """

    name: str
    ending: str
    write: Callable[..., object]

    @property
    def is_folder(self) -> bool:
        """Whether what is written is a folder of files."""
        return self.ending == "/"


def _write_onnx(model: Any, path: str) -> None:
    graph = to_onnx(model)
    with replacing(path) as file:
        file.write_bytes(graph.SerializeToString())


TARGETS = (
    Target("onnx", ".onnx", _write_onnx),
    Target("json", ".json", to_json),
    Target("mclust", ".r", to_mclust),
    Target("matlab", ".mat", to_matlab),
    Target("spark", "/", to_spark),
)


def target_of(path: str | os.PathLike[str], name: str | None = None) -> Target:
    """The target of that name, or where none is given that of the ending of the path.

    Raises
    ------
    ValueError
        If there is none; the message lists them.
    """
    if name is not None:
        found = [target for target in TARGETS if target.name == name]
        names = [target.name for target in TARGETS]
        wrong = f"there is no target {name!r}; there are {listed(names)}.{nearest(name, names)}"
    else:
        ending = "/" if str(path).endswith("/") else Path(path).suffix.lower()
        found = [target for target in TARGETS if target.ending == ending]
        ways = ", ".join(f"{target.ending} {target.name}" for target in TARGETS)
        wrong = f"the ending of {path} does not say what to write ({ways}): name it by target="
    if not found:
        raise ValueError(wrong)
    return found[0]


__all__ = ["TARGETS", "Target", "target_of"]
