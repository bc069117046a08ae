"""The file of a fit that may be stopped and go on: where its starts stand, for which rows and arguments."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from mixtura._files import check_target
from mixtura._kept import arrays_of, keep, kept, mixture_in
from mixtura._rows import FloatArray
from mixtura.blocks import Blocks
from mixtura.covariance import structure
from mixtura.mixture import Mixture
from mixtura.starts import StartRecord

FORMAT = "mixtura checkpoint 1"

# Rows that stand for all of them in the comparison with those of the file.
_ROWS = 1000

# What may change between a fit and its continuation: how long, how fast, who listens.
_FREE = {
    "max_iter",
    "max_time",
    "n_jobs",
    "verbose",
    "verbose_interval",
    "callback",
    "sort_components",
    "checkpoint",
    "checkpoint_interval",
    "resume",
}


@dataclass(frozen=True, eq=False)
class Progress:
    """A start on its way, or at its end: all that its next iteration depends on.

    Attributes
    ----------
    index : int
        Which start.
    mixture : Mixture
    history : list of float
        Mean log-likelihoods of the mixtures before it; at the end its own too.
    n_refused : int
    acceleration : ndarray or None
    journal : list of StartRecord
        Of the search that the start came from.
    facts : dict
        At the end: why it ended, what it would still gain.
    """

    index: int
    mixture: Mixture
    history: list[float]
    n_refused: int
    acceleration: FloatArray | None
    journal: list[StartRecord]
    facts: dict[str, Any]


class Checkpoint:
    """Keeps the state of a fit in a file.

    Parameters
    ----------
    path : str or path
    seconds : float
        Between two writes.
    seeds : list of int
        Of the starts.

    Raises
    ------
    OSError
        If no file can be written there: at once, not after the time that the first write takes to come.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        seconds: float,
        seeds: list[int],
    ) -> None:
        self.path = Path(path)
        check_target(self.path)
        self.seeds = seeds
        #: How often reg_covar was raised, and all starts begun again.
        self.n_raised = 0
        self.n_done = 0
        self.records: list[StartRecord] = []
        self.best: Progress | None = None
        self.error = ""
        self.current: Progress | None = None
        self._seconds, self._written = seconds, monotonic()
        self._identity: dict[str, Any] = {}

    def begin(self, identity: dict[str, Any], *, resume: bool) -> None:
        """Keep a fit of this `identity`; with `resume` go on from what the file holds, if there is one.

        Raises
        ------
        ValueError
            If it belongs to other rows or arguments (ModelFileError: is no such file).
        """
        self._identity = identity
        if not (resume and self.path.exists()):
            return
        header, arrays = kept(self.path, FORMAT, "the checkpoint of a fit")
        _check_same(self.path, header["identity"], self._identity)
        kind = structure(header["identity"]["covariance_type"])
        self.seeds = [int(seed) for seed in header["seeds"]]
        self.n_raised = header.get("n_raised", 0)
        self.n_done, self.error = header["n_done"], header["error"]
        self.records = [StartRecord(**record) for record in header["records"]]
        for name in ("current", "best"):
            facts = header[name]
            if facts is None:
                continue
            mixture = mixture_in(arrays, name, kind)
            facts["journal"] = [StartRecord(**record) for record in facts["journal"]]
            acceleration = arrays.get(f"{name} acceleration")
            setattr(self, name, Progress(mixture=mixture, acceleration=acceleration, **facts))

    def begin_again(self) -> None:
        """Forget all starts: they are made again with a larger reg_covar."""
        self.n_raised += 1
        self.n_done, self.error = 0, ""
        self.records, self.best, self.current = [], None, None
        self.write()

    def note(self, progress: Progress) -> None:
        """Remember how far a start is, and write it down when it is time."""
        self.current = progress
        if monotonic() >= self._written + self._seconds:
            self.write()

    def finish(self, records: list[StartRecord], best: Progress | None, error: str | None) -> None:
        """Remember that one more start is done, and the best one's end."""
        self.n_done += 1
        self.records, self.best, self.current = records, best, None
        self.error = self.error or error or ""
        self.write()

    def write(self) -> None:
        """Replace the file by one with the present state; the old one survives any failure."""
        header: dict[str, Any] = {
            "identity": self._identity,
            "seeds": self.seeds,
            "n_raised": self.n_raised,
            "n_done": self.n_done,
            "error": self.error,
            "records": [asdict(record) for record in self.records],
        }
        arrays: dict[str, FloatArray] = {}
        for name, progress in (("current", self.current), ("best", self.best)):
            header[name] = None if progress is None else _facts(progress)
            if progress is not None:
                arrays |= _arrays_of(name, progress)
        keep(self.path, FORMAT, header, arrays)
        self._written = monotonic()


def identity(params: dict[str, Any], blocks: Blocks) -> dict[str, Any]:
    """What two fits must have in common for one to go on where the other stopped."""
    rows, weight = blocks.sample(_ROWS, np.random.RandomState(0))
    digest = hashlib.sha256(np.ascontiguousarray(rows).tobytes())
    if weight is not None:
        digest.update(b"weights" + weight.tobytes())
    same = {name: _described(value) for name, value in params.items() if name not in _FREE}
    return same | {
        "shape": list(blocks.shape),
        "dtype": blocks.dtype.name,
        "rows": digest.hexdigest(),
    }


def _described(value: Any) -> Any:
    """A value as JSON; of what is large, a number that another value would not have."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if callable(value):
        return "callable"
    if isinstance(value, np.random.RandomState):
        return "RandomState"
    return hashlib.sha256(np.ascontiguousarray(value, dtype=np.float64).tobytes()).hexdigest()


def _check_same(path: Path, theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    for name in ("shape", "dtype", "rows"):
        if theirs.get(name) != ours[name]:
            raise ValueError(
                f"checkpoint={str(path)!r} holds a fit of other rows or weights: give the data that it began "
                "with, another file, or resume=False."
            )
    for name, value in ours.items():
        if theirs.get(name) != value:
            raise ValueError(
                f"checkpoint={str(path)!r} holds a fit with {name}={theirs.get(name)!r}, but {name} is now "
                f"{value!r}: set it back, or give another file or resume=False."
            )


def _facts(progress: Progress) -> dict[str, Any]:
    return {
        "index": progress.index,
        "history": progress.history,
        "n_refused": progress.n_refused,
        "journal": [asdict(record) for record in progress.journal],
        "facts": progress.facts,
    }


def _arrays_of(name: str, progress: Progress) -> dict[str, FloatArray]:
    arrays = arrays_of(name, progress.mixture)
    if progress.acceleration is not None:
        arrays[f"{name} acceleration"] = progress.acceleration
    return arrays
