"""The beat classifier's training: what it sees, its loss, its score on patients kept aside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import DataLoader, IterableDataset

from inference.ticks import N, S, V
from training.architectures.beat import BeatClassifier, BeatSize
from training.architectures.recall import AFTER, BEFORE, LENGTH, MEMORY, recall
from training.architectures.size import Values
from training.beat_sequences import BeatSampler, Synthesis, cut_windows
from training.config import CLASSES, TrainConfig
from training.datasets import LabelledSignal
from training.export import ExportSpec, export
from training.scores import f1
from training.task import Task

POOL_BATCHES = 16
"""Batches that are drawn together, since recall runs over all their sequences at once."""
POOL_USES = 4
"""Epochs a pool is used for, shuffled anew each time."""
SUPRAVENTRICULAR_WEIGHT = 1.5
"""Weight of S beats against the many N."""

Batch = tuple[Tensor, Tensor, Tensor]
"""What ``recall_sequences`` gives, and class codes of shape (n_beats, batch)."""


def recall_sequences(windows: Tensor, rr_s: Tensor) -> tuple[Tensor, Tensor]:
    """Run :func:`training.architectures.recall.recall` along sequences.

    Parameters
    ----------
    windows : Tensor of shape (batch, n_beats, LENGTH)
    rr_s : Tensor of shape (batch, n_beats), s

    Returns
    -------
    shape : Tensor of shape (n_beats, batch, 2, LENGTH)
    features : Tensor of shape (n_beats, batch, N_FEATURES)
    """
    memory = torch.zeros(len(windows), MEMORY)
    shapes, features = [], []
    with torch.no_grad():
        for i in range(windows.shape[1]):
            shape, feature, memory = recall(windows[:, i], rr_s[:, i : i + 1], memory)
            shapes.append(shape)
            features.append(feature)
    return torch.stack(shapes), torch.stack(features)


class BeatBatches(IterableDataset[Batch]):
    """Draws pools of sequences and hands them out as batches; one iteration is one epoch."""

    def __init__(self, sampler: BeatSampler, config: TrainConfig) -> None:
        self._sampler, self._fit = sampler, config.fit
        self._rng = np.random.default_rng(config.fit.seed)
        self._pool: Batch | None = None
        self._used = 0

    def __iter__(self) -> Iterator[Batch]:
        left = self._fit.steps
        while left > 0:
            pool = self._fresh()
            order = self._rng.permutation(pool[2].shape[1])
            for part in np.array_split(order, POOL_BATCHES)[:left]:
                index = torch.from_numpy(part)
                yield pool[0][:, index], pool[1][:, index], pool[2][:, index]
            left -= POOL_BATCHES

    def _fresh(self) -> Batch:
        if self._pool is None or self._used >= POOL_USES:
            drawn = self._sampler.draw(self._rng, POOL_BATCHES * self._fit.batch, self._fit.length)
            seen = recall_sequences(torch.from_numpy(drawn.windows), torch.from_numpy(drawn.rr_s))
            self._pool = (*seen, torch.from_numpy(drawn.aami.T.astype(np.int64)))
            self._used = 0
        self._used += 1
        return self._pool


class BeatTask(Task):
    """Fits a :class:`BeatClassifier`; parameters as :class:`Task`."""

    SIZE, ENRICHMENT = BeatSize, Synthesis
    model: BeatClassifier

    @staticmethod
    def build(architecture: Values) -> BeatClassifier:
        """Make a classifier of the size that is asked for."""
        return BeatClassifier(BeatSize.of(architecture))

    def train_dataloader(self) -> DataLoader[Batch]:
        """Synthesised sequences of the training patients."""
        enrichment = Synthesis(**self.config.enrichment)
        sampler = BeatSampler(self.training_signals, BEFORE, AFTER, enrichment)
        return DataLoader(BeatBatches(sampler, self.config), batch_size=None)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Add the losses of both branches; F and Q teach neither."""
        shape, features, aami = batch
        v, s, _ = self.model.logits(shape, features, self.model.initial_state(aami.shape[1]))
        loss_v = _masked(v, aami == V, aami >= N, 1.0)
        loss_s = _masked(s, aami == S, (aami == N) | (aami == S), SUPRAVENTRICULAR_WEIGHT)
        self.log_dict({"loss_v": loss_v, "loss_s": loss_s}, prog_bar=True, on_epoch=True)
        return loss_v + loss_s

    def on_validation_epoch_start(self) -> None:
        """Forget the scores of the epoch before."""
        self._seen: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        """Score one whole record, the state carried through."""
        record = self.validation_signals[int(batch)]
        self._seen.append((*self.predict(record), record.aami))

    def on_validation_epoch_end(self) -> None:
        """Log the gross F1 of V and of S beats."""
        v, s, aami = (np.concatenate(column) for column in zip(*self._seen, strict=True))
        called = np.where(v >= 0.5, V, np.where(s >= 0.5, S, N))
        scores = {"val_veb_f1": f1(aami, called, V), "val_sveb_f1": f1(aami, called, S)}
        self.log_dict(scores | {"val_f1": sum(scores.values()) / 2}, prog_bar=True)

    def predict(self, record: LabelledSignal) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities of V, and of S if not V, at a record's reference R-peaks.

        Returns
        -------
        v, s : arrays of shape (n_beats,)
        """
        at = np.rint(record.r_ms * record.fs / 1000).astype(np.int64)
        windows = torch.from_numpy(cut_windows(record.scaled, at, BEFORE, AFTER))[None]
        rr_s = np.diff(record.r_ms, prepend=record.r_ms[0]) / 1000
        rr_s[rr_s > 3.0] = 0
        shape, features = recall_sequences(windows, torch.from_numpy(rr_s.astype(np.float32))[None])
        with torch.no_grad():
            v, s, _ = self.model.logits(shape, features, self.model.initial_state(1))
        return torch.sigmoid(v)[:, 0].numpy(), torch.sigmoid(s)[:, 0].numpy()

    def write(self, path: Path, data_digest: str) -> float:
        """Export the model; return its largest difference from torch."""
        names, parts = self.model.state_names, self.model.initial_state(2)
        inputs = {
            "signal": torch.zeros(2, 1, LENGTH),
            "rr_s": torch.zeros(2, 1),
            "state_memory": torch.zeros(2, MEMORY),
            **{f"state_{name}": part for name, part in zip(names, parts, strict=True)},
        }
        fs = self.config.data.fs
        spec = ExportSpec(
            name=self.config.name,
            version=self.config.version,
            kind="beat",
            fs=fs,
            classes=CLASSES["beat"],
            thresholds={"S": 0.5, "V": 0.5} | self.config.thresholds,
            data_digest=data_digest,
            look_ahead_s=AFTER / fs,
            length=LENGTH,
            before=BEFORE,
        )
        return export(self.model, inputs, spec, path)


def _masked(logits: Tensor, target: Tensor, mask: Tensor, weight: float) -> Tensor:
    losses = binary_cross_entropy_with_logits(
        logits, target.to(logits.dtype), reduction="none", pos_weight=torch.tensor(weight)
    )
    return (losses * mask).sum() / mask.sum().clamp(min=1)
