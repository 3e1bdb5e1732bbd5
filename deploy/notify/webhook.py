"""One POST of a notice: signed, with its idempotency key, and never longer than its time."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from deploy.notify.notice import Notice
from deploy.notify.signature import HEADER, check_secret, sign
from ingest.errors import InputError

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Hosts to which plain HTTP is allowed."""
TRY_AGAIN = (408, 425, 429)
"""Answers of 4xx that may be others later; of 5xx all may."""
MOST_WAIT_S = 300.0
"""Longest wait that a server may ask for, s."""


class DeliveryError(Exception):
    """A notice was not delivered.

    Parameters
    ----------
    reason : str
        Why.
    again : bool
        Another try may help.
    wait_s : float
        How long the server asks to wait, s.
    """

    def __init__(self, reason: str, *, again: bool, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.again, self.wait_s = again, wait_s


@dataclass(frozen=True, slots=True)
class Target:
    """Where notices go."""

    url: str
    """Address, https, or http on this machine."""
    secret: bytes
    """Shared with the receiver, 16 bytes or more."""
    timeout_s: float = 5.0
    """Longest time of one try, from connecting to the answer, s."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        try:
            usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise InputError(f"webhook {self.url!r} must be http:// or https:// with a host")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise InputError(f"webhook {self.url!r} must be https://, but on this machine")
        if parts.username or parts.password:
            raise InputError("a webhook's address must hold no password: it is signed instead")
        if not 0 < self.timeout_s <= 60:
            raise InputError(f"a webhook's timeout_s must be above 0 and at most 60 s, "
                             f"not {self.timeout_s:g}")  # fmt: skip
        check_secret(self.secret)


class Webhook:
    """Sends notices to a target, one at a time.

    Parameters
    ----------
    target : Target
        Where to.
    wall_s : callable
        UTC, s since 1970, for the signature.
    """

    def __init__(self, target: Target, wall_s: Callable[[], float] = time.time) -> None:
        self._target, self._wall_s = target, wall_s
        parts = urlsplit(target.url)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._secure, self._port = parts.scheme == "https", parts.port
        self._host = parts.hostname or ""

    def send(self, notice: Notice) -> None:
        """Post one notice.

        Raises
        ------
        DeliveryError
            If there was no answer in time, or one that is not of 2xx.
        """
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self._target.timeout_s)
        # A server that sends a byte now and then never lets a socket's time run out.
        late = threading.Event()
        deadline = threading.Timer(self._target.timeout_s, _cut, [connection, late])
        deadline.daemon = True
        deadline.start()
        try:
            connection.request("POST", self._path, notice.body, self._headers(notice))
            answer = connection.getresponse()
            status, wait_s = answer.status, _seconds(answer.getheader("Retry-After"))
        except (OSError, http.client.HTTPException) as error:
            told = str(error) or type(error).__name__
            raise DeliveryError(f"no answer: {told}", again=True) from error
        finally:
            deadline.cancel()
            connection.close()
        if late.is_set():  # headers that end early pass for whole ones
            raise DeliveryError(f"no answer within {self._target.timeout_s:g} s", again=True)
        if not 200 <= status < 300:
            again = status >= 500 or status in TRY_AGAIN
            raise DeliveryError(f"answer {status}", again=again, wait_s=wait_s)

    def _headers(self, notice: Notice) -> dict[str, str]:
        return {
            "Content-Type": "application/json",
            "User-Agent": "vigil",
            "Idempotency-Key": notice.key,
            HEADER: sign(self._target.secret, notice.body, int(self._wall_s())),
        }


def _cut(connection: http.client.HTTPConnection, late: threading.Event) -> None:
    """Break a connection off; whoever reads from it gets an end or an error."""
    late.set()
    sock = connection.sock
    if sock is not None:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return


def _seconds(header: str | None) -> float:
    """Read how long a server asks to wait; 0 where it does not say so in seconds."""
    if header is None or not header.isascii() or not header.isdigit():
        return 0.0
    return min(float(header), MOST_WAIT_S)
