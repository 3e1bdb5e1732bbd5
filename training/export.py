"""Export to ONNX with explicit state and full metadata, and the proof that it is the same model."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from torch import Tensor, nn

OPSET = 17
TOLERANCE = 1e-5
"""Largest difference between torch's and ONNX Runtime's probabilities that is let pass."""


@dataclass(frozen=True, slots=True)
class ExportSpec:
    """What the metadata of an exported model says; see :class:`inference.model.ModelInfo`."""

    name: str
    """Name of the model."""
    version: str
    """Its version."""
    kind: str
    """``qrs``, ``beat`` or ``window``."""
    fs: int
    """Sampling frequency, Hz."""
    classes: tuple[str, ...]
    """Classes in the order of the probabilities."""
    thresholds: Mapping[str, float]
    """Decision thresholds by class."""
    data_digest: str
    """SHA-256 of the training data."""
    look_ahead_s: float
    """Look-ahead, s."""
    stride: int = 0
    """Samples a frame, or a window's hop."""
    length: int = 0
    """Samples a call, 0 for any number of frames."""
    before: int = 0
    """Samples before the R-peak."""
    leads: tuple[str, ...] = ("any",)
    """Leads."""
    units: str = "scale"
    """Unit of the signal."""

    def metadata(self) -> dict[str, str]:
        """Return the metadata as the strings that stand in the file."""
        plain = {
            key: str(getattr(self, key))
            for key in ("name", "version", "kind", "fs", "stride", "length", "before", "units")
        }
        return plain | {
            "look_ahead_s": repr(float(self.look_ahead_s)),
            "data_digest": self.data_digest,
            "leads": json.dumps(list(self.leads)),
            "classes": json.dumps(list(self.classes)),
            "thresholds": json.dumps(dict(self.thresholds)),
        }


def export(
    model: nn.Module,
    inputs: Mapping[str, Tensor],
    spec: ExportSpec,
    path: Path,
    *,
    free_time: bool = False,
    explanations: Sequence[str] = (),
) -> float:
    """Write a model as ONNX and check it against torch.

    Parameters
    ----------
    model : nn.Module
        Takes the inputs in order; gives ``probs`` and then each ``next_state_*`` in order.
    inputs : mapping of name to Tensor
        Example inputs, the batch along the first axis; ``state_x`` comes back as ``next_state_x``.
    spec : ExportSpec
        Metadata.
    path : Path
        File to write.
    free_time : bool
        The last axis of ``signal`` may have any length.
    explanations : sequence of str
        Names of what the model gives behind its states; ``explain_*``.

    Returns
    -------
    float
        Largest difference of a probability over a run of several steps with carried state.

    Raises
    ------
    ValueError
        If the difference is above ``TOLERANCE``; the file is gone then.
    """
    model = model.eval()
    states = [name for name in inputs if name.startswith("state_")]
    outputs = ["probs", *(f"next_{name}" for name in states), *explanations]
    axes = {name: {0: "batch"} for name in [*inputs, *outputs]}
    if free_time:
        axes["signal"][2], axes["probs"][1] = "time", "frames"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            tuple(inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=outputs,
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
    _finish(path, spec)
    worst = parity(model, inputs, path, states)
    if not worst <= TOLERANCE:  # nor NaN
        path.unlink()
        raise ValueError(f"{path.name}: ONNX differs from torch by {worst:.2e} > {TOLERANCE:.0e}")
    return worst


def _finish(path: Path, spec: ExportSpec) -> None:
    """Write the metadata in, and take out what tells of the machine it was made on."""
    graph = onnx.load(str(path))
    graph.producer_name, graph.producer_version, graph.doc_string = "vigil-ecg", spec.version, ""
    for node in graph.graph.node:
        node.doc_string = ""
    onnx.helper.set_model_props(graph, spec.metadata())
    onnx.checker.check_model(graph)
    onnx.save(graph, str(path))


def parity(
    model: nn.Module,
    inputs: Mapping[str, Tensor],
    path: Path,
    states: Sequence[str],
    steps: int = 8,
) -> float:
    """Run torch and ONNX Runtime side by side on random signals; return the worst difference."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    ours = {name: value.clone() for name, value in inputs.items()}
    theirs = {name: value.numpy().copy() for name, value in inputs.items()}
    outputs = ["probs", *(f"next_{name}" for name in states)]
    worst = 0.0
    for _ in range(steps):
        for name in [name for name in inputs if name not in states]:
            drawn = torch.randn(inputs[name].shape, generator=generator)
            ours[name] = drawn.abs() if name == "rr_s" else drawn
            theirs[name] = ours[name].numpy()
        with torch.no_grad():
            probs, *given = model(*ours.values())
        carried = given[: len(states)]
        scored, *carried_there = session.run(outputs, theirs)
        worst = float(np.maximum(worst, np.abs(probs.numpy() - scored).max()))  # NaN stays
        for name, here, there in zip(states, carried, carried_there, strict=True):
            ours[name], theirs[name] = here, there
    return worst
