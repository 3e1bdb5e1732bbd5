"""Local scoring in the gateway: when alarms are told, to whom, and what happens where it fails."""

from __future__ import annotations

import json
import time

import pytest
from prometheus_client import CollectorRegistry

from deploy.gateway_settings import GatewaySettings
from deploy.notify import Notice
from deploy.services.gateway_local import LocalMonitor, LocalOutlets
from ingest.frames import Frame
from ingest.gateway.arrival import Note, Packed, pack
from ingest.simulator.record import simulate
from ingest.simulator.script import Script, asystole, sinus


class Listener:
    def __init__(self) -> None:
        self.heard: list[dict[str, object]] = []

    def offer(self, notice: Notice) -> None:
        self.heard.append(json.loads(notice.body))

    def close(self, timeout_s: float) -> None:
        """Do nothing."""


class Ward:
    """A local monitor, and whoever hears of it."""

    def __init__(self, alarms: str) -> None:
        self.listener, self.notes, self.cut = Listener(), list[Note](), False
        settings = GatewaySettings(
            local={"alarms": alarms},  # type: ignore[arg-type]
            gateway={"name": "ward-3"},  # type: ignore[arg-type]
        )
        outlets = LocalOutlets([self.listener], self.notes.append, lambda: self.cut)
        self.monitor = LocalMonitor(settings, outlets, CollectorRegistry())

    def hear(self, frames: list[Packed]) -> None:
        self.monitor.hear(frames)
        self.monitor.turn(0)

    @property
    def told(self) -> list[tuple[object, object]]:
        return [(one["priority"], one["state"]) for one in self.listener.heard]


@pytest.fixture(scope="module")
def seconds() -> list[Packed]:
    """One minute of a heart that stops for 20 s, a frame a second."""
    script = Script("bed-9", (sinus(25), asystole(20), sinus(15)))
    record = simulate(script, 250.0, 60.0, seed=1)
    return [
        pack(
            Frame("bed-9", "a", 250 * i, 10**9 * i, 250.0, record.leads,
                  record.samples[:, 250 * i : 250 * (i + 1)])
        )
        for i in range(60)
    ]  # fmt: skip


def test_while_the_centre_hears_it_nothing_is_told_here(seconds: list[Packed]) -> None:
    ward = Ward("cut")
    ward.hear(seconds)
    assert ward.told == []
    assert ward.notes == []


def test_at_a_cut_what_stands_is_told_and_then_what_comes(seconds: list[Packed]) -> None:
    ward = Ward("cut")
    for n_heard in range(30, 46):  # into the arrest, until an alarm stands
        ward.hear(seconds[:n_heard])
        ward.cut = True
        ward.monitor.turn(0)
        ward.cut = False
        ward.monitor.turn(0)
        if ("high", "raised") in ward.told:
            break
    assert ("high", "raised") in ward.told
    n_told = len(ward.told)
    ward.cut = True
    ward.hear(seconds[n_heard:])
    assert len(ward.told) > n_told

    marked = [json.loads(note.value) for note in ward.notes]
    assert {note.topic for note in ward.notes} == {"ecg.gateway"}
    assert {one["gateway"] for one in marked} == {"ward-3"}
    assert [one["alarm"] for one in marked] == ward.listener.heard
    assert all(one["alarm"]["stream_id"] == "bed-9" for one in marked)


def test_asked_to_it_tells_all_the_time_and_the_same_alarms(seconds: list[Packed]) -> None:
    always, cut = Ward("always"), Ward("cut")
    cut.cut = True
    for ward in (always, cut):
        ward.hear(seconds)
    assert always.listener.heard == cut.listener.heard
    assert ("high", "raised") in always.told


def test_an_error_in_scoring_is_noted_and_stays_where_it_is(
    seconds: list[Packed], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ward = Ward("always")

    def broken(timeout_s: float = 0.0) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(ward.monitor, "turn", broken)
    ward.monitor.start()
    deadline = time.monotonic() + 60
    while not ward.monitor.failed and time.monotonic() < deadline:
        time.sleep(0.01)
    ward.monitor.hear(seconds)  # whoever stores frames goes on
    ward.monitor.stop()
    assert ward.monitor.failed
    assert "local scoring failed" in caplog.text


def test_a_gateway_that_scores_nothing_loads_neither_models_nor_their_runtime() -> None:
    from tests.test_layout import modules_loaded_by

    loaded = modules_loaded_by("import deploy.services.gateway")
    assert "inference.pipeline" not in loaded
    assert not loaded & {"torch", "scipy", "pandas", "wfdb", "matplotlib", "onnxruntime"}
