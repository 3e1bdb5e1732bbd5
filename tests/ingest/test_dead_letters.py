from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.dead_letters import decode_dead_letter, encode_dead_letter
from ingest.errors import InputError
from ingest.source import DeadLetter


@given(st.binary(max_size=50), st.integers(-1, 2**40))
def test_any_bytes_come_back_as_they_were(payload: bytes, offset: int) -> None:
    letter = DeadLetter(payload, "fs", "fs of 0 Hz", "ecg.frames", 3, offset)

    assert decode_dead_letter(encode_dead_letter(letter)) == letter


@pytest.mark.parametrize("message", [b"", b"[]", b"{}", b'{"payload": 1}', b"\xff"])
def test_what_is_not_one_is_refused(message: bytes) -> None:
    with pytest.raises(InputError):
        decode_dead_letter(message)
