"""Mitigations on a cohort whose truth is known: the worst group is served better than by plain."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from inference.ticks import N, V
from ingest.errors import InputError
from tests.training.mitigation.cohort import cohort, config, fresh, marked, person
from training.beat_task import BeatTask
from training.config import TrainConfig
from training.fit import task_kind
from training.guard import Split
from training.mitigation.adversary import Adversary
from training.mitigation.groups import Grouping, groups_of
from training.mitigation.leakage import (
    Evidence,
    balanced_accuracy,
    gather_evidence,
    probe,
    recall_beginnings,
)
from training.mitigation.selection import deciding_groups, patient_scores, worst_group
from training.mitigation.task import MitigatedBeatTask
from training.survey.fit_beats import fit_task
from training.survey.folds import Fold


def longer(told: TrainConfig, epochs: int) -> TrainConfig:
    return told.model_copy(update={"fit": told.fit.model_copy(update={"epochs": epochs})})


def worst_score(told: TrainConfig) -> float:
    """Fit, and give the worst group's score on other people."""
    torch.set_num_threads(1)
    others = fresh(7)
    task, _ = fit_task(told, Fold(0, Split(cohort(0), others)))
    task.model.eval()
    called = [(s.patient, s.aami, np.where(task.predict(s)[0] >= 0.5, V, N)) for s in others]
    groups = groups_of(others, Grouping("sex"))
    return worst_group(patient_scores(called), deciding_groups(groups, groups, 2))[1]


@pytest.fixture(scope="module")
def plain() -> float:
    """What plain training gives the worst group: the rare one, in which it errs."""
    score = worst_score(config())
    assert score < 0.6
    return score


@pytest.mark.train
@pytest.mark.parametrize(
    "how",
    [
        {"method": "reweight"},
        {"method": "reweight", "cells": "group"},
        {"method": "resample"},
        {"method": "resample", "cells": "group"},
        {"method": "group-dro", "cells": "group", "dro_rate": 0.3},
        {"method": "group-dro", "cells": "group-class", "dro_rate": 0.3},
    ],
    ids=lambda how: "-".join(map(str, how.values())),
)
def test_the_worst_group_is_served_better_than_by_plain_training(
    plain: float, how: dict[str, Any]
) -> None:
    assert worst_score(config(**how)) > plain + 0.25


def people(seed: int) -> list[tuple[torch.Tensor, torch.Tensor, int]]:
    """Beats of eight people, each a number that tells V and one that tells the sex, mixed up."""
    rng = np.random.default_rng(seed)
    mix = np.random.default_rng(0).normal(size=(2, 6))
    told = []
    for sex in (0, 1) * 4:
        is_v = rng.random(100) < 0.5
        of_sex = rng.normal(2 * sex - 1, 0.8, 100)
        beats = np.stack([rng.normal(2.0 * is_v - 1, 0.4), of_sex], axis=1) @ mix
        told.append((torch.tensor(beats).float(), torch.tensor(is_v).float(), sex))
    return told


def encoded(reversal: float, seed: int) -> tuple[float, float]:
    """Learn an encoder beside an adversary; give its error, and what a fresh probe can tell.

    What it says is heard with noise: what is made small is then gone.
    """
    torch.manual_seed(seed)
    encoder, head = torch.nn.Linear(6, 4), torch.nn.Linear(4, 1)
    adversary = Adversary(4, 8, 2)
    parts = [*encoder.parameters(), *head.parameters(), *adversary.parameters()]
    optimizer = torch.optim.SGD(parts, lr=0.1)
    x, is_v, sex = (
        torch.cat(column)
        for column in zip(*((b, v, torch.full((100,), s)) for b, v, s in people(seed)), strict=True)
    )
    for _ in range(400):
        evidence = encoder(x) + torch.randn(len(x), 4)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(head(evidence)[:, 0], is_v)
        everything = torch.ones(len(x), 1, dtype=torch.bool)
        told, _ = adversary.loss(evidence[:, None], sex[:, None], everything, reversal)
        optimizer.zero_grad()
        (loss + told).backward()
        optimizer.step()

    def seen(of: list[tuple[torch.Tensor, torch.Tensor, int]], name: str) -> list[Evidence]:
        return [
            Evidence(
                f"{name}{i}",
                "MF"[s],
                (encoder(b) + torch.randn(len(b), 4)).detach().double().numpy(),
            )
            for i, (b, _, s) in enumerate(of)
        ]

    others = people(seed + 100)
    learned, fresh_ = seen(people(seed), "a"), seen(others, "b")
    wrong = np.mean(
        [((head(encoder(b))[:, 0] > 0) != (v > 0)).float().mean().item() for b, v, _ in others]
    )
    told_of = probe(learned, fresh_)
    return float(wrong), balanced_accuracy(told_of, {e.patient: e.group for e in fresh_})


@pytest.mark.train
def test_the_adversary_lowers_what_a_fresh_probe_can_tell() -> None:
    torch.set_num_threads(1)
    for seed in range(2):
        wrong, left = encoded(1.0, seed)
        wrong_plain, left_plain = encoded(0.0, seed)
        assert left < 0.6 < 0.75 < left_plain
        assert wrong < wrong_plain + 0.01


