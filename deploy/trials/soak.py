"""The soak: a worker at load for long, while streams come and go by the thousand.

``python -m deploy.trials.soak --minutes 60 --report docs``

Streams of a simulated ward go through a Kafka of one node to one worker with states. Each lives
for a while; half of them end as devices do, the others fall silent, and are let go of when the
log has gone on without them. The worker's memory, open files and threads, and what it remembers,
are noted all the time. Flat means: the mean of the last third is no higher than that of the middle
third by more than is declared.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path

from deploy.kafka.broker import STATES_CONFIG
from deploy.kafka.cluster import KafkaCluster
from deploy.services.bench.machine import describe
from deploy.services.bench.workload import Ward, simulated
from deploy.trials.fleet import WorkerProcess
from ingest.codec import encode
from ingest.errors import InputError
from ingest.frames import Frame
from ingest.kafka_sink import KafkaSink

TOPICS = ("in", "out", "dead", "state")
NOTE_S = 5.0
"""Time between two notes, s."""
PATIENCE_S = 600.0
"""Longest time until the worker is ready, and until all is scored at the end, s."""
MOST_GROWTH = 0.05
"""Growth of memory from the middle third to the last that still is flat."""
MOST_FILES = 5
"""Growth of open files that still is flat."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is tried."""

    minutes: float = 60.0
    """How long."""
    beds: int = 300
    """Streams at a time."""
    life_s: float = 20.0
    """Mean life of a stream, s."""
    idle_s: float = 60.0
    """Settings ``state.idle_s`` and ``annunciation.archive_s``."""
    seed: int = 1
    """Of lives and ends."""


@dataclass(slots=True)
class Note:
    """The worker at one moment."""

    at_s: float
    """Since the begin, s."""
    rss_mb: float
    """Resident memory, MB."""
    files: int
    """Open file descriptors."""
    threads: int
    """Threads."""
    streams: int
    """Streams that sit in the pipeline."""
    known: int
    """Streams that something is remembered of."""
    beds: int
    """Beds whose alarm signals are remembered."""
    lag_s: float
    """Lag, s."""


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    plan: Plan
    """What was tried."""
    notes: list[Note] = field(default_factory=list)
    """The worker, moment by moment."""
    come: int = 0
    """Streams that came."""
    let_go: int = 0
    """Streams that the worker let go of since they fell silent."""
    archived: int = 0
    """Beds that were closed behind them."""
    frames: int = 0
    """Frames that were sent."""
    scored: int = 0
    """Frames that the worker took."""

    def growth(self, name: str) -> float:
        """Return by how much the mean of the last third is above that of the middle third."""
        values = [float(getattr(note, name)) for note in self.notes]
        third = len(values) // 3
        return statistics.fmean(values[2 * third :]) - statistics.fmean(values[third : 2 * third])

    @property
    def is_flat(self) -> bool:
        """True where neither memory nor open files grow."""
        if len(self.notes) < 9:
            return False
        rss_mb = statistics.fmean(note.rss_mb for note in self.notes)
        return self.growth("rss_mb") <= MOST_GROWTH * rss_mb and self.growth("files") <= MOST_FILES

    @property
    def is_done(self) -> bool:
        """True where everything was scored in the end."""
        return self.scored == self.frames


class Comers:
    """Streams that come, live for a while, and go."""

    def __init__(self, plan: Plan, draw: random.Random) -> None:
        self._plan, self._draw = plan, draw
        self._ward = Ward(simulated(), plan.beds)
        self._until = [self._life() for _ in range(plan.beds)]
        self._begun, self._number = [0] * plan.beds, list(range(plan.beds))
        self.come = plan.beds

    def second(self, step: int) -> Iterator[Frame]:
        """Yield one second of every stream."""
        for bed in range(self._plan.beds):
            begun = self._begun[bed]
            frame = self._ward.frame(bed, step - begun)
            last = step + 1 >= self._until[bed]
            name = f"comer-{self._number[bed]:07d}"
            told = last and self._draw.random() < 0.5  # the others fall silent
            yield dataclasses.replace(frame, stream_id=name, last=told)
            if last:
                self._begun[bed], self._number[bed] = step + 1, self.come
                self._until[bed] = step + 1 + self._life()
                self.come += 1

    def _life(self) -> int:
        return 1 + round(self._draw.expovariate(1 / self._plan.life_s))


