from __future__ import annotations

import dataclasses
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.codec import decode
from ingest.errors import InputError
from ingest.frames import Frame, FrameError, Lead
from ingest.sequence import Sequencer
from ingest.sequence_types import Chunk, End, Gap, Item
from tests.ingest.synthetic import FS, START_UNIX_NS, cut, flat, frame, ramp

few = settings(max_examples=40, deadline=None)
BOUND_S = 1.0
BOUND = int(BOUND_S * FS)
END = 1500


def sequenced(frames: list[Frame], sequencer: Sequencer | None = None) -> list[Item]:
    sequencer = sequencer or Sequencer(BOUND_S)
    items, dead = sequencer.push_all(frames)
    assert not dead
    return items


def clean(
    first: int = 0, end: int = END, holes: tuple[range, ...] = ()
) -> list[tuple[object, ...]]:
    """What must come out of session a: every sample once, None in the holes, and the end."""
    adu = ramp(0, end)[0]
    heard = [
        ("a", i, None if any(i in hole for hole in holes) else int(adu[i]))
        for i in range(first, end)
    ]
    return [*heard, ("a", end, "end")]


bounds = st.lists(st.integers(1, END - 1), max_size=30, unique=True).map(
    lambda inner: [0, *sorted(inner), END]
)


@few
@given(bounds)
def test_any_chunking_gives_the_same(chunks: list[int]) -> None:
    assert flat(sequenced(cut(chunks))) == clean()


@few
@given(bounds, st.data())
def test_repeats_overlaps_and_reordering_within_the_bound_are_mended(
    chunks: list[int], data: st.DataObject
) -> None:
    body = [dataclasses.replace(f, last=False) for f in cut(chunks)]
    body += data.draw(st.lists(st.sampled_from(body), max_size=5))
    for _ in range(data.draw(st.integers(0, 5))):
        start = data.draw(st.integers(0, END - 1))
        body.append(frame(start, data.draw(st.integers(start + 1, END))))
    # Sorting by a start that is moved by less than the bound reorders only within it.
    moved = [(f.first_sample + data.draw(st.integers(0, BOUND)), i) for i, f in enumerate(body)]
    shuffled = [body[i] for _, i in sorted(moved)]

    assert flat(sequenced([*shuffled, frame(END, END, last=True)])) == clean()


@few
@given(bounds, st.data())
def test_lost_frames_become_gaps(chunks: list[int], data: st.DataObject) -> None:
    frames = cut(chunks)
    lost = data.draw(st.sets(st.sampled_from(frames[1:-1]))) if len(frames) > 2 else set()
    holes = tuple(range(f.first_sample, f.end_sample) for f in lost)

    assert flat(sequenced([f for f in frames if f not in lost])) == clean(holes=holes)


@few
@given(bounds, bounds, st.integers(0, 4))
def test_a_restart_is_told_and_late_frames_of_the_former_session_are_dropped(
    before: list[int], after: list[int], n_late: int
) -> None:
    sequencer = Sequencer(BOUND_S)
    former = [dataclasses.replace(f, last=False) for f in cut(before)]
    later = cut(after, session="b")
    mixed = [*former, later[0], *former[:n_late], *later[1:]]

    items = sequenced(mixed, sequencer)

    assert [row[1:] for row in flat(items) if row[0] == "a"] == [r[1:] for r in clean()[:-1]]
    assert [row[1:] for row in flat(items) if row[0] == "b"] == [r[1:] for r in clean()]
    firsts = [item for item in items if isinstance(item, Chunk) and item.begins]
    assert [(c.session, c.restart) for c in firsts] == [("a", False), ("b", True)]
    assert sequencer.counts.former_session == len(former[:n_late])
    assert sequencer.counts.restarts == 1


@few
@given(bounds, st.integers(0, 30), st.integers(0, 2**32))
def test_snapshot_and_restore_equal_an_uninterrupted_run(
    chunks: list[int], n_before: int, seed: int
) -> None:
    frames = cut(chunks)
    kept = [f for f in frames[:-1] if random.Random(seed).random() < 0.9 or f.first_sample == 0]
    random.Random(seed).shuffle(kept)
    frames = [*kept, frames[-1]]
    whole, first, second = Sequencer(BOUND_S), Sequencer(BOUND_S), Sequencer(BOUND_S)

    expected = sequenced(frames, whole)
    items = sequenced(frames[:n_before], first)
    if first.stream_ids:
        second.restore("bed-1", first.snapshot("bed-1"))
    items += sequenced(frames[n_before:], second)

    assert flat(items) == flat(expected)
    for name in ("repeated", "overlapping", "contradictory", "late", "gaps"):
        both = getattr(first.counts, name) + getattr(second.counts, name)
        assert both == getattr(whole.counts, name)


