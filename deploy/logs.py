"""Logging of the command line and the services: to stderr, as lines for people or as JSON."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import TextIO

from ingest.errors import InputError

LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("plain", "json")
TALKATIVE = ("kafka", "aiohttp", "httpcore", "httpx", "paho", "sqlalchemy", "websockets")
"""Libraries that log what they send and hear at debug level: signals, and who logs in how."""


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ``time``, ``level``, ``logger``, ``message``, maybe ``error``.

    Examples
    --------
    >>> record = logging.LogRecord("vigil", logging.INFO, "", 0, "up on %d", (80,), None)
    >>> json.loads(JsonFormatter().format(record))["message"]
    'up on 80'
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        fields = {
            "time": self.formatTime(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        """Return the record's time in UTC, to the millisecond."""
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        return f"{seconds}.{int(record.msecs):03d}Z"


def is_discreet(record: logging.LogRecord) -> bool:
    """Tell whether a record may be written: what talkative libraries tell at debug level may not.

    Examples
    --------
    >>> record = logging.LogRecord("kafka.net", logging.DEBUG, "", 0, "%r", (b"...",), None)
    >>> is_discreet(record)
    False
    """
    library = record.name.partition(".")[0]
    return record.levelno >= logging.INFO or library not in TALKATIVE


def set_up_logging(level: str, style: str, stream: TextIO | None = None) -> None:
    """Send the root logger's records to ``stream`` (stderr), instead of wherever they went.

    Parameters
    ----------
    level : str
        One of ``LEVELS``, in any case.
    style : str
        One of ``FORMATS``.
    stream : TextIO, optional
        Where to write; stderr if left out.

    Raises
    ------
    InputError
        If the level or the style is not one of those.
    """
    if level.lower() not in LEVELS:
        raise InputError(f"log level {level!r} is not one of {', '.join(LEVELS)}")
    if style not in FORMATS:
        raise InputError(f"log format {style!r} is not one of {', '.join(FORMATS)}")
    handler = logging.StreamHandler(stream or sys.stderr)
    plain = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(JsonFormatter() if style == "json" else plain)
    handler.addFilter(is_discreet)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # It tells of every connection at INFO; what matters of it, the worker tells.
    chatty = logging.NOTSET if level.lower() == "debug" else logging.WARNING
    logging.getLogger("kafka").setLevel(max(chatty, logging.getLevelName(level.upper())))