def run(plan: Plan, folder: Path, cluster: KafkaCluster | None = None) -> Outcome:
    """Try it.

    Raises
    ------
    InputError
        If Kafka cannot be started.
    TimeoutError
        If the worker does not start.
    """
    outcome = Outcome(plan)
    with ExitStack() as opened:
        if cluster is None:
            cluster = opened.enter_context(KafkaCluster(folder / "kafka"))
        topics = {kind: f"soak.{kind}.{time.time_ns():x}" for kind in TOPICS}
        for kind, name in topics.items():
            cluster.create_topic(name, 4, STATES_CONFIG if kind == "state" else None)
        worker = WorkerProcess("soak", _config(plan, cluster, topics, folder), folder)
        opened.callback(worker.stop)
        worker.start()
        worker.wait_ready(PATIENCE_S)
        sink = KafkaSink(cluster.url(topics["in"]))
        opened.callback(sink.close)
        _live(plan, outcome, worker, sink)
        _wait(outcome, worker)
    return outcome


def _live(plan: Plan, outcome: Outcome, worker: WorkerProcess, sink: KafkaSink) -> None:
    """Send in real time, or slower where the machine is, and note how the worker is."""
    comers = Comers(plan, random.Random(plan.seed))
    begun_s = noted_s = due_s = time.monotonic()
    for step in count():
        time.sleep(max(0.0, due_s - time.monotonic()))
        due_s = max(due_s + 1.0, time.monotonic())
        if time.monotonic() - begun_s >= 60 * plan.minutes:
            break
        for frame in comers.second(step):
            sink.write(frame.stream_id, encode([frame]))
            outcome.frames += 1
        sink.flush()
        if time.monotonic() - noted_s >= NOTE_S:
            noted_s = time.monotonic()
            _note(outcome, worker, noted_s - begun_s)
    outcome.come = comers.come


def _note(outcome: Outcome, worker: WorkerProcess, at_s: float) -> None:
    told, proc = worker.metrics(), Path(f"/proc/{worker.pid}")
    if not told:
        return
    status = dict(
        line.split(":", 1) for line in (proc / "status").read_text().splitlines() if ":" in line
    )
    outcome.notes.append(
        Note(
            round(at_s, 1),
            round(int(status["VmRSS"].split()[0]) / 1024, 1),
            len(list((proc / "fd").iterdir())),
            int(status["Threads"]),
            int(told["vigil_streams"]),
            int(told["vigil_streams_known"]),
            int(told.get("vigil_beds", 0)),
            round(told["vigil_lag_seconds"], 2),
        )
    )
    outcome.let_go = int(told["vigil_streams_let_go_total"])
    outcome.scored = int(told["vigil_frames_total"])
    outcome.archived = int(told.get("vigil_beds_archived_total", 0))


def _wait(outcome: Outcome, worker: WorkerProcess) -> None:
    """Wait until everything that was sent is scored, if it ever is."""
    give_up_s = time.monotonic() + PATIENCE_S
    while outcome.scored < outcome.frames and time.monotonic() < give_up_s:
        outcome.scored = int(worker.metrics().get("vigil_frames_total", 0))
        time.sleep(0.2)


def _config(plan: Plan, cluster: KafkaCluster, topics: dict[str, str], folder: Path) -> Path:
    config = folder / "soak.toml"
    lines = ["[kafka]", f'servers = "{cluster.bootstrap}"']
    lines += [f'topic_{kind} = "{name}"' for kind, name in topics.items()]
    lines += ['group = "soak"', "[state]", f"idle_s = {plan.idle_s}", "every_s = 5"]
    lines += ["[annunciation]", "enabled = true", f'log = "{folder / "soak.annunciation"}"']
    lines += [f"archive_s = {plan.idle_s}"]
    config.write_text("\n".join(lines))
    return config


