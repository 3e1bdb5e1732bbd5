"""The curve of a gate: what it sums up, and that it is made of patients left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference.ticks import N, S, V
from ingest.errors import InputError
from tests.training.databases import tiny_config
from tests.training.test_gated_task import calm_record
from training import crossval, gate_curve
from training.crossval import LeftOut
from training.datasets import LabelledSignal
from training.gate_curve import point, write
from training.survey import fit_gated as fit_gated_module
from training.survey.arms import arms_named
from training.survey.folds import folds_of

CONFIG = tiny_config("gated-beat", fit={"epochs": 1, "steps": 2})


def test_a_point_counts_what_was_missed_and_what_it_cost() -> None:
    aami = np.array([N, N, N, N, S, S, V, V, V, V], np.int8)
    passed = np.array([1, 1, 0, 0, 1, 0, 0, 0, 0, 1], np.bool_)
    v = np.where((aami == V) & ~passed, 0.9, 0.1).astype(np.float32)
    s = np.where((aami == S) & ~passed, 0.9, 0.1).astype(np.float32)
    s[2] = 0.9
    found = point([(LeftOut("a", v, s, aami), passed)], CONFIG, 1.0, 0.1)
    assert found.passed == 0.4
    assert found.cost == pytest.approx(0.7)
    assert found.se == (50.0, 75.0)
    assert found.ppv == (50.0, 100.0)
    assert found.lost == (1, 1)


@pytest.fixture(autouse=True)
def _short_records_count(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (crossval, fit_gated_module):
        monkeypatch.setattr(module, "LEARNING_MS", 0)


@pytest.mark.train
def test_the_curve_starts_where_nothing_is_passed_and_gets_cheaper(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signals = [replace(calm_record(seed, 80), patient=f"p{seed}") for seed in range(2)]
    monkeypatch.setattr(gate_curve, "LIMITS", (0.0, 3.0, 1e6))
    curve = write(CONFIG, signals, 2, tmp_path)
    assert curve[0].passed == 0
    assert curve[0].cost > 1
    assert curve[0].cost > curve[1].cost >= curve[2].cost > 0.05
    assert curve[0].lost == (0, 0)
    assert (tmp_path / "gate.png").read_bytes().startswith(b"\x89PNG")
    assert "| no gate | 0.0 % | 1.000 |" in (tmp_path / "gate.md").read_text("utf-8")
    with pytest.raises(InputError, match="task is 'beat'; allowed here: 'gated-beat'"):
        write(tiny_config("beat"), signals, 2, tmp_path)


@pytest.mark.train
@pytest.mark.parametrize(("name", "figure"), [("gated", "passed_share"), ("ctc", "error_rate")])
def test_an_arm_with_a_procedure_of_its_own_gives_its_figures(
    signals: list[LabelledSignal], tmp_path: Path, name: str, figure: str
) -> None:
    (arm,) = arms_named(name)
    config = arm.config(tiny_config("beat", fit={"epochs": 1, "steps": 2}), seed=1)
    outcome = arm.procedure(config, next(folds_of(signals, 3)), tmp_path)
    assert outcome.further[figure] >= 0
    assert outcome.macs_a_beat is not None
    assert outcome.macs_a_beat > 0
    assert outcome.n_parameters > 0
    assert [path.suffix for path in tmp_path.iterdir()] == [".onnx"]
