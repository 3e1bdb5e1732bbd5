"""What browsers must not miss, numbered, kept for those that were cut off."""

from __future__ import annotations

import json
import secrets
from collections import deque
from typing import Any

MOST_KEPT = 20_000
"""Items kept: hours of a ward; who was away longer gets everything afresh."""


class Journal:
    """A numbered list with a bounded memory.

    Parameters
    ----------
    most : int
        Items kept.

    Examples
    --------
    >>> journal = Journal(most=2)
    >>> for name in "abc":
    ...     _ = journal.add({"t": name})
    >>> journal.since(1), journal.since(0) is None, journal.last
    (['{"t":"b","seq":2}', '{"t":"c","seq":3}'], True, 3)
    """

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._items: deque[str] = deque(maxlen=most)
        self.epoch = secrets.token_hex(8)
        self.last = 0

    def add(self, item: dict[str, Any]) -> int:
        """Add an item; return its number."""
        self.last += 1
        text = json.dumps(item | {"seq": self.last}, separators=(",", ":"), ensure_ascii=False)
        self._items.append(text)
        return self.last

    def since(self, seq: int) -> list[str] | None:
        """Items behind number ``seq``, as JSON; None where some of them are forgotten."""
        missing = self.last - seq
        if missing < 0 or missing > len(self._items):
            return None
        return [self._items[i] for i in range(len(self._items) - missing, len(self._items))]
