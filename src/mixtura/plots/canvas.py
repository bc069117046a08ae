"""Where a picture is drawn: where the user says, else where pyplot would, else in a figure of its own."""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from numpy.typing import NDArray

BACKENDS_THAT_ONLY_WRITE_FILES = {"agg", "cairo", "pdf", "pgf", "ps", "svg", "template"}

#: Given as `figure`: a figure of its own, whatever pyplot holds.
OWN = object()

Size = tuple[float, float]


def one_axes(ax: Any, figure: Any, size: Size) -> Axes:
    """Return the Axes of a picture that has one.

    Raises
    ------
    ValueError
        If `ax` is no Axes, `figure` no empty figure, or both are given.
    """
    if ax is None:
        current = _current_axes() if figure is None else None
        return current or _empty_figure(figure, size).subplots()
    _check_alone(figure)
    if not isinstance(ax, Axes):
        raise ValueError(
            f"ax must be one matplotlib Axes for this picture, got {type(ax).__name__}."
        )
    return ax


def several_axes(
    ax: Any, figure: Any, shape: tuple[int, ...], size: Size, wanted: str
) -> NDArray[Any]:
    """Return the array of Axes of a picture that has several; `wanted` says how many, in words.

    Raises
    ------
    ValueError
        If `ax` is no such array, `figure` no empty figure, or both are given.
    """
    if ax is None:
        rows, columns = (1, *shape)[-2:]
        grid = _empty_figure(figure, size).subplots(rows, columns, squeeze=False)
        return np.asarray(grid).reshape(shape)
    _check_alone(figure)
    given = np.asarray(ax, dtype=object)
    if given.shape != shape or not all(isinstance(axes, Axes) for axes in given.flat):
        raise ValueError(f"ax must be {wanted}, got {_in_words(ax, given)}.")
    return given


def _in_words(ax: Any, given: NDArray[Any]) -> str:
    return f"an array of shape {given.shape}" if given.ndim else type(ax).__name__


def _check_alone(figure: Any) -> None:
    if figure is not None:
        raise ValueError("ax and figure both say where to draw: give one of them.")


def _empty_figure(figure: Any, size: Size) -> FigureBase:
    if figure is not None and figure is not OWN:
        return _given_figure(figure)
    pyplot = None if figure is OWN else _pyplot()
    if pyplot is None:
        return Figure(figsize=size, layout="constrained")
    current = pyplot.gcf() if pyplot.get_fignums() else None
    if current is None or not _is_empty(current):
        return pyplot.figure(figsize=size, layout="constrained")  # type: ignore[no-any-return]
    return _laid_out(current)


def _given_figure(figure: Any) -> FigureBase:
    if not isinstance(figure, FigureBase):
        raise ValueError(
            f"figure must be a matplotlib Figure or SubFigure, got {type(figure).__name__}."
        )
    if not _is_empty(figure):
        raise ValueError("figure holds axes already: give an empty one, or its Axes as ax.")
    return _laid_out(figure)


def _laid_out(figure: FigureBase) -> FigureBase:
    # Legends and long names have their room only where the layout makes it.
    if isinstance(figure, Figure) and figure.get_layout_engine() is None:
        figure.set_layout_engine("constrained")
    return figure


def _is_empty(figure: FigureBase) -> bool:
    return not figure.axes and not figure.subfigs


def _current_axes() -> Axes | None:
    """Return pyplot's current Axes, where nothing is drawn in them yet: a picture hides other data."""
    pyplot = _pyplot()
    if pyplot is None or not pyplot.get_fignums() or not pyplot.gcf().axes:
        return None
    current: Axes = pyplot.gca()
    is_free = current.name == "rectilinear" and not current.has_data()
    return current if is_free else None


def _pyplot() -> ModuleType | None:
    """Return pyplot, where it is imported or a notebook shows its figures; else nobody calls show()."""
    if "matplotlib.pyplot" not in sys.modules and not _is_notebook():
        return None
    from matplotlib import pyplot

    return pyplot


def _is_notebook() -> bool:
    # Notebooks set the variable.
    if "MPLBACKEND" not in os.environ:
        return False
    return matplotlib.get_backend().lower() not in BACKENDS_THAT_ONLY_WRITE_FILES
