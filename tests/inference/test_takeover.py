"""A worker that dies at any point, and the one that goes on: what comes is what would have come."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from inference.keeper import Keeping
from ingest.codec import encode
from ingest.memory import MemoryLog
from ingest.state_log import Committed
from tests.inference.crashes import (
    START_MS,
    CrashError,
    World,
    log_of,
    other_limits,
    undisturbed,
    ward_frames,
)

WARD = ward_frames(4, duration_s=50.0)


@pytest.fixture(scope="module")
def calm() -> World:
    """What comes of the ward where nothing happens."""
    world = undisturbed(log_of(WARD))
    assert sum(map(len, world.alarms.settled.values())) >= 6
    return world


@pytest.fixture
def world(calm: World) -> Iterator[World]:
    """The same log, of which nobody has read anything."""
    calm.log._committed.clear()
    yield World(calm.log)
    calm.log._committed.clear()


def same(found: World, wanted: World) -> bool:
    return (
        found.alarms.settled == wanted.alarms.settled
        and found.beats.settled == wanted.beats.settled
        and found.dead.settled == wanted.dead.settled
    )


def live_through(world: World, deaths: random.Random, n_deaths: int) -> None:
    """Let workers die at random settles, the last one live to the end."""
    for _ in range(n_deaths):
        world.crash_in, world.crash_after = deaths.randint(1, 12), deaths.random() < 0.3
        work = world.worker(
            keeping=Keeping(every_s=deaths.choice([0.0, 3.0, 20.0])), most=deaths.randint(1, 12)
        )
        try:
            work.run()
        except CrashError:
            continue
    world.crash_in = -1
    world.worker().run()


@settings(max_examples=2, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.integers(0, 2**32 - 1))
def test_whenever_workers_die_the_alarms_beats_and_dead_letters_are_the_same(seed: int) -> None:
    log = log_of(WARD, n_partitions=3)
    wanted = undisturbed(log)
    found = World(log)

    live_through(found, random.Random(seed), n_deaths=4)

    assert same(found, wanted)


def test_without_states_a_death_changes_the_alarms(calm: World, world: World) -> None:
    world.crash_in = 20
    with pytest.raises(CrashError):
        world.worker().run()
    world.states.settled.clear()
    for key in list(world.log._committed):
        world.log._committed[key] = Committed(world.log._committed[key].offset)

    world.crash_in = -1
    world.worker(keeping=Keeping(rebuild_s=0.0)).run()

    assert not same(world, calm)  # or this file proves nothing


def test_a_worker_reads_again_no_more_than_is_behind_the_states(world: World) -> None:
    world.crash_in = 25
    with pytest.raises(CrashError):
        world.worker(keeping=Keeping(every_s=4.0)).run()
    world.crash_in = -1

    work = world.worker()

    assert work.count("vigil_streams_restored_total") == 4
    n_read = sum(world.log.end_offsets)
    # 5 messages a turn, a turn a second: some turns of the interval are read again.
    assert 0 < work.count("vigil_rewound_messages_total") <= 7 * 5 < n_read


def test_after_a_drain_nothing_is_read_again(calm: World, world: World) -> None:
    first = world.worker(keeping=Keeping(every_s=1000.0))
    for _ in range(15):
        first.turn()
    first.worker.drain()

    second = world.worker()
    second.run()

    assert second.count("vigil_rewound_messages_total") == 0
    assert second.count("vigil_frames_read_again_total") == 0
    assert same(world, calm)


def test_what_is_read_again_is_counted_apart(calm: World, world: World) -> None:
    world.crash_in = 25
    first = world.worker(keeping=Keeping(every_s=1000.0))
    with pytest.raises(CrashError):
        first.run()
    world.crash_in = -1
    n_settled = sum(place.offset for place in world.log._committed.values())

    second = world.worker()
    second.run()

    assert second.count("vigil_frames_read_again_total") == second.count(
        "vigil_rewound_messages_total"
    )
    n_frames = sum(map(len, WARD))
    assert second.count("vigil_frames_total") == n_frames - n_settled > 0
    raised = [
        alarm
        for alarms in calm.alarms.settled.values()
        for alarm in map(json.loads, alarms)
        if alarm["state"] == "raised"
    ]
    both = [
        sum(sample.value for metric in work.registry.collect() for sample in metric.samples
            if sample.name == "vigil_alarms_total")
        for work in (first, second)
    ]  # fmt: skip
    assert len(raised) <= sum(both) <= len(raised) + 3  # the turn that died was counted


def test_a_refused_commit_loses_nothing(calm: World, world: World) -> None:
    work = world.worker(keeping=Keeping(every_s=1.0))
    for _ in range(30):
        world.refuse = 1
        work.turn()
        work.turn()
    work.run()
    assert same(world, calm)


def break_checksum(value: bytes) -> bytes:
    return value[:200] + bytes([value[200] ^ 1]) + value[201:]


def break_version(value: bytes) -> bytes:
    import hashlib

    body = value[:4] + b"\x63" + value[5:-32]
    return body + hashlib.sha256(body).digest()


@pytest.mark.parametrize(
    ("reason", "broken"),
    [("checksum", break_checksum), ("format", break_version), ("checksum", lambda _: b"")],
)
@pytest.mark.parametrize("n_good", [0, 1])
def test_a_state_that_is_broken_is_told_and_the_stream_built_from_an_older_one_or_the_log(
    calm: World, world: World, reason: str, broken: object, n_good: int
) -> None:
    world.crash_in = 30
    with pytest.raises(CrashError):
        world.worker(keeping=Keeping(every_s=2.0)).run()
    world.crash_in = -1
    for keys in world.states.settled.values():
        for name, values in keys.items():
            keys[name] = [broken(values[0]), *values[1:2]][: 1 + n_good]  # type: ignore[operator]

    work = world.worker()
    work.run()

    assert work.count("vigil_states_unusable_total", reason=reason) == 4
    assert same(world, calm)


def test_states_that_are_missing_are_noticed_and_their_streams_built_from_the_log(
    calm: World, world: World
) -> None:
    world.crash_in = 30
    with pytest.raises(CrashError):
        world.worker(keeping=Keeping(every_s=2.0)).run()
    world.crash_in = -1
    for keys in world.states.settled.values():
        keys.pop(next(iter(keys)))

    work = world.worker()
    work.run()

    assert work.count("vigil_states_unusable_total", reason="missing") == 1
    assert same(world, calm)


def changes(alarms: Sequence[bytes]) -> list[tuple[str, str]]:
    """Give each change of each alarm once, in order."""
    told = map(json.loads, alarms)
    return list(dict.fromkeys((str(alarm["id"]), str(alarm["state"])) for alarm in told))


@pytest.mark.parametrize("crash_in", [10, 20, 30, 40])
def test_states_of_other_limits_are_not_gone_on_from(world: World, crash_in: int) -> None:
    world.crash_in = crash_in
    with pytest.raises(CrashError):
        world.worker(keeping=Keeping(every_s=0.0)).run()
    world.crash_in = -1
    wanted = undisturbed(log_of(WARD), limits=other_limits())

    work = world.worker(limits=other_limits())
    work.run()

    assert work.count("vigil_states_unusable_total", reason="limits") >= 4
    # Built from the whole log: from the committed offset on it is as if it had always been so.
    for stream_id, alarms in world.alarms.settled.items():
        assert [json.loads(a)["id"] for a in alarms] == [
            json.loads(a)["id"] for a in wanted.alarms.settled[stream_id]
        ]


def test_what_was_told_behind_the_last_states_of_other_limits_is_at_most_said_again(
    world: World,
) -> None:
    world.crash_in = 30
    with pytest.raises(CrashError):
        world.worker(keeping=Keeping(every_s=2.0)).run()
    world.crash_in = -1

    world.worker(limits=other_limits()).run()

    wanted = undisturbed(log_of(WARD), limits=other_limits())
    for stream_id, alarms in world.alarms.settled.items():
        assert changes(alarms) == changes(wanted.alarms.settled[stream_id])


def test_states_of_a_place_behind_a_commit_set_back_by_hand_are_not_used(
    calm: World, world: World
) -> None:
    world.worker(keeping=Keeping(every_s=1.0)).run()
    for partition in range(1):
        world.log.commit("vigil", {partition: Committed(0)})
    world.alarms.settled.clear()

    work = world.worker()
    work.run()

    assert work.count("vigil_states_unusable_total", reason="ahead") > 0
    assert world.alarms.settled == calm.alarms.settled  # all is told once more


def test_a_log_that_was_cut_is_told(caplog: pytest.LogCaptureFixture) -> None:
    log = MemoryLog(1, retain=40)
    world = World(log)
    streams = WARD[:2]
    sent = [frame for second in zip(*streams, strict=True) for frame in second]
    for i, frame in enumerate(sent[:50]):
        log.append(frame.stream_id, encode([frame]), START_MS + 500 * i)
    first = world.worker(keeping=Keeping(every_s=1000.0))
    while first.source.lag_records:
        first.turn()
    for i, frame in enumerate(sent[50:100]):
        log.append(frame.stream_id, encode([frame]), START_MS + 500 * (50 + i))

    second = world.worker()

    assert second.count("vigil_rewinds_cut_total") == 1
    assert second.count("vigil_messages_lost_total") == 10
    assert any(record.levelname == "CRITICAL" for record in caplog.records)
    log.close()
    second.run()
    assert second.worker.metrics is not None


def test_alarms_that_stand_are_told_to_who_takes_over(world: World) -> None:
    """An alarm that began before and still holds must not fall silent by the move."""
    standing: set[str] = set()
    n_moves = 0
    while True:
        told: list[bytes] = []
        world.crash_in = 3
        try:
            world.worker(keeping=Keeping(every_s=0.0), most=6, resumed=told.extend).run()
        except CrashError:
            assert {json.loads(alarm)["id"] for alarm in told} == standing
            n_moves += bool(standing)
        else:
            break
        standing = set()
        for alarms in world.alarms.settled.values():
            for alarm in map(json.loads, alarms):
                if alarm["state"] in ("ended", "cleared"):
                    standing.discard(alarm["id"])
                else:
                    standing.add(alarm["id"])
    assert n_moves >= 3
