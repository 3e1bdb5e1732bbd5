"""Tiny ONNX models, right and wrong, made on the spot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

DEFAULTS = {
    "name": "tiny",
    "version": "0.1",
    "kind": "window",
    "fs": "125",
    "leads": '["any"]',
    "units": "mV",
    "classes": '["low", "high"]',
    "stride": "125",
    "length": "250",
    "before": "0",
    "look_ahead_s": "0",
    "thresholds": "{}",
    "data_digest": "0" * 64,
}
"""Metadata of a windowed model: 2 s at 125 Hz, every second."""


def save(
    path: Path,
    nodes: Sequence[NodeProto],
    metadata: dict[str, str | None],
    *,
    signal_shape: Sequence[int | str] = ("batch", 1, "time"),
    signal_type: int = TensorProto.FLOAT,
    states: dict[str, Sequence[int | str]] | None = None,
    state_type: int = TensorProto.FLOAT,
    more_inputs: Sequence[str] = (),
    constants: dict[str, np.ndarray] | None = None,
    outputs: Sequence[str] | None = None,
) -> Path:
    """Write a model of the given nodes; a metadata value of None leaves its key out."""
    states = states or {}
    inputs = [helper.make_tensor_value_info("signal", signal_type, signal_shape)]
    inputs += [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["b", 1]) for n in more_inputs]
    inputs += [helper.make_tensor_value_info(n, state_type, s) for n, s in states.items()]
    if outputs is None:
        outputs = ["probs", *(f"next_{name}" for name in states)]
    graph = helper.make_graph(
        nodes,
        "tiny",
        inputs,
        [onnx.ValueInfoProto(name=name) for name in outputs],
        [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    known = {k: v for k, v in (DEFAULTS | metadata).items() if v is not None}
    helper.set_model_props(model, known)
    path.write_bytes(model.SerializeToString())
    return path


_ONE_LESS = (
    helper.make_node("Constant", [], ["one"], value_float=1.0),
    helper.make_node("Sub", ["one", "p"], ["q"]),
    helper.make_node("Concat", ["q", "p"], ["probs"], axis=1),
)


def largest(path: Path, **metadata: str | None) -> Path:
    """A windowed classifier: the chance of "high" is the window's largest value over 4, to 1."""
    nodes = [
        helper.make_node("ReduceMax", ["signal"], ["top"], axes=[2], keepdims=0),
        helper.make_node("Mul", ["top", "quarter"], ["part"]),
        helper.make_node("Clip", ["part", "zero", "whole"], ["p"]),
        *_ONE_LESS,
    ]
    floats = {"quarter": 0.25, "zero": 0.0, "whole": 1.0}
    constants = {name: np.array(value, np.float32) for name, value in floats.items()}
    return save(path, nodes, dict(metadata), constants=constants)


def counting(path: Path, **metadata: str | None) -> Path:
    """A windowed classifier with state: the chance of "high" is a hundredth of windows heard."""
    nodes = [
        helper.make_node("Add", ["state_n", "hundredth"], ["next_state_n"]),
        helper.make_node("Identity", ["next_state_n"], ["p"]),
        *_ONE_LESS,
    ]
    constants = {"hundredth": np.array(0.01, np.float32)}
    given = {"length": "250", "stride": "250"} | metadata
    return save(path, nodes, given, states={"state_n": ["batch", 1]}, constants=constants)


def beat_like(path: Path, **metadata: str | None) -> Path:
    """A beat model that calls a beat V where its window's lowest value is below -1."""
    nodes = [
        helper.make_node("ReduceMin", ["signal"], ["low"], axes=[2], keepdims=0),
        helper.make_node("Neg", ["low"], ["up"]),
        helper.make_node("Sigmoid", ["up"], ["p"]),
        *_ONE_LESS,
    ]
    given = {
        "kind": "beat",
        "classes": '["N", "V"]',
        "units": "scale",
        "stride": "0",
        "length": "85",
        "before": "35",
        "thresholds": '{"V": 0.8}',
    }
    return save(path, nodes, given | metadata, more_inputs=["rr_s"])


