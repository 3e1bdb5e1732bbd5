"""How fast the archive is written and read, and how small it is, on real records.

``python -m deploy.trials.archive_speed --records mitdb`` writes a while of a thousand streams,
which begin at different places of the records, one second a frame, and reads it again. By
default the archive is written from messages in memory; with ``--kafka`` they go through a
Kafka of its own to a service in this process. Times are told as multiples of real time: by
the clock, and of one processor's time, which others on the machine disturb less.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from deploy.archive_settings import load_archive_settings
from deploy.kafka.cluster import KafkaCluster
from deploy.services.archive import ArchiveService, collect_seldom
from ingest.archive import Archive, ArchiveWriter, LogMessage, Plan, StreamKeys, maintain, verify
from ingest.codec import decode, encode
from ingest.errors import InputError
from ingest.frames import Frame
from ingest.kafka import KafkaSink
from ingest.recording import Recording
from ingest.sequence_types import sample_to_ns
from ingest.wfdb_replay import frames as cut

TOPIC = "speed.frames"
PARTITIONS = 4
"""Partitions that streams are spread over."""
COMMIT_BYTES = 64 << 20
"""Samples in one commit where nothing goes through Kafka, as ``archive.flush_bytes``."""
STRETCH_S = 30.0
"""Length of the stretches that are looked up, s."""
LOOKUPS = 50
"""How many are."""
PATIENCE_S = 600.0
"""Longest wait for a service to catch up, s."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast something was done."""

    by_clock: float
    """Seconds of all streams' signal a second by the clock, over the number of streams."""
    by_processor: float
    """The same a second of processor time of this process, all its threads."""


@dataclass(slots=True)
class Measured:
    """What was measured."""

    streams: int = 0
    """Streams."""
    duration_s: float = 0.0
    """Signal of each, s."""
    leads: int = 0
    """Leads of each."""
    messages: int = 0
    """Messages that it came in."""
    raw_bytes: int = 0
    """Bytes of samples, two each."""
    decode_us: float = 0.0
    """Processor time of decoding a frame in this run, us: what else the machine did shows in it."""
    paces: dict[str, Pace] = field(default_factory=dict)
    """How fast each was done."""
    sizes: dict[str, int] = field(default_factory=dict)
    """Bytes of the samples, or of whole files with all that is beside the samples."""
    files: dict[str, int] = field(default_factory=dict)
    """Files before and after compaction."""
    lookup_ms: dict[str, float] = field(default_factory=dict)
    """Time to read :data:`STRETCH_S` of one stream, ms: median and 99th percentile."""
    faults: list[str] = field(default_factory=list)
    """What is wrong with the archive."""


def make_messages(
    recordings: Sequence[Recording], n_streams: int, duration_s: int, per_message: int
) -> list[tuple[int, bytes]]:
    """Return messages of all streams in the order of time, with their partitions.

    A stream begins somewhere in its record, by a seed of its own, and goes round it; a message
    holds a second of ``per_message`` streams, as a gateway sends them.
    """
    streams = [
        _shifted(recordings[i % len(recordings)], f"bed-{i:04d}", i, duration_s)
        for i in range(n_streams)
    ]
    cuts = [cut(each, each.name, chunk_s=1.0) for each in streams]
    found: list[tuple[int, bytes]] = []
    for moment in zip(*cuts, strict=True):
        for number, part in enumerate(_parts(moment, per_message)):
            found.append((number % PARTITIONS, encode(part)))
    return found


def measure(messages: Sequence[tuple[int, bytes]], folder: Path, told: Measured) -> None:
    """Write messages, plain and sealed, read them, compact, and read again; fills ``told``."""
    began_s = time.process_time()
    n_frames = sum(len(decode(message)) for _, message in messages)
    told.decode_us = round((time.process_time() - began_s) / n_frames * 1e6, 2)
    _write(messages[:1], str(folder / "first"), None)  # what is imported at first use
    plain = str(folder / "plain")
    told.paces["write"] = _paced(told, lambda: _write(messages, plain, None))
    _read(Archive(plain), told)
    with StreamKeys(folder / "keys.db", b"a master secret of 32 bytes and more") as keys:
        sealed = str(folder / "sealed")
        told.paces["write, sealed"] = _paced(told, lambda: _write(messages, sealed, keys))
        archive = Archive(sealed, keys)
        told.sizes["sealed archive"] = _file_bytes(archive)
        told.paces["read all, sealed"] = _paced(told, lambda: _read_all(archive))


