"""Store and forward: frames on disk until they are sent, oldest dropped first where room ends.

One SQLite file in write-ahead mode. :meth:`Store.append` returns when its frames
are durable by the policy (:class:`~ingest.gateway.database.Sync`); until then no
device is told so. Frames are numbered in the order of their arrival, which for
each stream is the order in which they are sent.

What bounds it is declared: bytes of the file that hold something, and the age of
the oldest frame. Where one is reached the oldest frames go first, whichever
stream they are of; each is counted, for ever, and its stream has a gap there
that the readers' sequencers make explicit.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from ingest.frames import FrameError
from ingest.gateway.arrival import Note, Packed, Row
from ingest.gateway.database import StoreError, open_database, used_bytes
from ingest.gateway.marks import Mark
from ingest.gateway.room import StoreCounts, StorePolicy, drop_oldest


class Store:
    """Frames and notes on disk, until they are sent.

    Parameters
    ----------
    path : Path
        The file, made where it is not there.
    policy : StorePolicy
        What bounds it.
    wall_ms : callable
        Time, ms since 1970.

    Raises
    ------
    InputError
        If the file cannot be used.
    """

    def __init__(
        self,
        path: Path,
        policy: StorePolicy = StorePolicy(),
        wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.path, self.policy, self._wall_ms = path, policy, wall_ms
        self._db, self.set_aside = open_database(path, policy.sync)
        self.lock = threading.RLock()
        """Held where what is stored and what is handed on must agree."""
        self.counts = StoreCounts()
        self.marks: dict[tuple[str, str], Mark] = {}
        self._by_number: dict[int, Mark] = {}
        self._gone: list[Mark] = []  # by the transaction that is open
        self._load()

    @property
    def used_bytes(self) -> int:
        """Bytes of the file that hold something."""
        with self.lock, self._reading():
            return used_bytes(self._db)

    @property
    def oldest_ms(self) -> int | None:
        """When the oldest frame that waits arrived, ms since 1970; None where none waits."""
        with self.lock, self._reading():
            found = self._db.execute(
                "SELECT received_ms FROM outbox ORDER BY id LIMIT 1"
            ).fetchone()
        return None if found is None else int(found[0])

    def mark_of(self, number: int) -> Mark:
        """Return the mark of a stream by its number."""
        return self._by_number[number]

    def append(self, frames: Sequence[Packed], notes: Sequence[Note] = ()) -> list[Row]:
        """Store frames and notes; return the frames' rows when they are durable.

        Raises
        ------
        FrameError
            With reason ``"too-many-streams"``; nothing was stored.
        StoreError
            If the disk is full or fails; nothing was stored.
        """
        now_ms = self._wall_ms()
        with self.lock:
            with self._transaction():
                drop_oldest(self._db, self.policy, now_ms, self.counts)
                self._gone = []
                marks = self._marks_of(frames, now_ms)
                rows = [self._insert(frame, marks, now_ms) for frame in frames]
                self._db.executemany(
                    "UPDATE streams SET end_sample = ?, heard_ms = ?, recent = ? WHERE number = ?",
                    [
                        (mark.end_sample, now_ms, json.dumps(mark.recent), mark.number)
                        for mark in marks.values()
                    ],
                )
                self._db.executemany(
                    "INSERT INTO notes (topic, key, received_ms, value) VALUES (?, ?, ?, ?)",
                    [(note.topic, note.key, now_ms, note.value) for note in notes],
                )
                self.counts.frames += len(frames)
                self.counts.notes += len(notes)
            for mark in self._gone:
                del self.marks[mark.stream_id, mark.session], self._by_number[mark.number]
            for key, mark in marks.items():
                self.marks[key] = self._by_number[mark.number] = mark
        return rows

    def read(self, after: int, n_frames: int, n_bytes: int) -> tuple[list[Row], int]:
        """Return frames in order, from behind a place on.

        Parameters
        ----------
        after : int
            Id behind which to begin.
        n_frames, n_bytes : int
            Most frames, and most bytes of them; one frame is given in any case.

        Returns
        -------
        rows : list of Row
            The frames.
        end : int
            Id up to which there are no others: the next place to read behind.
        """
        with self.lock, self._reading():
            rows: list[Row] = []
            n = 0
            cursor = self._db.execute(
                "SELECT id, stream, first_sample, end_sample, received_ms, payload FROM outbox "
                "WHERE id > ? ORDER BY id LIMIT ?",
                (after, n_frames),
            )
            for fields in cursor:
                row = Row(*fields)
                if rows and n + len(row.payload) > n_bytes:
                    break
                rows.append(row)
                n += len(row.payload)
            cursor.close()
        return rows, rows[-1].id if rows else after

    def is_end(self, place: int) -> bool:
        """Tell whether nothing is stored behind a place."""
        with self.lock, self._reading():
            found = self._db.execute("SELECT 1 FROM outbox WHERE id > ? LIMIT 1", (place,))
            return not found.fetchall()

    def notes(self, n_notes: int) -> list[tuple[int, Note]]:
        """Return the oldest notes, with their ids."""
        with self.lock, self._reading():
            found = self._db.execute(
                "SELECT id, topic, key, value FROM notes ORDER BY id LIMIT ?", (n_notes,)
            ).fetchall()
        return [(number, Note(*fields)) for number, *fields in found]

    def sent(self, rows: Sequence[Row], notes: Sequence[int] = ()) -> None:
        """Delete what has become durable elsewhere.

        Raises
        ------
        StoreError
            If the disk fails; it is all still there.
        """
        with self.lock, self._transaction():
            for first, last in runs(row.id for row in rows):
                self.counts.frames -= self._db.execute(
                    "DELETE FROM outbox WHERE id BETWEEN ? AND ?", (first, last)
                ).rowcount
            for first, last in runs(notes):
                self.counts.notes -= self._db.execute(
                    "DELETE FROM notes WHERE id BETWEEN ? AND ?", (first, last)
                ).rowcount
            numbers = {row.stream for row in rows} & self._by_number.keys()
            marks = [self._by_number[number] for number in numbers]
            self._db.executemany(
                "UPDATE streams SET sent_sample = ?, epoch = ? WHERE number = ?",
                [(mark.sent_sample, mark.epoch, mark.number) for mark in marks],
            )

    def close(self) -> None:
        """Put the log into the file, and close it."""
        with self.lock:
            self._db.close()

    def _load(self) -> None:
        """Take up what an earlier process left."""
        for *plain, recent, sent, epoch in self._db.execute(
            "SELECT number, stream_id, session, fs, end_sample, heard_ms, recent, sent_sample, "
            "epoch FROM streams"
        ):
            number, stream_id, session, fs, end, heard_ms = plain
            places = [(int(first), int(last)) for first, last in json.loads(recent)]
            mark = Mark(number, stream_id, session, fs, end, heard_ms, places, sent, epoch)
            self.marks[mark.stream_id, mark.session] = self._by_number[mark.number] = mark
        self.counts = StoreCounts(**dict(self._db.execute("SELECT name, n FROM totals")))

    def _marks_of(self, frames: Sequence[Packed], now_ms: int) -> dict[tuple[str, str], Mark]:
        """Return marks as they will be with these frames: copies, until it is committed."""
        made: dict[tuple[str, str], Mark] = {}
        for frame in frames:
            key = frame.stream_id, frame.session
            if key not in made:
                old = self.marks.get(key)
                made[key] = (
                    self._new_mark(frame, len(made), now_ms)
                    if old is None
                    else replace(old, recent=list(old.recent))
                )
            made[key].note(frame, now_ms)
        return made

    def _new_mark(self, frame: Packed, n_made: int, now_ms: int) -> Mark:
        """Make the mark of a stream and session that was not heard before."""
        if len(self.marks) + n_made - len(self._gone) >= self.policy.max_streams:
            self._forget_marks(now_ms)
        if len(self.marks) + n_made - len(self._gone) >= self.policy.max_streams:
            raise FrameError(
                "too-many-streams", f"this gateway keeps {self.policy.max_streams} sessions"
            )
        number = self._db.execute(
            "INSERT INTO streams (stream_id, session, fs, end_sample, heard_ms, recent) "
            "VALUES (?, ?, ?, 0, ?, '[]')",
            (frame.stream_id, frame.session, frame.fs, now_ms),
        ).lastrowid
        return Mark(number or 0, frame.stream_id, frame.session, frame.fs)

    def _forget_marks(self, now_ms: int) -> None:
        """Drop the marks of sessions that nothing is stored of any more, and nobody speaks of."""
        too_old_ms = now_ms - round(self.policy.max_age_s * 1000)
        self._gone = [mark for mark in self.marks.values() if mark.heard_ms < too_old_ms]
        self._db.executemany(
            "DELETE FROM streams WHERE number = ?", [(mark.number,) for mark in self._gone]
        )

    def _insert(self, frame: Packed, marks: dict[tuple[str, str], Mark], now_ms: int) -> Row:
        """Write one frame; return its row."""
        stream = marks[frame.stream_id, frame.session].number
        number = self._db.execute(
            "INSERT INTO outbox (stream, first_sample, end_sample, received_ms, payload) "
            "VALUES (?, ?, ?, ?, ?)",
            (stream, frame.first_sample, frame.end_sample, now_ms, frame.payload),
        ).lastrowid
        return Row(number or 0, stream, frame.first_sample, frame.end_sample, now_ms, frame.payload)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Commit what is done within, or none of it."""
        before = replace(self.counts)
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.executemany(
                "UPDATE totals SET n = ? WHERE name = ?",
                [(n, name) for name, n in asdict(self.counts).items()],
            )
            self._db.execute("COMMIT")
        except BaseException as error:
            self.counts = before
            self._roll_back()
            if isinstance(error, sqlite3.Error):
                raise StoreError(f"the store {self.path}: {error}") from error
            raise

    def _roll_back(self) -> None:
        """End a transaction that failed; SQLite may have ended it by itself."""
        try:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
        except sqlite3.Error:
            return

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Give SQLite's errors the store's type."""
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"the store {self.path}: {error}") from error


def runs(ids: Iterable[int]) -> list[tuple[int, int]]:
    """Return ids as runs without holes, first and last of each.

    Examples
    --------
    >>> runs([1, 2, 3, 7, 8, 5])
    [(1, 3), (5, 5), (7, 8)]
    """
    found: list[tuple[int, int]] = []
    for one in sorted(ids):
        if found and one == found[-1][1] + 1:
            found[-1] = found[-1][0], one
        else:
            found.append((one, one))
    return found
