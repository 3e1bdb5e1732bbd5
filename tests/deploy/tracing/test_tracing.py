"""Traces: from a device's frame to the console through real processes, and nothing where off."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.settings import TracingSettings, load_settings
from deploy.tracing.context import HEADER, Parent, parent_of
from deploy.tracing.export import Tracing
from deploy.tracing.frames import TracedFrames
from deploy.tracing.receiver import Receiver
from deploy.tracing.worker import WorkerTrace
from deploy.trials.tracing import run
from inference.alarm_json import canonical
from ingest.errors import InputError
from tests.test_layout import modules_loaded_by

if TYPE_CHECKING:
    from deploy.kafka.cluster import KafkaCluster

NAME = "Marianne"


@pytest.mark.kafka
def test_a_frames_trace_leads_from_the_gateway_to_the_console(
    kafka_cluster: KafkaCluster, tmp_path: Path
) -> None:
    outcome = run(kafka_cluster, tmp_path, stream=NAME)
    chain = outcome.chain("asystole")
    by_name = {span.name: span for span in chain}
    sent, alarm, shown = (by_name[name] for name in ("gateway send", "alarm", "console tell"))
    assert [s.service for s in (sent, alarm, shown)] == [
        "vigil-gateway", "vigil-monitor", "vigil-console",
    ]  # fmt: skip
    assert sent.parent == ""
    assert alarm.parent == sent.span
    assert shown.parent == alarm.span
    steps = [by_name[name] for name in ("gather", "score", "publish")]
    assert {step.parent for step in steps} == {alarm.span}
    assert sent.begin_ns <= alarm.begin_ns <= steps[1].begin_ns <= steps[2].end_ns <= alarm.end_ns
    batches = {span.span: span for span in outcome.spans if span.name == "batch"}
    assert sent.span in batches[alarm.links[0]].links
    assert batches[alarm.links[0]].trace != alarm.trace
    assert NAME.encode() not in outcome.received
    assert b"ward-3" not in outcome.received


def test_where_no_endpoint_is_named_nothing_of_it_is_loaded() -> None:
    loaded = modules_loaded_by(
        "import deploy.services.gateway, deploy.services.central, deploy.cli.replay\n"
        "from deploy.services.monitor import make_trace\n"
        "from deploy.settings import load_settings\n"
        "make_trace(load_settings().tracing, 'vigil-monitor')"
    )
    assert not [name for name in loaded if name.startswith(("opentelemetry", "deploy.tracing.ex"))]


@given(st.binary(max_size=80))
def test_any_header_is_read_or_left(value: bytes) -> None:
    found = parent_of([("other", None), (HEADER, value)])
    assert found is None or found.header() == (HEADER, value[:53] + b"01")


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1))
def test_headers_hold_what_they_are_made_of(trace_id: int, span_id: int) -> None:
    assert parent_of([Parent(trace_id, span_id).header()]) == Parent(trace_id, span_id)


@pytest.mark.parametrize("endpoint", ["localhost:4318", "file:///tmp/x", "http://"])
def test_an_endpoint_that_is_none_is_refused(endpoint: str) -> None:
    with pytest.raises(InputError, match=r"tracing\.endpoint"):
        load_settings(overrides={"tracing": {"endpoint": endpoint}})


class Topic:
    """Takes what a sink of Kafka takes; fails where it is told to."""

    def __init__(self) -> None:
        self.headers: list[object] = []
        self.fails = False

    def write(self, key: str, value: bytes) -> None:
        self.headers.append(())

    def write_to(self, topic: str, key: str, value: bytes, headers: object = ()) -> None:
        self.headers.append(headers)

    def flush(self) -> None:
        if self.fails:
            raise OSError("it is away, and so is " + NAME)

    def close(self) -> None:
        """Do nothing."""


def test_the_share_that_is_asked_for_is_sampled_and_failures_are_told() -> None:
    with Receiver() as receiver:
        settings = TracingSettings(endpoint=receiver.endpoint, sample=0.2)
        tracing, topic = Tracing(settings, "vigil-replay"), Topic()
        sink = TracedFrames(topic, tracing, "ecg.frames", "replay send", random.Random(1).random)
        for _ in range(1000):
            sink.write("p1", b"frame")
        sink.flush()
        topic.fails = True
        sink.write("p1", b"x")
        for _ in range(40):
            sink.write("p1", b"x")
        with pytest.raises(OSError, match="away"):
            sink.flush()
        tracing.close()
    n_sampled = sum(bool(headers) for headers in topic.headers[:1000])
    assert 150 < n_sampled < 250
    assert len(receiver.spans) == sum(bool(headers) for headers in topic.headers)
    assert NAME.encode() not in receiver.received


def test_an_alarm_without_a_sampled_frame_stands_in_its_batchs_trace() -> None:
    with Receiver() as receiver:
        tracing = Tracing(TracingSettings(endpoint=receiver.endpoint), "vigil-monitor")
        trace = WorkerTrace(tracing)
        told = {"id": "a" * 32, "condition": "asystole", "priority": "high", "state": "raised"}
        trace.polled(3)
        header = trace.alarm("p1", canonical(told)).header()
        trace.settling(lambda: None)
        trace.polled(3)
        trace.settling(lambda: None)  # nothing sampled, no alarm: nothing is told
        trace.alarm("p1", canonical(told))
        trace.begin_turn()  # not settled: nothing is told either
        tracing.close()
    spans = {span.name: span for span in receiver.spans}
    assert spans["alarm"].trace == spans["batch"].trace
    assert header[1].split(b"-")[2].decode() == spans["alarm"].span
    assert sum(span.name == "alarm" for span in receiver.spans) == 1
    assert len(receiver.spans) == 8
