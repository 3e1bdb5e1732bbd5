"""Reading: any stretch of any stream, frames as the log had them, by others too."""

from __future__ import annotations

import uuid
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.archive import Archive, LogMessage, Plan, maintain, verify
from ingest.archive.schema import FRAME_SCHEMA, bucket_of
from ingest.codec import encode
from ingest.errors import InputError
from ingest.frames import MISSING_ADU
from ingest.sequence_types import sample_to_ns
from tests.ingest.archive.logs import HEARD_MS, TOPIC, beat, bodies, log_of, patients, write
from tests.ingest.synthetic import FS, START_UNIX_NS, frame, ramp, same_frame


def test_frames_of_all_streams_come_as_the_log_had_them_from_many_files(tmp_path: Path) -> None:
    streams = patients(9, n_frames=7)
    for partition in range(2):
        chosen = streams[partition::2]
        write(str(tmp_path), log_of(chosen), partition=partition, at_a_time=3)

    heard = list(Archive(str(tmp_path)).frames())

    moments = [
        each
        for i in range(7)
        for partition in range(2)
        for each in (stream[i] for stream in streams[partition::2])
    ]
    assert len(heard) == len(moments)
    assert all(map(same_frame, heard, moments))


def test_one_streams_frames_are_read_from_its_bucket_alone() -> None:
    streams = patients(9)
    write("memory://one", log_of(streams))
    archive = Archive("memory://one")

    heard = list(archive.frames("bed-4"))

    assert all(map(same_frame, heard, streams[4]))
    assert len(heard) == len(streams[4])
    assert {e.bucket for e in archive.files(stream="bed-4")} == {bucket_of("bed-4", 8)}


@settings(deadline=None, max_examples=25)
@given(
    bounds=st.lists(st.integers(0, 400), min_size=2, max_size=8, unique=True).map(sorted),
    kept=st.lists(st.booleans(), min_size=7, max_size=7),
    ends=st.tuples(st.integers(-50, 450), st.integers(-50, 450)).map(sorted),
    twice=st.booleans(),
)
def test_a_stretch_is_what_was_sent_with_gaps_marked(
    bounds: list[int], kept: list[bool], ends: list[int], twice: bool
) -> None:
    pairs = list(zip(bounds, bounds[1:], kept, strict=False))
    sent = [frame(first, end) for first, end, keep in pairs if keep]
    truth = np.full((2, 400), MISSING_ADU, np.int16)
    for each in sent:
        truth[:, each.first_sample : each.end_sample] = ramp(each.first_sample, each.end_sample)
    url = f"memory://{uuid.uuid4()}"
    messages = [
        LogMessage(i, HEARD_MS, encode([each])) for i, each in enumerate(sent * (1 + twice))
    ]
    write(url, messages, at_a_time=3)
    start, stop = (START_UNIX_NS + sample_to_ns(at, FS) for at in ends)

    found = Archive(url).stretch("bed-1", start, stop)

    inside = [
        each for each in sent if max(each.first_sample, ends[0]) < min(each.end_sample, ends[1])
    ]
    if not inside:
        assert found == []
        return
    first = max(ends[0], inside[0].first_sample)
    end = min(ends[1], inside[-1].end_sample)
    (one,) = found
    assert (one.first_sample, one.end_sample) == (first, end)
    assert np.array_equal(one.recording.samples, truth[:, first:end])
    assert one.recording.start_unix_ns == START_UNIX_NS + sample_to_ns(first, FS)


def test_sessions_layouts_and_long_gaps_are_told_apart() -> None:
    sent = [
        frame(0, 250),
        frame(250 + 700 * 250, 500 + 700 * 250),
        frame(0, 100, session="b"),
        frame(0, 100, session="c", leads=[frame(0, 1).leads[0]]),
    ]
    write("memory://apart", [LogMessage(0, HEARD_MS, encode(sent))])

    found = Archive("memory://apart").stretch("bed-1")

    told = {(s.session, s.first_sample, s.end_sample, len(s.recording.leads)) for s in found}
    assert told == {("a", 0, 250, 2), ("a", 175250, 175500, 2), ("b", 0, 100, 2), ("c", 0, 100, 1)}
    assert len(Archive("memory://apart").stretch("bed-1", session="b")) == 1


def test_messages_come_back_byte_for_byte_and_what_is_no_json_is_kept() -> None:
    sent = [beat("bed-1", 1), b"\xff\x00", b"[1]", b'{"a": "\xc3\xa4"}', b"", beat("bed-2", 2, "V")]
    write(
        "memory://bytes",
        [LogMessage(i, HEARD_MS, body) for i, body in enumerate(sent)],
        table="beats",
        topic="b",
    )
    archive = Archive("memory://bytes")

    assert bodies(archive) == sent
    assert list(archive.beats("bed-2")) == [sent[-1]]
    assert verify(archive).rows == len(sent)


