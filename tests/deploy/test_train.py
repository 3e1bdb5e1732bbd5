"""The command ``vigil train``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deploy.cli.main import run
from tests.training.databases import write_database

CONFIG = """
task = "beat"
name = "tiny"
version = "0.1.0"
data = { database = "simdb", records = ["ada"] }
fit = { epochs = 1, steps = 1, batch = 1, length = 8 }
architecture = { channels = 2, embedding = 2, hidden_v = 2, hidden_s = 2 }
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(CONFIG)
    return path


@pytest.mark.train
def test_a_run_is_told_as_one_object(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_database(tmp_path / "data" / "simdb", 1)
    out = tmp_path / "run"

    assert (
        run(["train", str(config), "--data", str(tmp_path / "data"), "--out", str(out), "--json"])
        == 0
    )

    told = json.loads(capsys.readouterr().out)
    assert (told["folder"], told["model"]) == (str(out), str(out / "tiny.onnx"))
    assert Path(told["model"]).is_file()
    assert {"parameters", "epochs", "data_digest", "onnx_difference", "scores"} <= told.keys()


@pytest.mark.train
def test_people_are_told_where_the_model_is(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    write_database(tmp_path / "data" / "simdb", 1)
    monkeypatch.setenv("VIGIL_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)

    assert run(["train", str(config), "--seed", "7"]) == 0

    assert "runs/tiny/tiny.onnx: " in capsys.readouterr().out
    assert json.loads(Path("runs/tiny/run.json").read_text())["config"]["fit"]["seed"] == 7


def test_a_bad_config_is_bad_input(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(CONFIG.replace("epochs = 1", "epochs = 0"))
    assert run(["train", str(config), "--data", str(tmp_path)]) == 2
    assert "fit.epochs" in capsys.readouterr().err


def test_a_missing_data_folder_is_bad_input(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["train", str(config), "--data", str(tmp_path / "absent")]) == 2
    assert "name it with --data or VIGIL_DATA" in capsys.readouterr().err


def test_a_missing_database_is_bad_input(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["train", str(config), "--data", str(tmp_path), "--out", str(tmp_path / "o")]) == 2
    assert "ada" in capsys.readouterr().err
