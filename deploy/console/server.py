"""The server, on a thread of its own beside whatever feeds it."""

from __future__ import annotations

import threading
import time

import uvicorn

from deploy.console.app import make_app
from deploy.console.context import Console
from ingest.errors import InputError

START_S = 30.0
"""Longest time to start, s."""


class Server:
    """Serves the console.

    Parameters
    ----------
    console : Console
        What is served.
    host : str
        Address to listen on.
    port : int
        Port to listen on.
    certificate, key : str, optional
        Files in PEM for HTTPS.
    """

    def __init__(
        self,
        console: Console,
        host: str = "127.0.0.1",
        port: int = 8344,
        *,
        certificate: str | None = None,
        key: str | None = None,
    ) -> None:
        self.host, self.port = host, port
        self._scheme = "http" if certificate is None else "https"
        self._server = uvicorn.Server(
            uvicorn.Config(
                make_app(console),
                host,
                port,
                log_config=None,
                access_log=False,
                ws="websockets-sansio",
                ws_per_message_deflate=False,  # waveforms are differences already
                ws_max_size=4096,
                ws_ping_interval=10.0,
                ws_ping_timeout=10.0,
                server_header=False,
                ssl_certfile=certificate,
                ssl_keyfile=key,
                timeout_graceful_shutdown=2,
                lifespan="off",
            )
        )
        self._thread = threading.Thread(target=self._run, name="console", daemon=True)
        self._failed = ""

    @property
    def address(self) -> str:
        """Address of the page."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self._scheme}://{host}:{self.port}/"

    def start(self) -> None:
        """Start, and return when it listens.

        Raises
        ------
        InputError
            If it cannot listen there.
        """
        self._thread.start()
        end_s = time.monotonic() + START_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > end_s:
                raise InputError(f"cannot serve on {self.host} port {self.port}: {self._failed}")
            time.sleep(0.01)

    def stop(self) -> None:
        """Let browsers go, and stop."""
        self._server.should_exit = True
        self._thread.join(10.0)

    def _run(self) -> None:
        try:
            self._server.run()
        except (OSError, SystemExit) as error:
            self._failed = "is the port taken?" if isinstance(error, SystemExit) else str(error)
