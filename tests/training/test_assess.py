"""The command line of the assessment: DS2 stays closed without a reason, looks are logged."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference import model
from ingest.errors import InputError
from tests.training.assessment.rows import row
from tests.training.databases import NAMES
from training import assess
from training.assessment import cohort_scores, kept
from training.assessment.cohorts import COHORTS, Cohort
from training.assessment.publish import log_look
from training.splits import DS2


@pytest.fixture
def scored_cohorts(data: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let the simulated database stand for every cohort; give the keys that were scored."""
    seen: list[str] = []
    real = cohort_scores.score_cohorts

    def simulated(folder: Path, cohorts: list[Cohort], *args: object, **more: object) -> object:
        seen.extend(cohort.key for cohort in cohorts)
        there = [Cohort(c.name, "simdb", NAMES[:3], c.key) for c in cohorts]
        return real(data, there, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(cohort_scores, "score_cohorts", simulated)
    return seen


def test_without_a_reason_ds2_is_not_opened_and_nothing_is_written(
    scored_cohorts: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(kept, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(kept, "LOG", tmp_path / "EVALUATIONS.md")

    assess.main(["--strips", str(tmp_path / "strips"), "--strip-cohorts", "svdb"])

    held_out = {cohort.key for cohort in COHORTS if cohort.held_out}
    assert {*scored_cohorts} == {"ds1", "svdb"}
    assert not held_out & {*scored_cohorts}
    assert [path.name for path in tmp_path.iterdir()] == ["strips"]
    assert (tmp_path / "strips" / "beat" / "svdb.html").exists()
    said = capsys.readouterr().out
    assert "| svdb (never trained on) |" in said
    assert "mitdb DS2" not in said


def test_strips_of_ds2_are_refused_without_a_reason(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="say why with --why"):
        assess.main(["--strips", str(tmp_path), "--strip-cohorts", "ds2"])
    assert not list(tmp_path.iterdir())


def test_held_out_are_those_cohorts_with_a_record_of_ds2() -> None:
    for cohort in COHORTS:
        holds = cohort.database == "mitdb" and (
            not cohort.records or bool({*DS2} & {*cohort.records})
        )
        assert cohort.held_out == holds


def test_a_look_adds_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "EVALUATIONS.md"
    log.write_text("# Looks\n")
    monkeypatch.setattr(kept, "LOG", log)
    shipped = [model.load(model.builtin(name))[1].digest for name in ("qrs", "beat")]

    for why in ("first", "second"):
        log_look([row("svdb"), row("mitdb DS2", f1=12.341)], shipped, why)

    lines = log.read_text().splitlines()
    assert len(lines) == 3
    when, digests, *scores, why = (cell.strip() for cell in lines[1].strip("|").split("|"))
    assert len(when) == len("2025-01-01 00:00")
    assert scores == ["12.34"] * 3
    assert why == "first"
    assert digests.split() == [digest[:12] for digest in shipped]


def test_a_qrs_model_that_is_tried_is_not_shown_ds2(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not --qrs"):
        assess.main(["--qrs", str(tmp_path / "x.onnx"), "--why", "because"])
