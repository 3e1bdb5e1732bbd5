"""Numerics over Kafka: every record of a database through a worker that is killed again and again.

``python -m deploy.trials.numerics --records bidmc`` starts a Kafka of its own and ``vigil monitor``
with ``[numerics]``, sends the records second by second, kills the worker with SIGKILL in the middle
of each portion, and lays what was published, byte by byte, beside what the same engine says of the
records in one process, a minute a frame. It also measures how many streams one core forecasts, and
writes a page.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

import numpy as np

from deploy.kafka.cluster import KafkaCluster
from deploy.trials.fault_traffic import Messages, Reader, Watch, differences
from deploy.trials.fleet import WorkerProcess
from deploy.trials.numerics_page import page
from inference.alarm_json import NO_CONTEXT, canonical, document
from inference.engine import Engine
from inference.numeric_streams import NumericStreams
from inference.pipeline import Pipeline
from inference.results import Results
from ingest.codec import encode
from ingest.errors import InputError
from ingest.frames import Frame
from ingest.kafka import KafkaSink
from ingest.recording import Recording
from ingest.sequence import Sequencer
from ingest.sequence_types import Chunk
from ingest.wfdb_replay import frames, open_recording

PARTITIONS = 4
"""Partitions of all topics."""
TOPICS = ("in", "out", "dead", "state")
PATIENCE_S = 300.0
"""Longest wait for anything to go on, s."""
WHOLE_S = 60.0
"""Length of the frames in which the engine is given the records in one process, s."""
GROUP = "numerics"
WORKER = "worker"
SPEED_STREAMS, SPEED_STEPS = 1000, 30
"""Streams and seconds of each that the engine's pace is measured with."""


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    records: int = 0
    """Records, each a stream."""
    signal_h: float = 0.0
    """Their length, h."""
    messages: int = 0
    """Frames sent, a message each."""
    kills: int = 0
    """How often the worker was killed."""
    alarms: int = 0
    """Alarms raised."""
    by_condition: dict[str, int] = field(default_factory=dict)
    """Of each condition."""
    by_why: dict[str, int] = field(default_factory=dict)
    """Alarms by what was strangest when they were raised."""
    wrong: dict[str, Sequence[int]] = field(default_factory=dict)
    """By stream that is not as wanted: messages lost, doubled, other."""
    state_bytes: int = 0
    """Bytes that are remembered of one stream."""
    streams_a_core: int = 0
    """Streams at one step a second that one core forecasts, of :data:`SPEED_STREAMS` at once."""
    example: str = ""
    """One alarm."""


def numerics_in(folder: Path) -> list[Recording]:
    """Open the records of numerics of a database.

    Raises
    ------
    InputError
        If there are none.
    """
    paths = sorted(path.with_suffix("") for path in folder.glob("*n.hea"))
    if not paths:
        raise InputError(f"no record of numerics (*n.hea) in {folder}")
    return [open_recording(path) for path in paths]


def said(engine: Engine, recordings: Sequence[Recording]) -> Messages:
    """Return what the engine publishes of records in one process, by stream."""
    context = NO_CONTEXT.of_models(engine.models)
    found: Messages = {}
    model, sequencer = context.models[0], Sequencer()
    for moment in moments_of(recordings, WHOLE_S):
        items = [item for frame in moment for item in sequencer.push(frame)]
        for change in engine.push(items).alarms:
            by, source = change.model or model, change.stream.source
            own = context.seen(change.lead, change.strip)
            told = document(change.transition, source, by, engine.limits, own)
            found.setdefault(source.stream_id, []).append(canonical(told))
    return found


def moments_of(recordings: Sequence[Recording], chunk_s: float) -> Iterator[list[Frame]]:
    """Yield the frames of all records that come together."""
    rounds = (frames(each, each.name, chunk_s=chunk_s) for each in recordings)
    for moment in zip_longest(*rounds):
        yield [frame for frame in moment if frame is not None]


