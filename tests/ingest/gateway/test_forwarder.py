from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.codec import decode
from ingest.frame_pb2 import FrameBatch
from ingest.gateway import forwarder
from ingest.gateway.arrival import Note
from ingest.gateway.database import PAGE_BYTES, Sync
from ingest.gateway.room import StorePolicy
from ingest.gateway.store import Store
from ingest.sequence import Sequencer
from ingest.sequence_types import Chunk, Gap
from tests.ingest.gateway.frames import Clock, Kafka, World, packed, world


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def made(tmp_path: Path, clock: Clock) -> World:
    return world(Store(tmp_path / "o.db", StorePolicy(), clock.ms), Kafka(), clock)


def test_live_frames_go_at_once_are_not_marked_and_leave_the_store(made: World) -> None:
    made.turn()
    made.put(packed(0), packed(0, "p2"))
    made.turn(seconds=0)

    assert sorted(made.kafka.frames()) == [("p1", 0, False), ("p2", 0, False)]
    assert [key for _, key, _ in made.kafka.log] == ["p1", "p2"]
    assert made.store.counts.frames == 0


def test_what_came_in_during_a_cut_goes_in_order_marked_as_a_replay(made: World) -> None:
    made.turn()
    made.kafka.cut = True
    for i in range(10):
        made.put(packed(i), packed(i, "p2"))
        made.turn(seconds=1)
    assert made.kafka.log == []
    made.kafka.cut = False
    made.turn(3)

    assert made.kafka.seconds("p1") == made.kafka.seconds("p2") == list(range(10))
    assert all(replay for _, _, replay in made.kafka.frames())
    made.put(packed(10))
    made.turn(seconds=0)
    assert made.kafka.frames()[-1] == ("p1", 10, False)


def test_a_stream_with_a_backlog_sends_no_newer_frame_before_it(tmp_path: Path) -> None:
    clock = Clock()
    one = len(packed(0).payload)
    made = world(Store(tmp_path / "o.db", wall_ms=clock.ms), Kafka(cut=True), clock, rate=2 * one)
    made.put(*(packed(i) for i in range(20)))
    made.turn()
    made.kafka.cut = False
    for i in range(20, 30):  # it goes on sending while its backlog goes out
        made.turn(seconds=1)
        made.put(packed(i))
    made.turn(40, seconds=1)

    assert made.kafka.seconds() == list(range(30))


def test_the_backlog_goes_at_its_rate_and_live_streams_do_not_wait_for_it(tmp_path: Path) -> None:
    clock = Clock()
    one = len(packed(50).payload)
    made = world(Store(tmp_path / "o.db", wall_ms=clock.ms), Kafka(cut=True), clock, rate=5 * one)
    made.put(*(packed(i, "behind") for i in range(100)))
    made.turn()
    made.kafka.cut = False
    made.turn()  # the uplink is back, the bucket full
    sent = []
    for i in range(10):
        made.put(packed(i, "live"))
        made.turn(seconds=1)
        assert made.kafka.seconds("live") == list(range(i + 1))  # at once
        sent.append(len(made.kafka.seconds("behind")))

    steps = [b - a for a, b in pairwise(sent)]
    assert set(steps) <= {4, 5, 6}
    assert not any(replay for name, _, replay in made.kafka.frames() if name == "live")


def test_a_process_that_died_between_sending_and_deleting_only_repeats(
    tmp_path: Path, clock: Clock
) -> None:
    kafka = Kafka()
    first = world(Store(tmp_path / "o.db", wall_ms=clock.ms), kafka, clock)
    first.turn()
    first.store.sent = lambda rows, notes=(): None  # type: ignore[method-assign]  # it dies here
    first.put(*(packed(i) for i in range(4)))
    first.turn()
    first.store.close()
    second = world(Store(tmp_path / "o.db", wall_ms=clock.ms), kafka, clock)
    second.put(packed(4))
    second.turn(3)

    assert kafka.seconds() == [0, 1, 2, 3, 0, 1, 2, 3, 4]
    items, refused = Sequencer().push_all(one for _, _, value in kafka.log for one in decode(value))
    chunks = [item for item in items if isinstance(item, Chunk)]
    assert len(items) == len(chunks)
    assert not refused
    assert [chunk.first_sample for chunk in chunks] == [0, 100, 200, 300, 400]


def test_one_key_for_the_whole_gateway_makes_few_messages(tmp_path: Path, clock: Clock) -> None:
    store = Store(tmp_path / "o.db", wall_ms=clock.ms)
    made = world(store, Kafka(), clock, key="ward-3")
    made.turn()
    made.put(*(packed(i, f"p{p}") for i in range(3) for p in range(5)))
    made.turn()

    [(_, key, value)] = made.kafka.log
    assert key == "ward-3"
    assert len(decode(value)) == 15


def test_old_readers_ignore_the_mark_of_a_replay(made: World) -> None:
    made.kafka.cut = True
    made.put(packed(0))
    made.turn()
    made.kafka.cut = False
    made.turn(2)

    [(_, _, value)] = made.kafka.log
    assert FrameBatch.FromString(value).replay
    assert decode(value)[0].first_sample == 0


