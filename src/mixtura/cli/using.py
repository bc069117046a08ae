"""`mixtura classify`, `regress` and `outliers`: what is known of rows, and tables of what is said of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from mixtura.cli.errors import CommandError, UsageError, suggestion
from mixtura.cli.fitting import library_in_words
from mixtura.cli.outputs import write_table, writing
from mixtura.cli.rows import Given, reading, rows_to_predict, say_how_read
from mixtura.display.page import Shown
from mixtura.support.arrays import Array, FloatArray
from mixtura.support.language import marked
from mixtura.support.language import translated as _

Columns = dict[str, Any]

#: Stands for the class of a row that has none; no text or number is equal to it.
NO_CLASS = "\0"


def numbers_of(text: Any) -> Any:
    """Return the number of components that -k is, or the list that '1:4' means."""
    from mixtura.cli.selecting import numbers

    return numbers(text) if isinstance(text, str) else text


@dataclass(frozen=True)
class Whole:
    """All rows of a fit: a frame, their weights, and the values of another column, None where it is empty."""

    X: pa.Table
    weight: FloatArray | None
    values: list[Any]


def whole_table(rows: Given, column: str | None = None) -> Whole:
    """Read all rows, with another column of theirs where one is named."""
    keep = [] if column is None else [column]
    parts, weights, values = [], [], []
    with reading():
        for part, kept in rows.parts(keep):
            parts.append(part.X.copy())  # a source reads the next part into the same memory
            if part.weight is not None:
                weights.append(part.weight.copy())
            if column is not None:
                values += pa.array(kept[column]).to_pylist()
    weight = np.concatenate(weights) if weights else None
    values = [None if value == "" else value for value in values]
    return Whole(frame(rows.names, np.concatenate(parts)), weight, values)


def frame(names: Sequence[str], X: Array) -> pa.Table:
    """Rows with the names of their columns."""
    return pa.table({name: np.ascontiguousarray(X[:, j]) for j, name in enumerate(names)})


def classes(values: list[Any], column: str, *, unlabeled: bool) -> Array:
    """The class of each row, as text or numbers; NO_CLASS where it is empty, which must have been said."""
    y = np.array(values, dtype=object)
    empty = np.array([value is None for value in values])
    if empty.any() and not unlabeled:
        row = int(np.argmax(empty)) + 1
        raise CommandError(
            f"column {column!r} is empty in data row {row}; --unlabeled lets EM use such rows"
        )
    y[empty] = NO_CLASS
    return y if empty.any() else np.array(values)


def check_weight(weight: str | None, option: str, names: Sequence[str]) -> None:
    """Refuse weights that are what is to be told."""
    if weight in names:
        raise UsageError(f"--weight and {option} are both {weight}; name two columns")


def split_targets(table: pa.Table, targets: Sequence[str], source: str) -> tuple[pa.Table, Array]:
    """Features as a frame, targets as columns."""
    for name in targets:
        if name not in table.column_names:
            raise CommandError(
                f"{source} has no column {name!r}.{suggestion(name, table.column_names)}"
            )
    rest = [name for name in table.column_names if name not in targets]
    if not rest:
        raise UsageError("--target names every column, so that none is left to predict from")
    y = np.column_stack([table[name].to_numpy() for name in targets])
    return table.select(rest), y[:, 0] if len(targets) == 1 else y


def fit(model: Any, source: str, X: pa.Table, y: Any, weight: Any, *, quiet: bool) -> None:
    """Fit, and say what is wrong, or doubtful, in the words of the command line."""
    with library_in_words(source, quiet=quiet):
        model.fit(X, y, sample_weight=weight)


def _batches(
    rows: Given, says: Callable[[pa.Table], Columns], keep: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    with reading():
        for part, kept in rows.parts(keep):
            found = says(frame(rows.names, part.X))
            both = [name for name in kept if name in found]
            if both:
                raise UsageError(
                    f"--keep names {both[0]!r}, which is the name of a column that is written"
                )
            yield pa.RecordBatch.from_pydict(
                kept | {name: pa.array(v) for name, v in found.items()}
            )


def of_classifier(model: Any) -> Callable[[pa.Table], Columns]:
    """Class, its probability, and that of each."""

    def says(X: pa.Table) -> Columns:
        r = model.predict_proba(X)
        found = {"class": model.classes_[r.argmax(axis=1)], "certainty": r.max(axis=1)}
        of_each = {f"probability_{name}": r[:, c].copy() for c, name in enumerate(model.classes_)}
        return found | of_each

    return says


def of_regressor(
    model: Any, targets: Sequence[str], levels: Sequence[float]
) -> Callable[[pa.Table], Columns]:
    """Mean and standard deviation of each target, and quantiles."""

    def says(X: pa.Table) -> Columns:
        mean, std = (part.reshape(len(X), -1) for part in model.predict(X, return_std=True))
        quantiles = model.quantiles(X, levels).reshape(len(X), len(targets), -1) if levels else None
        found: Columns = {}
        for j, name in enumerate(targets):
            found |= {name: mean[:, j].copy(), f"{name}_std": std[:, j].copy()}
            for i, level in enumerate(levels):
                assert quantiles is not None
                found[f"{name}_q{level:g}"] = quantiles[:, j, i].copy()
        return found

    return says


def of_detector(model: Any) -> Callable[[pa.Table], Columns]:
    """Whether a row is an outlier, and how far its log density is from the limit."""

    def says(X: pa.Table) -> Columns:
        score = model.decision_function(X)
        return {"outlier": score < 0, "score": score}

    return says


def levels_of(text: str | None) -> list[float]:
    """Return the levels that '0.05,0.95' means."""
    try:
        levels = [] if text is None else [float(part) for part in text.split(",")]
    except ValueError:
        levels = [-1.0]
    if not all(0 < level < 1 for level in levels):
        raise UsageError(
            f"--quantiles is {text!r}; write levels between 0 and 1, such as 0.05,0.95"
        )
    return levels


@dataclass(frozen=True)
class Report:
    """What a person reads of a fit, the same for JSON, and what it says of rows."""

    page: Shown
    facts: dict[str, Any]
    points: dict[str, str]
    says: Callable[[pa.Table], Columns]


def report_of_classifier(model: Any) -> Report:
    """The summary, which has its error."""
    summary = model.summary()
    return Report(summary, summary.to_dict(), {}, of_classifier(model))


def report_of_regressor(
    model: Any,
    X: pa.Table,
    y: Array,
    weight: FloatArray | None,
    targets: Sequence[str],
    levels: Sequence[float],
) -> Report:
    """The summary of the mixture, and how well it predicts the rows that were fitted."""
    summary = model.estimator_.summary()
    facts = summary.to_dict() | {"targets": list(targets), "r2": model.score(X, y, weight)}
    points = {_("R2 on these rows"): f"{facts['r2']:.4f}"}
    return Report(summary, facts, points, of_regressor(model, targets, levels))


def report_of_detector(model: Any, X: pa.Table) -> Report:
    """The summary of the mixture, and how many rows are outliers."""
    summary = model.estimator_.summary()
    n_outliers = int((model.decision_function(X) < 0).sum())
    facts = summary.to_dict() | {"offset": model.offset_, "n_outliers": n_outliers}
    of_all = _("{number} of {all} rows").format(number=f"{n_outliers:,}", all=f"{len(X):,}")
    points = {_("outliers"): of_all}
    return Report(summary, facts, points, of_detector(model))


def write(
    model: Any,
    report: Report,
    files: Sequence[str],
    keep: Sequence[str],
    how: Any,
    output: str | None,
    model_file: str | None,
    *,
    quiet: bool,
) -> dict[str, str]:
    """Write the model and the table of the rows of files, where they are asked for; return their paths."""
    written = {}
    if model_file is not None:
        with writing(model_file):
            model.save(model_file)
        written["model"] = model_file
    if output is not None:
        rows = rows_to_predict(model, files, None, keep, how)
        write_table(_batches(rows, report.says, keep), output)
        say_how_read(rows, quiet=quiet)
        written[marked("predictions")] = output
    return written
