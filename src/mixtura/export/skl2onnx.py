"""Converters for skl2onnx, so that a pipeline with a fitted model at its end becomes one ONNX graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from mixtura.estimators.bayesian_gaussian_mixture import BayesianGaussianMixture
from mixtura.estimators.classifier import GaussianMixtureClassifier
from mixtura.estimators.gaussian_mixture import GaussianMixture
from mixtura.estimators.gaussian_mixture_search import GaussianMixtureSearch
from mixtura.estimators.outlier_detector import GaussianMixtureOutlierDetector
from mixtura.estimators.regressor import GaussianMixtureRegressor
from mixtura.export.carried import for_complete_rows, needs
from mixtura.export.onnx_graph import OLDEST_OPSET, Graph, element_type
from mixtura.export.onnx_uses import Built, Output, built

_MIXTURES = (GaussianMixture, BayesianGaussianMixture, GaussianMixtureSearch)

#: Options of a classifier's converter: what skl2onnx itself makes of its probabilities.
_OF_CLASSES = {
    "zipmap": [True, False, "columns"],
    "output_class_labels": [True, False],
    "nocl": [False],
}


def register_skl2onnx() -> None:
    """Let skl2onnx convert the fitted models of this library, also within pipelines.

    Outputs are those that skl2onnx gives for scikit-learn's models: `label` and `probabilities` of a mixture
    and, with the option `score_samples`, the log density; `label` and `probabilities` of a classifier, with
    the option `zipmap`; `variable` of a regressor, the mean; `label` and `scores`, the decision function, of
    an outlier detector.
    Computed is as in `to_onnx`. Calling it again changes nothing.

    Raises
    ------
    ImportError
        If skl2onnx is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from skl2onnx import to_onnx
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from mixtura import GaussianMixture
    >>> from mixtura.export import register_skl2onnx
    >>> register_skl2onnx()
    >>> X = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)
    >>> pipeline = make_pipeline(StandardScaler(), GaussianMixture(2, random_state=0)).fit(X)
    >>> [output.name for output in to_onnx(pipeline, X[:1]).graph.output]
    ['label', 'probabilities']
    """
    needs("skl2onnx", "onnx")
    from skl2onnx import update_registered_converter

    for kind in _MIXTURES:
        update_registered_converter(
            kind,
            f"Mixtura{kind.__name__}",
            _shapes,
            _convert,
            parser=_outputs_of_mixture,
            options={"score_samples": [True, False]},
        )
    for other, options in (
        (GaussianMixtureClassifier, _OF_CLASSES),
        (GaussianMixtureRegressor, None),
        (GaussianMixtureOutlierDetector, None),
    ):
        update_registered_converter(
            other, f"Mixtura{other.__name__}", _shapes, _convert, options=options
        )


#: What skl2onnx calls the outputs, in its order.
_NAMES = {
    "mixture": ("label", "probabilities", "log_density"),
    "classifier": ("label", "probabilities"),
    "regressor": ("mean",),
    "outlier detector": ("label", "decision"),
}


#: Numbers of rows that it gives as a column.
_COLUMNS = ("variable", "scores", "score_samples")


def _outputs_of_mixture(scope: Any, model: Any, inputs: Any, **_: Any) -> Any:
    """Declare the outputs of a mixture, as skl2onnx does those of scikit-learn's."""
    from skl2onnx.common.data_types import Int64TensorType

    operator = scope.declare_local_operator(f"Mixtura{type(model).__name__}", model)
    operator.inputs = inputs
    of_floats = _tensor_type(_rows_dtype(inputs[0].type))
    asked = scope.get_options(model, {"score_samples": False})
    for name in ("label", "probabilities", "score_samples")[: 3 if asked["score_samples"] else 2]:
        kind = Int64TensorType if name == "label" else of_floats
        operator.outputs.append(scope.declare_local_variable(name, kind()))
    return operator.outputs


