"""W3C trace context in the headers of Kafka's records; needs no package of tracing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

HEADER = "traceparent"
"""Name of the header."""

_FORM = re.compile(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


class Parent(NamedTuple):
    """The span that a record comes from."""

    trace_id: int
    """Id of the trace, 128 bits."""
    span_id: int
    """Id of the span, 64 bits."""

    def header(self) -> tuple[str, bytes]:
        """Write it as a header; only what is sampled is sent on.

        Examples
        --------
        >>> Parent(10, 11).header()
        ('traceparent', b'00-0000000000000000000000000000000a-000000000000000b-01')
        """
        return HEADER, f"00-{self.trace_id:032x}-{self.span_id:016x}-01".encode()


def parent_of(headers: Iterable[tuple[str, bytes | None]]) -> Parent | None:
    """Read a record's headers; None where it is not sampled, or the header is malformed.

    Examples
    --------
    >>> parent_of([Parent(10, 11).header()]) == Parent(10, 11)
    True
    >>> parent_of([("traceparent", b"00-zz")]) is None
    True
    """
    for name, value in headers:
        found = _FORM.fullmatch(value or b"") if name == HEADER else None
        if found is not None and int(found[3], 16) & 1:
            trace_id, span_id = int(found[1], 16), int(found[2], 16)
            return Parent(trace_id, span_id) if trace_id and span_id else None
    return None
