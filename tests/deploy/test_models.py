"""The command ``vigil models``: what it lists, and what it finds out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deploy.cli.main import run
from inference.model import builtin_names
from tests.onnx_models import write_windowed_model
from tests.records import vigil

Say = pytest.CaptureFixture[str]


def told(capsys: Say) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_all_shipped_models_are_listed_with_their_metadata(capsys: Say) -> None:
    assert run(["models", "--json"]) == 0

    found = told(capsys)
    assert [Path(str(each["path"])).stem for each in found] == builtin_names()
    for each in found:
        assert each.keys() >= {"kind", "version", "fs", "classes", "look_ahead_s", "digest", "card"}
        assert "verified" not in each


def test_shipped_models_keep_a_streams_scores_whoever_else_is_in_the_batch(capsys: Say) -> None:
    assert run(["models", "--verify", "--json"]) == 0
    assert all(each["verified"] for each in told(capsys))


def test_a_model_is_found_by_name_or_path(tmp_path: Path, capsys: Say) -> None:
    path = write_windowed_model(tmp_path / "mine.onnx")

    assert run(["models", "qrs", str(path), "--json"]) == 0

    assert [each["kind"] for each in told(capsys)] == ["qrs", "window"]


def test_people_get_a_table(capsys: Say) -> None:
    assert run(["models", "qrs"]) == 0
    assert "look ahead s" in capsys.readouterr().out


def test_a_model_that_sees_its_neighbours_fails(tmp_path: Path) -> None:
    good = write_windowed_model(tmp_path / "good.onnx")
    bad = write_windowed_model(tmp_path / "bad.onnx", sees_its_neighbours=True)

    done = vigil("models", good, bad, "--verify", "--json")

    assert done.returncode == 1, done.stderr
    first, last = map(json.loads, done.stdout.splitlines())
    assert (first["verified"], last["verified"]) == (True, False)
    assert "probabilities differ in batches of 1 streams" in last["why_not"]


def test_an_unknown_model_is_bad_input(capsys: Say) -> None:
    assert run(["models", "nope"]) == 2
    assert "there are: " in capsys.readouterr().err
