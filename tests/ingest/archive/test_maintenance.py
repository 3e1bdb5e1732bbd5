"""Compaction, retention, erasure: one change of state, which nobody sees half of."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest

from ingest.archive import (
    Archive,
    ArchiveWriter,
    LogMessage,
    Plan,
    StreamKeys,
    forget_stream,
    maintain,
    verify,
)
from ingest.archive.place import Place
from ingest.errors import InputError
from ingest.frames import Frame
from tests.ingest.archive.logs import (
    DAY_MS,
    HEARD_MS,
    TOPIC,
    beat,
    bodies,
    log_of,
    patients,
    write,
)
from tests.ingest.archive.test_writer import PowerCutError, cut_after
from tests.ingest.synthetic import same_frame

SECRET = b"thirty-two bytes or more of secret"


def same_frames(heard: list[Frame], wanted: list[Frame]) -> bool:
    return len(heard) == len(wanted) and all(map(same_frame, heard, wanted))


def test_small_files_become_one_a_bucket_and_the_frames_stay_as_they_were(tmp_path: Path) -> None:
    streams = patients(6)
    write(str(tmp_path), log_of(streams), at_a_time=1)
    archive = Archive(str(tmp_path))
    before = list(archive.frames())
    n_before = len(archive.files())

    done = maintain(archive, Plan())
    write(str(tmp_path), log_of(patients(6, n_frames=8)))  # the log has gone on meanwhile

    assert (done.merged, done.written) == (n_before, len({e.bucket for e in archive.files()}))
    assert same_frames(list(archive.frames())[: len(before)], before)
    assert len(list(archive.frames())) == len(before) + 2 * 6
    assert verify(archive).faults == []


def test_files_that_were_replaced_are_kept_for_a_while_and_then_removed(tmp_path: Path) -> None:
    write(str(tmp_path), log_of(patients(2)))
    archive = Archive(str(tmp_path))
    old = [tmp_path / entry.path for entry in archive.files()]
    now_s = time.time()

    maintain(archive, Plan(grace_s=60), now_s=lambda: now_s)
    assert all(path.exists() for path in old)
    maintain(archive, Plan(grace_s=60), now_s=lambda: now_s + 30)
    assert all(path.exists() for path in old)
    maintain(archive, Plan(grace_s=60), now_s=lambda: now_s + 100)
    assert not any(path.exists() for path in old)
    maintain(archive, Plan(grace_s=60), now_s=lambda: now_s + 200)

    assert len(list(archive.frames())) == 12
    assert verify(archive).leftovers == 0
    assert ArchiveWriter(str(tmp_path)).take("frames", TOPIC, 0) == 11
    assert not list((tmp_path / "_log/chains/ecg.frames-0").iterdir())


def test_what_writers_that_died_left_is_removed_when_it_is_old(tmp_path: Path) -> None:
    write(str(tmp_path), log_of(patients(1)))
    left = Path(Archive(str(tmp_path)).paths()[0]).with_name("dead.parquet")
    partial = left.with_name(".dead.parquet.0a.part")
    for path in (left, partial):
        path.write_bytes(b"half")

    maintain(Archive(str(tmp_path)), Plan())
    assert left.exists()
    maintain(Archive(str(tmp_path)), Plan(), now_s=lambda: time.time() + 7200)
    assert not left.exists()
    assert not partial.exists()
    assert len(list(Archive(str(tmp_path)).frames())) == 6


def test_of_two_that_compact_at_once_one_is_refused_and_nothing_is_there_twice() -> None:
    write("memory://both", log_of(patients(3)), at_a_time=1)
    archive = Archive("memory://both")

    def beside(_: int) -> None:
        others.append(maintain(archive, Plan()))

    others: list[object] = []
    done = maintain(archive, Plan(), progress=lambda n: None if others else beside(n))

    assert done.refused
    assert len(list(archive.frames())) == 18
    assert verify(archive).faults == []


@pytest.mark.parametrize("durable", [False, True])
def test_compaction_that_ends_in_any_write_changes_nothing_that_is_read(durable: bool) -> None:
    for n_writes in range(5):
        url = f"memory://compact-{n_writes}-{durable}"
        write(url, log_of(patients(3)))
        archive = Archive(url)
        before = list(archive.frames())
        with pytest.MonkeyPatch.context() as patch:
            cut_after(patch, n_writes, durable=durable)
            with contextlib.suppress(PowerCutError):
                maintain(archive, Plan())
        assert same_frames(list(archive.frames()), before)
        maintain(archive, Plan())
        assert same_frames(list(archive.frames()), before)
        assert verify(archive).faults == []


def test_days_that_are_not_kept_go_by_the_day_the_log_took_them() -> None:
    messages = [LogMessage(i, HEARD_MS + i * DAY_MS, beat("bed-1", i)) for i in range(5)]
    write("memory://keep", messages, table="beats", topic="b")
    archive = Archive("memory://keep")

    done = maintain(archive, Plan(keep_days=2), now_s=lambda: HEARD_MS / 1000 + 4 * 86_400)

    assert done.expired == 3
    assert bodies(archive) == [beat("bed-1", 3), beat("bed-1", 4)]
    assert ArchiveWriter("memory://keep").take("beats", "b", 0) == 5
    with pytest.raises(InputError, match="1 or more"):
        maintain(archive, Plan(keep_days=0))


def test_a_stream_is_forgotten_in_all_tables_and_its_files_are_gone(tmp_path: Path) -> None:
    url = str(tmp_path)
    write(url, log_of(patients(12)))
    beats = [LogMessage(i, HEARD_MS, beat(f"bed-{i % 12}", i)) for i in range(24)]
    write(url, beats, table="beats", topic="b")
    archive = Archive(url)

    done = forget_stream(archive, "bed-3")

    assert done.erased_rows == 6 + 2
    assert list(archive.frames("bed-3")) == []
    assert len(list(archive.frames())) == 11 * 6
    assert len(bodies(archive)) == 22
    assert verify(archive).faults == []
    assert not [p for p in tmp_path.rglob("*.parquet") if b"bed-3" in p.read_bytes()]


def test_sealed_content_is_read_with_keys_only_and_never_stands_in_the_files(
    tmp_path: Path,
) -> None:
    url, streams = str(tmp_path / "a"), patients(3)
    sent = [LogMessage(i, HEARD_MS, beat(f"bed-{i}", i)) for i in range(3)]
    sent.append(LogMessage(3, HEARD_MS, b"\xffno json"))
    with StreamKeys(tmp_path / "keys.db", SECRET) as keys:
        write(url, log_of(streams), keys=keys)
        write(url, sent, table="beats", topic="b", keys=keys)
        archive = Archive(url, keys)

        assert same_frames(list(archive.frames("bed-1")), streams[1])
        assert bodies(archive) == [message.value for message in sent]
        assert verify(archive).faults == []
    with pytest.raises(InputError, match="takes its keys"):
        list(Archive(url).frames())
    for path in (tmp_path / "a").rglob("*.parquet"):
        assert b"aami" not in path.read_bytes()


def test_a_destroyed_key_makes_a_stream_unreadable_and_compaction_leaves_it_out(
    tmp_path: Path,
) -> None:
    url, streams = str(tmp_path / "a"), patients(3)
    with StreamKeys(tmp_path / "keys.db", SECRET) as keys:
        writer = write(url, log_of(streams)[:4], keys=keys)
        with StreamKeys(tmp_path / "keys.db", SECRET) as others:
            assert others.destroy("bed-1") == 1
            assert others.destroy("bed-1") == 0
        keys.refresh()
        archive = Archive(url, keys)
        assert list(archive.frames("bed-1")) == []
        assert same_frames(list(archive.frames("bed-0")), streams[0][:4])

        # The stream goes on, under a key of its own, in a writer that knew the old one.
        writer.add(TOPIC, 0, log_of(streams)[4:])
        writer.commit(TOPIC, 0)
        assert same_frames(list(archive.frames("bed-1")), streams[1][4:])

        assert maintain(archive, Plan(), keys).erased_rows == 4
        assert same_frames(list(archive.frames("bed-1")), streams[1][4:])
        assert len(list(archive.frames())) == 14
        assert verify(archive).faults == []


def test_keys_need_their_own_secret_and_a_change_of_what_they_seal_is_found(
    tmp_path: Path,
) -> None:
    with StreamKeys(tmp_path / "keys.db", SECRET) as keys:
        write("memory://sealed", log_of(patients(1)), keys=keys)
    with pytest.raises(InputError, match="not that of"):
        StreamKeys(tmp_path / "keys.db", SECRET[::-1])
    with pytest.raises(InputError, match="at least 32"):
        StreamKeys(tmp_path / "keys.db", b"short")
    with (
        StreamKeys(tmp_path / "other.db", SECRET) as others,
        pytest.raises(InputError, match="is it the archive's own"),
    ):
        list(Archive("memory://sealed", others).frames())
    assert (tmp_path / "keys.db").stat().st_mode & 0o077 == 0


def test_a_destroyed_key_does_not_stay_in_the_key_file(tmp_path: Path) -> None:
    path = tmp_path / "keys.db"
    with StreamKeys(path, SECRET) as keys:
        keys.current({f"bed-{i}" for i in range(40)})
        wrapped = {
            row[0]: row[1]
            for row in keys._database.execute("SELECT stream_id, wrapped FROM stream_keys")
        }
        assert all(value in path.read_bytes() for value in wrapped.values())
        keys.destroy("bed-7")
    content = path.read_bytes()
    assert wrapped.pop("bed-7") not in content
    assert all(value in content for value in wrapped.values())


def test_a_place_lists_no_half_written_file(tmp_path: Path) -> None:
    place = Place(f"file://{tmp_path}")
    place.put("a/b", b"1")
    (tmp_path / "a" / ".c.00.part").write_bytes(b"")
    assert place.names("a") == ["b"]
    assert place.names("nowhere") == []
