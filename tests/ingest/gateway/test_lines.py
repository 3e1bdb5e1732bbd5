from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.frames import FrameError, Lead
from ingest.gateway.lines import MAX_LINE_BYTES, Hello, read_hello, read_line, seq_of

HELLO = Hello("bed-7", "a", 250.0, (Lead("II"), Lead("V1")))
SAMPLES = np.array([[1, -2, 3], [-32768, 32767, 0]], np.int16)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "samples",
    [
        {"adu": SAMPLES.tolist()},
        {"hex": SAMPLES.astype("<i2").tobytes().hex()},
        {"b64": "AQD+/wMAAID/fwAA"},
    ],
)
def test_samples_are_the_same_however_they_are_written(samples: dict[str, object]) -> None:
    told = {"seq": 4, "first": 500, "t": 17, "last": True, **samples}
    line = read_line(json.dumps(told).encode(), HELLO)

    assert np.array_equal(line.frame.samples, SAMPLES)
    assert (line.seq, line.frame.first_sample, line.frame.start_unix_ns) == (4, 500, 17)
    assert line.frame.last


def test_a_device_without_a_clock_is_given_the_time_of_arrival() -> None:
    told = {"seq": 1, "first": 0, "adu": [[0] * 250, [0] * 250]}
    line = read_line(json.dumps(told).encode(), HELLO, lambda: 5_000_000_000)
    assert line.frame.start_unix_ns == 4_000_000_000


def test_an_end_needs_no_samples() -> None:
    frame = read_line(b'{"seq": 9, "first": 750, "last": true}', HELLO).frame
    assert frame.last
    assert frame.n_samples == 0


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({}, "line"),
        ({"seq": 1, "first": 0}, "line"),
        ({"seq": 1, "first": 0, "adu": [[1], [2]], "hex": "00"}, "line"),
        ({"seq": 1, "first": 0, "adu": [[1], [2, 3]]}, "samples"),
        ({"seq": 1, "first": 0, "adu": [[1]]}, "samples"),
        ({"seq": 1, "first": 0, "adu": [[1], [40000]]}, "samples"),
        ({"seq": 1, "first": 0, "adu": [[1], [True]]}, "samples"),
        ({"seq": 1, "first": 0, "adu": [[1], [1.0]]}, "samples"),
        ({"seq": 1, "first": 0, "adu": [[], []]}, "empty"),
        ({"seq": 1, "first": 0, "adu": []}, "line"),
        ({"seq": 1, "first": 0, "hex": "0"}, "line"),
        ({"seq": 1, "first": 0, "hex": "000000"}, "samples"),
        ({"seq": 1, "first": 0, "b64": "%%%%"}, "line"),
        ({"seq": 1, "first": -1, "adu": [[1], [2]]}, "first-sample"),
        ({"seq": 1, "first": 0.5, "adu": [[1], [2]]}, "line"),
        ({"seq": "1", "first": 0, "adu": [[1], [2]]}, "line"),
        ({"seq": 1, "first": 0, "adu": [[1], [2]], "t": 1 << 70}, "start-time"),
        ({"seq": 1, "first": 0, "adu": [[1], [2]], "last": 1}, "line"),
    ],
)
def test_bad_frames_are_refused_by_reason(told: object, reason: str) -> None:
    with pytest.raises(FrameError) as error:
        read_line(json.dumps(told).encode(), HELLO)
    assert error.value.reason == reason


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"stream": "b"}, "version"),
        ({"vigil": 2}, "version"),
        ({"vigil": 1, "stream": "b", "fs": 250}, "leads"),
        ({"vigil": 1, "stream": "b", "fs": 250, "leads": []}, "leads"),
        ({"vigil": 1, "stream": "b", "fs": 250, "leads": ["II"]}, "lead"),
        ({"vigil": 1, "stream": "", "fs": 250, "leads": [{"name": "II"}]}, "stream-id"),
        ({"vigil": 1, "stream": "\ud800", "fs": 250, "leads": [{"name": "II"}]}, "line"),
        ({"vigil": 1, "stream": "b", "fs": 1, "leads": [{"name": "II"}]}, "fs"),
        ({"vigil": 1, "stream": "b", "fs": "250", "leads": [{"name": "II"}]}, "line"),
        ({"vigil": 1, "stream": "b", "fs": 10**400, "leads": [{"name": "II"}]}, "line"),
        ({"vigil": 1, "stream": "b", "fs": 250, "leads": [{"name": "x", "adc_gain": 0}]}, "gain"),
    ],
)
def test_bad_hellos_are_refused_by_reason(told: object, reason: str) -> None:
    with pytest.raises(FrameError) as error:
        read_hello(json.dumps(told).encode())
    assert error.value.reason == reason


def test_long_and_deep_lines_are_refused() -> None:
    for line in (b"[" * 100_000, b'{"a":' * 50_000, b" " * (MAX_LINE_BYTES + 1), b"1" * 9000):
        with pytest.raises(FrameError):
            read_line(line, HELLO)


def test_a_token_is_never_shown() -> None:
    line = b'{"vigil":1,"stream":"b","fs":250,"leads":[{"name":"II"}],"token":"s3cret"}'
    hello = read_hello(line)
    assert hello.token == "s3cret"
    assert "s3cret" not in repr(hello)


@given(st.binary(max_size=200) | JSON.map(lambda told: json.dumps(told).encode()))
def test_nothing_but_a_frame_error_comes_of_any_line(line: bytes) -> None:
    for read in (lambda: read_line(line, HELLO), lambda: read_hello(line)):
        try:
            read()
        except FrameError:
            continue
    seq_of(line)


@given(st.fixed_dictionaries({"seq": JSON, "first": JSON, "adu": JSON, "last": JSON, "t": JSON}))
def test_nothing_but_a_frame_error_comes_of_any_value(told: dict[str, object]) -> None:
    try:
        read_line(json.dumps(told).encode(), HELLO)
    except FrameError:
        return
