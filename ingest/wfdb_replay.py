"""Records as streams: opened from files, cut into frames, replayed at any pace."""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ingest.edf_records import EDF_SUFFIXES, read_edf
from ingest.errors import InputError
from ingest.frames import Frame
from ingest.recording import LeadChoice, Recording
from ingest.sequence_types import sample_to_ns
from ingest.source import Batch
from ingest.wfdb_records import read_wfdb

_WFDB_SUFFIXES = (".hea", ".dat", ".mat")

_ROUNDING_S = 1e-6
"""Sums of times may come out this much too late, and a sleep this much too short."""


def record_name(path: str | Path) -> str:
    """Return the name that a record will have, without opening it.

    Examples
    --------
    >>> record_name("mitdb/100"), record_name("mitdb/100.hea"), record_name("night.1.edf")
    ('100', '100', 'night.1')
    """
    path = Path(path)
    known = path.suffix.lower() in (*EDF_SUFFIXES, *_WFDB_SUFFIXES)
    return path.stem if known else path.name


def open_recording(path: str | Path, leads: LeadChoice | None = None) -> Recording:
    """Open a record: WFDB, with or without ``.hea``, or EDF and BDF by their suffix.

    Parameters
    ----------
    path : str or Path
        The record, such as ``mitdb/100``, or the file, such as ``night.edf``.
    leads : sequence of str or int, optional
        Leads wanted, by name (in any case) or index. By default all that share
        the sampling frequency of the fastest electrical lead.

    Returns
    -------
    Recording
        Its digital samples, unchanged where they fit in int16.

    Raises
    ------
    InputError
        If the file is missing, empty, truncated or unreadable, lacks a lead, or
        has a sampling frequency that is not allowed.
    """
    path = Path(path)
    if path.suffix.lower() in EDF_SUFFIXES:
        return read_edf(path, leads)
    base = path.with_suffix("") if path.suffix.lower() in _WFDB_SUFFIXES else path
    return read_wfdb(base, leads)


def frames(
    recording: Recording,
    stream_id: str,
    session: str = "0",
    chunk_s: float = 1.0,
    start_unix_ns: int | None = None,
) -> Iterator[Frame]:
    """Cut a recording into frames; the last one says so.

    Parameters
    ----------
    recording : Recording
        What to send.
    stream_id, session : str
        As in the frames.
    chunk_s : float
        Length of a frame, s; never less than one sample.
    start_unix_ns : int, optional
        UTC time of the first sample; the recording's own where not given.

    Raises
    ------
    InputError
        If ``chunk_s`` is not above 0.
    """
    if not (math.isfinite(chunk_s) and chunk_s > 0):
        raise InputError(f"chunk_s of {chunk_s} s: must be above 0")
    origin = recording.start_unix_ns if start_unix_ns is None else start_unix_ns
    n_samples = recording.n_samples
    first, n_chunks = 0, 0
    while first < n_samples:
        n_chunks += 1
        end = min(n_samples, max(first + 1, round(n_chunks * chunk_s * recording.fs)))
        yield Frame(
            stream_id=stream_id,
            session=session,
            first_sample=first,
            start_unix_ns=origin + sample_to_ns(first, recording.fs),
            fs=recording.fs,
            leads=recording.leads,
            samples=recording.samples[:, first:end],
            last=end == n_samples,
        )
        first = end


class ReplaySource:
    """Source that replays recordings side by side, each as one stream.

    A frame is due when its last sample would have been taken. Frames are handed
    out in the order in which they are due. Nothing is committed: a new source
    starts from the beginning.

    Parameters
    ----------
    recordings : mapping of str to Recording
        Recordings by stream id.
    speed : float or None
        Times real time; None is as fast as possible.
    chunk_s : float
        Length of a frame, s.
    session : str
        Session of all the streams; a repeat gets its number behind it.
    start_unix_ns : int, optional
        UTC time of all first samples; each recording's own where not given.
    repeat : bool
        Start a recording again when it ends, as a device that was restarted; the
        source then never ends.
    clock, sleep : callable
        Monotonic time in s, and waiting for s.

    Examples
    --------
    >>> import numpy as np
    >>> from ingest.frames import Lead
    >>> recording = Recording("r", 250.0, (Lead("II"),), np.zeros((1, 500), np.int16))
    >>> source = ReplaySource({"p1": recording, "p2": recording}, speed=None)
    >>> [(f.stream_id, f.first_sample, f.last) for f in source.poll(0).frames]
    [('p1', 0, False), ('p2', 0, False)]
    """

    def __init__(
        self,
        recordings: Mapping[str, Recording],
        *,
        speed: float | None = 1.0,
        chunk_s: float = 1.0,
        session: str = "0",
        start_unix_ns: int | None = None,
        repeat: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if speed is not None and not (math.isfinite(speed) and speed > 0):
            raise InputError(f"speed of {speed}: must be above 0, or none for as fast as possible")
        self._speed = speed
        self._chunk_s = chunk_s
        self._clock, self._sleep = clock, sleep
        self._started: float | None = None
        # (s since the start when due, order of the stream, frame, the frames after it)
        self._due: list[tuple[float, int, Frame, Iterator[Frame]]] = []
        for order, (stream_id, recording) in enumerate(recordings.items()):
            rest = _endless if repeat else frames
            self._queue(0.0, order, rest(recording, stream_id, session, chunk_s, start_unix_ns))

    def poll(self, timeout_s: float) -> Batch:
        """Return the frames that are due, waiting at most ``timeout_s`` for the first."""
        if not self._due:
            return Batch(end=True)
        now_s = self._now_s(timeout_s)
        due = []
        while self._due and self._due[0][0] <= now_s + _ROUNDING_S:
            due_s, order, frame, rest = heapq.heappop(self._due)
            due.append(frame)
            self._queue(due_s, order, rest)
        return Batch(frames=due, end=not self._due)

    def commit(self) -> None:
        """Do nothing: a replay always starts from the beginning."""

    def close(self) -> None:
        """Do nothing: recordings are in memory."""

    def _queue(self, after_s: float, order: int, rest: Iterator[Frame]) -> None:
        """Line up the next frame of one stream, due its own length after ``after_s``."""
        frame = next(rest, None)
        if frame is not None:
            due_s = after_s + frame.n_samples / frame.fs
            heapq.heappush(self._due, (due_s, order, frame, rest))

    def _now_s(self, timeout_s: float) -> float:
        """Return how far the replay has come, s of the streams' time; waits a little for it."""
        next_s = self._due[0][0]
        if self._speed is None:  # the frames of all the streams that are due together
            return next_s + self._chunk_s / 2
        if self._started is None:
            self._started = self._clock()
        elapsed_s = self._clock() - self._started
        wait_s = min(timeout_s, next_s / self._speed - elapsed_s)
        if wait_s > 0:
            self._sleep(wait_s)
            elapsed_s = self._clock() - self._started
        return elapsed_s * self._speed


def _endless(
    recording: Recording,
    stream_id: str,
    session: str,
    chunk_s: float,
    start_unix_ns: int | None,
) -> Iterator[Frame]:
    """Yield a recording's frames over and over, each time as a new session that follows on."""
    origin = recording.start_unix_ns if start_unix_ns is None else start_unix_ns
    length_ns = sample_to_ns(recording.n_samples, recording.fs)
    n_repeats = 0
    while True:
        numbered = f"{session}.{n_repeats}" if n_repeats else session
        yield from frames(recording, stream_id, numbered, chunk_s, origin + n_repeats * length_ns)
        n_repeats += 1
