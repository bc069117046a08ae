"""The components of a mixture as a table: weight, rows, and mean ± standard deviation of each feature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mixtura.display.page import Table
from mixtura.support.language import translated as _

# Components, and features, of which cells are made: a page has room for fewer.
_MOST = 60


def component_table(
    weights: Sequence[float],
    rows: Sequence[float | None] | None,
    means: Sequence[Sequence[float]],
    spreads: Sequence[Sequence[float]],
    names: Sequence[str],
    df: Sequence[float] | None = None,
) -> Table:
    """The table; rows: expected ones of each component, df: degrees of freedom; None: no such column."""
    head = [_("component"), _("weight")]
    head += [name for name, there in ((_("rows"), rows), ("df", df)) if there is not None]
    lines = [(*head, *names[:_MOST])]
    for k, weight in enumerate(weights[:_MOST]):
        own = [] if rows is None else [rows_in_words(rows[k])]
        own += [] if df is None else [f"{df[k]:.3g}"]
        places = map(mean_and_spread, means[k][:_MOST], spreads[k][:_MOST])
        lines.append((str(k), f"{weight:.4f}", *own, *places))
    n_fixed = len(head)
    return Table(tuple(lines), "component", len(weights), n_fixed=n_fixed, n_features=len(names))


def note_on_cells(*, has_tails: bool) -> str:
    """How the cells of features are read; has_tails: of components of Student's t."""
    if not has_tails:
        return _("(mean ± standard deviation of each feature)")
    return _(
        "(mean ± scale of each feature; its standard deviation is sqrt(df / (df - 2)) times that)"
    )


def component_columns(
    weights: Sequence[float],
    rows: Sequence[float | None] | None,
    means: Sequence[Sequence[float]],
    spreads: Sequence[Sequence[float]],
    names: Sequence[str],
    df: Sequence[float] | None = None,
) -> Mapping[str, Any]:
    """The same as numbers, by column: no name of a feature with an ending is another column's name."""
    columns: dict[str, Any] = {"component": range(len(weights)), "weight": weights}
    if rows is not None:
        columns["expected_rows"] = rows
    if df is not None:
        columns["df"] = df
    for j, name in enumerate(names):
        columns[f"{name}_mean"] = [mean[j] for mean in means]
        columns[f"{name}_std"] = [spread[j] for spread in spreads]
    return columns


def mean_and_spread(mean: float, spread: float) -> str:
    """Mean and spread, both to the decimals in which the spread has three digits."""
    text = f"{spread:#.3g}".rstrip(".")
    if "e" in text:
        return f"{mean:.4g} ± {text}"
    return f"{mean:.{len(text.partition('.')[2])}f} ± {text}"


def rows_in_words(rows: float | None) -> str:
    """Expected rows of a component; '-' where they are not known."""
    return "-" if rows is None else f"{rows:,.1f}"


def numbered(n_features: int) -> tuple[str, ...]:
    """Names of features that have none."""
    return tuple(f"x{j}" for j in range(n_features))
