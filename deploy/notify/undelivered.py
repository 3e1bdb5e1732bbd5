"""The file of notices that could not be delivered: one JSON object a line, nothing is lost."""

from __future__ import annotations

import base64
import logging
import os
from pathlib import Path

from deploy.notify.notice import Notice
from inference.alarm_json import canonical
from ingest.errors import InputError

logger = logging.getLogger(__name__)


class Undelivered:
    """Appends notices to a file that is opened at once, so that a bad path is told at start.

    Parameters
    ----------
    path : Path
        File, made where it is not there.

    Raises
    ------
    InputError
        If it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise InputError(f"{path} cannot be written: {error.strerror}") from error

    def write(self, notice: Notice, reason: str, tries: int) -> None:
        """Append one notice; where even that fails it goes into the process's own log."""
        line = canonical(
            {
                "key": notice.key,
                "topic": notice.topic,
                "reason": reason,
                "tries": tries,
                "body": base64.b64encode(notice.body).decode(),
            }
        )
        logger.error("not delivered after %d tries: %s (%s)", tries, notice.key, reason)
        try:
            self._file.write(line + b"\n")
            os.fsync(self._file.fileno())
        except (OSError, ValueError) as error:
            logger.critical("cannot keep an undelivered notice: %s: %s", error, line.decode())

    def close(self) -> None:
        """Close the file."""
        self._file.close()