@few
@given(bounds, st.integers(0, 2**32))
def test_streams_do_not_disturb_each_other(chunks: list[int], seed: int) -> None:
    mixed = [*cut(chunks), *cut([0, 700, END], stream_id="bed-2")]
    order = list(range(len(mixed)))
    random.Random(seed).shuffle(order)
    ranks = {
        stream: sorted(i for i in order if mixed[i].stream_id == stream)
        for stream in ("bed-1", "bed-2")
    }
    interleaved = [mixed[ranks[mixed[i].stream_id].pop(0)] for i in order]

    items = sequenced(interleaved)

    assert flat(i for i in items if i.stream_id == "bed-1") == clean()
    assert flat(i for i in items if i.stream_id == "bed-2") == clean()


def test_a_frame_is_waited_for_exactly_as_long_as_the_bound() -> None:
    sequencer = Sequencer(BOUND_S)
    sequenced([frame(0, 50), frame(100, 150)], sequencer)

    assert sequenced([frame(50 + BOUND, 60 + BOUND)], sequencer) == []
    waited = sequenced([frame(50, 60)], sequencer)
    assert [type(item) for item in waited] == [Chunk]
    (gap, *_) = sequenced([frame(60 + BOUND + 5, 400)], sequencer)
    assert gap == Gap("bed-1", "a", 60, 5)


def test_an_in_order_stream_is_passed_on_at_once() -> None:
    sequencer = Sequencer(bound_s=60.0)

    assert len(sequenced([frame(0, 10)], sequencer)) == 1
    assert len(sequenced([frame(10, 20)], sequencer)) == 1


def test_a_stream_joined_later_starts_where_nothing_can_precede() -> None:
    sequencer = Sequencer(BOUND_S)

    assert sequenced([frame(1050, 1100)], sequencer) == []
    assert sequenced([frame(1000, 1050)], sequencer) == []
    items = sequenced([frame(1100, 1400), frame(1400, END, last=True)], sequencer)
    assert flat(items) == clean(first=1000)


def test_without_a_bound_nothing_is_held() -> None:
    items = sequenced([frame(30, 40), frame(50, 60)], Sequencer(bound_s=0.0))

    assert [(type(i).__name__, i.end_sample) for i in items] == [
        ("Chunk", 40),
        ("Gap", 50),
        ("Chunk", 60),
    ]


def test_what_was_heard_first_wins_and_the_contradiction_is_counted() -> None:
    sequencer = Sequencer(BOUND_S)
    other = dataclasses.replace(frame(20, 60), samples=np.full((2, 40), 9, np.int16))

    items = sequenced([frame(0, 50), other], sequencer)

    assert [(i.first_sample, i.end_sample) for i in items] == [(0, 50), (50, 60)]
    assert (sequencer.counts.overlapping, sequencer.counts.contradictory) == (1, 1)


def test_an_equal_overlap_is_no_contradiction() -> None:
    sequencer = Sequencer(BOUND_S)

    sequenced([frame(0, 50), frame(20, 60), frame(0, 50)], sequencer)

    assert (sequencer.counts.overlapping, sequencer.counts.contradictory) == (1, 0)
    assert sequencer.counts.repeated == 1


def test_a_frame_held_back_is_not_held_twice() -> None:
    sequencer = Sequencer(BOUND_S)

    items = sequenced([frame(0, 10), frame(20, 30), frame(20, 30), frame(10, 20)], sequencer)

    assert [(i.first_sample, i.end_sample) for i in items] == [(0, 10), (10, 20), (20, 30)]
    assert sequencer.counts.repeated == 1


def test_samples_that_come_after_their_gap_are_late() -> None:
    sequencer = Sequencer(BOUND_S)
    sequenced([frame(0, 50), frame(50 + 2 * BOUND, 60 + 2 * BOUND)], sequencer)

    assert sequenced([frame(50 + BOUND - 20, 50 + BOUND - 10)], sequencer) == []
    assert (sequencer.counts.late, sequencer.counts.gaps) == (1, 1)


def test_a_growing_gap_is_counted_once() -> None:
    sequencer = Sequencer(BOUND_S)
    sequenced([frame(0, 50), *(frame(1000 + i, 1001 + i) for i in range(0, 100, 2))], sequencer)

    assert sequencer.counts.gaps == 1


