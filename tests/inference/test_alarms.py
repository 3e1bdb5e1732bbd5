import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.alarm_states import HOLDING, TABLE, AlarmState, Happening
from inference.alarms import Alarms
from inference.conditions import CONDITIONS, Code
from inference.episode_edges import EpisodeEdges
from inference.episodes import Episodes
from inference.limits import MAX_BEATS
from ingest.errors import InputError
from tests.inference.contract import StageCase, check_all
from tests.inference.streams import DELAY_MS, scripts, ticks_of
from tests.inference.test_episodes_reference import SHORT

A = Code.ASYSTOLE
VT = Code.VENTRICULAR_TACHYCARDIA
ON, OFF = True, False


def edges(*listed, row=0):
    """Edges of one row: (code, onset, at_ms)."""
    n = len(listed)
    listed = sorted(listed, key=lambda e: (e[2], e[0], not e[1]))
    r_ms = np.full((n, MAX_BEATS), -1, np.int64)
    r_ms[:, -4:] = [700, 1500, 2300, 3100]
    aami = np.zeros((n, MAX_BEATS), np.int8)
    aami[:, -2:] = 2
    return EpisodeEdges(
        row=np.full(n, row, np.intp),
        code=np.array([e[0] for e in listed], np.int8),
        onset=np.array([e[1] for e in listed], np.bool_),
        at_ms=np.array([e[2] for e in listed], np.int64),
        heart_rate_bpm=np.full(n, 75, np.float32),
        quality=np.full(n, np.nan, np.float32),
        beat_r_ms=r_ms,
        beat_aami=aami,
        beat_confidence=np.linspace(0.1, 0.8, MAX_BEATS, dtype=np.float32)[None].repeat(n, 0),
    )


class Bed:
    """One stream's alarms, and what they told."""

    def __init__(self, **more):
        self.alarms = Alarms(n_slots=3, **more)
        self.now_ms = 0

    def tick(self, *listed):
        self.now_ms += 10_000
        now_ms = np.array([self.now_ms])
        told = self.alarms.step(np.array([1]), now_ms, edges(*listed))
        return [(t.condition.name, t.kind.value, t.onset_ms, t.offset_ms) for t in told]

    def up(self):
        return [condition.name for condition in self.alarms.alarms(1)]


