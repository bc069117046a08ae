"""What the script of a report draws, as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mixtura.browser import words
from mixtura.browser.axes import Axes
from mixtura.browser.rows import ReportedRows
from mixtura.browser.subject import Comparison, Subject
from mixtura.display.component_table import mean_and_spread, rows_in_words
from mixtura.drawing.colours import NOISE, colour, line_style, opacity
from mixtura.drawing.criteria import NAMES, look_of_structure
from mixtura.drawing.densities import SHARES, Histogram, histogram, radius, weighted_densities
from mixtura.drawing.rows import range_without_outliers
from mixtura.fitting.diagnosis import verdict_in_words
from mixtura.mixture import Mixture
from mixtura.support.arrays import Array, FloatArray
from mixtura.sweep.names import has_noise, has_tails

#: Components that are shown, and features that are listed of one; no two of so many colours are the same.
MOST_COMPONENTS = MOST_FEATURES = 60

_MOST_RESPONSIBILITIES = 3
_LEAST_RESPONSIBILITY = 0.001
_LONGEST_NAME = 60

# Of a component's density along an axis, in its own spreads; t components have tails.
_REACH, _REACH_OF_TAILS, _POINTS = 4.0, 8.0, 41
_MOST_POINTS = 300

_DASHES = {"-": "", "--": "7 4", ":": "2 3", "-.": "7 3 2 3"}
_SYMBOLS = ("circle", "square", "triangle", "diamond", "triangle2")


def shown_components(subject: Subject) -> Array:
    """Those of the largest weights, in their order."""
    weights = subject.mixture.weights[subject.drawn]
    largest = np.argsort(-weights, kind="stable")[:MOST_COMPONENTS]
    return np.sort(subject.drawn[largest])


def data_of(subject: Subject, axes: Axes, rows: ReportedRows | None) -> dict[str, Any]:
    """All that is drawn."""
    shown = shown_components(subject)
    extents = _extents(subject, axes, rows, shown)
    return {
        "words": words.page(),
        "axes": list(_axes(axes, rows)),
        "first": axes.first,
        "nFeatures": len(axes.features),
        "nComponents": subject.mixture.n_components,
        "features": [short(name) for name in subject.summary.feature_names[:MOST_FEATURES]],
        "components": list(_components(subject, axes, shown, extents)),
        "noise": {"colour": colour(NOISE), "label": NOISE},
        "rows": None if rows is None else _rows(rows, subject.mixture.n_components, extents),
        "curves": list(_curves(subject, axes, rows, shown)),
        "comparison": None if subject.comparison is None else _comparison(subject.comparison),
    }


def short(name: str) -> str:
    """A name that leaves room for others."""
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _extents(subject: Subject, axes: Axes, rows: ReportedRows | None, shown: Array) -> FloatArray:
    """About how far what is drawn reaches along each axis: numbers are told to a fraction of that."""
    values = axes.values(subject.mixture.means[shown]) if rows is None else rows.values
    spreads = [line.spreads.max() for line in axes.lines(subject.mixture)]
    return np.asarray(np.maximum(np.ptp(values, axis=0), spreads))


def _axes(axes: Axes, rows: ReportedRows | None) -> Iterator[dict[str, Any]]:
    for j, name in enumerate(axes.names):
        domain, note = None, ""
        if rows is not None and len(rows):
            domain = range_without_outliers(rows.values[:, j])
        if domain is not None and rows is not None:
            values = rows.values[:, j]
            n_outside = int(((values < domain[0]) | (values > domain[1])).sum())
            note = words.outside(n_outside, short(name))
        yield {"name": short(name), "domain": domain, "note": note}


def _components(
    subject: Subject, axes: Axes, shown: Array, extents: FloatArray
) -> Iterator[dict[str, Any]]:
    mixture, summary = subject.mixture, subject.summary
    means, covariances = axes.values(mixture.means), axes.covariances(mixture)
    for k in shown.tolist():
        own = summary.components[k]
        df = np.inf if mixture.df is None else float(mixture.df[k])
        parameters = map(mean_and_spread, own.mean[:MOST_FEATURES], own.spread[:MOST_FEATURES])
        yield {
            "number": k,
            "colour": colour(k),
            "dash": _DASHES[line_style(k)],
            "weight": f"{own.weight:.4f}",
            "rows": rows_in_words(own.expected_rows),
            "df": None if own.df is None else f"{own.df:.3g}",
            "verdict": verdict_in_words(subject.diagnosis.verdict[k]),
            "parameters": list(parameters),
            "mean": [*map(_told, means[k], extents)],
            "covariance": _significant(covariances[k]),
            "radii": [_significant(radius(share, df)) for share in SHARES],
        }


def _rows(rows: ReportedRows, n_components: int, extents: FloatArray) -> dict[str, Any]:
    certainty = rows.certainty
    return {
        "names": None if rows.names is None else [*map(short, rows.names)],
        "numbers": None if rows.places is None else rows.places.tolist(),
        "values": [
            _column(values, extent) for values, extent in zip(rows.values.T, extents, strict=True)
        ],
        "missing": [np.flatnonzero(missing).tolist() for missing in rows.missing.T],
        "label": rows.labels.tolist(),
        "certainty": np.round(certainty, 3).tolist(),
        "opacity": np.round(opacity(certainty, n_components), 2).tolist(),
        "responsibilities": [*map(_largest, rows.responsibilities)],
    }


def _largest(responsibilities: FloatArray) -> list[list[float]]:
    """The largest of a row, each with its component; -1: noise is told by the script."""
    order = np.argsort(-responsibilities, kind="stable")[:_MOST_RESPONSIBILITIES]
    return [
        [int(k), round(float(responsibilities[k]), 4)]
        for k in order
        if responsibilities[k] >= _LEAST_RESPONSIBILITY
    ]


def _curves(
    subject: Subject, axes: Axes, rows: ReportedRows | None, shown: Array
) -> Iterator[dict[str, Any]]:
    """Of each axis the bars of the rows, the densities of the components and their sum."""
    reach = _REACH if subject.mixture.df is None else _REACH_OF_TAILS
    steps = np.linspace(-reach, reach, _POINTS)
    for j, line in enumerate(axes.lines(subject.mixture)):
        values = line.means[:, 0] if rows is None else rows.values[:, j]
        shown_range = None if rows is None else range_without_outliers(values)
        drawn = histogram(line, values, None if rows is None else rows.weight, shown_range)
        yield {
            "edges": None if rows is None else _significant(drawn.edges, 7),
            "heights": None if rows is None else _significant(drawn.heights),
            "sum": _sum(drawn),
            "top": _significant(
                drawn.top if rows is not None else drawn.densities.sum(axis=0).max()
            ),
            "components": [
                _density(line, k, steps, drawn.top, rows is None) for k in shown.tolist()
            ],
        }


def _density(
    line: Mixture, k: int, steps: FloatArray, top: float, unbounded: bool
) -> dict[str, Any]:
    at = line.means[k, 0] + steps * line.spreads[k, 0]
    heights = weighted_densities(line, at)[k]
    return {
        "x": _significant(at, 7),
        "y": _significant(heights if unbounded else np.minimum(heights, 10 * top)),
    }


def _sum(drawn: Histogram) -> dict[str, Any]:
    """The whole density at some of the abscissas, its peaks among them."""
    total = drawn.densities.sum(axis=0)
    every = max(1, len(total) // _MOST_POINTS)
    is_peak = np.r_[False, (total[1:-1] > total[:-2]) & (total[1:-1] >= total[2:]), False]
    some = np.flatnonzero(is_peak | (np.arange(len(total)) % every == 0))
    return {"x": _significant(drawn.grid[some], 7), "y": _significant(total[some])}


def _comparison(comparison: Comparison) -> dict[str, Any]:
    models = comparison.models
    each = zip(models.n_components, models.names, models.values, models.away, strict=True)
    points = []
    for k, name, value, away in each:
        look, place = look_of_structure(name)
        points.append(
            {
                "k": int(k),
                "name": name,
                "value": round(float(value), 3),
                "isShown": bool(away <= models.end),
                "colour": look,
                "symbol": _SYMBOLS[place],
                "filled": place % 2 == 0,
                "dash": _DASHES[_DASH_OF_KIND[has_tails(name), has_noise(name)]],
            }
        )
    return {"criterion": NAMES[comparison.criterion], "points": points, "best": models.best}


# By whether components are of Student's t, and whether there is noise.
_DASH_OF_KIND = {
    (False, False): "-",
    (False, True): "--",
    (True, False): ":",
    (True, True): "-.",
}


def _column(values: FloatArray, extent: float) -> list[float | None]:
    """Values, to a hundred-thousandth of what is drawn."""
    return [_told(value, extent) for value in values]


def _told(value: float, extent: float) -> float | None:
    if not np.isfinite(value):
        return None
    if not (np.isfinite(extent) and extent > 0):
        return float(value)
    digits = 4 - int(np.floor(np.log10(extent)))
    return float(np.round(value, digits)) if abs(digits) <= 15 else float(f"{value:.12g}")


def _significant(values: Any, digits: int = 4) -> Any:
    """Numbers of so many digits, in lists as they come in arrays; JSON knows neither NaN nor infinity."""
    if np.ndim(values):
        return [_significant(value, digits) for value in values]
    return float(f"{float(values):.{digits}g}") if np.isfinite(values) else None
