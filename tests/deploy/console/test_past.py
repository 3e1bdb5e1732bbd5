"""Signal that the console keeps no more comes from the archive, put together with what it keeps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from deploy.console.past import Past
from ingest.archive import Archive
from ingest.archive.writer import ArchiveWriter, LogMessage
from ingest.codec import encode
from tests.deploy.console.consoles import START_MS, Ward, beat, frame, make_ward, serve, sign_in

FS, KEPT_S = 250, 10


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """A minute of the patient's signal, a second of it never archived, and a beat a second."""
    url = str(tmp_path / "archive")
    writer = ArchiveWriter(url)
    frames = [frame("p1", at, FS) for at in range(0, 60 * FS, FS) if at != 20 * FS]
    beats = [beat("p1", at, "V") for at in range(0, 60 * FS, FS)]
    for table, messages in (("frames", [encode([one]) for one in frames]), ("beats", beats)):
        writer.take(table, table, 0)
        heard = [LogMessage(i, START_MS + 1000 * i, each) for i, each in enumerate(messages)]
        writer.add(table, 0, heard)
        writer.commit(table, 0)
    return Archive(url)


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    """A console that keeps the last ten seconds of a minute."""
    made = make_ward(tmp_path, streams=(), keep_s=KEPT_S)
    made.hub.see([frame("p1", at) for at in range(0, 60 * FS, 50)])
    made.hub.take([beat("p1", at) for at in range(50 * FS, 60 * FS, FS)], [])
    yield made
    made.console.audit.close()
    made.database.close()


def asked(ward: Ward, first: int, n: int) -> dict:
    server = serve(ward.console)
    try:
        with httpx.Client(base_url=server.address, timeout=60.0) as client:
            sign_in(client, "viewer")
            page = client.get("/api/patients/p1").json()
            query = f"first_sample={first}&n_samples={n}"
            answer = client.get(f"/api/patients/p1/signal?{query}").json()
            return {**answer, "begin_sample": page["begin_sample"]}
    finally:
        server.stop()


def test_the_past_is_read_back_across_the_edge_of_what_is_kept(
    ward: Ward, archive: Archive
) -> None:
    ward.console.past = Past(archive)
    first, n = 48 * FS + 7, 5 * FS
    told = asked(ward, first, n)
    assert (told["begin_sample"], told["first_sample"]) == (0, first)
    wanted = frame("p1", first, n).samples
    assert told["steps"] == wanted.tolist()
    assert [b["aami"] for b in told["beats"]] == ["V"] + ["N"] * 4
    assert [b["sample"] for b in told["beats"]] == [at * FS for at in range(49, 54)]


def test_what_was_never_archived_is_shown_as_missing(ward: Ward, archive: Archive) -> None:
    ward.console.past = Past(archive)
    told = asked(ward, 19 * FS, 3 * FS)
    steps = np.array(told["steps"], dtype=float)
    assert np.isnan(steps[:, FS : 2 * FS]).all()
    assert not np.isnan(np.delete(steps, np.s_[FS : 2 * FS], axis=1)).any()


def test_without_an_archive_only_what_is_kept_is_given(ward: Ward) -> None:
    told = asked(ward, 48 * FS, 5 * FS)
    assert told["begin_sample"] == told["first_sample"] == 50 * FS
    assert len(told["steps"][0]) == 5 * FS
