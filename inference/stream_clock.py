"""From the stream's clock to sample indices of its source and to UTC, in whole numbers.

Integers only: the result never depends on how the stream was cut
into frames, nor on the machine's floating point.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ingest.errors import InputError

_NS = 1_000_000_000
_EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class StreamClock:
    """Ties a session's sample count to UTC.

    Examples
    --------
    >>> clock = StreamClock(fs=360.0, anchor_sample=0, anchor_unix_ns=1_700_000_000_000_000_000)
    >>> clock.sample(1001)
    360
    >>> clock.utc(1001)
    '2023-11-14T22:13:21.001000000Z'
    """

    fs: float
    """Sampling frequency of the source, Hz."""
    anchor_sample: int
    """Index of a sample whose time is known; one frame of the session serves for all of it."""
    anchor_unix_ns: int
    """UTC time of that sample, ns since 1970."""

    def sample(self, at_ms: int) -> int:
        """Index of the sample nearest to a time on the stream's clock; halves go up."""
        numerator, denominator = self.fs.as_integer_ratio()
        return _round(at_ms * numerator, 1000 * denominator)

    def unix_ns(self, at_ms: int) -> int:
        """UTC of a time on the stream's clock, ns since 1970."""
        numerator, denominator = self.fs.as_integer_ratio()
        since = at_ms * 1_000_000 * numerator - self.anchor_sample * _NS * denominator
        return self.anchor_unix_ns + _round(since, numerator)

    def utc(self, at_ms: int) -> str:
        """UTC of a time on the stream's clock, RFC 3339 with ns."""
        return rfc3339(self.unix_ns(at_ms))


def rfc3339(unix_ns: int) -> str:
    """Write a UTC time with all nine decimals.

    Raises
    ------
    InputError
        If the year does not lie in 1 to 9999.

    Examples
    --------
    >>> rfc3339(-1)
    '1969-12-31T23:59:59.999999999Z'
    """
    seconds, ns = divmod(unix_ns, _NS)
    try:
        second = _EPOCH + timedelta(seconds=seconds)
    except OverflowError as error:
        raise InputError(
            f"UTC time {unix_ns} ns since 1970 is no date in years 1 to 9999"
        ) from error
    return f"{second.isoformat()}.{ns:09d}Z"


def _round(numerator: int, denominator: int) -> int:
    """Round a fraction to the nearest whole number, halves up."""
    return (2 * numerator + denominator) // (2 * denominator)
