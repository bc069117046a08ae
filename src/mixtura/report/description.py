"""What a table holds, before it is fitted: its columns, what between them a fit warns of, what to mind."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mixtura.covariance import STRUCTURES
from mixtura.display.page import Page, Shown, Table, number_of
from mixtura.em.regularisation import regularisation
from mixtura.fitting.diagnosis import recorded_rows, recording_of
from mixtura.fitting.findings import FAR, distances_from_median
from mixtura.fitting.given_rows import rows_elsewhere
from mixtura.fitting.warnings import doubts_about_rows
from mixtura.inputs.scales import check_extent
from mixtura.report.columns import (
    ColumnDescription,
    kind_of,
    recorded_in_steps,
    sentinels_of,
)
from mixtura.report.notes import (
    notes_of_cells,
    notes_of_columns,
    notes_of_parameters,
    notes_of_rows,
    notes_of_scales,
)
from mixtura.report.table import GivenTable, of_source, of_table
from mixtura.rows import Blocks
from mixtura.support.arrays import FloatArray
from mixtura.support.language import marked
from mixtura.support.language import translated as _

_STRUCTURES = ("full", "tied", "diag", "spherical")


@dataclass(frozen=True, repr=False)
class Description(Shown):
    """What a table holds, and what to mind before a fit; print it, or take `to_dict()` or `to_frame()`.

    Attributes
    ----------
    n_rows : int
        All rows.
    n_complete : int
        Rows that hold a finite number in every feature: those that can be fitted.
    n_looked_at : int
        Rows of these whose values were compared with each other: all, or a sample of 10,000.
    n_distinct : int
        Distinct ones among those looked at.
    n_features : int
    dtype : str
        What a fit computes with.
    columns : tuple of ColumnDescription
    n_parameters : dict of str to int
        Free parameters of one component, by covariance_type.
    findings : tuple of str
        What a fit warns of before it begins, word for word.
    notes : tuple of str
        What else to mind, a sentence each.
    """

    n_rows: int
    n_complete: int
    n_looked_at: int
    n_distinct: int
    n_features: int
    dtype: str
    columns: tuple[ColumnDescription, ...]
    n_parameters: dict[str, int]
    findings: tuple[str, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as numbers, strings, lists and dicts, ready for JSON."""
        return asdict(self)

    def _page(self) -> Page:
        header, points = _header(), (*self.findings, *self.notes)
        lines = (header, *map(_cells, self.columns))
        table = Table(lines, "column", len(self.columns), frozenset(header[:2]))
        note = _("To mind:") if points else _("Nothing was found that a fit should mind.")
        return Page(_("What the table holds"), tuple(_facts(self)), table, note, points)

    def _columns(self) -> dict[str, Any]:
        each = [asdict(column) for column in self.columns]
        columns = {name: [one[name] for one in each] for name in each[0]}
        return columns | {"sentinels": [list(found) for found in columns["sentinels"]]}


def describe(X: Any, sample_weight: Any = None) -> Description:
    """Say what a table holds and what to mind before it is fitted; cells may be missing.

    The findings are those that a fit warns of; how values were recorded, and what is added to variances, is
    found as a fit finds it.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features), data frame or source
        Columns of a data frame that hold no numbers are listed. A source that `mixtura.scan` returns may have
        missing cells, too; it is read once.
    sample_weight : array-like of shape (n_samples,), default=None
        Rows of weight 0 do not count.

    Returns
    -------
    Description
        Print it.

    Raises
    ------
    ValueError, TypeError
        If X is no table of numbers, or a weight is not possible.

    Examples
    --------
    >>> import numpy as np, pandas as pd, mixtura
    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame({"mass": rng.normal(60, 9, 500), "age": rng.integers(18, 80, 500)})
    >>> frame.loc[::25, "age"] = 999
    >>> description = mixtura.describe(frame)
    >>> print(description.columns[1].kind, description.columns[1].sentinels)
    recorded in steps of 1 (999.0,)
    >>> print(description.notes[0])
    Column 1 ('age') holds 999 in 20 rows, far from the others: where it stands for none, make it missing.
    """
    given = of_source(X) if rows_elsewhere(X) is not None else of_table(X, sample_weight)
    if given.blocks is None or given.blocks.shape[0] < 2:
        return _without_rows(given)
    return _described(given, given.blocks)


def _without_rows(given: GivenTable) -> Description:
    """Of a table of which fewer than two rows can be fitted."""
    n_features = len(given.n_missing)
    columns = [
        ColumnDescription(given.plain_name(j), marked("not looked at"), n, given.n_infinite[j])
        for j, n in enumerate(given.n_missing)
    ]
    n_complete = 0 if given.blocks is None else given.blocks.shape[0]
    notes = (
        *notes_of_cells(given, n_complete),
        "Fewer than two rows hold a number in every column, so that there is nothing to fit: leave out the "
        "columns with most missing cells.",
    )
    return Description(
        given.n_rows,
        n_complete,
        0,
        0,
        n_features,
        "float64",
        (*columns, *given.others),
        _n_parameters(n_features),
        (),
        notes,
    )


