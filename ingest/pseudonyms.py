"""Stream ids that tell nothing of whose they are: keyed hashes, with keys that can be changed.

A pseudonym is ``KEYID-HEX``: the name of the key, and 128 bits of the HMAC-SHA256
under it of what a device or patient is called. Without the key a name can be
neither read from a pseudonym nor tried against it; an unkeyed hash of a bed or
case number could simply be guessed. The same name under the same key gives the
same pseudonym everywhere, so that gateways need not speak with each other.

Keys change by rotation: the ring's first key makes pseudonyms for streams that
begin, and a stream that has begun keeps the pseudonym it has, so that no
patient's stream is cut in two, until it ends. Old keys stay in the ring as long as
old pseudonyms must still be found for a name (:meth:`KeyRing.all_of`), and then go.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ingest.errors import InputError
from ingest.secret_files import read_secret

LEAST_KEY_BYTES = 32
"""Shortest key: as long as the hash."""
MOST_NAME_CHARS = 1024
"""Longest name that is hashed."""
N_HEX = 32
"""Hex digits of a pseudonym: 128 bits, so that two of a billion never meet by chance."""

_ID = re.compile(r"[a-z0-9]{1,16}")
_PSEUDONYM = re.compile(rf"(?P<key>[a-z0-9]{{1,16}})-[0-9a-f]{{{N_HEX}}}")


@dataclass(frozen=True, repr=False)
class KeyRing:
    """Keys by their ids; the first is used for what is new.

    Parameters
    ----------
    keys : mapping of str to bytes
        Keys of 32 bytes or more by ids of 1 to 16 of ``a-z0-9``, the newest first.

    Raises
    ------
    InputError
        If there is none, an id is malformed, or a key too short. Never tells a key.

    Examples
    --------
    >>> old, new = bytes(32), bytes([1]) * 32
    >>> before = KeyRing({"a": old}).pseudonym("ward 3 bed 7")
    >>> before
    'a-0daa396a341790639aef5f17f3ab1598'
    >>> ring = KeyRing({"b": new, "a": old})
    >>> ring.pseudonym("ward 3 bed 7")[:2], before in ring.all_of("ward 3 bed 7")
    ('b-', True)
    """

    keys: Mapping[str, bytes]
    """Keys by id, the newest first."""

    def __post_init__(self) -> None:
        if not self.keys:
            raise InputError("pseudonyms need a key")
        for key_id, key in self.keys.items():
            if not _ID.fullmatch(key_id):
                raise InputError(f"a key's id has 1 to 16 of a-z and 0-9, not {key_id!r}")
            if len(key) < LEAST_KEY_BYTES:
                raise InputError(f"key {key_id}: {LEAST_KEY_BYTES} bytes or more, not {len(key)}")

    def __repr__(self) -> str:
        """Return the ids; a key is never shown."""
        return f"KeyRing({', '.join(self.keys)})"

    @property
    def newest(self) -> str:
        """Id of the key that new pseudonyms are made with."""
        return next(iter(self.keys))

    def pseudonym(self, name: str, key_id: str | None = None) -> str:
        """Return the pseudonym of a name, under the newest key unless another is named.

        Raises
        ------
        InputError
            If the name is empty or too long, or there is no such key. Never tells the name.
        """
        if not 0 < len(name) <= MOST_NAME_CHARS:
            raise InputError(f"a name has 1 to {MOST_NAME_CHARS} characters, not {len(name)}")
        chosen = self.newest if key_id is None else key_id
        if chosen not in self.keys:
            raise InputError(f"there is no key {chosen!r}; there are {', '.join(self.keys)}")
        try:
            mac = hmac.new(self.keys[chosen], name.encode(), hashlib.sha256)
        except UnicodeEncodeError:
            raise InputError("a name must be text that UTF-8 can write") from None
        return f"{chosen}-{mac.hexdigest()[:N_HEX]}"

    def all_of(self, name: str) -> tuple[str, ...]:
        """Return all pseudonyms that a name has or had, the newest first."""
        return tuple(self.pseudonym(name, key_id) for key_id in self.keys)

    def is_of(self, pseudonym: str, name: str) -> bool:
        """Tell whether a pseudonym is a name's, under whichever key of the ring made it."""
        key_id = key_id_of(pseudonym)
        return key_id in self.keys and hmac.compare_digest(self.pseudonym(name, key_id), pseudonym)


