"""The gateway's notices, its metrics, and its page, each by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from deploy.gateway_settings import GatewaySettings
from deploy.notify import Notice
from deploy.services.gateway_frames import FramesHeard
from deploy.services.gateway_notices import HOLD_MS, PRIORITIES, Notices, Told
from deploy.services.gateway_parts import open_store, pseudonyms, steady_wall_ms
from deploy.trials.gateway import Outcome, Plan
from deploy.trials.gateway_page import page
from ingest.gateway.arrival import Note
from ingest.pseudonyms import rotated
from tests.ingest.gateway.frames import packed

DOCS = Path(__file__).parents[2] / "docs"


class Listener:
    def __init__(self) -> None:
        self.heard: list[Notice] = []

    def offer(self, notice: Notice) -> None:
        self.heard.append(notice)

    def close(self, timeout_s: float) -> None:
        """Do nothing."""


def notices() -> tuple[Notices, Listener, list[Note], list[int]]:
    listener, notes, now_ms = Listener(), list[Note](), [1000]
    told = Told("ward-3", "ecg.gateway", [listener], notes.append)
    return Notices(told, lambda: now_ms[0]), listener, notes, now_ms


def test_only_changes_are_told_each_under_a_key_of_its_own() -> None:
    made, listener, notes, now_ms = notices()
    for holds in (False, True, True, False, False, True):
        made.note("uplink-cut", holds, "why")
        now_ms[0] += HOLD_MS

    told = [json.loads(note.value) for note in notes]
    assert [one["state"] for one in told] == ["raised", "ended", "raised"]
    onset_ms, again_ms = 1000 + HOLD_MS, 1000 + 5 * HOLD_MS
    assert [one["onset_ms"] for one in told] == [onset_ms, onset_ms, again_ms]
    assert [notice.body for notice in listener.heard] == [note.value for note in notes]
    assert len({notice.key for notice in listener.heard}) == 3
    assert made.present == ["uplink-cut"]
    assert {note.topic for note in notes} == {"ecg.gateway"}


def test_what_comes_and_goes_is_told_once() -> None:
    made, _, notes, now_ms = notices()
    for i in range(100):
        made.note("frames-dropped", i % 5 == 0)
        now_ms[0] += HOLD_MS // 5 - 1

    assert [json.loads(note.value)["state"] for note in notes] == ["raised"]


def test_what_is_over_at_once_is_told_once() -> None:
    made, _, notes, _ = notices()
    made.tell_once("store-damaged", "kept")
    assert json.loads(notes[0].value)["state"] == "happened"
    assert made.present == []


def test_the_clock_does_not_follow_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = steady_wall_ms()
    before_ms = clock()
    monkeypatch.setattr("time.time_ns", lambda: 9 * 10**18)
    assert 0 <= clock() - before_ms < 60_000


def test_local_scoring_that_is_too_slow_skips_the_oldest_and_counts_them() -> None:
    one = len(packed(5).payload)
    heard = FramesHeard(most_bytes=3 * one + 40)
    heard.put([packed(i) for i in range(5)])

    assert [frame.first_sample for frame in heard.poll(0).frames] == [200, 300, 400]
    assert heard.skipped == 2
    assert len(heard.poll(0).frames) == 0
    heard.put([packed(5)])
    assert len(heard.poll(0).frames) == 1


def test_a_stream_keeps_its_pseudonym_through_a_rotation_and_a_restart(tmp_path: Path) -> None:
    keys_file = tmp_path / "keys"
    rotated(keys_file)
    settings = GatewaySettings(
        gateway={"keys_file": keys_file},  # type: ignore[arg-type]
        store={"folder": tmp_path / "store"},  # type: ignore[arg-type]
    )
    store = open_store(settings, steady_wall_ms())
    before = pseudonyms(settings, store)("bed-7")
    store.append([packed(0, before)])
    store.close()
    rotated(keys_file)

    name = pseudonyms(settings, open_store(settings, steady_wall_ms()))

    assert name("bed-7") == before
    assert before.startswith("k1-")
    assert name("bed-8").startswith("k2-")


def keys(model: type[Any], above: str = "") -> list[str]:
    found = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found += keys(kind, f"{name}.")
        else:
            found.append(f"{above}{name}")
    return found


def test_the_guide_names_every_setting_and_every_condition() -> None:
    guide = (DOCS / "gateway.md").read_text()
    own = ("gateway.", "uplink.", "store.", "mqtt.", "tcp.", "local.")
    for key in keys(GatewaySettings):
        if key.startswith(own):
            assert f"`{key}`" in guide or f"`{key.partition('.')[2]}`" in guide, key
    for condition, priority in PRIORITIES.items():
        assert f"| `{condition}` | {priority} |" in guide


def test_a_fault_stands_on_the_trials_page() -> None:
    outcome = Outcome(Plan(kills=7), faults=["device-1 differs from what was sent"])
    written = page(outcome, "100,106")
    assert "| streams whole, in order, equal by SHA-256 | 3 of 4 |" in written
    assert "device-1 differs" in written
