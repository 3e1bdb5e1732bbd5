"""The worst group chooses the epoch, and a group of one patient never does."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from inference.ticks import N, S, V
from ingest.errors import InputError
from tests.training.mitigation.cohort import cohort, config, fresh, person
from training.crossval import LeftOut
from training.guard import Split
from training.mitigation.held_back import Epoch, HeldBack, hold_back
from training.mitigation.selection import deciding_groups, patient_score, worst_group
from training.mitigation.settings import MitigationConfig
from training.mitigation.task import MitigatedBeatTask


def right_to(record, share: float) -> LeftOut:
    """Say the truth of so many of a record's beats, of the others that they are N."""
    known = np.arange(len(record.aami)) < share * len(record.aami)
    v = ((record.aami == V) & known).astype(np.float32)
    return LeftOut(record.name, v, np.zeros_like(v), record.aami)


def epochs(records, *shares: dict[str, float]) -> HeldBack:
    """Make a fit of as many epochs, each with how well men and women are served."""
    told = [
        Epoch({}, [right_to(record, share[record.subject.sex]) for record in records])
        for share in shares
    ]
    return HeldBack(None, records, told, 0.0)  # type: ignore[arg-type]


def test_the_worst_group_chooses_another_epoch_than_the_mean() -> None:
    men = [person(f"he{i}", "M", i, rare=False) for i in range(6)]
    women = [person(f"she{i}", "F", 50 + i, rare=True) for i in range(2)]
    fitted = epochs(
        [*men, *women],
        {"M": 0.5, "F": 0.5},
        {"M": 1.0, "F": 0.3},
        {"M": 0.7, "F": 0.7},
        {"M": 0.1, "F": 1.0},
    )
    chosen = {
        select: fitted.chosen(MitigationConfig(select=select, min_patients=2))
        for select in ("task", "patient-mean", "worst-group")
    }
    assert chosen == {"task": 3, "patient-mean": 1, "worst-group": 2}


def test_a_group_of_one_patient_never_decides() -> None:
    groups = {"a": "F", "b": "M", "c": "M", "d": "unknown", "e": "unknown"}
    assert set(deciding_groups(groups, groups, 2)) == {"M", "unknown"}
    assert "F" not in deciding_groups(groups, groups, 1)
    with pytest.raises(InputError, match=r"no group has 3 validation patients \(F 1, M 2,"):
        deciding_groups(groups, groups, 3)
    scores = {"a": 0.0, "b": 0.8, "c": 0.6, "d": 0.9, "e": 0.9}
    assert worst_group(scores, deciding_groups(groups, groups, 2)) == ("M", 0.7)


def test_a_patient_weighs_the_same_however_many_beats_they_have() -> None:
    few = np.array([N, V], np.int8)
    many = np.tile(few, 500)
    assert patient_score(few, few) == patient_score(many, many) == 1
    assert patient_score(few, np.array([N, S])) == pytest.approx(0.5)
    assert patient_score(np.array([3, 4], np.int8), np.array([N, V])) == 0  # F, Q: nothing to tell


def test_a_run_logs_what_its_epochs_are_judged_by() -> None:
    logged: dict[str, float] = {}
    one_woman = [*fresh(3)[:3]]
    told = config(select="worst-group", min_patients=2)
    task = MitigatedBeatTask(told, cohort(0), one_woman)
    task.log = lambda name, value, **_: logged.update({name: float(value)})  # type: ignore[method-assign]
    task.log_dict = lambda values, **_: logged.update(values)  # type: ignore[method-assign]
    task.on_validation_epoch_start()
    for record, share in zip(one_woman, (1.0, 0.5, 0.0), strict=True):
        one = right_to(record, share)
        task._seen.append((one.v, one.s, one.aami))
    task.on_validation_epoch_end()
    score = [
        patient_score(r.aami, right_to(r, share).called(0.5, 0.5))
        for r, share in zip(one_woman, (1.0, 0.5, 0.0), strict=True)
    ]
    assert logged["val_worst_group"] == pytest.approx(np.mean(score[:2]))  # the men's
    assert logged["val_patient_mean"] == pytest.approx(np.mean(score))
    assert score[2] < logged["val_worst_group"]


def test_what_is_remembered_of_a_record_is_what_it_gives() -> None:
    torch.manual_seed(0)
    records = fresh(3)
    task = MitigatedBeatTask(config(select="patient-mean"), cohort(0), records)
    task.eval()
    for record in records:
        for ours, alone in zip(
            task.predict(record), super(type(task), task).predict(record), strict=True
        ):
            np.testing.assert_allclose(ours, alone, atol=1e-5)


def test_patients_are_held_back_of_each_sex_and_nobody_is_on_both_sides() -> None:
    split = Split([person(f"{sex}{i}", sex, i, rare=False) for sex in "FM" for i in range(4)])
    held = hold_back(split, 2)
    assert len(held.validation_patients) == 4
    assert not set(held.training_patients) & set(held.validation_patients)
    assert {s.subject.sex for s in held.training} == {s.subject.sex for s in held.validation}
    with pytest.raises(InputError, match="there are 4 of F"):
        hold_back(split, 3)
