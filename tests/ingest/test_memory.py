from __future__ import annotations

import threading

import pytest

from ingest.codec import encode
from ingest.errors import InputError
from ingest.memory import LogSink, LogSource, MemoryLog
from ingest.source import Sink, Source
from tests.ingest.synthetic import cut, frame, same_frame


def filled(n_frames: int = 3, log: MemoryLog | None = None) -> MemoryLog:
    log = log or MemoryLog()
    for each in cut(list(range(0, 50 * n_frames + 1, 50))):
        log.append("bed-1", encode([each]))
    return log


def test_frames_pass_as_they_were_sent() -> None:
    log = MemoryLog(n_partitions=4)
    sent = cut([0, 50, 100])
    sink: Sink = LogSink(log)
    sink.write("bed-1", encode(sent))
    sink.flush()
    source: Source = LogSource(log)

    assert all(map(same_frame, sent, source.poll(0).frames))


def test_nothing_counts_as_written_before_flush() -> None:
    log = MemoryLog()
    sink = LogSink(log)
    sink.write("k", b"1")

    assert log.end_offsets == [0]
    sink.close()
    assert log.end_offsets == [1]


def test_a_key_keeps_its_partition_and_its_order() -> None:
    log = MemoryLog(n_partitions=3)

    places = [log.append(f"bed-{i % 5}", b"") for i in range(50)]

    assert all(places[i][0] == places[i % 5][0] for i in range(50))
    assert {partition for partition, _ in places} == {0, 1, 2}


def test_a_source_goes_on_behind_its_last_commit() -> None:
    log = filled()
    source = LogSource(log, max_records=1)
    source.poll(0)
    source.commit()
    source.poll(0)
    source.close()

    resumed = LogSource(log).poll(0)

    assert [f.first_sample for f in resumed.frames] == [50, 100]


def test_groups_do_not_share_commits() -> None:
    log = filled()
    source = LogSource(log, group="one")
    source.poll(0)
    source.commit()

    assert len(LogSource(log, group="other").poll(0).frames) == 3
    assert len(LogSource(log, group="one").poll(0).frames) == 0


def test_what_cannot_be_read_is_a_dead_letter_and_the_log_goes_on() -> None:
    log = filled(1)
    log.append("bed-1", b"junk")
    filled(1, log)

    batch = LogSource(log).poll(0)

    assert len(batch.frames) == 2
    (letter,) = batch.dead
    assert (letter.payload, letter.reason) == (b"junk", "not-protobuf")
    assert (letter.topic, letter.partition, letter.offset) == ("memory", 0, 1)


def test_the_end_is_told_once_all_is_handed_out() -> None:
    log = filled()
    source = LogSource(log, max_records=2)

    assert not source.poll(0).end
    log.close()
    assert source.poll(0).end
    with pytest.raises(InputError, match="closed"):
        log.append("k", b"")


def test_an_empty_log_waits_only_as_long_as_told() -> None:
    batch = LogSource(MemoryLog()).poll(0.01)

    assert (list(batch.frames), batch.end) == ([], False)


def test_a_waiting_source_is_woken_by_a_message() -> None:
    log = MemoryLog()
    writer = threading.Timer(0.05, filled, [1, log])
    writer.start()

    assert len(LogSource(log).poll(30).frames) == 1
    writer.join()


def test_partitions_can_be_shared_out() -> None:
    log = MemoryLog(n_partitions=2)
    for i in range(10):
        log.append(f"bed-{i}", encode([frame(0, 5, stream_id=f"bed-{i}")]))

    halves = [LogSource(log, partitions=[p]) for p in (0, 1)]

    heard = [{f.stream_id for f in half.poll(0).frames} for half in halves]
    assert heard[0] | heard[1] == {f"bed-{i}" for i in range(10)}
    assert not heard[0] & heard[1]
    assert [half.assigned for half in halves] == [[0], [1]]


def test_seeking_and_lag() -> None:
    source = LogSource(filled())
    source.poll(0)
    source.seek(0, 1)

    assert source.lag_records == 2
    assert [f.first_sample for f in source.poll(0).frames] == [50, 100]


def test_only_the_newest_messages_are_retained() -> None:
    log = filled(5, MemoryLog(retain=2))

    assert [f.first_sample for f in LogSource(log).poll(0).frames] == [150, 200]
    assert log.end_offsets == [5]


def test_a_log_needs_a_partition() -> None:
    with pytest.raises(InputError, match="partitions"):
        MemoryLog(n_partitions=0)
