"""The beat task that looks at groups of patients while it learns and while it is judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
import torch
from torch import Tensor, nn

from inference.ticks import N, S, V
from training.architectures.recall import AFTER, BEFORE
from training.beat_sequences import BeatSampler, BeatSequences
from training.beat_task import Batch, BeatTask, recall_records
from training.config import TrainConfig
from training.datasets import LabelledSignal
from training.mitigation.adversary import Adversary, evidence_of, evidence_width, reversal
from training.mitigation.dro import GroupDro
from training.mitigation.groups import Grouping, groups_of, members, require_groups
from training.mitigation.sampler import CellSampler
from training.mitigation.selection import deciding_groups, patient_scores, worst_group
from training.mitigation.weighting import cell_weights

N_CLASSES = V + 1
"""Classes that are told apart: N, S and V."""


class MitigatedBeatTask(BeatTask):
    """Fits the same model as :class:`BeatTask`, as the table ``[mitigation]`` asks for.

    What is added, weights of cells and an adversary, lives beside the model and is not exported.
    Parameters as :class:`training.task.Task`.

    Raises
    ------
    ingest.errors.InputError
        If a method has fewer than two known groups to work on, or no group has enough
        validation patients to decide.
    """

    counts: Tensor

    def __init__(
        self,
        config: TrainConfig,
        training: Sequence[LabelledSignal],
        validation: Sequence[LabelledSignal],
    ) -> None:
        super().__init__(config, training, validation)
        how, grouping = config.mitigation, Grouping.of(config.mitigation)
        self.groups = groups_of(training, grouping)
        self.names: tuple[str, ...] = ()
        self.dro: GroupDro | None = None
        self.adversary: Adversary | None = None
        if how.method != "none":
            self.names = require_groups(self.groups, how.attribute)
        self.per_group = N_CLASSES if how.cells == "group-class" else 1
        n_cells = len(self.names) * self.per_group
        self.register_buffer("counts", torch.zeros(n_cells, dtype=torch.float64))
        if how.method == "group-dro":
            of_group = members(self.groups, list(self.groups))
            n_patients = [len(of_group[name]) for name in self.names for _ in range(self.per_group)]
            self.dro = GroupDro(n_patients, how.dro_rate, how.dro_adjustment)
        if how.method == "adversary":
            width = evidence_width(self.model)
            self.adversary = Adversary(width, how.adversary_hidden, len(self.names))
        self._judged = groups_of(validation, grouping)
        self._deciding: dict[str, list[str]] = {}
        if how.select == "worst-group" and validation:
            self._deciding = deciding_groups(self._judged, self._judged, how.min_patients)
        self._recalled: dict[int, tuple[Tensor, Tensor]] = {}

    def learned(self) -> Iterator[nn.Parameter]:
        """Give what the optimiser moves: the model, and the adversary if there is one."""
        beside = self.adversary.parameters() if self.adversary else ()
        return chain(super().learned(), beside)

    def sampler(self) -> BeatSampler:
        """Make what draws sequences; it evens out cells where that is the method."""
        sampler, how = super().sampler(), self.config.mitigation
        if how.method == "resample":
            do = self.ENRICHMENT(**self.config.enrichment)
            sampler = CellSampler(self.training_signals, BEFORE, AFTER, do, self.groups, how)
        told = [self.groups[record.patient] for record in sampler.records]
        codes = [self.names.index(name) if name in self.names else 0 for name in told]
        self._group_of_record = np.array(codes, np.int64)
        return sampler

    def prepare(self, drawn: BeatSequences, rng: np.random.Generator) -> Batch:
        """Add, behind what :class:`BeatTask` prepares, each sequence's group code."""
        batch = super().prepare(drawn, rng)
        group = torch.from_numpy(self._group_of_record[drawn.record])
        return (*batch, group.expand(len(batch[0]), -1))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Add the losses of both branches as the method weighs them, and the adversary's."""
        shape, features, aami, *taught, group = batch
        with evidence_of(self.model) as seen:
            v, s = self.follow(shape, features, batch_idx)
        loss = self._loss(v, s, aami, taught[0] if taught else None, group)
        if self.adversary:
            factor = self.config.mitigation.adversary_weight
            factor *= reversal(self.global_step / self.config.fit.updates)
            told, accuracy = self.adversary.loss(torch.cat(seen, dim=2), group, aami >= N, factor)
            self.log_dict({"loss_adversary": told, "adversary_accuracy": accuracy}, on_epoch=True)
            loss = loss + told
        return loss

    def _loss(
        self, v: Tensor, s: Tensor, aami: Tensor, taught: Tensor | None, group: Tensor
    ) -> Tensor:
        """Weigh the beats' losses by cell; synthetic beats are of their sequence's group."""
        cell = group * self.per_group + (aami if self.per_group > 1 else 0)
        cell = torch.where(aami >= N, cell, -1)
        if self.dro:
            cells = range(len(self.dro.q))
            alone = [torch.where(cell == k, aami, -1) for k in cells]
            pairs = [self.losses(v, s, own, taught) for own in alone]
            present = torch.stack([(cell == k).any() for k in cells])
            loss: Tensor = self.dro(torch.stack([of_v + of_s for of_v, of_s in pairs]), present)
            self.log_dict({"loss": loss, "largest_q": self.dro.q.max()}, on_epoch=True)
            return loss
        weight = self._weights(cell) if self.config.mitigation.method == "reweight" else None
        loss_v, loss_s = self.losses(v, s, aami, taught, weight)
        self.log_dict({"loss_v": loss_v, "loss_s": loss_s}, prog_bar=True, on_epoch=True)
        return loss_v + loss_s

    def _weights(self, cell: Tensor) -> Tensor:
        """Weight of each beat, by all that were drawn so far; shape (n_beats, batch)."""
        how = self.config.mitigation
        self.counts += torch.bincount(cell[cell >= 0], minlength=len(self.counts))
        counts = self.counts.cpu().numpy().reshape(-1, self.per_group)
        weights = cell_weights(counts, how.power, how.max_weight).reshape(-1)
        by_cell = torch.from_numpy(weights).to(cell.device, torch.float32)
        return torch.where(cell >= 0, by_cell[cell.clamp(min=0)], 1.0)

    def predict(self, record: LabelledSignal) -> tuple[np.ndarray, np.ndarray]:
        """Score a record as :class:`BeatTask` does; one of validation is remembered between epochs.

        Returns
        -------
        v, s : arrays of shape (n_beats,)
        """
        if not self._recalled:
            seen = recall_records(self.validation_signals) if self.validation_signals else []
            pairs = zip(self.validation_signals, seen, strict=True)
            self._recalled = {id(signal): recalled for signal, recalled in pairs}
        if id(record) in self._recalled:
            return self.score(*self._recalled[id(record)])
        return super().predict(record)

    def on_validation_epoch_end(self) -> None:
        """Log the mean of the patients' scores, and that of the worst group that may decide."""
        super().on_validation_epoch_end()
        records = [
            (signal.patient, aami, np.where(v >= 0.5, V, np.where(s >= 0.5, S, N)))
            for signal, (v, s, aami) in zip(self.validation_signals, self._seen, strict=True)
        ]
        scores = patient_scores(records)
        self.log("val_patient_mean", float(np.mean(list(scores.values()))))
        if self._deciding:
            self.log("val_worst_group", worst_group(scores, self._deciding)[1], prog_bar=True)