def measure_kafka(messages: Sequence[tuple[int, bytes]], folder: Path, told: Measured) -> None:
    """Send messages through a Kafka of its own to the service; fills ``told``."""
    with KafkaCluster(folder / "kafka") as cluster:
        cluster.create_topic(TOPIC, PARTITIONS)
        sink = KafkaSink(cluster.url(TOPIC))
        for partition, message in messages:
            sink.write_to(TOPIC, "gateway", message, partition)
        sink.close()
        url = str(folder / "kafka-archive")
        service = ArchiveService(
            load_archive_settings(
                None,
                {
                    "archive": {"url": url, "flush_s": 2.0, "compact_minutes": 0},
                    "kafka": {
                        "servers": cluster.bootstrap,
                        "topic_frames": TOPIC,
                        "topic_alarms": "",
                    },
                    "http": {"port": 0},
                },
            )
        )
        loop = threading.Thread(target=service.run)
        n_wanted = told.streams * round(told.duration_s)

        def drain() -> None:
            loop.start()
            until_s = time.monotonic() + PATIENCE_S
            while service.rows < n_wanted and loop.is_alive():
                if time.monotonic() > until_s:
                    raise InputError(f"{service.rows} of {n_wanted} rows came")
                time.sleep(0.02)

        try:
            told.paces["write, through Kafka"] = _paced(told, drain)
        finally:
            service.stop()
            loop.join()
        told.faults += verify(Archive(url)).faults


def size_by_zlib(recordings: Sequence[Recording]) -> dict[str, float]:
    """Return bytes of samples by other means, as shares of two bytes a sample."""
    seconds = [
        np.ascontiguousarray(each.samples[:, at : at + round(each.fs)]).astype("<i2").tobytes()
        for each in recordings
        for at in range(0, each.n_samples - round(each.fs) + 1, round(each.fs))
    ]
    raw = sum(map(len, seconds))
    whole = zlib.compress(b"".join(seconds), 6)
    return {
        "zlib of each frame": sum(len(zlib.compress(each, 6)) for each in seconds) / raw,
        "zlib of all frames in a row": len(whole) / raw,
    }


def _read(archive: Archive, told: Measured) -> None:
    """Read a plain archive before and after compaction."""
    told.sizes["archive as written"] = _file_bytes(archive)
    told.files["as written"] = len(archive.files())
    told.paces["read all"] = _paced(told, lambda: _read_all(archive))
    told.paces["compact"] = _paced(told, lambda: maintain(archive, Plan()))
    told.sizes["archive, compacted"] = _file_bytes(archive)
    told.files["compacted"] = len(archive.files())
    told.paces["read all, compacted"] = _paced(told, lambda: _read_all(archive))
    told.lookup_ms = _lookups(archive, told)
    found = verify(archive)
    told.faults += found.faults
    if found.rows != told.streams * round(told.duration_s):
        told.faults.append(f"{found.rows} rows")


def _write(messages: Sequence[tuple[int, bytes]], url: str, keys: StreamKeys | None) -> None:
    """Write messages, some seconds a commit."""
    writer = ArchiveWriter(url, keys)
    writer.take_all("frames", TOPIC, range(PARTITIONS))
    offsets = [itertools.count() for _ in range(PARTITIONS)]
    now_ms = time.time_ns() // 1_000_000
    for partition, message in messages:
        writer.add(TOPIC, partition, [LogMessage(next(offsets[partition]), now_ms, message)])
        if writer.held_bytes >= COMMIT_BYTES:
            _commit(writer)
    _commit(writer)


