"""A training run end to end, small: what it leaves behind, again, gone on with, stopped early."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from inference.session import StreamSession
from ingest.errors import InputError
from tests.training.databases import NAMES, tiny_config
from training.beat_task import BeatTask
from training.config import TrainConfig
from training.export_again import export_again
from training.fit import Run, fit

pytestmark = pytest.mark.train

PARTS = {"config.json", "run.json", "metrics.csv", "curves.png", "last.ckpt", "subjects.csv"}
JUDGED = {"data": {"validation": NAMES[1:2]}}
"""One patient learned from, one kept aside."""


@pytest.fixture(scope="module", params=["qrs", "beat"])
def run(
    request: pytest.FixtureRequest, data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Run:
    """Both tasks, run once for all tests."""
    config = tiny_config(request.param, **JUDGED)
    return fit(config, data, tmp_path_factory.mktemp("run"), progress=False)


def kind_of(run: Run) -> str:
    return str(run.summary["config"]["task"])  # type: ignore[index]


def epochs_of(metrics: Path, column: str) -> list[int]:
    with metrics.open(newline="") as file:
        return [int(row["epoch"]) for row in csv.DictReader(file) if row.get(column)]


def test_a_run_leaves_all_its_parts(run: Run) -> None:
    assert {path.name for path in run.folder.iterdir()} >= {*PARTS, run.model.name}
    assert (run.folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((run.folder / "run.json").read_text()) == run.summary
    assert run.summary["training_patients"] == ["simdb/ada"]
    assert run.summary["validation_patients"] == ["simdb/bea"]
    assert run.summary["epochs"] == 2
    assert float(run.summary["onnx_difference"]) < 1e-5  # type: ignore[arg-type]
    assert epochs_of(run.folder / "metrics.csv", "val_f1") == [0, 1]
    assert list((run.folder / "log" / "tensorboard").glob("events.out.tfevents.*"))
    told = (run.folder / "subjects.csv").read_text().splitlines()
    assert told[1:] == ["training,ada,simdb/ada,,", "validation,bea,simdb/bea,,"]


def test_the_model_serves_and_does_not_see_its_neighbours(run: Run) -> None:
    session = StreamSession(run.model, kind_of(run), 40)
    assert session.info.data_digest == run.summary["data_digest"]
    rng = np.random.default_rng(0)
    n_samples = session.info.length or 50
    signal = rng.standard_normal((3, 37, 1, n_samples)).astype(np.float32)
    rr_s = rng.uniform(0.4, 1.2, (3, 37, 1)).astype(np.float32)
    together = [session.step(np.arange(37), x, rr) for x, rr in zip(signal, rr_s, strict=True)]
    for n in (1, 5, 17):
        session.reset(np.arange(40))
        for k in range(3):
            for at in range(0, 37, n):
                rows = np.arange(at, min(at + n, 37))
                alone = session.step(rows, signal[k, rows], rr_s[k, rows])
                np.testing.assert_array_equal(alone, together[k][rows])


def test_a_finished_run_is_exported_again_without_fitting(run: Run, tmp_path: Path) -> None:
    copied = tmp_path / "run"
    shutil.copytree(run.folder, copied)
    assert export_again(copied) == 0
    assert (copied / run.model.name).read_bytes() == run.model.read_bytes()
    assert export_again(copied, "9.1.0") == 0
    kept = json.loads((copied / "run.json").read_text())["config"]["version"]
    assert StreamSession(copied / run.model.name, kind_of(run)).info.version == kept == "9.1.0"


def test_a_run_that_another_model_stands_in_is_not_exported_again(
    run: Run, data: Path, tmp_path: Path
) -> None:
    copied = tmp_path / "run"
    shutil.copytree(run.folder, copied)
    checkpoint = next(copied.glob("best.ckpt"), copied / "last.ckpt")
    weights = torch.load(checkpoint, map_location="cpu")
    weights["state_dict"] = {name: 2 * part for name, part in weights["state_dict"].items()}
    torch.save(weights, checkpoint)
    with pytest.raises(InputError, match="differs from its export"):
        export_again(copied)
    assert (copied / run.model.name).read_bytes() == run.model.read_bytes()
    (copied / "run.json").unlink()
    with pytest.raises(InputError, match="holds no finished run"):
        export_again(copied)


def test_the_same_seed_gives_the_same_file_and_another_another(
    run: Run, data: Path, tmp_path: Path
) -> None:
    config = TrainConfig.model_validate(run.summary["config"])
    again = fit(config, data, tmp_path / "again", progress=False)
    assert again.model.read_bytes() == run.model.read_bytes()
    other = config.model_copy(update={"fit": config.fit.model_copy(update={"seed": 1})})
    moved = fit(other, data, tmp_path / "other", progress=False)
    assert moved.model.read_bytes() != run.model.read_bytes()


def cut_off(
    config: TrainConfig, data: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> list[int]:
    """Run until step ``at``, which fails; return a list that later steps are added to."""
    taught: list[int] = []
    honest = BeatTask.training_step

    def training_step(self: BeatTask, batch, batch_idx: int):
        if self.global_step == at and not taught:
            taught.append(-1)
            raise RuntimeError("power cut")
        if taught:
            taught.append(self.current_epoch)
        return honest(self, batch, batch_idx)

    monkeypatch.setattr(BeatTask, "training_step", training_step)
    with pytest.raises(RuntimeError, match="power cut"):
        fit(config, data, folder, progress=False)
    return taught


def test_a_run_that_was_cut_off_goes_on_from_its_checkpoint(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny_config("beat", **JUDGED, fit={"epochs": 3})
    taught = cut_off(config, data, tmp_path, monkeypatch, at=4)

    run = fit(config, data, tmp_path, progress=False)

    assert taught[1:] == [1, 1, 1, 2, 2, 2]
    assert run.summary["epochs"] == 3
    assert epochs_of(tmp_path / "metrics.csv", "val_f1") == [0, 1, 2]


def test_a_run_of_another_kind_is_not_gone_on_with(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny_config("beat")
    cut_off(config, data, tmp_path, monkeypatch, at=4)
    other = config.model_copy(update={"version": "0.2.0"})
    with pytest.raises(InputError, match="holds a run that was cut off, of another configuration"):
        fit(other, data, tmp_path, progress=False)


def test_a_run_that_has_ended_is_made_anew(data: Path, tmp_path: Path) -> None:
    config = tiny_config("beat")
    first = fit(config, data, tmp_path, progress=False)
    content = first.model.read_bytes()
    first.model.unlink()

    again = fit(config, data, tmp_path, progress=False)

    assert again.model.read_bytes() == content
    assert epochs_of(tmp_path / "metrics.csv", "loss_v_epoch") == [0, 1]
    shorter = tiny_config("beat", fit={"epochs": 1})
    assert fit(shorter, data, tmp_path, progress=False).summary["epochs"] == 1


def test_a_run_stops_early_and_keeps_its_best_epoch(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def worse_each_time(self: BeatTask) -> None:
        self.log("val_f1", 1 / (1 + self.current_epoch))

    monkeypatch.setattr(BeatTask, "on_validation_epoch_end", worse_each_time)
    config = tiny_config("beat", **JUDGED, fit={"epochs": 9, "patience": 2})

    run = fit(config, data, tmp_path / "early", progress=False)

    assert run.summary["epochs"] == 3
    assert epochs_of(run.folder / "metrics.csv", "val_f1") == [0, 1, 2]
    checkpoint = tmp_path / "early" / "best.ckpt"
    import torch

    assert torch.load(checkpoint)["epoch"] == 0
    kept = torch.load(checkpoint)["state_dict"]
    last = torch.load(tmp_path / "early" / "last.ckpt")["state_dict"]
    assert not torch.equal(kept["model.head_v.bias"], last["model.head_v.bias"])
    assert kept["model.head_v.bias"].numpy().tobytes() in run.model.read_bytes()


@pytest.mark.parametrize(
    ("tables", "named"),
    [
        ({"architecture": {"layers": 3}}, "architecture: no key layers; allowed: channels"),
        ({"architecture": {"hidden_v": "many"}}, "architecture.hidden_v is 'many'"),
        ({"architecture": {"core": "xlstm"}}, "architecture.core is 'xlstm'; allowed: .*lstm"),
        ({"enrichment": {"typo": 3}}, "enrichment: no key typo; allowed: premature_atrial"),
        ({"data": {"records": ("ada", "nobody")}}, "nobody"),
        ({"data": {"leads": (0, 5)}}, "record ada has 2 leads, no 5"),
    ],
)
def test_what_a_run_cannot_use_is_named_before_it_starts(
    data: Path, tmp_path: Path, tables: dict, named: str
) -> None:
    with pytest.raises(InputError, match=named):
        fit(tiny_config("beat", **tables), data, tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_one_person_on_both_sides_is_refused(tmp_path: Path) -> None:
    from training.sources import read_split

    config = tiny_config(
        "beat", data={"database": "mitdb", "records": ("201", "202"), "validation": ("202",)}
    )
    with pytest.raises(
        InputError, match="patient mitdb/201 is in both 'training' and 'validation'"
    ):
        read_split(config.data, tmp_path)
