"""Spans to a collector by OTLP over HTTP; the only module that loads OpenTelemetry.

No span holds a stream's id, a lead, a sample or anything that was written about a patient: a frame
is told by its place in the log, an alarm by its id and condition.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from deploy.tracing.context import Parent
from ingest.errors import InputError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import Span
    from opentelemetry.sdk.trace.export import SpanExporter

    from deploy.settings import TracingSettings

Values = Mapping[str, str | int | float | bool]
"""Attributes of a span."""

QUEUE_SPANS = 8192
"""Most spans that wait to be sent; further ones are dropped."""
SEND_EVERY_MS = 1000
"""Time between two sendings, ms."""
TIMEOUT_S = 5
"""Longest answer of the collector, s."""


class Tracing:
    """Makes spans of one process.

    Parameters
    ----------
    settings : TracingSettings
        Where to; the endpoint must be given.
    service : str
        Name of the service, such as ``vigil-monitor``.
    exporter : SpanExporter, optional
        Where else than to the endpoint, for tests.

    Raises
    ------
    InputError
        If OpenTelemetry is not installed.
    """

    def __init__(
        self, settings: TracingSettings, service: str, exporter: SpanExporter | None = None
    ) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.sdk.trace.sampling import ALWAYS_ON
        except ImportError as error:
            raise InputError("tracing needs the extra: pip install vigil-ecg[tracing]") from error
        to = f"{str(settings.endpoint).rstrip('/')}/v1/traces"
        self._provider = TracerProvider(ALWAYS_ON, Resource({"service.name": service}))
        self._provider.add_span_processor(
            BatchSpanProcessor(
                exporter or OTLPSpanExporter(to, timeout=TIMEOUT_S),
                max_queue_size=QUEUE_SPANS,
                schedule_delay_millis=SEND_EVERY_MS,
                export_timeout_millis=1000 * TIMEOUT_S,
            )
        )
        self._tracer = self._provider.get_tracer("vigil")
        self.sample = settings.sample

    def begin(
        self,
        name: str,
        parent: Parent | None = None,
        *,
        at_ns: int | None = None,
        kind: str = "INTERNAL",
        values: Values | None = None,
        links: Iterable[Parent] = (),
    ) -> Span:
        """Begin a span.

        Parameters
        ----------
        name : str
            What is done.
        parent : Parent, optional
            Span that it is part of or comes from; None begins a trace.
        at_ns : int, optional
            When it began, ns since 1970; None: now.
        kind : str
            ``INTERNAL``, ``PRODUCER``, ``CONSUMER`` or ``CLIENT``.
        values : mapping, optional
            Attributes.
        links : iterable of Parent
            Spans that it has to do with.
        """
        from opentelemetry.trace import Link, SpanKind, set_span_in_context
        from opentelemetry.trace import NonRecordingSpan as Stand

        context = None if parent is None else set_span_in_context(Stand(_context(parent)))
        made: Span = self._tracer.start_span(  # type: ignore[assignment]
            name,
            context,
            SpanKind[kind],
            values,
            [Link(_context(each)) for each in links],
            at_ns or time.time_ns(),
        )
        return made

    def span(
        self,
        name: str,
        parent: Parent,
        begin_ns: int,
        end_ns: int,
        values: Values | None = None,
        kind: str = "INTERNAL",
    ) -> Parent:
        """Tell of something that is over; return its place for what comes of it."""
        made = self.begin(name, parent, at_ns=begin_ns, kind=kind, values=values)
        made.end(end_ns)
        return place_of(made)

    def close(self) -> None:
        """Send what is left; waits for the collector at most :data:`TIMEOUT_S`."""
        self._provider.force_flush(1000 * TIMEOUT_S)
        self._provider.shutdown()


def place_of(span: Span) -> Parent:
    """Return a span's ids."""
    told = span.get_span_context()
    return Parent(told.trace_id, told.span_id)


def fail(span: Span, why: BaseException) -> None:
    """Note that what a span tells of failed; the kind of error only, its text may tell more."""
    from opentelemetry.trace import StatusCode

    span.set_status(StatusCode.ERROR, type(why).__name__)
    span.end()


def _context(parent: Parent) -> SpanContextType:
    from opentelemetry.trace import SpanContext, TraceFlags

    return SpanContext(parent.trace_id, parent.span_id, True, TraceFlags(TraceFlags.SAMPLED))


if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext as SpanContextType
