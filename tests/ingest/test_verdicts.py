"""Verdicts as events: read as written, known by their content, tampering seen."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import InputError
from ingest.pseudonyms import KeyRing
from ingest.verdicts import LABELS, Said, Verdict, VerdictReader, disputing, unique

SCHEMA = json.loads(files("ingest").joinpath("verdict.schema.json").read_text())
HEX = st.text("0123456789abcdef", min_size=32, max_size=32)
TEXT = st.text(min_size=1, max_size=40).filter(lambda text: bool(text.strip()))


@st.composite
def verdicts(draw: st.DrawFn) -> Verdict:
    beat = draw(st.booleans())
    return Verdict(
        stream_id=draw(TEXT),
        session=draw(TEXT),
        said=Said.RELABEL if beat else draw(st.sampled_from([s for s in Said if s != "relabel"])),
        who=draw(TEXT),
        role=draw(st.sampled_from(["clinician", "cardiologist"])),
        why=draw(TEXT),
        at_ms=draw(st.integers(0, 4_000_000_000_000)),
        alarm_id=None if beat else draw(HEX),
        condition=None if beat else "v_run",
        sample=draw(st.integers(0, 2**40)) if beat else None,
        label=draw(st.sampled_from(LABELS)) if beat else None,
        disputes=draw(st.none() | HEX),
    )


def alarm(**keys: Any) -> Verdict:
    plain = {"stream_id": "p1", "session": "s", "said": Said.FALSE, "who": "k-1", "at_ms": 1000}
    plain |= {"role": "clinician", "why": "motion", "alarm_id": "0" * 32}
    return Verdict(**(plain | keys))


@given(verdicts())
def test_what_is_written_fits_the_schema_and_is_read_as_it_was(said: Verdict) -> None:
    told = json.loads(said.to_json())
    jsonschema.validate(told, SCHEMA)
    assert VerdictReader().read(said.to_json()) == said


@given(verdicts(), st.sampled_from(["stream_id", "why", "session", "utc", "by"]))
def test_a_changed_event_is_seen(said: Verdict, key: str) -> None:
    told = said.to_dict()
    changes = {"utc": "2026-01-01T00:00:00.001Z", "by": {"id": "other-1", "role": "technician"}}
    told[key] = changes.get(key, "something else")
    if told == said.to_dict():
        return
    with pytest.raises(InputError, match="changed"):
        VerdictReader().read(json.dumps(told))


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        ({"alarm_id": None}, "alarm_id"),
        ({"said": Said.RELABEL}, "sample"),
        ({"alarm_id": "xyz"}, "alarm_id"),
        ({"who": " "}, "who"),
        ({"role": "Chief of all"}, "role"),
        ({"at_ms": -1}, "at_ms"),
        ({"label": "V"}, "neither sample nor label"),
    ],
)
def test_what_is_malformed_is_refused_by_name(keys: dict[str, Any], names: str) -> None:
    with pytest.raises(InputError, match=names):
        alarm(**keys)


@pytest.mark.parametrize(
    "line", [b"", b"[]", b'{"schema": "vigil.verdict/2"}', b'{"schema": "vigil.verdict/1"}']
)
def test_what_is_no_verdict_is_refused(line: bytes) -> None:
    with pytest.raises(InputError):
        VerdictReader().read(line)


def console(number: int, who: str, disputes: int | None = None) -> bytes:
    told = {"schema": "vigil.feedback/1", "id": number, "stream_id": "p1", "session": "s"}
    told |= {"verdict": "false", "who": who, "why": "motion", "alarm_id": "0" * 32, "sample": None}
    told |= {"condition": "v_run", "label": None, "disputes": disputes, "at_ms": 5}
    return json.dumps(told).encode()


def test_feedback_of_a_console_is_read_with_keyed_ids_and_its_disputes() -> None:
    reader = VerdictReader(KeyRing({"a": bytes(32)}))
    first, second = reader.read(console(7, "ann")), reader.read(console(8, "bob", 7))
    assert second.disputes == first.id
    assert "ann" not in first.to_json().decode()
    assert first.role == "clinician"


def test_feedback_of_a_console_is_refused_without_keys_or_what_it_disputes() -> None:
    with pytest.raises(InputError, match="keys"):
        VerdictReader().read(console(7, "ann"))
    with pytest.raises(InputError, match="disputes 6"):
        VerdictReader(KeyRing({"a": bytes(32)})).read(console(7, "ann", 6))


def test_the_same_event_counts_once_and_order_is_that_of_time() -> None:
    late, early = alarm(at_ms=2), alarm(at_ms=1)
    assert unique([late, early, late]) == [early, late]


def test_a_dispute_is_of_the_same_target() -> None:
    one = alarm()
    assert disputing(alarm(who="k-2", said=Said.TRUE), one).disputes == one.id
    with pytest.raises(InputError, match="same alarm"):
        disputing(replace(one, alarm_id="1" * 32), one)
