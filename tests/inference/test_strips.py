"""What an alarm shows of the signal: the 10 s before it was decided, whatever the cut."""

from __future__ import annotations

import json

import jsonschema
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.alarm_json import NO_CONTEXT, ModelRef, document, schema
from inference.alarm_transition import TransitionKind
from inference.limits import Limits
from inference.pipeline import Pipeline
from inference.results import AlarmChange
from ingest.sequence_types import End
from ingest.simulator import asystole, sinus
from tests.inference.patients import chunk, cut, patient

MODEL = ModelRef("beat", "1", "ab" * 32)


def changes(pipeline: Pipeline, rng: np.random.Generator | None = None) -> list[AlarmChange]:
    """Alarms of a patient with two pauses in the heart's work, cut or whole."""
    record = patient((sinus(5.0), asystole(6.0), sinus(20.0), asystole(8.0), sinus(4.0)))
    items = [chunk(record.samples, begins=True), End("p", "a", record.samples.shape[1])]
    pushes = [items]
    if rng is not None:
        lengths = iter(lambda: int(rng.integers(1, 2000)), None)
        pushes = [[item] for item in cut(items, lengths)]
    return [change for push in pushes for change in pipeline.push(push).alarms]


def told(change: AlarmChange) -> str:
    context = NO_CONTEXT.seen(change.lead, change.strip)
    found = document(change.transition, change.stream.source, MODEL, Limits(), context)
    jsonschema.Draft202012Validator(schema()).validate(found)
    return json.dumps(found)


def test_raised_alarms_show_the_signal_up_to_their_decision_with_its_beats():
    found = changes(Pipeline(strips=True))
    raised = [c for c in found if c.transition.kind is TransitionKind.RAISED]
    assert {c.transition.condition.name for c in raised} >= {"asystole"}
    assert not [c for c in found if c.strip is not None and c not in raised]

    for change in raised:
        shown, decided_ms = change.strip, change.transition.decided_ms
        assert shown is not None
        assert len(shown.samples_uv) == shown.fs * (decided_ms - shown.begin_ms) // 1000
        assert decided_ms - shown.begin_ms == min(10_000, decided_ms)
        assert 5 * len(shown.quality) == (decided_ms - shown.begin_ms) // 40
        ringing = {r_ms for r_ms, _ in shown.beats}
        assert {b.r_ms for b in change.transition.evidence.beats} <= ringing
        for r_ms, _ in shown.beats:
            at = (r_ms - shown.begin_ms) * shown.fs // 1000
            near = shown.samples_uv[max(at - 12, 0) : at + 13]
            assert np.ptp(near) > 300
        told(change)


def test_nothing_is_kept_where_it_was_not_asked_for():
    pipeline = Pipeline()
    assert all(change.strip is None for change in changes(pipeline))
    assert pipeline.strips is None


@given(seed=st.integers(0, 2**32))
@settings(max_examples=3, deadline=None)
def test_the_bytes_are_the_same_for_any_cut(seed):
    whole = [told(change) for change in changes(Pipeline(strips=True))]
    found = changes(Pipeline(strips=True), np.random.default_rng(seed))
    assert [told(change) for change in found] == whole
