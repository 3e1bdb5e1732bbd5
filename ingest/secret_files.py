"""Secrets from files: small, whole, and never told in a message."""

from __future__ import annotations

import logging
import stat
from pathlib import Path

from ingest.errors import InputError

MOST_SECRET_BYTES = 1 << 16
"""Longest file of a secret."""

logger = logging.getLogger(__name__)


def read_secret(path: Path, what: str) -> bytes:
    """Return a secret file's content without white space around it.

    One that every user of the machine may read is used with a warning, since that
    is how orchestrators mount secrets; one that every user may write is refused.

    Parameters
    ----------
    path : Path
        File.
    what : str
        What it is, for messages, such as ``"kafka.password_file"``.

    Raises
    ------
    InputError
        If it cannot be read, is empty, too long, or everybody may write it.
    """
    try:
        mode = path.stat().st_mode
        with path.open("rb") as file:
            content = file.read(MOST_SECRET_BYTES + 1)
    except OSError as error:
        raise InputError(f"{what} {path} cannot be read: {error.strerror}") from error
    if mode & stat.S_IWOTH:
        raise InputError(f"{what} {path} can be written by everybody: chmod 600 it")
    if mode & stat.S_IROTH:
        logger.warning("%s %s can be read by everybody on this machine", what, path)
    if len(content) > MOST_SECRET_BYTES:
        raise InputError(f"{what} {path}: more than {MOST_SECRET_BYTES} bytes")
    if not content.strip():
        raise InputError(f"{what} {path} is empty")
    return content.strip()
