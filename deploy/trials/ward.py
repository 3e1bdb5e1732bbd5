"""A ward of thousands in real time: what it takes, and how late its alarms are.

``python -m deploy.trials.ward --streams 10000 --workers 2 --minutes 10 --report docs``

Devices send frames at their times through a Kafka of one node to ``vigil monitor --workers N``,
with states and transactions as in a hospital; all of it on this machine. An alarm's lateness is
the time from when the last sample that decides it stood in a frame that was due, to when a reader
with ``read_committed`` has it: it holds the sender's lateness, the broker, the gathering of
batches, scoring, and the commit.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from deploy.kafka.broker import STATES_CONFIG
from deploy.kafka.cluster import KafkaCluster
from deploy.services.bench.workload import FS, from_folder, simulated
from deploy.trials.fault_traffic import Reader
from deploy.trials.fleet import START
from deploy.trials.processes import cpu_by_role
from deploy.trials.ward_page import SHARES, START_S, draw, page
from deploy.trials.ward_sender import Devices, send
from inference.resample import HALF_WIDTH_S
from ingest.errors import InputError

TOPICS = ("in", "out", "dead", "state")
PARTITIONS_A_WORKER = 4
SETTLE_S = 30.0
"""Signal behind which figures are taken: workers have joined, models have heard something."""
PATIENCE_S = 60.0
"""Longest wait for what is still on its way at the end, s."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is tried."""

    streams: int = 10_000
    """Streams of one lead."""
    workers: int = 2
    """Processes that score."""
    frame_s: float = 1.0
    """Length of a frame, s."""
    minutes: float = 10.0
    """How long."""
    gather_ms: int = 50
    """Setting ``batch.deadline_ms``."""


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    plan: Plan
    """What was tried."""
    data: str
    """What the streams are cut from."""
    at_s: list[float] = field(default_factory=list)
    """When each alarm's last sample was due, since the begin, s."""
    late_s: list[float] = field(default_factory=list)
    """How late each was, s."""
    cpu_cores: dict[str, float] = field(default_factory=dict)
    """Cores that were busy in the mean, by what they ran."""

    def told(self, from_s: float = 0.0) -> dict[str, float]:
        """Tell how many alarms were due from then on, and quantiles of how late they were, s."""
        late_s = [late for at, late in zip(self.at_s, self.late_s, strict=True) if at >= from_s]
        quantiles = np.quantile(late_s, SHARES) if late_s else np.full(len(SHARES), np.nan)
        told = {f"p{100 * q:g}": float(v) for q, v in zip(SHARES, quantiles, strict=True)}
        return {"alarms": len(late_s), **told}


class AlarmReader(Reader):
    """Keeps of each alarm when it could be read, and which sample decided it."""

    def __init__(self, url: str) -> None:
        super().__init__(url, poll_ms=20)
        self.found: list[tuple[str, int, float]] = []
        """Stream, deciding sample, when it was read (s since 1970)."""

    def note(self, key: str, value: bytes, read_s: float) -> None:
        """Take one alarm in."""
        told = json.loads(value)
        self.found.append((told["stream_id"], told["decided"]["sample"], read_s))


def run(plan: Plan, devices: Devices, data: str, folder: Path) -> Outcome:
    """Try it.

    Raises
    ------
    InputError
        If Kafka cannot be started.
    """
    outcome = Outcome(plan, data)
    n_steps = round(60 * plan.minutes / plan.frame_s)
    n_partitions = PARTITIONS_A_WORKER * plan.workers
    context = multiprocessing.get_context("spawn")
    with ExitStack() as opened:
        cluster = opened.enter_context(KafkaCluster(folder / "kafka"))
        for kind in TOPICS:
            cluster.create_topic(kind, n_partitions, STATES_CONFIG if kind == "state" else None)
        opened.callback(_stopped, _start(plan, cluster, folder))
        reader = AlarmReader(cluster.url("out"))
        reader.start()
        opened.callback(reader.stop)
        stop, begin_s = context.Event(), time.time() + 15.0
        asked = (cluster.url("in"), devices, begin_s, n_steps, n_partitions, stop)
        sender = context.Process(target=send, args=asked, name="sender")
        sender.start()
        opened.callback(sender.join, 30)
        opened.callback(stop.set)
        _watch(outcome, begin_s, n_steps * plan.frame_s, reader)
        _collect(outcome, devices, begin_s, reader)
    return outcome