def _commit(writer: ArchiveWriter) -> None:
    for partition in range(PARTITIONS):
        writer.commit(TOPIC, partition)


def _read_all(archive: Archive) -> None:
    for _ in archive.frames_in_columns():
        pass


def _lookups(archive: Archive, told: Measured) -> dict[str, float]:
    """Look up stretches here and there."""
    chance, times = random.Random(1), []
    first = {each.stream_id: each.begin_unix_ns for each in archive.streams()}
    for _ in range(LOOKUPS):
        stream = chance.choice(sorted(first))
        latest_s = max(0.0, told.duration_s - STRETCH_S)
        start = first[stream] + round(chance.uniform(0, latest_s) * 1e9)
        began_s = time.perf_counter()
        found = archive.stretch(stream, start, start + round(STRETCH_S * 1e9))
        times.append((time.perf_counter() - began_s) * 1000)
        if not found:
            told.faults.append(f"nothing of {stream}")
    return {
        "median": round(float(np.median(times)), 1),
        "p99": round(float(np.percentile(times, 99)), 1),
    }


def _paced(told: Measured, work: Callable[[], object]) -> Pace:
    """Do something with all streams, and return how fast it was."""
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    work()
    by_clock_s = time.perf_counter() - began_s
    by_processor_s = time.process_time() - began_cpu_s
    return Pace(round(told.duration_s / by_clock_s, 1), round(told.duration_s / by_processor_s, 1))


def _shifted(recording: Recording, name: str, seed: int, duration_s: int) -> Recording:
    """Return so much of a recording from a place of its own on."""
    n_samples = round(duration_s * recording.fs)
    first = random.Random(seed).randrange(recording.n_samples)
    at = (first + np.arange(n_samples)) % recording.n_samples
    start = 1_700_000_000_000_000_000 + sample_to_ns(first, recording.fs)
    return replace(recording, name=name, samples=recording.samples[:, at], start_unix_ns=start)


def _parts(moment: Sequence[Frame], size: int) -> Iterator[Sequence[Frame]]:
    for first in range(0, len(moment), size):
        yield moment[first : first + size]


def _file_bytes(archive: Archive) -> int:
    return sum(entry.bytes for entry in archive.files())


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 where the archive is not what was written."""
    from ingest.wfdb_replay import open_recording

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=Path, required=True, help="folder of WFDB records")
    parser.add_argument("--names", default="100,101,103,105,106,108,109,111", help="with commas")
    parser.add_argument("--leads", type=int, help="leads of each stream; else all")
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=60, help="signal of each stream")
    parser.add_argument("--per-message", type=int, default=50, help="streams in one message")
    parser.add_argument("--kafka", action="store_true", help="through Kafka too")
    parser.add_argument("--out", type=Path, help="folder to work in; else a temporary one")
    chosen = parser.parse_args(arguments)
    try:
        leads = None if chosen.leads is None else list(range(chosen.leads))
        recordings = [
            open_recording(chosen.records / name, leads) for name in chosen.names.split(",")
        ]
        told = Measured(chosen.streams, chosen.seconds, len(recordings[0].leads))
        messages = make_messages(recordings, chosen.streams, chosen.seconds, chosen.per_message)
        told.messages = len(messages)
        told.raw_bytes = sum(
            2 * round(chosen.seconds * recordings[i % len(recordings)].fs) * told.leads
            for i in range(chosen.streams)
        )
        collect_seldom()  # as the service does
        with tempfile.TemporaryDirectory(prefix="vigil-speed-", dir=chosen.out) as name:
            measure(messages, Path(name), told)
            if chosen.kafka:
                measure_kafka(messages, Path(name), told)
        shares = size_by_zlib(recordings)
        told.sizes |= {what: round(share * told.raw_bytes) for what, share in shares.items()}
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(asdict(told), indent=1))
    return 1 if told.faults else 0


if __name__ == "__main__":
    sys.exit(main())
