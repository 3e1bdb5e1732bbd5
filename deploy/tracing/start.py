"""Tracing where the settings ask for it; without that nothing of it is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deploy.settings import TracingSettings
    from deploy.tracing.export import Tracing
    from deploy.tracing.frames import TracedFrames
    from deploy.tracing.worker import WorkerTrace
    from ingest.kafka_sink import KafkaSink


def make_tracing(settings: TracingSettings, service: str) -> Tracing | None:
    """Make what spans go to; None where no endpoint is named.

    Raises
    ------
    InputError
        If OpenTelemetry is not installed.
    """
    if settings.endpoint is None:
        return None
    from deploy.tracing.export import Tracing

    return Tracing(settings, service)


def make_trace(settings: TracingSettings, service: str) -> WorkerTrace | None:
    """Make what follows a worker; None and errors as :func:`make_tracing`."""
    tracing = make_tracing(settings, service)
    if tracing is None:
        return None
    from deploy.tracing.worker import WorkerTrace

    return WorkerTrace(tracing)


def traced_frames(
    sink: KafkaSink, topic: str, tracing: Tracing | None, name: str
) -> KafkaSink | TracedFrames:
    """Let a sink of frames begin traces, where there is tracing."""
    if tracing is None:
        return sink
    from deploy.tracing.frames import TracedFrames

    return TracedFrames(sink, tracing, topic, name)
