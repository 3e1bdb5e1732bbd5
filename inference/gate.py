"""A beat model behind a gate: beats that are usual in every way are passed as N unlooked at.

The gate is a small graph of rules that travels in the model's metadata and runs on every beat.
It keeps up the model's memory of the patient (``state_memory``) for the beats that it passes;
the model's other states stay as they are for these. R-peaks, rates, pauses and asystole are
found before and without any of this.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from inference import providers
from inference.limits import Limits
from inference.session import StreamSession
from inference.slots import Field, SlotArrays, Slots
from ingest.errors import InputError

CONTENT, RULES = "gate", "gate_rules"
"""Keys of a beat model's metadata: the gate's graph as base64, and its limits as JSON."""
_MEMORY, _GATE = "state_memory", "state_gate"
_CALM = 0
"""Column of the gate's state that counts calm beats in a row."""


class GatedSession(StreamSession):
    """A beat model that is stepped only for the beats that its gate does not pass.

    Parameters
    ----------
    path : Path
        A beat model with a gate.
    n_slots : int
        Streams to make room for.

    Raises
    ------
    ingest.errors.InputError
        If the model has no gate, or one that does not fit.
    """

    def __init__(self, path: Path, n_slots: int = 0) -> None:
        super().__init__(path, "beat")
        self._gate = _open_gate(self.metadata.get(CONTENT, ""), path.name)
        n_state = {i.name: i.shape for i in self._gate.get_inputs()}[_GATE][1]
        parts = {name: self.state[name] for name in self.state_names}
        fields = {name: Field(part.shape[1:], part.dtype) for name, part in parts.items()}
        self.state = SlotArrays({**fields, _GATE: Field((n_state,))}, n_slots)
        limits = [self.info.thresholds.get(name, 1.0) for name in self.info.classes]
        self._limits = np.array(limits, np.float32)
        self._normal = self.info.classes.index("N")
        self.n_beats = self.n_passed = 0
        self.explanation_sizes = {}  # of a beat that is passed there is nothing to say

    def step(
        self,
        slots: Slots,
        signal: NDArray[np.float32],
        rr_s: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """Score the next beat of each stream; see :meth:`StreamSession.step`."""
        if rr_s is None:
            raise InputError(f"model {self.info.name} wants the RR interval of each beat")
        feed = {"signal": signal, "rr_s": rr_s}
        feed |= {name: self.state[name][slots] for name in (_MEMORY, _GATE)}
        outputs = ["probs", f"next_{_MEMORY}", f"next_{_GATE}"]
        normal, memory, gate = self._gate.run(outputs, feed)
        passed = normal[:, 0] > 0
        probs = np.zeros((len(slots), len(self.info.classes)), np.float32)
        probs[:, self._normal] = normal[:, 0]
        self.state[_MEMORY][slots[passed]] = memory[passed]
        looked_at = ~passed
        if looked_at.any():
            probs[looked_at] = super().step(slots[looked_at], signal[looked_at], rr_s[looked_at])
        others = (probs >= self._limits) & (np.arange(probs.shape[1]) != self._normal)
        gate[others.any(axis=1), _CALM] = 0
        self.state[_GATE][slots] = gate
        self.n_beats += len(slots)
        self.n_passed += int(passed.sum())
        return probs


def open_beat(path: Path, limits: Limits) -> StreamSession:
    """Open a beat model, behind its gate if it has one that the alarm limits allow.

    A gate passes no beat at a rate at which ventricular tachycardia or bradycardia could be,
    by limits of its own. Where the user's are stricter than these, every beat is looked at.

    Raises
    ------
    ingest.errors.InputError
        If the model does not fit.
    """
    session = StreamSession(path, "beat")
    if CONTENT not in session.metadata:
        return session
    return GatedSession(path) if _allows(session, limits) else session


def require_allowed(session: StreamSession, limits: Limits) -> None:
    """Refuse limits of one stream that the gate in use would not allow.

    Raises
    ------
    InputError
        If the gate passes beats at rates that matter to these limits.
    """
    if isinstance(session, GatedSession) and not _allows(session, limits):
        raise InputError(
            f"vt_bpm = {limits.vt_bpm:g} and bradycardia_bpm = {limits.bradycardia_bpm:g} are "
            f"stricter than the gate of model {session.info.name} allows: start without it"
        )


def _allows(session: StreamSession, limits: Limits) -> bool:
    """Tell whether a gate passes no beat at a rate that matters to these limits."""
    try:
        rules = json.loads(session.metadata[RULES])
        safe = rules["fastest_bpm"] <= limits.vt_bpm
        return bool(safe and rules["slowest_bpm"] >= limits.bradycardia_bpm)
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        name = session.info.name
        raise InputError(f"model {name}: metadata {RULES!r} is not a gate's limits") from error


def _open_gate(content: str, file: str) -> ort.InferenceSession:
    """Open the graph that stands in a model's metadata."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        graph = base64.b64decode(content, validate=True)
        gate = ort.InferenceSession(graph, options, providers=providers.in_use())
    except Exception as error:  # onnxruntime's types have no common base
        raise InputError(f"model {file}: metadata {CONTENT!r} is not an ONNX model") from error
    inputs = {i.name for i in gate.get_inputs()}
    if inputs != {"signal", "rr_s", _MEMORY, _GATE}:
        raise InputError(f"model {file}: its gate takes {', '.join(sorted(inputs))}")
    return gate
