"""What ``vigil bench`` measures: each figure beside a peer, in one run on one machine.

Absolute figures of a shared machine mean little; the ratio to the peer measured
in the same minute is what can be compared. Work in this process is told in
processor time, which the work of others takes nothing from; what waits is told
by the clock on the wall.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from deploy.services.bench import (
    latency,
    patient,
    peers,
    small,
    stages,
    steps,
    throughput,
    together,
    turns,
)
from deploy.services.bench.figure import Figure, Sample, sampled
from deploy.services.bench.machine import Calibration, calibrate
from deploy.services.bench.workload import Ward, simulated
from ingest.recording import Recording


@dataclass
class Bench:
    """One run: the recordings, and what several benchmarks are compared with."""

    recordings: Sequence[Recording] = field(default_factory=simulated)
    """What is scored."""
    folder: Path | None = None
    """Where pictures go; None draws none."""

    @cached_property
    def calibration(self) -> Calibration:
        """What the core can do."""
        return calibrate()

    @cached_property
    def naive(self) -> Sample:
        """The naive pipeline's patients a core."""
        return peers.naive_rate(self.recordings)

    @cached_property
    def xqrs(self) -> Sample:
        """The same of wfdb's xqrs."""
        return peers.detector_rate(self.recordings, peers.xqrs)

    @cached_property
    def own(self) -> Sample:
        """The engine's, 1,024 streams of frames of 1 s."""
        ward = Ward(self.recordings, throughput.N_STREAMS)
        return sampled(throughput.REPEATS, lambda: throughput.rate(ward))

    def score(self) -> Iterator[Figure]:
        """Measure the way from messages to alarms."""
        yield from throughput.scoring(self.recordings, self.naive, self.xqrs)

    def stages(self) -> Iterator[Figure]:
        """Measure each stage's share."""
        flame_to = None if self.folder is None else self.folder / "flame.svg"
        yield from stages.stages(Ward(self.recordings, stages.N_STREAMS), flame_to)

    def latency(self) -> Iterator[Figure]:
        """Measure how long a frame waits, at the bed and under load."""
        yield from latency.edge(self.recordings)
        yield from latency.under_load(self.recordings)

    def models(self) -> Iterator[Figure]:
        """Measure the models alone."""
        yield from steps.models()
        yield from steps.bound()
        yield from steps.peak(self.calibration.gflops, compiled=self.folder is not None)

    def kafka(self) -> Iterator[Figure]:
        """Measure the way through a broker; its import costs, so it waits until it is asked for."""
        from deploy.services.bench.broker import through_kafka

        yield from through_kafka(self.recordings, self.own)

    def peers(self) -> Iterator[Figure]:
        """Measure other ways."""
        yield from peers.peers(self.recordings, self.own)


BENCHMARKS: dict[str, Callable[[Bench], Iterator[Figure]]] = {
    "start": lambda _: small.start_up(),
    "codec": lambda bench: small.codec(bench.recordings),
    "models": Bench.models,
    "score": Bench.score,
    "stages": Bench.stages,
    "batch": lambda bench: throughput.batches(bench.recordings),
    "census": lambda bench: throughput.census(bench.recordings),
    "together": lambda _: together.processes(),
    "latency": Bench.latency,
    "patient": lambda bench: patient.ticks(bench.recordings),
    "turns": lambda bench: turns.with_states(bench.recordings),
    "peers": Bench.peers,
    "kafka": Bench.kafka,
}
"""By the name that ``vigil bench`` takes."""
