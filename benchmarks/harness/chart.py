"""The chart of the main table: speed relative to scikit-learn, and share of the machine's limit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from harness.bench import OURS, THEIRS
from harness.text import digits
from sections.table import ratios_to_theirs

# Okabe and Ito's palette, told apart by all common kinds of colour vision, and by lightness in grey.
COLOURS = {
    THEIRS: "#999999",
    "torchgmm": "#56B4E9",
    "tgmm": "#CC79A7",
    "oneDAL": "#E69F00",
    OURS: "#004C7F",
}
WIDTH = 0.8  # of a group of bars

FOOTNOTE = (
    "No bar: the library does not offer that structure. White line: mixtura's share of a stricter limit, by\n"
    "the fastest matrix product found on this machine; the limit itself is by NumPy's as it comes."
)

Values = dict[str, dict[str, float]]  # by problem, by peer


def draw(data: dict[str, Any], dtype: str, machine: str, path: Path) -> None:
    """Write the chart of one precision to `path`."""
    results = [result for result in data["results"] if result["dtype"] == dtype]
    ratios = {result["problem"]: ratios_to_theirs(result) for result in results}
    shares = {
        result["problem"]: {
            name: peer["share"] for name, peer in result["peers"].items() if "share" in peer
        }
        for result in results
    }
    figure, (above, below) = plt.subplots(2, 1, figsize=(12, 8.5), layout="constrained")
    _draw_ratios(above, ratios)
    _draw_shares(below, shares)
    _draw_strict_shares(below, results, shares)
    for axes in (above, below):
        axes.set_xticks(range(len(results)), [_tick(result) for result in results], fontsize=9)
        axes.set_xlim(-0.5, len(results) - 0.5)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(axis="x", length=0)
    figure.suptitle(f"One EM iteration in {dtype} on {machine}", fontweight="bold")
    figure.supxlabel(FOOTNOTE, fontsize=9)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def _draw_ratios(axes: Axes, ratios: Values) -> None:
    names = [name for name in COLOURS if name != THEIRS and any(name in r for r in ratios.values())]
    _bars(axes, ratios, names, bottom=1)
    axes.axhline(1, color="black", linewidth=1)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g} ×")
    axes.set_ylabel("times as fast as scikit-learn\n(log scale)")
    axes.margins(y=0.12)
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    axes.legend(ncols=len(names), frameon=False, loc="lower right", bbox_to_anchor=(1, 1))
    for index, ratio in enumerate(ratios.values()):
        if OURS in ratio:
            x = _position(index, names.index(OURS), len(names))
            _label(axes, x, ratio[OURS], f"{digits(ratio[OURS])} ×")


def _draw_shares(axes: Axes, shares: Values) -> None:
    names = [name for name in COLOURS if any(name in share for share in shares.values())]
    percent = {problem: {n: 100 * v for n, v in share.items()} for problem, share in shares.items()}
    _bars(axes, percent, names)
    axes.axhline(100, color="black", linewidth=1, linestyle="--")
    axes.set_ylabel("share of the machine's limit")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g} %")
    axes.set_ylim(0, max(108, *(1.1 * v for share in percent.values() for v in share.values())))
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    axes.legend(ncols=len(names), frameon=False, loc="lower right", bbox_to_anchor=(1, 1))
    for index, share in enumerate(percent.values()):
        if OURS in share:
            x = _position(index, names.index(OURS), len(names))
            _label(axes, x, share[OURS], f"{share[OURS]:.0f} %")


def _draw_strict_shares(axes: Axes, results: list[dict[str, Any]], shares: Values) -> None:
    names = [name for name in COLOURS if any(name in share for share in shares.values())]
    half = 0.46 * WIDTH / len(names)
    for index, result in enumerate(results):
        ours = result["peers"].get(OURS, {})
        # Where no faster product was found the line would only hide in the bar's end.
        if ours.get("strict_share", 1) < 0.98 * ours.get("share", 0):
            x = _position(index, names.index(OURS), len(names))
            y = 100 * ours["strict_share"]
            axes.plot((x - half, x + half), (y, y), color="white", linewidth=2)


def _bars(axes: Axes, values: Values, names: list[str], bottom: float = 0) -> None:
    for order, name in enumerate(names):
        points = [
            (_position(index, order, len(names)), of_problem[name])
            for index, of_problem in enumerate(values.values())
            if name in of_problem
        ]
        heights = [value - bottom for _, value in points]
        width = 0.92 * WIDTH / len(names)
        centres = [x for x, _ in points]
        axes.bar(centres, heights, width, bottom=bottom, color=COLOURS[name], label=name)


def _position(index: int, order: int, n_names: int) -> float:
    return index + WIDTH * ((order + 0.5) / n_names - 0.5)


def _label(axes: Axes, x: float, y: float, text: str) -> None:
    white = {"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85}
    axes.annotate(
        text,
        (x, y),
        (0, 3),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=9,
        bbox=white,
    )


def _tick(result: dict[str, Any]) -> str:
    size, components, structure = result["label"].split(", ")
    return f"{result['problem']}: {structure}\n{size}\n{components}"
