"""Frames as columns: the same frames, and the same order, as one by one."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.codec import decode, encode
from ingest.frame_columns import FrameColumns
from ingest.frame_pb2 import FrameBatch
from ingest.frames import Frame, Lead
from ingest.sequence import Sequencer
from ingest.sequence_types import Chunks, Item, Ordered
from tests.ingest.synthetic import cut, frame, same_frame


def single(items: list[Ordered]) -> list[Item]:
    """Take chunks apart again."""
    found: list[Item] = []
    for item in items:
        if isinstance(item, Chunks):
            found += [item.chunk(i) for i in range(len(item.raw))]
        else:
            found.append(item)
    return found


def of_stream(items: list[Item], stream_id: str) -> list[Item]:
    return [item for item in items if item.stream_id == stream_id]


def told(items: list[Item]) -> list[tuple[object, ...]]:
    """Everything that items say, in a form to be compared."""
    return [
        tuple(
            value.tobytes() if isinstance(value, np.ndarray) else value
            for value in (getattr(item, f.name) for f in dataclasses.fields(item))
        )
        for item in items
    ]


def some_traffic(rng: np.random.Generator) -> list[list[Frame]]:
    """Polls of frames of a few streams: repeats, losses, disorder, restarts, other layouts."""
    waiting: list[list[Frame]] = []
    for name in ("bed-1", "bed-2", "bed-3"):
        body: list[Frame] = []
        for session in ("a", "b")[: int(rng.integers(1, 3))]:
            bounds = np.unique([0, *rng.integers(1, 1500, int(rng.integers(1, 20))), 1500])
            part = [dataclasses.replace(f, session=session) for f in cut(bounds.tolist())]
            body += (
                part if rng.random() < 0.5 else [dataclasses.replace(f, last=False) for f in part]
            )
        for _ in range(int(rng.integers(0, 4))):
            i = int(rng.integers(0, len(body)))
            kind = rng.choice(["repeat", "lose", "swap", "layout", "jump"])
            if kind == "repeat":
                body.insert(min(len(body), i + int(rng.integers(0, 4))), body[i])
            elif kind == "lose" and len(body) > 1:
                body.pop(i)
            elif kind == "swap" and i:
                body[i - 1], body[i] = body[i], body[i - 1]
            elif kind == "layout":
                leads = (Lead("V1"), *body[i].leads[1:])
                body[i] = dataclasses.replace(body[i], leads=leads)
            else:
                body[i] = dataclasses.replace(body[i], first_sample=2**45)
        waiting.append([dataclasses.replace(f, stream_id=name) for f in body])
    polls: list[list[Frame]] = []
    while any(waiting):
        poll: list[Frame] = []
        for frames in waiting:
            n = int(rng.integers(0, 4))
            poll += frames[:n]
            del frames[:n]
        polls.append(poll)
    return polls


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 3))
@example(0, 0.0)
def test_columns_are_put_in_order_as_frames_are(seed: int, bound_s: float) -> None:
    polls = some_traffic(np.random.default_rng(seed))
    one, many = Sequencer(bound_s), Sequencer(bound_s)
    expected: list[Item] = []
    found: list[Item] = []
    for poll in polls:
        items, dead = one.push_all(poll)
        expected += items
        columns, dead_columns = many.push_columns(FrameColumns.of(poll))
        found += single(columns)
        assert [(d.payload, d.reason) for d in dead] == [
            (d.payload, d.reason) for d in dead_columns
        ]
        assert one.counts == many.counts
    for name in one.stream_ids:
        assert told(of_stream(found, name)) == told(of_stream(expected, name))
        assert one.snapshot(name) == many.snapshot(name)


def test_what_goes_on_is_kept_together_and_makes_no_chunk_of_its_own() -> None:
    frames = cut([0, 100, 200, 300])
    beds = [dataclasses.replace(f, stream_id=f"bed-{i}") for f in frames for i in range(5)]
    items, _ = Sequencer().push_columns(FrameColumns.of(beds))
    [together] = [item for item in items if isinstance(item, Chunks)]

    assert len(together.raw) == 5  # the first frames begin, the last end
    assert len(single(items)) == 5 * (3 + 1)


def test_columns_are_a_sequence_of_the_frames() -> None:
    frames = [frame(0, 5), frame(5, 12, last=True)]
    columns = FrameColumns.of(frames)
    columns.extend(FrameColumns.of([frame(20, 22)]))

    assert len(columns) == 3
    assert all(map(same_frame, columns, [*frames, frame(20, 22)]))
    assert same_frame(columns[-1], frame(20, 22))
    assert all(map(same_frame, columns[1:], [frames[1], frame(20, 22)]))
    assert all(map(same_frame, columns.where([True, False, True]), [frames[0], frame(20, 22)]))
    assert FrameColumns.of(columns) is columns
    assert [len(column) for column in columns.columns()] == [3] * (
        len(dataclasses.fields(columns)) - 1  # but for the count of replays
    )
    with pytest.raises(IndexError):
        columns[3]


def test_frames_of_any_layout_in_memory_are_sent_on_alike() -> None:
    plain = frame(0, 10)
    strided = dataclasses.replace(plain, samples=np.asfortranarray(plain.samples))

    assert FrameColumns.of([strided]).raw == FrameColumns.of([plain]).raw
    assert encode(decode(encode([plain]))) == encode([plain])


def test_frames_of_a_replay_are_counted_however_messages_are_put_together() -> None:
    frames = cut(range(0, 1001, 250))
    live, replay = (
        encode(frames[:1]),
        encode(frames[1:]) + FrameBatch(replay=True).SerializeToString(),
    )

    together = FrameColumns()
    for message in (live, replay, live):
        together.extend(decode(message))

    assert decode(live).n_replays == 0
    assert decode(replay).n_replays == 3
    assert together.n_replays == 3
    assert decode(live + replay).n_replays == 4  # joined: the whole message is one
