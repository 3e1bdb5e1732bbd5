"""The training of the detector of atrial fibrillation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import DataLoader, IterableDataset

from training.architectures.atrial import AtrialDetector, AtrialSize
from training.architectures.recall import BEFORE, LENGTH, MEMORY
from training.architectures.size import Values, read_size
from training.atrial_sequences import AtrialSampler, AtrialSynthesis, by_beat
from training.beat_task import recall_record, recall_sequences
from training.config import CLASSES, TrainConfig
from training.datasets import LabelledSignal
from training.export import ExportSpec, export
from training.task import Task

WARM_UP_BEATS = 8
"""Beats at the start of a sequence that teach nothing: no rhythm was heard before."""

Batch = tuple[Tensor, Tensor]
"""features (n_beats, batch, N_FEATURES), labels (n_beats, batch), below 0 to be left out."""


class AtrialBatches(IterableDataset[Batch]):
    """Draws batches; one iteration is one epoch."""

    def __init__(self, sampler: AtrialSampler, config: TrainConfig) -> None:
        self._sampler, self._fit = sampler, config.fit
        self._rng = np.random.default_rng(config.fit.seed)

    def __iter__(self) -> Iterator[Batch]:
        for _ in range(self._fit.steps):
            windows, rr_s, labels = self._sampler.draw(self._rng, self._fit.batch, self._fit.length)
            _, features = recall_sequences(torch.from_numpy(windows), torch.from_numpy(rr_s))
            labels[:, :WARM_UP_BEATS] = -1
            yield features, torch.from_numpy(labels.T.astype(np.float32))


class AtrialTask(Task):
    """Fits an :class:`AtrialDetector`; parameters as :class:`Task`."""

    SIZE, ENRICHMENT = AtrialSize, AtrialSynthesis
    model: AtrialDetector

    @staticmethod
    def build(architecture: Values) -> AtrialDetector:
        """Make a detector of the size that is asked for."""
        return AtrialDetector(read_size(AtrialSize, architecture))

    def train_dataloader(self) -> DataLoader[Batch]:
        """Sequences of the training patients."""
        sampler = AtrialSampler(self.training_signals, AtrialSynthesis(**self.config.enrichment))
        return DataLoader(AtrialBatches(sampler, self.own_config), batch_size=None)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Binary cross-entropy of the beats whose rhythm is known."""
        features, labels = batch
        logits, _ = self.model.logits(features, self.model.initial_state(features.shape[1]))
        known = (labels >= 0).to(logits.dtype)
        losses = binary_cross_entropy_with_logits(logits, labels.clamp(min=0), reduction="none")
        loss = (losses * known).sum() / known.sum().clamp(min=1)
        self.log("loss", loss, prog_bar=True, on_epoch=True, batch_size=features.shape[1])
        return loss

    def on_validation_epoch_start(self) -> None:
        """Forget the counts of the epoch before."""
        self._counts = np.zeros(3, np.int64)

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        """Score one whole record, the state carried through."""
        record = self.validation_signals[int(batch)]
        labels, called = by_beat(record), self.probabilities(record) >= 0.5
        truth, known = labels == 1, labels >= 0
        self._counts += [
            int((part & known).sum()) for part in (called & truth, truth & ~called, called & ~truth)
        ]

    def on_validation_epoch_end(self) -> None:
        """Log the gross F1 of beats in atrial fibrillation."""
        hit, missed, false = self._counts.tolist()
        self.log("val_f1", 2 * hit / max(2 * hit + missed + false, 1), prog_bar=True)

    def probabilities(self, record: LabelledSignal) -> NDArray[np.float32]:
        """Probability of atrial fibrillation at each of a record's beats, shape (n_beats,)."""
        _, features = recall_record(record)
        with torch.no_grad():
            logits, _ = self.model.logits(features.to(self.device), self.model.initial_state(1))
            return np.asarray(torch.sigmoid(logits[:, 0]).cpu().numpy())

    def write(self, path: Path, data_digest: str) -> float:
        """Export the model; return its largest difference from torch."""
        names, state = self.model.state_names, self.model.initial_state(2)
        inputs = {
            "signal": torch.zeros(2, 1, LENGTH),
            "rr_s": torch.zeros(2, 1),
            "state_memory": torch.zeros(2, MEMORY),
            **{f"state_{name}": part for name, part in zip(names, state, strict=True)},
        }
        spec = ExportSpec(
            name=self.config.name,
            version=self.config.version,
            kind="beat-rhythm",
            fs=self.config.data.fs,
            classes=CLASSES["atrial"],
            thresholds={"AF": 0.5} | self.config.thresholds,
            data_digest=data_digest,
            look_ahead_s=(LENGTH - BEFORE) / self.config.data.fs,
            length=LENGTH,
            before=BEFORE,
        )
        return export(self.model, inputs, spec, path)
