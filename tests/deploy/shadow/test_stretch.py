"""A past stretch is the same frames wherever it is read from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deploy.cli.main import run
from deploy.shadow.stretch import Span, read_stretch
from ingest.archive import ArchiveWriter, LogMessage
from ingest.codec import encode
from ingest.errors import InputError
from tests.deploy.drift.patients import frames
from tests.records import write_ward


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An archive of two streams, 40 s each."""
    writer = ArchiveWriter(str(tmp_path / "archive"))
    writer.take("frames", "ecg.frames", 0)
    sent = [f for pair in zip(frames("p1", 40.0), frames("p2", 40.0), strict=True) for f in pair]
    messages = [LogMessage(i, 1000 * i, encode([frame])) for i, frame in enumerate(sent)]
    writer.add("ecg.frames", 0, messages)
    writer.commit("ecg.frames", 0)
    return tmp_path / "archive"


def places(sources: list[str], *more: object) -> set[tuple[str, int]]:
    found = read_stretch(sources, *more)  # type: ignore[arg-type]
    return {
        (name, first)
        for columns in found
        for name, first in zip(columns.stream_ids, columns.first_samples, strict=True)
    }


def test_an_archive_gives_every_frame_of_all_streams_or_of_one(archive: Path) -> None:
    whole = places([f"archive:{archive}"])
    assert {name for name, _ in whole} == {"p1", "p2"}
    assert len(whole) == 80
    one = places([f"archive:{archive}"], Span(), ["p2"])
    assert one == {place for place in whole if place[0] == "p2"}


def test_a_span_leaves_out_what_lies_before_and_behind(archive: Path) -> None:
    n = frames("p1", 2.0)[0].n_samples
    some = places([f"archive:{archive}"], Span(10_000, 20_000), ["p1"])
    assert {first // n for _, first in some} == set(range(10, 20))


def test_records_are_replayed_side_by_side_and_a_folder_is_all_of_them(tmp_path: Path) -> None:
    paths = write_ward(tmp_path, 3, 25.0)
    assert places(paths) == places([str(tmp_path)])
    first = next(read_stretch(paths))
    assert len(set(first.stream_ids)) == 3


def test_a_report_over_an_archive_says_what_one_over_records_says(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--candidate", "beat", "--out", str(tmp_path / "out"), "--json"]
    assert run(["shadow", "report", f"archive:{archive}", *words]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["patients"], told["differences"]) == (2, [])
    assert told["hours"] == pytest.approx(80 / 3600, abs=1e-4)


@pytest.mark.parametrize(
    ("sources", "told"),
    [([], "name records"), (["kafka://nowhere"], "kafka://HOST"), (["."], "no records")],
)
def test_a_stretch_that_cannot_be_read_is_refused(sources: list[str], told: str) -> None:
    with pytest.raises(InputError, match=told):
        list(read_stretch(sources))