def test_live_frames_that_pile_up_fall_back_to_the_disk(
    made: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarder, "LIVE_BYTES", 3000)
    made.turn()
    for i in range(100):
        made.put(packed(i))
        assert made.forwarder._live_bytes <= 3000
    made.turn(3)

    assert made.kafka.seconds() == list(range(100))
    assert made.store.counts.frames == 0


def test_what_the_bound_dropped_is_one_explicit_gap_for_readers(
    tmp_path: Path, clock: Clock
) -> None:
    store = Store(tmp_path / "o.db", StorePolicy(max_bytes=64 * PAGE_BYTES), clock.ms)
    made = world(store, Kafka(), clock)
    made.turn()
    made.put(packed(0))
    made.turn()
    made.kafka.cut = True
    made.turn()
    for i in range(1, 4000, 3):
        made.put(*(packed(i + j) for j in range(3)))
    dropped = store.counts.dropped_frames
    made.kafka.cut = False
    made.turn(40)

    frames = [one for _, _, value in made.kafka.log for one in decode(value)]
    items, _ = Sequencer().push_all(frames)
    gaps = [item for item in items if isinstance(item, Gap)]
    assert dropped > 256
    assert sum(gap.n_samples for gap in gaps) == 100 * dropped
    assert gaps[0].first_sample == 100
    assert gaps[-1].end_sample == 100 + 100 * dropped
    assert store.counts.frames == 0


def test_behind_a_gap_that_no_reader_believes_the_session_has_another_name(
    tmp_path: Path, clock: Clock
) -> None:
    kafka, far = Kafka(), 30 * 3600  # seconds, and so frames
    made = world(Store(tmp_path / "o.db", wall_ms=clock.ms), kafka, clock)
    made.turn()
    made.put(packed(0))
    made.turn()
    made.put(packed(far))
    made.turn()
    made.store.close()
    again = world(Store(tmp_path / "o.db", wall_ms=clock.ms), kafka, clock)
    again.put(packed(far + 1), packed(far + 2))
    again.turn(2)

    frames = [one for _, _, value in kafka.log for one in decode(value)]
    assert [one.session for one in frames] == ["a", "a~1", "a~1", "a~1"]
    _, refused = Sequencer().push_all(frames)
    assert not refused
    assert made.counts.new_sessions == 1
    assert kafka.seconds() == [0, far, far + 1, far + 2]


def test_notes_without_a_topic_keep_no_frame_waiting(made: World) -> None:
    made.kafka.refuse_topics.add("nope")
    made.store.append([], [Note("nope", "k", b"v")])
    made.turn()
    made.put(packed(0))
    made.turn()

    assert made.kafka.seconds() == [0]
    assert made.forwarder.up
    assert made.store.counts.notes == 1
    made.kafka.refuse_topics.clear()
    made.turn()
    assert ("nope", "k", b"v") in made.kafka.log
    assert made.store.counts.notes == 0


def test_streams_with_a_backlog_take_nothing_past_the_disk(made: World) -> None:
    made.kafka.cut = True
    made.put(*(packed(i) for i in range(3)))
    made.turn()

    assert made.forwarder.send_unstored([packed(3)]) == [packed(3)]
    made.kafka.cut = False
    made.clock.now_s += 60
    assert made.forwarder.send_unstored([packed(3), packed(0, "p2")]) == []
    assert made.kafka.seconds() == [0, 1, 2, 3]
    assert made.kafka.seconds("p2") == [0]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), n_streams=st.integers(1, 4))
def test_whatever_fails_when_every_stream_arrives_whole_and_in_order(
    seed: int, n_streams: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Cuts, dying processes and new frames at any moment: after sequencing all is there, once."""
    draw, clock, kafka = random.Random(seed), Clock(), Kafka()
    folder = tmp_path_factory.mktemp("any")
    policy = StorePolicy(sync=Sync.NORMAL)
    one = len(packed(0).payload)

    def start() -> World:
        return world(
            Store(folder / "o.db", policy, clock.ms), kafka, clock, draw.choice([one, 1e9])
        )

    made, next_ = start(), [0] * n_streams
    for _ in range(60):
        what = draw.random()
        if what < 0.45:
            stream = draw.randrange(n_streams)
            n = draw.randint(1, 3)
            frames = [packed(next_[stream] + i, f"p{stream}") for i in range(n)]
            made.put(*frames)
            next_[stream] += n
        elif what < 0.85:
            made.turn(seconds=draw.choice([0, 1, 20]))
        elif what < 0.95:
            kafka.cut = not kafka.cut
        else:
            made.store.close()
            made = start()
    kafka.cut = False
    for _ in range(300):
        made.turn()
        if made.store.counts.frames == 0:
            break
    made.store.close()

    sequencer = Sequencer()
    items, refused = sequencer.push_all(one for _, _, v in kafka.log for one in decode(v))
    assert not refused
    assert sequencer.counts.late == 0
    for stream in range(n_streams):
        heard = [item for item in items if item.stream_id == f"p{stream}"]
        assert all(isinstance(item, Chunk) for item in heard)
        assert [item.first_sample // 100 for item in heard] == list(range(next_[stream]))  # type: ignore[union-attr]
