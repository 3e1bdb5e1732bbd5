"""The two-lead beat classifier's training: leads that are lost or spoiled, and both losses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from training.architectures.recall import LENGTH, MEMORY
from training.architectures.size import Values
from training.architectures.two_lead import N_LEADS, TwoLeadClassifier, TwoLeadSize, packed
from training.beat_sequences import BeatSequences, Synthesis, leads_together
from training.beat_task import Batch, BeatTask, recall_record, recall_sequences
from training.datasets import LabelledSignal
from training.export import export

ALONE = 0.5
"""Weight of what each lead says by itself: it decides where the other is not heard."""
LOUDEST = 0.4
"""Largest standard deviation of the noise that spoils a lead, of its amplitude scale."""


@dataclass(frozen=True, slots=True)
class TwoLeadSynthesis(Synthesis):
    """How much is put in, as shares of sequences; of both leads together."""

    lead_off: float = 0.25
    """Sequences in which one lead is not heard for a while."""
    lead_noise: float = 0.35
    """Sequences in which one lead is noisy for a while."""


class TwoLeadTask(BeatTask):
    """Fits a :class:`TwoLeadClassifier`; parameters as :class:`training.task.Task`."""

    SIZE, ENRICHMENT, N_LEADS = TwoLeadSize, TwoLeadSynthesis, N_LEADS
    model: TwoLeadClassifier  # type: ignore[assignment]

    @staticmethod
    def build(architecture: Values) -> TwoLeadClassifier:  # type: ignore[override]
        """Make a classifier of the size that is asked for."""
        return TwoLeadClassifier(TwoLeadSize.of(architecture))

    def prepare(self, drawn: BeatSequences, rng: np.random.Generator) -> Batch:
        """Lose and spoil leads, then run each lead's memory along what it hears."""
        how = TwoLeadSynthesis(**self.config.enrichment)
        aami, *taught = self.taught(drawn)
        windows = drawn.windows.copy()
        spoil_leads(rng, windows, how.lead_noise)
        lose_leads(rng, windows, how.lead_off)
        return (*recall_leads(windows, drawn.rr_s), aami, *taught)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Add the losses of both branches, fused and of each lead that is heard."""
        shape, features, heard, aami, *taught = batch
        v, s, each = self.model.logits(shape, features, heard)
        loss_v, loss_s = self.losses(v, s, aami, *taught)
        alone = torch.zeros(())
        for lead in range(N_LEADS):
            of_lead = torch.where(heard[..., lead], aami, -1)
            alone = alone + sum(self.losses(each[..., lead, 0], each[..., lead, 1], of_lead))
        self.log_dict({"loss_v": loss_v, "loss_s": loss_s}, prog_bar=True, on_epoch=True)
        self.log("loss_alone", alone / N_LEADS, on_epoch=True)
        return loss_v + loss_s + ALONE * alone

    def val_dataloader(self) -> DataLoader[Any]:
        """Name whole records one by one, by their first leads."""
        numbers = [i for i, signal in enumerate(self.validation_signals) if signal.first]
        return DataLoader(torch.tensor(numbers), batch_size=None)  # type: ignore[arg-type]

    def predict(self, record: LabelledSignal) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities of V, and of S if not V, at a record's reference R-peaks.

        The record's other lead is taken from the validation signals.

        Returns
        -------
        v, s : arrays of shape (n_beats,)
        """
        of_record = [
            signal
            for signal in self.validation_signals
            if (signal.patient, signal.name) == (record.patient, record.name)
        ]
        (leads,) = leads_together(of_record, N_LEADS)
        return self.predict_leads(leads)

    def predict_leads(self, leads: tuple[LabelledSignal, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities of V, and of S if not V, from the leads of one record."""
        parts = [recall_record(lead) for lead in leads]
        shape, features = (torch.stack(part, dim=2) for part in zip(*parts, strict=True))
        heard = torch.ones(*shape.shape[:3], dtype=torch.bool)
        with torch.no_grad():
            v, s, _ = self.model.logits(shape, features, heard)
        return torch.sigmoid(v)[:, 0].numpy(), torch.sigmoid(s)[:, 0].numpy()

    def write(self, path: Path, data_digest: str) -> float:
        """Export the model; return its largest difference from torch."""
        names, parts = self.model.state_names, self.model.initial_state(2)
        inputs = {
            "signal": torch.zeros(2, N_LEADS, LENGTH),
            "rr_s": torch.zeros(2, 1),
            "state_memory": torch.zeros(2, N_LEADS, MEMORY),
            **{f"state_{name}": part for name, part in zip(names, parts, strict=True)},
        }
        return export(self.model, inputs, self.spec(data_digest), path)


def recall_leads(
    windows: NDArray[np.float32], rr_s: NDArray[np.float32]
) -> tuple[Tensor, Tensor, Tensor]:
    """Run the memory of each lead along the beats in which it is heard.

    Parameters
    ----------
    windows : array of shape (batch, 2 leads, n_beats, LENGTH)
        All zeros where a lead is not heard.
    rr_s : array of shape (batch, n_beats), s

    Returns
    -------
    shape, features, heard
        As :meth:`training.architectures.two_lead.TwoLeadClassifier.logits` takes them.
    """
    batch, _, n, _ = windows.shape
    rows = torch.from_numpy(np.ascontiguousarray(windows)).reshape(batch * N_LEADS, n, LENGTH)
    heard = (rows != 0).any(dim=2)
    order = packed(heard.T).T
    rr = torch.from_numpy(rr_s).repeat_interleave(N_LEADS, dim=0).gather(1, order)
    rows = rows.gather(1, order[..., None].expand_as(rows))
    shape, features = recall_sequences(rows, rr)
    return (
        shape.reshape(n, batch, N_LEADS, *shape.shape[2:]),
        features.reshape(n, batch, N_LEADS, -1),
        heard.T.reshape(n, batch, N_LEADS),
    )


def spoil_leads(rng: np.random.Generator, windows: NDArray[np.float32], share: float) -> None:
    """Put noise into one lead of some sequences for a while, in place.

    Parameters
    ----------
    rng : Generator
        Randomness.
    windows : array of shape (batch, 2 leads, n_beats, LENGTH)
        Beats over their amplitude scale.
    share : float
        Share of the sequences.
    """
    for row, lead, beats in _stretches(rng, windows, share):
        part = windows[row, lead, beats]
        rough = rng.standard_normal(part.shape)
        slow = np.cumsum(rng.standard_normal(part.shape), axis=1) / np.sqrt(part.shape[1])
        mixture = rng.random()
        noise = rng.uniform(0.03, LOUDEST) * (mixture * rough + (1 - mixture) * 2 * slow)
        windows[row, lead, beats] = (part + noise) / (1 + np.abs(noise).max(axis=1, keepdims=True))


def lose_leads(rng: np.random.Generator, windows: NDArray[np.float32], share: float) -> None:
    """Silence one lead of some sequences for a while, in place; parameters as `spoil_leads`."""
    for row, lead, beats in _stretches(rng, windows, share):
        windows[row, lead, beats] = 0


def _stretches(
    rng: np.random.Generator, windows: NDArray[np.float32], share: float
) -> list[tuple[int, int, slice]]:
    """Choose a stretch of beats, sometimes all, of one lead of some of the sequences."""
    batch, n_leads, n, _ = windows.shape
    found = []
    for row in np.flatnonzero(rng.random(batch) < share).tolist():
        begin, end = np.sort(rng.integers(0, n + 1, 2)).tolist()
        beats = slice(0, n) if rng.random() < 0.2 else slice(begin, end)
        found.append((row, int(rng.integers(n_leads)), beats))
    return found
