"""JSON that is none, or too much of it, is refused; what is refused is not told."""

import pytest

from inference.annunciation.wire import MOST_COMMAND_BYTES, read_command
from ingest.dead_letters import decode_dead_letter
from ingest.errors import InputError
from ingest.json_text import read_json


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"[NaN]", "NaN is no number"),
        (b"[-Infinity]", "is no number"),
        (b"[1e400]", "beyond any that is meant"),
        (b"1" * 5000, "a number too long"),
        (b"\xff\xfe\x00", "must be JSON"),
        (b'{"name": "Mary Smith"', "must be JSON"),
        (b" " * (1 << 21), "bytes: 1048576 fit"),
    ],
)
def test_refused(text: bytes, told: str) -> None:
    with pytest.raises(InputError, match=told) as refused:
        read_json(text, "an example")
    assert "Mary" not in str(refused.value)


def test_as_json_reads_it() -> None:
    assert read_json('{"a": [1, -2.5e3, "ü", null, true]}', "x") == {
        "a": [1, -2500.0, "ü", None, True]
    }


@pytest.mark.parametrize(
    "message",
    [
        b'{"schema": "vigil.command/1", "stream_id": "p", "who": "w", "command": {"a": 1}}',
        b'{"schema": "vigil.command/1", "stream_id": "p", "who": "w", "command": ["resume"]}',
        b'{"schema": "vigil.command/1", "stream_id": "p", "who": ' + b"[" * 10_000,
        b'{"schema":"vigil.command/1","stream_id":"p","who":"w","command":"audio_pause","length_s":NaN}',
        b'{"schema": "vigil.command/1", "stream_id": "' + b"p" * 200 + b'", "command": "resume"}',
        b" " * (MOST_COMMAND_BYTES + 1),
    ],
)
def test_commands_that_used_to_stop_a_worker_are_refused(message: bytes) -> None:
    with pytest.raises(InputError):
        read_command(message)


def test_a_dead_letter_nested_without_end_is_refused() -> None:
    with pytest.raises(InputError, match="nested too deeply"):
        decode_dead_letter(b'{"a":' * 100_000)
