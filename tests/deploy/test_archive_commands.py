"""The archive on the command line: what is there, records that others read, erasure."""

from __future__ import annotations

import csv
import json
import shutil
import sys
import warnings
from pathlib import Path

import edfio
import numpy as np
import pytest

from deploy.cli.main import run
from deploy.services.archive_export import export
from ingest.archive import Archive, LogMessage, StreamKeys
from ingest.codec import encode
from ingest.edf_records import read_edf
from ingest.errors import InputError
from ingest.frames import MISSING_ADU
from ingest.recording import Recording
from ingest.simulator import demo_ward
from ingest.wfdb_replay import frames as cut_frames
from ingest.wfdb_replay import open_recording
from tests.ingest.archive.logs import HEARD_MS, beat, log_of, patients, write

STREAM = "demo/1 é"
"""A name that no file can have."""


def recording() -> Recording:
    (patient,) = demo_ward(1, seed=3, duration_s=20.0)
    whole = patient.as_recording()
    return Recording(STREAM, whole.fs, whole.leads, whole.samples, 1_700_000_000_250_000_000)


def archived(url: str, *, skip: int | None = None) -> Recording:
    """Archive a simulated patient, one frame a second, with beats and an alarm."""
    whole = recording()
    sent = list(cut_frames(whole, STREAM, chunk_s=1.0, session="0"))
    messages = [
        LogMessage(i, HEARD_MS + 1000 * i, encode([each]))
        for i, each in enumerate(sent)
        if i != skip
    ]
    write(url, messages, at_a_time=7)
    beats = [
        json.loads(beat(STREAM, at, "NV"[i % 2])) | {"session": "0"}
        for i, at in enumerate(range(100, whole.n_samples, 250))
    ]
    write(
        url,
        [LogMessage(i, HEARD_MS, json.dumps(each).encode()) for i, each in enumerate(beats)],
        table="beats",
        topic="b",
        at_a_time=10,
    )
    alarm = {"stream_id": STREAM, "session": "0", "condition": "vt", "state": "raised",
             "decided": {"sample": 1500, "utc": "2023-11-14T22:13:26.250Z"}}  # fmt: skip
    write(url, [LogMessage(0, HEARD_MS, json.dumps(alarm).encode())], table="alarms", topic="a")
    return whole


def test_a_record_exported_to_wfdb_reads_back_equal_with_beats_and_alarms(tmp_path: Path) -> None:
    url = str(tmp_path / "archive")
    whole = archived(url, skip=7)

    (made,) = export(Archive(url), STREAM, tmp_path / "out")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import wfdb
    record = wfdb.rdrecord(str(tmp_path / "out" / made.name), physical=False)
    annotations = wfdb.rdann(str(tmp_path / "out" / made.name), "vgl")
    again = open_recording(tmp_path / "out" / made.name)
    fs = int(whole.fs)
    truth = whole.samples.copy()
    truth[:, 7 * fs : 8 * fs] = MISSING_ADU
    assert np.array_equal(record.d_signal.T, truth)
    assert (record.fs, record.sig_name) == (whole.fs, [lead.name for lead in whole.leads])
    assert record.base_datetime.isoformat() == "2023-11-14T22:13:20.250000"
    assert np.array_equal(again.samples, truth)
    assert (again.leads, again.start_unix_ns) == (whole.leads, whole.start_unix_ns)
    assert annotations.sample.tolist() == list(range(100, whole.n_samples, 250))
    assert annotations.symbol[:3] == ["N", "V", "N"]
    lines = (tmp_path / "out" / f"{made.name}.alarms.jsonl").read_text().splitlines()
    assert [json.loads(line)["condition"] for line in lines] == ["vt"]
    assert (made.missing, made.beats, made.alarms) == (fs * len(whole.leads), 20, 1)
    with pytest.raises(InputError, match="is there already"):
        export(Archive(url), STREAM, tmp_path / "out")


def test_a_record_exported_to_edf_reads_back_equal_with_beats_and_alarms(tmp_path: Path) -> None:
    url = str(tmp_path / "archive")
    whole = archived(url)
    start = whole.start_unix_ns + 2 * 10**9
    stop = start + 10_100_000_000

    (made,) = export(Archive(url), STREAM, tmp_path / "out", "edf", start, stop)

    path = tmp_path / "out" / f"{made.name}.edf"
    edf = edfio.read_edf(path)
    fs = int(whole.fs)
    wanted = whole.samples[:, 2 * fs : 2 * fs + round(10.1 * fs)]
    for signal, row, lead in zip(edf.signals, wanted, whole.leads, strict=True):
        assert np.array_equal(signal.digital[: len(row)], row)
        assert (signal.digital[len(row) :] == MISSING_ADU).all()
        assert np.allclose(signal.data[: len(row)], (row - lead.baseline) / lead.adc_gain)
    told = [(round(each.onset * fs), each.text) for each in edf.annotations]
    beats = [
        (at - 2 * fs, s) for at, s in zip(range(100, 4000, 250), "NVNVNVNVNVNVNVNV", strict=True)
    ]
    inside = [each for each in beats if 0 <= each[0] < wanted.shape[1]]
    assert [each for each in told if each[1] in "NV"] == inside
    assert (1500 - 2 * fs, "alarm vt raised") in told
    assert (wanted.shape[1], "no signal") in told
    assert read_edf(path).start_unix_ns == start
    assert made.first_sample == 2 * fs