def _described(given: GivenTable, blocks: Blocks) -> Description:
    names = given.array_of_names
    range_notes = []
    if not blocks.extent.suits(blocks.dtype):  # as a fit does
        try:
            check_extent(blocks.extent, names)
        except ValueError as error:
            range_notes.append(str(error))
        blocks = blocks.in_double()
    with np.errstate(all="ignore"):  # numbers whose squares overflow were named
        sample = recorded_rows(blocks).X
        columns = _columns(given, blocks, sample.astype(np.float64))
        findings = tuple(words for _, words in doubts_about_rows(blocks, names, True, 1))
    n_distinct = len(np.unique(sample, axis=0))
    n_parameters = _n_parameters(blocks.shape[1])
    notes = [
        *notes_of_cells(given, blocks.shape[0]),
        *range_notes,
        *notes_of_columns(given, columns, sample),
        *notes_of_scales(given, columns),
        *notes_of_rows(len(sample), n_distinct, columns),
        *notes_of_parameters(n_parameters, blocks.n_present),
    ]
    return Description(
        given.n_rows,
        blocks.shape[0],
        len(sample),
        n_distinct,
        blocks.shape[1],
        str(blocks.dtype),
        (*columns, *given.others),
        n_parameters,
        findings,
        tuple(notes),
    )


def _n_parameters(n_features: int) -> dict[str, int]:
    return {name: STRUCTURES[name].n_parameters(1, n_features) for name in _STRUCTURES}


def _columns(given: GivenTable, blocks: Blocks, sample: FloatArray) -> list[ColumnDescription]:
    rounding = recording_of(blocks).rounding
    reg_covar = regularisation("auto", blocks)
    extent, means, spreads = blocks.extent, blocks.mean, np.sqrt(blocks.variances)
    distances = distances_from_median(sample)
    found = []
    for j, column in enumerate(sample.T):
        values, counts = np.unique(column, return_counts=True)
        step = float(f"{np.sqrt(12 * rounding[j]):.6g}") or None
        sentinels = sentinels_of(values, counts)
        most = int(counts.argmax())
        found.append(
            ColumnDescription(
                name=given.plain_name(j),
                kind=kind_of(values, len(column), step, extent.least[j] == extent.most[j]),
                n_missing=int(given.n_missing[j]),
                n_infinite=int(given.n_infinite[j]),
                step=step,
                n_distinct=len(values),
                least=float(extent.least[j]),
                most=float(extent.most[j]),
                mean=float(means[j]),
                spread=float(spreads[j]),
                most_frequent=float(values[most]) if counts[most] > 1 else None,
                share_of_most_frequent=float(counts[most] / len(column))
                if counts[most] > 1
                else None,
                share_of_zeros=float(np.mean(column == 0)),
                sentinels=tuple(sentinels),
                n_far=int(np.sum((distances[:, j] > FAR) & ~np.isin(column, sentinels))),
                reg_covar=float(reg_covar[j]),
            )
        )
    return found


# As text


def _header() -> tuple[str, ...]:
    return (
        *(_("column"), _("kind"), _("missing")),
        *(_("least"), _("most"), _("mean"), _("spread"), _("most frequent"), "reg_covar"),
    )


def _cells(column: ColumnDescription) -> tuple[str, ...]:
    frequent = ""
    if column.most_frequent is not None:
        frequent = f"{column.most_frequent:g} ({column.share_of_most_frequent:.1%})"
    numbers = (column.least, column.most, column.mean, column.spread)
    return (
        column.name,
        _in_words(column),
        f"{column.n_missing:,}" if column.n_missing else "",
        *("" if number is None else f"{number:.5g}" for number in numbers),
        frequent,
        "" if column.reg_covar is None else f"{column.reg_covar:.1e}",
    )


def _in_words(column: ColumnDescription) -> str:
    """The kind of a column, in the language in which results are shown."""
    if column.step is not None and column.kind == recorded_in_steps(column.step):
        return _("recorded in steps of {step}").format(step=f"{column.step:g}")
    return _(column.kind)


def _facts(description: Description) -> list[tuple[str, str]]:
    d = description
    columns, features = number_of(len(d.columns), "column"), number_of(d.n_features, "feature")
    distinct = _("{part} of {all}").format(part=f"{d.n_distinct:,}", all=f"{d.n_looked_at:,}")
    if d.n_looked_at < d.n_complete:
        distinct = _("{distinct} looked at, a sample").format(distinct=distinct)
    each = ", ".join(f"{name} {d.n_complete / n:.3g}" for name, n in d.n_parameters.items())
    table = _("{n_rows} rows x {columns}").format(n_rows=f"{d.n_rows:,}", columns=columns)
    fitted = _("{n_rows} rows x {features}, in {dtype}")
    return [
        (_("table"), table),
        (
            _("to be fitted"),
            fitted.format(n_rows=f"{d.n_complete:,}", features=features, dtype=d.dtype),
        ),
        (_("distinct rows"), distinct),
        (_("rows/parameter"), _("{ratios} (of one component)").format(ratios=each)),
    ]
