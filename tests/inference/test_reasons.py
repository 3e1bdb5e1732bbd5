"""Reasons of beats stay with them until an alarm rests on them, however the beats came."""

from __future__ import annotations

from types import SimpleNamespace

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.alarm_json import NO_CONTEXT, AlarmSource, ModelRef, document, schema
from inference.alarm_transition import AlarmTransition, DrivingBeat, Evidence, TransitionKind
from inference.conditions import CONDITIONS, Code
from inference.limits import Limits
from inference.reasons import BEATS, SIGNAL, Reason, Reasons, explanation
from inference.stream_clock import StreamClock
from ingest.errors import InputError

N_PARTS, N_BEFORE = 17, 8
INFO = SimpleNamespace(name="told", fs=125, before=35, length=85)
SLOT = np.array([1])


def reasons_of(n_slots: int = 3) -> Reasons:
    sizes = {SIGNAL: N_PARTS, BEATS: N_BEFORE}
    stage = Reasons(SimpleNamespace(info=INFO, explanation_sizes=sizes))
    stage.resize(n_slots)
    return stage


def why_of(beat: int) -> dict[str, np.ndarray]:
    """What a model says of a beat: numbers that name it."""
    parts = np.arange(N_PARTS, dtype=np.float32) + 100 * beat
    before = np.arange(beat - N_BEFORE, beat, dtype=np.float32)
    return {SIGNAL: parts[None], BEATS: np.where(before < 0, 0, before + 0.5)[None]}


def hear(stage: Reasons, first: int, stop: int, blocks: list[int] | None = None) -> None:
    """Hear beats, one each 500 ms; a block begins before each beat in ``blocks``."""
    for beat in range(first, stop):
        if blocks is None or beat in blocks:
            stage.begin(SLOT)
        stage.note(SLOT, np.array([500 * beat + 300]), why_of(beat))


def raised(beats: range, code: Code = Code.V_RUN, aami: str = "V") -> AlarmTransition:
    driving = tuple(DrivingBeat(500 * beat + 300, aami, 0.9) for beat in beats)
    condition = next(each for each in CONDITIONS if each.code == code)
    return AlarmTransition(
        0, 1, condition, TransitionKind.RAISED, driving[0].r_ms, None, 99, Evidence(beats=driving)
    )


def told(found: tuple[Reason, ...]) -> list[tuple[list, ...]]:
    return [
        (r.r_ms, r.trace_ms.tolist(), r.trace.tolist(), r.before_ms.tolist(), r.before.tolist())
        for r in found
    ]


def test_an_alarm_gets_the_reasons_of_its_own_beats_and_of_those_before_each() -> None:
    stage = reasons_of()
    hear(stage, 0, 12)
    first, last = stage.of_alarm(raised(range(10, 12)))
    assert (first.r_ms, last.r_ms) == (5300, 5800)
    assert first.trace.tolist() == (np.arange(N_PARTS) + 1000).tolist()
    assert first.trace_ms[[0, 7, -1]].tolist() == [5020, 5300, 5700]  # 40 ms each
    assert first.before_ms.tolist() == [500 * beat + 300 for beat in range(2, 10)]
    assert first.before.tolist() == [beat + 0.5 for beat in range(2, 10)]


def test_early_in_a_stream_there_are_as_many_beats_before_as_were_heard() -> None:
    stage = reasons_of()
    hear(stage, 0, 4)
    one, other, _ = stage.of_alarm(raised(range(1, 4)))
    assert one.before_ms.tolist() == [300]
    assert other.before.tolist() == [0.5, 1.5]


@settings(max_examples=40, deadline=None)
@given(st.integers(3, 70), st.integers(1, 20), st.lists(st.integers(0, 70), max_size=8))
def test_reasons_do_not_depend_on_how_the_beats_were_cut_into_blocks(
    n: int, n_driving: int, blocks: list[int]
) -> None:
    decided = max(n - 5, 1)  # an alarm is told when later beats of its block are known already
    beats = range(max(decided - n_driving, 0), decided)
    one, other = reasons_of(), reasons_of()
    hear(one, 0, decided, list(range(decided)))
    hear(other, 0, n, sorted({0, *(b for b in blocks if b < decided)}))
    assert told(one.of_alarm(raised(beats))) == told(other.of_alarm(raised(beats)))
    assert len(one.of_alarm(raised(beats))) == len(beats)


def test_what_was_saved_goes_on_in_another_slot_of_another_stage() -> None:
    stage, other = reasons_of(), reasons_of(2)
    hear(stage, 0, 15)
    saved = stage.snapshot(SLOT)
    other.begin(SLOT)
    other.note(SLOT, np.array([7]), why_of(99))
    other.restore(SLOT, saved)
    assert told(other.of_alarm(raised(range(12, 15)))) == told(
        stage.of_alarm(raised(range(12, 15)))
    )
    other.reset(SLOT)
    assert other.of_alarm(raised(range(12, 15))) == ()


def test_alarms_that_rest_on_no_ventricular_beat_have_no_reasons() -> None:
    stage = reasons_of()
    hear(stage, 0, 12)
    beats = range(8, 12)
    assert stage.of_alarm(raised(beats, Code.EXTREME_TACHYCARDIA)) == ()
    assert stage.of_alarm(raised(beats, aami="N")) == ()
    ended = raised(beats)
    object.__setattr__(ended, "kind", TransitionKind.ENDED)
    assert stage.of_alarm(ended) == ()


def test_a_model_without_reasons_is_refused_with_how_to_make_one() -> None:
    with pytest.raises(InputError, match=r"model told does not say why.*training.interpret.write"):
        Reasons(SimpleNamespace(info=INFO, explanation_sizes={SIGNAL: N_PARTS}))


def test_an_explanation_counts_in_samples_of_the_stream() -> None:
    stage = reasons_of()
    hear(stage, 0, 3)
    clock = StreamClock(250.0, 0, 0)
    (beat,) = explanation(stage.of_alarm(raised(range(2, 3))), clock)["beats"]
    assert beat["sample"] == 325
    assert beat["trace"][0] == {"first_sample": 255, "end_sample": 265, "weight": 200.0}
    assert [part["end_sample"] for part in beat["trace"][:-1]] == [
        part["first_sample"] for part in beat["trace"][1:]
    ]
    assert beat["before"] == [{"sample": 75, "weight": 0.5}, {"sample": 200, "weight": 1.5}]


def test_an_alarm_tells_the_explanation_where_there_is_one_and_fits_the_schema() -> None:
    stage = reasons_of()
    hear(stage, 0, 12)
    alarm = raised(range(9, 12))
    source = AlarmSource("p1", "s1", StreamClock(360.0, 0, 0))
    model = ModelRef("beats", "1.0.0", "ab" * 32)
    plain = document(alarm, source, model, Limits())
    context = NO_CONTEXT.because(stage.of_alarm(alarm))
    told = document(alarm, source, model, Limits(), context)
    assert told.keys() - plain.keys() == {"explanation"}
    assert [beat["sample"] for beat in told["explanation"]["beats"]] == [
        beat["sample"] for beat in told["beats"]
    ]
    validator = jsonschema.Draft202012Validator(schema())
    validator.validate(plain)
    validator.validate(told)
    del told["explanation"]["beats"][0]["trace"][3]["weight"]
    assert not validator.is_valid(told)
