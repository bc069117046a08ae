"""Fitted models as ONNX graphs, which run in onnxruntime, on a phone or in a browser."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from mixtura.export.carried import Carried, for_complete_rows, needs, precision
from mixtura.export.onnx_graph import OLDEST_OPSET, Graph, element_type
from mixtura.export.onnx_uses import Built, Output, built
from mixtura.inputs.numbers import check_whole

if TYPE_CHECKING:
    from onnx import ModelProto

#: Version of the operators, unless asked otherwise: that of onnxruntime 1.14 of 2023 and all after it.
OPSET = 18

_ROWS = "X"


def to_onnx(
    model: Any,
    *,
    dtype: Any = "float32",
    outputs: Iterable[str] | None = None,
    missing: str | None = None,
    opset: int = OPSET,
) -> ModelProto:
    """A fitted model as an ONNX graph, for any of the 14 structures.

    Rows have a mean subtracted before anything else, so that float32 keeps its digits far from the origin.
    Where components ask for more than float32 holds (nearly singular ones, say), as this library finds for
    its own predictions, float32 rows are computed with in float64.

    Parameters
    ----------
    model : Mixture, or fitted GaussianMixture, BayesianGaussianMixture, GaussianMixtureSearch, \
GaussianMixtureClassifier, GaussianMixtureRegressor or GaussianMixtureOutlierDetector
    dtype : {'float32', 'float64'}, default='float32'
        Of the rows, and of what comes out.
    outputs : iterable of str, default=None
        Those that are wanted, in this order; None: all. A graph of fewer takes less time.
    missing : {'error'} or None, default=None
        A graph is of complete rows. 'error' says so of a model that was fitted with missing='mar'.
    opset : int, default=18
        Version of ONNX's operators, 13 or more, where a runtime is older.

    Returns
    -------
    onnx.ModelProto
        `onnx.save(graph, path)` writes it, `graph.SerializeToString()` is what onnxruntime takes. Input: `X`,
        (n_rows, n_features). Outputs of a mixture and a classifier: `label` (n_rows,), `probabilities`
        (n_rows, n_components or n_classes) and `log_density` (n_rows,); of noise the label is -1 and the last
        column. Of a regressor: `mean` and `std`, in the shape of y. Of an outlier detector: `label`, 1 or -1,
        `decision` and `log_density`, each (n_rows,). NaN in a row makes its floats NaN, and its label says
        nothing.

    Raises
    ------
    ImportError
        If onnx is not installed.
    TypeError
        If the model is none of these.
    ValueError
        If the model takes missing values, its classes are of a type that ONNX has not, or an argument is not
        possible.

    References
    ----------
    Sterbenz 1974, Floating-point computation, theorem 4.3.1.

    Examples
    --------
    >>> import numpy as np, onnxruntime
    >>> from mixtura import GaussianMixture
    >>> from mixtura.export import to_onnx
    >>> gm = GaussianMixture.from_parameters([0.5, 0.5], [[0.0], [9.0]], [[[1.0]], [[1.0]]])
    >>> session = onnxruntime.InferenceSession(to_onnx(gm).SerializeToString())
    >>> [label] = session.run(["label"], {"X": np.array([[1.0], [8.0]], dtype=np.float32)})
    >>> label.tolist()
    [0, 1]
    """
    needs("onnx", "onnx")
    check_whole("opset", opset, OLDEST_OPSET)
    of_rows, whole = precision(dtype), for_complete_rows(model, missing)
    found = built(whole, _ROWS, of_rows, int(opset))
    return _as_proto(found, _wanted(found, outputs), whole, of_rows)


def _wanted(found: Built, outputs: Iterable[str] | None) -> dict[str, Output]:
    if outputs is None:
        return found.outputs
    names = [outputs] if isinstance(outputs, str) else list(outputs)
    if not names or len(set(names)) < len(names) or not set(names) <= set(found.outputs):
        raise ValueError(
            f"outputs must be some of {list(found.outputs)}, each once, got {names!r}."
        )
    return {name: found.outputs[name] for name in names}


def _as_proto(
    found: Built, outputs: dict[str, Output], model: Carried, dtype: np.dtype[Any]
) -> ModelProto:
    from onnx import checker, helper

    from mixtura import __version__

    for name, output in outputs.items():
        found.graph.node("Identity", output.value, output=name)
    graph = found.graph.needed(outputs)
    row = helper.make_tensor_value_info(_ROWS, element_type(dtype), ["n_rows", model.n_features])
    proto = helper.make_model(
        helper.make_graph(
            _nodes(graph),
            f"mixtura_{model.use.replace(' ', '_')}",
            [row],
            [_described(name, output) for name, output in outputs.items()],
            [_tensor(name, values) for name, values in graph.constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", graph.opset)],
        producer_name="mixtura",
        producer_version=__version__,
    )
    proto.ir_version = helper.find_min_ir_version_for(proto.opset_import)
    if model.feature_names is not None:
        helper.set_model_props(proto, {"feature_names": json.dumps(model.feature_names)})
    checker.check_model(proto, full_check=True)
    return proto


def _nodes(graph: Graph) -> list[Any]:
    from onnx import helper

    return [
        helper.make_node(node.operator, list(node.inputs), [node.output], **node.attributes)
        for node in graph.nodes
    ]


def _tensor(name: str, values: Any) -> Any:
    from onnx import numpy_helper

    return numpy_helper.from_array(values, name)


def _described(name: str, output: Output) -> Any:
    from onnx import helper

    shape = ["n_rows"] if output.columns is None else ["n_rows", output.columns]
    return helper.make_tensor_value_info(name, element_type(output.dtype), shape)


__all__ = ["OPSET", "to_onnx"]
