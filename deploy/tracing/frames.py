"""Where traces begin: whoever sends frames to Kafka samples some, and says so in their headers."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from deploy.tracing.export import Tracing, Values, fail, place_of

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import Span

    from ingest.kafka_sink import KafkaSink


class TracedFrames:
    """A sink of frames that begins traces; a span lasts until its message is durable.

    Parameters
    ----------
    sink : KafkaSink
        Where frames go.
    tracing : Tracing
        Where spans go.
    topic : str
        Topic of the frames.
    name : str
        What the spans are called, such as ``gateway send``.
    draw : callable
        Gives numbers from 0 to 1, for sampling.
    """

    def __init__(
        self,
        sink: KafkaSink,
        tracing: Tracing,
        topic: str,
        name: str,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._sink, self._tracing, self._topic, self._name = sink, tracing, topic, name
        self._draw = draw
        self._open: list[Span] = []

    def write(self, key: str, value: bytes) -> None:
        """Queue one message; errors as :meth:`~ingest.kafka_sink.KafkaSink.write`."""
        if self._draw() >= self._tracing.sample:
            self._sink.write(key, value)
            return
        told: Values = {"messaging.system": "kafka", "messaging.destination.name": self._topic,
                "messaging.message.body.size": len(value)}  # fmt: skip
        span = self._tracing.begin(self._name, kind="PRODUCER", values=told)
        try:
            headers = [place_of(span).header()]
            self._sink.write_to(self._topic, key, value, headers=headers)
        except BaseException as error:
            fail(span, error)
            raise
        self._open.append(span)

    def flush(self) -> None:
        """Wait until all is durable, and end the spans."""
        spans, self._open = self._open, []
        try:
            self._sink.flush()
        except BaseException as error:
            for span in spans:
                fail(span, error)
            raise
        for span in spans:
            span.end()

    def close(self) -> None:
        """Flush and release."""
        try:
            self.flush()
        finally:
            self._sink.close()
