"""What only a clock beside the stream can tell: late, lost, or with a clock that jumped.

None of it is in the log of alarms, which is a function of the signal and the same after any
crash: replayed a day later every stream would be late. It is told to people as signals of
technical conditions, by whoever listens now (:mod:`deploy.services.announcing`), and a listener
that starts anew knows only streams that it has heard.

Clocks of devices are seldom right. So a stream is not late by UTC, but against the least delay
that it was ever heard with in its session; and a clock has jumped where a frame's time and its
place in the count of samples come apart from what they were.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from inference.alarm_json import alarm_id
from inference.conditions import CONDITIONS, OUTSIDE, Code
from inference.limits import Limits
from ingest.errors import InputError
from ingest.frame_columns import INT16_LE, FrameColumns
from ingest.sequence_types import sample_to_ns

MOST_LEFT = 4096
"""Streams that ended of which it is still known how late they are heard by nature."""
JUMP_SHOWN_S = 60.0
"""How long a jump of a clock is told, s: it is over as soon as it has happened."""
_LATE, _LOST, _JUMP = Code.LATE_STREAM, Code.DEVICE_LOST, Code.CLOCK_JUMP


@dataclass(slots=True)
class _Seen:
    """One stream."""

    session: str
    heard_ms: int
    least_delay_ms: int
    origin_ns: int
    jumped_ms: int = 0
    up: dict[Code, str] = field(default_factory=dict)  # condition → id of what was told


class StreamWatch:
    """Follows when streams are heard; time is given, never read.

    Parameters
    ----------
    limits : Limits
        ``late_s``, ``lost_s`` and ``clock_jump_s``.

    Examples
    --------
    >>> import numpy as np
    >>> from ingest.frames import Frame, Lead
    >>> def second(k):
    ...     lead, samples = (Lead("II"),), np.zeros((1, 250), "i2")
    ...     return FrameColumns.of([Frame("p", "a", 250 * k, 10**9 * k, 250.0, lead, samples)])
    >>> watch = StreamWatch(Limits(lost_s=10.0))
    >>> watch.hear(second(0), 1_000)
    []
    >>> [(told["condition"], told["state"]) for told in watch.due(11_000)]
    [('device_lost', 'raised')]
    >>> [(told["condition"], told["state"]) for told in watch.hear(second(1), 12_000)]
    [('device_lost', 'ended'), ('late_stream', 'raised')]
    """

    def __init__(self, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        self._late_ms = round(limits.late_s * 1000)
        self._lost_ms = round(limits.lost_s * 1000)
        self._jump_ns = round(limits.clock_jump_s * 1e9)
        self._streams: dict[str, _Seen] = {}
        self._left: dict[str, int] = {}
        self._now_ms: int | None = None

    def hear(self, frames: FrameColumns, now_ms: int) -> list[dict[str, str]]:
        """Take frames that came just now.

        Parameters
        ----------
        frames : FrameColumns
            In the order in which they were read.
        now_ms : int
            The listener's time, ms since 1970; never runs backwards.

        Returns
        -------
        list of dict
            What was raised and ended, with ``stream_id``, ``session``, ``id``, ``condition`` and
            ``state`` as in an alarm.

        Raises
        ------
        InputError
            If the time ran backwards; nothing is changed.
        """
        self._advance(now_ms)
        told: list[dict[str, str]] = []
        for i, stream_id in enumerate(frames.stream_ids):
            seen, session, fs = self._streams.get(stream_id), frames.sessions[i], frames.fs[i]
            first = frames.first_samples[i]
            n_samples = len(frames.raw[i]) // (INT16_LE.itemsize * len(frames.leads[i]))
            origin_ns = frames.start_unix_ns[i] - sample_to_ns(first, fs)
            end_ms = (origin_ns + sample_to_ns(first + n_samples, fs)) // 10**6
            if seen is None or seen.session != session:
                told += [] if seen is None else self._clear(stream_id, seen)
                # What a gateway had stored is late from the first; else a clock may be wrong.
                delay_ms = now_ms - end_ms
                least_ms = min(delay_ms, 0) if frames.n_replays else delay_ms
                seen = _Seen(session, now_ms, least_ms, origin_ns)
                self._streams[stream_id] = seen
            told += self._heard(stream_id, seen, origin_ns, end_ms, now_ms)
            if frames.last[i]:
                self._leave(stream_id, seen.least_delay_ms)
                told += self._clear(stream_id, self._streams.pop(stream_id))
        return told

    def due(self, now_ms: int) -> list[dict[str, str]]:
        """Let time pass; tell what is lost since, and what is over.

        Raises
        ------
        InputError
            If the time ran backwards; nothing is changed.
        """
        self._advance(now_ms)
        told: list[dict[str, str]] = []
        for stream_id, seen in self._streams.items():
            if now_ms - seen.heard_ms >= self._lost_ms:
                told += self._set(stream_id, seen, _LOST, on=True)
            if _JUMP in seen.up and now_ms - seen.jumped_ms >= JUMP_SHOWN_S * 1000:
                told += self._set(stream_id, seen, _JUMP, on=False)
        return told

    def forget(self, stream_ids: Iterable[str]) -> list[dict[str, str]]:
        """Let streams go that another listener has now; what was told of them is over."""
        told: list[dict[str, str]] = []
        for stream_id in stream_ids:
            seen = self._streams.pop(stream_id, None)
            told += [] if seen is None else self._clear(stream_id, seen)
        return told

    def behind_ms(self, stream_id: str, decided_ms: int, now_ms: int) -> int:
        """Tell how late something is that was decided of a stream, beyond its least delay, ms.

        Parameters
        ----------
        stream_id : str
            Stream; of one that was never heard 0 is told, since its clock may be wrong.
        decided_ms : int
            UTC of the deciding sample by the device, ms since 1970.
        now_ms : int
            The listener's time, ms since 1970.
        """
        seen = self._streams.get(stream_id)
        least_ms = self._left.get(stream_id) if seen is None else seen.least_delay_ms
        return 0 if least_ms is None else max(0, now_ms - decided_ms - least_ms)

    def _leave(self, stream_id: str, least_ms: int) -> None:
        """Keep for a while how late a stream was by nature: its last alarms are still to come."""
        self._left.pop(stream_id, None)
        self._left[stream_id] = least_ms
        if len(self._left) > MOST_LEFT:
            del self._left[next(iter(self._left))]

    def __contains__(self, stream_id: str) -> bool:
        """Tell whether a stream is watched."""
        return stream_id in self._streams

    def retire(self, before_ms: int, most: int) -> list[dict[str, str]]:
        """Let go of streams that are silent for long; what was told of them is over.

        Parameters
        ----------
        before_ms : int
            Those that were not heard since go, ms since 1970.
        most : int
            Of those that are lost no more stay; the ones that were heard last do.
        """
        lost = [(seen.heard_ms, name) for name, seen in self._streams.items() if _LOST in seen.up]
        n_over = max(len(lost) - most, 0)
        gone = sorted(lost)[:n_over] if n_over else []
        gone += [each for each in lost if each[0] < before_ms]
        return self.forget(dict.fromkeys(name for _, name in gone))

    def _advance(self, now_ms: int) -> None:
        if self._now_ms is not None and now_ms < self._now_ms:
            raise InputError(
                f"the clock ran back by {self._now_ms - now_ms} ms; allowed: a time not before "
                f"{self._now_ms}"
            )
        self._now_ms = now_ms

    def _heard(
        self, stream_id: str, seen: _Seen, origin_ns: int, end_ms: int, now_ms: int
    ) -> list[dict[str, str]]:
        """Judge one frame."""
        seen.heard_ms = now_ms
        told = self._set(stream_id, seen, _LOST, on=False)
        if abs(origin_ns - seen.origin_ns) >= self._jump_ns:
            seen.origin_ns, seen.jumped_ms = origin_ns, now_ms
            seen.least_delay_ms = now_ms - end_ms
            told += self._set(stream_id, seen, _JUMP, on=False)
            told += self._set(stream_id, seen, _JUMP, on=True)
        seen.least_delay_ms = min(seen.least_delay_ms, now_ms - end_ms)
        late_ms = now_ms - end_ms - seen.least_delay_ms
        return told + self._set(stream_id, seen, _LATE, on=late_ms >= self._late_ms)

    def _clear(self, stream_id: str, seen: _Seen) -> list[dict[str, str]]:
        return [change for code in OUTSIDE for change in self._set(stream_id, seen, code, on=False)]

    def _set(self, stream_id: str, seen: _Seen, code: Code, *, on: bool) -> list[dict[str, str]]:
        """Raise or end a condition; nothing where it is so already."""
        if on == (code in seen.up):
            return []
        name, now_ms = CONDITIONS[code].name, self._now_ms or 0
        if on:
            seen.up[code] = alarm_id(stream_id, seen.session, name, now_ms)
        known = seen.up[code] if on else seen.up.pop(code)
        return [
            {
                "stream_id": stream_id,
                "session": seen.session,
                "id": known,
                "condition": name,
                "state": "raised" if on else "ended",
            }
        ]
