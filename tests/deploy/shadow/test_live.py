"""The shadow on a live stream: what the champion publishes stays the same, whatever it does."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from deploy.shadow.live import LiveShadow, ShadowMetrics, Shedding
from inference.metrics import Metrics
from inference.pipeline import Pipeline
from inference.worker import Sinks, Worker
from ingest.frames import Frame, Lead
from ingest.simulator import demo_ward
from ingest.source import Batch, MemorySink

N_PATIENTS, SECONDS = 3, 40


class Ward:
    """A source of simulated patients, a second a poll; they go on when it ends."""

    def __init__(self) -> None:
        self._ward = demo_ward(N_PATIENTS, seed=3, duration_s=SECONDS)
        self._polls = self._batches()

    def _batches(self) -> Iterator[Batch]:
        for second in range(SECONDS):
            frames = []
            for patient in self._ward:
                n = round(patient.fs)
                cut = patient.samples[:1, second * n : second * n + n]
                made = (patient.name, "a", second * n, second * 10**9, patient.fs, (Lead("II"),))
                frames.append(Frame(*made, np.ascontiguousarray(cut)))
            yield Batch(frames, end=second == SECONDS - 1)

    def poll(self, timeout_s: float) -> Batch:
        return next(self._polls)

    def commit(self) -> None:
        pass

    def close(self) -> None:
        pass


class Ticking:
    """A clock that moves on when it is asked."""

    def __init__(self, step_s: float = 0.0) -> None:
        self.now_s, self._step_s = 0.0, step_s

    def __call__(self) -> float:
        self.now_s += self._step_s
        return self.now_s


def live(registry: CollectorRegistry, **more: object) -> tuple[LiveShadow, MemorySink]:
    sink = MemorySink()
    return LiveShadow(Pipeline(), sink, ShadowMetrics(registry), **more), sink


def run(shadow: LiveShadow | None, lags: dict[int, float] | None = None) -> MemorySink:
    """Score the ward; ``lags`` tells the champion's lag behind some turns."""
    alarms = MemorySink()
    worker = Worker(
        Ward(), Sinks(alarms, MemorySink()), Pipeline(), Metrics(CollectorRegistry()),
        overheard=None if shadow is None else shadow.hear,
    )  # fmt: skip
    going, turn = True, 0
    while going:
        going = worker.turn(0)
        if shadow is not None:
            shadow.turn((lags or {}).get(turn, 0.0))
        turn += 1
    if shadow is not None:
        shadow.close()
    return alarms


def parted(sink: MemorySink) -> tuple[list[bytes], list[dict]]:
    """Part a shadow's messages: alarms, and what it heard."""
    read = [(value, json.loads(value)) for _, value in sink.messages]
    heard = [told for _, told in read if told["schema"] == "vigil.shadow/1"]
    return [value for value, told in read if told["schema"] != "vigil.shadow/1"], heard


@pytest.fixture(scope="module")
def alone() -> list[tuple[str, bytes]]:
    """What the champion publishes without a shadow."""
    return run(None).messages


def test_the_same_models_say_the_same_and_hear_all_of_it(alone: list[tuple[str, bytes]]) -> None:
    shadow, sink = live(CollectorRegistry())
    assert run(shadow).messages == alone
    alarms, heard = parted(sink)
    assert alarms == [value for _, value in alone]
    assert len(alarms) > 0
    spans = {(h["stream_id"], h["from"]["sample"], h["to"]["sample"] / h["fs"]) for h in heard}
    assert {(begin, seconds) for _, begin, seconds in spans} == {(0, SECONDS)}
    assert len(spans) == N_PATIENTS


def test_behind_the_shadow_is_shed_first_and_begins_afresh(
    alone: list[tuple[str, bytes]],
) -> None:
    registry, clock = CollectorRegistry(), Ticking(0.01)
    shadow, sink = live(registry, shedding=Shedding(lag_s=5.0, rest_s=0.05), clock=clock)
    assert run(shadow, {10: 9.0}).messages == alone
    _, heard = parted(sink)
    shed = registry.get_sample_value("vigil_shadow_shed_total", {"reason": "champion behind"})
    assert shed == 1
    assert len(heard) == 2 * N_PATIENTS
    first = max(h["to"]["sample"] for h in heard[:N_PATIENTS])
    assert all(h["from"]["sample"] > first for h in heard[N_PATIENTS:])
    assert registry.get_sample_value("vigil_shadow_on") == 1


def test_a_shadow_that_cannot_keep_up_is_shed(alone: list[tuple[str, bytes]]) -> None:
    registry, clock = CollectorRegistry(), Ticking(1.0)
    shedding = Shedding(most_waiting=5, slice_s=0.5, rest_s=1e6)
    shadow, _ = live(registry, shedding=shedding, clock=clock)
    assert run(shadow).messages == alone
    shed = registry.get_sample_value("vigil_shadow_shed_total", {"reason": "shadow behind"})
    assert shed == 1
    assert registry.get_sample_value("vigil_shadow_on") == 0


def test_a_shadow_that_fails_is_off_and_the_champion_goes_on(
    alone: list[tuple[str, bytes]], caplog: pytest.LogCaptureFixture
) -> None:
    registry = CollectorRegistry()
    shadow, _ = live(registry)

    def fail(items: object) -> None:
        raise RuntimeError("a candidate's bug")

    shadow._pipeline.push = fail  # type: ignore[method-assign, assignment]
    assert run(shadow).messages == alone
    assert shadow.is_off
    assert "the champion goes on" in caplog.text
    assert registry.get_sample_value("vigil_shadow_on") == 0


def test_streams_that_go_are_let_go_of_with_their_stretch_told() -> None:
    shadow, sink = live(CollectorRegistry())
    chunks = []
    worker = Worker(
        Ward(), Sinks(MemorySink(), MemorySink()), Pipeline(), Metrics(CollectorRegistry()),
        overheard=chunks.append,
    )  # fmt: skip
    worker.turn(0)
    shadow.hear(chunks[0])
    name = next(iter(worker.pipeline.streams.slots()))
    shadow.forget([name])
    _, heard = parted(sink)
    assert [h["stream_id"] for h in heard] == [name]
