"""A beat model's ONNX graph, opened at its heads: what they see, and heads moved for a patient.

A beat model ends in two linear heads, V and S, found by the names of their
biases, ``head_v.bias`` and ``head_s.bias``. What stands before them is left as
it is, so this works on every architecture that has them, whatever its size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import numpy_helper

from inference.gate import CONTENT, RULES
from inference.model import DTYPES
from ingest.errors import InputError
from training.adaptation.labelled_start import ServedBeats

BRANCHES = ("v", "s")
"""Heads: "ventricular", and "supraventricular, if not ventricular"."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where one linear head stands in a graph."""

    bias: str
    """Initialiser of its bias, of shape (1,)."""
    weight: str
    """Initialiser of its weights."""
    evidence: str
    """Tensor that it sees, its last axis the evidence."""
    logit: str
    """Tensor that it gives."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What one head saw of a sequence of beats."""

    evidence: NDArray[np.float64]
    """Array of shape (n_beats, n)."""
    logit: NDArray[np.float64]
    """Array of shape (n_beats,): what it said."""


@dataclass(frozen=True, slots=True, eq=False)
class Move:
    """How one head is changed; all zero leaves it as it is."""

    weight: NDArray[np.float64]
    """Array of shape (n,): added to the weights of the evidence."""
    window: NDArray[np.float64]
    """Array of shape (n_leads * length,): weights of the beat's own window, which the head
    of the original does not see."""
    bias: float
    """Added to the bias."""


class Heads:
    """The heads of one beat model.

    Parameters
    ----------
    path : Path
        ONNX file of a beat model.

    Raises
    ------
    ingest.errors.InputError
        If it is not readable, or has not one linear head V and one S.
    """

    def __init__(self, path: Path) -> None:
        try:
            self.model = onnx.load(str(path))
        except Exception as error:  # protobuf's own type
            raise InputError(f"model {path.name}: not a readable ONNX model: {error}") from error
        self._constants = {one.name: one for one in self.model.graph.initializer}
        self.heads = {branch: self._find(f"head_{branch}.bias", path.name) for branch in BRANCHES}

    def _find(self, bias: str, file: str) -> Head:
        """Find the linear layer that a bias belongs to."""
        nodes = self.model.graph.node
        users = [node for node in nodes if bias in node.input]
        makers = {name: node for node in nodes for name in node.output}
        if len(users) == 1 and users[0].op_type == "Gemm":
            evidence, weight, _ = users[0].input
            return Head(bias, weight, evidence, users[0].output[0])
        if len(users) == 1 and users[0].op_type == "Add":
            (product,) = (name for name in users[0].input if name != bias)
            maker = makers.get(product)
            if maker and maker.op_type == "MatMul" and maker.input[1] in self._constants:
                return Head(bias, maker.input[1], maker.input[0], users[0].output[0])
        raise InputError(
            f"model {file} cannot be adapted: it has not one linear layer with a bias {bias!r}; "
            "allowed: single-lead beat models as vigil train writes them"
        )

    def see(self, beats: ServedBeats) -> dict[str, Seen]:
        """Run the model over a sequence of beats from a fresh state; tell what each head saw.

        Parameters
        ----------
        beats : ServedBeats
            In order of time.
        """
        opened = onnx.ModelProto()
        opened.CopyFrom(self.model)
        wanted = [name for head in self.heads.values() for name in (head.evidence, head.logit)]
        there = {output.name for output in opened.graph.output}
        opened.graph.output.extend(
            onnx.ValueInfoProto(name=name) for name in dict.fromkeys(wanted) if name not in there
        )
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = ort.InferenceSession(
            opened.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        states = {
            one.name: np.zeros((1, *one.shape[1:]), DTYPES[one.type])
            for one in session.get_inputs()
            if one.name.startswith("state_")
        }
        asked = [*wanted, *(f"next_{name}" for name in states)]
        rows: list[list[NDArray[np.float64]]] = [[] for _ in wanted]
        for i in range(len(beats.sample)):
            feed = {"signal": beats.signal[i : i + 1], "rr_s": beats.rr_s[i : i + 1], **states}
            given = session.run(asked, feed)
            states = dict(zip(states, given[len(wanted) :], strict=True))
            for row, value in zip(rows, given, strict=False):
                row.append(np.asarray(value, np.float64).reshape(-1))
        columns = iter(np.array(row) for row in rows)
        return {branch: Seen(next(columns), next(columns)[:, 0]) for branch in self.heads}

    def moved(self, moves: Mapping[str, Move], metadata: Mapping[str, str]) -> bytes:
        """Write the model with its heads moved, and without a gate if it had one.

        Parameters
        ----------
        moves : mapping of branch to Move
        metadata : mapping of str to str
            Laid over the model's own.

        Returns
        -------
        bytes
            The ONNX file.
        """
        changed = onnx.ModelProto()
        changed.CopyFrom(self.model)
        for branch, move in moves.items():
            head = self.heads[branch]
            self._add(changed, head.weight, move.weight)
            self._add(changed, head.bias, np.array([move.bias]))
            if move.window.any():
                _see_window(changed, head.logit, move.window, f"patient_{branch}")
        # A gate passes beats as N by rules that know nothing of this patient's labels.
        old = {o.key: o.value for o in changed.metadata_props if o.key not in (CONTENT, RULES)}
        onnx.helper.set_model_props(changed, {**old, **metadata})
        onnx.checker.check_model(changed)
        return bytes(changed.SerializeToString())

    def _add(self, model: onnx.ModelProto, name: str, delta: NDArray[np.float64]) -> None:
        """Add to an initialiser, whatever the order of its axes."""
        old = numpy_helper.to_array(self._constants[name])
        new = (old + delta.reshape(old.shape)).astype(old.dtype)
        (place,) = (one for one in model.graph.initializer if one.name == name)
        place.CopyFrom(numpy_helper.from_array(new, name))


def _see_window(
    model: onnx.ModelProto, logit: str, weights: NDArray[np.float64], name: str
) -> None:
    """Add a product with the beat's window to a logit: one multiply-add a sample.

    By a product with a constant, which ONNX Runtime computes the same at any batch size.
    """
    graph = model.graph
    at = next(i for i, node in enumerate(graph.node) if logit in node.output)
    maker, before = graph.node[at], f"{name}.before"
    maker.output[list(maker.output).index(logit)] = before
    graph.initializer.append(
        numpy_helper.from_array(weights.astype(np.float32)[:, None], f"{name}.weight")
    )
    make = onnx.helper.make_node
    added = [
        make("Flatten", ["signal"], [f"{name}.window"], axis=1),
        make("MatMul", [f"{name}.window", f"{name}.weight"], [f"{name}.move"]),
        make("Add", [before, f"{name}.move"], [logit]),
    ]
    for offset, node in enumerate(added):
        graph.node.insert(at + 1 + offset, node)
