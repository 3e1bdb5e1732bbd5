"""What a worker counts, as Prometheus metrics in a registry that is handed in.

Labels take few, fixed values; a stream's id is never one of them.
"""

from __future__ import annotations

from dataclasses import astuple, fields
from typing import TYPE_CHECKING

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from inference.alarm_transition import TransitionKind
from inference.recovery_metrics import RecoveryMetrics
from inference.ticks import AAMI, TICK_MS
from ingest.sequence_types import SequenceCounts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from inference.results import AlarmChange, Results
    from ingest.source import DeadLetter

SECONDS_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Upper bounds of the histograms of seconds."""

STREAMS_BUCKETS = (1, 4, 16, 64, 256, 1024, 4096, 16384)
"""Upper bounds of the histogram of streams a push."""


class Metrics:
    """All metrics of one worker.

    Parameters
    ----------
    registry : CollectorRegistry
        Where they are registered; one worker a registry.

    Examples
    --------
    >>> metrics = Metrics(registry := CollectorRegistry())
    >>> metrics.frames.inc(3)
    >>> registry.get_sample_value("vigil_frames_total")
    3.0
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"vigil_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"vigil_{name}", text, registry=registry)

        def histogram(name: str, text: str, buckets: Sequence[float]) -> Histogram:
            return Histogram(f"vigil_{name}", text, buckets=buckets, registry=registry)

        self.frames = counter("frames", "Frames handed out by the source.")
        self.frames_replayed = counter(
            "frames_replayed", "Frames that a gateway had stored and sent later: not live."
        )
        self.frames_without_ecg = counter(
            "frames_without_ecg", "Frames of which no lead is an electrical signal: not scored."
        )
        self.beats = counter("beats", "Beats found, by AAMI class.", "aami")
        self.alarms = counter("alarms", "Alarms raised.", "condition", "priority")
        self.vetoed = counter("alarms_vetoed", "Alarms that pulses refuted.", "condition")
        self.dead_letters = counter(
            "dead_letters", "Messages and frames that could not be used.", "reason"
        )
        self.signal_seconds = counter("signal_seconds", "Signal scored, all streams together, s.")
        self.numerics_steps = counter(
            "numerics_steps", "Steps of numerics held against their forecast, all streams together."
        )
        self.sequence = counter(
            "sequence", "Frames out of the ordinary, gaps and restarts: see SequenceCounts.", "what"
        )
        self.frame_to_alarm_seconds = histogram(
            "frame_to_alarm_seconds",
            "From the source handing out the frames of a turn to an alarm of it being durable; "
            "the way to the source is not in it.",
            SECONDS_BUCKETS,
        )
        self.score_seconds = histogram(
            "score_seconds", "Time that one push of the pipeline took.", SECONDS_BUCKETS
        )
        self.batch_size = histogram("batch_size", "Streams in one push.", STREAMS_BUCKETS)
        self.streams = gauge("streams", "Streams that are being scored.")
        self.lag_seconds = gauge(
            "lag_seconds", "Age of what was read last of the partition furthest behind; 0: none."
        )
        self.partitions = gauge("partitions", "Partitions that this worker has.")
        self.recovery = RecoveryMetrics(registry)
        self._counted = SequenceCounts()
        for letter in AAMI:
            self.beats.labels(letter)
        for field in fields(SequenceCounts):
            self.sequence.labels(field.name)

    def note_results(self, results: Results) -> None:
        """Count the beats and the signal of one push."""
        for part in results.beat_arrays:
            for code, n in enumerate(np.bincount(part.aami, minlength=len(AAMI)).tolist()):
                if n:
                    self.beats.labels(AAMI[code]).inc(n)
        self.signal_seconds.inc(results.n_ticks * TICK_MS / 1000)
        self.numerics_steps.inc(results.n_steps)

    def note_alarms(self, alarms: Iterable[AlarmChange]) -> None:
        """Count the alarms that were raised."""
        for change in alarms:
            if change.transition.kind is TransitionKind.RAISED:
                condition = change.transition.condition
                self.alarms.labels(condition.name, condition.priority.value).inc()
            elif change.transition.kind is TransitionKind.VETOED:
                self.vetoed.labels(change.transition.condition.name).inc()

    def note_dead(self, letters: Iterable[DeadLetter]) -> None:
        """Count dead letters by their reason."""
        for letter in letters:
            self.dead_letters.labels(letter.reason).inc()

    def skip_sequence(self, counts: SequenceCounts) -> None:
        """Pass over what the sequencer's counts have grown by: it was counted before."""
        self._counted = SequenceCounts(*astuple(counts))

    def note_sequence(self, counts: SequenceCounts) -> None:
        """Count what the sequencer's counts have grown by since the last time."""
        names = [field.name for field in fields(SequenceCounts)]
        now = astuple(counts)
        for name, before, after in zip(names, astuple(self._counted), now, strict=True):
            self.sequence.labels(name).inc(after - before)
        self._counted = SequenceCounts(*now)
