"""The trial of the archive: real records through Kafka, its services killed again and again.

``python -m deploy.trials.archive --records mitdb --kills 200`` starts a Kafka of its own,
sends records as streams and a beat a second beside them, kills a service of the archive at
random moments, on its way up too, takes the disk away now and then, lets the archive be
compacted all the while, and then compares the archive with the topics, message by message.
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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np

from deploy.kafka.cluster import KafkaCluster
from deploy.trials.archive_reading import digests, digests_of
from deploy.trials.fleet import WorkerProcess
from ingest.archive import Archive, verify
from ingest.codec import encode
from ingest.errors import InputError
from ingest.frames import Frame
from ingest.kafka import KafkaSink
from ingest.kafka_standing import standing
from ingest.kafka_url import KafkaUrl
from ingest.recording import Recording
from ingest.wfdb_replay import frames as cut

TOPICS = {"frames": "trial.frames", "beats": "trial.beats"}
"""Topics of the trial by table."""
PATIENCE_S = 300.0
"""The trial fails when nothing goes on for so long, s."""
FULL_SHARE = 0.2
"""Share of kills before which the disk is full for a while."""
FULL_BYTES = 512
"""Longest file on a full disk."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is done."""

    streams: int = 12
    """Streams."""
    kills: int = 5
    """Kills of services."""
    services: int = 2
    """Services that share the partitions."""
    partitions: int = 3
    """Partitions of each topic."""
    longest_life_s: float = 1.0
    """Longest life of a service that has begun to archive, s."""
    seed: int = 1
    """Seed of the moments."""
    minutes: float = 600.0
    """After so long nothing is killed any more, minutes."""


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    kills: int = 0
    """Kills."""
    starts: int = 0
    """Starts of services."""
    full_disks: int = 0
    """How often the disk was full."""
    frames: int = 0
    """Frames that were sent."""
    beats: int = 0
    """Beats that were sent."""
    commits: int = 0
    """Commits on the archive's chains, those that snapshots have taken in left out."""
    snapshots: int = 0
    """Number of the archive's last snapshot."""
    files: int = 0
    """Live files at the end."""
    leftovers: int = 0
    """Files that nobody reads: replaced by compaction, or of services that died."""
    wall_s: float = 0.0
    """Time that it took, s."""
    faults: list[str] = field(default_factory=list)
    """What was lost, doubled or changed."""


