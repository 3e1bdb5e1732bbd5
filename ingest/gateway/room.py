"""Room in the store: what bounds it, and what goes where a bound is reached."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from ingest.errors import InputError
from ingest.gateway.database import PAGE_BYTES, Sync, used_bytes

DROP_AT_ONCE = 256
"""Frames that are dropped in one step where room ends."""


@dataclass(frozen=True, slots=True)
class StorePolicy:
    """What bounds the store, and what a commit waits for."""

    max_bytes: int = 8 << 30
    """Most bytes of the file that hold something; its log has some 8 MB beside it."""
    max_age_s: float = 24 * 3600.0
    """Greatest age of a frame, s since it arrived."""
    sync: Sync = Sync.FULL
    """What a commit waits for."""
    max_streams: int = 10_000
    """Most streams and sessions whose marks are kept; one not heard for ``max_age_s`` goes."""
    max_notes: int = 100_000
    """Most messages beside frames; the oldest are dropped first."""

    def __post_init__(self) -> None:
        if self.max_bytes < 32 * PAGE_BYTES or self.max_age_s <= 0 or self.max_streams < 1:
            raise InputError(
                f"a store needs max_bytes of {32 * PAGE_BYTES} or more, an age and streams"
            )


@dataclass(slots=True)
class StoreCounts:
    """What the store holds and has dropped."""

    frames: int = 0
    """Frames that wait."""
    notes: int = 0
    """Messages beside frames that wait."""
    dropped_frames: int = 0
    """Frames dropped unsent since the store was made."""
    dropped_notes: int = 0
    """Messages beside frames that were dropped unsent since the store was made."""


def drop_oldest(
    db: sqlite3.Connection, policy: StorePolicy, now_ms: int, counts: StoreCounts
) -> None:
    """Drop the oldest frames until both bounds hold, and the oldest notes of too many; count them.

    Parameters
    ----------
    db : sqlite3.Connection
        Within a transaction.
    policy : StorePolicy
        What bounds the store.
    now_ms : int
        Time, ms since 1970.
    counts : StoreCounts
        What is held and dropped; changed.
    """
    too_old_ms = now_ms - round(policy.max_age_s * 1000)
    while True:
        full = used_bytes(db) > policy.max_bytes
        dropped = db.execute(
            "DELETE FROM outbox WHERE id IN "
            "(SELECT id FROM outbox ORDER BY id LIMIT ?) AND (? OR received_ms < ?)",
            (DROP_AT_ONCE, full, too_old_ms),
        ).rowcount
        counts.frames -= dropped
        counts.dropped_frames += dropped
        if dropped < DROP_AT_ONCE:
            break
    if counts.notes > policy.max_notes:
        dropped = db.execute(
            "DELETE FROM notes WHERE id IN (SELECT id FROM notes ORDER BY id LIMIT ?)",
            (counts.notes - policy.max_notes,),
        ).rowcount
        counts.notes -= dropped
        counts.dropped_notes += dropped
