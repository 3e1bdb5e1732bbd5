"""Every condition is known within its bound from its onset, however the stream is cut."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.conditions import (
    CONDITIONS,
    OF_NUMERICS,
    OUTSIDE,
    SUSPENDED,
    Code,
    condition_by_name,
)
from inference.episodes import Episodes
from inference.fibrillation import AtrialFibrillation
from inference.lethal import LethalRhythm
from inference.limits import Limits
from inference.session import StreamSession
from inference.ticks import TICK_MS, BlockBeats
from inference.time_to_alarm import time_to_alarm_s
from tests.inference.onnx_models import atrial_like, rhythm_like
from tests.inference.streams import (
    DELAY_MS,
    FLAT,
    MISSING,
    NOISY,
    SATURATED,
    STUCK,
    Script,
    scripts,
    ticks_of,
)
from tests.inference.test_episodes_reference import SHORT
from tests.inference.test_quiet import block_of


def sinus(n: int = 14, rr_ms: int = 800) -> Script:
    return Script().rhythm(n, rr_ms)


def cycles(n: int, *cycle: tuple[int, str]) -> Script:
    script = sinus()
    for _ in range(n):
        for rr_ms, aami in cycle:
            script.beat(rr_ms, aami)
    return script


def uneven() -> Script:
    script = sinus()
    for i in range(40):
        script.beat([620, 840, 700, 1010, 560][i % 5])
    return script


EXAMPLES = {
    "asystole": sinus(),
    "sustained_ventricular_tachycardia": sinus().rhythm(70, 500, "V"),
    "ventricular_tachycardia": sinus().rhythm(6, 500, "V"),
    "extreme_bradycardia": sinus().rhythm(8, 1700),
    "extreme_tachycardia": sinus().rhythm(30, 400),
    "non_sustained_ventricular_tachycardia": sinus().rhythm(3, 500, "V").rhythm(3, 800),
    "v_run": sinus().rhythm(3, 900, "V").rhythm(3, 800),
    "pause": sinus().beat(3300).rhythm(3, 800),
    "bradycardia": sinus().rhythm(12, 1350),
    "tachycardia": sinus().rhythm(14, 480),
    "supraventricular_run": sinus().rhythm(4, 420, "S").rhythm(3, 800),
    "r_on_t": sinus(14, 1000).beat(310, "V").beat(1600),
    "couplet": sinus().rhythm(2, 500, "V").rhythm(3, 900),
    "bigeminy": cycles(5, (1000, "N"), (500, "V")),
    "trigeminy": cycles(5, (900, "N"), (800, "N"), (500, "V")),
    "frequent_vebs": cycles(14, (900, "N"), (800, "N"), (800, "N"), (500, "V")),
    "missed_beat": sinus().beat(1500).rhythm(3, 800),
    "irregular_rhythm": uneven(),
    "lead_off": sinus(60).spoil(16_000, 20_000, STUCK),
    "signal_gap": sinus(60).spoil(16_000, 20_000, MISSING),
    "flat_line": sinus(60).spoil(16_000, 22_000, FLAT),
    "noise": sinus(60).spoil(16_000, 24_000, NOISY),
    "saturation": sinus(60).spoil(16_000, 22_000, SATURATED),
    "arrhythmia_suspended": sinus(80).spoil(16_000, 50_000, NOISY),
}
BY_MODELS = ("ventricular_fibrillation", "atrial_fibrillation")
BY_CHOICE_OF_LEAD = ("other_lead",)
BY_PULSES = ("pulseless",)
"""See ``test_pulseless.py``."""


def onsets(
    script: Script, limits: Limits, seed: int, tail_ms: int = 6000
) -> list[tuple[str, int, int, int]]:
    """Onsets in random portions: condition, when, when decided, since when it may be called."""
    episodes, draw, found = Episodes(limits, DELAY_MS, 1), np.random.default_rng(seed), []
    ticks, at, called_ms = ticks_of([script], script.n_ticks(tail_ms)), 0, 0
    while at < len(ticks):
        n = int(draw.integers(1, 16))
        for _, now_ms, edges in episodes.advance(np.array([0]), *block_of(ticks[at : at + n])):
            for code, onset, at_ms in zip(edges.code, edges.onset, edges.at_ms, strict=True):
                if onset:
                    since_ms = called_ms if code in SUSPENDED else 0
                    found.append((Code(code).name.lower(), int(at_ms), int(now_ms[0]), since_ms))
                elif code == Code.ARRHYTHMIA_SUSPENDED:
                    called_ms = int(at_ms)
        at += n
    return found


def test_every_condition_of_the_stream_has_an_example():
    outside = [CONDITIONS[code].name for code in (*OUTSIDE, *OF_NUMERICS)]
    told = {*EXAMPLES, *BY_MODELS, *BY_CHOICE_OF_LEAD, *BY_PULSES, *outside}
    assert told == {condition.name for condition in CONDITIONS}


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_condition_is_known_in_time_and_alike_in_any_portions(name):
    bound_ms = 1000 * time_to_alarm_s(condition_by_name(name).code, Limits(), DELAY_MS)
    found = [onsets(EXAMPLES[name], Limits(), seed) for seed in range(3)]
    assert found[0] == found[1] == found[2]
    mine = [(at_ms, decided_ms) for each, at_ms, decided_ms, _ in found[0] if each == name]
    assert mine
    assert all(0 <= decided_ms - at_ms <= bound_ms for at_ms, decided_ms in mine)


@settings(max_examples=20, deadline=None)
@given(scripts(), st.sampled_from([Limits(), SHORT]), st.integers(0, 99))
def test_whatever_happens_what_begins_is_known_in_time_in_any_portions(script, limits, seed):
    for name, at_ms, decided_ms, since_ms in onsets(script, limits, seed):
        code = condition_by_name(name).code
        bound_ms = 1000 * time_to_alarm_s(code, limits, DELAY_MS)
        assert decided_ms - max(at_ms, since_ms) <= bound_ms, name


@pytest.mark.parametrize("seed", range(4))
def test_what_models_tell_is_known_in_time_in_any_portions(tmp_path: Path, seed: int):
    limits, draw = Limits(), np.random.default_rng(seed)
    rhythm = StreamSession(rhythm_like(tmp_path / "rhythm.onnx"), "rhythm", 1)
    lethal, p, at = LethalRhythm(rhythm, limits, 1), np.repeat([0.0, 1.0], 60), 0
    while at < len(p):
        n = min(int(draw.integers(1, 12)), len(p) - at)
        scaled = np.repeat(p[None, at : at + n, None], 25, axis=2).astype(np.float32)
        good = np.ones((1, n), bool)
        first_ms = np.array([(at + 1) * TICK_MS])
        for turn_tick, at_ms in _told(
            lethal.find(np.array([0]), first_ms, scaled, 500 * good, good)
        ):
            decided_ms = int(first_ms[0]) + turn_tick * TICK_MS
            assert at_ms == 60 * TICK_MS
            assert decided_ms - at_ms <= 1000 * time_to_alarm_s(
                Code.VENTRICULAR_FIBRILLATION, limits, 0
            )
        at += n
    assert lethal.state["open"][0]


def _told(turns) -> list[tuple[int, int]]:
    return list(zip(turns.tick.tolist(), turns.at_ms.tolist(), strict=True))


def test_atrial_fibrillation_is_known_in_time(tmp_path: Path):
    limits = Limits()
    model = atrial_like(tmp_path / "atrial.onnx")
    stage = AtrialFibrillation(StreamSession(model, "beat-rhythm", 1), limits, 1)
    r_ms = np.cumsum(np.random.default_rng(0).integers(450, 1250, 120))
    told = []
    for beat in range(120):
        window = np.full((1, 1, 85), float(beat >= 40), np.float32)
        one = np.zeros(1, np.intp)
        beats = BlockBeats(
            one, one, r_ms[[beat]], np.array([800]), np.zeros(1, np.int8),
            np.ones(1, np.float32), window,
        )  # fmt: skip
        told += [(at_ms, int(r_ms[beat])) for _, at_ms in _told(stage.find(np.array([0]), beats))]
    ((at_ms, decided_ms),) = told
    assert at_ms == r_ms[40]
    assert decided_ms - at_ms <= 1000 * time_to_alarm_s(Code.ATRIAL_FIBRILLATION, limits, 0)
    assert decided_ms - at_ms <= 20_000
