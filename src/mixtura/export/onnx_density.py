"""Log densities, labels and probabilities as operations of an ONNX graph.

In float32 what matters is where rounding falls. A row x far from the origin and a mean mu near it have their
leading digits in common, and x P - mu P loses them. Here x - c comes first, with c the float32 nearest to mu:
where x and c are within a factor of two of each other the difference is exact (Sterbenz 1974), and elsewhere
right to half a unit in its last place. What float32 could not hold of the mean, mu - c, is subtracted next,
from a number of the size of the distance.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mixtura.export.onnx_graph import Graph
from mixtura.export.terms import Terms
from mixtura.support.arrays import FloatArray


class Distances(NamedTuple):
    """Names of what is known of rows and components.

    Attributes
    ----------
    away : str
        Rows less means: (n_components, n_rows, n_features).
    joint : str
        Log of weight times density: (n_rows, n_components), noise last.
    squares : str
        Square distances q: (n_components, n_rows).
    """

    away: str
    joint: str
    squares: str


class Told(NamedTuple):
    """Names of what is made of log joint densities."""

    label: str
    probabilities: str
    log_density: str


def distances(graph: Graph, rows: str, terms: Terms) -> Distances:
    """Add log joint densities of rows."""
    away = _away(graph, rows, terms.means)
    if terms.has_matrices:
        y = graph.node("MatMul", away, graph.constant(terms.factors))
    else:
        y = graph.node("Mul", away, graph.constant(terms.factors[:, np.newaxis]))
    if terms.is_by_feature:
        squares, cost = y, _cost_by_feature(graph, y, terms)
    else:
        squares = graph.reduce("ReduceSumSquare", y, 2)
        cost = _cost(graph, squares, terms)
    joint = graph.node("Sub", graph.constant(terms.heights[:, np.newaxis]), cost)
    joint = graph.node("Transpose", joint, perm=[1, 0])
    least = graph.constant(np.finfo(graph.dtype).min)
    joint = graph.node("Max", joint, least)  # so that no difference of two is one of infinities
    for constant in terms.noise:
        pads = graph.constant([0, 0, 0, 1], np.int64)
        joint = graph.node("Pad", joint, pads, graph.constant(constant))
    return Distances(away, joint, squares)


def _away(graph: Graph, rows: str, means: FloatArray) -> str:
    """Add rows less means."""
    means = means[:, np.newaxis]
    centres = means.astype(graph.dtype)
    away = graph.node("Sub", rows, graph.constant(centres))
    rest = means - centres
    return graph.node("Sub", away, graph.constant(rest)) if rest.any() else away


def _cost(graph: Graph, squares: str, terms: Terms) -> str:
    """Add what square distances take from heights."""
    if terms.df is None:
        return graph.node("Mul", squares, graph.constant(0.5))
    df = terms.df[:, np.newaxis]
    ratio = graph.node("Mul", squares, graph.constant(1 / df))
    n_features = terms.means.shape[1]
    return graph.node("Mul", _log1p(graph, ratio), graph.constant((df + n_features) / 2))


def _cost_by_feature(graph: Graph, y: str, terms: Terms) -> str:
    assert terms.df is not None
    df = terms.df[:, np.newaxis]
    squares = graph.node("Mul", y, y)
    ratio = graph.node("Mul", squares, graph.constant(1 / df[:, np.newaxis]))
    logs = graph.reduce("ReduceSum", _log1p(graph, ratio), 2)
    return graph.node("Mul", logs, graph.constant((df + 1) / 2))


def _log1p(graph: Graph, z: str) -> str:
    """Add log(1 + z), which ONNX lacks, with the digits of a small z (Goldberg 1991, theorem 4)."""
    one = graph.constant(1.0)
    u = graph.node("Add", z, one)
    ratio = graph.node("Div", z, graph.node("Sub", u, one))
    product = graph.node("Mul", graph.node("Log", u), ratio)
    # Where u is 1 the ratio is none, and where it is infinite neither.
    small = graph.node("Less", z, graph.constant(np.finfo(graph.dtype).eps))
    large = graph.node("Less", graph.constant(1 / np.finfo(graph.dtype).eps), z)
    logs = graph.node("Where", large, graph.node("Log", u), product)
    return graph.node("Where", small, z, logs)


def told(graph: Graph, joint: str, owner: FloatArray | None = None) -> Told:
    """Add labels, probabilities and the log density of log joint densities.

    owner: of a classifier, the class of each column; labels are then those of classes.
    """
    most = graph.reduce("ReduceMax", joint, 1, keep=True)
    shares = graph.node("Exp", graph.node("Sub", joint, most))
    total = graph.reduce("ReduceSum", shares, 1, keep=True)
    if owner is None:
        likeliest = joint
    else:  # the shares of a class may underflow where another has them all
        likeliest = shares = graph.node("MatMul", shares, graph.constant(owner))
    label = graph.node("ArgMax", likeliest, axis=1, keepdims=0)
    probabilities = graph.node("Div", shares, total)
    log_density = graph.node("Add", most, graph.node("Log", total))
    axis = graph.constant([1], np.int64)
    return Told(label, probabilities, graph.node("Squeeze", log_density, axis))


def noise_as_minus_one(graph: Graph, label: str, n_components: int) -> str:
    """Let the label of the column after the components be -1."""
    beyond = graph.node("Equal", label, graph.constant(n_components, np.int64))
    return graph.node("Where", beyond, graph.constant(-1, np.int64), label)


__all__ = ["Distances", "Told", "distances", "noise_as_minus_one", "told"]
