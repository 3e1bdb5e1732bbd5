from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from ingest.errors import InputError
from ingest.frames import FrameError
from ingest.gateway.arrival import Note
from ingest.gateway.database import PAGE_BYTES, StoreError, Sync, open_database
from ingest.gateway.marks import Standing
from ingest.gateway.room import StorePolicy
from ingest.gateway.store import Store
from tests.ingest.gateway.frames import Clock, packed

SMALL = 64 * PAGE_BYTES


def open_store(folder: Path, **policy: object) -> Store:
    return Store(folder / "outbox.db", StorePolicy(**policy))  # type: ignore[arg-type]


def test_frames_come_back_in_the_order_they_came(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.append([packed(0), packed(0, "p2")])
    store.append([packed(1)])

    rows, end = store.read(0, 10, 1 << 20)

    assert [row.payload for row in rows] == [
        f.payload for f in (packed(0), packed(0, "p2"), packed(1))
    ]
    assert store.is_end(end)
    assert not store.is_end(end - 1)


def test_what_was_stored_outlives_the_process(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.append([packed(i) for i in range(5)], [Note("t", "k", b"v")])
    rows, _ = store.read(0, 2, 1 << 20)
    store.sent(rows)
    store.close()

    again = open_store(tmp_path)

    assert [row.end_sample for row in again.read(0, 9, 1 << 20)[0]] == [300, 400, 500]
    assert again.counts.frames == 3
    assert again.notes(9)[0][1] == Note("t", "k", b"v")
    assert again.marks["p1", "a"].end_sample == 500
    assert again.marks["p1", "a"].judge(packed(4)) is Standing.REPEATED
    assert again.marks["p1", "a"].judge(packed(5)) is Standing.NEW


def test_reading_is_bounded_in_bytes_but_always_gives_one(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.append([packed(i) for i in range(5)])
    one = len(packed(0).payload)

    assert len(store.read(0, 9, 1)[0]) == 1
    assert len(store.read(0, 9, 3 * one + 40)[0]) == 3


def test_where_bytes_end_the_oldest_frames_go_first_and_are_counted(tmp_path: Path) -> None:
    store = open_store(tmp_path, max_bytes=SMALL)
    n = 0
    while store.counts.dropped_frames == 0:
        store.append([packed(n + i) for i in range(50)])
        n += 50
    for _ in range(10):
        store.append([packed(n + i) for i in range(50)])
        n += 50

    kept = [row.end_sample // 100 - 1 for row in store.read(0, 10**6, 1 << 30)[0]]

    assert kept == list(range(store.counts.dropped_frames, n))  # a suffix, and nothing between
    assert store.counts.frames == len(kept)
    assert store.used_bytes <= SMALL + 50 * PAGE_BYTES
    dropped = store.counts.dropped_frames
    store.close()
    assert open_store(tmp_path, max_bytes=SMALL).counts.dropped_frames == dropped


def test_frames_that_are_too_old_go(tmp_path: Path) -> None:
    clock = Clock()
    store = Store(tmp_path / "o.db", StorePolicy(max_age_s=60), clock.ms)
    store.append([packed(i) for i in range(300)])
    clock.now_s += 50
    store.append([packed(300)])
    clock.now_s += 11

    store.append([packed(301)])

    assert [row.end_sample // 100 - 1 for row in store.read(0, 999, 1 << 20)[0]] == [300, 301]
    assert store.counts.dropped_frames == 300


def test_too_many_notes_push_out_notes_only(tmp_path: Path) -> None:
    store = open_store(tmp_path, max_notes=3)
    store.append([packed(0)], [Note("t", str(i), b"") for i in range(5)])
    store.append([], [Note("t", "5", b"")])
    store.append([], [])

    assert [note.key for _, note in store.notes(9)] == ["3", "4", "5"]
    assert store.counts.dropped_notes == 3
    assert store.counts.frames == 1


def test_sessions_are_bounded_and_old_ones_make_room(tmp_path: Path) -> None:
    clock = Clock()
    store = Store(tmp_path / "o.db", StorePolicy(max_streams=2, max_age_s=60), clock.ms)
    store.append([packed(0), packed(0, "p2")])
    with pytest.raises(FrameError, match="2 sessions"):
        store.append([packed(1), packed(0, "p3")])
    assert store.counts.frames == 2  # nothing of it was stored
    clock.now_s += 61

    store.append([packed(0, "p3")])

    assert set(store.marks) == {("p3", "a")}
    store.close()
    assert set(Store(tmp_path / "o.db").marks) == {("p3", "a")}


def test_a_full_disk_is_told_and_leaves_what_was_stored(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.append([packed(0)])
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages}")  # SQLite's own "disk is full"

    with pytest.raises(StoreError, match="full"):
        store.append([packed(i) for i in range(1, 200)])

    assert store.counts.frames == 1
    assert store.marks["p1", "a"].end_sample == 100
    store._db.execute("PRAGMA max_page_count = 1000000")
    store.append([packed(1)])
    assert len(store.read(0, 9, 1 << 20)[0]) == 2


def test_a_second_gateway_on_one_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "o.db"
    store = Store(path)
    with pytest.raises(InputError, match="locked"):
        open_database(path, Sync.FULL, wait_s=0.1)
    store.close()


@pytest.mark.parametrize("junk", [b"no database at all" * 99, b"SQLite format 3\0" + bytes(99)])
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(tmp_path: Path, junk: bytes) -> None:
    path = tmp_path / "o.db"
    path.write_bytes(junk)

    store = Store(path)
    store.append([packed(0)])

    assert store.set_aside is not None
    assert store.set_aside.read_bytes() == junk


def test_nobody_else_may_read_what_is_stored(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.append([packed(0)])
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    store.close()


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be made"):
        Store(tmp_path / "not there" / "o.db")


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "o.db") as other:
        other.execute("PRAGMA user_version = 7")
    other.close()
    with pytest.raises(InputError, match="version 7"):
        Store(tmp_path / "o.db")


def test_a_log_that_is_torn_anywhere_gives_whole_commits_up_to_there(tmp_path: Path) -> None:
    """As after a loss of power: the file's log ends anywhere, in the middle of a page too."""
    store = open_store(tmp_path, sync=Sync.FULL)
    wal = tmp_path / "outbox.db-wal"
    sizes = []  # of the log, when a commit had been acknowledged
    for i in range(8):
        store.append([packed(3 * i + j) for j in range(3)])
        sizes.append(wal.stat().st_size)
    main, log = (tmp_path / "outbox.db").read_bytes(), wal.read_bytes()
    begun = {0, *range(sizes[0], len(log), len(log) // 60)}

    for torn in sorted(begun | set(sizes)):
        folder = tmp_path / str(torn)
        folder.mkdir()
        (folder / "outbox.db").write_bytes(main)
        # What the disk holds behind the tear is whatever was there before.
        (folder / "outbox.db-wal").write_bytes(log[:torn] + b"\xa5" * 777)
        if torn < sizes[0] and not _has_tables(folder):
            continue
        found = open_store(folder)
        whole = sum(size <= torn for size in sizes)
        assert found.counts.frames == 3 * whole
        assert len(found.read(0, 999, 1 << 20)[0]) == 3 * whole
        check = found._db.execute("PRAGMA integrity_check").fetchone()[0]
        assert check == "ok"
        found.close()
        shutil.rmtree(folder)


def _has_tables(folder: Path) -> bool:
    """Tell whether a torn log holds even the making of the tables."""
    copy = folder / "copy"
    copy.mkdir()
    for part in ("outbox.db", "outbox.db-wal"):
        shutil.copy(folder / part, copy / part)
    with sqlite3.connect(copy / "outbox.db") as db:
        found = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'outbox'").fetchone()
    db.close()
    return found is not None
