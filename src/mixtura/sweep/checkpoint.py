"""The file of a sweep that may be stopped and go on: what is done, and for which rows."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from mixtura.covariance import ONE_FEATURE, STRUCTURES
from mixtura.files import schema as must_be
from mixtura.files.output import check_no_other_file, check_state_target
from mixtura.files.schema import Damaged, mixture_in
from mixtura.files.state_file import arrays_of, read_state, reading, write_state
from mixtura.fitting.facts import facts_in, json_of
from mixtura.mixture import Mixture
from mixtura.rows import ArrayBlocks, Blocks
from mixtura.support.arrays import FloatArray
from mixtura.sweep.cells import Cell, Key
from mixtura.sweep.names import is_name, structure_of
from mixtura.sweep.sweep import LOOKS, State

FORMAT = "mixtura sweep 3"
_WHAT = "the file of a sweep"
_STRUCTURES = frozenset({*STRUCTURES, *ONE_FEATURE})

# Seconds between two writes, since steps on small data take milliseconds; and times what a write takes.
_INTERVAL = 1.0
_INTERVAL_OF_A_WRITE = 20.0


def fingerprint(blocks: Blocks) -> str:
    """A number that other rows, or other weights, would not have."""
    of_parts = list(blocks.each(_digest))
    return of_parts[0] if len(of_parts) == 1 else _combined(of_parts)


def _combined(digests: list[str]) -> str:
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def _digest(part: ArrayBlocks, _: int) -> str:
    return part.rows.digest()


def check_path(path: str | os.PathLike[str] | None, *, resume: bool = False) -> None:
    """See that the state of a sweep can be written there, before there is one.

    Raises
    ------
    OSError
        If the folder does not exist or cannot be written in, or the path is a folder's.
    ValueError
        If there is no file to go on from.
    """
    if not isinstance(resume, bool | np.bool_):
        raise ValueError(
            f"resume must be True or False, got {resume!r}: name the file with checkpoint=."
        )
    if path is None:
        if resume:
            raise ValueError("resume=True goes on from a file: name it with checkpoint=.")
        return
    file = Path(path)
    if not file.parent.is_dir():
        raise FileNotFoundError(
            f"checkpoint={str(path)!r} cannot be written: the folder {file.parent} does not exist."
        )
    if file.is_dir():
        raise IsADirectoryError(f"checkpoint={str(path)!r} is a folder: name a file.")
    if not os.access(file.parent, os.W_OK | os.X_OK):
        raise PermissionError(
            f"checkpoint={str(path)!r} cannot be written: no permission to write in {file.parent}."
        )
    check_state_target(path)


@dataclass
class Journal:
    """Writes the state of a sweep to a file, and reads it, if there is to be one."""

    path: str | os.PathLike[str] | None
    resume: bool
    rows: str
    settings: dict[str, Any]
    n_features: int
    #: The facts that the fits of all cells have in common.
    known: Mapping[str, Any]
    _due: float = -np.inf

    def read(self) -> State:
        """Return what the file holds; an empty state where there is no file yet, or it is not to go on.

        Raises
        ------
        ValueError
            If the file belongs to other rows or other settings (ModelFileError: is no such file).
        FileExistsError
            If a sweep that begins anew would replace another file than the state of one.
        """
        if self.path is not None and not self.resume:
            check_no_other_file(self.path)
        if self.path is None or not (self.resume and Path(self.path).exists()):
            return State()
        with reading(self.path, "resume from"):
            header, arrays = _read(self.path)
            self._check_same(header)
            return _state(header, arrays, self.n_features, self.known)

    def _check_same(self, header: dict[str, Any]) -> None:
        if header["rows"] != self.rows:
            raise ValueError(
                f"checkpoint={str(self.path)!r} holds a sweep over other rows or weights: give the data that "
                "it began with, another file, or resume=False."
            )
        for name, value in self.settings.items():
            if header["settings"].get(name) != value:
                raise ValueError(
                    f"checkpoint={str(self.path)!r} holds a sweep with "
                    f"{name}={must_be.short(header['settings'].get(name))}, but {name} is now {value!r}: set "
                    "it back, or give another file or resume=False."
                )

    def write(self, state: State, *, now: bool = False) -> None:
        """Write the file: `now`, or once a second; less often where that would take more than a twentieth."""
        began = monotonic()
        if self.path is None or (not now and began < self._due):
            return
        header, arrays = _written(state)
        header |= {"rows": self.rows, "settings": self.settings}
        write_state(self.path, FORMAT, header, arrays)
        ended = monotonic()
        self._due = ended + max(_INTERVAL, _INTERVAL_OF_A_WRITE * (ended - began))


def seed_in(path: str | os.PathLike[str] | None) -> int | None:
    """The seed that the sweep in a file drew, if there is a file."""
    if path is None or not Path(path).exists():
        return None
    with reading(path, "resume from"):
        seed: int = _read(path)[0]["settings"]["seed"]
    return seed


def _read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, FloatArray]]:
    header, arrays = read_state(path, FORMAT, _WHAT)
    _HEADER("its description", header)
    return header, arrays


def _written(state: State) -> tuple[dict[str, Any], dict[str, FloatArray]]:
    arrays: dict[str, FloatArray] = {}
    looks: dict[str, dict[str, str | None]] = {}
    cells: dict[str, Any] = {}
    for look in LOOKS:
        found_by_key = dict(state.looks[look])
        looks[look] = {
            _text(key): found if isinstance(found, str) else None
            for key, found in found_by_key.items()
        }
        for key, found in found_by_key.items():
            if isinstance(found, Mixture):
                arrays |= arrays_of(f"{look} {_text(key)} ", found)
    for key, cell in list(state.cells.items()):
        cells[_text(key)] = _facts(cell)
        if cell.mixture is not None:
            arrays |= arrays_of(f"last {_text(key)} ", cell.mixture)
    return {"looks": looks, "cells": cells}, arrays


def _state(
    header: dict[str, Any],
    arrays: dict[str, FloatArray],
    n_features: int,
    known: Mapping[str, Any],
) -> State:
    state = State()
    for look in LOOKS:
        for text, failure in header["looks"][look].items():
            key = _key(text)
            found = _mixture(look, key, arrays, n_features) if failure is None else failure
            state.looks[look][key] = found
    for text, facts in header["cells"].items():
        state.cells[_key(text)] = _cell(_key(text), facts, arrays, n_features, known)
    return state


def _facts(cell: Cell) -> dict[str, Any]:
    own = {"failure": cell.failure, "degenerate": cell.degenerate, "seconds": cell.seconds}
    return own | ({} if cell.facts is None else json_of(cell.facts, _OF_A_FIT))


def _cell(
    key: Key,
    json: dict[str, Any],
    arrays: dict[str, FloatArray],
    n_features: int,
    known: Mapping[str, Any],
) -> Cell:
    short = Cell(*key, json["failure"], json["degenerate"], json["seconds"])
    if "weight" not in json:
        if not short.failure:
            raise Damaged(f"the cell {_text(key)!r} has neither a fit nor a failure")
        return short
    mixture = _mixture("last", key, arrays, n_features)
    what = f"the cell {_text(key)!r}"
    facts = facts_in(json, mixture, what, _OF_A_FIT, maybe_older=False, n_iter=0, **known)
    facts = replace(facts, n_iter=len(facts.lower_bounds))
    return replace(short, mixture=mixture, facts=facts)


# What stands there of the facts of a fit; the others are those of all cells, or follow from these.
_OF_A_FIT = (
    "weight",
    "log_likelihood",
    "log_certainty",
    "converged",
    "lower_bounds",
    "remaining_gain",
    "effective_rows",
    "verdicts",
)
_CELL = {
    "failure": must_be.text,
    "degenerate": must_be.flag,
    "seconds": must_be.number(0),
}
_HEADER = must_be.record(
    {
        "rows": must_be.text,
        "settings": must_be.record({"seed": must_be.whole(0, must_be.LARGEST_SEED)}),
        "looks": must_be.record(
            {look: must_be.mapping(must_be.nullable(must_be.text)) for look in LOOKS}
        ),
        "cells": must_be.mapping(must_be.record(_CELL)),
    }
)


def _text(key: Key) -> str:
    return f"{key[0]} {key[1]}"


def _key(text: str) -> Key:
    k, _, name = text.partition(" ")
    if not re.fullmatch("[1-9][0-9]{0,8}", k) or not is_name(name, _STRUCTURES):
        raise Damaged(f"{must_be.short(text)} is no number of components and structure")
    return int(k), name


def _mixture(look: str, key: Key, arrays: dict[str, FloatArray], n_features: int) -> Mixture:
    return mixture_in(arrays, f"{look} {_text(key)} ", structure_of(key[1]), (key[0], n_features))