def test_messages_are_chosen_by_the_time_that_they_are_of() -> None:
    early = b'{"stream_id":"p","decided":{"utc":"2024-01-01T00:00:00Z"},"condition":"af"}'
    late = b'{"stream_id":"p","decided":{"utc":"2024-01-01T00:10:00.000001Z"},"condition":"vt"}'
    messages = [LogMessage(i, HEARD_MS, body) for i, body in enumerate((early, late))]
    write("memory://chosen", messages, table="alarms", topic="a")
    archive, at = Archive("memory://chosen"), 1_704_067_200_000_000_000

    assert list(archive.alarms("p", start=at + 1)) == [late]
    assert list(archive.alarms("p", start=at, stop=at + 1)) == [early]
    assert list(archive.alarms("p", stop=at + 600 * 10**9)) == [early]


def test_streams_are_summed_up() -> None:
    write("memory://sum", log_of(patients(2)))

    one, _ = Archive("memory://sum").streams()

    assert (one.stream_id, one.sessions, one.frames, one.signal_s) == ("bed-0", 1, 6, 1.2)
    assert (one.begin_unix_ns, one.end_unix_ns) == (START_UNIX_NS, START_UNIX_NS + 1_200_000_000)


def test_duckdb_reads_frames_and_beats_and_finds_the_same_bucket(tmp_path: Path) -> None:
    streams = patients(5)
    write(str(tmp_path), log_of(streams))
    beats = [LogMessage(i, HEARD_MS, beat("bed-1", 10 * i, "NV"[i % 2])) for i in range(7)]
    write(str(tmp_path), beats, table="beats", topic="b")
    archive = Archive(str(tmp_path))
    database = duckdb.connect()

    frames = database.read_parquet(archive.paths("frames"), hive_partitioning=True)
    told = frames.filter("stream_id = 'bed-3'").order("first_sample").fetchall()
    at = {name: i for i, name in enumerate(frames.columns)}
    sums = database.sql(
        "select stream_id, min(bucket::int), "
        "min((('0x' || md5(stream_id)[:2])::int) % 8), sum(list_sum(samples)) "
        "from frames group by 1 order by 1"
    ).fetchall()
    kinds = "kind, count(*) as n, max((json->>'sample')::int)"
    beats_read = database.read_parquet(archive.paths("beats"))
    classes = beats_read.aggregate(kinds, "kind").order("kind").fetchall()

    for row, each in zip(told, streams[3], strict=True):
        assert np.array_equal(np.array(row[at["samples"]]).reshape(2, -1), each.samples)
        leads = [(lead["name"], lead["adc_gain"], lead["baseline"]) for lead in row[at["leads"]]]
        assert leads == [(lead.name, lead.adc_gain, lead.baseline) for lead in each.leads]
    for stream_id, bucket, computed, total in sums:
        number = int(stream_id.removeprefix("bed-"))
        assert bucket == computed == bucket_of(stream_id, 8)
        assert total == sum(int(each.samples.sum()) for each in streams[number])
    assert classes == [("N", 4, 60), ("V", 3, 50)]


def test_unknown_tables_are_refused() -> None:
    write("memory://unknown", log_of(patients(1)), topic=TOPIC)
    archive = Archive("memory://unknown")
    with pytest.raises(InputError, match="no messages 'frames'"):
        list(archive.messages("frames"))
    with pytest.raises(InputError, match="no table 'x'"):
        archive.files("x")


def test_files_of_a_release_with_slightly_other_columns_are_read_and_compacted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = patients(4)
    place = FRAME_SCHEMA.get_field_index("samples")
    other = FRAME_SCHEMA.set(place, pa.field("samples", pa.list_(pa.int16())))
    with monkeypatch.context() as patch:
        patch.setattr("ingest.archive.rows.FRAME_SCHEMA", other)
        write(str(tmp_path), log_of(streams)[:3])
    write(str(tmp_path), log_of(streams))
    archive = Archive(str(tmp_path))
    kinds = {pq.read_schema(path).field("samples").type for path in archive.paths()}

    before = list(archive.frames())
    maintain(archive, Plan())

    assert len(kinds) == 2
    assert len(before) == 4 * 6
    assert all(map(same_frame, archive.frames(), before))
    assert verify(archive).faults == []
