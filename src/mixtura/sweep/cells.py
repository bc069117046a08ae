"""The models of a sweep: what became of each, and the table that users read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixtura.display.page import MOST_LINES, Page, Shown, Table, number_of
from mixtura.em import GAUSSIAN, NOTHING, Kind, Knowledge
from mixtura.fitting.facts import Criteria, FitFacts
from mixtura.mixture import Mixture
from mixtura.support.arrays import Array
from mixtura.support.language import translated as _
from mixtura.sweep.names import (
    covariance_type_of,
    has_noise,
    has_tails,
    kind_of,
    model_name,
    structure_of,
)

#: Number of components, name of the model (names.py).
Key = tuple[int, str]

CRITERIA = ("bic", "aic", "icl")

#: The failure of a cell on rows that lie in fewer dimensions than its covariances have.
HELD_UP_BY_ALL = "held up by reg_covar in directions in which the rows have no variance"

#: The failure of a cell that has a mixture, but not the one that it would have ended with.
NOT_FINISHED = "not finished: the sweep was stopped"


@dataclass(frozen=True, eq=False)
class Cell:
    """One model of a sweep. `failure` says in words why it cannot win, or is ''."""

    n_components: int
    name: str
    failure: str = ""
    degenerate: bool = False
    seconds: float = 0.0
    mixture: Mixture | None = None
    facts: FitFacts | None = None
    #: What the mixture scores on a sample of the rows, while there is no fit to all of them.
    on_sample: Criteria | None = None

    @property
    def key(self) -> Key:
        """Number of components and name."""
        return self.n_components, self.name

    @property
    def covariance_type(self) -> str:
        """Name of the structure."""
        return covariance_type_of(self.name)

    @property
    def distribution(self) -> str:
        """Of the components: 'gaussian' or 't'."""
        return "t" if has_tails(self.name) else "gaussian"

    @property
    def noise(self) -> bool:
        """Whether there is a background of noise."""
        return has_noise(self.name)

    @property
    def criteria(self) -> Criteria | None:
        """What it scores; None where there is no mixture."""
        if self.facts is None or self.mixture is None:
            return self.on_sample
        return Criteria.of_fit(self.facts, self.mixture)

    @property
    def n_iter(self) -> int:
        """EM iterations of the last descent, over all rows."""
        return 0 if self.facts is None else self.facts.n_iter

    @property
    def converged(self) -> bool:
        """Whether that descent did."""
        return self.facts is not None and self.facts.converged

    @property
    def can_win(self) -> bool:
        """Whether there is a fit whose likelihood means something."""
        return self.criteria is not None and not self.failure

    def criterion(self, name: str) -> float:
        """Lower is better; NaN where there is no fit."""
        return _of(self, name)


def candidates(cells: Sequence[Cell]) -> list[Cell]:
    """The cells among which the best is: those that can win.

    Where none can, those whose likelihood is not spurious (not finished, a stop before a degenerate end,
    coincident components); else the degenerate ones.
    """
    fitted = [cell for cell in cells if cell.criteria is not None]
    able = [cell for cell in fitted if cell.can_win]
    return able or [cell for cell in fitted if not cell.degenerate] or fitted


class Results(Shown, dict[str, Array]):
    """One array a column, a model each place; shows itself as a table, `to_frame()` makes it a data frame."""

    def _page(self) -> Page:
        return _page_of_models(list(_rows(self)), MOST_LINES)

    def _columns(self) -> Mapping[str, Any]:
        return self


class Models(Shown, list[dict[str, Any]]):
    """Some rows of the results, a dict each, that show themselves as a table."""

    def _page(self) -> Page:
        return _page_of_models(self, None)  # as many as were asked for

    def _columns(self) -> Mapping[str, Any]:
        return {name: [row[name] for row in self] for name in (self[0] if self else ())}


def _rows(columns: Mapping[str, Array]) -> Iterator[dict[str, Any]]:
    for values in zip(*(column.tolist() for column in columns.values()), strict=True):
        yield dict(zip(columns, values, strict=True))


def _page_of_models(rows: Sequence[Mapping[str, Any]], most_lines: int | None) -> Page:
    """Models of a search as a table: their size, their criteria, and what is wrong with them."""
    has_delta = any("delta" in row for row in rows)
    has_failure = any(row["failure"] for row in rows)
    failure = _("failure")
    header = ["K", _("covariance"), _("log-lik."), _("free parameters")]
    header += [name.upper() for name in CRITERIA]
    header += ["delta"] * has_delta + [failure] * has_failure
    lines = [tuple(header)]
    for row in rows:
        scores = [row[name] for name in ("log_likelihood", *CRITERIA, *["delta"] * has_delta)]
        first, *others = ("-" if np.isnan(score) else f"{score:,.2f}" for score in scores)
        name = model_name(
            row["covariance_type"],
            distribution=row.get("distribution", "gaussian"),
            noise=bool(row.get("noise", False)),
        )
        cells = [str(row["n_components"]), name, first]
        cells += [f"{row['n_parameters']:,}", *others, *[row["failure"]] * has_failure]
        lines.append(tuple(cells))
    shown = Table(
        tuple(lines), "model", len(rows), texts=frozenset({failure}), most_lines=most_lines
    )
    return Page(number_of(len(rows), "model"), (), shown if rows else None)


def kinds_of(cells: Sequence[Cell]) -> dict[str, list[Any]]:
    """What mixtures have beside Gaussian components, by column; nothing where none has anything."""
    if all(cell.name == cell.covariance_type for cell in cells):
        return {}
    return {
        "distribution": [cell.distribution for cell in cells],
        "noise": [cell.noise for cell in cells],
    }


def n_parameters_of(key: Key, n_features: int, asked: Kind, known: Knowledge = NOTHING) -> int:
    """Free parameters of a model. asked: what the sweep is asked for beside Gaussian components."""
    k, name = key
    structure = structure_of(name)
    free = structure.n_parameters(k, n_features) + kind_of(name, asked).n_parameters(k)
    return free - known.n_parameters(structure, k, n_features, has_noise(name))


def table(
    cells: Sequence[Cell],
    sign: str,
    n_features: int,
    asked: Kind = GAUSSIAN,
    known: Mapping[Key, Knowledge] | None = None,
) -> Results:
    """One array a column, all equally long, in the order of the cells. known: of parameters, by cell."""
    known = known or {}
    factor = -1.0 if sign == "mclust" else 1.0
    columns: dict[str, list[Any]] = {
        "n_components": [cell.n_components for cell in cells],
        "covariance_type": [cell.covariance_type for cell in cells],
        **kinds_of(cells),
        "log_likelihood": [_of(cell, "log_likelihood") for cell in cells],
        "n_parameters": [
            n_parameters_of(cell.key, n_features, asked, known.get(cell.key, NOTHING))
            for cell in cells
        ],
        **{name: [factor * cell.criterion(name) for cell in cells] for name in CRITERIA},
        "seconds": [cell.seconds for cell in cells],
        "n_iter": [cell.n_iter for cell in cells],
        "converged": [cell.converged for cell in cells],
        "degenerate": [cell.degenerate for cell in cells],
        "failure": [cell.failure for cell in cells],
    }
    texts = ("covariance_type", "distribution", "failure")
    return Results(
        (name, np.array(values, dtype=object if name in texts else None))
        for name, values in columns.items()
    )


def _of(cell: Cell, name: str) -> float:
    criteria = cell.criteria
    return np.nan if criteria is None else float(getattr(criteria, name))
