"""Partitions in which nothing comes hold up nobody, and forget nobody, whatever the others do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inference.keeper import Keeping
from ingest.codec import encode
from ingest.memory import MemoryLog
from tests.inference.crashes import START_MS, CrashError, World, log_of, undisturbed, ward_frames

WARD = ward_frames(3, duration_s=40.0)
HOUR_MS = 3_600_000


def test_partitions_without_messages_change_nothing() -> None:
    wanted = undisturbed(log_of(WARD, 1))
    assert undisturbed(log_of(WARD, 64)).alarms.settled == wanted.alarms.settled


def test_a_worker_that_takes_idle_partitions_over_misses_nothing_in_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = log_of(WARD, 64)
    wanted = undisturbed(log)
    world = World(log)
    world.crash_in = 4
    with pytest.raises(CrashError):
        world.worker(keeping=Keeping(every_s=2.0)).run()
    world.crash_in = -1
    work = world.worker(keeping=Keeping(every_s=2.0))
    work.run()
    assert world.alarms.settled == wanted.alarms.settled
    assert "cannot be gone on from" not in caplog.text


def test_the_time_of_one_partition_lets_go_of_no_stream_of_another() -> None:
    log = MemoryLog(8)
    first = WARD[0][0]
    quiet, _ = log.append(first.stream_id, encode([first]), START_MS)
    elsewhere = (name for name in map(str, range(99)) if MemoryLog(8).append(name, b"")[0] != quiet)
    busy = replace(first, stream_id=next(elsewhere))
    log.append(busy.stream_id, encode([busy]), START_MS + 5 * HOUR_MS)
    log.close()
    work = World(log).worker(keeping=Keeping(every_s=2.0, idle_s=60.0))
    work.run()
    assert set(work.worker._roster.known) == {first.stream_id, busy.stream_id}
