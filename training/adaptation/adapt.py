"""One patient's beat model from a labelled start: both heads moved, everything else kept.

The heads are refitted as penalised logistic regressions from where they stand,
in closed form up to a few Newton steps: no torch, and some milliseconds, so it
can be done at the bedside. Without labelled beats of a class its head moves
little. Against fine-tuning all weights this scored better on people never seen
and is a hundred times faster; see ``docs/adaptation.md``.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference import model
from inference.model import ModelInfo
from inference.ticks import N, S, V
from ingest.errors import InputError
from training.adaptation.heads import Heads, Move, Seen
from training.adaptation.labelled_start import LabelledStart, ServedBeats
from training.adaptation.logistic import fit_move

HEAD_SD = 5.0
"""Prior standard deviation of what all of a head's evidence may move its logit."""
WINDOW_SD = 9.0
"""The same of the beat's own window, for V."""
SHIFT_SD = 0.7
"""The same of a shift of all beats alike."""
THRESHOLDS = {"S": 0.5, "V": 0.5}
"""Of an adapted model; chosen with the rest on DS1, patients left out, and on svdb."""


@dataclass(frozen=True, slots=True)
class Adapted:
    """An adapted model."""

    content: bytes
    """The ONNX file."""
    name: str
    """Its name."""
    beats: dict[str, int]
    """Labelled beats that it was made from, by class."""
    seconds: float
    """Processor time that it took, s; reading and finding beats not counted."""


def adapt(start: LabelledStart, base: Path) -> Adapted:
    """Adapt a beat model to a patient.

    Parameters
    ----------
    start : LabelledStart
        The patient's labelled beats.
    base : Path
        ONNX file of the beat model to start from.

    Raises
    ------
    ingest.errors.InputError
        If the model cannot be adapted.
    """
    began = time.process_time()
    _, info = model.load(base)
    if info.kind != "beat" or set(info.classes) != {"N", "S", "V"}:
        raise InputError(f"model {base.name} is no beat model of N, S and V: it cannot be adapted")
    heads = Heads(base)
    seen = heads.see(start.beats)
    window = _centred(start.beats, info)
    is_v, is_s = (start.aami == code for code in (V, S))
    is_n = start.aami == N
    moves = {
        "v": _move(seen["v"], is_v, is_v | is_s | is_n, window),
        "s": _move(seen["s"], is_s, is_s | is_n, window[:, :0]),
    }
    name = f"{info.name}-adapted"
    metadata = {
        "name": name,
        "thresholds": json.dumps(THRESHOLDS),
        "data_digest": _digest(info, start),
    }
    content = heads.moved(
        {branch: _widened(move, window.shape[1]) for branch, move in moves.items()}, metadata
    )
    return Adapted(content, name, start.counts(), time.process_time() - began)


def _centred(beats: ServedBeats, info: ModelInfo) -> NDArray[np.float64]:
    """Windows about each lead's mean, array of shape (n_beats, n_leads * length)."""
    signal = beats.signal.astype(np.float64)
    centred = signal - signal.mean(axis=2, keepdims=True)
    return np.asarray(centred.reshape(len(signal), -1))


def _move(
    seen: Seen, positive: NDArray[np.bool_], counted: NDArray[np.bool_], window: NDArray[np.float64]
) -> Move:
    """Fit how one head is moved.

    Evidence and window are taken about their means, each in units of its own
    root mean square over the labelled start, so that the priors hold for a
    model of any size and any width of its features.
    """
    scaled, means, factors = [], [], []
    for part, sd in ((seen.evidence, HEAD_SD), (window, WINDOW_SD)):
        mean = part.mean(axis=0)
        rms = np.sqrt(np.mean((part - mean) ** 2)) if part.size else 1.0
        factor = sd / np.sqrt(max(part.shape[1], 1)) / max(float(rms), 1e-6)
        scaled.append((part - mean) * factor)
        means.append(mean)
        factors.append(factor)
    z = np.hstack([*scaled, np.full((len(window), 1), SHIFT_SD)])
    fitted = fit_move(
        z[counted], positive[counted].astype(float), seen.logit[counted], np.ones(z.shape[1])
    )
    n = seen.evidence.shape[1]
    weight, of_window = fitted[:n] * factors[0], fitted[n:-1] * factors[1]
    shift = fitted[-1] * SHIFT_SD - means[0] @ weight - means[1] @ of_window
    return Move(weight, of_window, float(shift))


def _widened(move: Move, width: int) -> Move:
    """Write window weights for the raw window: what is taken about the mean sums to zero."""
    window = move.window if len(move.window) else np.zeros(width)
    return Move(move.weight, window - window.mean(), move.bias)


def _digest(info: ModelInfo, start: LabelledStart) -> str:
    """Fingerprint of what the adapted model was made from: the base's data and the labels."""
    total = hashlib.sha256(info.data_digest.encode())
    for array in (start.beats.signal, start.beats.rr_s, start.aami):
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()
