"""Every arm of the comparison, run for real on a made cohort: fitted on some, judged on others."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from inference.ticks import V
from tests.training.mitigation.cohort import N_BEATS, config, person
from training.mitigation.arms import all_arms
from training.mitigation.leakage import balanced_accuracy
from training.survey.arms import Arm
from training.survey.folds import Fold, folds_of
from training.survey.outcome import Outcome

START_MS = 24_000
"""Labelled start of these short records, ms: thirty beats."""

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Fold, dict[str, Outcome]]:
    """All arms on the first of four folds of eight men and eight women."""
    torch.set_num_threads(1)
    people = [
        person(f"{sex}{i}", sex, 10 * i + (sex == "F"), rare=sex == "F")
        for sex in ("M", "F")
        for i in range(8)
    ]
    fold = next(folds_of(people, 4))
    base = config(min_patients=3)
    base = base.model_copy(
        update={"fit": base.fit.model_copy(update={"epochs": 3, "steps": 8, "batch": 4})}
    )
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.survey.folds.LEARNING_MS", START_MS)
        patch.setattr("training.mitigation.procedures.LEARNING_MS", START_MS)
        for arm in all_arms():
            folder = tmp_path_factory.mktemp(arm.name)
            found[arm.name] = arm.procedure(arm.config(base, 0), fold, folder)
    return fold, found


@pytest.mark.parametrize("arm", all_arms(), ids=lambda arm: arm.name)
def test_an_arm_judges_each_patient_left_out_on_what_follows_the_start(
    outcomes: tuple[Fold, dict[str, Outcome]], arm: Arm
) -> None:
    fold, found = outcomes
    scored = {one.record: one for one in found[arm.name].scored}
    assert set(scored) == {signal.name for signal in fold.split.validation}
    for signal in fold.split.validation:
        np.testing.assert_array_equal(scored[signal.name].aami, signal.aami[30:])
        assert len(scored[signal.name].v) == N_BEATS - 30


def test_arms_are_not_one_another(outcomes: tuple[Fold, dict[str, Outcome]]) -> None:
    _, found = outcomes
    fitted = [name for name in found if name.startswith(("re", "group", "adv", "plain"))]
    told = {name: np.concatenate([one.v for one in found[name].scored]) for name in fitted}
    for i, name in enumerate(fitted):
        for other in fitted[i + 1 :]:
            if {name.rpartition("-")[0]} == {other.rpartition("-")[0]}:
                continue  # sex and age are the same groups here
            assert not np.array_equal(told[name], told[other]), (name, other)


def test_adaptation_makes_use_of_the_labelled_start(
    outcomes: tuple[Fold, dict[str, Outcome]],
) -> None:
    _, found = outcomes

    def wrong(name: str) -> float:
        return float(
            np.mean(
                [((o.called(0.5, 0.5) == V) != (o.aami == V)).mean() for o in found[name].scored]
            )
        )

    assert wrong("adapted") < 0.02 < wrong("plain")


def test_plain_training_and_adversaries_are_probed(
    outcomes: tuple[Fold, dict[str, Outcome]],
) -> None:
    fold, found = outcomes
    probed = {
        name for name, one in found.items() if any(k.startswith("leak/") for k in one.further)
    }
    assert probed == {"plain", "adversary-sex", "adversary-age"}
    told = {
        name.removeprefix("leak/sex/"): share
        for name, share in found["plain"].further.items()
        if name.startswith("leak/sex/")
    }
    assert set(told) == set(fold.split.validation_patients)
    groups = {s.patient: s.subject.sex for s in fold.split.validation}
    assert balanced_accuracy(told, groups) > 0.9  # each sex has a mark in front of every beat


def test_thresholds_and_epochs_that_were_chosen_are_told(
    outcomes: tuple[Fold, dict[str, Outcome]],
) -> None:
    _, found = outcomes
    assert set(found["thresholds-sex"].further) == {
        f"threshold/{group}/{name}" for group in "FM" for name in "VS"
    }
    assert found["held-back"].further == {"epoch": 3.0}
    assert found["worst-epoch-sex"].further["epoch"] in (1.0, 2.0, 3.0)
