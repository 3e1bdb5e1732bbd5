"""The archive's service: topics of Kafka to Parquet, until it is stopped."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from deploy.archive_settings import ArchiveSettings
from deploy.http import HttpServer
from deploy.services.archive_metrics import ArchiveCollector, ArchiveView
from ingest.archive import Archive, ArchiveWriter, LogMessage, Plan, maintain
from ingest.archive.manifest import ChainMovedError
from ingest.kafka import KafkaSource
from ingest.kafka_topics import require_topics
from ingest.kafka_url import BrokerError, CommitRefusedError, KafkaUrl

logger = logging.getLogger(__name__)

POLL_S = 0.1
"""Longest wait for messages of one topic while nothing comes, s."""
RETRY_S = (0.5, 1.0, 2.0, 5.0)
"""Waits before a failed write is tried again, s; the last one again and again."""
GIVE_UP_S = 120.0
"""A place that fails for so long ends the service: whoever starts it again goes on, s."""
STUCK_S = 60.0
"""A turn that takes this much longer than a place may fail is not healthy, s."""
GC_ALLOCATIONS = 100_000
"""Containers that are made until Python looks for cycles."""


@dataclass(slots=True)
class _Feed:
    """One topic on its way to its table."""

    table: str
    topic: str
    source: KafkaSource
    held_since_s: float | None = None
    """When the oldest message that is held came."""
    partitions: set[int] = field(default_factory=set)
    """Partitions with something held."""


class ArchiveService:
    """Archives topics.

    Parameters
    ----------
    settings : ArchiveSettings
        All that can be set.

    Raises
    ------
    InputError
        If a setting, the place, the keys or a topic cannot be used.
    BrokerError
        If no broker answers.
    """

    def __init__(self, settings: ArchiveSettings) -> None:
        self._settings = settings
        self._stop = threading.Event()
        self._turned_s = time.monotonic()
        self._committed_s = time.monotonic()
        self._failing: str | None = None
        self._lost = 0
        registry = CollectorRegistry()
        tables, options = settings.kafka.tables(), settings.kafka.security.options()
        with ExitStack() as opened:  # closed again where a later part fails
            self._keys = settings.archive.keys()
            if self._keys is not None:
                opened.callback(self._keys.close)
            self._writer = ArchiveWriter(
                settings.archive.address(), self._keys, settings.archive.buckets
            )
            require_topics([], options, reads=list(tables.values()))
            self._feeds: list[_Feed] = []
            for table, url in tables.items():
                feed = self._feed(table, url)
                opened.callback(feed.source.close)
                self._feeds.append(feed)
            http = settings.http
            self._http = HttpServer(
                registry, http.host, http.port,
                healthy=self._why_not_healthy, ready=self._why_not_ready, security=http.security,
            )  # fmt: skip
            opened.callback(self._http.stop)
            opened.pop_all()
        registry.register(ArchiveCollector(self.view()))

    @property
    def http_port(self) -> int:
        """Port of ``/metrics``, ``/healthz`` and ``/readyz``."""
        return self._http.port

    @property
    def rows(self) -> int:
        """Rows that count, of all tables, since it was made."""
        return sum(self._writer.counts.rows.values())

    def stop(self) -> None:
        """Let :meth:`run` end; may be called by a signal's handler."""
        self._stop.set()

    def run(self) -> bool:
        """Archive until :meth:`stop`; then make count what is held, and leave.

        Returns
        -------
        bool
            False where Kafka or the place failed for long.
        """
        tender = threading.Thread(target=self._tend, name="tender", daemon=True)
        with self._http:
            logger.info("archiving to %s, metrics on port %d", self._writer.place.url,
                        self.http_port)  # fmt: skip
            tender.start()
            try:
                while not self._stop.is_set():
                    self._turn()
                for feed in self._feeds:
                    self._flush(feed)
            except (BrokerError, OSError) as error:
                logger.error("the archive cannot go on: %s", error)
                return False
            finally:
                self._stop.set()
                for feed in self._feeds:
                    feed.source.close()
                if self._keys is not None:
                    self._keys.close()
        return True

    def _turn(self) -> None:
        """Hear what came of all topics; write what is due."""
        for feed in self._feeds:
            found = feed.source.poll_messages(POLL_S)
            for partition, records in found.items():
                messages = [LogMessage(r.offset, r.timestamp, r.value or b"") for r in records]
                self._writer.add(feed.topic, partition, messages)
                feed.partitions.add(partition)
            if feed.partitions and feed.held_since_s is None:
                feed.held_since_s = time.monotonic()
        full = self._writer.held_bytes >= self._settings.archive.flush_bytes
        for feed in self._feeds:
            since_s = feed.held_since_s
            due = since_s is not None and (
                time.monotonic() - since_s >= self._settings.archive.flush_s
            )
            if feed.partitions and (full or due):
                self._flush(feed)
        self._turned_s = time.monotonic()

    def _flush(self, feed: _Feed) -> None:
        """Make count what is held of a topic; then tell its group."""
        for partition in sorted(feed.partitions):
            try:
                self._insist(feed, partition)
            except ChainMovedError as error:
                logger.warning("%s; going on behind it", error)
                self._take(feed, [partition])
        feed.partitions.clear()
        feed.held_since_s = None
        self._committed_s = time.monotonic()
        try:
            feed.source.commit()
        except CommitRefusedError as error:
            logger.info("%s", error)  # offsets are for those who watch; the archive has its own
        except BrokerError as error:
            logger.warning("%s", error)

    def _insist(self, feed: _Feed, partition: int) -> None:
        """Commit one partition, again and again while the place fails."""
        until_s = time.monotonic() + GIVE_UP_S
        waits = iter(RETRY_S)
        wait_s = next(waits)
        while True:
            try:
                self._writer.commit(feed.topic, partition)
            except OSError as error:
                self._failing = str(error)
                if time.monotonic() > until_s:
                    raise
                logger.warning("cannot write to the archive, trying again: %s", error)
                for each in self._feeds:
                    each.source.keep_alive()
                time.sleep(wait_s)
                wait_s = next(waits, RETRY_S[-1])
            else:
                self._failing = None
                return

    def _feed(self, table: str, url: str) -> _Feed:
        """Join the group of one topic."""
        kafka = self._settings.kafka
        instance = None if kafka.instance_id is None else f"{kafka.instance_id}-{table}"
        topic = KafkaUrl.parse(url).topic
        held: list[_Feed] = []

        def came(partitions: Sequence[int]) -> None:
            self._take(held[0], partitions)

        def went(partitions: Sequence[int]) -> None:
            for partition in partitions:
                self._writer.let_go(topic, partition)
                held[0].partitions.discard(partition)

        source = KafkaSource(
            url, f"{kafka.group}.{table}", instance_id=instance,
            on_assigned=came, on_revoked=went, options=kafka.security.options(),
        )  # fmt: skip
        held.append(_Feed(table, topic, source))
        return held[0]

    def _take(self, feed: _Feed, partitions: Sequence[int]) -> None:
        """Go on in partitions where the archive ends, whatever the group's offsets say."""
        ends = self._writer.take_all(feed.table, feed.topic, partitions)
        for partition, end in ends.items():
            feed.partitions.discard(partition)
            oldest = feed.source.oldest(partition)
            if 0 < end < oldest:
                self._lost += oldest - end
                logger.error("topic %s let messages %d/%d to %d go before they were archived",
                             feed.topic, partition, end, oldest - 1)  # fmt: skip
            at = max(end, oldest)
            feed.source.resume(partition, at, at)

    def _tend(self) -> None:
        """Compact now and then, and let old days go."""
        section = self._settings.archive
        if not section.compact_minutes:
            return
        while not self._stop.wait(section.compact_minutes * 60):
            try:
                tend(self._settings)
            except Exception:  # whatever it is, archiving goes on; it is told, and tried again
                logger.exception("the archive could not be compacted")

    def view(self) -> ArchiveView:
        """Return what the metrics are asked of."""
        lag: Callable[[], int] = lambda: sum(f.source.lag_records for f in self._feeds)  # noqa: E731
        return ArchiveView(
            self._writer.counts,
            lambda: self._writer.held_bytes,
            lag,
            lambda: self._lost,
            lambda: time.monotonic() - self._committed_s,
        )

    def _why_not_healthy(self) -> Sequence[str]:
        age_s = time.monotonic() - self._turned_s
        return [f"no turn for {age_s:.0f} s"] if age_s > GIVE_UP_S + STUCK_S else []

    def _why_not_ready(self) -> Sequence[str]:
        waiting = [f.topic for f in self._feeds if not f.source.joined]
        why = [f"topic {topic}: not joined yet" for topic in waiting]
        return why if self._failing is None else [*why, f"the place fails: {self._failing}"]


def collect_seldom() -> None:
    """Let Python look for cycles seldom: what is held is texts, bytes and numbers, which form none.

    For a process of its own; a tenth of its time goes into looking otherwise.
    """
    gc.set_threshold(GC_ALLOCATIONS, 20, 20)


def tend(settings: ArchiveSettings) -> None:
    """Compact an archive and let old days go, with keys of its own."""
    section = settings.archive
    keys = section.keys()
    try:
        archive = Archive(section.address(), keys)
        done = maintain(archive, Plan(keep_days=section.keep_days), keys)
        logger.info("compacted: %s", done)
    finally:
        if keys is not None:
            keys.close()