def test_a_stream_is_listed_read_verified_and_erased(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = str(tmp_path / "archive")
    whole = archived(url)
    where = ["--url", url]

    assert run(["archive", "list", *where, "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert (listed["stream_id"], listed["frames"], listed["signal_s"]) == (STREAM, 20, 20.0)

    out = tmp_path / "signal.csv"
    words = ["--from", "2023-11-14T22:13:21.250Z", "--to", "2023-11-14T22:13:23.250Z"]
    assert run(["archive", "read", STREAM, *where, *words, "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    fs = int(whole.fs)
    assert (told["first_sample"], told["end_sample"]) == (fs, 3 * fs)
    rows = list(csv.reader(out.read_text().splitlines()))
    lead = whole.leads[0]
    first = (float(whole.samples[0, fs]) - lead.baseline) / lead.adc_gain
    assert float(rows[1][2]) == pytest.approx(first)
    assert len(rows) == 2 * fs + 1

    assert run(["archive", "read", STREAM, *where, "--table", "alarms"]) == 0
    assert json.loads(capsys.readouterr().out)["condition"] == "vt"
    assert run(["archive", "list", "--files", *where]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert run(["archive", "compact", *where, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["merged"] == 5
    assert run(["archive", "verify", *where, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 41
    assert run(["archive", "erase", STREAM, *where, "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 41
    assert run(["archive", "read", STREAM, *where]) == 2
    assert "no signal of" in capsys.readouterr().err


def test_a_damaged_file_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archived(str(tmp_path))
    path = Path(Archive(str(tmp_path)).paths("beats")[0])
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    assert run(["archive", "verify", "--url", str(tmp_path)]) == 1
    assert "differs from what was written" in capsys.readouterr().out
    path.write_bytes(bytes(len(content)))
    assert run(["archive", "read", STREAM, "--table", "beats", "--url", str(tmp_path)]) == 2
    assert "is damaged" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["archive", "burn"], "known are run, list"),
        (["archive", "read", "--url", "x"], "needs a stream"),
        (["archive", "list", "bed-1", "--url", "x"], "takes no stream"),
        (["archive", "list"], "say where the archive is"),
        (["archive", "list", "--url", "nowhere"], "is no archive"),
        (["archive", "read", "bed-1", "--url", "x", "--from", "noon"], "ISO 8601"),
    ],
)
def test_bad_use_is_told(
    words: list[str], why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert run(words) == 2
    assert why in capsys.readouterr().err


def test_without_its_extra_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("deploy.cli.archive_actions", raising=False)
    monkeypatch.setitem(sys.modules, "deploy.cli.archive_actions", None)
    assert run(["archive", "list", "--url", "x"]) == 2
    assert "install vigil-ecg[archive]" in capsys.readouterr().err


def test_a_sealed_stream_is_erased_by_its_key_even_in_a_copy_of_the_archive(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, copy, secret = str(tmp_path / "archive"), str(tmp_path / "copy"), "s" * 40
    with StreamKeys(tmp_path / "keys.db", secret.encode()) as keys:
        write(url, log_of(patients(2)), keys=keys)
    shutil.copytree(url, copy)
    monkeypatch.setenv("VIGIL_ARCHIVE__SECRET", secret)
    monkeypatch.setenv("VIGIL_ARCHIVE__KEYS_FILE", str(tmp_path / "keys.db"))
    assert run(["archive", "read", "bed-1", "--url", copy]) == 0
    capsys.readouterr()

    assert run(["archive", "erase", "bed-1", "--url", url, "--yes", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["keys_destroyed"], told["rows"]) == (1, 6)
    for each in (url, copy):
        assert run(["archive", "read", "bed-1", "--url", each]) == 2
        assert run(["archive", "read", "bed-0", "--url", each]) == 0
    monkeypatch.setenv("VIGIL_ARCHIVE__SECRET", "t" * 40)
    assert run(["archive", "read", "bed-0", "--url", copy]) == 2
    assert "is not that of" in capsys.readouterr().err
