"""Times as people write them on the command line."""

from __future__ import annotations

from datetime import UTC, datetime

from ingest.errors import InputError


def to_ms(text: str | None) -> int | None:
    """Read a time, ISO 8601; without a zone it is UTC; ms since 1970.

    Raises
    ------
    InputError
        If it is no time.

    Examples
    --------
    >>> to_ms("1970-01-01T00:00:01Z"), to_ms(None)
    (1000, None)
    """
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{text!r} is no time such as 2026-03-01T10:00:00Z") from error
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
