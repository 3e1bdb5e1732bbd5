"""The HTTP side of a service: ``/metrics``, ``/healthz`` and ``/readyz``, on a thread of its own.

``/healthz`` says whether the process should live on, ``/readyz`` whether it does
its work now. Both answer 200 with ``ok``, or 503 with one reason a line.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from ingest.errors import InputError

logger = logging.getLogger(__name__)

Check = Callable[[], Sequence[str]]
"""Returns the reasons why not, for people to read; none when all is well. Called on any thread."""

IDLE_S = 5.0
"""A client that sends nothing for so long is let go."""

PLAIN = "text/plain; charset=utf-8"


def all_well() -> Sequence[str]:
    """Return no reason why not."""
    return ()


class _Server(ThreadingHTTPServer):
    """Serves the three paths; its threads do not keep the process alive."""

    daemon_threads = True

    def __init__(
        self,
        address: tuple[str, int],
        registry: CollectorRegistry,
        checks: dict[str, Check],
    ) -> None:
        super().__init__(address, _Handler)
        self.registry = registry
        self.checks = checks


class _Handler(BaseHTTPRequestHandler):
    """Answers one client."""

    server: _Server
    timeout = IDLE_S

    def do_GET(self) -> None:
        """Answer one GET."""
        path = self.path.partition("?")[0]
        if path == "/metrics":
            encode, kind = choose_encoder(self.headers.get("Accept", ""))
            self._answer(200, kind, encode(self.server.registry))
        elif path in self.server.checks:
            self._answer_check(path)
        else:
            allowed = ", ".join(["/metrics", *self.server.checks])
            self._answer(404, PLAIN, f"no {path} here; there is {allowed}\n".encode())

    def _answer_check(self, path: str) -> None:
        try:
            reasons = list(self.server.checks[path]())
        except Exception:  # whatever a check raised, it is a reason
            logger.exception("%s failed", path)
            reasons = ["the check itself failed; see the log"]
        body = "\n".join(reasons or ["ok"]) + "\n"
        self._answer(503 if reasons else 200, PLAIN, body.encode())

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log at debug level: probes come every few seconds."""
        logger.debug(format, *args)


class HttpServer:
    """Serves metrics and health from :meth:`start` to :meth:`stop`; a context manager too.

    Parameters
    ----------
    registry : CollectorRegistry
        What ``/metrics`` shows.
    host : str
        Address to listen on.
    port : int
        Port to listen on; 0 takes a free one, which :attr:`port` then tells.
    healthy, ready : Check
        What ``/healthz`` and ``/readyz`` ask.

    Raises
    ------
    InputError
        If the address cannot be listened on.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        healthy: Check = all_well,
        ready: Check = all_well,
    ) -> None:
        checks = {"/healthz": healthy, "/readyz": ready}
        try:
            self._server = _Server((host, port), registry, checks)
        except (OSError, OverflowError) as error:
            raise InputError(f"http: cannot listen on {host}:{port}: {error}") from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="http", daemon=True
        )

    @property
    def port(self) -> int:
        """Port it listens on."""
        return self._server.server_port

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and free the port; does nothing the second time."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
