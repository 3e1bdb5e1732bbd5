"""A candidate beside the champion on the live stream, in the worker's spare time.

It hears what the champion has scored, and scores it when the champion's turn is over and settled.
What it raises goes to a topic of its own, never to notifiers, signals or the alarms' topic. When
the worker is behind, or the shadow itself cannot keep up, the shadow is shed first: it drops all,
says so, rests, and begins afresh. Whatever fails in it turns it off and nothing else.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge

from deploy.shadow.covered import Coverage
from inference.alarm_json import AlarmContext, ModelRef, canonical, document
from inference.alarm_transition import TransitionKind
from inference.limits import Limits
from inference.pipeline import Pipeline
from inference.results import Results
from ingest.sequence_types import Chunks, Ordered
from ingest.source import Sink

logger = logging.getLogger(__name__)

TELL_EVERY_S = 60.0
"""How often it is told how far streams were heard, s."""


@dataclass(frozen=True, slots=True)
class Shedding:
    """When the shadow gives way."""

    lag_s: float = 5.0
    """Age of what the champion scores above which the shadow is shed, s."""
    most_waiting: int = 20_000
    """Chunks that may wait for the shadow; with more it is shed."""
    rest_s: float = 60.0
    """How long it rests then, s."""
    slice_s: float = 0.2
    """Longest that it scores between two of the champion's turns, s, but for its last portion."""


