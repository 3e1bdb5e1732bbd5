"""The QRS detector's training: what it sees, its loss, its score on patients kept aside."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from training.architectures.qrs import STRIDE, QrsDetector, QrsSize
from training.architectures.size import Values, read_size
from training.config import CLASSES, TrainConfig
from training.datasets import LabelledSignal
from training.distill import Teacher, soft_losses
from training.export import ExportSpec, export
from training.objectives import Objective
from training.qrs_sequences import Augmentation, QrsSampler
from training.real_noise import RealNoise
from training.task import Task

LOOK_AHEAD = 8
"""Frames that the detector looks past an R-peak: 320 ms, up to where the T wave rises."""
PEAK_WEIGHT = 2.0
"""Weight of frames with an R-peak against the many without."""

Batch = tuple[Tensor, ...]
"""signal (batch, 1, n_samples), target and weight (batch, n_frames), and so the teacher's logits
if there is one."""


class QrsBatches(IterableDataset[Batch]):
    """Draws batches; one iteration is one epoch."""

    def __init__(self, sampler: QrsSampler, config: TrainConfig, teacher: Teacher | None) -> None:
        self._sampler, self._fit, self._teacher = sampler, config.fit, teacher
        self._rng = np.random.default_rng(config.fit.seed)

    def __iter__(self) -> Iterator[Batch]:
        for _ in range(self._fit.steps):
            drawn = self._sampler.draw(self._rng, self._fit.batch, self._fit.length)
            yield (
                torch.from_numpy(drawn.signal)[:, None],
                torch.from_numpy(drawn.target),
                torch.from_numpy(drawn.weight),
                *([] if self._teacher is None else [self._teacher.frames(drawn.signal)]),
            )


class QrsTask(Task):
    """Fits a :class:`QrsDetector`; parameters as :class:`Task`."""

    SIZE, ENRICHMENT = QrsSize, Augmentation
    model: QrsDetector

    @staticmethod
    def build(architecture: Values) -> QrsDetector:
        """Make a detector of the size that is asked for."""
        return QrsDetector(read_size(QrsSize, architecture))

    def train_dataloader(self) -> DataLoader[Batch]:
        """Augmented stretches of the training patients."""
        first = [s for s in self.training_signals if s.first]
        rest = [s for s in self.training_signals if not s.first]
        how = Augmentation(**self.config.enrichment)
        noise = None
        if self.noise:
            noise = RealNoise(self.noise, self.config.data.fs, self.config.fit.seed)
        sampler = QrsSampler(first + rest, len(first), STRIDE, LOOK_AHEAD, how, noise)
        distill = self.config.distill
        teacher = None if distill is None else Teacher(distill.teachers, self.spec(""))
        return DataLoader(QrsBatches(sampler, self.own_config, teacher), batch_size=None)

    @cached_property
    def objective(self) -> Objective:
        """Loss of a frame with an R-peak or none."""
        n_beats = sum(len(signal.r_ms) for signal in self.training_signals)
        n_frames = sum(len(signal.signal_uv) // STRIDE for signal in self.training_signals)
        how = self.config.objective
        return Objective.of(how, PEAK_WEIGHT, n_beats, n_frames - n_beats)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Binary cross-entropy against soft targets, and against the teacher's if there is one."""
        signal, target, weight, *taught = batch
        logits, _ = self.model.logits(signal, self.model.initial_state(len(signal)))
        losses = self.objective.losses(logits, target)
        distill = self.config.distill
        if distill is not None:
            soft = soft_losses(logits, taught[0], distill.temperature)
            losses = (1 - distill.weight) * losses + distill.weight * soft
        loss = (losses * weight).mean()
        self.log("loss", loss, prog_bar=True, on_epoch=True)
        return loss

    def on_validation_epoch_start(self) -> None:
        """Forget the counts of the epoch before."""
        self._counts = np.zeros(3, np.int64)

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        """Find the R-peaks of one whole record, the state carried through."""
        record = self.validation_signals[int(batch)]
        found_ms = self.find(record)
        outside = np.ones(len(found_ms), np.bool_)
        wanted = np.ones(len(record.r_ms), np.bool_)
        for begin, end in record.flutter_ms:
            outside &= (found_ms < begin) | (found_ms > end)
            wanted &= (record.r_ms < begin) | (record.r_ms > end)
        found_ms, r_ms = found_ms[outside], record.r_ms[wanted]
        hit = n_near(found_ms, r_ms)
        self._counts += (hit, len(r_ms) - hit, len(found_ms) - hit)

    def on_validation_epoch_end(self) -> None:
        """Log the gross F1 of QRS detection within 150 ms."""
        hit, missed, false = self._counts.tolist()
        self.log("val_f1", 2 * hit / max(2 * hit + missed + false, 1), prog_bar=True)

    def find(self, record: LabelledSignal) -> NDArray[np.float64]:
        """R-peaks of a whole record at a threshold of 0.5, shape (n_found,), ms."""
        scaled = record.scaled[: len(record.scaled) // STRIDE * STRIDE]
        with torch.no_grad():
            signal = torch.from_numpy(scaled[None, None]).to(self.device)
            logits, _ = self.model.logits(signal, self.model.initial_state(1))
        p = torch.sigmoid(logits.float())[0].cpu().numpy()
        around = np.lib.stride_tricks.sliding_window_view(np.pad(p, 4), 9).max(axis=1)
        frames = np.flatnonzero((p >= 0.5) & (p == around))
        return np.asarray((frames - LOOK_AHEAD + 0.5) * STRIDE * 1000 / record.fs)

    def write(self, path: Path, data_digest: str) -> float:
        """Export the model; return its largest difference from torch."""
        past, past_fine, h, c = self.model.initial_state(2)
        inputs = {
            "signal": torch.zeros(2, 1, STRIDE * 10),
            "state_signal": past,
            "state_fine": past_fine,
            "state_h": h[0],
            "state_c": c[0],
        }
        return export(self.model, inputs, self.spec(data_digest), path, free_time=True)

    def spec(self, data_digest: str) -> ExportSpec:
        """Return what the exported model's metadata says."""
        fs = self.config.data.fs
        return ExportSpec(
            name=self.config.name,
            version=self.config.version,
            kind="qrs",
            fs=fs,
            classes=CLASSES["qrs"],
            thresholds={"R": 0.5} | self.config.thresholds,
            data_digest=data_digest,
            look_ahead_s=LOOK_AHEAD * STRIDE / fs,
            stride=STRIDE,
        )


def n_near(found_ms: NDArray[np.float64], r_ms: NDArray[np.int64], window_ms: float = 150) -> int:
    """Count the peaks found that lie near a reference beat.

    Examples
    --------
    >>> n_near(np.array([100.0, 900.0]), np.array([120, 500]))
    1
    """
    if not len(found_ms) or not len(r_ms):
        return 0
    behind = np.searchsorted(r_ms, found_ms).clip(0, len(r_ms) - 1)
    before = (behind - 1).clip(0)
    distance = np.minimum(np.abs(r_ms[behind] - found_ms), np.abs(r_ms[before] - found_ms))
    return int((distance <= window_ms).sum())
