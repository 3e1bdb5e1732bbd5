"""Batches: full, or their time is up, and without what went meanwhile."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from inference.gathering import Budget, Gathering
from ingest.frames import Frame, Lead
from ingest.source import Batch, DeadLetter


def frame(name: str) -> Frame:
    return Frame(name, "a", 0, 0, 250.0, (Lead("II"),), np.zeros((1, 50), np.int16))


class Scripted:
    """A source on a clock of its own: batches that come at given times, s."""

    def __init__(self, script: list[tuple[float, Batch]]) -> None:
        self.now_s, self.script = 0.0, script
        self.before: Callable[[], None] = lambda: None

    def poll(self, timeout_s: float) -> Batch:
        self.before()
        if not self.script or self.script[0][0] > self.now_s + timeout_s:
            self.now_s += timeout_s
            return Batch()
        at_s, batch = self.script.pop(0)
        self.now_s = max(self.now_s, at_s)
        return batch

    def commit(self) -> None: ...

    def close(self) -> None: ...


def gathering(source: Scripted, **budget: float) -> Gathering:
    return Gathering(source, Budget(**budget), lambda: source.now_s)  # type: ignore[arg-type]


def batch(*names: str, partition: int = 0, **more: object) -> Batch:
    made = Batch([frame(name) for name in names], partitions=[partition] * len(names))
    return dataclasses.replace(made, **more)  # type: ignore[arg-type]


def names(found: Batch) -> list[str]:
    return [frame.stream_id for frame in found.frames]


def test_without_a_deadline_each_poll_is_a_batch() -> None:
    source = Scripted([(1.0, batch("a")), (1.0, batch("b"))])
    gathered = gathering(source)
    found, heard_s = gathered.poll(5.0)
    assert (names(found), heard_s) == (["a"], 1.0)
    assert names(gathered.poll(5.0)[0]) == ["b"]


def test_a_batch_is_scored_when_its_time_is_up_counted_from_its_first_frame() -> None:
    source = Scripted([(1.0, batch("a")), (1.03, batch("b")), (1.2, batch("late"))])
    found, heard_s = gathering(source, deadline_s=0.05).poll(5.0)
    assert (names(found), heard_s) == (["a", "b"], 1.0)
    assert source.now_s == pytest.approx(1.05)
    assert list(found.partitions) == [0, 0]


def test_a_full_batch_waits_for_nothing() -> None:
    source = Scripted([(1.0, batch("a")), (1.01, batch("b", "c")), (1.02, batch("d"))])
    found, _ = gathering(source, deadline_s=1.0, full_frames=3).poll(5.0)
    assert names(found) == ["a", "b", "c"]
    assert source.now_s == 1.01


def test_the_end_waits_for_nothing() -> None:
    source = Scripted([(1.0, batch("a")), (1.01, batch("b", end=True))])
    found, _ = gathering(source, deadline_s=1.0).poll(5.0)
    assert names(found) == ["a", "b"]
    assert found.end
    assert source.now_s == 1.01


def test_silence_is_told_after_the_time_out_alone() -> None:
    source = Scripted([])
    assert not gathering(source, deadline_s=1.0).poll(0.2)[0].frames
    assert source.now_s == pytest.approx(0.2)


def test_what_was_gathered_of_partitions_that_went_is_dropped() -> None:
    letter = DeadLetter(b"x", "version", "", "t", partition=1)
    source = Scripted(
        [
            (1.0, batch("a", partition=1, dead=[letter])),
            (1.01, batch("b", partition=2)),
            (1.02, batch("c", partition=2)),
        ]
    )
    gathered = gathering(source, deadline_s=0.1)
    polls = iter([None, None, [1]])

    def rebalanced() -> None:
        gone = next(polls, None)
        if gone:
            gathered.forget(gone)

    source.before = rebalanced
    found, _ = gathered.poll(5.0)

    assert names(found) == ["b", "c"]
    assert list(found.partitions) == [2, 2]
    assert not found.dead


def test_a_batch_is_not_given_twice() -> None:
    source = Scripted([(1.0, batch("a")), (2.0, batch("b"))])
    gathered = gathering(source, deadline_s=0.05)
    assert [names(gathered.poll(5.0)[0]) for _ in range(2)] == [["a"], ["b"]]
