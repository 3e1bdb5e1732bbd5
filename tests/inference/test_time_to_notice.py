"""Conditions that no beat tells: another lead, and what clocks tell, are known in time too."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.conditions import OUTSIDE, Code
from inference.lead_choice import LeadChoice
from inference.limits import Limits
from inference.stream_watch import StreamWatch
from inference.ticks import TICK_MS
from inference.time_to_alarm import time_to_alarm_s
from ingest.frame_columns import FrameColumns
from ingest.frames import Frame, Lead

FS, START_NS = 250, 1_700_000_000_000_000_000
POLL_MS = 200
"""A listener looks at what is due so often: a tick."""


@settings(max_examples=25, deadline=None)
@given(
    fails=st.integers(20, 120),
    flicker=st.integers(1, 6),
    switch_s=st.sampled_from([0.6, 3.0, 10.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_another_lead_is_scored_in_time_in_any_portions(fails, flicker, switch_s, seed):
    limits, rng = Limits(switch_s=switch_s), np.random.default_rng(seed)
    readable = np.ones((1, 2, 400), bool)
    readable[0, 0, fails:] = False
    readable[0, 0, fails : fails + 4 * flicker : flicker + 1] = True  # it flickers, then goes
    stage, at, chosen = LeadChoice(limits, 2, 1), 0, []
    while at < readable.shape[2]:
        n = int(rng.integers(1, 25))
        chosen += stage.choose(np.array([0]), readable[:, :, at : at + n])[0].tolist()
        at += n
    whole = LeadChoice(limits, 2, 1).choose(np.array([0]), readable)[0].tolist()
    bound_ms = 1000 * time_to_alarm_s(Code.OTHER_LEAD, limits, 0)
    assert chosen == whole
    assert (chosen.index(1) - fails) * TICK_MS <= bound_ms


def frames(rng, seconds, offset_s=lambda s: 0.0):
    """Frames of random lengths, and when each ends, s."""
    at, made = 0, []
    while at < seconds * FS:
        n = int(rng.integers(10, 2 * FS))
        start_ns = START_NS + round((at / FS + offset_s(at / FS)) * 1e9)
        samples = np.zeros((1, n), np.int16)
        frame = Frame("p", "a", at, start_ns, float(FS), (Lead("II"),), samples, False)
        at += n
        made.append((at / FS, FrameColumns.of([frame])))
    return made


def noticed(made, arrives, until_s):
    """Play frames to a listener that looks at every tick; when each condition was raised, s."""
    watch, told = StreamWatch(Limits()), {}
    waiting = sorted((arrives(end_s), i) for i, (end_s, _) in enumerate(made))
    for now_s in np.arange(0, until_s, POLL_MS / 1000).tolist():
        now_ms, found = round(START_NS / 1e6 + now_s * 1000), []
        while waiting and waiting[0][0] <= now_s:
            found += watch.hear(made[waiting.pop(0)[1]][1], now_ms)
        found += watch.due(now_ms)
        for each in found:
            if each["state"] == "raised":
                told.setdefault(each["condition"], now_s)
    return told


def bound_s(code):
    return time_to_alarm_s(code, Limits(), 0) + POLL_MS / 1000


@pytest.mark.parametrize("seed", range(4))
def test_what_clocks_tell_is_noticed_in_time_however_frames_are_cut(seed):
    rng = np.random.default_rng(seed)
    silent = frames(rng, 20)
    heard_s = silent[-1][0] + 0.3
    told = noticed(silent, lambda end_s: end_s + 0.3, 45)
    assert told.keys() == {"device_lost"}
    assert 0 <= told["device_lost"] - heard_s <= bound_s(Code.DEVICE_LOST)

    slow = frames(rng, 40)
    told = noticed(slow, lambda end_s: end_s + (0.3 if end_s < 20 else 6.0), 50)
    held_s = min(end_s for end_s, _ in slow if end_s >= 20) + 6.0
    assert told["late_stream"] - held_s <= bound_s(Code.LATE_STREAM)

    jumps = frames(rng, 40, lambda s: 0.0 if s < 20 else 9.0)
    first_s = min(end_s for (end_s, _), (begun_s, _) in zip(jumps[1:], jumps, strict=False)
                  if begun_s >= 20)  # fmt: skip
    told = noticed(jumps, lambda end_s: end_s + 0.3, 42)
    assert 0 <= told["clock_jump"] - (first_s + 0.3) <= bound_s(Code.CLOCK_JUMP)


def test_every_condition_that_clocks_tell_is_among_these():
    assert set(OUTSIDE) == {Code.DEVICE_LOST, Code.LATE_STREAM, Code.CLOCK_JUMP}
