from __future__ import annotations

from pathlib import Path

import pytest

from ingest.codec import decode
from ingest.dead_letters import decode_dead_letter
from ingest.frames import FrameError
from ingest.gateway.arrival import Arrival
from ingest.gateway.devices import Devices, dead_letter
from ingest.gateway.keeper import Keeper, KeeperOptions
from ingest.gateway.room import StorePolicy
from ingest.gateway.store import Store
from tests.ingest.gateway.frames import Clock, Kafka, World, frame, packed, world


class Ward:
    """A keeper over a small world, and what its devices were told."""

    def __init__(self, folder: Path, **policy: object) -> None:
        self.clock = Clock()
        store = Store(folder / "o.db", StorePolicy(**policy), self.clock.ms)  # type: ignore[arg-type]
        self.world: World = world(store, Kafka(), self.clock)
        self.tapped: list[str] = []
        self.keeper = Keeper(
            store, self.world.forwarder, self.world.counts, KeeperOptions(commit_s=0), self._tap
        )
        self.told: list[int] = []
        self.world.turn()

    def _tap(self, frames: object) -> None:
        self.tapped += [one.stream_id for one in frames]  # type: ignore[attr-defined]

    def send(self, i: int, stream: str = "p1") -> None:
        self.keeper.offer(Arrival([packed(i, stream)], lambda: self.told.append(i)))

    def fill_the_disk(self) -> None:
        """From now on the disk takes nothing: no frame, and no deletion either."""
        self.world.store._db.execute("PRAGMA query_only = ON")

    def free_the_disk(self) -> None:
        self.world.store._db.execute("PRAGMA query_only = OFF")


@pytest.fixture
def ward(tmp_path: Path) -> Ward:
    return Ward(tmp_path)


def test_a_device_is_told_when_its_frame_is_durable_and_not_before(ward: Ward) -> None:
    ward.send(0)
    assert ward.told == []
    ward.keeper.turn(0)

    assert ward.told == [0]
    assert ward.world.store.counts.frames == 1


def test_repeats_are_acknowledged_and_not_stored_again(ward: Ward) -> None:
    for i in (0, 1, 1, 0, 2, 2):
        ward.send(i)
    ward.keeper.turn(0)
    ward.world.turn()  # all of it is sent, and deleted
    for i in (2, 1, 3):
        ward.send(i)
    ward.keeper.turn(0)
    ward.world.turn()

    assert ward.told == [0, 1, 1, 0, 2, 2, 2, 1, 3]
    assert ward.world.kafka.seconds() == [0, 1, 2, 3]
    assert ward.world.counts.repeated == 5


def test_a_frame_further_behind_than_readers_wait_is_counted_as_late(ward: Ward) -> None:
    for i in range(10):
        ward.send(i)
    ward.keeper.turn(0)
    ward.send(2)
    ward.keeper.turn(0)

    assert ward.told[-1] == 2
    assert ward.world.counts.late == 1


def test_one_wrong_index_does_not_make_all_that_follows_late(ward: Ward) -> None:
    for i in (0, 1, 10**6, 2, 3):
        ward.send(i)
        ward.keeper.turn(0)
    ward.world.turn(2)

    assert ward.world.counts.late == 0
    assert ward.world.kafka.seconds() == [0, 1, 10**6, 2, 3]
    sessions = [f.session for _, _, value in ward.world.kafka.log for f in decode(value)]
    assert sessions == ["a", "a", "a~1", "a~2", "a~2"]


def test_what_cannot_be_read_is_kept_whole_and_acknowledged(ward: Ward) -> None:
    letter = dead_letter(b"junk", FrameError("not-protobuf", "no"), "mqtt")
    ward.keeper.offer(Arrival([], lambda: ward.told.append(-1), letter, "mqtt"))
    ward.keeper.turn(0)
    ward.world.turn(2)

    [(topic, _, value)] = ward.world.kafka.log
    assert (topic, decode_dead_letter(value)) == ("ecg.dead-letter", letter)
    assert ward.told == [-1]
    assert ward.world.counts.refused["not-protobuf"] == 1


def test_where_the_disk_takes_nothing_frames_go_on_and_are_acknowledged_by_kafka(
    ward: Ward,
) -> None:
    ward.send(0)
    ward.keeper.turn(0)
    ward.fill_the_disk()
    for i in range(1, 20):
        ward.send(i)
        ward.keeper.turn(0)

    assert ward.keeper.why_full is not None
    assert ward.told == list(range(20))
    assert ward.world.kafka.seconds() == list(range(20))
    assert ward.world.counts.unstored == 19
    ward.send(19)  # the acknowledgement was lost
    ward.free_the_disk()
    ward.keeper.turn(0)
    ward.world.turn(2)
    assert ward.keeper.why_full is None
    assert ward.world.store.counts.frames == 0
    assert ward.world.kafka.seconds() == list(range(20))


def test_what_is_durable_nowhere_is_not_acknowledged_and_not_lost(ward: Ward) -> None:
    ward.send(0)
    ward.keeper.turn(0)
    ward.world.kafka.cut = True
    ward.world.turn()
    ward.fill_the_disk()
    for i in range(1, 4):
        ward.send(i)
        ward.keeper.turn(0)
    assert ward.told == [0]

    ward.free_the_disk()
    ward.keeper.turn(0)
    ward.world.kafka.cut = False
    ward.world.turn(3)

    assert ward.told == [0, 1, 2, 3]
    assert ward.world.kafka.seconds() == [0, 1, 2, 3]


def test_without_a_disk_a_stream_with_a_backlog_waits_and_others_do_not(ward: Ward) -> None:
    ward.world.kafka.cut = True
    ward.send(0)
    ward.keeper.turn(0)
    ward.world.turn()
    ward.fill_the_disk()
    ward.send(1)
    ward.send(0, "p2")
    ward.keeper.turn(0)
    assert ward.told == [0]
    ward.world.kafka.cut = False
    ward.clock.now_s += 60
    ward.keeper.turn(0)

    assert ward.told == [0, 1, 0]  # what was stored went first, then the rest
    assert ward.world.kafka.seconds("p1") == [0, 1]
    assert ward.world.kafka.seconds("p2") == [0]


def test_one_stream_too_many_is_refused_without_holding_the_others_up(tmp_path: Path) -> None:
    ward = Ward(tmp_path, max_streams=2)
    for stream in ("p1", "p2", "p3"):
        ward.send(0, stream)
    ward.keeper.turn(0)

    assert ward.world.store.counts.frames == 2
    assert ward.world.counts.refused["too-many-streams"] == 1
    assert len(ward.told) == 3  # the third is kept as a dead letter
    assert ward.world.store.counts.notes == 1


def test_local_scoring_hears_frames_that_no_disk_takes(ward: Ward) -> None:
    ward.world.kafka.cut = True
    ward.world.turn()
    ward.fill_the_disk()
    for i in range(200):
        ward.send(i)
    ward.keeper.turn(0)

    assert ward.tapped == ["p1"] * 200


def test_a_device_sends_streams_of_its_own_name_only() -> None:
    devices = Devices(lambda arrival: None, lambda name: name.upper())
    assert [one.stream_id for one in devices.packed([frame(0, "bed/ppg")], "bed")] == ["BED/PPG"]
    for stream in ("bed2", "other", "be"):
        with pytest.raises(FrameError, match="its own name"):
            devices.packed([frame(0, stream)], "bed")
