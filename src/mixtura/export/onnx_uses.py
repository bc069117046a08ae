"""What is made of a fitted model in an ONNX graph: a function for each use."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mixtura.export.carried import Carried
from mixtura.export.onnx_density import Told, distances, noise_as_minus_one, told
from mixtura.export.onnx_graph import Graph
from mixtura.export.terms import owners, terms_of, together
from mixtura.mixture import Mixture, arithmetic
from mixtura.mixture.conditionals import conditional_matrices
from mixtura.support.arrays import Array


class Output(NamedTuple):
    """A value that the graph gives.

    Attributes
    ----------
    value : str
        Its name within the graph.
    dtype : numpy dtype
        Of str for texts.
    columns : int or None
        None: one number a row.
    """

    value: str
    dtype: Any
    columns: int | None


class Built(NamedTuple):
    """A graph, and its outputs by the names that they have outside."""

    graph: Graph
    outputs: dict[str, Output]


def built(model: Carried, rows: str, dtype: Any, opset: int) -> Built:
    """The graph of all that a model says of rows in float32 or float64.

    Where the components ask for more than float32 holds, as the core finds, float32 rows are computed with in
    float64.
    """
    dtype = np.dtype(dtype)
    graph = Graph(_arithmetic(model, dtype), opset)
    if graph.dtype != dtype:
        rows = graph.cast(rows, graph.dtype)
    outputs = {
        name: _in_precision(graph, output, dtype)
        for name, output in _USES[model.use](graph, rows, model).items()
    }
    return Built(graph, outputs)


def _arithmetic(model: Carried, dtype: np.dtype[Any]) -> np.dtype[Any]:
    found = [arithmetic(mixture, dtype) for mixture in model.mixtures]
    if isinstance(model.predictive, Mixture):
        found.append(arithmetic(model.predictive, dtype))
    return np.result_type(*found)


def _in_precision(graph: Graph, output: Output, dtype: np.dtype[Any]) -> Output:
    """Floats as the rows are; what is below the least number is that."""
    if output.dtype != graph.dtype or graph.dtype == dtype:
        return output
    value = output.value
    if output.columns is None:
        value = graph.node("Max", value, graph.constant(np.finfo(dtype).min))
    return output._replace(value=graph.cast(value, dtype), dtype=dtype)


def _mixture(graph: Graph, rows: str, model: Carried) -> dict[str, Output]:
    mixture = model.mixture
    found = told(graph, distances(graph, rows, terms_of(mixture)).joint)
    if model.predictive is not mixture:  # of a posterior
        joint = distances(graph, rows, terms_of(model.predictive)).joint
        found = found._replace(log_density=told(graph, joint).log_density)
    n_columns = mixture.n_components
    if mixture.noise is not None:
        label = noise_as_minus_one(graph, found.label, n_columns)
        found, n_columns = found._replace(label=label), n_columns + 1
    return _labelled(graph, found, np.dtype(np.int64), n_columns)


def _classifier(graph: Graph, rows: str, model: Carried) -> dict[str, Output]:
    assert model.classes is not None
    assert model.priors is not None
    terms = together(model.mixtures, model.priors)
    found = told(graph, distances(graph, rows, terms).joint, owners(model.mixtures))
    classes = _as_labels(model.classes)
    name = graph.constant(classes, classes.dtype)
    found = found._replace(label=graph.node("Gather", name, found.label, axis=0))
    return _labelled(graph, found, classes.dtype, len(classes))


def _labelled(graph: Graph, found: Told, dtype: np.dtype[Any], n_columns: int) -> dict[str, Output]:
    return {
        "label": Output(found.label, dtype, None),
        "probabilities": Output(found.probabilities, graph.dtype, n_columns),
        "log_density": Output(found.log_density, graph.dtype, None),
    }


def _as_labels(classes: Array) -> Array:
    """In a type that ONNX has.

    Raises
    ------
    ValueError
        If there is none.
    """
    if classes.dtype.kind in "iu":
        return classes.astype(np.int64)
    if classes.dtype.kind in "bf":
        return classes.astype(np.bool_ if classes.dtype.kind == "b" else np.float64)
    if classes.dtype.kind in "UO" and all(isinstance(one, str) for one in classes):
        return classes.astype(object)
    raise ValueError(
        f"ONNX holds classes that are texts, numbers or booleans, not {classes.tolist()!r}: fit to such "
        "names of them."
    )


def _detector(graph: Graph, rows: str, model: Carried) -> dict[str, Output]:
    assert model.offset is not None
    joint = distances(graph, rows, terms_of(model.mixture)).joint
    log_density = told(graph, joint).log_density
    decision = graph.node("Sub", log_density, graph.constant(model.offset))
    is_outlier = graph.node("Less", decision, graph.constant(0.0))
    one, other = graph.constant(-1, np.int64), graph.constant(1, np.int64)
    label = graph.node("Where", is_outlier, one, other)
    return {
        "label": Output(label, np.dtype(np.int64), None),
        "decision": Output(decision, graph.dtype, None),
        "log_density": Output(log_density, graph.dtype, None),
    }


def _regressor(graph: Graph, rows: str, model: Carried) -> dict[str, Output]:
    """Add mean and deviation of the targets: of a mixture of regressions with the weights of the features.

    All targets are about a centre until the end: the deviation is of differences between means.
    """
    assert model.n_given is not None
    mixture = model.mixture.without_noise()
    given = list(range(model.n_given))
    targets = list(range(model.n_given, mixture.n_features))
    known = mixture.marginal(given)
    found = distances(graph, rows, terms_of(known))
    shares = told(graph, found.joint).probabilities
    # (n_components, n_rows, 1)
    axis = graph.constant([2], np.int64)
    shares = graph.node("Unsqueeze", graph.node("Transpose", shares, perm=[1, 0]), axis)

    gain = mixture.structure.condition(mixture.covariances, given, targets)[0]
    centre = (mixture.weights @ mixture.means[:, targets]).astype(graph.dtype)
    offsets = mixture.means[:, np.newaxis, targets] - centre
    slopes = graph.constant(np.swapaxes(gain, 1, 2))
    means = graph.node("Add", graph.node("MatMul", found.away, slopes), graph.constant(offsets))
    mean = graph.reduce("ReduceSum", graph.node("Mul", shares, means), 0)

    away = graph.node("Sub", means, mean)
    between = graph.node("Mul", shares, graph.node("Mul", away, away))
    variance = graph.node("Add", between, _within(graph, known, mixture, found.squares, shares))
    std = graph.node("Sqrt", graph.reduce("ReduceSum", variance, 0))
    mean = graph.node("Add", mean, graph.constant(centre))
    columns = None if model.is_one_column else len(targets)
    if columns is None:
        axis = graph.constant([1], np.int64)
        mean, std = (graph.node("Squeeze", value, axis) for value in (mean, std))
    return {
        "mean": Output(mean, graph.dtype, columns),
        "std": Output(std, graph.dtype, columns),
    }


def _within(graph: Graph, known: Mixture, mixture: Mixture, squares: str, shares: str) -> str:
    """Add shares times variances of the targets given the features, wider of t where these are far."""
    n_given = known.n_features
    lacks = np.arange(mixture.n_features) >= n_given
    matrices = conditional_matrices(mixture, lacks)
    variances = graph.constant(np.diagonal(matrices, axis1=1, axis2=2)[:, np.newaxis])
    if mixture.df is None:
        return graph.node("Mul", shares, variances)
    # (df + q) / (df + d) as wide (Ding 2016), and the variance of t with df + d degrees of freedom.
    df = mixture.df[:, np.newaxis, np.newaxis]
    left = df + n_given - 2
    wide = np.where(left > 0, 1 / np.where(left > 0, left, 1), np.inf)
    q = graph.node("Unsqueeze", squares, graph.constant([2], np.int64))
    width = graph.node("Mul", graph.node("Add", q, graph.constant(df)), graph.constant(wide))
    within = graph.node("Mul", graph.node("Mul", shares, width), variances)
    if np.isfinite(wide).all():
        return within
    has_share = graph.node("Less", graph.constant(0.0), shares)
    return graph.node("Where", has_share, within, graph.constant(0.0))


_USES = {
    "mixture": _mixture,
    "classifier": _classifier,
    "outlier detector": _detector,
    "regressor": _regressor,
}

__all__ = ["Built", "Output", "built"]
