"""Frames as bytes: one Kafka record holds one Protobuf ``FrameBatch`` (``frame.proto``)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from google.protobuf.message import DecodeError, EncodeError

from ingest import frame_pb2
from ingest.checks import MAX_FRAME_BYTES, check_frame, check_leads
from ingest.frames import Frame, FrameError, Lead

VERSION = 1
"""The version of the wire format that is written and read."""

MAX_PAYLOAD_BYTES = 4 * MAX_FRAME_BYTES
"""Longest message that is looked at."""

_INT16_LE = np.dtype("<i2")


def encode(frames: Iterable[Frame]) -> bytes:
    """Pack frames into one message.

    Parameters
    ----------
    frames : iterable of Frame
        Frames of one stream, or of one gateway's many streams, in order.

    Returns
    -------
    bytes
        A serialised ``FrameBatch``.

    Raises
    ------
    FrameError
        If a frame is one that :func:`decode` would refuse.

    Examples
    --------
    >>> frame = Frame("p1", "s1", 0, 0, 250.0, (Lead("II"),), np.zeros((1, 50), np.int16))
    >>> [f.n_samples for f in decode(encode([frame]))]
    [50]
    """
    batch = frame_pb2.FrameBatch(version=VERSION)
    for frame in frames:
        check_frame(frame)
        _pack(frame, batch.frames.add())
    try:
        return batch.SerializeToString()
    except EncodeError as error:
        raise FrameError("too-large", f"frames do not fit in one message: {error}") from error


def decode(payload: bytes) -> list[Frame]:
    """Unpack one message; the frames' samples are read-only views of it.

    Parameters
    ----------
    payload : bytes
        A serialised ``FrameBatch``. Unknown fields are ignored.

    Returns
    -------
    list of Frame
        Its frames, in order.

    Raises
    ------
    FrameError
        With one of :data:`ingest.checks.FRAME_REASONS`. A message with one bad
        frame is refused whole, so that it can be kept whole.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise FrameError("too-large", f"message of {len(payload)} bytes: {MAX_PAYLOAD_BYTES} fit")
    batch = frame_pb2.FrameBatch()
    try:
        batch.ParseFromString(payload)
    except DecodeError as error:
        raise FrameError("not-protobuf", f"not a FrameBatch in Protobuf: {error}") from error
    if batch.version != VERSION:
        raise FrameError("version", f"version {batch.version}: only version {VERSION} is read")
    return [_unpack(message) for message in batch.frames]


def _pack(frame: Frame, message: frame_pb2.Frame) -> None:
    """Fill one message from a frame that was checked."""
    message.stream_id = frame.stream_id
    message.session = frame.session
    message.first_sample = frame.first_sample
    message.start_unix_ns = frame.start_unix_ns
    message.fs = frame.fs
    message.last = frame.last
    message.samples = frame.samples.astype(_INT16_LE, copy=False).tobytes()
    for lead in frame.leads:
        message.leads.add(
            name=lead.name, unit=lead.unit, adc_gain=lead.adc_gain, baseline=lead.baseline
        )


def _unpack(message: frame_pb2.Frame) -> Frame:
    """Make a frame of one message, checked."""
    leads = tuple(
        _lead(lead.name, lead.unit, lead.adc_gain, lead.baseline) for lead in message.leads
    )
    n_rows = max(1, len(leads))  # no leads at all is refused below
    raw = message.samples
    if len(raw) % (2 * n_rows):
        check_leads(leads)  # what is wrong with the leads is told first
        raise FrameError(
            "samples",
            f"{len(raw)} bytes of samples for {len(leads)} leads: "
            "two bytes for each sample of each lead are wanted",
        )
    frame = Frame(
        stream_id=message.stream_id,
        session=message.session,
        first_sample=message.first_sample,
        start_unix_ns=message.start_unix_ns,
        fs=message.fs,
        leads=leads,
        samples=np.frombuffer(raw, _INT16_LE).reshape(n_rows, -1),
        last=message.last,
    )
    check_frame(frame)
    return frame


@lru_cache(maxsize=4096)
def _lead(name: str, unit: str, adc_gain: float, baseline: int) -> Lead:
    """Return one shared object for equal leads: streams repeat theirs in every frame."""
    return Lead(name, unit, adc_gain, baseline)
