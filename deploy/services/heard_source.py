"""A Kafka source that lets somebody see the frames as they come, beside whoever scores them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ingest.frames import Frame
from ingest.kafka import KafkaSource
from ingest.source import Batch

if TYPE_CHECKING:
    from deploy.tracing.worker import WorkerTrace


class HeardSource(KafkaSource):
    """As :class:`~ingest.kafka.KafkaSource`; :attr:`heard` is given what each poll brought."""

    heard: Callable[[Sequence[Frame]], None] | None = None
    """Must neither wait nor raise."""
    trace: WorkerTrace | None = None
    """Is told of records with headers, and of what each poll brought."""

    def poll(self, timeout_s: float) -> Batch:
        """Poll, and let the frames be seen."""
        batch = super().poll(timeout_s)
        if self.heard is not None:
            self.heard(batch.frames)
        if self.trace is not None:
            self.trace.polled(len(batch.frames))
        return batch

    def poll_messages(self, timeout_s: float) -> dict[int, list[Any]]:
        """Poll, and let headers be seen."""
        found = super().poll_messages(timeout_s)
        if self.trace is not None:
            for records in found.values():
                for record in records:
                    if record.headers:
                        self.trace.heard(record)
        return found
