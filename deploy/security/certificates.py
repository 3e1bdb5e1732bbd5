"""A server's certificate that is read again when its file has changed, while it is in use.

Certificates are renewed every few weeks, and a service that must be restarted for it is soon one
whose certificate has run out. New connections get the new one; those that stand keep theirs.
"""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.errors import InputError

if TYPE_CHECKING:
    from deploy.security.http import HttpSecurity

logger = logging.getLogger(__name__)

LOOK_S = 10.0
"""Time between two looks at the files, s."""


class Certificates:
    """Keeps a server's TLS context as its files are.

    Parameters
    ----------
    security : HttpSecurity
        Names the files; with none there is no context.
    every_s : float
        Time between two looks, s.
    clock : callable
        Monotonic time, s.

    Raises
    ------
    InputError
        If the certificate or its key cannot be used.
    """

    def __init__(
        self,
        security: HttpSecurity,
        every_s: float = LOOK_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._security, self._every_s, self._clock = security, every_s, clock
        self._lock = threading.Lock()
        self._seen = self._stamp()
        self.context: ssl.SSLContext | None = security.server_context()
        self._looked_s = clock()

    def look(self) -> bool:
        """Read the files again where it is time and they have changed; True where that was done.

        A pair that cannot be used is told once, and the one in use stays. Whoever renews writes
        certificate and key at once or not: half a pair is looked at again.
        """
        now_s = self._clock()
        if self.context is None or now_s - self._looked_s < self._every_s:
            return False
        with self._lock:
            self._looked_s, stamp = now_s, self._stamp()
            if stamp == self._seen:
                return False
            self._seen = stamp
            security = self._security
            try:
                security.server_context()  # on a context of its own: is it a pair?
                if security.certificate is not None:
                    self.context.load_cert_chain(security.certificate, security.key)
            except (InputError, OSError, ssl.SSLError) as error:
                logger.error("the changed certificate cannot be used, the old one stays: %s", error)
                return False
        logger.info("the certificate %s was read again", self._security.certificate)
        return True

    def _stamp(self) -> tuple[int, ...]:
        """Return when the files were last changed; 0 for one that is not there."""
        files = (self._security.certificate, self._security.key)
        return tuple(_changed_ns(path) for path in files if path is not None)


def _changed_ns(path: Path) -> int:
    try:
        told = path.stat()
    except OSError:
        return 0
    return told.st_mtime_ns ^ told.st_ino << 1
