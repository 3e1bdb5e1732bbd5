"""What pulses say of each condition: the table of rules, row by row."""

from __future__ import annotations

import numpy as np
import pytest

from inference.conditions import CONDITIONS, Code, Kind
from inference.corroboration import HOLD_MS, REASONS, Finding, Verdict, judge
from inference.limits import Limits
from inference.pulse_leads import PulseKind
from inference.pulse_train import LOOK_BACK_MS, PulseTrain
from inference.ticks import TICK_MS

LIMITS = Limits()
NOW_MS = 60_000


def train(
    at_ms: np.ndarray,
    strength: float | np.ndarray = 1.0,
    *,
    kind: PulseKind = PulseKind.PPG,
    off: bool = False,
    level: float = 80.0,
) -> PulseTrain:
    """A lead with these pulses, as known now."""
    at_ms = np.asarray(at_ms, np.int64)
    strengths = np.broadcast_to(np.asarray(strength, np.float32), at_ms.shape)
    known = (at_ms > NOW_MS - LOOK_BACK_MS) & (at_ms <= NOW_MS - 160)
    ticks = np.full(LOOK_BACK_MS // TICK_MS, off)
    return PulseTrain(kind, NOW_MS, at_ms[known], strengths[known], ticks, level)


def steady(rr_ms: float, until_ms: int = NOW_MS) -> np.ndarray:
    """Pulses at one rate."""
    return np.arange(NOW_MS - 20_000, until_ms, rr_ms).astype(np.int64)


def said(code: Code, onset_ms: int, *trains: PulseTrain) -> tuple[Verdict, str]:
    finding = judge(code, onset_ms, trains, LIMITS)
    assert finding.reason in REASONS
    return finding.verdict, finding.reason


SILENT = (Code.ASYSTOLE, Code.PAUSE, Code.VENTRICULAR_FIBRILLATION)


@pytest.mark.parametrize("code", SILENT, ids=lambda code: code.name)
def test_pulses_that_go_on_veto_silence_and_fibrillation(code):
    assert said(code, NOW_MS - 4700, train(steady(800))) == (Verdict.VETOED, "pulses_go_on")


@pytest.mark.parametrize("code", SILENT, ids=lambda code: code.name)
@pytest.mark.parametrize("kind", PulseKind)
def test_pulses_that_stop_confirm_it(code, kind):
    stopped = train(steady(800, NOW_MS - 4600), kind=kind, level=30.0)

    assert said(code, NOW_MS - 4700, stopped) == (Verdict.CONFIRMED, "no_pulse")


@pytest.mark.parametrize("code", SILENT, ids=lambda code: code.name)
def test_what_cannot_be_read_says_nothing(code):
    off = train(steady(800), off=True)
    never = train(np.empty(0, np.int64))
    damped = train(steady(800, NOW_MS - 4600), kind=PulseKind.PRESSURE, level=120.0)

    assert said(code, NOW_MS - 4700, off)[1] == "unreadable"
    assert said(code, NOW_MS - 4700, never)[1] == "no_train"
    assert said(code, NOW_MS - 4700, damped)[0] is Verdict.NONE
    assert said(code, NOW_MS - 4700) == (Verdict.NONE, "unreadable")


def test_weak_upstrokes_are_no_pulses_that_go_on():
    at_ms = steady(800)
    strength = np.where(at_ms > NOW_MS - 4600, 0.2, 1.0)

    assert said(Code.ASYSTOLE, NOW_MS - 4700, train(at_ms, strength))[0] is not Verdict.VETOED


def test_a_pulse_with_a_long_gap_behind_it_vetoes_nothing():
    at_ms = np.concatenate([steady(800, NOW_MS - 4600), [NOW_MS - 3500, NOW_MS - 2800]])

    assert said(Code.ASYSTOLE, NOW_MS - 4700, train(at_ms))[0] is Verdict.NONE


def test_one_lead_that_confirms_takes_the_veto_of_the_other():
    going_on = train(steady(800))
    arrest = train(steady(800, NOW_MS - 4600), kind=PulseKind.PRESSURE, level=30.0)

    assert said(Code.ASYSTOLE, NOW_MS - 4700, arrest, going_on)[0] is Verdict.NONE


@pytest.mark.parametrize(
    ("code", "pulse_bpm", "verdict"),
    [
        (Code.EXTREME_BRADYCARDIA, 75, Verdict.VETOED),
        (Code.EXTREME_BRADYCARDIA, 36, Verdict.CONFIRMED),
        (Code.EXTREME_BRADYCARDIA, 46, Verdict.NONE),
        (Code.BRADYCARDIA, 75, Verdict.VETOED),
        (Code.BRADYCARDIA, 45, Verdict.CONFIRMED),
        (Code.EXTREME_TACHYCARDIA, 80, Verdict.VETOED),
        (Code.EXTREME_TACHYCARDIA, 150, Verdict.CONFIRMED),
        (Code.EXTREME_TACHYCARDIA, 133, Verdict.NONE),
        (Code.TACHYCARDIA, 80, Verdict.VETOED),
        (Code.TACHYCARDIA, 130, Verdict.CONFIRMED),
    ],
    ids=lambda value: str(getattr(value, "name", value)),
)
def test_rates_are_compared_with_the_limit(code, pulse_bpm, verdict):
    assert said(code, NOW_MS - 8000, train(steady(60_000 / pulse_bpm)))[0] is verdict


def test_waves_of_one_beat_counted_as_two_veto_no_bradycardia():
    at_ms = np.sort(np.concatenate([steady(1700), steady(1700) + 500]))
    alternating = np.where(np.arange(len(at_ms)) % 2, 0.65, 1.1)

    assert (
        said(Code.EXTREME_BRADYCARDIA, NOW_MS - 8000, train(at_ms, alternating))[0]
        is not Verdict.VETOED
    )


def test_undisturbed_pulses_veto_a_run_and_disturbed_ones_confirm_it():
    onset_ms, vt = NOW_MS - 5000, Code.VENTRICULAR_TACHYCARDIA
    at_ms = steady(800)
    during = at_ms > onset_ms + 500
    failing = at_ms[~during]

    assert said(vt, onset_ms, train(at_ms)) == (Verdict.VETOED, "undisturbed")
    assert said(vt, onset_ms, train(failing)) == (Verdict.CONFIRMED, "disturbed")
    assert said(vt, onset_ms, train(at_ms, np.where(during, 0.45, 1.0)))[0] is Verdict.CONFIRMED
    assert said(vt, onset_ms, train(steady(450)))[0] is Verdict.CONFIRMED


def test_what_may_become_a_veto_is_told_apart_from_what_cannot():
    """Only the first waits: an alarm that pulses cannot refute any more is not held back."""
    onset_ms = NOW_MS - 2800
    for code in (Code.ASYSTOLE, Code.VENTRICULAR_TACHYCARDIA, Code.VENTRICULAR_FIBRILLATION):
        assert said(code, onset_ms, train(steady(800)))[1] == "too_soon"
    assert said(Code.ASYSTOLE, onset_ms, train(steady(800, onset_ms + 500)))[1] == "undecided"
    assert said(Code.TACHYCARDIA, onset_ms, train(steady(800)))[1] == "too_soon"


def test_only_conditions_of_the_patient_wait_and_lethal_ones_end_within_ten_seconds():
    for code, hold_ms in HOLD_MS.items():
        assert CONDITIONS[code].kind is Kind.PHYSIOLOGICAL
        assert hold_ms <= 2400
    assert Finding(Verdict.NONE, "undecided").kind is None
