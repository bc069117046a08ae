"""`plot_mixture`: see what a mixture found in the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray

from mixtura import Mixture
from mixtura.drawing.features import Choice, choice
from mixtura.drawing.rows import DrawnRows, drawn_rows
from mixtura.inputs.row_errors import NO_ERRORS, ErrorsGiven
from mixtura.plots import drawn as drawing
from mixtura.plots import panels
from mixtura.plots.canvas import one_axes, several_axes
from mixtura.plots.style import add_notes, broken, name_axes

Where = tuple[Any, Any]  # ax, figure
Corner = Literal["upper right", "upper left", "lower right", "lower left", "best"]
CORNERS: dict[Corner, tuple[int, int]] = {
    "upper right": (1, 1),
    "upper left": (0, 1),
    "lower right": (1, 0),
    "lower left": (0, 0),
}
MOST_POINTS = 10_000
MOST_POINTS_OF_PAIRS = 3_000
MOST_PAIRED = 5
ONE_PANEL = (6.4, 5.2)  # inches


@dataclass(frozen=True)
class Picture:
    """What was drawn, and where."""

    axes: Any
    notes: list[str]  # what is not drawn


def plot_mixture(
    model: Any,
    X: ArrayLike,
    features: int | str | Sequence[int | str] | None = None,
    ax: Any = None,
    *,
    figure: Any = None,
    sample_weight: ArrayLike | None = None,
    error_covariances: ArrayLike | None = None,
    error_std: ArrayLike | None = None,
) -> Any:
    """Draw the rows of `X` and the components that `model` sees in them.

    One feature: a histogram with every component's weighted density and their sum. Two: the
    rows coloured by label, the paler the less certain, with each component's centre and the
    ellipses that hold 50 % and 95 % of it. More: a triangle of all pairs. Rows that lack a value of
    what is drawn stand where the mixture expects them, hollow.

    Parameters
    ----------
    model : fitted GaussianMixture or GaussianMixtureSearch, or Mixture
        What to draw. Labels and certainty come from all its features, also where few are drawn.
    X : array-like or data frame of shape (n_rows, n_features), or a source
        The rows, with every feature of the model. Of more than 10,000 rows (3,000 for pairs) a
        random sample is drawn, the same every time, and the picture says so.
    features : int, str, or sequence of them, optional
        The features to draw, by number or by name, as many as you like. All by default; of more than
        five, the five in each of which the components overlap least; the picture says which it leaves out.
    ax : matplotlib Axes, optional
        Where to draw; for k > 2 features a k x k array of Axes.
    figure : matplotlib Figure or SubFigure, optional
        An empty one to fill, instead of `ax`. Without either, see Notes.
    sample_weight : array-like of shape (n_rows,), optional
        The weights that the model was fitted with, for the histograms. A source has its own.
    error_covariances, error_std : array-like, optional
        With what errors `X` was measured, as for `GaussianMixture.fit`: labels and certainty go by them. Rows
        stand where they were measured, and those with an infinite error in what is drawn where they are
        expected.

    Returns
    -------
    matplotlib Axes, or ndarray of Axes
        The Axes for one or two features; for k > 2 the k x k array of them, whose upper
        triangle is empty. The figure is ``ax.figure``, or ``axes[0, 0].figure``.

    Raises
    ------
    ValueError
        If `X` has not the model's features, `features` names one that does not exist, `ax`
        has the wrong shape, `figure` is not empty, or `sample_weight` is not one weight a row.
    sklearn.exceptions.NotFittedError
        If `model` was not fitted.

    Notes
    -----
    Where `matplotlib.pyplot` is imported, pictures are drawn where its functions draw: in the current axes or
    the current figure as long as that is empty, else in a new figure, which becomes the current one;
    ``plt.savefig`` and ``plt.show`` do what they always do. To draw over other data, give ``ax=plt.gca()``.
    Where it is not imported, and outside notebooks, the figure is a plain `matplotlib.figure.Figure`, which
    is freed with the last reference to it.

    The overlap in a feature is the sum over pairs of components of sqrt(w_k w_l) times Bhattacharyya's
    coefficient of the two along that feature: an upper bound of how often it alone gives a row the wrong
    component.

    At most one row in 200 that lies further away than 20 times the width of the middle 80 % is left outside,
    and the picture says so.

    Examples
    --------
    >>> from mixtura import GaussianMixture
    >>> from mixtura.datasets import load_faithful
    >>> from mixtura.plots import plot_mixture
    >>> X = load_faithful().data
    >>> gm = GaussianMixture(n_components=2, random_state=0).fit(X)
    >>> ax = plot_mixture(gm, X)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('x0', 'x1')
    >>> ax.figure.savefig("faithful.png")  # doctest: +SKIP
    """
    errors = ErrorsGiven(error_covariances, error_std)
    return picture_of_mixture(model, X, features, ax, figure, sample_weight, errors).axes


def picture_of_mixture(
    model: Any,
    X: Any,
    features: Any = None,
    ax: Any = None,
    figure: Any = None,
    sample_weight: Any = None,
    errors: ErrorsGiven = NO_ERRORS,
) -> Picture:
    """Do what `plot_mixture` does, and say what is not drawn."""
    mixture = drawing.mixture_of(model)
    names = drawing.feature_names(model, X, mixture.n_features)
    rows = drawing.matrix(model, X, mixture.n_features)
    chosen = choice(mixture, features, names, MOST_PAIRED)
    indexes = list(chosen.drawn)
    limit = MOST_POINTS if len(indexes) <= 2 else MOST_POINTS_OF_PAIRS
    drawn = drawn_rows(mixture, drawing.with_all(rows, sample_weight, errors), indexes, limit)
    marginal = replace(mixture.marginal(indexes), noise=mixture.noise)  # its share, for the legend
    notes = notes_of(chosen, drawn, marginal)
    named = [names[j] for j in indexes]
    draw = (_draw_one, _draw_two, _draw_pairs)[min(len(indexes), 3) - 1]
    axes = draw(marginal, drawn, named, notes, (ax, figure))
    return Picture(axes, notes)


def notes_of(chosen: Choice, drawn: DrawnRows, marginal: Mixture) -> list[str]:
    """What is not drawn, one sentence a reason."""
    return [note for note in (chosen.note, drawn.note, drawn.outliers(marginal)) if note]


def _draw_one(
    mixture: Mixture, drawn: DrawnRows, names: list[str], notes: list[str], where: Where
) -> Axes:
    axes = one_axes(*where, ONE_PANEL)
    panels.draw_histogram(axes, mixture, drawn, 0, drawn.ranges[0])
    name_axes(axes, names[0], "density")
    handles = panels.component_handles(mixture) + panels.sum_handles(mixture)
    _add_legend(axes, handles + panels.completed_handles(drawn.gaps), "best")
    add_notes(axes, notes)
    return axes


def _draw_two(
    mixture: Mixture, drawn: DrawnRows, names: list[str], notes: list[str], where: Where
) -> Axes:
    axes = one_axes(*where, ONE_PANEL)
    panels.draw_cloud(axes, mixture, drawn, [0, 1], drawn.ranges, small=False)
    name_axes(axes, *names)
    handles = panels.number_handles(mixture) + panels.cloud_handles(mixture)
    handles += panels.completed_handles(drawn.gaps)
    _add_legend(axes, handles, emptiest_corner(axes, drawn.points))
    add_notes(axes, notes)
    return axes


def _draw_pairs(
    mixture: Mixture, drawn: DrawnRows, names: list[str], notes: list[str], where: Where
) -> NDArray[Any]:
    n = len(names)
    side = 1.6 + 1.7 * n
    wanted = f"a {n} x {n} array of Axes for {n} features"
    grid = several_axes(*where, (n, n), (side, side), wanted)
    ranges = drawn.ranges
    for (row, column), axes in np.ndenumerate(grid):
        pair = [column, row]
        shown = [ranges[j] for j in pair]
        if row < column:
            axes.set_axis_off()
        elif row == column:
            one = mixture.marginal([row])
            panels.draw_histogram(axes, one, drawn, row, shown[0])
        else:
            two = mixture.marginal(pair)
            panels.draw_cloud(axes, two, drawn, pair, shown, small=True)
    _align(grid, names)
    handles = panels.component_handles(mixture) + panels.sum_handles(mixture)
    handles += panels.cloud_handles(mixture) + panels.completed_handles(drawn.gaps)
    _add_legend(grid[0, -1], handles, "upper right")
    # The corner is empty: it holds the legend, however long, and the layout need not make room for it.
    grid[0, -1].get_legend().set_in_layout(False)
    # In the middle: a layout takes the middle of a title to be above its own axes.
    add_notes(grid[0, n // 2], notes, 0.7 * n, "center")
    return grid


def _align(grid: NDArray[Any], names: list[str]) -> None:
    """Give a column one x axis and a row one y axis, and write them at the edge only."""
    last = len(names) - 1
    limits = [_limits(grid, j) for j in range(len(names))]
    for (row, column), axes in np.ndenumerate(grid):
        axes.set_xlim(limits[column])
        axes.tick_params(labelbottom=row == last, labelleft=column == 0 < row, labelsize=8)
        if row == last:
            axes.set_xlabel(broken(names[column]), parse_math=False)
        if row == column:
            axes.set_yticks([])
        elif row > column:
            axes.set_ylim(limits[row])
        if column == 0 < row:
            axes.set_ylabel(broken(names[row]), parse_math=False)
    grid[0, 0].figure.align_labels()


def _limits(grid: NDArray[Any], feature: int) -> tuple[float, float]:
    """Return the range of a feature over all pairs that show it, ellipses included."""
    as_x = [grid[row, feature].get_xlim() for row in range(feature + 1, len(grid))]
    as_y = [grid[feature, column].get_ylim() for column in range(feature)]
    lows, highs = zip(*(as_x + as_y), strict=True)
    return min(lows), max(highs)


def _add_legend(axes: Axes, handles: list[Line2D], loc: Corner) -> None:
    axes.legend(handles=handles, loc=loc, fontsize=8, framealpha=0.85)


def emptiest_corner(axes: Axes, points: NDArray[np.float64]) -> Corner:
    """Return the corner that covers the fewest points."""
    # matplotlib's own "best" looks at every dot and takes seconds.
    x, y = axes.transAxes.inverted().transform(axes.transData.transform(points)).T

    def crowd(corner: Corner) -> int:
        u, v = CORNERS[corner]
        return int(np.sum((abs(x - u) < 0.35) & (abs(y - v) < 0.35)))

    return min(CORNERS, key=crowd)