def draw_plot(outcome: Outcome, path: Path) -> None:
    """Draw memory, open files and streams against time."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    minutes = [note.at_s / 60 for note in outcome.notes]
    figure, axes = pyplot.subplots(3, 1, figsize=(8, 7), sharex=True)
    series = (("rss_mb", "memory, MB"), ("files", "open files"), ("known", "streams remembered"))
    for axis, (name, label) in zip(axes, series, strict=True):
        axis.plot(minutes, [getattr(note, name) for note in outcome.notes], lw=1)
        axis.set_ylabel(label)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    axes[2].plot(minutes, [note.streams for note in outcome.notes], lw=1, label="being scored")
    axes[2].plot(minutes, [note.beds for note in outcome.notes], lw=1, label="with a bed")
    axes[2].legend()
    axes[2].set_xlabel("minutes")
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


def page(outcome: Outcome, picture: str) -> str:
    """Write the page, beside its picture."""
    plan, notes = outcome.plan, outcome.notes
    third = len(notes) // 3
    done = "All was scored." if outcome.is_done else "**Too slow: not all was scored in the end.**"
    rows = "\n".join(
        f"| {label} | {_mean(notes[third : 2 * third], name)} | {_mean(notes[2 * third :], name)} |"
        f" {max(getattr(note, name) for note in notes):,} |"
        for name, label in (
            ("rss_mb", "memory, MB"),
            ("files", "open files"),
            ("threads", "threads"),
            ("streams", "streams being scored"),
            ("known", "streams remembered"),
            ("beds", "beds of alarm signals"),
            ("lag_s", "lag, s"),
        )
    )
    return f"""# The soak

Made by `python -m deploy.trials.soak`, never by hand. {plan.minutes:g} minutes, {plan.beds} streams
at a time through Kafka to one worker with states; a stream lives for {plan.life_s:g} s in the mean,
half of them end, half fall silent and are let go of after {plan.idle_s:g} s of the log's time.
{outcome.come:,} streams came, {outcome.let_go:,} had been let go of at the last look, silent ones
and ended ones alike; {outcome.archived:,} beds with alarms that still stood were closed behind
them; {outcome.scored:,} of {outcome.frames:,} frames were scored.

**{"Flat" if outcome.is_flat else "NOT flat"}**: the last third beside the middle third, memory
{outcome.growth("rss_mb"):+.1f} MB, open files {outcome.growth("files"):+.1f}. Flat is declared as
at most {MOST_GROWTH:.0%} of memory and {MOST_FILES} files.
{done}
Machine: {describe()}

| | middle third, mean | last third, mean | most |
|---|---|---|---|
{rows}

![memory, open files and streams against time]({picture})
"""


def _mean(notes: Sequence[Note], name: str) -> str:
    return f"{statistics.fmean(getattr(note, name) for note in notes):,.1f}" if notes else "–"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the soak; return 1 where it was not flat, or not all was scored."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--report", type=Path, help="folder for the page, its figures and picture")
    parser.add_argument("--name", default="soak", help="name of these files (soak)")
    parser.add_argument("--work", type=Path, help="folder for logs; else one that is removed")
    for each in dataclasses.fields(Plan):
        default = getattr(Plan(), each.name)
        parser.add_argument(f"--{each.name.replace('_', '-')}", type=type(default), default=default)
    given = vars(parser.parse_args(arguments))
    report, name, work = given.pop("report"), given.pop("name"), given.pop("work")
    logging.basicConfig(level=logging.ERROR)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with tempfile.TemporaryDirectory(prefix="vigil-soak-") as folder:
            outcome = run(Plan(**given), work or Path(folder))
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    told = {**asdict(outcome), "is_flat": outcome.is_flat, "is_done": outcome.is_done}
    if report is not None:
        report.mkdir(parents=True, exist_ok=True)
        (report / f"{name}.json").write_text(json.dumps(told) + "\n")
        (report / f"{name}.md").write_text(page(outcome, f"{name}.png"))
        draw_plot(outcome, report / f"{name}.png")
    print(json.dumps({name: value for name, value in told.items() if name != "notes"}))
    return 0 if outcome.is_flat and outcome.is_done else 1


if __name__ == "__main__":
    sys.exit(main())
