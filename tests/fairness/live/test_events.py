"""Events are read as they are written, and what is none is refused with the reason."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairness.errors import AuditError
from fairness.live.events import Alarm, Exposure, Feedback, read_event
from tests.fairness.live.events import alarm_line, feedback_line, utc


def test_what_the_monitor_and_the_console_write_is_read() -> None:
    assert read_event(alarm_line("a", "p", 12.5)) == Alarm(12.5, "a", "p", "asystole")
    assert read_event(feedback_line("a", "artefact", 3.25)) == Feedback(3.25, "a", "artefact")
    told = json.dumps({"stream_id": "p", "monitored_s": 60, "utc": utc(1)})
    assert read_event(told.encode()) == Exposure(1.0, "p", 60.0)


@pytest.mark.parametrize("keys", [{"state": "ended"}, {"kind": "technical"}])
def test_what_is_of_no_concern_is_passed_over(keys: dict[str, str]) -> None:
    assert read_event(alarm_line("a", "p", 0, **keys)) is None


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", "a JSON object a line"),
        ("[]", "a JSON object, not list"),
        ("{}", "none of them"),
        ('{"verdict": "maybe"}', "one of true, false, artefact, not 'maybe'"),
        ('{"verdict": "true", "utc": "now"}', "utc 'now' is no time"),
        ('{"verdict": "true", "utc": "2026-01-01T00:00:00"}', "names no zone"),
        ('{"verdict": "true", "utc": "2026-01-01T00:00:00Z"}', "alarm_id must be a text, not None"),
        ('{"monitored_s": -1}', "monitored_s must be above 0, not -1"),
        ('{"monitored_s": true}', "monitored_s must be above 0, not True"),
        ('{"monitored_s": NaN}', "monitored_s must be above 0"),
        (alarm_line("a", "", 0), "stream_id must be a text"),
        (alarm_line("a", "p", 0, decided=None), "decided.utc must be a time"),
        ("[" * 100_000, "a JSON object a line"),
    ],
)
def test_what_is_no_event_is_refused_with_the_reason(line: str, told: str) -> None:
    with pytest.raises(AuditError, match=told):
        read_event(line)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["verdict", "utc", "alarm_id", "monitored_s", "condition", "state",
                             "kind", "decided", "id", "stream_id"]), inner, max_size=6),
    ),
)  # fmt: skip


@given(st.one_of(json_values.map(json.dumps), st.binary(max_size=20)))
def test_whatever_comes_only_an_audit_error_is_raised(line: str | bytes) -> None:
    try:
        read_event(line)
    except AuditError:
        return
