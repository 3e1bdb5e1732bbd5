"""Losses against their formulas, at their limits, and as a run uses them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from ingest.errors import InputError
from tests.training.databases import tiny_config
from training.beat_task import SUPRAVENTRICULAR_WEIGHT, BeatTask
from training.config import ObjectiveConfig, load_config
from training.datasets import LabelledSignal
from training.objectives import Objective, balanced_weight
from training.qrs_task import PEAK_WEIGHT, QrsTask

LOGITS = torch.linspace(-6, 6, 49, dtype=torch.float64)
HARD = (torch.arange(49) % 2).double()


@pytest.mark.parametrize("gamma", [1.0, 2.0, 3.5])
def test_focal_loss_is_its_formula(gamma: float) -> None:
    p = torch.sigmoid(LOGITS)
    right = torch.where(HARD == 1, p, 1 - p)
    formula = -torch.where(HARD == 1, 3.0, 1.0) * (1 - right) ** gamma * torch.log(right)
    found = Objective(3.0, gamma).losses(LOGITS, HARD)
    torch.testing.assert_close(found, formula, rtol=1e-6, atol=1e-12)


def test_focal_loss_without_focus_is_cross_entropy_to_the_bit() -> None:
    logits, target = LOGITS.float(), torch.rand(49, generator=torch.manual_seed(0))
    plain = binary_cross_entropy_with_logits(
        logits, target, reduction="none", pos_weight=torch.tensor(1.5)
    )
    assert torch.equal(Objective(1.5, 0.0).losses(logits, target), plain)


def test_focal_loss_counts_what_is_told_well_less_than_what_is_not() -> None:
    well, badly = torch.tensor([4.0]), torch.tensor([-1.0])
    one = torch.ones(1)
    plain, focal = Objective(), Objective(gamma=2.0)
    assert focal.losses(well, one) / plain.losses(well, one) < 1e-3
    assert focal.losses(badly, one) / plain.losses(badly, one) > 0.5


@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("target", [0.0, 1.0, 0.3])
def test_losses_and_gradients_are_finite_however_sure_a_model_is(
    gamma: float, target: float
) -> None:
    logits = torch.tensor([-1e4, -100.0, -30.0, 0.0, 30.0, 100.0, 1e4], requires_grad=True)
    losses = Objective(2.0, gamma).losses(logits, torch.full((7,), target))
    losses.sum().backward()
    assert torch.isfinite(losses).all()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    assert (losses >= 0).all()
    if target == 1.0:
        assert logits.grad[0] < -1, "what is told wholly wrong must still teach"


def test_the_gradient_of_focal_loss_is_that_of_finite_differences() -> None:
    logits = LOGITS.clone().requires_grad_()
    soft = torch.where(HARD == 1, 0.8, 0.05).double()
    for target in (HARD, soft):
        assert torch.autograd.gradcheck(partial(Objective(2.0, 2.0).losses, target=target), logits)


def test_balanced_weight_is_the_ratio_of_effective_numbers() -> None:
    beta, n_rare, n_common = 0.999, 100, 5000
    expected = ((1 - beta) / (1 - beta**n_rare)) / ((1 - beta) / (1 - beta**n_common))
    assert balanced_weight(n_rare, n_common, beta) == pytest.approx(expected, rel=1e-9)
    assert balanced_weight(n_rare, n_common, 0) == 1
    assert balanced_weight(n_rare, n_common, 1 - 1e-12) == pytest.approx(50, rel=1e-3)
    assert balanced_weight(7, 7, beta) == 1
    with pytest.raises(InputError, match="0 positives and 5 negatives"):
        balanced_weight(0, 5, beta)


def test_tasks_weigh_as_they_did_unless_told_otherwise(signals: list[LabelledSignal]) -> None:
    v, s = BeatTask(tiny_config("beat"), signals, []).objectives
    assert (v, s) == (Objective(1.0, 0.0), Objective(SUPRAVENTRICULAR_WEIGHT, 0.0))
    assert QrsTask(tiny_config("qrs"), signals, []).objective == Objective(PEAK_WEIGHT, 0.0)


def test_balanced_weights_come_from_the_training_beats(signals: list[LabelledSignal]) -> None:
    balanced = {"weights": "balanced", "loss": "focal", "gamma": 1.0, "beta": 0.99}
    n, s, v = np.bincount(np.concatenate([x.aami for x in signals if x.first]), minlength=3)[:3]
    objectives = BeatTask(tiny_config("beat", objective=balanced), signals, []).objectives
    assert objectives == (
        Objective(balanced_weight(v, n + s, 0.99), 1.0),
        Objective(balanced_weight(s, n, 0.99), 1.0),
    )
    assert objectives[1].positive_weight > 2
    qrs = QrsTask(tiny_config("qrs", objective=balanced), signals, []).objective
    assert qrs.positive_weight > 1


@pytest.mark.train
@pytest.mark.parametrize("task", ["beat", "qrs"])
@pytest.mark.parametrize("loss", ["bce", "focal"])
def test_a_run_learns_by_every_objective(
    signals: list[LabelledSignal], task: str, loss: str
) -> None:
    torch.manual_seed(0)
    objective = {"loss": loss, "weights": "balanced"}
    size = {"qrs": {"fine": 8, "coarse": 16, "hidden": 16}, "beat": {}}[task]
    fit = {"length": 16, "batch": 4}
    config = tiny_config(task, objective=objective, fit=fit, architecture=size)
    kind = {"beat": BeatTask, "qrs": QrsTask}[task]
    learner = kind(config, signals, [])
    learner.log = learner.log_dict = lambda *_, **__: None  # type: ignore[method-assign]
    optimizer = torch.optim.Adam(learner.model.parameters(), lr=0.02)
    batch = next(iter(learner.train_dataloader()))
    losses = []
    for _ in range(40):
        value = learner.training_step(batch, 0)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(float(value.detach()))
    assert losses[-1] < 0.7 * losses[0]


def test_strings_have_their_own_loss(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    head = 'task = "ctc"\nname = "x"\nversion = "1.0.0"\n'
    path.write_text(head + '[objective]\nloss = "focal"\n')
    with pytest.raises(InputError, match="objective: the task's own loss is used"):
        load_config(path)
    path.write_text(head.replace("ctc", "beat") + "[objective]\ngamma = 0.5\n")
    with pytest.raises(InputError, match=r"objective\.gamma"):
        load_config(path)
    assert ObjectiveConfig().loss == "bce"
