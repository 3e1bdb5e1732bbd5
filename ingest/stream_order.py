"""The order of one stream: what was heard, what is held back, what is passed on."""

from __future__ import annotations

import json
from itertools import dropwhile
from operator import attrgetter

import numpy as np

from ingest.errors import InputError
from ingest.frames import Frame, FrameError, Lead
from ingest.sequence_types import (
    Chunk,
    End,
    Gap,
    Item,
    Layout,
    SequenceCounts,
    sample_to_ns,
)
from ingest.stretch import Stretch, pack, unpack

SNAPSHOT_VERSION = 1
"""Version of the snapshot of one stream."""

MAX_FORMER = 16
"""Former sessions of a device that are remembered."""


class StreamOrder:
    """Orders the frames of one stream; see :mod:`ingest.sequence` for the rules.

    Parameters
    ----------
    stream_id : str
        Pseudonym of the stream.
    bound_s, max_jump_s : float
        As :class:`ingest.sequence.Sequencer`, s.
    counts : SequenceCounts
        Counters shared by all streams.
    """

    __slots__ = tuple(
        "_stream_id _bound_s _max_jump_s _counts _session _former _fs _leads _origin_unix_ns "
        "_bound _next _newest _ended _begins _restart _in_gap _held _passed _recent _recent_from "
        "_layout".split()
    )

    def __init__(
        self, stream_id: str, bound_s: float, max_jump_s: float, counts: SequenceCounts
    ) -> None:
        self._stream_id = stream_id
        self._bound_s = bound_s
        self._max_jump_s = max_jump_s
        self._counts = counts
        self._session: str | None = None
        self._former: tuple[str, ...] = ()
        self._fs = 0.0
        self._leads: tuple[Lead, ...] = ()
        self._origin_unix_ns = 0
        self._bound = 0  # samples
        self._next: int | None = None  # first sample not yet passed on; None before the start
        self._newest = 0  # largest first_sample heard
        self._ended = False
        self._begins = True
        self._restart = False
        self._in_gap = False
        # Tuples where there is seldom anything, and no deque: there is one of each a stream.
        self._held: tuple[Stretch, ...] = ()  # ahead of _next, in order, disjoint
        self._passed: tuple[Stretch, ...] = ()  # what was passed on lately ...
        self._recent: tuple[bytes, ...] = ()  # ... and behind it, one following on another
        self._recent_from = 0  # first sample of these
        self._layout: Layout | None = None

    def push(self, frame: Frame) -> list[Item]:
        """Take one frame; return what became certain by it, in order.

        Raises
        ------
        FrameError
            With reason ``"layout-change"`` or ``"jump"``; the state is unchanged.
        """
        self._recall()
        items: list[Item] = []
        if frame.session != self._session:
            if frame.session in self._former:
                self._counts.former_session += 1
                return items
            items = self.flush()
            self._begin(frame)
        self._check(frame)
        if self._ended:
            self._count(*self._compare(Stretch(frame.first_sample, frame.samples)), 0)
            return items
        self._hold(Stretch(frame.first_sample, frame.samples))
        self._newest = max(self._newest, frame.first_sample)
        if frame.last:
            items += self.flush()
            self._end(max(frame.end_sample, self._next or 0), items)
        else:
            self._advance(self._newest - self._bound, items)
        return items

    def go_on(
        self,
        session: str,
        first: int,
        fs: float,
        leads: tuple[Lead, ...],
        raw: bytes,
        last: bool,
    ) -> Layout | None:
        """Take a frame that follows on what was passed on, with nothing held back or ended.

        Its values are named as :class:`~ingest.frame_columns.FrameColumns` does.

        Returns
        -------
        Layout or None
            What its samples are; they are passed on as they are. None where there is
            more to it than that: nothing was taken then, :meth:`push` the frame.
        """
        if (
            first != self._next
            or self._held
            or self._begins
            or self._ended
            or last
            or session != self._session
            or fs != self._fs
            or (leads is not self._leads and leads != self._leads)
        ):
            return None
        width = 2 * len(leads)
        end = first + len(raw) // width
        if end == first:
            return None
        self._in_gap, self._next, self._newest = False, end, max(self._newest, first)
        recent, forgotten = (*self._recent, raw), end - self._bound
        begin, n_old = self._recent_from if self._recent else first, 0
        while n_old < len(recent) and (ends := begin + len(recent[n_old]) // width) <= forgotten:
            begin, n_old = ends, n_old + 1
        self._recent, self._recent_from = recent[n_old:], begin
        if self._passed and self._passed[-1].end <= forgotten:
            self._passed = ()
        if self._layout is None:
            self._layout = Layout(self._session or "", self._fs, self._leads, self._origin_unix_ns)
        return self._layout

    def _recall(self) -> None:
        """Remember what :meth:`go_on` passed on as what :meth:`push` did."""
        if not self._recent:
            return
        first, passed = self._recent_from, list(self._passed)
        for raw in self._recent:
            samples = np.frombuffer(raw, "<i2").reshape(len(self._leads), -1)
            passed.append(Stretch(first, samples))
            first = passed[-1].end
        self._passed = tuple(passed)
        self._recent = ()
        self._forget_passed()

    def _forget_passed(self) -> None:
        """Drop what nothing that may still come can repeat."""
        if self._next is not None:
            forgotten = self._next - self._bound
            self._passed = tuple(dropwhile(lambda old: old.end <= forgotten, self._passed))

    def flush(self) -> list[Item]:
        """Stop waiting: pass on all that is held back, with its gaps."""
        self._recall()
        items: list[Item] = []
        if self._held:
            self._advance(self._held[-1].first, items)
        return items

    def retire(self) -> list[Item]:
        """End the session where it stands, if it has begun and not ended."""
        items = self.flush()
        if self._next is not None and not self._ended:
            self._end(self._next, items)
        return items

    def _begin(self, frame: Frame) -> None:
        """Start a session with its first frame."""
        self._restart = self._session is not None
        if self._session is not None:
            self._former = (*self._former, self._session)[-MAX_FORMER:]
            self._counts.restarts += 1
        self._session, self._fs, self._leads = frame.session, frame.fs, frame.leads
        self._origin_unix_ns = frame.start_unix_ns - sample_to_ns(frame.first_sample, frame.fs)
        self._bound = int(self._bound_s * frame.fs)
        self._next, self._newest, self._layout = None, frame.first_sample, None
        self._ended, self._begins, self._in_gap = False, True, False
        self._passed = ()

    def _check(self, frame: Frame) -> None:
        """Refuse another layout or an unbelievable jump within a session."""
        if frame.fs != self._fs or frame.leads != self._leads:
            raise FrameError(
                "layout-change",
                f"{frame.fs:g} Hz, leads {[lead.name for lead in frame.leads]}, where the session "
                f"has {self._fs:g} Hz, {[lead.name for lead in self._leads]} "
                "(names, units, gains and baselines): a new layout needs a new session",
            )
        reached = self._newest if self._next is None else self._next
        jump_s = (frame.first_sample - reached) / self._fs
        if jump_s > self._max_jump_s:
            raise FrameError(
                "jump", f"{jump_s:.0f} s ahead of the stream: at most {self._max_jump_s:g} s"
            )

    def _hold(self, new: Stretch) -> None:
        """Keep what of a frame was not heard before."""
        behind = self._compare(new)
        first = new.first if self._next is None else max(new.first, self._next)
        pieces = []
        for held in self._held:
            if first < min(held.first, new.end):
                pieces.append(new.cut(first, min(held.first, new.end)))
            first = max(first, held.end)
        if first < new.end:
            pieces.append(new.cut(first, new.end))
        if pieces:
            self._held = tuple(sorted((*self._held, *pieces), key=attrgetter("first")))
        self._count(*behind, sum(piece.samples.shape[1] for piece in pieces))

    def _compare(self, new: Stretch) -> tuple[int, int, bool, bool]:
        """Lay a frame beside what is remembered.

        Returns
        -------
        n_samples, n_heard : int
            Samples of the frame, and how many of them are remembered.
        differs : bool
            Some of them differ.
        in_gap : bool
            Some samples fall where a gap was declared.
        """
        n_heard, n_passed, differs = 0, 0, False
        next_sample = new.first if self._next is None else self._next
        for old in (*self._passed, *self._held) if new.first < next_sample or self._held else ():
            first, end = max(old.first, new.first), min(old.end, new.end)
            if first < end:
                n_heard += end - first
                n_passed += end - first if end <= next_sample else 0
                same = np.array_equal(old.cut(first, end).samples, new.cut(first, end).samples)
                differs = differs or not same
        n_behind = min(new.end, next_sample) - max(new.first, next_sample - self._bound)
        return new.samples.shape[1], n_heard, differs, n_behind > n_passed

    def _count(self, n_samples: int, n_heard: int, differs: bool, in_gap: bool, n_new: int) -> None:
        """Count one frame by what became of it."""
        self._counts.contradictory += differs
        if n_new == n_samples and n_samples > 0:
            return
        self._counts.late += in_gap
        if n_new > 0:
            self._counts.overlapping += n_heard > 0
        elif not in_gap and n_samples > 0:
            self._counts.repeated += 1

    def _advance(self, certain: int, items: list[Item]) -> None:
        """Pass on what follows on, and as gaps what is missing before ``certain``."""
        if self._next is None:
            # A session counts from 0, so nothing can precede sample 0; a stream that is
            # joined later starts with the first sample that nothing can precede any more.
            if not self._held or 0 < self._held[0].first > certain:
                return
            self._next = self._held[0].first
        while True:
            while self._held and self._held[0].first == self._next:
                first, *rest = self._held
                self._held = tuple(rest)
                self._pass_on(first, items)
            missing_to = min(certain, self._held[0].first) if self._held else self._next
            if missing_to <= self._next:
                return
            self._skip(missing_to, items)

    def _pass_on(self, stretch: Stretch, items: list[Item]) -> None:
        """Give out a chunk and remember it for a while."""
        items.append(
            Chunk(
                self._stream_id,
                self._session or "",
                stretch.first,
                stretch.samples,
                self._fs,
                self._leads,
                self._origin_unix_ns,
                self._begins,
                self._begins and self._restart,
            )
        )
        self._begins = self._in_gap = False
        self._next = stretch.end
        self._passed = (*self._passed, stretch)
        self._forget_passed()

    def _skip(self, end: int, items: list[Item]) -> None:
        """Give out a gap up to ``end``."""
        first = end if self._next is None else self._next
        items.append(Gap(self._stream_id, self._session or "", first, end - first))
        self._counts.gaps += not self._in_gap
        self._in_gap = True
        self._next = end

    def _end(self, end: int, items: list[Item]) -> None:
        """Give out the end of the session, with what is missing before it."""
        if self._next is not None and self._next < end:
            self._skip(end, items)
        items.append(End(self._stream_id, self._session or "", end))
        self._next = end
        self._ended = True

    def snapshot(self) -> bytes:
        """Return the whole state as JSON."""
        self._recall()
        state = {name: getattr(self, f"_{name}") for name in _PLAIN}
        state |= {
            "version": SNAPSHOT_VERSION,
            "former": list(self._former),
            "leads": [[x.name, x.unit, x.adc_gain, x.baseline] for x in self._leads],
            "held": [pack(stretch) for stretch in self._held],
            "passed": [pack(stretch) for stretch in self._passed],
        }
        return json.dumps(state).encode()

    def restore(self, snapshot: bytes) -> None:
        """Take on the state of a snapshot.

        Raises
        ------
        InputError
            If it is not a snapshot of this version.
        """
        try:
            state = json.loads(snapshot)
            if state["version"] != SNAPSHOT_VERSION:
                raise InputError(f"version {state['version']}: only {SNAPSHOT_VERSION} is read")
            leads = tuple(Lead(*lead) for lead in state["leads"])
            held = tuple(unpack(packed, len(leads)) for packed in state["held"])
            passed = tuple(unpack(packed, len(leads)) for packed in state["passed"])
            plain = {name: state[name] for name in _PLAIN}
            former = tuple(state["former"])
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"not a snapshot of a stream's order: {error}") from error
        for name, value in plain.items():
            setattr(self, f"_{name}", value)
        self._leads, self._held = leads, held
        self._passed = passed
        self._former = former[-MAX_FORMER:]
        self._recent = ()
        self._layout = None
        self._bound = int(self._bound_s * self._fs)


_PLAIN = (
    "session",
    "fs",
    "origin_unix_ns",
    "next",
    "newest",
    "ended",
    "begins",
    "restart",
    "in_gap",
)
"""What a snapshot keeps as it is."""