def test_the_end_comes_after_what_is_missing() -> None:
    items = sequenced([frame(0, 50), frame(80, 80, last=True)])

    assert items[1:] == [Gap("bed-1", "a", 50, 30), End("bed-1", "a", 80)]


def test_after_the_end_a_session_says_no_more_and_another_begins() -> None:
    sequencer = Sequencer(BOUND_S)
    sequenced([frame(0, 50, last=True)], sequencer)

    assert sequenced([frame(0, 50, last=True), frame(50, 60)], sequencer) == []
    (chunk,) = sequenced([frame(0, 10, session="b")], sequencer)
    assert isinstance(chunk, Chunk)
    assert (chunk.begins, chunk.restart) == (True, True)


@pytest.mark.parametrize(
    "change",
    [
        {"fs": 500.0},
        {"leads": (Lead("II"), Lead("V2"))},
        {"leads": (Lead("II", adc_gain=100.0), Lead("V1", adc_gain=1000.0, baseline=-5))},
    ],
)
def test_another_layout_within_a_session_is_dead_lettered_and_the_stream_goes_on(
    change: dict[str, object],
) -> None:
    sequencer = Sequencer(BOUND_S)
    changed = dataclasses.replace(frame(50, 100), **change)  # type: ignore[arg-type]

    items, dead = sequencer.push_all([frame(0, 50), changed, frame(50, 100)])

    assert [i.end_sample for i in items] == [50, 100]
    assert [letter.reason for letter in dead] == ["layout-change"]
    assert decode(dead[0].payload)[0].first_sample == 50


def test_a_new_session_may_have_another_layout() -> None:
    items = sequenced([frame(0, 50), frame(0, 50, session="b", fs=500.0, leads=[Lead("I")])])

    assert [i.fs for i in items if isinstance(i, Chunk)] == [250.0, 500.0]


def test_an_unbelievable_jump_is_refused_and_the_stream_goes_on() -> None:
    sequencer = Sequencer(BOUND_S, max_jump_s=60.0)

    items, dead = sequencer.push_all([frame(0, 50), frame(10**9, 10**9 + 50), frame(50, 100)])

    assert [i.end_sample for i in items] == [50, 100]
    assert [letter.reason for letter in dead] == ["jump"]


def test_a_frame_that_cannot_be_encoded_is_dead_lettered_too() -> None:
    broken = dataclasses.replace(frame(0, 5), samples=np.zeros((2, 5)))

    _, dead = Sequencer().push_all([broken])

    assert dead[0].reason == "samples"


def test_times_do_not_depend_on_chunking() -> None:
    chunks = [i for i in sequenced(cut([0, 333, 700, END])) if isinstance(i, Chunk)]

    assert {c.origin_unix_ns for c in chunks} == {START_UNIX_NS}
    assert [c.start_unix_ns - START_UNIX_NS for c in chunks] == [0, 1_332_000_000, 2_800_000_000]


def test_memory_of_a_stream_is_bounded() -> None:
    sequencer = Sequencer(BOUND_S)
    for first in range(50, 100_000, 100):  # every second frame is lost
        sequenced([frame(first, first + 50)], sequencer)

    assert len(sequencer.snapshot("bed-1")) < 20_000


def test_frames_are_not_changed() -> None:
    frames = [frame(0, 50), frame(20, 90), frame(10, 60)]
    before = [f.samples.copy() for f in frames]

    sequenced(frames)

    assert all(np.array_equal(f.samples, b) for f, b in zip(frames, before, strict=True))


def test_flush_gives_out_what_is_held_and_forget_forgets() -> None:
    sequencer = Sequencer(BOUND_S)
    sequenced([frame(0, 50), frame(60, 70)], sequencer)

    assert [i.end_sample for i in sequencer.flush("bed-1")] == [60, 70]
    assert sequencer.flush("never heard") == []
    sequencer.forget("bed-1")
    assert sequencer.stream_ids == []


@pytest.mark.parametrize("snapshot", [b"", b"{}", b"[]", b'{"version": 9}', b"\xff"])
def test_what_is_not_a_snapshot_is_refused(snapshot: bytes) -> None:
    with pytest.raises(InputError):
        Sequencer().restore("bed-1", snapshot)


def test_a_bad_bound_is_refused() -> None:
    with pytest.raises(ValueError, match="bound_s"):
        Sequencer(bound_s=-1.0)


def test_push_raises_what_push_all_keeps() -> None:
    with pytest.raises(FrameError):
        Sequencer().push(frame(0, 0))
