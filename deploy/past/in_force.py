"""A record of what was in force: from which sample on each stream was scored by what.

An alarm tells its models and the limits that define its condition. To score a stretch again one
must know more: all limits, options, the sample at which scoring began, and where limits were
changed. That is written here, a message where a stream begins and one where its limits change,
durable before any alarm that rests on it. A crash may write one twice, which changes nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from inference.alarm_json import canonical
from inference.limits import Limits
from inference.model import ModelInfo
from inference.pipeline import Pipeline
from inference.stream_clock import rfc3339
from ingest.errors import InputError
from ingest.json_text import read_json
from ingest.sequence import Sequencer
from ingest.sequence_types import Chunk, Ordered
from ingest.source import Sink

SCHEMA = "vigil.in-force/1"
"""Name and version of the form."""
BEGUN, LIMITS = "begun", "limits"
"""A stream began to be scored; its limits were changed."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a worker was started with, beside models and limits."""

    lead: str | None = None
    """Lead asked for."""
    explain: bool = False
    """Whether alarms tell why."""
    strips: bool = False
    """Whether raised alarms carry their signal."""
    profile: str | None = None
    """Patient profile that alarms tell."""
    asked: str | None = None
    """False alarms an hour asked of the forecaster of numerics; None where there was none."""
    share: float | None = None
    """Share of the time in which numerics might reach a limit that followed them."""


@dataclass(frozen=True, slots=True)
class InForce:
    """One message."""

    event: str
    """:data:`BEGUN` or :data:`LIMITS`."""
    stream_id: str
    """Pseudonym of the stream."""
    session: str
    """Session of its device."""
    sample: int
    """First sample that it holds for, index since the session began."""
    limits: Limits
    """Limits of the stream from there on."""
    worker_limits: Limits
    """Limits that the worker was started with."""
    options: Options = Options()
    """What else it was started with."""
    models: tuple[tuple[str, str, str], ...] = ()
    """Name, version and digest of each model."""
    bounds_s: tuple[float, float] = (2.0, 86_400.0)
    """The sequencer's bounds: how long a frame is waited for, the longest gap believed, s."""
    software: str = ""
    """Version of Vigil."""

    def to_json(self, utc: str) -> bytes:
        """Give it as it is published."""
        told = dataclasses.asdict(self)
        models = [{"name": n, "version": v, "digest": d} for n, v, d in self.models]
        return canonical({"schema": SCHEMA, "utc": utc, **told, "models": models})


def read_in_force(line: bytes | str) -> InForce:
    """Read one message.

    Raises
    ------
    InputError
        If it is none.
    """
    told = read_json(line, "what was in force")
    try:
        if told["schema"] != SCHEMA:
            raise InputError(f"what was in force is {SCHEMA}, not {told['schema']!r}")
        return InForce(
            told["event"],
            told["stream_id"],
            told["session"],
            int(told["sample"]),
            Limits(**told["limits"]),
            Limits(**told["worker_limits"]),
            Options(**told["options"]),
            tuple((m["name"], m["version"], m["digest"]) for m in told["models"]),
            (float(told["bounds_s"][0]), float(told["bounds_s"][1])),
            told["software"],
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"no record of what was in force: {error!r}") from error


class Ledger:
    """Writes what is in force, for a worker.

    Parameters
    ----------
    sink : Sink
        Where.
    pipeline : Pipeline
        What scores.
    sequencer : Sequencer
        What orders.
    options : Options
        What else the worker was started with.
    models : sequence of ModelInfo, optional
        All models in use; those of the pipeline where not given.
    """

    def __init__(
        self,
        sink: Sink,
        pipeline: Pipeline,
        sequencer: Sequencer,
        options: Options,
        models: Sequence[ModelInfo] = (),
    ) -> None:
        self._sink, self._pipeline, self._options = sink, pipeline, options
        told = models or pipeline.models
        self._models = tuple((i.name, i.version, i.digest) for i in told)
        self._bounds_s = (sequencer.bound_s, sequencer.max_jump_s)

    def hear(self, items: Sequence[Ordered]) -> None:
        """Note the streams that began among what was scored; returns when that is durable.

        Raises
        ------
        ingest.kafka_url.BrokerError
            If it cannot be made durable.
        """
        begun = False
        for item in items:
            if isinstance(item, Chunk) and item.begins:
                utc = rfc3339(item.start_unix_ns)
                made = self._made(BEGUN, item.stream_id, item.session, item.first_sample)
                self._sink.write(item.stream_id, made.to_json(utc))
                begun = True
        if begun:
            self._sink.flush()

    def limits_changed(self, stream_id: str) -> None:
        """Note that other limits are in force for a stream from its next sample on.

        Of one that is not being scored nothing is noted: it is told when it begins.
        """
        slot = self._pipeline.streams.slot(stream_id)
        if slot is None:
            return
        info = self._pipeline.streams.info(slot)
        stage = self._pipeline.conditioning[self._pipeline.beats.fs]
        sample = int(stage.state["next_sample"][slot])
        utc = info.clock.utc(round(sample / info.fs * 1000))
        made = self._made(LIMITS, stream_id, info.session, sample)
        self._sink.write(stream_id, made.to_json(utc))
        self._sink.flush()

    def _made(self, event: str, stream_id: str, session: str, sample: int) -> InForce:
        return InForce(
            event,
            stream_id,
            session,
            sample,
            self._pipeline.limits_of(stream_id),
            self._pipeline.limits,
            self._options,
            self._models,
            self._bounds_s,
            version("vigil-ecg"),
        )


@dataclass(frozen=True, slots=True)
class Course:
    """What was in force for one stream from where it was begun to be scored."""

    begun: InForce
    """Where it began."""
    changes: tuple[InForce, ...]
    """Changes of its limits, in order of samples."""


def course_of(found: Iterable[InForce], stream_id: str, session: str, before: int) -> Course | None:
    """Return what was in force for a stream when a sample was scored; None where nothing is known.

    Parameters
    ----------
    found : iterable of InForce
        Messages, in the order in which they were written.
    stream_id, session : str
        The stream.
    before : int
        A sample of it.
    """
    own = [
        one
        for one in found
        if (one.stream_id, one.session) == (stream_id, session) and one.sample <= before
    ]
    begins = [i for i, one in enumerate(own) if one.event == BEGUN]
    if not begins:
        return None
    changes = [one for one in own[begins[-1] + 1 :] if one.event == LIMITS]
    return Course(own[begins[-1]], tuple(changes))


def of_alarm(alarm: dict[str, Any]) -> Course:
    """Return what an alarm itself tells was in force: all else is taken for the default."""
    of_condition = {
        name: int(value) if float(value).is_integer() and name.endswith("beats") else value
        for name, value in alarm["limits"].items()
    }
    default = Limits()
    limits = dataclasses.replace(
        default, **{k: type(getattr(default, k))(v) for k, v in of_condition.items()}
    )
    options = Options(
        None, "explanation" in alarm, "signal" in alarm["strip"], alarm.get("profile")
    )
    models = tuple((m["name"], m["version"], m["digest"]) for m in alarm.get("models", ()))
    begun = InForce(BEGUN, alarm["stream_id"], alarm["session"], 0, limits, limits, options, models)
    return Course(begun, ())
