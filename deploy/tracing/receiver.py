"""A collector for trials and tests: takes OTLP over HTTP, and keeps the spans."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


@dataclass(frozen=True, slots=True)
class ToldSpan:
    """One span as a collector gets it."""

    service: str
    """Name of the service."""
    name: str
    """What was done."""
    trace: str
    """Id of the trace, hex."""
    span: str
    """Id of the span, hex."""
    parent: str
    """Id of the span that it comes from; empty: none."""
    begin_ns: int
    """When it began, ns since 1970."""
    end_ns: int
    """When it ended, ns since 1970."""
    links: tuple[str, ...]
    """Ids of the spans that it links to."""
    values: dict[str, str]
    """Attributes, as text."""


class Receiver:
    """Listens on a free port of this machine while the block lasts."""

    def __init__(self) -> None:
        self.spans: list[ToldSpan] = []
        self.received = b""
        told = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                told.received += body
                told.spans += read_spans(body)
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def endpoint(self) -> str:
        """Address for ``tracing.endpoint``."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def read_spans(body: bytes) -> list[ToldSpan]:
    """Decode one request of OTLP (``ExportTraceServiceRequest``, Protobuf)."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest()
    request.ParseFromString(body)
    found = []
    for resource in request.resource_spans:
        names = {a.key: a.value.string_value for a in resource.resource.attributes}
        for scope in resource.scope_spans:
            found += [
                ToldSpan(
                    names.get("service.name", ""),
                    span.name,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.start_time_unix_nano,
                    span.end_time_unix_nano,
                    tuple(link.span_id.hex() for link in span.links),
                    {a.key: _text(a.value) for a in span.attributes},
                )
                for span in scope.spans
            ]
    return found


def _text(value: object) -> str:
    kind = value.WhichOneof("value")  # type: ignore[attr-defined]
    return str(getattr(value, kind)) if kind else ""