class Pseudonyms:
    """Pseudonyms of the streams that are running: one begun under an old key keeps it to its end.

    Parameters
    ----------
    ring : KeyRing
        Keys in force.
    running : iterable of str
        Pseudonyms of streams that run already, such as those that a gateway's store knows: what
        makes a stream outlive both a rotation and a restart.

    Examples
    --------
    >>> old, new = KeyRing({"a": bytes(32)}), KeyRing({"b": bytes([1]) * 32, "a": bytes(32)})
    >>> streams = Pseudonyms(old)
    >>> first = streams.of("bed 7")
    >>> streams.rotate(new)
    >>> streams.of("bed 7") == first
    True
    >>> streams.end("bed 7")
    >>> streams.of("bed 7")[:2]
    'b-'
    """

    def __init__(self, ring: KeyRing, running: Iterable[str] = ()) -> None:
        self._ring = ring
        self._running = set(running)

    @property
    def running(self) -> frozenset[str]:
        """Pseudonyms of the streams that run."""
        return frozenset(self._running)

    def of(self, name: str) -> str:
        """Return the pseudonym of a name's stream, which runs from now on.

        Raises
        ------
        InputError
            If the name cannot be used.
        """
        known = self._ring.all_of(name)
        found = next((each for each in known if each in self._running), known[0])
        self._running.add(found)
        return found

    def end(self, name: str) -> None:
        """Note that a name's stream has ended: the next one begins under the newest key."""
        self._running.difference_update(self._ring.all_of(name))

    def rotate(self, ring: KeyRing) -> None:
        """Take other keys from now on.

        Raises
        ------
        InputError
            If streams run whose key is no longer among them: they would be cut in two.
        """
        needed = {key_id_of(each) for each in self._running} - set(ring.keys)
        if needed:
            raise InputError(
                f"streams run under {', '.join(sorted(needed))}: keep these keys until they end"
            )
        self._ring = ring


def key_id_of(pseudonym: str) -> str:
    """Return the id of the key that made a pseudonym.

    Raises
    ------
    InputError
        If it is no pseudonym; it may then be somebody's name, so it is not told.

    Examples
    --------
    >>> key_id_of("a-0daa396a341790639aef5f17f3ab1598")
    'a'
    """
    match = _PSEUDONYM.fullmatch(pseudonym)
    if match is None:
        raise InputError("this is no pseudonym: KEYID-HEX with 32 hex digits")
    return match["key"]


def read_keys(path: Path) -> KeyRing:
    """Read keys from a file: ``ID HEX`` a line, the newest first; ``#`` begins a comment.

    Raises
    ------
    InputError
        If it cannot be read, is writable by everybody, or is malformed.
        Never tells a line of it.
    """
    keys: dict[str, bytes] = {}
    try:
        text = read_secret(path, "keys").decode()
    except UnicodeDecodeError:
        raise InputError(f"keys {path} are not text") from None
    for n, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            key_id, digits = words
            key = bytes.fromhex(digits)
        except ValueError:
            raise InputError(f"keys {path}, line {n}: must be ID HEX") from None
        if key_id in keys:
            raise InputError(f"keys {path}, line {n}: the id {key_id!r} stands there twice")
        keys[key_id] = key
    try:
        return KeyRing(keys)
    except InputError as error:
        raise InputError(f"keys {path}: {error}") from error


def rotated(path: Path, *, keep: int = 8) -> str:
    """Put a fresh random key in front of a file's keys, which is made if it is not there.

    Parameters
    ----------
    path : Path
        File of keys, as :func:`read_keys` reads it; replaced as a whole.
    keep : int
        Most keys that stay, the new one with them.

    Returns
    -------
    str
        Id of the new key: one more than the highest number among the ids ``k1``, ``k2`` ...

    Raises
    ------
    InputError
        If the file that is there cannot be used, or none can be written.
    """
    before = dict(read_keys(path).keys) if path.exists() else {}
    numbers = [int(key_id[1:]) for key_id in before if re.fullmatch(r"k[0-9]+", key_id)]
    new = f"k{max(numbers, default=0) + 1}"
    keys = [(new, secrets.token_bytes(LEAST_KEY_BYTES)), *before.items()][:keep]
    text = "# ID HEX, the newest first. Whoever has these can undo pseudonyms.\n"
    text += "".join(f"{key_id} {key.hex()}\n" for key_id, key in keys)
    fresh = path.with_name(path.name + ".new")
    try:
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600, exist_ok=False)
        fresh.write_text(text)
        fresh.replace(path)
    except OSError as error:
        raise InputError(f"keys {path} cannot be written: {error.strerror}") from error
    return new
