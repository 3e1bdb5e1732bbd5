"""The line protocol's server: one connection a device, a thread to hear it and one to answer."""

from __future__ import annotations

import hmac
import json
import logging
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ingest.errors import InputError
from ingest.frames import FrameError
from ingest.gateway.arrival import Arrival
from ingest.gateway.devices import Devices, dead_letter
from ingest.gateway.lines import MAX_LINE_BYTES, Hello, read_hello, read_line, seq_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LineOptions:
    """Who is let in, and how much is taken."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 0
    """Port to listen on; 0 takes a free one."""
    token: str | None = None
    """What a hello must tell; None: anybody is let in."""
    tls: ssl.SSLContext | None = None
    """TLS of the server; None: none."""
    most_connections: int = 64
    """Most devices at once."""
    window: int = 64
    """Most frames of one device that are not acknowledged; the next waits in its connection."""
    idle_s: float = 120.0
    """A device that sends nothing for so long is let go, s."""


class LineServer:
    """Hears devices from :meth:`start` to :meth:`stop`.

    Parameters
    ----------
    devices : Devices
        What takes their messages.
    next_sample : callable
        Given stream and session as they go on, returns the sample that is wanted next.
    options : LineOptions
        Who is let in, and how much is taken.

    Raises
    ------
    InputError
        If the address cannot be listened on.
    """

    def __init__(
        self,
        devices: Devices,
        next_sample: Callable[[str, str], int],
        options: LineOptions = LineOptions(),
    ) -> None:
        self._devices, self._next_sample, self._options = devices, next_sample, options
        self._open: set[_Connection] = set()
        self._lock = threading.Lock()
        self._stopping = False
        try:
            self._socket = socket.create_server((options.host, options.port), backlog=64)
        except (OSError, OverflowError) as error:
            where = f"{options.host}:{options.port}"
            raise InputError(f"tcp: cannot listen on {where}: {error}") from error
        self._thread = threading.Thread(target=self._accept, name="tcp", daemon=True)

    @property
    def port(self) -> int:
        """Port it listens on."""
        return int(self._socket.getsockname()[1])

    @property
    def n_connections(self) -> int:
        """Devices that are connected."""
        return len(self._open)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Let all devices go; they come again with what was not acknowledged."""
        self._stopping = True
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            logger.debug("the listening socket was closed")
        self._socket.close()
        if self._thread.is_alive():
            self._thread.join(5)
        with self._lock:
            going = list(self._open)
        for connection in going:
            connection.cut()

    def _accept(self) -> None:
        while not self._stopping:
            try:
                heard, _ = self._socket.accept()
            except OSError:
                return
            connection = _Connection(heard, self._options, self._devices, self._next_sample)
            with self._lock:
                full = len(self._open) >= self._options.most_connections
                if not full:
                    self._open.add(connection)
            if full:
                logger.warning("a device was turned away: %d are connected", len(self._open))
                connection.cut()
                continue
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: _Connection) -> None:
        try:
            connection.serve()
        except (OSError, ValueError) as error:  # ValueError: of a socket that was closed
            logger.debug("a device went: %s", error)
        finally:
            connection.cut()
            with self._lock:
                self._open.discard(connection)


class _Connection:
    """One device."""

    def __init__(
        self,
        heard: socket.socket,
        options: LineOptions,
        devices: Devices,
        next_sample: Callable[[str, str], int],
    ) -> None:
        self._socket, self._options = heard, options
        self._devices, self._next_sample = devices, next_sample
        self._window = threading.Semaphore(options.window)
        self._changed = threading.Condition()
        self._sending = threading.Lock()
        self._acknowledged: int | None = None  # not yet told
        self._closed = False

    def serve(self) -> None:
        """Hear it to its end."""
        self._socket.settimeout(self._options.idle_s)
        if self._options.tls is not None:
            self._socket = self._options.tls.wrap_socket(self._socket, server_side=True)
        with self._socket.makefile("rb") as lines:
            hello = self._greet(lines.readline(MAX_LINE_BYTES + 2))
            if hello is None:
                return
            answers = threading.Thread(target=self._answer, name="tcp-answers", daemon=True)
            answers.start()
            while line := lines.readline(MAX_LINE_BYTES + 2):
                if not line.strip():
                    continue
                self._hear(line, hello)
                if len(line) > MAX_LINE_BYTES:
                    return  # what follows is the rest of that line

    def cut(self) -> None:
        """Close it; does nothing the second time."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._window.release()
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            logger.debug("the device had gone")
        self._socket.close()

    def _greet(self, line: bytes) -> Hello | None:
        """Read the hello and answer it; None where the device is not let in."""
        try:
            hello = read_hello(line)
        except FrameError as error:
            self._send({"error": error.reason, "detail": str(error)})
            return None
        wanted = self._options.token
        if wanted is not None and not hmac.compare_digest(wanted.encode(), hello.token.encode()):
            logger.warning("a device was turned away: it told no token, or a wrong one")
            self._send({"error": "token", "detail": "the hello's token is not this gateway's"})
            return None
        name = self._devices.pseudonym(hello.stream)
        self._send({"next": self._next_sample(name, hello.session)})
        return replace(hello, token="")

    def _hear(self, line: bytes, hello: Hello) -> None:
        """Take one line."""
        try:
            read = read_line(line, hello)
            packed = self._devices.packed([read.frame])
        except FrameError as error:
            seq = seq_of(line)
            self._send({"seq": seq, "error": error.reason, "detail": str(error)})
            self._devices.offer(Arrival([], dead=dead_letter(line, error, "tcp")))
            return
        self._window.acquire()
        if not self._closed:
            self._devices.offer(Arrival(packed, lambda: self._acknowledge(read.seq)))

    def _acknowledge(self, seq: int) -> None:
        """Note that a frame is durable; another thread tells the device."""
        self._window.release()
        with self._changed:
            self._acknowledged = max(seq, self._acknowledged or seq)
            self._changed.notify()

    def _answer(self) -> None:
        """Tell the device what is durable, the last of it where there is more."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._acknowledged is not None)
                seq, self._acknowledged = self._acknowledged, None
                if seq is None:
                    return
            try:
                self._send({"ack": seq})
            except OSError:
                return

    def _send(self, answer: dict[str, Any]) -> None:
        with self._sending:
            self._socket.sendall(json.dumps(answer).encode() + b"\n")
