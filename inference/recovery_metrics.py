"""What a worker counts of states, of partitions taken over, and of how far it is behind."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

RECOVERY_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
"""Upper bounds of the histogram of recoveries, s."""

BROKEN = ("checksum", "format", "models", "limits", "options", "shape", "ahead", "missing", "note")
"""Why a state could not be gone on from; ``"ahead"``: it is of a place that is not settled,
``"missing"``: fewer are there than were written, ``"note"``: nothing stands beside the offset."""


class RecoveryMetrics:
    """Metrics of one worker's recoveries.

    Parameters
    ----------
    registry : CollectorRegistry
        Where they are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"vigil_{name}", text, labels, registry=registry)

        self.states = counter("states_written", "States of streams that became durable.")
        self.state_bytes = counter("state_bytes", "Bytes of the states that were written.")
        self.restored = counter("streams_restored", "Streams gone on with from their state.")
        self.broken = counter(
            "states_unusable", "States that could not be gone on from, by why.", "reason"
        )
        self.rewound = counter(
            "rewound_messages", "Messages read again, behind a state, to go on from it."
        )
        self.frames_again = counter("frames_read_again", "Frames read again; not in vigil_frames.")
        self.cut = counter(
            "rewinds_cut",
            "Partitions whose log does not reach back to where it was to be read from.",
        )
        self.lost = counter(
            "messages_lost", "Messages that retention removed before anybody scored them."
        )
        self.retired = counter(
            "streams_let_go", "Streams let go of, since they were not heard for long."
        )
        self.recovery = Histogram(
            "vigil_recovery_seconds",
            "From taking a partition over until it had been read up to the committed offset.",
            buckets=RECOVERY_BUCKETS,
            registry=registry,
        )
        self.behind = Gauge(
            "vigil_behind", "1 while the lag is above its declared limit.", registry=registry
        )
        self.known = Gauge(
            "vigil_streams_known", "Streams that something is remembered of.", registry=registry
        )
        for reason in BROKEN:
            self.broken.labels(reason)
