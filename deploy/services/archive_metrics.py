"""What the archive's service counts, as Prometheus metrics; asked when they are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ingest.archive.writer import WriterCounts


@dataclass(frozen=True, slots=True)
class ArchiveView:
    """What is asked of the service's parts."""

    counts: WriterCounts
    """What was archived."""
    held_bytes: Callable[[], int]
    """Bytes that wait to be written."""
    lag: Callable[[], int]
    """Messages that were not read yet."""
    lost: Callable[[], int]
    """Messages that Kafka let go before they were archived."""
    age_s: Callable[[], float]
    """Time since something was last made to count, s."""


class ArchiveCollector(Collector):
    """Shows the archive's counts; a stream's name is never a label.

    Parameters
    ----------
    view : ArchiveView
        Where they stand.
    """

    def __init__(self, view: ArchiveView) -> None:
        self._view = view

    def collect(self) -> Iterator[Metric]:
        """Give all metrics as they are now."""
        counts = self._view.counts
        rows = CounterMetricFamily("vigil_archive_rows", "Rows archived.", labels=["table"])
        for table, n_rows in counts.rows.items():
            rows.add_metric([table], n_rows)
        yield rows
        for name, text, value in (
            ("raw_bytes", "Samples and messages archived, bytes.", counts.raw_bytes),
            ("file_bytes", "Files that they went into, bytes.", counts.file_bytes),
            ("files", "Files written.", counts.files),
            ("commits", "Commits.", counts.commits),
            ("unread_messages", "Messages of frames that could not be read.", counts.unread),
            ("lost_messages", "Messages that Kafka let go unarchived.", self._view.lost()),
        ):
            yield CounterMetricFamily(f"vigil_archive_{name}", text, value)
        yield GaugeMetricFamily(
            "vigil_archive_held_bytes", "Bytes that wait to be written.", self._view.held_bytes()
        )
        yield GaugeMetricFamily(
            "vigil_archive_lag_records", "Messages not read yet.", self._view.lag()
        )
        yield GaugeMetricFamily(
            "vigil_archive_last_commit_age_seconds", "Time since the last commit.",
            self._view.age_s(),
        )  # fmt: skip
