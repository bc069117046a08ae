"""`mixtura fit --by COLUMN`: a mixture for each group of rows, by `mixtura.fit_many`."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mixtura.cli import outputs
from mixtura.cli.errors import UsageError
from mixtura.cli.fitting import library_in_words
from mixtura.cli.outputs import FITS, Output
from mixtura.cli.progress import steps_shown
from mixtura.cli.rows import Beside, Given, Scanned, reading, split
from mixtura.cli.selecting import numbers, structures
from mixtura.display.page import Page, Shown, Table, number_of
from mixtura.estimators.fit_many import fit_many
from mixtura.estimators.fitted_mixtures import FittedMixtures
from mixtura.files.predictions import OUTPUTS, predictions
from mixtura.fitting.diagnosis import verdict_in_words
from mixtura.inputs.tables import Tables
from mixtura.sources.arrow import ROW
from mixtura.support.language import translated as _
from mixtura.support.threads import n_threads

_OF_ONE_FIT = {
    "checkpoint": "keeps the state of one fit",
    "resume": "goes on with one fit",
    "max_memory": "is for the rows of one fit, which may be read again",
}

# Columns of the table of fits, after the group's.
_OF_A_FIT = (
    *("n_rows", "n_components", "covariance_type", "log_likelihood", "bic", "n_iter"),
    *("converged", "verdict", "failure"),
)


def options_of(
    by: str,
    columns: str | None,
    beside: Beside,
    max_memory: str | None,
    options: dict[str, Any],
) -> dict[str, Any]:
    """The options of `fit_many` that these of a single fit are; refuse what fits of groups cannot have."""
    if columns is not None and by in split(columns):
        raise UsageError(f"--by {by} is among --columns, too; what names the groups is no feature")
    if beside.errors:
        raise UsageError("--error-std is of one fit, and --by makes many: leave one of the two out")
    for what, name in beside.named:
        if by == name:
            raise UsageError(f"--by {by} is --{what}, too; name two columns")
    if by in (*_OF_A_FIT, *OUTPUTS, ROW) or by.startswith("responsibility_"):
        raise UsageError(f"--by {by} is the name of a column that is written, too; rename it")
    found = {name: value for name, value in options.items() if name not in _OF_ONE_FIT}
    for name, why in _OF_ONE_FIT.items():
        if options.get(name, max_memory):
            raise UsageError(
                f"--{name.replace('_', '-')} {why}, and --by makes many: leave one of the two out"
            )
    if isinstance(found["n_components"], str):
        found["n_components"] = numbers(found["n_components"])
    names = structures(found["covariance_type"])
    found["covariance_type"] = names[0] if len(names) == 1 else names
    if isinstance(found["n_components"], int) and len(names) == 1:
        return found
    if found.pop("init_params") != "auto":
        raise UsageError(
            "--init is for one number of components and one covariance; with several, leave it out"
        )
    return found


def group_outputs(extension: str, *, labels_only: bool, no_responsibilities: bool) -> list[Output]:
    """What is written beside the models."""
    found = [Output("fits", FITS, lambda fits, _, path: _write_fits(fits, path))]
    if labels_only or not no_responsibilities:
        write = partial(_write_predictions, outputs.columns(labels_only=labels_only))
        found.append(outputs.table_of_rows(write, extension, labels_only=labels_only))
    return found


@dataclass(frozen=True, eq=False)
class GroupFits(Shown):
    """What became of the groups, and their rows.

    Attributes
    ----------
    many : FittedMixtures
    tables : Tables
        The groups.
    X : ndarray of shape (n_rows, n_features)
        The rows of all, in the order of the file.
    beside : dict of pyarrow.Array
        Columns that are copied beside what is predicted of the rows.
    """

    many: FittedMixtures
    tables: Tables
    X: NDArray[Any]
    beside: Mapping[str, pa.Array]

    def save(self, path: Path) -> None:
        """Write the models to one file."""
        self.many.save(path)

    def to_dicts(self) -> list[dict[str, Any]]:
        """The line of each group."""
        columns = self._columns()
        rows = zip(*(values.tolist() for values in columns.values()), strict=True)
        return [dict(zip(columns, row, strict=True)) for row in rows]

    @property
    def places(self) -> Sequence[NDArray[np.int64]]:
        """Where the rows of each group are."""
        assert self.tables.places is not None
        return self.tables.places

    def _columns(self) -> Mapping[str, Any]:
        many = self.many
        sizes = np.array([len(places) for places in self.places])
        failures = np.array(many.failures, dtype=object)
        found = (
            *(sizes, many.n_components, many.covariance_types, many.log_likelihoods, many.bic),
            *(many.n_iter, many.converged, many.verdicts, failures),
        )
        return {str(many.by): many.keys, **dict(zip(_OF_A_FIT, found, strict=True))}

    def _page(self) -> Page:
        by, n_failed = str(self.many.by), sum(map(bool, self.many.failures))
        header = (by, *_header())
        lines = (header, *(_cells(*row.values()) for row in self.to_dicts()))
        texts = frozenset({by, header[3], header[-1]})
        table = Table(lines, "group", len(self.many), texts=texts)
        title = _("Gaussian mixtures of {groups}")
        if n_failed:
            title = _("Gaussian mixtures of {groups}, {number} failed")
        groups = number_of(len(self.many), "group")
        return Page(title.format(groups=groups, number=f"{n_failed:,}"), (), table)


def _header() -> tuple[str, ...]:
    return (
        *(_("rows"), "K", _("covariance"), _("log-likelihood a row")),
        *("BIC", _("iterations"), _("verdict")),
    )


def _cells(
    key: Any,
    n_rows: int,
    n_components: int,
    covariance_type: str,
    log_likelihood: float,
    bic: float,
    n_iter: int,
    converged: bool,
    verdict: str,
    failure: str,
) -> tuple[str, ...]:
    if failure:
        return (str(key), f"{n_rows:,}", "-", "-", "-", "-", "-", _("failed"))
    judged = verdict_in_words(verdict) if converged or verdict != "sound" else _("not converged")
    return (
        *(str(key), f"{n_rows:,}", str(n_components), covariance_type),
        *(f"{log_likelihood:.6g}", f"{bic:,.2f}", f"{n_iter:,}"),
        judged,
    )


def fit(rows: Given, by: str, beside: Beside, options: dict[str, Any], *, quiet: bool) -> GroupFits:
    """Fit a mixture to the rows of each value of the column `by`."""
    X, kept = _read(rows, [by, *beside.names])
    frame = pa.table({name: X[:, j] for j, name in enumerate(rows.names)} | {by: kept[by]})
    given = {
        name: kept.pop(name).cast(pa.float64()).to_numpy(zero_copy_only=False)
        for name in beside.names
    }
    weights, labels = given.get(str(beside.weight)), [given[name] for name in beside.labels]
    options = options | {"sample_weight": weights, "labels": _labels(labels)}
    with library_in_words(rows.source, quiet=quiet), _steps(quiet=quiet) as callback:
        many = fit_many(frame, by=by, callback=callback, **options)
    return GroupFits(many, Tables.of(frame, by), X, kept)


def _labels(columns: Sequence[NDArray[Any]]) -> NDArray[Any] | None:
    """Known components in one column, -1 where a cell is missing; confidences in several."""
    if len(columns) == 1:
        return np.where(np.isnan(columns[0]), -1, columns[0]).astype(np.int32)
    return np.stack(columns, axis=1) if columns else None


def _read(rows: Given, keep: Sequence[str]) -> tuple[NDArray[Any], dict[str, pa.Array]]:
    """All rows, and the columns of theirs that `keep` names."""
    with reading():
        if isinstance(rows, Scanned):
            rows.X.opened()  # checks every value
        parts = list(rows.parts(keep))
    columns = {
        name: pa.chunked_array([_values(kept[name]) for _, kept in parts]).combine_chunks()
        for name in parts[0][1]
    }
    return np.concatenate([rows.X for rows, _ in parts]), columns


def _values(column: pa.Array) -> pa.Array:
    """The values of a column, no text for the empty one, as it stands in CSV for what is missing."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return pc.if_else(pc.equal(column, ""), pa.scalar(None, column.type), column)
    return column


