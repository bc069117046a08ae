"""What became of each start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from mixtura.display.page import Page, Shown, Table, plural


@dataclass(frozen=True)
class StartRecord(Shown):
    """What became of one start.

    Attributes
    ----------
    kind : str
        Name of the start. Those of the default's search come before the 'auto' that runs on from the
        best of them.
    seed : int or None
        `random_state=seed, n_init=1` repeats this start alone; None where nothing was random.
    n_rows : int
        Rows that it used, distinct ones in the default's search; 0 where it never began.
    n_iter : int
        EM iterations made.
    log_likelihood : float
        Mean log-likelihood of its last mixture, with a prior what EM raises (`lower_bound_`); NaN if there
        is none.
    converged : bool
    ended : str
        Why it ended: 'converged', 'max_iter reached', 'behind the best', 'near a known optimum' or 'near a
        known degenerate end' (where another start had ended: `log_likelihood` is then that end's), or what
        went wrong; 'not begun: ...' where the callback or max_time ended the fit before it.
    n_passes : int
        E-steps made, those at refused proposals of the acceleration included.
    """

    kind: str
    seed: int | None
    n_rows: int
    n_iter: int
    log_likelihood: float
    converged: bool
    ended: str
    n_passes: int = 0

    def _page(self) -> Page:
        header = _HEADER[1:]  # the kind is the title
        cells = _cells(self)[1:]
        return Page(f"Start: {self.kind}", tuple(zip(header, cells, strict=True)))

    def _columns(self) -> Mapping[str, Any]:
        return Starts([self])._columns()


class Starts(Shown, list[StartRecord]):
    """A list of StartRecord, in the order in which they began, that shows itself as a table."""

    def _page(self) -> Page:
        lines = (_HEADER, *map(_cells, self))
        table = Table(lines, "start", len(self), texts=frozenset({"kind", "ended"}))
        return Page(plural(len(self), "start"), (), table if self else None)

    def _columns(self) -> Mapping[str, Any]:
        names = [field.name for field in fields(StartRecord)]
        return {name: [getattr(record, name) for record in self] for name in names}


# What goes on from the best of a search is no start.
_RUN_ON = ("in float64", "auto")

_HEADER = ("kind", "seed", "rows", "iterations", "passes", "log-likelihood a row", "ended")


def _cells(record: StartRecord) -> tuple[str, ...]:
    return (
        record.kind,
        "-" if record.seed is None else str(record.seed),
        f"{record.n_rows:,}",
        f"{record.n_iter:,}",
        f"{record.n_passes:,}",
        f"{record.log_likelihood:.6g}",
        record.ended,
    )


def n_begun(records: Sequence[StartRecord]) -> int:
    """Starts that began; what runs on from the best of the default's search is none."""
    begun = [record for record in records if record.n_rows > 0]
    return len([record for record in begun if record.kind not in _RUN_ON]) or len(begun)
