"""The command ``vigil audit``: tables or a database in, report and verdict out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from deploy.cli.main import run
from tests.training.databases import write_database
from training.assessment import kept

DECLARED = """
title = "a made-up detector"
rounds = 200
[[metrics]]
name = "sensitivity"
margin = 0.1
[[groups]]
attribute = "sex"
"""


def written(folder: Path, n: int, women: float, men: float) -> list[str]:
    """Write tables of ``n`` patients with 40 units each, and a declaration; give the arguments."""
    rng = np.random.default_rng(5)
    sex = np.array(["F", "M"] * (n // 2))
    patient = np.repeat([f"p{i:03}" for i in range(n)], 40)
    truth = np.tile([1, 0], 20 * n)
    found = rng.random(40 * n) < np.repeat(np.where(sex == "F", women, men), 40)
    table = pd.DataFrame({"patient": patient, "truth": truth, "prediction": truth * found})
    table.to_csv(folder / "predictions.csv", index=False)
    people = pd.DataFrame({"patient": [f"p{i:03}" for i in range(n)], "sex": sex})
    people.to_csv(folder / "people.csv", index=False)
    (folder / "audit.toml").write_text(DECLARED)
    return [
        *("audit", str(folder / "predictions.csv"), "--subjects", str(folder / "people.csv")),
        *("--declaration", str(folder / "audit.toml"), "--out", str(folder / "out"), "--no-pdf"),
    ]


@pytest.mark.parametrize(
    ("n", "women", "code", "verdict"),
    [(100, 0.9, 0, "pass"), (100, 0.5, 1, "fail"), (10, 0.9, 3, "insufficient evidence")],
)
def test_the_exit_code_is_the_verdict(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    n: int,
    women: float,
    code: int,
    verdict: str,
) -> None:
    assert run([*written(tmp_path, n, women, 0.9), "--json"]) == code
    told = json.loads(capsys.readouterr().out)
    assert told["verdict"] == verdict
    assert told["reasons"]
    (one,) = told["primary"]
    assert (one["attribute"], one["metric"], one["margin"]) == ("sex", "sensitivity", 0.1)
    assert {one["group"], one["reference"]} <= {"F", "M", "rest"}
    for path in told["files"]:
        assert Path(path).stat().st_size > 0
    page = (tmp_path / "out" / "report.html").read_text()
    assert verdict in page.lower()


def test_it_says_the_verdict_to_people_and_draws_it_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*written(tmp_path, 60, 0.9, 0.9), "--model", "our detector, third version"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("a made-up detector: pass")
    first, again = tmp_path / "out", tmp_path / "again"
    assert run(["audit", str(first / "audit.json"), "--out", str(again), "--no-pdf"]) == 0
    assert (again / "report.html").read_text() == (first / "report.html").read_text()
    assert "our detector, third version" in (again / "report.html").read_text()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (["--subjects", "none.csv"], "none.csv: cannot be read"),
        (["--declaration", "none.toml"], "none.toml"),
        (["--why", "x"], "go with --database"),
        (["--database", "."], "give it alone"),
    ],
)
def test_bad_use_exits_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: list[str], told: str
) -> None:
    assert run([*written(tmp_path, 10, 0.9, 0.9), *change, "--json"]) == 2
    printed = capsys.readouterr()
    assert told in printed.err
    assert told in json.loads(printed.out)["error"]["message"]


def test_bad_tables_exit_2_with_the_column_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = written(tmp_path, 10, 0.9, 0.9)
    (tmp_path / "predictions.csv").write_text("patient,truth,called\np0,1,1\n")
    assert run(argv) == 2
    assert "unknown column called; allowed are patient" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["audit", "--out", "o"], "--declaration is missing"),
        (["audit", "--out", "o", "--declaration", "d.toml"], "or --database"),
        (["audit", "a.json", "--out", "o"], "a.json"),
        (["audit", "a.json", "--out", "o", "--declaration", "d"], "only drawn again"),
        (["audit", "--database", "none", "--declaration", "d", "--out", "o"], "no folder none"),
    ],
)
def test_what_is_missing_is_named(
    argv: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(argv) == 2
    assert told in capsys.readouterr().err


OF_BEATS = """
title = "simulated patients"
rounds = 200
[[metrics]]
name = "sensitivity"
condition = "QRS"
margin = 0.1
[[metrics]]
name = "auroc"
condition = "VEB"
margin = 0.1
[[groups]]
attribute = "sex"
"""


def with_sex(folder: Path) -> None:
    """Write the sex of each simulated patient into the header."""
    for path, sex in zip(sorted(folder.glob("*.hea")), "FMFM", strict=False):
        path.write_text(path.read_text() + f"# 50 {sex} 1 2 x1\n")


@pytest.mark.slow
def test_a_database_is_scored_and_audited(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_database(tmp_path / "simdb")
    with_sex(tmp_path / "simdb")
    (tmp_path / "audit.toml").write_text(OF_BEATS)
    argv = [
        *("audit", "--database", str(tmp_path / "simdb"), "--learning-s", "5"),
        *("--declaration", str(tmp_path / "audit.toml"), "--out", str(tmp_path / "out")),
        *("--keep", str(tmp_path / "tables"), "--no-pdf", "--json"),
    ]
    assert run(argv) == 3  # three patients
    told = json.loads(capsys.readouterr().out)
    assert told["verdict"] == "insufficient evidence"
    again = [
        *("audit", str(tmp_path / "tables" / "predictions.parquet")),
        *("--subjects", str(tmp_path / "tables" / "subjects.csv")),
        *("--declaration", str(tmp_path / "audit.toml"), "--out", str(tmp_path / "again")),
        *("--no-pdf", "--json"),
    ]
    assert run(again) == 3
    assert json.loads(capsys.readouterr().out)["primary"] == told["primary"]


@pytest.mark.data
def test_ds2_is_looked_at_only_with_a_reason(
    data_dir: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kept, "LOG", tmp_path / "log.md")
    (tmp_path / "audit.toml").write_text(OF_BEATS)
    argv = [
        *("audit", "--database", str(data_dir / "mitdb"), "--records", "101,234"),
        *("--declaration", str(tmp_path / "audit.toml"), "--out", str(tmp_path / "out")),
    ]
    assert run(argv) == 2
    assert "1 records are of DS2" in capsys.readouterr().err
    assert not (tmp_path / "log.md").exists()