@contextmanager
def _steps(*, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Show how many groups are fitted."""
    with steps_shown("groups", quiet=quiet) as show:
        yield None if show is None else partial(show, _("groups"))


def _write_fits(fits: GroupFits, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        rows = fits.to_dicts()
        writer.writerow(rows[0])
        writer.writerows(row.values() for row in rows)


def _write_predictions(what: Sequence[str], fits: GroupFits, _: Given, path: Path) -> None:
    single = outputs.is_parquet(path)
    outputs.write_batches(_predictions(fits, what, single=single), path)


def _predictions(fits: GroupFits, what: Sequence[str], *, single: bool) -> Iterator[pa.RecordBatch]:
    """What its group's mixture says of each row, in the order of the rows; null where there is none."""
    n_rows, threads = len(fits.X), n_threads(None)
    columns: dict[str, NDArray[Any]] = {}
    has_fit = np.zeros(n_rows, dtype=bool)
    for i, places in enumerate(fits.places):
        if fits.many.failures[i]:
            continue
        found = predictions(fits.many[i]._density, fits.X[places], what, threads, single=single)
        has_fit[places] = True
        for name, column in found.items():
            values = column.to_numpy()
            missing = -1 if name == "label" else np.nan
            whole = columns.setdefault(name, np.full(n_rows, missing, values.dtype))
            whole[places] = values
    with_nulls = {
        name: pa.array(values, mask=~has_fit)
        if name == "label"
        else pa.array(values, from_pandas=True)
        for name, values in columns.items()
    }
    yield from pa.table({**fits.beside, **with_nulls}).to_batches(outputs.BLOCK)