def _start(plan: Plan, cluster: KafkaCluster, folder: Path) -> subprocess.Popen[bytes]:
    """Start the workers under their supervisor."""
    config = folder / "ward.toml"
    lines = ["[kafka]", f'servers = "{cluster.bootstrap}"']
    lines += [f'topic_{kind} = "{kind}"' for kind in TOPICS]
    lines += ['group = "ward"', "[batch]", f"deadline_ms = {plan.gather_ms}"]
    config.write_text("\n".join(lines))
    words = ["monitor", "--config", str(config), "--workers", str(plan.workers), "--http-port", "0"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    with (folder / "workers.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-c", START, *words], stdout=log, stderr=log, env=environment
        )


def _stopped(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()


def _watch(outcome: Outcome, begin_s: float, for_s: float, reader: AlarmReader) -> None:
    """Wait for the end, say how it goes, and take the processors' time in between."""
    time.sleep(max(0.0, begin_s + min(SETTLE_S, for_s / 4) - time.time()))
    before, before_s = cpu_by_role(), time.monotonic()
    while (left_s := begin_s + for_s - time.time()) > 0:
        time.sleep(min(10.0, left_s))
        told = f"{time.time() - begin_s:5.0f} of {for_s:.0f} s, {len(reader.found):,} alarms"
        print(told, file=sys.stderr, flush=True)
    took_s = time.monotonic() - before_s
    outcome.cpu_cores = {
        role: round((cpu_s - before.get(role, 0.0)) / took_s, 3)
        for role, cpu_s in cpu_by_role().items()
    }
    give_up_s, n_found = time.monotonic() + PATIENCE_S, -1
    while n_found < len(reader.found) and time.monotonic() < give_up_s:
        n_found = len(reader.found)
        time.sleep(5.0)


def _collect(outcome: Outcome, devices: Devices, begin_s: float, reader: AlarmReader) -> None:
    """Tell how late each alarm was."""
    look_ahead = round(HALF_WIDTH_S * devices.recordings[0].fs)
    for stream_id, sample, read_s in reader.found:
        step = (sample + look_ahead) // devices.n_samples  # the frame that holds what was needed
        phase_s = devices.phase_s(int(stream_id.removeprefix("bed-")))
        at_s = phase_s + (step + 1) * devices.frame_s
        if at_s >= min(SETTLE_S, 15 * outcome.plan.minutes):
            outcome.at_s.append(round(at_s, 3))
            outcome.late_s.append(round(read_s - begin_s - at_s, 4))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the trial."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--records", type=Path, help="folder of WFDB records; else simulated")
    parser.add_argument("--report", type=Path, help="folder for the page, figures and picture")
    parser.add_argument("--work", type=Path, help="folder for logs; else one that is removed")
    for each in dataclasses.fields(Plan):
        default = getattr(Plan(), each.name)
        parser.add_argument(f"--{each.name.replace('_', '-')}", type=type(default), default=default)
    given = vars(parser.parse_args(arguments))
    records, report, work = (given.pop(name) for name in ("records", "report", "work"))
    logging.basicConfig(level=logging.ERROR)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    plan = Plan(**given)
    try:
        recordings = from_folder(records) if records else simulated()
        data = f"{len(recordings)} records of {records.name}" if records else "a simulated ward"
        if len({recording.fs for recording in recordings}) > 1:
            raise InputError(f"{records}: records of one sampling frequency are wanted, as {FS:g}")
        devices = Devices(recordings, plan.streams, plan.frame_s)
        with tempfile.TemporaryDirectory(prefix="vigil-ward-") as folder:
            outcome = run(plan, devices, data, work or Path(folder))
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    if report is not None:
        report.mkdir(parents=True, exist_ok=True)
        stem = f"ward-{plan.frame_s:g}s"
        told = {
            "plan": asdict(plan),
            "data": data,
            "cpu_cores": outcome.cpu_cores,
            "late_s": outcome.told(),
            "late_s_behind_the_start": outcome.told(START_S),
        }
        (report / f"{stem}.json").write_text(json.dumps(told, indent=2) + "\n")
        (report / f"{stem}.md").write_text(page(outcome))
        draw(outcome, report / f"{stem}.png")
    print(page(outcome))
    return 0


if __name__ == "__main__":
    sys.exit(main())
