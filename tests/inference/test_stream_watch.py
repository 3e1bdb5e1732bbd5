"""What clocks tell of streams: late, lost, jumped; and clocks that run backwards."""

from __future__ import annotations

import numpy as np
import pytest

from inference.limits import Limits
from inference.stream_watch import StreamWatch
from ingest.errors import InputError
from ingest.frame_columns import FrameColumns
from ingest.frames import Frame, Lead

START_NS = 1_700_000_000_000_000_000


def second(
    k: int, stream_id: str = "p", *, offset_s: float = 0.0, session: str = "a", last: bool = False
) -> FrameColumns:
    """The k-th second of a stream whose clock is off by so much."""
    start_ns = START_NS + k * 10**9 + round(offset_s * 1e9)
    samples, leads = np.zeros((1, 250), np.int16), (Lead("II"),)
    return FrameColumns.of(
        [Frame(stream_id, session, 250 * k, start_ns, 250.0, leads, samples, last)]
    )


def at(s: float) -> int:
    return round(START_NS / 1e6 + s * 1000)


def states(told: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(each["condition"], each["state"]) for each in told]


@pytest.mark.parametrize("offset_s", [0.0, -86_400.0, 3600.0])
def test_a_punctual_stream_is_never_late_or_lost_however_wrong_its_clock(offset_s):
    watch = StreamWatch()
    for k in range(100):
        assert watch.hear(second(k, offset_s=offset_s), at(k + 1.2)) == []
        assert watch.due(at(k + 1.9)) == []


def test_a_device_that_falls_silent_is_lost_once_and_found_again():
    watch = StreamWatch(Limits(lost_s=10.0))
    watch.hear(second(0), at(1))

    assert watch.due(at(10.9)) == []
    (lost,) = watch.due(at(11))
    assert (lost["condition"], lost["state"]) == ("device_lost", "raised")
    assert watch.due(at(500)) == []
    (found, *_) = watch.hear(second(499), at(500))
    assert (found["id"], found["state"]) == (lost["id"], "ended")


def test_a_stream_is_late_by_the_limit_over_its_least_delay_and_recovers():
    watch = StreamWatch(Limits(late_s=5.0))
    watch.hear(second(0), at(1.5))

    assert watch.hear(second(1), at(7.4)) == []
    assert states(watch.hear(second(2), at(8.5))) == [("late_stream", "raised")]
    assert states(watch.hear(second(7), at(9))) == [("late_stream", "ended")]


def test_a_jump_of_the_clock_is_told_once_and_makes_nothing_late():
    watch = StreamWatch(Limits(clock_jump_s=2.0))
    watch.hear(second(0), at(1))

    assert watch.hear(second(1, offset_s=1.9), at(2)) == []
    assert states(watch.hear(second(2, offset_s=-600), at(3))) == [("clock_jump", "raised")]
    assert watch.hear(second(3, offset_s=-600), at(4)) == []
    assert states(watch.hear(second(4, offset_s=600), at(5))) == [
        ("clock_jump", "ended"),
        ("clock_jump", "raised"),
    ]
    told = []
    for k in range(5, 70):
        told += watch.hear(second(k, offset_s=600), at(k + 1)) + watch.due(at(k + 1))
    assert states(told) == [("clock_jump", "ended")]


def test_an_end_a_new_session_and_another_listener_clear_what_was_told():
    watch = StreamWatch()
    for name in ("p", "q", "r"):
        watch.hear(second(0, name), at(1))
    assert len(watch.due(at(20))) == 3

    assert states(watch.hear(second(30, "p", last=True), at(31)))[0] == ("device_lost", "ended")
    assert states(watch.hear(second(0, "q", session="b"), at(32))) == [("device_lost", "ended")]
    assert states(watch.forget(["r", "nobody"])) == [("device_lost", "ended")]
    assert {each["stream_id"] for each in watch.due(at(100))} == {"q"}


def test_a_clock_that_runs_backwards_is_refused_and_nothing_is_changed():
    watch = StreamWatch()
    watch.hear(second(0), at(5))

    with pytest.raises(InputError, match="ran back by 1000 ms"):
        watch.hear(second(1), at(4))
    with pytest.raises(InputError, match="ran back"):
        watch.due(at(4.9))
    assert watch.hear(second(1), at(6)) == []