def listening(path: Path) -> Path:
    """A beat model of two leads that calls every beat N and counts those heard in each lead.

    The chance of N is 1 less 2**-10 for each beat heard in the first lead and 2**-20 for each in
    the second: see :func:`beats_heard`.
    """
    nodes = [
        helper.make_node("Abs", ["signal"], ["size"]),
        helper.make_node("ReduceMax", ["size"], ["largest"], axes=[2], keepdims=0),
        helper.make_node("Greater", ["largest", "zero"], ["is_heard"]),
        helper.make_node("Cast", ["is_heard"], ["heard"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["state_n", "heard"], ["next_state_n"]),
        helper.make_node("MatMul", ["next_state_n", "worth"], ["p"]),
        *_ONE_LESS,
    ]
    constants = {
        "zero": np.zeros(1, np.float32),
        "worth": np.array([[2.0**-10], [2.0**-20]], np.float32),
    }
    metadata: dict[str, str | None] = {
        "kind": "beat",
        "classes": '["N", "V"]',
        "leads": '["any", "any"]',
        "units": "scale",
        "stride": "0",
        "length": "85",
        "before": "35",
        "thresholds": '{"V": 1.0}',
    }
    return save(
        path,
        nodes,
        metadata,
        signal_shape=("batch", 2, 85),
        states={"state_n": ["batch", 2]},
        more_inputs=["rr_s"],
        constants=constants,
    )


def beats_heard(confidence: float) -> tuple[int, int]:
    """Read what :func:`listening` said: beats so far heard in the first and in the second lead."""
    return divmod(round((1 - confidence) * 2**20), 2**10)


def rhythm_like(path: Path, **metadata: str | None) -> Path:
    """A rhythm model: the chance of VF and VT, half each, is each tick's first sample."""
    nodes = [
        helper.make_node("Slice", ["signal", "begin", "end", "axis", "step"], ["first"]),
        helper.make_node("Transpose", ["first"], ["p"], perm=[0, 2, 1]),
        helper.make_node("Sub", ["one", "p"], ["other"]),
        helper.make_node("Mul", ["p", "half"], ["each"]),
        helper.make_node("Mul", ["p", "zero"], ["none"]),
        helper.make_node("Concat", ["other", "each", "each", "none"], ["probs"], axis=2),
    ]
    floats = {"one": 1.0, "half": 0.5, "zero": 0.0}
    whole = {"begin": 0, "end": np.iinfo(np.int64).max, "axis": 2, "step": 25}
    constants = {name: np.array(value, np.float32) for name, value in floats.items()}
    constants |= {name: np.array([value], np.int64) for name, value in whole.items()}
    given = {
        "kind": "rhythm",
        "classes": '["other", "VT", "VF", "ASYS"]',
        "units": "scale",
        "stride": "25",
        "length": "0",
    }
    return save(path, nodes, given | metadata, constants=constants)


def atrial_like(path: Path, **metadata: str | None) -> Path:
    """A model of atrial fibrillation: its chance is the first sample of a beat's window."""
    nodes = [
        helper.make_node("Slice", ["signal", "begin", "end", "axis"], ["first"]),
        helper.make_node("Squeeze", ["first", "axis"], ["p"]),
        *_ONE_LESS,
    ]
    constants = {
        "begin": np.array([0], np.int64),
        "end": np.array([1], np.int64),
        "axis": np.array([2], np.int64),
    }
    given = {
        "kind": "beat-rhythm",
        "classes": '["other", "AF"]',
        "units": "scale",
        "stride": "0",
        "length": "85",
        "before": "35",
    }
    return save(path, nodes, given | metadata, more_inputs=["rr_s"], constants=constants)
