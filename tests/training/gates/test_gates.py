"""Gates: each passes what is as good, and stops the fault that it is for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from training.architectures.beat import BeatClassifier, BeatSize
from training.datasets import LabelledSignal
from training.gates.attack import attack
from training.gates.gate import Decision
from training.gates.limits import GateLimits
from training.gates.paired import calibration_change, f1_change
from training.gates.parity import parity_gate
from training.gates.robust import adversary
from training.gates.tables import Compared, calibration, groups, noninferiority

PATIENTS = [f"p{i:02}" for i in range(12)]
LIMITS = GateLimits(group_patients=3)


def beats(change: Callable[[str, np.ndarray], np.ndarray] = lambda _, p: p) -> pd.DataFrame:
    """Rows of calibrated scores of 12 patients; ``change`` alters a patient's scores."""
    rng = np.random.default_rng(5)
    parts = []
    for patient in PATIENTS:
        score = rng.beta(0.25, 0.9, 600)
        truth = rng.random(600) < score
        score = change(patient, score)
        for condition in ("QRS", "VEB", "SVEB"):
            columns = {"patient": patient, "condition": condition, "truth": truth.astype(int)}
            columns |= {"prediction": (score >= 0.5).astype(int), "score": score}
            parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def compared(candidate: pd.DataFrame) -> Compared:
    rate = ["from 90 bpm" if i % 3 == 0 else "below 90 bpm" for i in range(len(PATIENTS))]
    subjects = pd.DataFrame({"patient": PATIENTS, "rate": rate})
    return Compared(beats(), candidate, subjects, ("rate",))


def sharper(_: str, p: np.ndarray) -> np.ndarray:
    return np.asarray(p**8 / (p**8 + (1 - p) ** 8))


def without_some(patient: str, p: np.ndarray) -> np.ndarray:
    return p * 0 if PATIENTS.index(patient) % 3 == 0 else p


def test_the_same_model_passes_every_gate_on_tables() -> None:
    same = compared(beats())
    for gate in (noninferiority, groups, calibration):
        assert gate(same, LIMITS).passed


def test_sharpened_probabilities_fail_calibration_and_nothing_else() -> None:
    sharp = compared(beats(sharper))
    assert calibration(sharp, LIMITS).decision is Decision.FAILED
    assert noninferiority(sharp, LIMITS).passed
    assert groups(sharp, LIMITS).passed


def test_a_ruined_group_is_named() -> None:
    found = groups(compared(beats(without_some)), LIMITS)
    assert found.decision is Decision.FAILED
    assert "rate from 90 bpm" in found.reason


def test_groups_that_are_too_small_are_named_and_judge_nobody() -> None:
    found = groups(compared(beats(without_some)), GateLimits(group_patients=13))
    assert found.decision is Decision.INSUFFICIENT
    assert {one["group"] for one in found.measured["groups"]} == {
        "rate below 90 bpm", "rate from 90 bpm"
    }  # fmt: skip


def test_a_worse_model_is_not_noninferior() -> None:
    worse = beats(lambda _, p: np.where(p > 0.8, 0.1, p))
    assert noninferiority(compared(worse), LIMITS).decision is Decision.FAILED


def test_too_few_patients_are_no_evidence() -> None:
    def lucky(patient: str, p: np.ndarray) -> np.ndarray:
        return p * 0.6 if patient == "p00" else p

    two = PATIENTS[:2]
    told = compared(beats(lucky))
    few = Compared(
        told.champion[told.champion["patient"].isin(two)],
        told.candidate[told.candidate["patient"].isin(two)],
        told.subjects[told.subjects["patient"].isin(two)],
        ("rate",),
    )
    limits = GateLimits(f1_points={"VEB": 20.0})
    assert noninferiority(few, limits).decision is not Decision.PASSED


def test_the_order_of_patients_changes_no_figure() -> None:
    order = PATIENTS[5:] + PATIENTS[:5][::-1]
    one, other = beats(), beats(sharper)
    there = calibration_change(one, other, "VEB", order)
    here = calibration_change(one, other, "VEB", PATIENTS)
    assert there["ece"].candidate == pytest.approx(here["ece"].candidate)
    assert f1_change(one, other, "VEB", order).champion == pytest.approx(
        f1_change(one, other, "VEB", PATIENTS).champion
    )


@pytest.fixture(scope="module")
def model() -> BeatClassifier:
    torch.manual_seed(0)
    size = BeatSize(channels=4, embedding=4, hidden_v=4, hidden_s=4)
    return BeatClassifier(size).eval()


def test_a_larger_change_of_the_signal_never_flips_fewer_beats(
    model: BeatClassifier, signals: list[LabelledSignal]
) -> None:
    few, many = (attack(model, signals, limit) for limit in (1.0, 400.0))
    assert few.beats == many.beats > 0
    assert few.share <= many.share
    assert attack(model, signals, 1e-9).share == 0


def test_the_adversary_gate_judges_the_share_and_its_rise(
    model: BeatClassifier, signals: list[LabelledSignal]
) -> None:
    calm, flipped = (attack(model, signals, limit) for limit in (1e-9, 4000.0))
    assert flipped.share > 0.06
    assert adversary(calm, None, GateLimits()).passed
    assert not adversary(flipped, calm, GateLimits(attack_share=1.0)).passed
    assert adversary(flipped, None, GateLimits(attack_share=1.0)).passed


def test_a_file_of_other_weights_fails_parity(
    model: BeatClassifier, tmp_path: Path, exported: Path
) -> None:
    assert parity_gate(model, exported, GateLimits()).passed
    torch.manual_seed(1)
    other = BeatClassifier(model.size).eval()
    assert parity_gate(other, exported, GateLimits()).decision is Decision.FAILED


@pytest.fixture(scope="module")
def exported(model: BeatClassifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from training.export import ExportSpec, export
    from training.gates.parity import beat_inputs

    names = ["state_memory", *(f"state_{name}" for name in model.state_names)]
    spec = ExportSpec("tiny", "0.1.0", "beat", 125, ("N", "S", "V"), {}, "0" * 64, 0.4, 0, 85, 35)
    path = tmp_path_factory.mktemp("onnx") / "tiny.onnx"
    export(model, beat_inputs(model, names, 2), spec, path)
    return path