class ShadowMetrics:
    """What is counted of a shadow.

    Parameters
    ----------
    registry : CollectorRegistry
        Where.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.alarms = Counter(
            "vigil_shadow_alarms",
            "Alarms that the candidate raised; nobody was told.",
            ["condition", "priority"],
            registry=registry,
        )
        self.seconds = Counter(
            "vigil_shadow_score_seconds", "Time that the candidate took.", registry=registry
        )
        self.signal = Counter(
            "vigil_shadow_signal_seconds", "Signal it scored, s.", registry=registry
        )
        self.shed = Counter(
            "vigil_shadow_shed", "How often it gave way, by why.", ["reason"], registry=registry
        )
        self.waiting = Gauge(
            "vigil_shadow_waiting_chunks", "Chunks that wait for it.", registry=registry
        )
        self.on = Gauge(
            "vigil_shadow_on", "1 while it scores, 0 at rest or off.", registry=registry
        )


class LiveShadow:
    """Scores what the champion scored, when there is time.

    Parameters
    ----------
    pipeline : Pipeline
        The candidate.
    sink : Sink
        Where its alarms and the stretches that it heard go.
    metrics : ShadowMetrics
        What counts.
    shedding : Shedding
        When it gives way.
    context : AlarmContext
        What else alarms tell; the models are added to it.
    clock : callable
        Monotonic time, s.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        sink: Sink,
        metrics: ShadowMetrics,
        shedding: Shedding = Shedding(),
        context: AlarmContext = AlarmContext(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pipeline, self._sink, self._metrics = pipeline, sink, metrics
        self._shedding, self._clock = shedding, clock
        self._context = context.of_models(pipeline.models)
        info = pipeline.models[0]
        self._model = ModelRef(info.name, info.version, info.digest)
        self._waiting: deque[Sequence[Ordered]] = deque()
        self._n_waiting = 0
        self._coverage = Coverage()
        self._rest_until_s: float | None = None
        self._told_s = clock()
        self.is_off = False
        """True once something failed in it."""
        metrics.on.set(1)

    def hear(self, items: Sequence[Ordered]) -> None:
        """Take what the champion has scored; it is scored in a later :meth:`turn`."""
        if self.is_off or self._rest_until_s is not None:
            return
        self._waiting.append(items)
        self._n_waiting += sum(len(x.raw) if isinstance(x, Chunks) else 1 for x in items)

    def turn(self, lag_s: float) -> None:
        """Score what waits, as long as a slice lasts, unless the champion is behind.

        Parameters
        ----------
        lag_s : float
            Age of what the champion scored last, s.
        """
        self._guarded(lambda: self._turn(lag_s))

    def forget(self, stream_ids: Iterable[str]) -> None:
        """Let streams go that another worker has now."""
        gone = set(stream_ids)

        def forget() -> None:
            self._score_all()
            self._tell(self._coverage.cut(gone))
            self._pipeline.forget(gone)

        if gone:
            self._guarded(forget)

    def set_limits(self, stream_id: str, limits: Limits) -> None:
        """Follow the limits that people select."""

        def select() -> None:
            self._score_all()
            self._pipeline.set_limits(stream_id, limits)

        self._guarded(select)

    def close(self) -> None:
        """Tell how far streams were heard, and let go."""
        self._guarded(lambda: self._tell(self._coverage.cut()))
        self._guarded(self._sink.close)

    def _guarded(self, do: Callable[[], None]) -> None:
        """Do something of the shadow; where it fails the shadow is off, and nothing else."""
        if self.is_off:
            return
        try:
            do()
        except Exception:  # whatever it is: the champion must go on
            logger.exception("the shadow failed and is off; the champion goes on")
            self.is_off = True
            self._waiting.clear()
            self._metrics.on.set(0)

    def _turn(self, lag_s: float) -> None:
        now_s = self._clock()
        if self._rest_until_s is not None:
            if now_s < self._rest_until_s or lag_s > self._shedding.lag_s:
                return
            self._rest_until_s = None
            self._metrics.on.set(1)
            logger.warning("the shadow begins afresh")
        if lag_s > self._shedding.lag_s:
            self._shed("champion behind")
        elif self._n_waiting > self._shedding.most_waiting:
            self._shed("shadow behind")
        else:
            until_s = now_s + self._shedding.slice_s
            while self._waiting and self._clock() < until_s:
                self._score()
        self._metrics.waiting.set(self._n_waiting)
        if now_s - self._told_s >= TELL_EVERY_S:
            self._told_s = now_s
            self._tell(self._coverage.so_far())
            self._sink.flush()

    def _score_all(self) -> None:
        """Score all that waits: what comes next must not overtake it."""
        while self._waiting:
            self._score()

    def _score(self) -> None:
        """Score one portion."""
        items = self._waiting.popleft()
        self._n_waiting -= sum(len(x.raw) if isinstance(x, Chunks) else 1 for x in items)
        begin_s, before_s = self._clock(), self._coverage.signal_s
        results = self._pipeline.push(items)
        self._metrics.seconds.inc(self._clock() - begin_s)
        self._tell(self._coverage.hear(items))
        self._metrics.signal.inc(self._coverage.signal_s - before_s)
        self._write(results)

    def _write(self, results: Results) -> None:
        """Write the candidate's alarms, in the form of the champion's."""
        for change in results.alarms:
            stream_id = change.stream.stream_id
            context = self._context.because(change.reasons).seen(change.lead, change.strip)
            limits = self._pipeline.limits_of(stream_id)
            told = document(change.transition, change.stream.source, self._model, limits, context)
            self._sink.write(stream_id, canonical(told))
            if change.transition.kind is TransitionKind.RAISED:
                condition = change.transition.condition
                self._metrics.alarms.labels(condition.name, condition.priority.value).inc()

    def _shed(self, reason: str) -> None:
        """Drop all, say so, and rest."""
        logger.warning("the shadow is shed: %s; %d chunks dropped", reason, self._n_waiting)
        self._metrics.shed.labels(reason).inc()
        self._metrics.on.set(0)
        self._rest_until_s = self._clock() + self._shedding.rest_s
        self._drop()

    def _drop(self) -> None:
        """Drop what waits and forget all streams."""
        self._waiting.clear()
        self._n_waiting = 0
        self._tell(self._coverage.cut())
        self._pipeline.forget(list(self._pipeline.streams.slots()))

    def _tell(self, stretches: Iterable[dict[str, object]]) -> None:
        for told in stretches:
            self._sink.write(str(told["stream_id"]), canonical(told))
