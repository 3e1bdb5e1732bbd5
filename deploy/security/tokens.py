"""Bearer tokens from a file: compared in constant time, able to expire, changed while in use."""

from __future__ import annotations

import hashlib
import hmac
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ingest.errors import InputError
from ingest.secret_files import read_secret

LEAST_TOKEN_CHARS = 16
"""A shorter token can be guessed."""
MOST_TOKENS = 100
"""Most tokens of one file."""

logger = logging.getLogger(__name__)


class TokenRefusedError(Exception):
    """A request does not belong here; says why, never what was shown."""


@dataclass(frozen=True, slots=True)
class _Token:
    digest: bytes
    expires_s: float


class Tokens:
    """Tokens of one file: one a line, perhaps followed by when it expires (ISO 8601, UTC).

    The file is read again when it has changed, so that tokens can be rotated: put the new one
    beside the old, change the clients, take the old one out. Where the changed file cannot be
    used, those read last go on to count, and the log says so.

    Parameters
    ----------
    path : Path
        The file.
    now_s : callable
        Wall clock, s since 1970.

    Raises
    ------
    InputError
        If it cannot be read, holds no token, or one that is too short.
    """

    def __init__(self, path: Path, now_s: Callable[[], float] = time.time) -> None:
        self._path, self._now_s = path, now_s
        self._lock = threading.Lock()
        self._tokens = _read(path)
        self._changed_ns = path.stat().st_mtime_ns

    def check(self, header: str | None) -> None:
        """Refuse what is no ``Authorization: Bearer`` with one of the tokens.

        Raises
        ------
        TokenRefusedError
            If it is missing, of another kind, unknown, or expired.
        """
        kind, _, shown = (header or "").strip().partition(" ")
        if not header:
            raise TokenRefusedError("no token")
        if kind.lower() != "bearer":
            raise TokenRefusedError("not a bearer token")
        digest = hashlib.sha256(shown.strip().encode("utf-8", "surrogateescape")).digest()
        found = [each for each in self._now() if hmac.compare_digest(each.digest, digest)]
        if not found:
            raise TokenRefusedError("unknown token")
        if all(each.expires_s <= self._now_s() for each in found):
            raise TokenRefusedError("expired token")

    def _now(self) -> tuple[_Token, ...]:
        """Return the tokens, of a file that has changed those it holds now."""
        with self._lock:
            try:
                changed_ns = self._path.stat().st_mtime_ns
                if changed_ns != self._changed_ns:
                    self._changed_ns = changed_ns
                    self._tokens = _read(self._path)
                    logger.info("tokens of %s read again", self._path)
            except (OSError, InputError) as error:
                logger.error("tokens: the old ones count: %s", error)
            return self._tokens


def first_token(path: Path) -> str:
    """Return the first token of a file, which a client of ours shows.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    for line in read_secret(path, "tokens").decode("utf-8", "replace").splitlines():
        words = line.partition("#")[0].split()
        if words:
            return words[0]
    raise InputError(f"tokens {path}: there is none")


def _read(path: Path) -> tuple[_Token, ...]:
    """Read a file of tokens; no message tells one."""
    try:
        lines = read_secret(path, "tokens").decode().splitlines()
    except UnicodeDecodeError:
        raise InputError(f"tokens {path} are not text") from None
    tokens = []
    for n, line in enumerate(lines, start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) > 2 or len(words[0]) < LEAST_TOKEN_CHARS:
            raise InputError(
                f"tokens {path}, line {n}: must be a token of {LEAST_TOKEN_CHARS} characters or "
                "more, and perhaps when it expires"
            )
        expires_s = float("inf") if len(words) == 1 else _expiry(path, n, words[1])
        tokens.append(_Token(hashlib.sha256(words[0].encode()).digest(), expires_s))
    if not 0 < len(tokens) <= MOST_TOKENS:
        raise InputError(f"tokens {path}: 1 to {MOST_TOKENS} are allowed, not {len(tokens)}")
    return tuple(tokens)


def _expiry(path: Path, n: int, text: str) -> float:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"tokens {path}, line {n}: the expiry must be ISO 8601") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
