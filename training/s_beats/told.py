"""What models say of svdb's beats at their reference R-peaks, kept by the model's digest."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.ticks import AAMI, N, S, V
from training.beat_task import BeatTask, beats_of
from training.config import TrainConfig
from training.crossval import LEARNING_MS
from training.datasets import LabelledSignal, all_records, load
from training.distill import Teacher
from training.left_out import THRESHOLDS
from training.survey.outcome import f1_of

DATABASE = "svdb"
"""Which nothing learns from."""


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """One record's beats behind its first five minutes, as a model tells them."""

    record: str
    """Name."""
    aami: NDArray[np.int8]
    """Array of shape (n_beats,): reference classes."""
    logits: NDArray[np.float32]
    """Array of shape (n_beats, 2): of V, and of S if not V."""

    @property
    def called(self) -> NDArray[np.int64]:
        """Classes at the shipped thresholds."""
        v, s = (1 / (1 + np.exp(-self.logits[:, i].astype(np.float64))) for i in (0, 1))
        as_s = (1 - v) * s >= THRESHOLDS["S"]
        return np.where(v >= THRESHOLDS["V"], V, np.where(as_s, S, N))

    def confusion(self) -> NDArray[np.int64]:
        """Count beats, shape (5 reference classes, 5 called classes)."""
        counts = np.zeros((len(AAMI), len(AAMI)), np.int64)
        np.add.at(counts, (self.aami, self.called), 1)
        return counts


def scores(records: Sequence[Told]) -> tuple[float, float]:
    """Gross F1 of V and of S, percent."""
    counts = np.sum([one.confusion() for one in records], axis=0)
    return f1_of(counts, V), f1_of(counts, S)


def mean_of(models: Sequence[Sequence[Told]]) -> list[Told]:
    """Hear several models as one: the mean of their logits."""
    return [
        Told(
            same[0].record,
            same[0].aami,
            np.mean([one.logits for one in same], axis=0, dtype=np.float32),
        )
        for same in zip(*models, strict=True)
    ]


def told_by(path: Path, data: Path, out: Path) -> list[Told]:
    """Score svdb with an exported beat model, or read what it said before.

    Parameters
    ----------
    path : Path
        The ONNX file.
    data : Path
        Folder of the databases.
    out : Path
        Where what models say is kept.
    """
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    kept = out / "told" / f"{digest[:16]}.npz"
    if not kept.is_file():
        teacher = Teacher([path], BeatTask(_any_run(), [], []).spec(""))
        kept.parent.mkdir(parents=True, exist_ok=True)
        _keep(kept, [_tell(teacher, signal) for signal in svdb(data)])
    with np.load(kept) as found:
        names = sorted({key.partition(" ")[0] for key in found.files})
        return [Told(name, found[f"{name} aami"], found[f"{name} logits"]) for name in names]


@cache
def svdb(data: Path) -> list[LabelledSignal]:
    """Read and condition svdb, once."""
    folder = data / DATABASE
    return load(folder, all_records(folder, "atr"), fs=125)


def _tell(teacher: Teacher, signal: LabelledSignal) -> Told:
    windows, rr_s = beats_of(signal)
    logits = teacher.beats(windows[None], rr_s[None])[:, 0].numpy()
    counted = signal.r_ms >= LEARNING_MS
    return Told(signal.name, signal.aami[counted], logits[counted])


def _keep(path: Path, records: Sequence[Told]) -> None:
    arrays: dict[str, Any] = {}
    for one in records:
        arrays |= {f"{one.record} aami": one.aami, f"{one.record} logits": one.logits}
    np.savez(path, **arrays)


def _any_run() -> TrainConfig:
    return TrainConfig(task="beat", name="told", version="0.0.0", architecture={})
