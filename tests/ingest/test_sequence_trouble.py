"""All troubles of time at once: what comes is the clean sequence, with what was lost as gaps."""

from __future__ import annotations

import dataclasses
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.frame_columns import FrameColumns
from ingest.frames import Frame
from ingest.sequence import Sequencer
from ingest.sequence_types import Chunk, Chunks, End, Gap, Item, Ordered, sample_to_ns
from tests.ingest.synthetic import FS, START_UNIX_NS, cut, flat, ramp

BOUND_S = 1.0
BOUND = int(BOUND_S * FS)
END = 1200
HOUR_NS = 3600 * 10**9
SESSIONS = ("a", "b", "c")

few = settings(max_examples=60, deadline=None)

seeds = st.integers(0, 2**32 - 1)


def plain(items: list[Ordered]) -> list[Item]:
    """Items with those that were put together taken apart."""
    found: list[Item] = []
    for item in items:
        if isinstance(item, Chunks):
            found += [item.chunk(i) for i in range(len(item.raw))]
        else:
            found.append(item)
    return found


def wanted(session: str, lost: set[int]) -> list[tuple[object, ...]]:
    """What must come out of a session: every sample once, None where it was lost, and the end."""
    adu = ramp(0, END)[0]
    heard = [(session, i, None if i in lost else int(adu[i])) for i in range(END)]
    return [*heard, (session, END, "end")]


class Trouble:
    """Frames of sessions, one after another, as a bad line and a bad clock hand them over."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.lost: dict[str, set[int]] = {}
        self.frames: list[Frame] = []
        self.n_contradictory = 0
        for session in SESSIONS[: draw.randint(1, len(SESSIONS))]:
            self.frames += self._session(session)

    def _session(self, session: str) -> list[Frame]:
        draw = self.draw
        inner = draw.sample(range(1, END), draw.randint(0, 25))
        *body, last = cut([0, *sorted(inner), END, END], session=session)
        lost = {i for i in range(1, len(body) - 1) if draw.random() < 0.15}
        self.lost[session] = {
            at for i in lost for at in range(body[i].first_sample, body[i].end_sample)
        }
        kept = [frame for i, frame in enumerate(body) if i not in lost]
        told = [self._clock_jumps(frame) for frame in kept]
        # Repeats come behind the frame that they repeat, within the bound; some are other data.
        placed = [(f.first_sample + draw.randint(0, BOUND), i, f) for i, f in enumerate(told)]
        placed[0] = (-1, 0, kept[0])  # the first frame tells the session's time
        for place, i, frame in list(placed):
            if draw.random() < 0.3:
                later = place + draw.randint(0, BOUND // 4)
                placed.append((later, len(placed) + i, self._again(frame)))
        return [frame for _, _, frame in sorted(placed, key=lambda p: p[:2])] + [last]

    def _clock_jumps(self, frame: Frame) -> Frame:
        """Let the device's clock be set: an hour for summer, or anything."""
        if self.draw.random() < 0.7:
            return frame
        jump_ns = self.draw.choice([HOUR_NS, -HOUR_NS, self.draw.randint(-(10**18), 10**18)])
        return dataclasses.replace(frame, start_unix_ns=frame.start_unix_ns + jump_ns)

    def _again(self, frame: Frame) -> Frame:
        if self.draw.random() < 0.5:
            return frame
        return dataclasses.replace(frame, samples=frame.samples ^ 1)


def take_in_portions(
    frames: list[Frame], draw: random.Random, *, crashes: bool
) -> tuple[list[Item], Sequencer]:
    """Push frames in portions; with crashes, go on with another sequencer between them."""
    sequencer, items, at = Sequencer(BOUND_S), [], 0
    while at < len(frames):
        n = draw.randint(1, 8)
        found, dead = sequencer.push_columns(FrameColumns.of(frames[at : at + n]))
        assert not dead
        items += plain(found)
        at += n
        if crashes and "bed-1" in sequencer:
            other = Sequencer(BOUND_S)
            other.restore("bed-1", sequencer.snapshot("bed-1"))
            sequencer = other
    return items, sequencer


@few
@given(seeds, st.booleans())
def test_what_comes_is_the_clean_sequence_with_explicit_gaps(seed: int, crashes: bool) -> None:
    draw = random.Random(seed)
    trouble = Trouble(draw)

    items, _ = take_in_portions(trouble.frames, draw, crashes=crashes)

    rows = flat(items)
    for session, lost in trouble.lost.items():
        assert [row for row in rows if row[0] == session] == wanted(session, lost)


@few
@given(seeds)
def test_time_is_that_of_the_sessions_first_frame_whatever_the_clock_does(seed: int) -> None:
    draw = random.Random(seed)
    items, _ = take_in_portions(Trouble(draw).frames, draw, crashes=False)

    for item in items:
        if isinstance(item, Chunk):
            assert item.origin_unix_ns == START_UNIX_NS
            assert item.start_unix_ns == START_UNIX_NS + sample_to_ns(item.first_sample, FS)


@few
@given(seeds)
def test_all_of_a_session_is_told_in_order_without_hole_or_overlap(seed: int) -> None:
    draw = random.Random(seed)
    items, _ = take_in_portions(Trouble(draw).frames, draw, crashes=True)

    at: int | None = None
    for item in items:
        if isinstance(item, Chunk) and item.begins:
            at = item.first_sample
        elif isinstance(item, End):
            assert item.end_sample == at
            continue
        assert isinstance(item, Chunk | Gap)
        assert item.first_sample == at
        at = item.end_sample


@few
@given(seeds)
def test_frame_by_frame_and_in_columns_are_the_same(seed: int) -> None:
    frames = Trouble(random.Random(seed)).frames
    one = Sequencer(BOUND_S)
    by_frame, _ = one.push_all(frames)

    in_columns, other = take_in_portions(frames, random.Random(seed), crashes=False)

    assert flat(in_columns) == flat(by_frame)
    assert other.counts == one.counts


@few
@given(seeds, st.integers(1, END - 1))
def test_a_stream_that_is_let_go_of_ends_where_it_stood_and_begins_anew(
    seed: int, until: int
) -> None:
    draw = random.Random(seed)
    frames = cut([0, *sorted({until, *draw.sample(range(1, END), 10)}), END])
    before = [dataclasses.replace(f, last=False) for f in frames if f.end_sample <= until]
    after = [f for f in frames if f.first_sample >= until]
    sequencer = Sequencer(BOUND_S)

    items, _ = sequencer.push_all(before)
    items += sequencer.retire("bed-1")

    ramp_adu = ramp(0, until)[0]
    assert flat(items) == [
        *(("a", i, int(ramp_adu[i])) for i in range(until)),
        ("a", until, "end"),
    ]
    assert "bed-1" not in sequencer
    again, _ = sequencer.push_all(after)
    assert [row[1] for row in flat(again)] == [*range(until, END), END]
    assert isinstance(again[0], Chunk)
    assert again[0].begins