class Trial:
    """One trial on a Kafka that runs.

    Parameters
    ----------
    plan : Plan
        How much.
    recordings : sequence of Recording
        What streams send, round and round.
    folder : Path
        Where all goes.
    cluster : KafkaCluster
        A Kafka with the topics.
    topics : mapping
        Topics by table, as :data:`TOPICS`.
    """

    def __init__(
        self,
        plan: Plan,
        recordings: Sequence[Recording],
        folder: Path,
        cluster: KafkaCluster,
        topics: Mapping[str, str] = MappingProxyType(TOPICS),
    ) -> None:
        self._plan, self._cluster, self._topics = plan, cluster, topics
        self._lasts: dict[str, dict[int, int]] = {}
        self._random = random.Random(plan.seed)
        self.archive = str(folder / "archive")
        config = folder / "archive.toml"
        config.write_text(
            f"[archive]\nurl = '{self.archive}'\nflush_s = 0.3\ncompact_minutes = 0.02\n"
            f"[kafka]\nservers = '{cluster.bootstrap}'\ntopic_frames = '{topics['frames']}'\n"
            f"topic_beats = '{topics['beats']}'\ntopic_alarms = ''\n"
        )
        self._services = [
            WorkerProcess(f"archive-{i}", config, folder, "archive") for i in range(plan.services)
        ]
        self._moments = _moments(recordings, plan.streams)
        self._stop = threading.Event()
        self.outcome = Outcome()

    def run(self) -> Outcome:
        """Send and kill, let the archive catch up, and compare.

        Raises
        ------
        InputError
            If nothing goes on for long.
        """
        began_s = time.monotonic()
        sender = threading.Thread(target=self._send)
        try:
            for service in self._services:
                service.start()
            sender.start()
            for _ in range(self._plan.kills):
                if time.monotonic() - began_s < 60 * self._plan.minutes:
                    self._kill_one()
            self._stop.set()
            sender.join()
            self._until(self._caught_up, "the last messages")
        finally:
            self._stop.set()
            if sender.ident is not None:
                sender.join()
            exits = [service.stop() for service in self._services]
        if any(exits):
            self.outcome.faults.append(f"services ended with {exits}")
        self.outcome.starts = sum(service.starts for service in self._services)
        self._judge()
        self.outcome.wall_s = round(time.monotonic() - began_s, 1)
        return self.outcome

    def _send(self) -> None:
        """Send a second of all streams after the other, about ten a second."""
        frames = KafkaSink(self._cluster.url(self._topics["frames"]))
        # In transactions, whose marks take offsets that hold no message.
        beats = KafkaSink(self._cluster.url(self._topics["beats"]), transactional_id="trial")
        try:
            while not self._stop.is_set():
                moment = next(self._moments)
                for each in moment:
                    frames.write(each.stream_id, encode([each]))
                    beats.write(each.stream_id, _beat(each))
                frames.flush()
                beats.flush()
                self.outcome.frames += len(moment)
                self.outcome.beats += len(moment)
                self._stop.wait(0.1)
        finally:
            frames.close()
            beats.close()

    def _kill_one(self) -> None:
        """Kill a service at a random moment, and start it again."""
        service = self._random.choice(self._services)
        if self._random.random() > 0.25:
            self._until(lambda: self._commits(service) > 0, f"{service.name}'s first commit")
        full = self._random.random() < FULL_SHARE and service.pid is not None
        if full:
            service.limit_files(FULL_BYTES)
            self.outcome.full_disks += 1
        time.sleep(self._random.uniform(0, self._plan.longest_life_s))
        if full and self._random.random() < 0.5:
            service.limit_files(-1)
        service.kill(0.0)
        self.outcome.kills += 1
        service.stop()
        service.start()

    def _commits(self, service: WorkerProcess) -> float:
        if service.pid is None:
            raise InputError(f"{service.name} ended by itself:\n{_end_of(service.log)}")
        return service.metrics().get("vigil_archive_commits_total", 0.0)

    def _caught_up(self) -> bool:
        """Tell whether the archive has the last message of every partition."""
        ends = Archive(self.archive).state().ends
        stops = {chain: end.stop for chain, end in ends.items()}
        return all(
            stops.get(f"{topic}-{partition}", 0) > last
            for topic in self._topics.values()
            for partition, last in self._last_offsets(topic).items()
        )

    def _last_offsets(self, topic: str) -> Mapping[int, int]:
        """Return the offset of the last message of each partition, -1 where there is none."""
        if topic not in self._lasts:
            lasts = dict.fromkeys(range(self._plan.partitions), -1)
            for record in standing(KafkaUrl.parse(self._cluster.url(topic))):
                lasts[record.partition] = record.offset
            self._lasts[topic] = lasts
        return self._lasts[topic]

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        until_s = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > until_s:
                logs = "\n".join(_end_of(service.log) for service in self._services)
                raise InputError(f"{what} did not come; the services' logs end:\n{logs}")
            time.sleep(0.1)

    def _judge(self) -> None:
        """Lay the archive beside the topics."""
        archive, outcome = Archive(self.archive), self.outcome
        found = verify(archive)
        outcome.faults += found.faults
        outcome.files, outcome.leftovers = found.files, found.leftovers
        outcome.snapshots = archive.state().number
        chains = archive.place.files("_log/chains")
        outcome.commits = len(chains)
        for table, topic in self._topics.items():
            wanted = digests(standing(KafkaUrl.parse(self._cluster.url(topic))), table)
            held = digests_of(archive, table)
            for place in sorted(wanted.keys() | held.keys()):
                if wanted.get(place) != held.get(place):
                    was, has = wanted.get(place), held.get(place)
                    outcome.faults.append(f"{topic} {place}: {has} instead of {was}")
        if found.rows != outcome.frames + outcome.beats:
            outcome.faults.append(f"{found.rows} rows")


def _moments(recordings: Sequence[Recording], n_streams: int) -> Iterator[list[Frame]]:
    """Yield a second of all streams after the other, round and round."""
    streams = list(itertools.islice(itertools.cycle(recordings), n_streams))
    for number in itertools.count():
        rounds = [
            cut(each, f"{each.name}-{i}", chunk_s=1.0, session=str(number))
            for i, each in enumerate(streams)
        ]
        yield from (list(moment) for moment in zip(*rounds, strict=False))


def _beat(frame: Frame) -> bytes:
    """Return a beat within a frame; which, no trial of an archive asks."""
    at = frame.first_sample + int(np.argmax(np.abs(frame.samples[0].astype(np.int32))))
    told = {"schema": "vigil.beat/1", "stream_id": frame.stream_id, "session": frame.session,
            "sample": at, "aami": "N"}  # fmt: skip
    return json.dumps(told).encode()


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:] if log.exists() else ""


def run_trial(plan: Plan, recordings: Sequence[Recording]) -> Outcome:
    """Run the trial on a Kafka of its own.

    Raises
    ------
    InputError
        If Kafka cannot be had, or nothing goes on for long.
    """
    with tempfile.TemporaryDirectory(prefix="vigil-archive-") as name:
        folder = Path(name)
        with KafkaCluster(folder / "kafka") as cluster:
            for topic in TOPICS.values():
                cluster.create_topic(topic, plan.partitions)
            return Trial(plan, recordings, folder, cluster).run()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the trial; return 0 where all is there once and as it was sent, else 1."""
    from ingest.wfdb_replay import open_recording

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=Path, required=True, help="folder of WFDB records")
    parser.add_argument("--names", default="100,106,119,208", help="records, with commas")
    parser.add_argument("--streams", type=int, default=12)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--services", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=600.0, help="longest time of kills")
    chosen = parser.parse_args(arguments)
    plan = Plan(
        chosen.streams, chosen.kills, chosen.services, seed=chosen.seed, minutes=chosen.minutes
    )
    try:
        recordings = [open_recording(chosen.records / name) for name in chosen.names.split(",")]
        outcome = run_trial(plan, recordings)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(asdict(outcome)))
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    sys.exit(main())
