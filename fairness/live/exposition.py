"""A watch as Prometheus metrics: by condition, attribute and group, never by patient."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from fairness.live.reading import State, shown
from fairness.live.watch import Watch

LABELS = ("condition", "attribute", "group")

GAUGES = {
    "patients": "Patients whose figure was taken.",
    "unjudged_patients": "Patients that closed with alarms of which none was judged.",
    "judged_alarms": "Alarms that clinicians judged.",
    "false_alarm_share": "Mean over patients of the share of their judged alarms that were false.",
    "monitored_h": "Hours monitored, of all patients of the group.",
    "false_alarms_per_h": "False alarms per patient-hour.",
    "difference": "Share of false alarms less that of the rest.",
    "evidence": "That the difference is above the margin; see vigil_fairness_evidence_limit.",
}
"""Figures of a :class:`~fairness.live.reading.Reading`, and what each says."""


class WatchCollector(Collector):
    """Gives a watch's figures whenever they are asked for; small groups are left out.

    Parameters
    ----------
    watch : Watch
        What is shown.
    lock : threading.Lock
        Held while the watch changes; metrics are read on another thread.
    """

    def __init__(self, watch: Watch, lock: threading.Lock) -> None:
        self._watch, self._lock = watch, lock

    def collect(self) -> Iterable[Metric]:
        """Yield every metric; a figure that is not known is left out."""
        with self._lock:
            declared = self._watch.declaration
            readings = shown(self._watch.readings(), declared.min_shown)
            ignored, limit = dict(self._watch.ignored), self._watch.limit
        for name, text in GAUGES.items():
            gauge = GaugeMetricFamily(f"vigil_fairness_{name}", text, labels=LABELS)
            for one in readings:
                value = float(getattr(one, name))
                if math.isfinite(value):
                    gauge.add_metric((one.condition, one.attribute, one.group), value)
            yield gauge
        told = ", ".join(f"{state.value} {state.name.lower().replace('_', ' ')}" for state in State)
        state = GaugeMetricFamily("vigil_fairness_state", f"{told}.", labels=LABELS)
        for one in readings:
            state.add_metric((one.condition, one.attribute, one.group), one.state)
        yield state
        yield GaugeMetricFamily(
            "vigil_fairness_evidence_limit", "Evidence at which a group alerts.", value=limit
        )
        yield GaugeMetricFamily(
            "vigil_fairness_margin", "Declared margin of the difference.", value=declared.margin
        )
        counter = CounterMetricFamily(
            "vigil_fairness_ignored", "Events that were not used, by reason.", labels=("reason",)
        )
        for reason, n in ignored.items():
            counter.add_metric((reason,), n)
        yield counter
