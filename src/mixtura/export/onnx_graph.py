"""Nodes and constants of an ONNX graph, written down once for ONNX itself and for skl2onnx."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from mixtura.support.arrays import Array

#: From which version of the operators on axes of a maximum are an input, as those of a sum are since 13.
_AXES_AS_INPUT = 18

#: The oldest version of the operators that has what is used here.
OLDEST_OPSET = 13


class Node(NamedTuple):
    """One operation: values by their names."""

    operator: str
    inputs: tuple[str, ...]
    output: str
    attributes: dict[str, Any]


class Graph:
    """Nodes in the order in which they run.

    Parameters
    ----------
    dtype : numpy dtype
        In which is computed: float32 or float64.
    opset : int
        Version of the operators.
    """

    def __init__(self, dtype: Any, opset: int) -> None:
        self.dtype = np.dtype(dtype)
        self.opset = opset
        self.nodes: list[Node] = []
        self.constants: dict[str, Array] = {}

    def constant(self, values: Any, dtype: Any = None) -> str:
        """Name numbers that are kept with the graph, in its precision or another."""
        name = f"constant{len(self.constants)}"
        self.constants[name] = np.asarray(values, dtype=self.dtype if dtype is None else dtype)
        return name

    def node(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add an operation, and return the name of what comes out."""
        output = output or f"value{len(self.nodes)}"
        self.nodes.append(Node(operator, inputs, output, attributes))
        return output

    def reduce(self, operator: str, values: str, axis: int, *, keep: bool = False) -> str:
        """Add a sum or another reduction over one axis."""
        if operator == "ReduceSum" or self.opset >= _AXES_AS_INPUT:
            axes = self.constant([axis], np.int64)
            return self.node(operator, values, axes, keepdims=int(keep))
        return self.node(operator, values, axes=[axis], keepdims=int(keep))

    def cast(self, values: str, dtype: Any) -> str:
        """Add a change of precision."""
        return self.node("Cast", values, to=element_type(dtype))

    def needed(self, outputs: Iterable[str]) -> Graph:
        """The same, without what none of these outputs needs."""
        wanted, nodes = set(outputs), []
        for node in reversed(self.nodes):
            if node.output in wanted:
                nodes.append(node)
                wanted.update(node.inputs)
        kept = Graph(self.dtype, self.opset)
        kept.nodes = nodes[::-1]
        kept.constants = {name: one for name, one in self.constants.items() if name in wanted}
        return kept


def element_type(dtype: Any) -> int:
    """ONNX's number of a type of elements."""
    from onnx import helper

    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


__all__ = ["OLDEST_OPSET", "Graph", "Node", "element_type"]
