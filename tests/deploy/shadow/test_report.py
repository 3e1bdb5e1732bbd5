"""The report over records: the same models differ in nothing, others in what they said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deploy.cli.main import run
from deploy.shadow.report import SCHEMA
from tests.records import write_ward


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ward")
    write_ward(folder, 4, 60.0)
    return folder


def report(ward: Path, out: Path, *words: str) -> dict:
    assert run(["shadow", "report", str(ward), "--out", str(out), *words]) == 0
    return json.loads((out / "shadow.json").read_text())


def test_a_model_beside_itself_differs_in_nothing(
    ward: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = report(ward, tmp_path, "--candidate", "beat", "--json")
    assert json.loads(capsys.readouterr().out) == told
    assert told["schema"] == SCHEMA
    assert told["patients"] == 4
    assert told["differences"] == []
    assert told["alarms"]["both"] > 0
    assert told["champion"]["beats"] == told["candidate"]["beats"] > 100


def test_another_model_is_compared_alarm_by_alarm_with_strips(
    ward: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = report(ward, tmp_path, "--candidate", "beat-two-lead")
    shown = capsys.readouterr().out
    assert f"{len(told['differences'])} alarms differ" in shown
    page = (tmp_path / "shadow.html").read_text()
    assert page.count("ten seconds of ECG before") == 2 * min(len(told["differences"]), 100) or (
        not told["differences"]
    )
    total = sum(told["alarms"].values())
    assert total == sum(sum(row[k] for k in told["alarms"]) for row in told["by_patient"])
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize(
    ("sources", "words", "told"),
    [
        (["nowhere"], [], "nowhere"),
        (["archive:x", "y"], [], "only source"),
        (["w"], ["--since", "2026-01-01"], "of a log or an archive"),
        (["kafka://127.0.0.1:1/t"], ["--since", "soon"], "no time"),
    ],
)
def test_bad_use_exits_2(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    sources: list[str],
    words: list[str],
    told: str,
) -> None:
    where = ["--candidate", "beat", "--out", str(tmp_path)]
    assert run(["shadow", "report", *sources, *where, *words]) == 2
    assert told in capsys.readouterr().err
