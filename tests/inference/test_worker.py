"""The worker's turn: what is durable before what is committed, and what a moved partition does."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from inference import worker as workers
from inference.metrics import Metrics
from inference.pipeline import Pipeline
from inference.worker import Sinks, Worker
from ingest.codec import decode, encode
from ingest.dead_letters import decode_dead_letter
from ingest.frames import Frame, Lead
from ingest.kafka_url import BrokerError, CommitRefusedError
from ingest.memory import LogSource, MemoryLog
from ingest.simulator import demo_ward
from ingest.source import MemorySink
from ingest.state_log import Committed
from ingest.wfdb_replay import frames


@dataclass
class Diary:
    """Notes in which order things are done."""

    done: list[str] = field(default_factory=list)


@dataclass
class NotedSink:
    """A sink that notes its flushes and fails when told to."""

    name: str
    diary: Diary
    fails: bool = False
    messages: list[tuple[str, bytes]] = field(default_factory=list)

    def write(self, key: str, value: bytes) -> None:
        self.messages.append((key, value))

    def flush(self) -> None:
        if self.fails:
            raise BrokerError(f"{self.name} is down")
        self.diary.done.append(f"flush {self.name}")

    def close(self) -> None:
        self.diary.done.append(f"close {self.name}")


class NotedSource(LogSource):
    """A source that notes its commits and may refuse them."""

    diary: Diary
    refuses = False

    def commit(self) -> None:
        if self.refuses:
            raise CommitRefusedError("rebalancing")
        self.diary.done.append("commit")
        super().commit()


@dataclass
class Bench:
    """A log, a worker on it, and where it writes."""

    log: MemoryLog
    source: NotedSource
    alarms: NotedSink
    dead: NotedSink
    beats: NotedSink
    registry: CollectorRegistry
    worker: Worker
    diary: Diary

    def count(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0

    def run(self) -> None:
        while self.worker.turn(0.0):
            pass


def bench(
    n_partitions: int = 1, lead: str | None = None, log: MemoryLog | None = None, **options: object
) -> Bench:
    log = log or MemoryLog(n_partitions)
    diary = Diary()
    source = NotedSource(log)
    source.diary = diary
    alarms, dead, beats = (NotedSink(name, diary) for name in ("alarms", "dead", "beats"))
    registry = CollectorRegistry()
    worker = Worker(
        source,
        Sinks(alarms, dead, beats),
        Pipeline(lead=lead),
        Metrics(registry),
        **options,  # type: ignore[arg-type]
    )
    return Bench(log, source, alarms, dead, beats, registry, worker, diary)


WARD = demo_ward(4, seed=3, duration_s=40.0)


def send(log: MemoryLog, *patients: int, first: int = 0, last: int | None = None) -> list[Frame]:
    """Append the frames of patients, second by second; return them."""
    streams = [list(frames(WARD[i].as_recording(), WARD[i].name)) for i in patients]
    sent = [frame for second in zip(*streams, strict=True) for frame in second]
    sent = sent[first * len(patients) : None if last is None else last * len(patients)]
    for frame in sent:
        log.append(frame.stream_id, encode([frame]))
    return sent


def test_alarms_are_written_under_their_stream_and_counted() -> None:
    b = bench()
    send(b.log, 0, 1, 2, 3)
    b.log.close()

    b.run()

    documents = [(key, json.loads(value)) for key, value in b.alarms.messages]
    assert documents
    assert all(key == alarm["stream_id"] for key, alarm in documents)
    raised = [alarm for _, alarm in documents if alarm["state"] == "raised"]
    for alarm in raised:
        labels = {"condition": alarm["condition"], "priority": alarm["priority"]}
        same = [a for a in raised if a["condition"] == alarm["condition"]]
        assert b.count("vigil_alarms_total", **labels) == len(same)
    assert b.count("vigil_frames_total") == 160
    assert b.count("vigil_frame_to_alarm_seconds_count") == len(documents)
    assert b.count("vigil_signal_seconds_total") == pytest.approx(160, abs=10)


def test_every_beat_goes_to_its_sink_if_one_is_given() -> None:
    b = bench()
    send(b.log, 0)
    b.log.close()

    b.run()

    beats = [json.loads(value) for _, value in b.beats.messages]
    assert len(beats) == sum(b.count("vigil_beats_total", aami=letter) for letter in "NSVFQ") > 30
    assert beats[0].keys() >= {"stream_id", "sample", "utc", "rr_ms", "aami", "confidence"}
    assert [beat["sample"] for beat in beats] == sorted(beat["sample"] for beat in beats)


def test_offsets_are_committed_behind_everything_else() -> None:
    b = bench()
    send(b.log, 1)

    b.worker.turn(0.0)

    assert b.diary.done == ["flush dead", "flush beats", "flush alarms", "commit"]


def test_a_turn_without_anything_commits_nothing() -> None:
    b = bench()
    assert b.worker.turn(0.0)
    assert b.diary.done == []


@pytest.mark.parametrize("sink", ["alarms", "dead", "beats"])
def test_a_sink_that_fails_leaves_everything_uncommitted(sink: str) -> None:
    b = bench()
    send(b.log, 1)
    getattr(b, sink).fails = True

    with pytest.raises(BrokerError, match=f"{sink} is down"):
        b.worker.turn(0.0)

    assert b.log.committed("vigil", 0) is None
    again = bench(log=b.log)
    again.log.close()
    again.run()
    assert again.alarms.messages  # who comes next hears and tells it all


def test_a_refused_commit_is_made_up_for_and_nothing_is_written_twice() -> None:
    b = bench()
    send(b.log, 1)
    b.source.refuses = True
    b.worker.turn(0.0)
    told = list(b.alarms.messages)
    assert b.log.committed("vigil", 0) is None

    b.source.refuses = False
    b.log.append("x", b"junk")
    b.worker.turn(0.0)

    assert b.alarms.messages == told
    assert b.log.committed("vigil", 0) == Committed(41)


def test_a_refused_transaction_is_settled_in_the_next_turn() -> None:
    refused = [True]
    settled: list[int] = []

    def settle() -> None:
        if refused.pop():
            refused.append(False)
            b.alarms.messages.clear()  # the transaction was aborted
            raise CommitRefusedError("rebalancing")
        refused.append(False)
        settled.append(len(b.alarms.messages))

    b = bench(settle=settle)
    send(b.log, 1)
    b.worker.turn(0.0)
    n_waiting = b.worker.n_waiting
    assert n_waiting > 0

    b.worker.turn(0.0)

    assert settled == [n_waiting]
    assert b.worker.n_waiting == 0


def test_streams_of_a_partition_that_went_are_forgotten_with_their_alarms() -> None:
    def refuse() -> None:
        raise CommitRefusedError("rebalancing")

    b = bench(n_partitions=2, settle=refuse)
    sent = send(b.log, 0, 1, 2, 3)
    b.worker.turn(0.0)
    place = {frame.stream_id: b.log.append(frame.stream_id, b"x")[0] for frame in sent}
    stay = {name for name, partition in place.items() if partition == 0}
    assert stay
    assert stay != place.keys()

    b.worker.forget([1])

    assert set(b.worker.sequencer.stream_ids) == stay
    assert {message.key for message in b.worker._outbox} <= stay


def test_a_forgotten_stream_starts_afresh_and_others_do_not_notice() -> None:
    def alarms_of(forget: bool) -> list[bytes]:
        b = bench(n_partitions=2)
        send(b.log, 0, 1, 2, 3, last=20)
        b.worker.turn(0.0)
        if forget:
            n_told = len(b.alarms.messages)
            b.worker.forget([1])
            assert len(b.alarms.messages) == n_told  # it goes without a word
        send(b.log, 0, 1, 2, 3, first=20)
        b.log.close()
        b.run()
        moved = {patient.name for patient in WARD if partition_of(patient.name) == 1}
        return [value for key, value in b.alarms.messages if key not in moved]

    def partition_of(stream_id: str) -> int:
        return MemoryLog(2).append(stream_id, b"")[0]

    assert alarms_of(forget=True) == alarms_of(forget=False)


def test_junk_is_a_dead_letter_with_its_bytes_and_place() -> None:
    b = bench()
    b.log.append("p", b"junk")
    b.log.close()

    b.run()

    [(_, value)] = b.dead.messages
    letter = decode_dead_letter(value)
    assert (letter.payload, letter.reason, letter.offset) == (b"junk", "not-protobuf", 0)
    assert b.count("vigil_dead_letters_total", reason="not-protobuf") == 1


def test_frames_without_the_lead_are_dead_letters_and_others_go_on() -> None:
    b = bench(lead="V9")
    [frame, *_] = send(b.log, 0)
    wanted = replace(frame, stream_id="other", leads=(Lead("V9"),))
    b.log.append("other", encode([wanted]))
    b.log.close()

    b.run()

    letters = [decode_dead_letter(value) for _, value in b.dead.messages]
    assert {letter.reason for letter in letters} == {"lead"}
    assert len(letters) == 40
    assert "there are: II" in letters[0].detail
    assert np.array_equal(decode(letters[0].payload)[0].samples, frame.samples)
    assert b.worker.sequencer.stream_ids == ["other"]


@pytest.mark.parametrize("lead", [None, "II"])
def test_numerics_are_counted_and_no_dead_letters(lead: str | None) -> None:
    b = bench(lead=lead)
    spo2 = Frame("p", "0", 0, 0, 1.0, (Lead("SpO2", "%", 1.0),), np.full((1, 10), 98, np.int16))
    b.log.append("p", encode([spo2]))
    b.log.close()

    b.run()

    assert b.count("vigil_frames_without_ecg_total") == 1
    assert b.dead.messages == []


def test_streams_beyond_the_most_allowed_are_dead_letters() -> None:
    b = bench(max_streams=1)
    send(b.log, 0, 1, last=1)
    b.log.close()

    b.run()

    assert b.count("vigil_dead_letters_total", reason="too-many-streams") == 1


def test_metrics_follow_the_sequencer() -> None:
    b = bench()
    sent = send(b.log, 0, last=10)
    b.log.append(sent[3].stream_id, encode([sent[3]]))
    b.worker.turn(0.0)
    b.log.append(sent[3].stream_id, encode([sent[3]]))
    b.worker.turn(0.0)

    assert b.count("vigil_sequence_total", what="repeated") == 2
    assert b.count("vigil_streams") == 1


def test_no_metric_has_a_stream_as_label() -> None:
    b = bench()
    send(b.log, 0, 1, 2, 3)
    b.log.append("p", b"junk")
    b.log.close()

    b.run()

    families = list(b.registry.collect())
    assert all(family.name.startswith("vigil_") for family in families)
    labels = {key for family in families for sample in family.samples for key in sample.labels}
    assert labels <= {"aami", "condition", "priority", "reason", "what", "le"}


def test_close_releases_all_sinks() -> None:
    b = bench()
    b.worker.close()
    assert sorted(b.diary.done) == ["close alarms", "close beats", "close dead"]


def test_a_worker_without_a_sink_for_beats_writes_none() -> None:
    log = MemoryLog()
    alarms, dead = MemorySink(), MemorySink()
    worker = Worker(LogSource(log), Sinks(alarms, dead), Pipeline(), Metrics(CollectorRegistry()))
    send(log, 1)

    worker.turn(0.0)
    worker.close()

    assert alarms.messages


class SlowSource(NotedSource):
    """A source whose group gives up members that are not heard of."""

    shown: int = 0

    def keep_alive(self) -> None:
        self.shown += 1


def test_a_long_batch_is_scored_in_parts_between_which_the_group_hears_of_the_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workers, "MOST_FRAMES", 16)
    whole, parts = bench(), bench()
    source = SlowSource(parts.log)
    source.diary = parts.diary
    now_s = [0.0]
    slow = Worker(
        source,
        Sinks(parts.alarms, parts.dead, parts.beats),
        parts.worker.pipeline,
        Metrics(CollectorRegistry()),
        clock=lambda: now_s[0],
    )
    push = slow.pipeline.push

    def slowly(items: object) -> object:
        now_s[0] += 7.0
        return push(items)  # type: ignore[arg-type]

    monkeypatch.setattr(slow.pipeline, "push", slowly)
    for b in (whole, parts):
        send(b.log, 0, 1, 2, 3)
        b.log.close()

    whole.run()
    while slow.turn(0.0):
        pass

    assert source.shown == 5  # 160 frames, 16 at a time, 7 s each: every second time
    assert parts.alarms.messages == whole.alarms.messages
    assert sorted(parts.beats.messages) == sorted(whole.beats.messages)
