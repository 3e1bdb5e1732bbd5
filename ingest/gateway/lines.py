"""Vigil's line protocol: frames of simple devices as lines of JSON over a plain connection.

A device says who it is and what it sends, once, then one line a frame; the gateway
answers with lines. docs/gateway.md has the protocol in full::

    > {"vigil": 1, "stream": "bed-7", "session": "a", "fs": 250, "leads": [{"name": "II"}]}
    < {"next": 0}
    > {"seq": 1, "first": 0, "adu": [[12, 14, 13, 9]]}
    < {"ack": 1}
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.checks import check_frame, check_fs, check_leads
from ingest.frames import Frame, FrameError, Lead

PROTOCOL = 1
"""Version that a hello must name."""

MAX_LINE_BYTES = 1 << 20
"""Longest line: a frame as a gateway takes it, in hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class Hello:
    """What a device says first."""

    stream: str
    """What it calls its stream."""
    session: str
    """Changes when it restarts its sample count."""
    fs: float
    """Sampling frequency, Hz."""
    leads: tuple[Lead, ...]
    """Leads, in the order of the rows of samples."""
    token: str = ""
    """Secret that lets it in, where the gateway wants one."""

    def __repr__(self) -> str:
        """Return it without the token and the stream."""
        return f"Hello(fs={self.fs:g}, leads={[lead.name for lead in self.leads]})"


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One frame as a device sent it."""

    seq: int
    """The device's number of it, which acknowledgements name."""
    frame: Frame
    """The frame."""


def read_hello(line: bytes) -> Hello:
    """Read a device's first line.

    Raises
    ------
    FrameError
        With reason ``"line"``, or as :mod:`ingest.checks`. Never tells the token.

    Examples
    --------
    >>> hello = read_hello(b'{"vigil": 1, "stream": "b", "fs": 250, "leads": [{"name": "II"}]}')
    >>> hello.stream, hello.leads[0].adc_gain
    ('b', 200.0)
    """
    told = _object(line)
    if told.get("vigil") != PROTOCOL:
        raise FrameError("version", f'a hello says "vigil": {PROTOCOL}')
    leads = told.get("leads")
    if not isinstance(leads, list):
        raise FrameError("leads", "a hello names its leads in a list")
    hello = Hello(
        _text(told, "stream"),
        _text(told, "session", ""),
        _number(told, "fs"),
        tuple(_lead(lead) for lead in leads),
        _text(told, "token", ""),
    )
    check_leads(hello.leads)
    check_fs(hello.fs, hello.leads)
    # A frame of it must be one, so that a bad name is told now.
    empty = np.zeros((len(hello.leads), 0), np.int16)
    check_frame(Frame(hello.stream, hello.session, 0, 0, hello.fs, hello.leads, empty, last=True))
    return hello


def read_line(line: bytes, hello: Hello, clock_ns: Callable[[], int] = time.time_ns) -> Line:
    """Read one frame.

    Parameters
    ----------
    line : bytes
        What the device sent.
    hello : Hello
        What it said before.
    clock_ns : callable
        UTC, ns since 1970: when the frame arrived, for a device that tells no time.

    Raises
    ------
    FrameError
        With reason ``"line"``, or as :mod:`ingest.checks`.

    Examples
    --------
    >>> hello = Hello("b", "a", 250.0, (Lead("II"), Lead("V1")))
    >>> read_line(b'{"seq": 1, "first": 0, "hex": "01000200ffff0000"}', hello).frame.samples
    array([[ 1,  2],
           [-1,  0]], dtype=int16)
    """
    told = _object(line)
    samples = _samples(told, len(hello.leads))
    start_ns = told.get("t")
    if start_ns is None:
        start_ns = clock_ns() - round(samples.shape[1] / hello.fs * 1e9)
    last = told.get("last", False)
    if not isinstance(last, bool):
        raise FrameError("line", "last is true or false")
    frame = Frame(
        hello.stream, hello.session, _whole(told, "first"), _whole({"t": start_ns}, "t"),
        hello.fs, hello.leads, samples, last,
    )  # fmt: skip
    check_frame(frame)
    return Line(_whole(told, "seq"), frame)


def seq_of(line: bytes) -> int | None:
    """Return the number of a line that could not be read, where it has one."""
    try:
        return _whole(_object(line), "seq")
    except FrameError:
        return None


def _object(line: bytes) -> dict[str, Any]:
    """Read a JSON object."""
    if len(line) > MAX_LINE_BYTES:
        raise FrameError("too-large", f"a line of more than {MAX_LINE_BYTES} bytes")
    try:
        told = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise FrameError("line", f"not JSON: {type(error).__name__}") from error
    if not isinstance(told, dict):
        raise FrameError("line", "a line is one JSON object")
    return told


def _samples(told: dict[str, Any], n_leads: int) -> NDArray[np.int16]:
    """Read the samples: array of shape (n_leads, n_samples), adu."""
    given = [name for name in ("adu", "b64", "hex") if name in told]
    if len(given) > 1 or (not given and told.get("last") is not True):
        raise FrameError("line", "a frame has its samples in one of adu, b64, hex")
    if not given:
        return np.zeros((n_leads, 0), np.int16)
    if given == ["adu"]:
        return _listed(told["adu"])
    raw = _decoded(told[given[0]], given[0])
    if len(raw) % (2 * n_leads):
        raise FrameError("samples", f"{len(raw)} bytes of samples for {n_leads} leads")
    return np.frombuffer(raw, "<i2").reshape(n_leads, -1).astype(np.int16, copy=False)


def _decoded(text: object, how: str) -> bytes:
    if not isinstance(text, str):
        raise FrameError("line", f"{how} is text")
    try:
        if how == "hex":
            return bytes.fromhex(text)
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise FrameError("line", f"{how} cannot be decoded") from error


def _listed(rows: object) -> NDArray[np.int16]:
    """Read samples that are written as numbers, a list a lead."""
    if not isinstance(rows, list) or not rows or not all(isinstance(row, list) for row in rows):
        raise FrameError("line", "adu is a list a lead")
    if len({len(row) for row in rows}) > 1:
        raise FrameError("samples", "all leads have as many samples")
    for row in rows:
        for value in row:
            if type(value) is not int or not -32768 <= value <= 32767:
                raise FrameError("samples", "samples are whole numbers of 16 bits")
    return np.array(rows, np.int16).reshape(len(rows), -1)


def _lead(told: object) -> Lead:
    if not isinstance(told, dict):
        raise FrameError("lead", "a lead is an object")
    return Lead(
        _text(told, "name"),
        _text(told, "unit", "mV"),
        _number(told, "adc_gain", 200.0),
        _whole(told, "baseline", 0),
    )


def _text(told: dict[str, Any], name: str, default: str | None = None) -> str:
    value = told.get(name, default)
    if not isinstance(value, str):
        raise FrameError("line", f"{name} is text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise FrameError("line", f"{name} is text that UTF-8 can write") from error
    return value


def _number(told: dict[str, Any], name: str, default: float | None = None) -> float:
    value = told.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FrameError("line", f"{name} is a number")
    try:
        return float(value)
    except OverflowError as error:
        raise FrameError("line", f"{name} is too large a number") from error


def _whole(told: dict[str, Any], name: str, default: int | None = None) -> int:
    value = told.get(name, default)
    if type(value) is not int:
        raise FrameError("line", f"{name} is a whole number")
    return value