class Trial:
    """A worker, what it is sent, and what it publishes.

    Parameters
    ----------
    recordings : sequence of Recording
        What is sent.
    kills : int
        How often the worker is killed.
    seed : int
        Seed of the moments.
    folder : Path
        Where all goes.
    cluster : KafkaCluster
        A Kafka with the topics.
    """

    def __init__(
        self,
        recordings: Sequence[Recording],
        kills: int,
        seed: int,
        folder: Path,
        cluster: KafkaCluster,
    ) -> None:
        config = folder / "monitor.toml"
        topics = "".join(f'topic_{name} = "{name}"\n' for name in TOPICS)
        config.write_text(
            f'[kafka]\nservers = "{cluster.bootstrap}"\n{topics}group = "{GROUP}"\n'
            f'instance_id = "{WORKER}"\n[state]\nevery_s = 1.0\n[numerics]\nenabled = true\n'
        )
        self._worker = WorkerProcess(WORKER, config, folder)
        self._cluster, self._kills, self._random = cluster, kills, random.Random(seed)
        self._watch = Watch(cluster.url("in"), GROUP)
        self._reader = Reader(cluster.url("out"))
        self._moments = list(moments_of(recordings, 1.0))

    def run(self) -> Messages:
        """Send, kill, let the last worker catch up; return what was published.

        Raises
        ------
        InputError
            If nothing goes on for long.
        """
        self._reader.start()
        self._worker.start()
        sink = KafkaSink(self._cluster.url("in"))
        try:
            for portion in np.array_split(np.arange(len(self._moments)), self._kills + 1):
                self._send(sink, portion.tolist())
                if portion[-1] + 1 < len(self._moments):
                    self._kill()
            self._until(lambda: self._watch.is_settled, "the last frames")
            self._until(self._has_read_all, "the last alarms")
        finally:
            sink.close()
            self._worker.stop()
            self._watch.stop()
            self._reader.stop()
        return self._reader.by_stream()

    def _send(self, sink: KafkaSink, seconds: Sequence[int]) -> None:
        for second in seconds:
            for frame in self._moments[second]:
                sink.write(frame.stream_id, encode([frame]))
        sink.flush()

    def _kill(self) -> None:
        """Kill the worker somewhere in what it was sent, and start it again."""
        before = self._worker.metrics().get("vigil_numerics_steps_total", 0.0)
        self._until(
            lambda: self._worker.metrics().get("vigil_numerics_steps_total", 0.0) > before,
            "the first steps of a portion",
        )
        time.sleep(self._random.uniform(0.0, 1.5))
        self._worker.kill(0.0)
        self._worker.stop()
        self._worker.start()

    def _has_read_all(self) -> bool:
        """Tell whether nothing more has come for a while."""
        n_before = len(self._reader.messages)
        time.sleep(3.0)
        return len(self._reader.messages) == n_before

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        until_s = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > until_s:
                end = self._worker.log.read_text(errors="replace")[-2000:]
                raise InputError(f"{what} did not come; the worker's log ends:\n{end}")
            time.sleep(0.1)


def pace(
    streams: NumericStreams,
    recordings: Sequence[Recording],
    n_streams: int = SPEED_STREAMS,
    n_steps: int = SPEED_STEPS,
) -> tuple[int, int]:
    """Measure how many streams a core forecasts, and the bytes remembered of each."""
    names = [f"pace-{i}" for i in range(n_streams)]
    of = [recordings[i % len(recordings)] for i in range(n_streams)]

    def push(second: int) -> None:
        items = [
            Chunk(
                name, "0", second, each.samples[:, second : second + 1], each.fs, each.leads,
                each.start_unix_ns, begins=second == 0,
            )
            for name, each in zip(names, of, strict=True)
        ]  # fmt: skip
        streams.push(items, Results())

    push(0)
    began_s = time.process_time()
    for second in range(1, 1 + n_steps):
        push(second)
    each_s = (time.process_time() - began_s) / n_steps / n_streams
    kept = streams.snapshot(names[:1]).state.values()
    streams.forget(names)
    return round(1 / each_s), sum(rows.nbytes for rows in kept)


def judged(found: Messages, wanted: Messages) -> Outcome:
    """Lay what was published beside what is wanted."""
    outcome = Outcome(wrong=differences(found, wanted))
    raised = [
        told
        for messages in found.values()
        for told in map(json.loads, messages)
        if told["state"] == "raised"
    ]
    outcome.alarms = len(raised)
    outcome.by_condition = _counts(told["condition"] for told in raised)
    outcome.by_why = _counts(told["anomaly"]["why"] for told in raised)
    first = next((told for told in raised if told["condition"] == "unusual_numerics"), None)
    outcome.example = "" if first is None else json.dumps(_shown(first), indent=1)
    return outcome


def _counts(words: object) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))  # type: ignore[call-overload]


def _shown(alarm: Mapping[str, object]) -> dict[str, object]:
    """Leave out of an alarm what says nothing new."""
    keys = ("condition", "kind", "priority", "state", "stream_id", "lead", "onset", "decided",
            "anomaly")  # fmt: skip
    return {key: alarm[key] for key in keys}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the trial; return 0 where every byte is as it should be, else 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=Path, required=True, help="folder of a database")
    parser.add_argument("--most", type=int, help="records, the first of all (all of them)")
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--page", type=Path, help="page to write")
    asked = parser.parse_args(arguments)
    recordings = numerics_in(asked.records)[: asked.most]
    engine = Engine(Pipeline(), NumericStreams())
    wanted = said(engine, recordings)
    with tempfile.TemporaryDirectory(prefix="vigil-numerics-") as name:
        folder = Path(name)
        with KafkaCluster(folder / "kafka") as cluster:
            for topic in TOPICS:
                config = {"cleanup.policy": "compact"} if topic == "state" else None
                cluster.create_topic(topic, PARTITIONS, config)
            trial = Trial(recordings, asked.kills, asked.seed, folder, cluster)
            found = trial.run()
    outcome = judged(found, wanted)
    outcome.records, outcome.kills = len(recordings), asked.kills
    outcome.signal_h = sum(each.duration_s for each in recordings) / 3600
    outcome.messages = sum(-(-each.n_samples // round(each.fs)) for each in recordings)
    outcome.streams_a_core, outcome.state_bytes = pace(engine.numerics, recordings)
    if asked.page is not None:
        asked.page.write_text(page(outcome, asked), encoding="utf-8")
    print(f"{outcome.alarms} alarms of {outcome.records} streams, {outcome.kills} kills; "
          f"not as wanted: {outcome.wrong or 'none'}")  # fmt: skip
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
