"""A pseudonym tells nothing, stays for a stream's life, and survives a change of keys."""

import hashlib
import hmac
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import InputError
from ingest.pseudonyms import KeyRing, Pseudonyms, key_id_of, read_keys, rotated
from ingest.secret_files import MOST_SECRET_BYTES, read_secret

OLD, NEW = bytes(range(32)), bytes(range(32, 64))


@given(st.text(min_size=1, max_size=50, alphabet=st.characters(exclude_categories=["Cs"])))
def test_a_pseudonym_is_the_hmac_of_the_name(name: str) -> None:
    told = KeyRing({"k1": OLD}).pseudonym(name)
    assert told == "k1-" + hmac.new(OLD, name.encode(), hashlib.sha256).hexdigest()[:32]
    assert key_id_of(told) == "k1"


def test_another_key_gives_another_pseudonym() -> None:
    ring = KeyRing({"k2": NEW, "k1": OLD})
    new, old = ring.all_of("bed 7")
    assert new.partition("-")[2] != old.partition("-")[2]
    assert ring.is_of(old, "bed 7")
    assert ring.is_of(new, "bed 7")
    assert not ring.is_of(old, "bed 8")
    assert not KeyRing({"k2": NEW}).is_of(old, "bed 7")


def test_a_stream_keeps_its_pseudonym_over_rotation_and_restart() -> None:
    streams = Pseudonyms(KeyRing({"k1": OLD}))
    first = streams.of("bed 7")
    both = KeyRing({"k2": NEW, "k1": OLD})
    streams.rotate(both)
    assert streams.of("bed 7") == first
    assert key_id_of(streams.of("bed 8")) == "k2"
    restarted = Pseudonyms(both, running=streams.running)
    assert restarted.of("bed 7") == first
    restarted.end("bed 7")
    assert key_id_of(restarted.of("bed 7")) == "k2"


def test_a_key_that_streams_run_under_cannot_go() -> None:
    streams = Pseudonyms(KeyRing({"k1": OLD}))
    streams.of("bed 7")
    with pytest.raises(InputError, match="streams run under k1"):
        streams.rotate(KeyRing({"k2": NEW}))
    streams.end("bed 7")
    streams.rotate(KeyRing({"k2": NEW}))


def test_a_rotated_file_has_the_new_key_first(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    assert [rotated(path), rotated(path), rotated(path, keep=2)] == ["k1", "k2", "k3"]
    assert list(read_keys(path).keys) == ["k3", "k2"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(set(read_keys(path).keys.values())) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("# none\n", "need a key"),
        ("k1 zz\n", "line 1: must be ID HEX"),
        ("k1 secret word\n", "line 1: must be ID HEX"),
        (f"k1 {OLD.hex()}\nk1 {NEW.hex()}\n", "stands there twice"),
        (f"K1 {OLD.hex()}\n", "1 to 16 of a-z and 0-9"),
        ("k1 00ff\n", "32 bytes or more"),
        ("\udcff", "not text"),
    ],
)
def test_a_file_that_is_none_is_refused_without_telling_it(
    tmp_path: Path, text: str, told: str
) -> None:
    path = tmp_path / "keys"
    path.write_text(text, errors="surrogateescape")
    path.chmod(0o600)
    with pytest.raises(InputError, match=told) as refused:
        read_keys(path)
    assert "secret" not in str(refused.value)
    assert OLD.hex() not in str(refused.value)


def test_no_key_and_no_name_is_ever_shown() -> None:
    ring = KeyRing({"k1": OLD})
    assert re.fullmatch(r"KeyRing\(k1\)", repr(ring))
    with pytest.raises(InputError) as refused:
        ring.pseudonym("Mary Smith" * 200)
    assert "Mary" not in str(refused.value)
    with pytest.raises(InputError) as refused:
        key_id_of("Mary Smith")
    assert "Mary" not in str(refused.value)


def test_secrets_that_everybody_may_write_are_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "secret"
    path.write_text(" word\n")
    path.chmod(0o644)
    assert read_secret(path, "a password") == b"word"
    assert "can be read by everybody" in caplog.text
    path.chmod(0o606)
    with pytest.raises(InputError, match="written by everybody"):
        read_secret(path, "a password")
    path.chmod(0o600)
    path.write_bytes(b"x" * (MOST_SECRET_BYTES + 1))
    with pytest.raises(InputError, match="more than"):
        read_secret(path, "a password")
    with pytest.raises(InputError, match="cannot be read"):
        read_secret(tmp_path / "none", "a password")
