"""Leave-patients-out: each patient is scored once, by a model that never saw them."""

from __future__ import annotations

import numpy as np
import pytest

from inference.ticks import N, S, V
from ingest.errors import InputError
from tests.training.databases import tiny_config
from training import crossval
from training.beat_task import BeatTask
from training.config import DistillConfig, TrainConfig
from training.crossval import LeftOut, leave_out
from training.datasets import LabelledSignal
from training.guard import Split


@pytest.mark.train
def test_each_patient_is_left_out_once(
    signals: list[LabelledSignal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crossval, "LEARNING_MS", 20_000)
    seen: list[set[str]] = []
    honest = crossval.BeatTask.train_dataloader

    def train_dataloader(self):
        seen.append({signal.patient for signal in self.training_signals})
        return honest(self)

    monkeypatch.setattr(crossval.BeatTask, "train_dataloader", train_dataloader)
    config = tiny_config("beat", fit={"epochs": 1, "steps": 1})

    results = list(leave_out(config, signals, 2))

    assert [result.record for result in results] == ["ada", "cat", "bea"]
    assert seen == [{"simdb/bea"}, {"simdb/ada", "simdb/cat"}]
    for result in results:
        (signal,) = (s for s in signals if (s.name, s.lead_index) == (result.record, 0))
        counted = signal.r_ms >= 20_000
        np.testing.assert_array_equal(result.aami, signal.aami[counted])
        assert result.v.shape == result.s.shape == result.aami.shape
        assert ((result.v > 0) & (result.v < 1)).all()


def test_a_beat_is_v_before_it_is_s() -> None:
    v, s = np.array([0.9, 0.2, 0.2, 0.6]), np.array([0.9, 0.9, 0.1, 0.9])
    found = LeftOut("a", v, s, np.zeros(4, np.int8))
    assert found.called(0.5, 0.5).tolist() == [V, S, N, V]
    assert found.called(0.95, 0.3).tolist() == [N, S, N, S]


@pytest.mark.parametrize("n_folds", [0, 1, 4])
def test_folds_that_leave_nobody_out_or_in_are_refused(
    signals: list[LabelledSignal], n_folds: int
) -> None:
    with pytest.raises(InputError, match="folds must be 2 to 3"):
        next(leave_out(tiny_config("beat"), signals, n_folds))


def test_only_beat_models_are_cross_validated(signals: list[LabelledSignal]) -> None:
    with pytest.raises(InputError, match="task is 'qrs'; allowed here: 'beat'"):
        next(leave_out(tiny_config("qrs"), signals, 2))


def distilled() -> TrainConfig:
    return tiny_config("beat", fit={"epochs": 1, "steps": 1}).model_copy(
        update={"distill": DistillConfig(teacher="beat")}
    )


def test_a_teacher_that_may_know_those_left_out_is_refused(signals: list[LabelledSignal]) -> None:
    with pytest.raises(InputError, match="'beat', which may have learned from those left out"):
        next(leave_out(distilled(), signals, 2))


@pytest.mark.train
def test_the_teacher_is_fitted_anew_on_the_patients_of_each_fold(
    signals: list[LabelledSignal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crossval, "LEARNING_MS", 20_000)
    fitted: list[tuple[bool, list[str]]] = []
    honest = crossval._fitted

    def noted(config: TrainConfig, split: Split) -> BeatTask:
        fitted.append((config.distill is not None, split.training_patients))
        return honest(config, split)

    monkeypatch.setattr(crossval, "_fitted", noted)
    teacher = tiny_config("beat", fit={"epochs": 1, "steps": 1})
    heard = []
    monkeypatch.setattr(BeatTask, "teacher", lambda self: heard.append(self.config.distill))

    results = list(leave_out(distilled(), signals, 2, [teacher, teacher.with_seed(1)]))

    assert len(results) == 3
    one, other = ["simdb/bea"], ["simdb/ada", "simdb/cat"]
    assert fitted == [(kind, names) for names in (one, other) for kind in (False, False, True)]
    assert [len(set(each.teachers)) for each in heard if each is not None] == [2, 2]


@pytest.mark.train
def test_a_record_of_two_leads_is_left_out_with_both(
    signals: list[LabelledSignal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crossval, "LEARNING_MS", 20_000)
    config = tiny_config("two-lead-beat", fit={"epochs": 1, "steps": 1})
    results = list(leave_out(config, signals, 2))
    assert [result.record for result in results] == ["ada", "cat", "bea"]
    assert all(np.isfinite(result.v).all() for result in results)