class TestLife:
    def test_a_non_latching_alarm_ends_with_its_condition(self):
        bed = Bed()
        assert bed.tick((Code.TACHYCARDIA, ON, 500)) == [("tachycardia", "raised", 500, None)]
        assert bed.up() == ["tachycardia"]
        assert bed.tick((Code.TACHYCARDIA, OFF, 900)) == [("tachycardia", "ended", 500, 900)]
        assert bed.up() == []

    def test_a_latching_alarm_stays_until_acknowledged(self):
        bed = Bed()
        bed.tick((A, ON, 500))
        assert bed.tick((A, OFF, 900)) == [("asystole", "latched", 500, 900)]
        assert bed.up() == ["asystole"]
        told = bed.alarms.acknowledge(1, "asystole", "nurse 7", 60_000)
        assert (told.kind, told.onset_ms, told.offset_ms) == ("cleared", 500, 900)
        assert (told.by, told.decided_ms, told.by_unix_ns) == ("nurse 7", 60_000, None)
        assert bed.up() == []

    def test_an_acknowledged_alarm_ends_without_latching(self):
        bed = Bed(wall_clock_ns=lambda: 123)
        bed.tick((A, ON, 500))
        told = bed.alarms.acknowledge(1, "asystole", "nurse 7", 60_000)
        assert (told.kind, told.offset_ms, told.by_unix_ns) == ("acknowledged", None, 123)
        assert bed.up() == ["asystole"]
        assert bed.tick((A, OFF, 900)) == [("asystole", "ended", 500, 900)]

    def test_a_new_onset_replaces_a_latched_alarm(self):
        bed = Bed()
        bed.tick((VT, ON, 500))
        bed.tick((VT, OFF, 900))
        assert bed.tick((VT, ON, 2000)) == [
            ("ventricular_tachycardia", "cleared", 500, 900),
            ("ventricular_tachycardia", "raised", 2000, None),
        ]

    def test_begin_and_end_in_one_tick_are_both_told(self):
        told = Bed().tick((A, ON, 500), (A, OFF, 4600))
        assert told == [("asystole", "raised", 500, None), ("asystole", "latched", 500, 4600)]

    def test_end_and_begin_in_one_tick_are_two_alarms(self):
        bed = Bed()
        bed.tick((Code.V_RUN, ON, 500))
        assert bed.tick((Code.V_RUN, OFF, 900), (Code.V_RUN, ON, 1200)) == [
            ("v_run", "ended", 500, 900),
            ("v_run", "raised", 1200, None),
        ]
        assert bed.up() == ["v_run"]

    @pytest.mark.parametrize("code", list(Code))
    def test_an_end_of_what_was_never_raised_is_harmless(self, code):
        bed = Bed()
        assert bed.tick((code, OFF, 900)) == []
        assert bed.up() == []

    def test_a_second_onset_of_an_open_alarm_changes_nothing(self):
        bed = Bed()
        bed.tick((A, ON, 500))
        assert bed.tick((A, ON, 900)) == []
        assert bed.tick((A, OFF, 950)) == [("asystole", "latched", 500, 950)]

    def test_withdrawing_clears_what_is_latched_and_only_that(self):
        bed = Bed()
        bed.tick((A, ON, 500), (VT, ON, 400), (Code.LEAD_OFF, ON, 100))
        bed.tick((A, OFF, 900), (VT, OFF, 800))
        told = bed.alarms.withdraw(np.array([0, 1]), np.array([9, 99_000]))
        assert [(t.row, t.condition.name, t.kind, t.by) for t in told] == [
            (1, "ventricular_tachycardia", "cleared", None),
            (1, "asystole", "cleared", None),
        ]
        assert bed.up() == ["lead_off"]


class TestHiding:
    @pytest.mark.parametrize(
        ("high", "low"), [(c.code, hidden) for c in CONDITIONS for hidden in c.hides]
    )
    def test_the_lower_is_not_raised_while_the_higher_is_active(self, high, low):
        bed = Bed()
        bed.tick((high, ON, 500))
        assert bed.tick((low, ON, 700)) == []
        assert bed.tick((low, OFF, 800)) == []
        assert bed.up() == [CONDITIONS[high].name]

    @pytest.mark.parametrize("low_ms", [300, 700])
    def test_nor_when_both_begin_in_one_tick(self, low_ms):
        told = Bed().tick((VT, ON, 500), (Code.V_RUN, ON, low_ms))
        assert told == [("ventricular_tachycardia", "raised", 500, None)]

    def test_what_still_holds_when_the_higher_ends_is_raised_with_its_own_onset(self):
        bed = Bed()
        bed.tick((Code.EXTREME_TACHYCARDIA, ON, 500), (Code.TACHYCARDIA, ON, 500))
        assert bed.tick((Code.EXTREME_TACHYCARDIA, OFF, 900)) == [
            ("extreme_tachycardia", "ended", 500, 900),
            ("tachycardia", "raised", 500, None),
        ]

    def test_it_stays_hidden_while_another_still_hides_it(self):
        bed = Bed()
        bed.tick((VT, ON, 400), (Code.EXTREME_TACHYCARDIA, ON, 500), (Code.TACHYCARDIA, ON, 500))
        assert bed.tick((VT, OFF, 900)) == [("ventricular_tachycardia", "latched", 400, 900)]
        told = bed.tick((Code.EXTREME_TACHYCARDIA, OFF, 950))
        assert [t[:2] for t in told] == [
            ("extreme_tachycardia", "ended"),
            ("tachycardia", "raised"),
        ]

    def test_one_higher_that_hands_over_to_another_uncovers_nothing(self):
        bed = Bed()
        bed.tick((Code.EXTREME_BRADYCARDIA, ON, 500), (Code.BRADYCARDIA, ON, 500))
        told = bed.tick((Code.EXTREME_BRADYCARDIA, OFF, 900), (A, ON, 900))
        assert [t[:2] for t in told] == [("extreme_bradycardia", "ended"), ("asystole", "raised")]

    def test_an_acknowledged_higher_still_hides_but_a_latched_one_does_not(self):
        bed = Bed()
        bed.tick((VT, ON, 500))
        bed.alarms.acknowledge(1, "ventricular_tachycardia", "nurse 7", 1000)
        assert bed.tick((Code.V_RUN, ON, 600)) == []
        latched = Bed()
        latched.tick((VT, ON, 500))
        latched.tick((VT, OFF, 900))
        assert latched.tick((Code.V_RUN, ON, 1600)) == [("v_run", "raised", 1600, None)]

    def test_a_lower_that_is_up_stays_up(self):
        bed = Bed()
        bed.tick((Code.PAUSE, ON, 500))
        bed.tick((A, ON, 500))
        assert bed.up() == ["asystole", "pause"]
        assert bed.tick((Code.PAUSE, OFF, 5000)) == [("pause", "ended", 500, 5000)]


