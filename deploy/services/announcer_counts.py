"""What is counted of what people are told."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter


class AnnouncerCounts:
    """What is counted, under names of Prometheus.

    Parameters
    ----------
    registry : CollectorRegistry
        Where.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.signals = Counter(
            "vigil_alarm_signals", "Alarm signals told.", ["kind"], registry=registry
        )
        self.refused = Counter(
            "vigil_announcing_refused",
            "Alarms, commands and times that were refused, or not done for want of a log.",
            ["what", "reason"],
            registry=registry,
        )
        self._notices = Counter(
            "vigil_notices", "Notices by what became of them.", ["outcome"], registry=registry
        )
        self._seen: dict[str, int] = {}

    def note_notices(self, counts: Mapping[str, int]) -> None:
        """Take over what a notifier counted since."""
        for outcome, n in dict(counts).items():
            self._notices.labels(outcome=outcome).inc(n - self._seen.get(outcome, 0))
            self._seen[outcome] = n
