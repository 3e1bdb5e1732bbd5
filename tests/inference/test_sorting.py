"""What goes straight on, and what takes the long way: the same comes of both."""

from __future__ import annotations

import dataclasses
from itertools import repeat

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.pipeline import Pipeline
from inference.sorting import sort_out
from ingest.frame_columns import FrameColumns
from ingest.frames import Frame, Lead
from ingest.sequence import Sequencer
from ingest.sequence_types import Chunk, Chunks, Gap, Layout
from ingest.simulator import sinus
from tests.inference.patients import Told, chunk, cut, patient, told

LEADS = (Lead("V1"), Lead("II"))


def frames(n_streams: int, fs: float = 250.0, duration_s: float = 12.0) -> list[list[Frame]]:
    """Frames of each stream, a quarter of a second each, two leads; some streams lose some."""
    rng = np.random.default_rng(0)
    found = []
    for i in range(n_streams):
        samples = np.repeat(patient((sinus(duration_s, 60.0 + 9 * i),), fs, i).samples, 2, axis=0)
        pieces = cut([chunk(samples, fs=fs, begins=True)], repeat(round(fs / 4)))
        made = [
            Frame(f"bed-{i}", "a", c.first_sample, 0, fs, LEADS, c.samples)
            for c in pieces
            if isinstance(c, Chunk)
        ]
        keep = [k < 3 or rng.random() > 0.05 * (i % 2) for k in range(len(made))]
        found.append([frame for frame, kept in zip(made, keep, strict=True) if kept])
    return found


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([1, 3, 9]))
def test_columns_and_single_frames_give_the_same(seed: int, most: int) -> None:
    rng = np.random.default_rng(seed)
    waiting = frames(4)
    found: tuple[Told, Told] = ({}, {})
    one, many = ((Sequencer(1.0), Pipeline()) for _ in range(2))
    while any(waiting):
        poll: list[Frame] = []
        for stream in waiting:
            n = int(rng.integers(0, most + 1))
            poll += stream[:n]
            del stream[:n]
        told([one[1].push(one[0].push_all(poll)[0])], into=found[0])
        columns = FrameColumns.of(poll)
        told([many[1].push(many[0].push_columns(columns)[0])], into=found[1])

    assert found[0] == found[1]
    assert sum(len(values) for key, values in found[0].items() if key.endswith("beats")) > 30


def place(stream_id: str, first: int, samples: np.ndarray, into: Chunks, fs: float = 100.0) -> None:
    into.stream_ids.append(stream_id)
    into.first_samples.append(first)
    into.layouts.append(Layout("a", fs, LEADS[: len(samples)], 0))
    into.raw.append(samples.astype("<i2").tobytes())


@pytest.fixture
def pipeline() -> Pipeline:
    """One in which two streams sit, of one and of two leads."""
    made = Pipeline()
    made.push([chunk(np.zeros(100, np.int16), stream_id="one", fs=100.0, begins=True)])
    both = chunk(np.zeros((2, 100), np.int16), stream_id="two", fs=100.0, begins=True)
    made.push([dataclasses.replace(both, leads=LEADS)])
    return made


def test_the_lead_in_use_is_taken_and_several_chunks_are_joined(pipeline: Pipeline) -> None:
    chunks = Chunks()
    place("two", 100, np.array([[1, 2], [3, 4]]), chunks)
    place("one", 100, np.array([[7]]), chunks)
    place("two", 102, np.array([[5], [6]]), chunks)
    found = sort_out([chunks], pipeline.streams, 1)

    slots = pipeline.streams.slots()
    assert np.frombuffer(found.ready[slots["one"]], "<i2").tolist() == [7]
    assert np.frombuffer(found.ready[slots["two"]], "<i2").tolist() == [
        3,
        4,
        6,
        1,
        2,
        5,
    ]  # lead II, then the spare one
    assert not found.queues


def test_leads_that_a_stream_does_not_have_are_missing(pipeline: Pipeline) -> None:
    chunks = Chunks()
    place("one", 100, np.array([[7, 8]]), chunks)
    found = sort_out([chunks], pipeline.streams, 2)

    [raw] = found.ready.values()
    assert np.frombuffer(raw, "<i2").tolist() == [7, 8, -32768, -32768]


def test_streams_with_more_to_be_said_keep_their_order(pipeline: Pipeline) -> None:
    chunks, later = Chunks(), Chunks()
    place("one", 100, np.array([[7, 8]]), chunks)
    place("one", 104, np.array([[9]]), later)
    place("nobody", 0, np.array([[1]]), later)
    gap = Gap("one", "a", 102, 2)
    found = sort_out([chunks, gap, later], pipeline.streams, 1)

    assert not found.ready
    queue = [item for item in found.queues["one"] if isinstance(item, (Chunk, Gap))]
    assert [item.first_sample for item in queue] == [100, 102, 104]
    assert set(found.queues) == {"one", "nobody"}


def test_more_than_is_taken_in_one_step_takes_the_long_way(pipeline: Pipeline) -> None:
    chunks = Chunks()
    place("one", 100, np.zeros((1, 2001), int), chunks)
    assert list(sort_out([chunks], pipeline.streams, 1).queues) == ["one"]