def _rows_dtype(kind: Any) -> np.dtype[Any]:
    """Of rows that come into the graph; whole numbers are made float32, as skl2onnx does."""
    from skl2onnx.common.data_types import DoubleTensorType

    return np.dtype(np.float64 if isinstance(kind, DoubleTensorType) else np.float32)


def _tensor_type(dtype: np.dtype[Any]) -> Any:
    from skl2onnx.common import data_types

    return {
        "i": data_types.Int64TensorType,
        "O": data_types.StringTensorType,
        "b": data_types.BooleanTensorType,
        "f": data_types.FloatTensorType,
        "d": data_types.DoubleTensorType,
        "l": data_types.Int64TensorType,
        "?": data_types.BooleanTensorType,
    }[dtype.char]


def _built(operator: Any, rows: str, opset: int) -> tuple[Built, list[Output]]:
    model = for_complete_rows(operator.raw_operator)
    found = built(model, rows, _rows_dtype(operator.inputs[0].type), opset)
    names = _NAMES[model.use][: len(operator.outputs)]
    return found, [found.outputs[name] for name in names]


def _shapes(operator: Any) -> None:
    """Tell skl2onnx types and shapes of the outputs."""
    n_rows = operator.inputs[0].get_first_dimension()
    _, outputs = _built(operator, "X", OLDEST_OPSET)
    for variable, output in zip(operator.outputs, outputs, strict=True):
        as_column = variable.raw_name in _COLUMNS
        columns = 1 if output.columns is None and as_column else output.columns
        shape = [n_rows] if columns is None else [n_rows, columns]
        variable.set_type(_tensor_type(np.dtype(output.dtype))(shape))


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """Write nodes and constants into what skl2onnx collects, under names of its own."""
    given = operator.inputs[0]
    [rows] = operator.input_full_names
    dtype = _rows_dtype(given.type)
    opset = container.target_opset
    if opset < OLDEST_OPSET:
        raise ValueError(
            f"target_opset must be {OLDEST_OPSET} or more for a model of mixtura, got {opset}."
        )
    found, outputs = _built(operator, "X", opset)
    names = {"X": rows}
    if not isinstance(given.type, _tensor_type(dtype)):
        names["X"] = scope.get_unique_variable_name("mixtura_rows")
        kind = element_type(dtype)
        container.add_node("Cast", [rows], [names["X"]], name=_unique(scope), to=kind)
    for variable, output in zip(operator.outputs, outputs, strict=True):
        if variable.type.shape[1:] and output.columns is None:
            axis = found.graph.constant([1], np.int64)
            found.graph.node("Unsqueeze", output.value, axis, output=variable.raw_name)
        else:
            found.graph.node("Identity", output.value, output=variable.raw_name)
        names[variable.raw_name] = variable.full_name
    _write(found.graph.needed([one.raw_name for one in operator.outputs]), names, scope, container)


def _write(graph: Graph, names: dict[str, str], scope: Any, container: Any) -> None:
    from onnx import numpy_helper

    def called(name: str) -> str:
        if name not in names:
            names[name] = scope.get_unique_variable_name(f"mixtura_{name}")
        return names[name]

    for name, values in graph.constants.items():
        kind = element_type(values.dtype)
        texts = [text.encode() for text in values.ravel()] if values.dtype == object else None
        content = numpy_helper.from_array(values) if texts is None else texts
        container.add_initializer(called(name), kind, values.shape, content)
    for node in graph.nodes:
        container.add_node(
            node.operator,
            [called(name) for name in node.inputs],
            [called(node.output)],
            op_version=_version_of(node.operator, graph.opset),
            name=_unique(scope),
            **node.attributes,
        )


def _version_of(operator: str, opset: int) -> int:
    """Since which version of the operators this one is as it is in that of the graph."""
    from onnx import defs

    return int(defs.get_schema(operator, max_inclusive_version=opset).since_version)


def _unique(scope: Any) -> str:
    return str(scope.get_unique_operator_name("mixtura"))


__all__ = ["register_skl2onnx"]
