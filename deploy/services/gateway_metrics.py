"""What a gateway counts, as Prometheus metrics; asked when they are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ingest.gateway.counts import GatewayCounts
from ingest.gateway.store import Store


@dataclass(frozen=True, slots=True)
class GatewayState:
    """What is asked of a gateway's parts."""

    counts: GatewayCounts
    """What happened."""
    store: Store
    """What waits."""
    waiting_s: Callable[[], float]
    """Age of the oldest frame that waits, s."""
    uplink_up: Callable[[], bool]
    """Whether Kafka takes frames."""
    disk_full: Callable[[], bool]
    """Whether the disk takes none."""
    connections: Callable[[], int]
    """Devices that are connected by TCP."""
    mqtt_up: Callable[[], bool]
    """Whether the MQTT broker is there."""
    unscored: Callable[[], int]
    """Frames that local scoring skipped."""


class GatewayCollector(Collector):
    """Shows a gateway's counts; a stream's or device's name is never a label.

    Parameters
    ----------
    state : GatewayState
        Where they stand.
    """

    def __init__(self, state: GatewayState) -> None:
        self._state = state

    def collect(self) -> Iterator[Metric]:
        """Give all metrics as they are now."""
        counts = self._state.counts
        yield _labelled("frames", "Frames heard, by input.", "via", counts.heard)
        yield _labelled("refused", "Messages that were refused, by reason.", "reason",
                        counts.refused)  # fmt: skip
        yield _labelled("sent_frames", "Frames that Kafka has, by kind.", "kind", counts.sent)
        for name, text, value in self._plain_counters():
            yield CounterMetricFamily(f"vigil_gateway_{name}", text, value)
        yield SummaryMetricFamily(
            "vigil_gateway_commit_seconds",
            "Time of the store's transactions.",
            count_value=counts.commits,
            sum_value=counts.commit_seconds,
        )
        for name, text, value in self._gauges():
            yield GaugeMetricFamily(f"vigil_gateway_{name}", text, value)

    def _plain_counters(self) -> Iterator[tuple[str, str, float]]:
        counts, stored = self._state.counts, self._state.store.counts
        yield "stored_frames", "Frames that became durable here.", counts.stored
        yield "unstored_frames", "Frames sent on without having been stored.", counts.unstored
        yield "repeated_frames", "Frames heard again, not stored again.", counts.repeated
        yield "late_frames", "Frames too far behind for any reader, not stored.", counts.late
        yield "acknowledged_messages", "Messages acknowledged to devices.", counts.acknowledged
        yield (
            "dropped_frames",
            "Frames dropped unsent since the store was made.",
            float(stored.dropped_frames),
        )
        yield (
            "dropped_notes",
            "Messages beside frames dropped unsent.",
            float(stored.dropped_notes + counts.lost_notes),
        )
        yield "sent_bytes", "Bytes of frames that Kafka has.", counts.sent_bytes
        yield "sent_notes", "Messages beside frames that Kafka has.", counts.sent_notes
        yield "uplink_failures", "Times that Kafka failed.", counts.failures
        yield (
            "unscored_frames",
            "Frames that local scoring was too slow for.",
            float(self._state.unscored()),
        )
        yield "new_sessions", "Sessions renamed behind a very long gap.", counts.new_sessions

    def _gauges(self) -> Iterator[tuple[str, str, float]]:
        state = self._state
        yield "stored_now_frames", "Frames that wait.", state.store.counts.frames
        yield "notes", "Messages beside frames that wait.", state.store.counts.notes
        yield "stored_now_bytes", "Bytes of the store in use.", state.store.used_bytes
        yield "waiting_seconds", "Age of the oldest frame that waits.", state.waiting_s()
        yield "uplink_up", "1 where Kafka takes frames.", float(state.uplink_up())
        yield "disk_full", "1 where the disk takes none.", float(state.disk_full())
        yield "tcp_connections", "Devices connected by TCP.", state.connections()
        yield "mqtt_up", "1 where the MQTT broker is there.", float(state.mqtt_up())
        signal_s = sum(mark.end_sample / mark.fs for mark in list(state.store.marks.values()))
        yield "signal_seconds", "Signal heard to its high-water marks, all sessions.", signal_s
        yield "sessions", "Streams and sessions that are known.", len(state.store.marks)


def _labelled(name: str, text: str, label: str, values: dict[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(f"vigil_gateway_{name}", text, labels=[label])
    for value, n in sorted(dict(values).items()):
        family.add_metric([value], n)
    return family
