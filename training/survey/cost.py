"""What a beat costs: multiply-adds counted in the exported graph."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import NodeProto

Shape = tuple[int, ...]
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
"""Products by the input and by the state, of each unit."""


def macs(path: Path, n_free: int = 125) -> int:
    """Count the multiply-adds of one call for one stream: products, convolutions, recurrent cells.

    What is done element by element is not counted.

    Parameters
    ----------
    path : Path
        Exported model.
    n_free : int
        Samples of the signal, for a model that takes any number.
    """
    shapes = _shapes(onnx.load(str(path)), n_free)
    nodes = onnx.load(str(path)).graph.node
    return sum(COUNT[node.op_type](node, shapes) for node in nodes if node.op_type in COUNT)


def _shapes(model: onnx.ModelProto, n_free: int) -> dict[str, Shape]:
    """Run a model on zeros for one stream; tell the shape of every value in it."""
    graph = model.graph
    shapes: dict[str, Shape] = {part.name: tuple(part.dims) for part in graph.initializer}
    feed = {}
    for value in graph.input:
        kind = value.type.tensor_type
        first, *rest = (axis.dim_value for axis in kind.shape.dim)
        dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)
        feed[value.name] = np.zeros([first or 1, *(n or n_free for n in rest)], dtype)
        shapes[value.name] = feed[value.name].shape
    names = [name for node in graph.node for name in node.output if name]
    del graph.output[:]
    graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = ort.InferenceSession(model.SerializeToString(), options)
    values = session.run(names, feed)
    return shapes | {name: value.shape for name, value in zip(names, values, strict=True)}


def _product(node: NodeProto, shapes: dict[str, Shape]) -> int:
    return math.prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]


def _gemm(node: NodeProto, shapes: dict[str, Shape]) -> int:
    turned = any(a.name == "transA" and a.i for a in node.attribute)
    return math.prod(shapes[node.output[0]]) * shapes[node.input[0]][0 if turned else -1]


def _convolution(node: NodeProto, shapes: dict[str, Shape]) -> int:
    return math.prod(shapes[node.output[0]]) * math.prod(shapes[node.input[1]][1:])


def _recurrent(node: NodeProto, shapes: dict[str, Shape]) -> int:
    n_steps, batch, n_in = shapes[node.input[0]]
    n_directions, _, hidden = shapes[node.input[2]]
    return n_steps * batch * n_directions * GATES[node.op_type] * hidden * (n_in + hidden)


COUNT: dict[str, Callable[[NodeProto, dict[str, Shape]], int]] = {
    "MatMul": _product,
    "Gemm": _gemm,
    "Conv": _convolution,
    **dict.fromkeys(GATES, _recurrent),
}
"""How each operation is counted."""
