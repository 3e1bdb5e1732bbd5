"""The HTTP side of a service: ``/metrics``, ``/healthz`` and ``/readyz``, on a thread of its own.

``/healthz`` says whether the process should live on, ``/readyz`` whether it does
its work now. Both answer 200 with ``ok``, or 503 with one reason a line. Where
tokens are asked for, ``/metrics`` answers nobody without one, and the reasons stay
away from whoever shows none.
"""

from __future__ import annotations

import logging
import ssl
import sys
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from deploy.security.certificates import Certificates
from deploy.security.http import HttpSecurity
from deploy.security.tokens import TokenRefusedError, Tokens
from ingest.errors import InputError

logger = logging.getLogger(__name__)

Check = Callable[[], Sequence[str]]
"""Returns the reasons why not, for people to read; none when all is well. Called on any thread."""

IDLE_S = 5.0
"""A client that sends nothing for so long is let go, s."""
MOST_CLIENTS = 64
"""Most clients that are answered at once; further ones are let go."""

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
        security: HttpSecurity,
    ) -> None:
        self.registry, self.checks = registry, checks
        self.tokens: Tokens | None = security.tokens()
        self._room = threading.Semaphore(MOST_CLIENTS)
        self.refused: Callable[[str], None] = lambda _: None
        self._certificates = Certificates(security)
        super().__init__(address, _Handler)
        if self._certificates.context is not None:
            # Hands are shaken in the client's own thread: a slow one holds up nobody.
            self.socket = self._certificates.context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    def service_actions(self) -> None:
        """See, between clients, whether the certificate was renewed."""
        self._certificates.look()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Let a client in, unless there are too many."""
        if not self._room.acquire(blocking=False):
            logger.warning("more than %d clients at once: one is let go", MOST_CLIENTS)
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._room.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer one client, in its thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what went wrong with one client; a client's fault is no error of ours."""
        error = sys.exc_info()[1]
        if isinstance(error, ssl.SSLError):
            logger.warning("a client was refused: TLS: %s", error.reason or error)
            self.refused(f"TLS: {error.reason or 'no handshake'}")
        elif isinstance(error, OSError):
            logger.debug("a client went: %s", error)
        else:
            logger.error("a request failed", exc_info=error)


class _Handler(BaseHTTPRequestHandler):
    """Answers one client."""

    server: _Server
    server_version = "vigil"
    sys_version = ""
    timeout = IDLE_S

    def parse_request(self) -> bool:
        """Read the request's head; refuse what has no version, which is not HTTP/1."""
        good = super().parse_request()
        if good and self.request_version == "HTTP/0.9":
            self.request_version = "HTTP/1.0"
            self.send_error(400, "a version of HTTP is missing")
            return False
        return good

    def do_GET(self) -> None:
        """Answer one GET."""
        path = self.path.partition("?")[0]
        refusal = self._why_refused()
        if path in self.server.checks:
            self._answer_check(path, with_reasons=refusal is None)
        elif refusal is not None:
            logger.warning("a client was refused: %s", refusal)
            self.server.refused(refusal)
            self._answer(401, PLAIN, f"{refusal}\n".encode(), [("WWW-Authenticate", "Bearer")])
        elif path == "/metrics":
            kind, body = self._metrics()
            self._answer(200, kind, body)
        else:
            allowed = ", ".join(["/metrics", *self.server.checks])
            self._answer(404, PLAIN, f"there is only {allowed}\n".encode())

    def _why_refused(self) -> str | None:
        """Return why this client may not ask, None where it may."""
        if self.server.tokens is None:
            return None
        try:
            self.server.tokens.check(self.headers.get("Authorization"))
        except TokenRefusedError as error:
            return str(error)
        return None

    def _metrics(self) -> tuple[str, bytes]:
        """Return the metrics in the form that the client likes best, else the usual one."""
        try:
            encode, kind = choose_encoder(self.headers.get("Accept", ""))
        except Exception:  # noqa: BLE001  # whatever its parser makes of a header that is none
            encode, kind = choose_encoder("")
        return kind, encode(self.server.registry)

    def _answer_check(self, path: str, *, with_reasons: bool) -> None:
        try:
            reasons = list(self.server.checks[path]())
        except Exception:  # whatever a check raised, it is a reason
            logger.exception("%s failed", path)
            reasons = ["the check itself failed; see the log"]
        told = reasons if with_reasons else ["no"] * bool(reasons)
        body = "\n".join(told or ["ok"]) + "\n"
        self._answer(503 if reasons else 200, PLAIN, body.encode())

    def _answer(
        self, status: int, kind: str, body: bytes, headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log at debug level: probes come every few seconds. What clients say is never logged."""
        logger.debug("a request was answered with %s", int(code) if code != "-" else code)

    def log_message(self, format: str, *args: object) -> None:
        """Log that a request was none, without its words."""
        logger.debug("a request could not be answered")


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
    security : HttpSecurity
        TLS and tokens; by default neither.

    Raises
    ------
    InputError
        If the address cannot be listened on, or a certificate or token cannot be used.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        healthy: Check = all_well,
        ready: Check = all_well,
        security: HttpSecurity = HttpSecurity(),
    ) -> None:
        checks = {"/healthz": healthy, "/readyz": ready}
        try:
            self._server = _Server((host, port), registry, checks, security)
        except (OSError, OverflowError) as error:
            raise InputError(f"http: cannot listen on {host}:{port}: {error}") from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="http", daemon=True
        )

    def tell_refused(self, refused: Callable[[str], None]) -> None:
        """Let somebody hear why clients are refused; called on any thread."""
        self._server.refused = refused

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
