"""Bytes made of other bytes, a little wrong: fast, seeded, the same on every machine."""

from __future__ import annotations

import random
from collections.abc import Sequence

LONGEST = 1 << 16
"""Longest input that is made of others, bytes; tokens may be longer."""

NUMBERS = tuple(
    value.to_bytes(width, order, signed=True)  # type: ignore[arg-type]
    for width in (1, 2, 4, 8)
    for value in (0, 1, -1, (1 << (8 * width - 1)) - 1, -(1 << (8 * width - 1)))
    for order in ("little", "big")
)
"""Numbers at the ends of their ranges."""

DIGITS = (b"0", b"-1", b"1e999", b"NaN", b"9" * 30, b"-0.0", b"1e-400", b"2147483648", b"00")
"""Numbers as text that readers stumble over."""


class Mutator:
    """Makes inputs of seeds.

    Parameters
    ----------
    seed : int
        The same seed, seeds and tokens give the same inputs.
    tokens : sequence of bytes
        Words of the format that are put in.
    """

    def __init__(self, seed: int, tokens: Sequence[bytes] = ()) -> None:
        self._random = random.Random(seed)
        self._tokens = (*tokens, *NUMBERS, *DIGITS)
        self._ways = (
            self._flip, self._flip, self._byte, self._token, self._token, self._overwrite,
            self._cut, self._double, self._end, self._splice,
        )  # fmt: skip

    def make(self, pool: Sequence[bytes]) -> bytes:
        """Return one input made of those of a pool."""
        rng = self._random
        content = bytearray(pool[int(rng.random() * len(pool))])
        n = 1
        while n < 8 and rng.random() < 0.4:
            n += 1
        for _ in range(n):
            way = self._ways[int(rng.random() * len(self._ways))]
            way(content, pool)
        if len(content) > LONGEST and n > 1:
            del content[LONGEST:]
        return bytes(content)

    def _at(self, content: bytearray) -> int:
        return int(self._random.random() * (len(content) + 1))

    def _flip(self, content: bytearray, _: Sequence[bytes]) -> None:
        if content:
            content[int(self._random.random() * len(content))] ^= 1 << int(
                self._random.random() * 8
            )

    def _byte(self, content: bytearray, _: Sequence[bytes]) -> None:
        if content:
            content[int(self._random.random() * len(content))] = int(self._random.random() * 256)

    def _token(self, content: bytearray, _: Sequence[bytes]) -> None:
        at = self._at(content)
        content[at:at] = self._tokens[int(self._random.random() * len(self._tokens))]

    def _overwrite(self, content: bytearray, _: Sequence[bytes]) -> None:
        token = self._tokens[int(self._random.random() * len(self._tokens))]
        at = self._at(content)
        content[at : at + len(token)] = token

    def _cut(self, content: bytearray, _: Sequence[bytes]) -> None:
        at = self._at(content)
        del content[at : at + 1 + int(self._random.random() ** 3 * 64)]

    def _double(self, content: bytearray, _: Sequence[bytes]) -> None:
        at = self._at(content)
        part = bytes(content[at : at + 1 + int(self._random.random() ** 3 * 256)])
        to = self._at(content)
        content[to:to] = part * (1 + int(self._random.random() ** 6 * 100))

    def _end(self, content: bytearray, _: Sequence[bytes]) -> None:
        del content[self._at(content) :]

    def _splice(self, content: bytearray, pool: Sequence[bytes]) -> None:
        other = pool[int(self._random.random() * len(pool))]
        content[self._at(content) :] = other[int(self._random.random() * (len(other) + 1)) :]
