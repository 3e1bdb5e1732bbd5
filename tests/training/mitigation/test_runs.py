"""Whole runs with a table ``[mitigation]``: what is exported, written, logged, and refused."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from inference import model as serving
from inference.session import StreamSession
from ingest.errors import InputError
from tests.training.databases import NAMES, tiny_config, write_database
from training.config import load_config
from training.crossval import fold_tasks
from training.datasets import load
from training.fit import fit
from training.mitigation.serve import FILE
from training.mitigation.task import MitigatedBeatTask

ASKED = {"allow": True, "asked_by": "the clinic", "why": "a trial"}
HEAD = 'task = "beat"\nname = "mine"\nversion = "1.0.0"\n'
KEPT = '[data]\nvalidation = ["101", "106"]\n[fit]\npatience = 2\n'


@pytest.fixture(scope="module")
def told_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a database whose headers tell age and sex: two women, two men."""
    folder = tmp_path_factory.mktemp("told")
    write_database(folder / "simdb", 4)
    for name, comment in zip(NAMES, ("30 F", "70 M", "50 F", "60 F"), strict=True):
        with (folder / "simdb" / f"{name}.hea").open("a", encoding="utf-8") as file:
            file.write(f"# {comment}\n")
    return folder


def run_of(data: Path, folder: Path, *, kept: bool = False, **mitigation: Any) -> Path:
    """Fit on ada (F) and bea (M); where asked for, cat and dot (F) judge."""
    tables: dict[str, Any] = {"mitigation": mitigation}
    if kept:
        tables |= {
            "data": {"records": NAMES, "validation": NAMES[2:]},
            "fit": {"patience": 5, "epochs": 3},
        }
    return fit(tiny_config("beat", **tables), data, folder, progress=False).model


@pytest.mark.train
@pytest.mark.parametrize("method", ["reweight", "resample", "group-dro", "adversary"])
def test_what_is_exported_is_of_the_same_kind_as_before(
    told_data: Path, tmp_path: Path, method: str
) -> None:
    plain = onnx.load(str(run_of(told_data, tmp_path / "plain")))
    path = run_of(told_data, tmp_path / method, method=method)
    ours = onnx.load(str(path))

    def form(model: onnx.ModelProto) -> Any:
        graph = model.graph
        return (
            [str(value) for value in (*graph.input, *graph.output)],
            sorted((one.name, tuple(one.dims)) for one in graph.initializer),
            [node.op_type for node in graph.node],
            sorted(entry.key for entry in model.metadata_props),
        )

    assert form(ours) == form(plain)
    assert ours.SerializeToString() != plain.SerializeToString()
    session = StreamSession(path, "beat", 1)
    window = np.zeros((1, 1, session.info.length), np.float32)
    assert session.step(np.zeros(1, np.intp), window, np.ones((1, 1), np.float32)).shape == (1, 3)


@pytest.mark.train
def test_the_epoch_that_serves_the_worst_group_best_is_exported(
    told_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def predict(self: MitigatedBeatTask, record: Any) -> tuple[np.ndarray, np.ndarray]:
        right = record.aami == 2
        share = (0.3, 1.0, 0.0)[self.current_epoch]
        known = np.arange(len(right)) < share * len(right)
        v = (right & known).astype(np.float32)
        return v, np.zeros_like(v)

    monkeypatch.setattr(MitigatedBeatTask, "predict", predict)
    how = {"select": "worst-group", "min_patients": 2}
    path = run_of(told_data, tmp_path, kept=True, **how)
    import torch

    best = torch.load(path.parent / "best.ckpt")
    assert best["epoch"] == 1
    assert best["state_dict"]["model.head_v.bias"].numpy().tobytes() in path.read_bytes()
    with pytest.raises(InputError, match=r"no group has 3 validation patients \(F 2\)"):
        run_of(told_data, tmp_path / "more", kept=True, select="worst-group", min_patients=3)


@pytest.mark.train
def test_thresholds_of_each_group_are_written_as_what_they_are(
    told_data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        path = run_of(told_data, tmp_path / "run", kept=True, thresholds=ASKED, min_patients=2)
    (line,) = [r.getMessage() for r in caplog.records if "differential" in r.getMessage()]
    assert "differential treatment: thresholds by sex" in line
    assert line.endswith("asked for by the clinic: a trial")
    told = json.loads((path.parent / FILE).read_text())
    assert told["kind"] == "differential treatment"
    assert told["opt_in"] == {"asked_by": "the clinic", "why": "a trial"}
    assert told["patients"] == {"F": 2}
    _, plain = serving.load(path)
    assert dict(plain.thresholds) == {"S": 0.5, "V": 0.5}
    for other in path.parent.glob("*.f.onnx"):
        _, info = serving.load(other)
        assert dict(info.thresholds) == told["thresholds"]["F"]


@pytest.mark.train
def test_without_the_opt_in_nothing_is_written(told_data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="differential treatment"):
        run_of(told_data, tmp_path, kept=True, thresholds={**ASKED, "allow": False})
    assert not (tmp_path / FILE).exists()
    run_of(told_data, tmp_path / "plain", kept=True)
    assert not (tmp_path / "plain" / FILE).exists()


@pytest.mark.train
def test_folds_are_fitted_with_the_mitigation_too(told_data: Path) -> None:
    signals = load(told_data / "simdb", NAMES, fs=125)
    told = tiny_config("beat", mitigation={"method": "reweight", "attribute": "patient"})
    tasks = [task for task, _ in fold_tasks(told, signals, 2)]
    assert [type(task) for task in tasks] == [MitigatedBeatTask] * 2


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[mitigation]\nmethod = "magic"', "mitigation.method: Input should be 'none'"),
        ('[mitigation]\nattribute = "height"', "mitigation.attribute: "),
        ("[mitigation]\nmin_patients = 1", "mitigation.min_patients: "),
        ("[mitigation]\nage_bands = [65, 40]", "mitigation.age_bands must rise"),
        ('[mitigation]\nselect = "worst-group"', "mitigation.select chooses among epochs"),
        (
            KEPT + '[mitigation]\nselect = "worst-group"\nattribute = "patient"',
            "a group of one patient never decides",
        ),
        (
            KEPT + '[mitigation.thresholds]\nasked_by = "me"\nwhy = "so"',
            "differential treatment; they need allow = true",
        ),
        (
            KEPT + '[mitigation.thresholds]\nallow = true\nasked_by = " "\nwhy = "so"',
            "asked_by = who asks, and why",
        ),
        (
            '[mitigation.thresholds]\nallow = true\nasked_by = "me"\nwhy = "so"',
            "mitigation.thresholds needs data.validation",
        ),
    ],
)
def test_what_a_run_may_not_ask_for_is_named(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "run.toml"
    path.write_text(HEAD + text, "utf-8")
    with pytest.raises(InputError, match=named):
        load_config(path)


def test_other_tasks_have_no_mitigation(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(HEAD.replace("beat", "qrs", 1) + '[mitigation]\nmethod = "reweight"', "utf-8")
    with pytest.raises(InputError, match="allowed for task 'qrs': nothing; it is for task 'beat'"):
        load_config(path)