class TestEvidence:
    def told(self, code, onset, at_ms):
        alarms = Alarms(1)
        now_ms = np.array([9000])
        if not onset:
            alarms.step(np.array([0]), now_ms, edges((code, ON, 0)))
        return alarms.step(np.array([0]), now_ms, edges((code, onset, at_ms)))[0].evidence

    def test_beats_are_those_from_the_onset_on(self):
        evidence = self.told(Code.TACHYCARDIA, ON, 1500)
        assert [(b.r_ms, b.aami) for b in evidence.beats] == [(1500, "N"), (2300, "V"), (3100, "V")]
        assert evidence.heart_rate_bpm == 75
        assert evidence.quality is None
        assert evidence.score is None

    def test_at_an_end_they_are_those_from_the_offset_on(self):
        assert [b.r_ms for b in self.told(VT, OFF, 2300).beats] == [2300, 3100]

    def test_a_ventricular_alarm_is_scored_by_its_ventricular_beats(self):
        evidence = self.told(VT, ON, 0)
        assert len(evidence.beats) == 4
        assert evidence.score == pytest.approx(np.mean([b.confidence for b in evidence.beats[-2:]]))
        assert self.told(VT, OFF, 2300).score is None

    def test_a_technical_alarm_rests_on_no_beats(self):
        assert self.told(Code.NOISE, ON, 0).beats == ()


class TestAcknowledge:
    @pytest.mark.parametrize(
        ("condition", "who", "slot", "message"),
        [
            ("fibrillation", "nurse", 1, "'fibrillation' is unknown; known are"),
            ("asystole", "nurse", 1, "no alarm 'asystole'; there are: pause"),
            ("pause", "nurse", 0, "no alarm 'pause'; there are: none"),
            ("pause", "nurse", 3, "slot 3 is unknown; there are 3"),
            ("pause", " ", 1, "must say who"),
        ],
    )
    def test_of_an_alarm_that_is_not_there_is_a_clear_error(self, condition, who, slot, message):
        bed = Bed()
        bed.tick((Code.PAUSE, ON, 500))
        with pytest.raises(InputError, match=message):
            bed.alarms.acknowledge(slot, condition, who, 1000)
        assert bed.up() == ["pause"]

    def test_twice_is_a_clear_error(self):
        bed = Bed()
        bed.tick((Code.PAUSE, ON, 500))
        bed.alarms.acknowledge(1, "pause", "nurse", 1000)
        with pytest.raises(InputError, match="acknowledged already"):
            bed.alarms.acknowledge(1, "pause", "nurse", 1001)

    def test_of_a_hidden_condition_is_a_clear_error(self):
        bed = Bed()
        bed.tick((A, ON, 500), (Code.PAUSE, ON, 500))
        with pytest.raises(InputError, match="no alarm 'pause'; there are: asystole"):
            bed.alarms.acknowledge(1, "pause", "nurse", 1000)


