"""The trial of a large ward: what its devices send, and how lateness is told."""

from __future__ import annotations

import numpy as np
import pytest

from deploy.services.bench.workload import STREAMS_A_MESSAGE, simulated
from deploy.trials.processes import cpu_by_role
from deploy.trials.ward import AlarmReader, Outcome, Plan, _collect
from deploy.trials.ward_page import page
from deploy.trials.ward_sender import Devices, Gateway, name_of
from ingest.codec import decode

RECORDINGS = simulated(2, duration_s=20.0)
DEVICES = Devices(RECORDINGS, STREAMS_A_MESSAGE + 3, 0.2)


@pytest.mark.parametrize("number", [0, 1])
def test_a_gateway_sends_its_streams_without_a_gap_and_round_the_recording(number: int) -> None:
    gateway, n = Gateway(DEVICES, number), DEVICES.n_samples
    heard: dict[str, list[np.ndarray]] = {}
    n_steps = 130  # more than once round
    for step in range(n_steps):
        frames = decode(gateway.message(step, 1_000 * step))
        for i, stream_id in enumerate(frames.stream_ids):
            assert frames.first_samples[i] == step * n
            heard.setdefault(stream_id, []).append(frames[i].samples[0])
    first = number * STREAMS_A_MESSAGE
    assert list(heard) == [name_of(bed) for bed in range(first, first + len(heard))]
    assert len(heard) == (STREAMS_A_MESSAGE, 3)[number]
    for bed, told in enumerate(heard.values(), first):
        line = RECORDINGS[bed % 2].samples[0]
        begin = round(bed // 2 * 7.3 * RECORDINGS[0].fs) % len(line)
        wanted = np.resize(np.roll(line, -begin), n_steps * n)
        np.testing.assert_array_equal(np.concatenate(told), wanted)


def test_lateness_counts_from_the_end_of_the_frame_that_holds_what_was_needed() -> None:
    reader = AlarmReader("kafka://127.0.0.1:1/out")
    devices = Devices(RECORDINGS, STREAMS_A_MESSAGE, 1.0)
    fs = round(RECORDINGS[0].fs)
    for sample, due_s in ((40 * fs, 41), (41 * fs - fs // 20, 42), (2 * fs, 3), (99 * fs, 100)):
        reader.found.append((name_of(5), sample, 100.0 + due_s + (0.25 if due_s < 90 else 0.125)))
    outcome = Outcome(Plan(minutes=2.0), "two")
    _collect(outcome, devices, 100.0, reader)
    assert outcome.at_s == [41.0, 42.0, 100.0], "what comes before all have settled does not count"
    assert outcome.late_s == [0.25, 0.25, 0.125]
    assert "| all | 3 | 0.250 s | 0.250 s | 0.250 s | 0.250 s |" in page(outcome)
    assert "| behind 90 s | 1 | 0.125 s | 0.125 s | 0.125 s | 0.125 s |" in page(outcome)


def test_processes_are_told_by_what_they_run() -> None:
    assert all(cpu_s >= 0 for cpu_s in cpu_by_role().values())
