"""Writing: what is committed counts once, whatever happens between two writes to the disk."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from ingest.archive import Archive, ArchiveWriter, LogMessage, verify
from ingest.archive.manifest import ChainMovedError
from ingest.archive.place import Place
from ingest.codec import encode
from ingest.errors import InputError
from tests.ingest.archive.logs import DAY_MS, HEARD_MS, TOPIC, beat, log_of, patients, write
from tests.ingest.synthetic import frame, same_frame


class PowerCutError(BaseException):
    """The process ends here."""


def cut_after(monkeypatch: pytest.MonkeyPatch, n_writes: int, *, durable: bool) -> None:
    """Let a process end in its n-th write of a file, before or behind it."""
    count = itertools.count()
    for name in ("put", "put_new"):
        real = getattr(Place, name)

        def cut(place: Place, path: str, content: bytes, real: object = real) -> object:
            if next(count) < n_writes:
                return real(place, path, content)  # type: ignore[operator]
            if durable:
                real(place, path, content)  # type: ignore[operator]
            raise PowerCutError

        monkeypatch.setattr(Place, name, cut)


@pytest.mark.parametrize("durable", [False, True])
def test_a_process_that_ends_in_any_write_loses_and_doubles_nothing(
    tmp_path: Path, durable: bool
) -> None:
    streams = patients(2, n_frames=4)
    messages = log_of(streams)
    n_cuts = 0
    for n_writes in itertools.count():
        url = str(tmp_path / f"archive-{n_writes}")
        with pytest.MonkeyPatch.context() as patch:
            cut_after(patch, n_writes, durable=durable)
            try:
                write(url, messages)
            except PowerCutError:
                n_cuts += 1
        write(url, messages)
        archive = Archive(url)
        heard = list(archive.frames())
        wanted = [each for moment in zip(*streams, strict=True) for each in moment]
        assert len(heard) == len(wanted)
        assert all(map(same_frame, heard, wanted))
        assert verify(archive).faults == []
        if n_cuts == n_writes:
            break
    assert n_cuts > 5


def test_of_two_writers_of_a_partition_the_slower_is_told_and_goes_on_behind_the_other() -> None:
    messages = log_of(patients(2))
    one, other = ArchiveWriter("memory://two"), ArchiveWriter("memory://two")
    for writer in (one, other):
        writer.take("frames", TOPIC, 0)
    one.add(TOPIC, 0, messages[:3])
    other.add(TOPIC, 0, messages[:4])
    one.commit(TOPIC, 0)
    with pytest.raises(ChainMovedError):
        other.commit(TOPIC, 0)
    assert other.take("frames", TOPIC, 0) == messages[2].offset + 1
    other.add(TOPIC, 0, messages[3:])
    other.commit(TOPIC, 0)

    archive = Archive("memory://two")
    assert len(list(archive.frames())) == 12
    assert verify(archive).faults == []
    assert verify(archive).leftovers > 0


def test_frames_that_cannot_be_read_are_counted_and_the_rest_is_archived() -> None:
    good = encode([frame(0, 50)])
    writer = ArchiveWriter("memory://unread")
    writer.take("frames", TOPIC, 0)
    n_rows = writer.add(TOPIC, 0, [LogMessage(0, 0, b"junk"), LogMessage(1, 0, good)])
    writer.commit(TOPIC, 0)

    assert (n_rows, writer.counts.unread) == (1, 1)
    assert Archive("memory://unread").state().ends[f"{TOPIC}-0"].stop == 2


def test_a_topic_that_was_made_anew_is_refused() -> None:
    messages = log_of(patients(1))
    writer = write("memory://anew", messages)
    with pytest.raises(InputError, match="made anew"):
        writer.add(TOPIC, 0, messages[:1])


def test_a_topic_goes_to_one_table_only() -> None:
    write("memory://tables", [LogMessage(0, 0, beat("bed-1", 1))], table="beats", topic="t")
    with pytest.raises(InputError, match="as beats, not as alarms"):
        ArchiveWriter("memory://tables").take("alarms", "t", 0)
    with pytest.raises(InputError, match="no table 'rumours'"):
        ArchiveWriter("memory://tables").take("rumours", "t", 0)


def test_messages_are_filed_under_the_day_on_which_the_log_took_them() -> None:
    messages = [
        LogMessage(0, HEARD_MS, beat("bed-1", 1)),
        LogMessage(1, HEARD_MS + DAY_MS, beat("bed-1", 2)),
        LogMessage(2, HEARD_MS, beat("bed-1", 3)),  # a clock that was set back
        LogMessage(3, 1 << 60, beat("bed-1", 4)),  # and one far ahead
    ]
    writer = ArchiveWriter("memory://days", wall_ms=lambda: HEARD_MS + 2 * DAY_MS)
    writer.take("beats", "b", 0)
    writer.add("b", 0, messages)
    writer.commit("b", 0)

    days = {entry.day: entry.rows for entry in Archive("memory://days").files("beats")}
    assert days == {"2024-10-04": 1, "2024-10-05": 2, "2024-10-06": 1}


def test_another_kind_of_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no archive"):
        Archive(str(tmp_path))
    (tmp_path / "archive.json").write_text('{"schema": "vigil.archive/9", "buckets": 8}')
    with pytest.raises(InputError, match=r"vigil\.archive/9"):
        ArchiveWriter(str(tmp_path))
    with pytest.raises(InputError, match="cannot be an archive"):
        ArchiveWriter("carrier-pigeon://loft")


def test_a_place_tells_no_password() -> None:
    place = Place("s3://key:secret@bucket/archive?endpoint_override=127.0.0.1:1&scheme=http")
    assert "secret" not in place.url
    assert place.root == "bucket/archive"
