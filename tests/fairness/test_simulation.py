"""Intervals hold the truth about as often as they say; row intervals do not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fairness.measures import MEASURES
from fairness.simulation import __main__ as study
from fairness.simulation.coverage import CASES, HARDER, cover
from fairness.simulation.metrics import false_differences

PAGE = Path(__file__).parents[2] / "docs" / "fairness-validation.md"


@pytest.mark.parametrize("metric", [*CASES, *HARDER])
@pytest.mark.parametrize("patients", [15, 60])
def test_intervals_over_patients_hold_the_truth(metric, patients) -> None:
    found = cover(metric, (CASES | HARDER)[metric], patients, 0.2, 150, seed=11)
    assert found.ours >= 0.90
    assert found.rows < 0.80
    assert found.ours + found.missed_low + found.missed_high == pytest.approx(1)


def test_independent_units_are_not_held_to_be_alike() -> None:
    found = cover("sensitivity", CASES["sensitivity 0.95"], 50, 0.0, 150, seed=1)
    assert found.ours >= 0.90
    assert found.rows > 0.88
    assert found.width < 0.02


def test_a_study_is_kept_and_its_page_written(tmp_path, monkeypatch) -> None:
    words = ["study", "--trials", "5", "--docs", str(tmp_path), "--only", "AUROC 0.90"]
    monkeypatch.setattr("sys.argv", words)
    study.main()
    assert len(json.loads((tmp_path / study.STORE).read_text())["AUROC 0.90"]) == 15
    assert "| 200 |" in (tmp_path / "fairness-validation.md").read_text()
    assert (tmp_path / "figures" / "fairness-coverage.png").stat().st_size > 10_000


def test_the_page_in_the_docs_is_the_one_its_figures_make(tmp_path, monkeypatch) -> None:
    (tmp_path / study.STORE).write_text((PAGE.parent / study.STORE).read_text())
    monkeypatch.setattr("sys.argv", ["study", "--docs", str(tmp_path), "--only", "page"])
    study.main()
    assert (tmp_path / PAGE.name).read_text() == PAGE.read_text()


def test_no_metric_is_often_said_to_differ_between_groups_that_are_alike() -> None:
    found = false_differences(40, seed=3)
    assert {one.metric for one in found} >= set(MEASURES) - {"exclusion_rate"}
    assert max(one.said for one in found) <= 0.20
    assert sum(one.said for one in found) / len(found) <= 0.10
