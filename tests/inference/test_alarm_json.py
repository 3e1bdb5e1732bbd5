import contextlib
import json
from fractions import Fraction

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.alarm_json import (
    AlarmContext,
    AlarmSource,
    ModelRef,
    alarm_id,
    document,
    render,
    schema,
)
from inference.alarms import Alarms
from inference.conditions import CONDITIONS
from inference.episodes import Episodes
from inference.limits import Limits
from inference.profiles import Profile
from inference.stream_clock import StreamClock, rfc3339
from ingest.errors import InputError
from tests.inference.streams import DELAY_MS, Script, scripts, ticks_of
from tests.inference.test_episodes_reference import SHORT

START_NS = 1_700_000_000_123_456_789
MODEL = ModelRef(name="beats", version="1.0.0", digest="ab" * 32)
VALIDATOR = jsonschema.Draft202012Validator(
    schema(), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
)


def source(fs=360.0, session="s1"):
    return AlarmSource("p1", session, StreamClock(fs, 0, START_NS))


def told_by(script, limits=None, tail_ms=6000):
    """Run one stream to its end; acknowledge what is latched."""
    limits = limits or Limits()
    slots = np.array([0])
    episodes, alarms = Episodes(limits, DELAY_MS, 1), Alarms(1, wall_clock_ns=lambda: START_NS)
    told, end_ms = [], np.array([0])
    for now_ms, beats, quality in ticks_of([script], script.n_ticks(tail_ms)):
        told += alarms.step(slots, now_ms, episodes.step(slots, now_ms, beats, quality))
        end_ms = now_ms
        if len(told) % 5 == 3 and alarms.alarms(0):
            with contextlib.suppress(InputError):
                told.append(alarms.acknowledge(0, alarms.alarms(0)[0].name, "Ü 7", int(now_ms[0])))
    told += alarms.step(slots, end_ms, episodes.close(slots, end_ms))
    return told + alarms.withdraw(slots, end_ms)


def test_the_schema_is_a_schema_and_knows_every_condition():
    jsonschema.Draft202012Validator.check_schema(schema())
    assert schema()["properties"]["condition"]["enum"] == [c.name for c in CONDITIONS]


@settings(max_examples=40, deadline=None)
@given(scripts(), st.sampled_from([128.0, 250.0, 360.0, 257.3]))
def test_every_alarm_fits_the_schema_and_renders_to_the_same_bytes(script, fs):
    told = told_by(script, SHORT)
    rendered = [render(t, source(fs), MODEL, SHORT) for t in told]
    for line in rendered:
        VALIDATOR.validate(json.loads(line))
        assert b"\n" not in line
    assert rendered == [render(t, source(fs), MODEL, SHORT) for t in told_by(script, SHORT)]
    held = {}
    for line in map(json.loads, rendered):
        raised = line["state"] == "raised"
        assert raised == (line["id"] not in held)
        held[line["id"]] = line["condition"]


def test_profile_and_all_models_are_told_where_they_are_known_and_fit_the_schema():
    raised = told_by(Script().rhythm(10, 800))[1]
    context = AlarmContext("neonatal", (MODEL, MODEL))
    more = json.loads(render(raised, source(), MODEL, Limits(), context))
    VALIDATOR.validate(more)
    assert more["profile"] == "neonatal"
    assert [each["name"] for each in more["models"]] == ["beats", "beats"]
    without = json.loads(render(raised, source(), MODEL, Limits()))
    assert more.keys() - without.keys() == {"profile", "models"}
    assert not VALIDATOR.is_valid(more | {"profile": "geriatric"})
    assert schema()["properties"]["profile"]["enum"] == [p.value for p in Profile]


def test_an_asystole_reads_as_it_should():
    raised = told_by(Script().rhythm(10, 800))[1]
    assert document(raised, source(), MODEL, Limits()) == {
        "schema": "vigil.alarm/1",
        "id": alarm_id("p1", "s1", "asystole", 2880),
        "stream_id": "p1",
        "session": "s1",
        "condition": "asystole",
        "kind": "physiological",
        "priority": "high",
        "latching": True,
        "state": "raised",
        "onset": {"sample": 2880, "utc": "2023-11-14T22:13:28.123456789Z"},
        "offset": None,
        "decided": {"sample": 4608, "utc": "2023-11-14T22:13:32.923456789Z"},
        "score": None,
        "heart_rate_bpm": 0.0,
        "quality": {"index": 0.95},
        "beats": [{"sample": 2880, "aami": "N", "confidence": 0.9}],
        "strip": {"first_sample": 1080, "n_samples": 3600, "fs": 360.0},
        "model": {"name": "beats", "version": "1.0.0", "digest": "ab" * 32},
        "limits": {"asystole_s": 4.0, "pause_s": 3.0},
        "acknowledgement": None,
    }


def test_an_acknowledgement_says_who_and_when():
    script = Script().rhythm(10, 800)
    alarms, slots = Alarms(1, wall_clock_ns=lambda: START_NS), np.array([0])
    episodes = Episodes(Limits(), DELAY_MS, 1)
    for now_ms, beats, quality in ticks_of([script], script.n_ticks(6000)):
        alarms.step(slots, now_ms, episodes.step(slots, now_ms, beats, quality))
    found = document(
        alarms.acknowledge(0, "asystole", "nurse 7", 14_000), source(), MODEL, Limits()
    )
    VALIDATOR.validate(found)
    assert found["state"] == "acknowledged"
    assert found["acknowledgement"] == {"by": "nurse 7", "utc": "2023-11-14T22:13:20.123456789Z"}


def test_an_id_is_a_function_of_stream_session_condition_and_onset():
    ids = {
        alarm_id("p1", "s1", "pause", 720),
        alarm_id("p2", "s1", "pause", 720),
        alarm_id("p1", "s2", "pause", 720),
        alarm_id("p1", "s1", "asystole", 720),
        alarm_id("p1", "s1", "pause", 721),
        alarm_id("p1s", "1", "pause", 720),
    }
    assert len(ids) == 6


def test_the_strip_begins_no_earlier_than_the_session():
    raised = told_by(Script(), tail_ms=6000)[0]
    strip = document(raised, source(), MODEL, Limits())["strip"]
    assert strip == {"first_sample": 0, "n_samples": 3600, "fs": 360.0}


class TestStreamClock:
    @pytest.mark.parametrize(
        ("fs", "at_ms", "sample"),
        [(360.0, 1001, 360), (250.0, 2, 1), (125.0, 12, 2), (500.0, 3, 2)],
    )
    def test_a_time_is_its_nearest_sample(self, fs, at_ms, sample):
        assert StreamClock(fs, 0, 0).sample(at_ms) == sample

    @given(
        st.floats(50, 4096), st.integers(0, 10**9), st.integers(0, 10**10), st.integers(0, 2**60)
    )
    def test_whatever_frame_is_the_anchor_utc_is_within_its_rounding(self, fs, n, at_ms, start_ns):
        anchor_ns = start_ns + round(Fraction(n * 10**9) / Fraction(fs))
        from_start = StreamClock(fs, 0, start_ns).unix_ns(at_ms)
        assert from_start == start_ns + at_ms * 1_000_000
        assert abs(StreamClock(fs, n, anchor_ns).unix_ns(at_ms) - from_start) <= 1

    def test_utc_has_nine_decimals_and_years_outside_the_calendar_are_refused(self):
        assert rfc3339(0) == "1970-01-01T00:00:00.000000000Z"
        with pytest.raises(InputError, match="is no date"):
            rfc3339(10**21)
