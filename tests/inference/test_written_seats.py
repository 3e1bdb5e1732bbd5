"""Many streams written together are what each is alone, and are read as they were."""

from __future__ import annotations

import numpy as np

from inference.slots import Snapshot
from inference.stream_state import Fingerprint, StreamState, decode_state, encode_state
from inference.streams import StreamInfo, StreamsSnapshot
from inference.written_seats import written_seats
from ingest.frames import Lead

OF = Fingerprint(("digest",), "limits", "options")


def info(number: int) -> StreamInfo:
    lead = Lead("II", "mV", 200.0 + number % 2)
    return StreamInfo(f"bed-{number}", "s", 250.0, 10**18 + number, lead, 0, spare=(Lead("V1"),))


def remembered(n: int, seated: list[bool]) -> Snapshot:
    """Arrays of many types and shapes, among them one without values and one part in places."""
    rng = np.random.default_rng(5)
    return {
        "beats.signal": rng.normal(size=(n, 2, 3)).astype(np.float32),
        "beats.last_ms": rng.integers(-(10**12), 10**12, n),
        "episodes.open": rng.random((n, 5)) < 0.5,
        "episodes.limit_set": np.empty((n, 0)),
        "pulses.seated": np.array(seated),
        "pulses.n": rng.integers(-9, 9, (n, 2), np.int16),
        "carry.samples": rng.integers(-9, 9, (n, 4), np.int16)[:, :3],
    }


def written(whole: StreamsSnapshot) -> list[bytes]:
    """States of all streams of a snapshot, written together."""
    seats = zip(whole.streams, written_seats(whole), strict=True)
    return [
        encode_state(StreamState(who.stream_id, 7, 8, b"{}", None, (b"a",)), OF, seat)
        for who, seat in seats
    ]


def test_streams_written_together_are_what_each_is_alone() -> None:
    infos = tuple(info(i) for i in range(5))
    state = remembered(5, [False, True, False, True, True])
    together = written(StreamsSnapshot(infos, OF.models, state))

    alone = [
        encode_state(
            StreamState(
                who.stream_id,
                7,
                8,
                b"{}",
                StreamsSnapshot((who,), OF.models, {k: v[i : i + 1] for k, v in state.items()}),
                (b"a",),
            ),
            OF,
        )
        for i, who in enumerate(infos)
    ]
    assert together == alone


def test_what_was_written_is_read_as_it_was_without_the_parts_that_have_no_place() -> None:
    infos = tuple(info(i) for i in range(3))
    state = remembered(3, [False, True, False])
    messages = written(StreamsSnapshot(infos, OF.models, state))

    for i, message in enumerate(messages):
        seat = decode_state(message, OF).seat
        assert seat is not None
        assert seat.streams == (infos[i],)
        there = {name for name in state if i == 1 or not name.startswith("pulses.")}
        assert seat.state.keys() == there
        for name in there:
            assert seat.state[name].dtype == state[name].dtype
            np.testing.assert_array_equal(seat.state[name], state[name][i : i + 1])


def test_nobody_is_written_as_nothing() -> None:
    assert written_seats(StreamsSnapshot((), OF.models, {})) == []
