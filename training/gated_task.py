"""The gated beat classifier's training: beats that its gate passes are never shown to it."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.gate import CONTENT, RULES
from inference.ticks import N
from training.architectures.gate import Gate
from training.architectures.recall import AFTER, BEFORE, LENGTH, MEMORY, recall
from training.beat_sequences import IGNORE, BeatSequences, cut_windows
from training.beat_task import Batch, BeatTask
from training.datasets import LabelledSignal
from training.export import export

TRAINED_TO = 2.0
"""Sequences are gated at limits from 0 to so many times the configured one, so that the classifier
knows any share of beats that it is not shown."""


class GatedBeatTask(BeatTask):
    """Fits a classifier behind a :class:`Gate`; parameters as :class:`training.task.Task`."""

    passed_counts: Tensor

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.gate = Gate(self.config.gate)
        self.register_buffer("passed_counts", torch.zeros(2, dtype=torch.int64))

    def prepare(self, drawn: BeatSequences, rng: np.random.Generator) -> Batch:
        """Leave out of sequences what the gate passes, each at a limit of its own."""
        shape, features, aami, *taught = super().prepare(drawn, rng)
        configured = self.config.gate.limit
        limits = torch.from_numpy(rng.uniform(0, TRAINED_TO * configured, (aami.shape[1], 1)))
        rr_s = torch.from_numpy(drawn.rr_s)
        passed = self._passed(shape, rr_s, aami, limits.to(rr_s.dtype))
        counted = passed & (limits[:, 0] <= configured) & (aami != IGNORE)
        n_new = torch.stack([(counted & (aami == N)).sum(), counted.sum()])
        self.passed_counts += n_new.to(self.device)
        return leave_out_passed(passed, (shape, features, aami, *taught))

    def _passed(self, shape: Tensor, rr_s: Tensor, aami: Tensor, limits: Tensor) -> Tensor:
        """Gate sequences as if every beat that it does not pass were called what it is."""
        state, passed = self.gate.initial_state(len(rr_s)), []
        for i, beats in enumerate(shape):
            beat_passed, state = self.gate.judge(beats, rr_s[:, i : i + 1], state, limits)
            passed.append(beat_passed[:, 0] > 0)
            state = self.gate.disturb(state, aami[i] != N)
        return torch.stack(passed)

    def predict(self, record: LabelledSignal) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities of V, and of S if not V, at a record's reference R-peaks; 0 where passed.

        Returns
        -------
        v, s : arrays of shape (n_beats,)
        """
        v, s, _ = self.run([record], [self.config.gate.limit])
        return v[0, 0], s[0, 0]

    def run(
        self, records: list[LabelledSignal], limits: list[float]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
        """Run gate and classifier along records, side by side, at several limits.

        Returns
        -------
        v, s : arrays of shape (n_limits, n_records, most beats)
            Probabilities of V, and of S if not V; 0 where a beat was passed.
        passed : array of the same shape, bool
            Past a record's last beat none of the three means anything.
        """
        windows, rr_s = beats_of(records)
        windows = windows.repeat(len(limits), 1, 1).to(self.device)
        rr_s = rr_s.repeat(len(limits), 1).to(self.device)
        limit = torch.tensor(limits, device=self.device).repeat_interleave(len(records))[:, None]
        memory = torch.zeros(len(rr_s), MEMORY, device=self.device)
        gate = self.gate.initial_state(len(rr_s)).to(self.device)
        state, found = self.model.initial_state(len(rr_s)), []
        with torch.no_grad():
            for i in range(rr_s.shape[1]):
                shape, features, memory = recall(windows[:, i], rr_s[:, i : i + 1], memory)
                passed, gate = self.gate.judge(shape, rr_s[:, i : i + 1], gate, limit)
                v, s, moved = self.model.logits(shape[None], features[None], state)
                state = tuple(
                    torch.where(passed.view(-1, *[1] * (old.dim() - 1)) > 0, old, new)
                    for old, new in zip(state, moved, strict=True)
                )
                p_v, p_s = (torch.sigmoid(part[0]) * (1 - passed[:, 0]) for part in (v, s))
                gate = self.gate.disturb(gate, self._is_ectopic(p_v, p_s))
                found.append(torch.stack([p_v, p_s, passed[:, 0]]))
        shape_out = (3, len(limits), len(records), rr_s.shape[1])
        p_v, p_s, passed = torch.stack(found, dim=2).reshape(shape_out)
        return p_v.cpu().numpy(), p_s.cpu().numpy(), passed.cpu().numpy() > 0

    def _is_ectopic(self, v: Tensor, s: Tensor) -> Tensor:
        """Say which beats serving would call something else than N."""
        limits = self.spec("").thresholds
        return (v >= limits["V"]) | ((1 - v) * s >= limits["S"])

    def write(self, path: Path, data_digest: str) -> float:
        """Export classifier and gate as one file; return the larger difference from torch."""
        difference = super().write(path, data_digest)
        n_normal, n_passed = self.passed_counts.tolist()
        gate = Gate(self.config.gate, (n_normal + 1) / (n_passed + 2))
        inputs = {
            "signal": torch.zeros(2, 1, LENGTH),
            "rr_s": torch.zeros(2, 1),
            "state_memory": torch.zeros(2, MEMORY),
            "state_gate": gate.initial_state(2),
        }
        beside = path.with_suffix(".gate.onnx")
        gate_difference = export(gate, inputs, self.spec(data_digest), beside)
        model = onnx.load(str(path))
        meta = {entry.key: entry.value for entry in model.metadata_props}
        meta[CONTENT] = base64.b64encode(beside.read_bytes()).decode()
        meta[RULES] = json.dumps(self.config.gate.model_dump())
        onnx.helper.set_model_props(model, meta)
        onnx.save(model, str(path))
        beside.unlink()
        return max(difference, gate_difference)


def leave_out_passed(passed: Tensor, batch: Batch) -> Batch:
    """Close up the sequences over the beats that are passed.

    Parameters
    ----------
    passed : Tensor of shape (n_beats, batch), bool
    batch : Batch
        Tensors of shape (n_beats, batch, ...); the third are class codes.

    Returns
    -------
    Batch
        Of the same shapes; what is left over behind a sequence's end teaches nothing.
    """
    order = passed.to(torch.int8).argsort(dim=0, stable=True)
    columns = torch.arange(passed.shape[1])
    shape, features, aami, *taught = (part[order, columns] for part in batch)
    over = torch.arange(len(passed))[:, None] >= (~passed).sum(0)
    return shape, features, aami.masked_fill(over, IGNORE), *taught


def beats_of(records: list[LabelledSignal]) -> tuple[Tensor, Tensor]:
    """Windows and RR intervals of records side by side, zeros behind the last beat of each.

    Returns
    -------
    windows : Tensor of shape (n_records, most beats, LENGTH)
    rr_s : Tensor of shape (n_records, most beats), s
    """
    most = max(len(record.r_ms) for record in records)
    windows = np.zeros((len(records), most, LENGTH), np.float32)
    rr_s = np.zeros((len(records), most), np.float32)
    for row, record in enumerate(records):
        at = np.rint(record.r_ms * record.fs / 1000).astype(np.int64)
        windows[row, : len(at)] = cut_windows(record.scaled, at, BEFORE, AFTER)
        interval_s = np.diff(record.r_ms, prepend=record.r_ms[0]) / 1000
        rr_s[row, : len(at)] = np.where(interval_s > 3.0, 0, interval_s)
    return torch.from_numpy(windows), torch.from_numpy(rr_s)
