"""Tiny ONNX models for tests, of the form that users bring."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

METADATA = {
    "name": "loudness",
    "version": "1",
    "kind": "window",
    "fs": "125",
    "leads": json.dumps(["any"]),
    "units": "mV",
    "classes": json.dumps(["QUIET", "LOUD"]),
    "stride": "250",
    "length": "500",
    "before": "0",
    "look_ahead_s": "0",
    "thresholds": "{}",
    "data_digest": "none",
}
"""Metadata of a windowed model: 4 s windows every 2 s at 125 Hz."""


def write_windowed_model(path: Path, *, sees_its_neighbours: bool = False) -> Path:
    """Write a model of two classes; return its path.

    Parameters
    ----------
    path : Path
        Where to.
    sees_its_neighbours : bool
        Let each window's score depend on the whole batch, as no model may.
    """
    axes = [0, 1, 2] if sees_its_neighbours else [1, 2]
    nodes = [
        helper.make_node("ReduceMax", ["signal", "own"], ["peak"], keepdims=1),
        helper.make_node("ReduceMax", ["signal", "axes"], ["seen"], keepdims=1),
        helper.make_node("Add", ["peak", "seen"], ["both"]),
        helper.make_node("Reshape", ["both", "column"], ["score"]),
        helper.make_node("Sigmoid", ["score"], ["loud"]),
        helper.make_node("Sub", ["one", "loud"], ["quiet"]),
        helper.make_node("Concat", ["quiet", "loud"], ["probs"], axis=1),
    ]
    constants = {
        "own": np.array([1, 2]),
        "axes": np.array(axes),
        "column": np.array([-1, 1]),
        "one": np.ones(1, np.float32),
    }
    graph = helper.make_graph(
        nodes,
        "loudness",
        [helper.make_tensor_value_info("signal", TensorProto.FLOAT, ["batch", 1, 500])],
        [helper.make_tensor_value_info("probs", TensorProto.FLOAT, ["batch", 2])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, METADATA)
    onnx.save(model, path)
    return path
