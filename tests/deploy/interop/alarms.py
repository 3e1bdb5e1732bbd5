"""Alarms of a simulated life, as the pipeline writes them."""

import json

import numpy as np

from inference.alarm_json import AlarmSource, ModelRef, render
from inference.alarms import Alarms
from inference.conditions import Code
from inference.limits import Limits
from inference.stream_clock import StreamClock
from tests.inference.test_alarms import edges

START_NS = 1_700_000_000_123_456_789
MODEL = ModelRef("beats", "2.0.0", "ab" * 32)
A, LEAD = Code.ASYSTOLE, Code.LEAD_OFF


def some_alarms(stream_id="p1"):
    """Every kind of change, physiological and technical."""
    alarms = Alarms(1, wall_clock_ns=lambda: START_NS)
    source = AlarmSource(stream_id, "s1", StreamClock(250.0, 0, START_NS))
    told, slots = [], np.array([0])

    def tick(now_ms, *listed):
        told.extend(alarms.step(slots, np.array([now_ms]), edges(*listed)))

    tick(20_000, (A, True, 12_000), (LEAD, True, 17_000))
    told.append(alarms.acknowledge(0, "asystole", "nurse|7", 21_000))
    tick(30_000, (A, False, 28_000), (LEAD, False, 29_000))
    tick(40_000, (A, True, 35_000), (Code.V_RUN, True, 36_000))
    tick(50_000, (A, False, 45_000))
    told.append(alarms.acknowledge(0, "asystole", "nurse|7", 51_000))
    return [json.loads(render(each, source, MODEL, Limits())) for each in told]