def test_every_state_and_happening_is_decided_or_changes_nothing_on_purpose():
    ignored = set(itertools.product(AlarmState, Happening)) - TABLE.keys()
    for state, what in ignored:
        impossible = what in (Happening.UNCOVERED, Happening.WITHDRAWN, Happening.ACKNOWLEDGE)
        again = what in (Happening.ONSET, Happening.HIDDEN_ONSET)
        over = what in (Happening.END, Happening.LATCHING_END)
        assert (
            impossible
            or (again and state not in (AlarmState.INACTIVE, AlarmState.LATCHED))
            or (over and state in (AlarmState.INACTIVE, AlarmState.LATCHED))
        )


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from(list(Code)), min_size=1, max_size=4, unique=True), max_size=30
    )
)
def test_whatever_begins_and_ends_alarms_alternate_and_nothing_hidden_is_raised(toggles):
    bed, holds, raised, at_ms = Bed(), set(), {}, 0
    for codes in toggles:
        at_ms += 100
        listed = [(code, code not in holds, at_ms) for code in codes]
        holds ^= set(codes)
        for name, kind, onset_ms, _ in bed.tick(*listed):
            if kind == "raised":
                assert raised.setdefault(name, onset_ms) == onset_ms
            elif kind in ("ended", "cleared"):
                assert raised.pop(name) == onset_ms
        states = bed.alarms.state["state"][1]
        for code in Code:
            hidden = any(states[c.code] in HOLDING for c in CONDITIONS if code in c.hides)
            assert (states[code] in (*HOLDING, AlarmState.HIDDEN)) == (code in holds)
            if states[code] == AlarmState.HIDDEN:
                assert hidden
        assert set(raised) == set(bed.up())


def alarms_step(stage, slots, inputs):
    """Tell the alarms of each row, from edges that are given row by row."""
    now_ms, per_row = inputs
    made = [e for row_edges in per_row for e in row_edges]
    rows = [row for row, row_edges in enumerate(per_row) for _ in row_edges]
    told = [[] for _ in slots]
    if made:
        columns = {
            name: np.stack([getattr(e, name) for e in made])
            for name in EpisodeEdges.__dataclass_fields__
        }
        columns["row"] = np.array(rows)
        for t in stage.step(slots, now_ms, EpisodeEdges(**columns)):
            told[t.row].append(
                (t.condition.name, t.kind, t.onset_ms, t.offset_ms, t.decided_ms, repr(t.evidence))
            )
    return told


def edge_list(found, row):
    """The edges of one row, each as a tree of scalars."""
    names = EpisodeEdges.__dataclass_fields__
    return [
        EpisodeEdges(**{name: getattr(found, name)[i] for name in names})
        for i in np.flatnonzero(found.row == row)
    ]


@settings(max_examples=10, deadline=None)
@given(st.lists(scripts(), min_size=1, max_size=4), st.integers(0, 99))
def test_alarms_keep_the_contract_of_stages(streams, seed):
    n, n_ticks = len(streams), min(max(script.n_ticks() for script in streams), 300)
    episodes, slots = Episodes(SHORT, DELAY_MS, n), np.arange(n)
    ticks = []
    for now_ms, beats, quality in ticks_of(streams, n_ticks):
        found = episodes.step(slots, now_ms, beats, quality)
        per_row = np.empty(n, object)
        per_row[:] = [tuple(edge_list(found, row)) for row in range(n)]
        ticks.append((now_ms, per_row))
    check_all(StageCase(Alarms, alarms_step, ticks, n), seed)
