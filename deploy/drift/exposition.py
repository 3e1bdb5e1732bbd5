"""A watch for drift as Prometheus metrics: by figure and group, never by patient."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from deploy.drift.reading import reading
from deploy.drift.watch import STATES, DriftWatch

LABELS = ("figure", "by", "group")


class DriftCollector(Collector):
    """Gives a watch's figures whenever they are asked for.

    Parameters
    ----------
    watch : DriftWatch
        What is shown.
    lock : threading.Lock
        Held while the watch changes; metrics are read on another thread.
    """

    def __init__(self, watch: DriftWatch, lock: threading.Lock) -> None:
        self._watch, self._lock = watch, lock

    def collect(self) -> Iterable[Metric]:
        """Yield every metric; a figure that is not known is left out."""
        with self._lock:
            told = reading(self._watch)
        cells = told["cells"]
        states = ", ".join(f"{i} {name.replace('_', ' ')}" for i, name in enumerate(STATES))
        yield _gauge("state", f"{states}.", ((c, STATES.index(c["state"])) for c in cells))
        yield _gauge("evidence", "That it drifts.", ((c, c["evidence"]) for c in cells))
        yield _gauge("evidence_limit", "Where it alerts.", ((c, c["limit"]) for c in cells))
        for part in ("reference", "running"):
            text = "first patients" if part == "reference" else "latest patients"
            has = [c for c in cells if "median" in c[part]]
            yield _gauge(
                f"{part}_median", f"Median, {text}.", ((c, c[part]["median"]) for c in has)
            )
        yield _gauge(
            "patients", "Patients whose figure was taken.", ((c, c["patients"]) for c in cells)
        )
        yield GaugeMetricFamily("vigil_drift_alerts", "Drifts found.", value=told["drifts"])
        counter = CounterMetricFamily(
            "vigil_drift_ignored", "What was not used, by reason.", labels=("reason",)
        )
        for reason, n in told["ignored"].items():
            counter.add_metric((reason,), n)
        yield counter


def _gauge(name: str, text: str, found: Iterable[tuple[dict[str, Any], float]]) -> Metric:
    gauge = GaugeMetricFamily(f"vigil_drift_{name}", text, labels=LABELS)
    for cell, value in found:
        gauge.add_metric([cell[label] for label in LABELS], value)
    return gauge
