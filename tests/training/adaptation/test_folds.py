"""Fold models: nobody is asked about by a model, or taught by one, that saw them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from ingest.errors import InputError
from tests.training.databases import tiny_config
from training.adaptation.folds import fold_index, fold_of, open_fold, taught_folds, write_folds
from training.beat_task import BeatTask
from training.config import DistillConfig, TrainConfig
from training.datasets import LabelledSignal
from training.distill import Teacher

SHORT = {"epochs": 1, "steps": 6}


def taught() -> TrainConfig:
    distill = DistillConfig(teacher="beat", weight=0.5)
    return tiny_config("beat", fit=SHORT).model_copy(update={"distill": distill})


@pytest.fixture(scope="module")
def folds(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("folds")
    write_folds(tiny_config("beat", fit=SHORT), data, out, 2)
    return out


@pytest.mark.train
def test_each_patient_has_one_model_that_left_them_out(folds: Path) -> None:
    index = fold_index(folds)
    patients = sorted(patient for part in index.values() for patient in part)
    assert patients == sorted({*patients})
    for patient in patients:
        path = fold_of(patient, folds)
        assert patient in index[path.name]
        assert open_fold(path).head_v.weight.shape[0] == 1
    with pytest.raises(InputError, match="has left patient simdb/nobody out"):
        fold_of("simdb/nobody", folds)


@pytest.mark.train
def test_a_distilled_fold_is_taught_by_those_that_left_the_same_patients_out(
    folds: Path, signals: list[LabelledSignal], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[str, ...]] = []
    honest = Teacher.__init__

    def noted(self: Teacher, names: tuple[str, ...], student: object) -> None:
        heard.append(names)
        honest(self, names, student)

    monkeypatch.setattr(Teacher, "__init__", noted)
    done = list(taught_folds(taught(), signals, [folds, folds]))
    index = fold_index(folds)
    assert heard == [(str(folds / name), str(folds / name)) for name in index]
    for (task, split), patients in zip(done, index.values(), strict=True):
        assert isinstance(task, BeatTask)
        assert {s.patient for s in split.validation} == set(patients)
        assert not {s.patient for s in split.training} & set(patients)


@pytest.mark.train
def test_distilled_folds_are_written_like_any_other(
    folds: Path, data: Path, tmp_path: Path
) -> None:
    write_folds(taught(), data, tmp_path, 9, teachers=[folds])
    assert fold_index(tmp_path) == fold_index(folds)
    own, other = (open_fold(folder / "fold0.onnx").head_v.weight for folder in (tmp_path, folds))
    assert not torch.equal(own, other)


@pytest.mark.train
def test_what_cannot_be_taught_so_is_refused(
    folds: Path, signals: list[LabelledSignal], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"table \[distill\]"):
        next(taught_folds(tiny_config("beat"), signals, [folds]))
    (tmp_path / "folds.json").write_text(json.dumps({"fold0.onnx": ["simdb/ada"]}), "utf-8")
    with pytest.raises(InputError, match="leave out other patients"):
        next(taught_folds(taught(), signals, [folds, tmp_path]))
    with pytest.raises(InputError, match="no folds in"):
        next(taught_folds(taught(), signals, [tmp_path / "nothing"]))
