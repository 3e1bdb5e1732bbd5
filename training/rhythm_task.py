"""The rhythm model's training: what it sees, its loss, its score on patients kept aside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, IterableDataset

from training.architectures.rhythm_net import STRIDE, RhythmNet, RhythmSize
from training.architectures.size import Values, read_size
from training.config import CLASSES, TrainConfig
from training.datasets import LabelledSignal
from training.export import ExportSpec, export
from training.rhythm_sequences import Disturbance, RhythmSampler
from training.rhythm_spans import SpanRhythm, by_tick
from training.task import Task

WARM_UP_TICKS = 10
"""Ticks at the start of a sequence that teach nothing: nothing was heard before."""
SHOCKABLE = (SpanRhythm.VT, SpanRhythm.VF)
"""Rhythms that a defibrillator treats."""

Batch = tuple[Tensor, Tensor]
"""signal (batch, 1, n_samples), rhythm (batch, n_ticks)."""


class RhythmBatches(IterableDataset[Batch]):
    """Draws batches; one iteration is one epoch."""

    def __init__(self, sampler: RhythmSampler, config: TrainConfig) -> None:
        self._sampler, self._fit = sampler, config.fit
        self._rng = np.random.default_rng(config.fit.seed)

    def __iter__(self) -> Iterator[Batch]:
        for _ in range(self._fit.steps):
            signal, rhythm = self._sampler.draw(self._rng, self._fit.batch, self._fit.length)
            rhythm[:, :WARM_UP_TICKS] = SpanRhythm.UNKNOWN
            yield torch.from_numpy(signal)[:, None], torch.from_numpy(rhythm)


class RhythmTask(Task):
    """Fits a :class:`RhythmNet`; parameters as :class:`Task`."""

    SIZE, ENRICHMENT = RhythmSize, Disturbance
    model: RhythmNet

    @staticmethod
    def build(architecture: Values) -> RhythmNet:
        """Make a net of the size that is asked for."""
        return RhythmNet(read_size(RhythmSize, architecture))

    def train_dataloader(self) -> DataLoader[Batch]:
        """Stretches of the training patients."""
        sampler = RhythmSampler(self.training_signals, Disturbance(**self.config.enrichment))
        return DataLoader(RhythmBatches(sampler, self.own_config), batch_size=None)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Cross-entropy of the ticks whose rhythm is known."""
        signal, rhythm = batch
        logits, _ = self.model.logits(signal, self.model.initial_state(len(signal)))
        unknown = int(SpanRhythm.UNKNOWN)
        loss = cross_entropy(logits.flatten(0, 1), rhythm.flatten(), ignore_index=unknown)
        self.log("loss", loss, prog_bar=True, on_epoch=True, batch_size=len(signal))
        return loss

    def on_validation_epoch_start(self) -> None:
        """Forget the counts of the epoch before."""
        self._counts = np.zeros(3, np.int64)

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        """Score one whole record, the state carried through."""
        record = self.validation_signals[int(batch)]
        truth = by_tick(record)
        wanted = np.isin(truth, SHOCKABLE)
        called = self.probabilities(record)[:, list(SHOCKABLE)].sum(axis=1) >= 0.5
        known = truth >= 0
        self._counts += [
            int((part & known).sum())
            for part in (called & wanted, wanted & ~called, called & ~wanted)
        ]

    def on_validation_epoch_end(self) -> None:
        """Log the gross F1 of ticks in VT or VF against all others."""
        hit, missed, false = self._counts.tolist()
        self.log("val_f1", 2 * hit / max(2 * hit + missed + false, 1), prog_bar=True)

    def probabilities(self, record: LabelledSignal) -> NDArray[np.float32]:
        """Probabilities of a whole record's ticks, shape (n_ticks, N_CLASSES)."""
        with torch.no_grad():
            signal = torch.from_numpy(record.scaled[None, None]).to(self.device)
            logits, _ = self.model.logits(signal, self.model.initial_state(1))
            return np.asarray(torch.softmax(logits[0].float(), dim=1).cpu().numpy())

    def write(self, path: Path, data_digest: str) -> float:
        """Export the model; return its largest difference from torch."""
        past, past_fine, h, c = self.model.initial_state(2)
        inputs = {
            "signal": torch.zeros(2, 1, STRIDE * 10),
            "state_signal": past,
            "state_fine": past_fine,
            "state_h": h,
            "state_c": c,
        }
        spec = ExportSpec(
            name=self.config.name,
            version=self.config.version,
            kind="rhythm",
            fs=self.config.data.fs,
            classes=CLASSES["rhythm"],
            thresholds=self.config.thresholds,
            data_digest=data_digest,
            look_ahead_s=0.0,
            stride=STRIDE,
        )
        return export(self.model, inputs, spec, path, free_time=True)
