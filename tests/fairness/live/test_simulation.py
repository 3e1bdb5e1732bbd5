"""The study of the watch's error rate, in short: what the page tells in full."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from fairness.live import simulation
from fairness.live.simulation import Scenario, figures, simulate


def test_alerts_stay_below_alpha_where_a_test_after_each_patient_does_not() -> None:
    found = simulate(Scenario(2, simulation.MARGIN, patients=600), runs=60, seed=3)
    assert found.alerted <= simulation.ALPHA + 2 * math.sqrt(0.05 * 0.95 / 60)
    assert found.z_alerted > 2 * simulation.ALPHA


@pytest.mark.parametrize(("excess", "longest"), [(0.5, 90), (0.3, 250)])
def test_a_drift_is_found_the_sooner_the_larger(excess: float, longest: int) -> None:
    found = simulate(Scenario(3, excess, patients=1500), runs=15, seed=3)
    assert found.alerted == 1
    assert found.delay < longest


def test_figures_have_the_mean_they_are_asked_for_and_hang_together() -> None:
    drawn = figures(np.random.default_rng(1), np.full(20_000, 0.4))
    assert drawn.mean() == pytest.approx(0.4, abs=0.01)
    independent = 0.24 * np.mean([1 / n for n in range(1, 6)])
    assert drawn.var() > 1.3 * independent


def test_the_page_holds_every_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulation, "NULLS", (Scenario(2, 0.0, patients=50),))
    monkeypatch.setattr(simulation, "DRIFTS", (Scenario(2, 0.1, patients=50),))
    out = tmp_path / "page.md"
    simulation.main(["--runs", "2", "--out", str(out)])
    text = out.read_text()
    assert "| 2 | 0 | 0.0% | " in text
    assert "| 10 | 0 | 0% | – |" in text
