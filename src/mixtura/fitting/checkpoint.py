"""The file of a fit that may be stopped and go on: where its starts stand, for which rows and arguments."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from mixtura._core import Acceleration
from mixtura.covariance import structure
from mixtura.em import Prior
from mixtura.files import schema as must_be
from mixtura.files.output import check_no_other_file, check_state_target
from mixtura.files.schema import Check, Damaged, array_in, mixture_in
from mixtura.files.state_file import arrays_of, read_state, reading, write_state
from mixtura.fitting.facts import check_of
from mixtura.mixture import Mixture
from mixtura.rows import Blocks
from mixtura.starts import StartRecord
from mixtura.support.arrays import FloatArray

FORMAT = "mixtura checkpoint 1"

# Rows that stand for all of them in the comparison with those of the file.
_ROWS = 1000

# What may change between a fit and its continuation: how long, how fast, which callbacks.
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


@dataclass(frozen=True)
class End:
    """How a start ended."""

    stopped: str
    failure: str
    leads_to: str
    remaining_gain: float
    accelerated: bool


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
    end : End or None
        None on the way.
    """

    index: int
    mixture: Mixture
    history: list[float]
    n_refused: int
    acceleration: FloatArray | None
    journal: list[StartRecord]
    end: End | None = None


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
        check_state_target(self.path)
        self.seeds = seeds
        #: Whether all starts were begun again in float64.
        self.in_double = False
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
        FileExistsError
            If a fit that begins anew would replace another file than a checkpoint.
        """
        self._identity = identity
        if not resume:
            check_no_other_file(self.path)
        if not (resume and self.path.exists()):
            return
        with reading(self.path, "resume from"):
            header, arrays = read_state(self.path, FORMAT, "the checkpoint of a fit")
            must_be.record({"identity": must_be.mapping()})("its description", header)
            _check_same(self.path, header["identity"], self._identity)
            _state_of(len(self.seeds))("its description", header)
            self._go_on(header, arrays)

    def _go_on(self, header: dict[str, Any], arrays: dict[str, FloatArray]) -> None:
        self.seeds, self.in_double = header["seeds"], header["in_double"]
        self.n_done, self.error = header["n_done"], header["error"]
        self.records = _records(header["records"])
        self.current = self._progress("current", header["current"], arrays)
        self.best = self._progress("best", header["best"], arrays)
        if self.current is not None and self.current.index != self.n_done:
            raise Damaged("the current start is not the one after those that are done")
        if self.best is not None and self.best.index >= self.n_done:
            raise Damaged("the best start is not one of those that are done")
        if len(self.records) < self.n_done:
            raise Damaged("it has no record of some starts that are done")
        if self.n_done and self.best is None and not self.error:
            raise Damaged("it says neither what the starts that are done found nor why they failed")

    def _progress(
        self, name: str, facts: dict[str, Any] | None, arrays: dict[str, FloatArray]
    ) -> Progress | None:
        if facts is None:
            return None
        kind = structure(self._identity["covariance_type"])
        shape = self._identity["n_components"], self._identity["shape"][1]
        mixture = mixture_in(arrays, f"{name} ", kind, shape)
        known = f"{name} acceleration"
        acceleration = array_in(arrays, known) if known in arrays else None
        if acceleration is not None and not _restores(acceleration, mixture):
            raise Damaged(f"the array {known!r} is no state of an acceleration")
        return Progress(
            facts["index"],
            mixture,
            facts["history"],
            facts["n_refused"],
            acceleration,
            _records(facts["journal"]),
            _end(facts["facts"]),
        )

    def begin_again(self) -> None:
        """Forget all starts: they are made again in float64."""
        self.in_double = True
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
            "in_double": self.in_double,
            "n_done": self.n_done,
            "error": self.error,
            "records": [asdict(record) for record in self.records],
        }
        arrays: dict[str, FloatArray] = {}
        for name, progress in (("current", self.current), ("best", self.best)):
            header[name] = None if progress is None else _facts(progress)
            if progress is not None:
                arrays |= _arrays_of(name, progress)
        write_state(self.path, FORMAT, header, arrays)
        self._written = monotonic()


# What a record and the facts of a start must be, in a file.
_RECORD = {
    "kind": must_be.text,
    "seed": must_be.nullable(must_be.whole(0, must_be.LARGEST_SEED)),
    "n_rows": must_be.whole(),
    "n_iter": must_be.whole(),
    "log_likelihood": must_be.number(finite=False),
    "converged": must_be.flag,
    "ended": must_be.text,
    "n_passes": must_be.whole(),
}
_END = {
    "stopped": must_be.text,
    "failure": must_be.text,
    "leads_to": must_be.text,
    "remaining_gain": check_of("remaining_gain"),
    "accelerated": must_be.flag,
}


def _state_of(n_starts: int) -> Check:
    """What the header of a fit with so many starts must be."""
    records = must_be.list_of(must_be.record(_RECORD))

    def progress(facts: dict[str, Check]) -> Check:
        fields = {
            "index": must_be.whole(0, n_starts - 1),
            "history": must_be.list_of(must_be.number()),
            "n_refused": must_be.whole(),
            "journal": records,
            "facts": must_be.record(facts),
        }
        return must_be.nullable(must_be.record(fields))

    return must_be.record(
        {
            "identity": must_be.mapping(),
            "seeds": must_be.list_of(must_be.whole(0, must_be.LARGEST_SEED), n_starts),
            "in_double": must_be.flag,
            "n_done": must_be.whole(0, n_starts),
            "error": must_be.text,
            "records": records,
            "current": progress({}),
            "best": progress(_END),
        }
    )


def identity(params: dict[str, Any], blocks: Blocks) -> dict[str, Any]:
    """What two fits must have in common for one to go on where the other stopped."""
    rows = blocks.sample(_ROWS, np.random.RandomState(0))
    same = {name: _described(value) for name, value in params.items() if name not in _FREE}
    return same | {
        "shape": list(blocks.shape),
        "dtype": blocks.dtype.name,
        "rows": rows.digest(),
    }


def _described(value: Any) -> Any:
    """A value as JSON; of what is large, a number that another value would not have."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Prior):
        value = value.as_json()
    if isinstance(value, Mapping):
        return {name: _described(own) for name, own in value.items()}
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
                f"checkpoint={str(path)!r} holds a fit with {name}={must_be.short(theirs.get(name))}, but "
                f"{name} is now {value!r}: set it back, or give another file or resume=False."
            )


def _records(written: list[dict[str, Any]]) -> list[StartRecord]:
    return [StartRecord(**{name: record[name] for name in _RECORD}) for record in written]


def _end(written: dict[str, Any]) -> End | None:
    return End(**{name: written[name] for name in _END}) if written else None


def _restores(state: FloatArray, mixture: Mixture) -> bool:
    """Whether an acceleration of such a mixture can go on from it."""
    K, d = mixture.means.shape
    acceleration = Acceleration(mixture.structure.kernel, K, d, mixture.df is not None)
    return bool(acceleration.restore(state))


def _facts(progress: Progress) -> dict[str, Any]:
    return {
        "index": progress.index,
        "history": progress.history,
        "n_refused": progress.n_refused,
        "journal": [asdict(record) for record in progress.journal],
        "facts": {} if progress.end is None else asdict(progress.end),
    }


def _arrays_of(name: str, progress: Progress) -> dict[str, FloatArray]:
    arrays = arrays_of(f"{name} ", progress.mixture)
    if progress.acceleration is not None:
        arrays[f"{name} acceleration"] = progress.acceleration
    return arrays
