"""Frames as bytes: one Kafka record holds one Protobuf ``FrameBatch`` (``frame.proto``)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from google.protobuf.message import DecodeError, EncodeError

from ingest import frame_pb2
from ingest.checks import (
    MAX_FRAME_BYTES,
    MAX_ID_CHARS,
    MAX_LEADS,
    MAX_SAMPLE,
    check_frame,
    check_fs,
    check_leads,
)
from ingest.frame_columns import INT16_LE, FrameColumns
from ingest.frames import Frame, FrameError, Lead

VERSION = 1
"""The version of the wire format that is written and read."""

MAX_LEAD_BYTES = 1024
"""Longest message of one lead, with fields that nobody knows."""

MAX_PAYLOAD_BYTES = 4 * MAX_FRAME_BYTES
"""Longest message that is looked at."""


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
    >>> import numpy as np
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


def decode(payload: bytes) -> FrameColumns:
    """Unpack one message.

    Parameters
    ----------
    payload : bytes
        A serialised ``FrameBatch``. Unknown fields are ignored.

    Returns
    -------
    FrameColumns
        Its frames, in order; ``n_replays`` tells whether a gateway had stored them.

    Raises
    ------
    FrameError
        With one of :data:`ingest.checks.FRAME_REASONS`. A message with one bad
        frame is refused whole, so that it can be kept whole.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise FrameError("too-large", f"message of {len(payload)} bytes: {MAX_PAYLOAD_BYTES} fit")
    batch = frame_pb2.RawBatch()
    try:
        batch.ParseFromString(payload)
        if batch.version != VERSION:
            raise FrameError("version", f"version {batch.version}: only version {VERSION} is read")
        frames = _unpack(batch.frames)
        frames.n_replays = len(frames) if batch.replay else 0
        return frames
    except DecodeError as error:
        raise FrameError("not-protobuf", f"not a FrameBatch in Protobuf: {error}") from error


def _pack(frame: Frame, message: frame_pb2.Frame) -> None:
    """Fill one message from a frame that was checked."""
    message.stream_id = frame.stream_id
    message.session = frame.session
    message.first_sample = frame.first_sample
    message.start_unix_ns = frame.start_unix_ns
    message.fs = frame.fs
    message.last = frame.last
    message.samples = frame.samples.astype(INT16_LE, copy=False).tobytes()
    for lead in frame.leads:
        message.leads.add(
            name=lead.name, unit=lead.unit, adc_gain=lead.adc_gain, baseline=lead.baseline
        )


def _unpack(messages: Iterable[frame_pb2.RawFrame]) -> FrameColumns:
    """Make frames of messages, checked."""
    rows = [
        (
            message.stream_id,
            message.session,
            message.first_sample,
            message.start_unix_ns,
            message.fs,
            _leads(message.fs, tuple(message.leads[:])),  # a slice is read at once
            message.samples,
            message.last,
        )
        for message in messages
    ]
    if not rows:
        return FrameColumns()
    frames = FrameColumns(*map(list, zip(*rows, strict=True)))
    n_ids, n_sessions, n_bytes = (
        list(map(len, column)) for column in (frames.stream_ids, frames.sessions, frames.raw)
    )
    usual = (
        min(n_ids) > 0
        and max(n_ids) <= MAX_ID_CHARS
        and max(n_sessions) <= MAX_ID_CHARS
        and min(frames.first_samples) >= 0
        and max(frames.first_samples) <= MAX_SAMPLE
        and min(n_bytes) > 0
        and max(n_bytes) <= MAX_FRAME_BYTES
        and not any(n % (2 * len(leads)) for n, leads in zip(n_bytes, frames.leads, strict=True))
    )
    if not usual:  # no more than a look at the sizes lets the usual ones pass
        for i in range(len(frames)):
            _check(frames, i)
    return frames


def _check(frames: FrameColumns, i: int) -> None:
    """Check one frame in full."""
    leads, n_bytes = frames.leads[i], len(frames.raw[i])
    if n_bytes % (2 * len(leads)):
        raise FrameError(
            "samples",
            f"{n_bytes} bytes of samples for {len(leads)} leads: "
            "two bytes for each sample of each lead are wanted",
        )
    check_frame(frames[i])


@lru_cache(maxsize=4096)
def _leads(fs: float, raw: tuple[bytes, ...]) -> tuple[Lead, ...]:
    """Read and check leads; equal ones are one object: streams repeat theirs in every frame.

    What is remembered is bounded: a lead that is refused is not remembered.
    """
    if len(raw) > MAX_LEADS or max(map(len, raw), default=0) > MAX_LEAD_BYTES:
        raise FrameError(
            "leads",
            f"{len(raw)} leads, the longest of {max(map(len, raw))} bytes: {MAX_LEADS} leads of "
            f"{MAX_LEAD_BYTES} bytes fit",
        )
    leads = tuple(_lead(one) for one in raw)
    check_leads(leads)
    check_fs(fs, leads)
    return leads


@lru_cache(maxsize=4096)
def _lead(raw: bytes) -> Lead:
    message = frame_pb2.Lead.FromString(raw)
    return Lead(message.name, message.unit, message.adc_gain, message.baseline)
