"""A Kafka source that lets somebody see the frames as they come, beside whoever scores them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ingest.frames import Frame
from ingest.kafka import KafkaSource
from ingest.source import Batch


class HeardSource(KafkaSource):
    """As :class:`~ingest.kafka.KafkaSource`; :attr:`heard` is given what each poll brought."""

    heard: Callable[[Sequence[Frame]], None] | None = None
    """Must neither wait nor raise."""

    def poll(self, timeout_s: float) -> Batch:
        """Poll, and let the frames be seen."""
        batch = super().poll(timeout_s)
        if self.heard is not None:
            self.heard(batch.frames)
        return batch
