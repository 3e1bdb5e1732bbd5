"""The monitor's part of a trace: what happens between a frame's arrival and its durable alarm.

A batch of thousands of frames is one span, in a trace of its own, with links to the sampled
frames in it. An alarm is a span in the trace of a sampled frame of its stream, where the batch
holds one, and else in the batch's; below it stand the steps that it waited for.
"""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from deploy.tracing.context import Parent, parent_of
from deploy.tracing.export import Tracing, fail, place_of

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import Span

    from deploy.notify.notice import Notice
    from deploy.services.heard_source import HeardSource
    from ingest.kafka_sink import KafkaSink

MOST_LINKS = 128
"""Most sampled frames that a batch's span links to."""
MOST_ALARMS = 1024
"""Alarms whose place is kept for notices that come later."""


@dataclass(slots=True)
class _Turn:
    """One batch on its way."""

    first_ns: int = 0
    """When its first frame was heard; 0: none was."""
    last_ns: int = 0
    """When the last poll ended: from then on all is scored."""
    n_frames: int = 0
    """Frames."""
    links: list[Parent] = field(default_factory=list)
    """Sampled ones."""
    by_key: dict[str, tuple[Parent, int]] = field(default_factory=dict)
    """The latest sampled one of each key, and when it was heard, UTC, ns since 1970."""
    batch: Span | None = None
    """The batch's span."""
    alarms: list[tuple[Span, int]] = field(default_factory=list)
    """Spans of its alarms, and when the frame was heard that each comes from, ns."""


class WorkerTrace:
    """Follows one worker; none of it is called where nothing is traced.

    Parameters
    ----------
    tracing : Tracing
        Where spans go.
    now_ns : callable
        UTC, ns since 1970.
    """

    def __init__(self, tracing: Tracing, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._tracing, self._now_ns = tracing, now_ns
        self._turn = _Turn()
        self._lock = threading.Lock()
        self._places: OrderedDict[str, Parent] = OrderedDict()  # of alarms

    def heard(self, record: Any) -> None:
        """Take note of a record of frames that has headers."""
        parent = parent_of(record.headers)
        if parent is not None:
            if len(self._turn.links) < MOST_LINKS:
                self._turn.links.append(parent)
            key = (record.key or b"").decode(errors="replace")
            self._turn.by_key[key] = parent, self._now_ns()

    def polled(self, n_frames: int) -> None:
        """Take note that a poll has ended, and brought so many frames."""
        turn, now_ns = self._turn, self._now_ns()
        if n_frames or turn.first_ns:  # an empty poll waited for more, too
            turn.first_ns = turn.first_ns or now_ns
            turn.last_ns = now_ns
            turn.n_frames += n_frames

    def alarm(self, key: str, value: bytes) -> Parent:
        """Begin the span of one change of an alarm; return its place, for the record's header."""
        turn, told = self._turn, json.loads(value)
        batch = place_of(self._batch())
        parent, heard_ns = turn.by_key.get(key, (batch, turn.first_ns))
        values = {f"vigil.{name}": str(told[name]) for name in ("condition", "priority", "state")}
        values["vigil.alarm_id"] = told["id"]
        span = self._tracing.begin("alarm", parent, at_ns=heard_ns, values=values, links=[batch])
        turn.alarms.append((span, heard_ns))
        place = place_of(span)
        with self._lock:
            self._places[told["id"]] = place
            self._places.move_to_end(told["id"])
            while len(self._places) > MOST_ALARMS:
                self._places.popitem(last=False)
        return place

    def settling(self, settle: Callable[[], None]) -> None:
        """Settle, and end the spans of what was settled."""
        begin_ns = self._now_ns()
        settle()  # where it raises the spans are never told of: nothing counts
        turn, self._turn, end_ns = self._turn, _Turn(), self._now_ns()
        if not turn.links and not turn.alarms:
            return
        batch = turn.batch or self._begin_batch(turn)
        steps = (
            ("gather", turn.first_ns, turn.last_ns),
            ("score", turn.last_ns, begin_ns),
            ("publish", begin_ns, end_ns),
        )
        for span, heard_ns in ((batch, turn.first_ns), *turn.alarms):
            for name, since_ns, until_ns in steps:
                since_ns = max(since_ns, heard_ns)  # its own frame may have come late in the batch
                self._tracing.span(name, place_of(span), since_ns, max(until_ns, since_ns))
            span.end(end_ns)

    def begin_turn(self) -> None:
        """Forget what was not settled: who has its frames now tells of them."""
        self._turn = _Turn()

    def follow(
        self, source: HeardSource, alarms: KafkaSink, topic: str, settle: Callable[[], None]
    ) -> tuple[TracedAlarms, Callable[[], None]]:
        """Follow a source; return the sink of alarms and the settling that a worker is to use."""
        source.trace = self
        return TracedAlarms(alarms, topic, self), lambda: self.settling(settle)

    def close(self) -> None:
        """Send what is left."""
        self._tracing.close()

    def sending(self, send: Callable[[Notice], None]) -> Callable[[Notice], None]:
        """Return a sender of notices that tells of each try, in the trace of its alarm."""

        def traced(notice: Notice) -> None:
            with self._lock:
                parent = self._places.get(notice.topic)
            if parent is None:
                send(notice)
                return
            span = self._tracing.begin("notify", parent, kind="CLIENT")
            try:
                send(notice)
            except BaseException as error:
                fail(span, error)
                raise
            span.end()

        return traced

    def _batch(self) -> Span:
        if self._turn.batch is None:
            self._turn.batch = self._begin_batch(self._turn)
        return self._turn.batch

    def _begin_batch(self, turn: _Turn) -> Span:
        turn.first_ns = turn.first_ns or self._now_ns()
        turn.last_ns = max(turn.last_ns, turn.first_ns)
        return self._tracing.begin(
            "batch", at_ns=turn.first_ns, kind="CONSUMER", links=turn.links,
            values={"vigil.frames": turn.n_frames, "vigil.frames_sampled": len(turn.links)},
        )  # fmt: skip


class TracedAlarms:
    """The worker's sink of alarms, whose records say which span they come from.

    Parameters
    ----------
    sink : KafkaSink
        Where alarms go.
    topic : str
        Their topic.
    trace : WorkerTrace
        The worker's trace.
    """

    def __init__(self, sink: KafkaSink, topic: str, trace: WorkerTrace) -> None:
        self._sink, self._topic, self._trace = sink, topic, trace

    def write(self, key: str, value: bytes) -> None:
        """Queue one message under ``key``."""
        headers = [self._trace.alarm(key, value).header()]
        self._sink.write_to(self._topic, key, value, headers=headers)

    def flush(self) -> None:
        """Wait until all is durable."""
        self._sink.flush()

    def close(self) -> None:
        """Flush and release."""
        self._sink.close()


def trace_shown(tracing: Tracing, records: Sequence[Any], begin_ns: int) -> None:
    """Tell that the console has told browsers of alarms, in the traces that they come from.

    Parameters
    ----------
    tracing : Tracing
        Where spans go.
    records : sequence
        Records of alarms.
    begin_ns : int
        When they were heard, ns since 1970.
    """
    for record in records:
        parent = parent_of(record.headers or ())
        if parent is not None:
            tracing.span("console tell", parent, begin_ns, time.time_ns(), kind="CONSUMER")
