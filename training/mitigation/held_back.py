"""Patients held back from a fit: what its epochs, and thresholds, are chosen on."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import lightning
import numpy as np
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from ingest.errors import InputError
from training.beat_task import BeatTask
from training.config import TrainConfig
from training.crossval import LeftOut
from training.datasets import LabelledSignal
from training.guard import Split
from training.mitigation.groups import Grouping, groups_of, members
from training.mitigation.selection import deciding_groups, patient_scores, worst_group
from training.mitigation.settings import MitigationConfig
from training.survey.fit_beats import fit_task
from training.survey.folds import Fold

PER_SEX = 3
"""Patients of each sex that are held back, from the youngest to the oldest."""


@dataclass(frozen=True, slots=True, eq=False)
class Epoch:
    """A fit after one epoch."""

    state: dict[str, Tensor]
    """The model's weights."""
    held: Sequence[LeftOut]
    """The patients held back, scored, in the order of the records."""


@dataclass(frozen=True, slots=True, eq=False)
class HeldBack:
    """A fit that some patients of its fold were held back from."""

    task: BeatTask
    """What was fitted."""
    records: Sequence[LabelledSignal]
    """Records held back, by their first lead."""
    epochs: Sequence[Epoch]
    """After every epoch."""
    training_s: float
    """CPU time of its steps, s."""

    def chosen(self, how: MitigationConfig) -> int:
        """Choose the epoch that a configuration asks for; the last where it asks for none."""
        if how.select == "task":
            return len(self.epochs) - 1
        groups = groups_of(self.records, Grouping.of(how))
        found = []
        for epoch in self.epochs:
            called = [
                (signal.patient, one.aami, one.called(0.5, 0.5))
                for signal, one in zip(self.records, epoch.held, strict=True)
            ]
            scores = patient_scores(called)
            if how.select == "worst-group":
                deciding = deciding_groups(groups, groups, how.min_patients)
                found.append(worst_group(scores, deciding)[1])
            else:
                found.append(fmean(scores.values()))
        return int(np.argmax(found))

    def at(self, epoch: int) -> BeatTask:
        """Give the model as it was after an epoch."""
        self.task.model.load_state_dict(self.epochs[epoch].state)
        return self.task


class _Watch(Callback):
    """Keeps the weights, and what they say of the patients held back, after every epoch."""

    def __init__(self, held: Fold) -> None:
        self._held = held
        self.epochs: list[Epoch] = []

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: Any) -> None:
        """Score, and go on as if nothing had been."""
        scored = self._held.score(module)
        self.epochs.append(Epoch(deepcopy(module.model.state_dict()), scored))
        module.model.train()


def hold_back(split: Split, per_sex: int = PER_SEX) -> Split:
    """Hold some patients of each sex back, ages from the youngest to the oldest.

    Parameters
    ----------
    split : Split
        Those left out of it are not looked at.
    per_sex : int
        Patients of each sex.

    Returns
    -------
    Split
        All leads of those learned from; the first lead of those held back.

    Raises
    ------
    ingest.errors.InputError
        If there are not at least twice as many of a known sex.
    """
    groups = groups_of(split.training, Grouping("sex"))
    age = {s.patient: s.subject.age_years or 0 for s in split.training}
    held: set[str] = set()
    for name, own in members(groups, sorted(groups, key=lambda p: (age[p], p))).items():
        if name not in ("F", "M"):
            continue
        if len(own) < 2 * per_sex:
            raise InputError(
                f"{per_sex} patients of each sex are held back, but there are {len(own)} of {name} "
                f"to learn from; allowed: {2 * per_sex} or more"
            )
        at = np.linspace(0, len(own) - 1, per_sex).round().astype(int)
        held |= {own[i] for i in at}
    return Split(
        [s for s in split.training if s.patient not in held],
        [s for s in split.training if s.patient in held and s.first],
    )


def fit_held_back(config: TrainConfig, fold: Fold) -> HeldBack:
    """Fit without some patients of a fold and watch these; arms of one seed share it.

    Parameters
    ----------
    config : TrainConfig
        The run; its table ``[mitigation]`` has no say in the fit.
    fold : Fold
    """
    plain = config.model_copy(update={"mitigation": MitigationConfig()})
    key = f"held back {plain.model_dump_json()}"
    if key not in fold.memo:
        split = hold_back(fold.split)
        watch = _Watch(Fold(fold.number, split))
        learned = Fold(fold.number, split)
        task, training_s = fit_task(plain, learned, [watch])
        fold.memo[key] = HeldBack(task, split.validation, watch.epochs, training_s)
    found: HeldBack = fold.memo[key]
    return found