@pytest.mark.train
def test_the_adversary_learns_beside_the_model_and_is_no_part_of_it() -> None:
    torch.set_num_threads(1)
    told = config(method="adversary", adversary_weight=0.01)
    task, _ = fit_task(longer(told, 2), Fold(0, Split(marked(1), fresh(7))))
    assert isinstance(task, MitigatedBeatTask)
    assert task.adversary is not None
    assert float(task.trainer.callback_metrics["adversary_accuracy_epoch"]) > 0.8
    names = {name for name, _ in task.model.named_parameters()}
    assert names == {name for name, _ in BeatTask(told, marked(1), []).model.named_parameters()}
    assert not task.model.head_v._forward_pre_hooks


def batches_of(task: BeatTask, n_epochs: int = 1) -> list[tuple[torch.Tensor, ...]]:
    loader = task.train_dataloader()
    return [batch for _ in range(n_epochs) for batch in loader]


def test_every_beat_is_told_with_the_group_of_its_patient() -> None:
    signals = cohort(0, weight=1.0)
    task = MitigatedBeatTask(config(method="reweight"), signals, [])
    shares = []
    for shape, _, aami, group in batches_of(task):
        assert group.shape == aami.shape
        assert (group == group[:1]).all()
        # the mark of the rare group stands 22 samples before the peak
        has_mark = shape[:, :, 0, 13].mean(0) > 0.3
        assert torch.equal(has_mark, group[0] == task.names.index("F"))
        shares.append(has_mark.float().mean())
    assert 0.1 < float(torch.stack(shares).mean()) < 0.5


def test_resampling_draws_groups_alike_within_each_class() -> None:
    for cells in ("group", "group-class"):
        task = MitigatedBeatTask(config(method="resample", cells=cells), cohort(0), [])
        batches = batches_of(task, 9)
        group = torch.cat([batch[3][0] for batch in batches])
        assert 0.4 < float((group == 0).float().mean()) < 0.6


def test_weights_even_out_groups_within_each_class() -> None:
    task = MitigatedBeatTask(config(method="reweight", max_weight=100), cohort(0), [])
    told = torch.zeros(2, 3, dtype=torch.float64)
    n_beats = torch.zeros(3, dtype=torch.float64)
    for batch in batches_of(task, 9):
        aami, group = batch[2], batch[3]
        cell = torch.where(aami >= 0, group * 3 + aami, -1)
        weights = task._weights(cell)
        for code in (N, V):
            n_beats[code] += (aami == code).sum()
            for g in (0, 1):
                told[g, code] += weights[(aami == code) & (group == g)].sum()
    for code in (N, V):
        assert told[0, code] / told[1, code] == pytest.approx(1, abs=0.25)
        assert told[:, code].sum() / n_beats[code] == pytest.approx(1, abs=0.1)


def test_dro_moves_weight_to_the_group_with_the_larger_loss() -> None:
    task = MitigatedBeatTask(config(method="group-dro", cells="group", dro_rate=0.5), cohort(0), [])
    assert task.dro is not None
    for _ in range(9):
        task.dro(torch.tensor([1.0, 0.1]), torch.tensor([True, True]))
    assert task.dro.q[0] > 0.95
    before = task.dro.q.clone()
    task.dro(torch.tensor([0.0, 0.0]), torch.tensor([False, False]))
    assert torch.equal(task.dro.q, before)


def test_a_group_of_few_patients_is_given_more_by_the_adjustment() -> None:
    how = {"method": "group-dro", "cells": "group", "dro_rate": 0.1}
    task = MitigatedBeatTask(config(**how, dro_adjustment=2.0), cohort(0), [])
    assert task.dro is not None
    for _ in range(20):
        task.dro(torch.tensor([0.3, 0.3]), torch.tensor([True, True]))
    assert task.dro.q[task.names.index("F")] > 0.6  # two women, five men


def test_groups_that_are_not_there_are_refused() -> None:
    men = [person(f"man{i}", "M", i, rare=False) for i in range(3)]
    with pytest.raises(InputError, match="all training patients are in group M"):
        MitigatedBeatTask(config(method="reweight"), men, [])
    unknown = [person(f"one{i}", "", i, rare=False) for i in range(2)]
    with pytest.raises(InputError, match="two known groups"):
        MitigatedBeatTask(config(method="group-dro"), [*men, *unknown], [])


def test_plain_runs_are_those_of_the_task_itself() -> None:
    assert task_kind(config()) is BeatTask
    assert task_kind(config(method="reweight")) is MitigatedBeatTask
    assert task_kind(config(select="worst-group")) is MitigatedBeatTask


def test_a_probe_is_not_tried_on_those_it_was_fitted_on() -> None:
    signals = cohort(0)
    groups = groups_of(signals, Grouping("sex"))
    task = BeatTask(config(), signals, [])
    evidence = gather_evidence(task.model, recall_beginnings(signals), groups)
    with pytest.raises(InputError, match="other patients than it is fitted on"):
        probe(evidence, evidence[:1])
    with pytest.raises(InputError, match="two groups"):
        probe(evidence[:3], evidence[3:])
