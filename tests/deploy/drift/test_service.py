"""The watch as a service and as a command: what it keeps, tells and serves."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from deploy.cli.main import run
from deploy.drift.declaration import DriftDeclaration
from deploy.services.drift import PATIENTS, DriftPaths, DriftService
from ingest.archive import ArchiveWriter, LogMessage
from ingest.codec import encode
from ingest.source import Batch
from tests.deploy.drift.patients import frames, patient
from tests.records import write_ward

SHORT = DriftDeclaration(window_min=1.0, reference=20, verdict_wait_h=0)


class Frames:
    """A source that gives some streams' frames, ten at a time, and ends."""

    def __init__(self, names: list[str]) -> None:
        self._rest = [frame for name in names for frame in frames(name, 95.0)]
        self.commits = 0

    def poll(self, timeout_s: float) -> Batch:
        given, self._rest = self._rest[:10], self._rest[10:]
        return Batch(frames=given, end=not self._rest)

    def commit(self) -> None:
        self.commits += 1

    def close(self) -> None:
        pass


def service(folder: Path, names: list[str]) -> DriftService:
    paths = DriftPaths("", None, None, None, folder / "drift")
    return DriftService(paths, SHORT, {}, lambda cell: None, source=Frames(names))


def test_a_restart_counts_each_patient_once_and_knows_all(tmp_path: Path) -> None:
    service(tmp_path, ["p1", "p2"]).run()
    again = service(tmp_path, ["p2", "p3"])
    again.run()
    lines = (tmp_path / "drift" / PATIENTS).read_text().splitlines()
    assert [json.loads(line)["stream_id"] for line in lines] == ["p1", "p2", "p3"]
    assert again.watch.patients == 3
    told = json.loads((tmp_path / "drift" / "drift.json").read_text())
    assert (told["schema"], told["patients"]) == ("vigil.drift/1", 3)


def test_metrics_are_served_and_messages_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    (tmp_path / "alarms.jsonl").write_text('{"no": "alarm"}\nnot json\n')
    alarms = str(tmp_path / "alarms.jsonl")
    paths = DriftPaths("", None, alarms, None, tmp_path / "drift")
    made = DriftService(paths, SHORT, {}, lambda cell: None, source=Frames(["p1"]))
    made._http.start()
    while not made.turn():
        pass
    url = f"http://127.0.0.1:{made.http_port}/metrics"
    with urllib.request.urlopen(url, timeout=60) as answer:
        shown = answer.read().decode()
    made._opened.close()
    assert 'vigil_drift_patients{by="all",figure="alarms_per_h",group=""} 1.0' in shown
    assert 'vigil_drift_ignored_total{reason="message that cannot be read"} 2.0' in shown


def test_a_report_of_figures_says_what_drifts_and_exits_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(1)
    lines = [patient(i, rng, 4.0 if i > 60 else 0.0).line() for i in range(100)]
    (tmp_path / "p.jsonl").write_text("\n".join(lines))
    (tmp_path / "d.toml").write_text("reference = 40\n")
    where = [str(tmp_path / "p.jsonl"), "--out", str(tmp_path / "out")]
    code = run(["drift", "report", *where, "--declaration", str(tmp_path / "d.toml")])
    said = capsys.readouterr().out
    assert code == 1
    assert "drift: amplitude_uv of all patients (up)" in said
    assert "<svg" in (tmp_path / "out" / "drift.html").read_text()


def test_a_report_of_records_scores_them_and_finds_nothing_in_few(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = write_ward(tmp_path, 2, 90.0)
    (tmp_path / "d.toml").write_text("window_min = 1.0\n")
    more = ["--out", str(tmp_path / "out"), "--declaration", str(tmp_path / "d.toml"), "--json"]
    assert run(["drift", "report", *records, *more]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["patients"] == 2
    assert {cell["state"] for cell in told["cells"]} == {"too_few"}
    heart = next(c for c in told["cells"] if (c["figure"], c["by"]) == ("heart_rate_bpm", "all"))
    assert 30 < heart["reference"]["median"] < 250


def test_a_report_of_an_archive_says_what_one_of_its_frames_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    writer = ArchiveWriter(str(tmp_path / "archive"))
    writer.take("frames", "ecg.frames", 0)
    sent = [frame for name in ("p1", "p2") for frame in frames(name, 150.0)]
    messages = [LogMessage(i, 1000 * i, encode([frame])) for i, frame in enumerate(sent)]
    writer.add("ecg.frames", 0, messages)
    writer.commit("ecg.frames", 0)
    (tmp_path / "d.toml").write_text("window_min = 2.0\nverdict_wait_h = 0\n")
    more = ["--out", str(tmp_path / "out"), "--declaration", str(tmp_path / "d.toml")]
    assert run(["drift", "report", f"archive:{tmp_path / 'archive'}", *more]) == 0
    assert "2 patients, 0 drifts" in capsys.readouterr().out
    lines = (tmp_path / "out" / PATIENTS).read_text().splitlines()
    kept = {one["stream_id"]: one["figures"] for one in map(json.loads, lines)}
    assert kept["p1"] == kept["p2"]
    assert kept["p1"]["confidence"] > 0.5


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["look"], "known are watch, report"),
        (["watch"], "--frames"),
        (["report"], "needs records"),
        (["report", "gone.jsonl"], "there is no"),
    ],
)
def test_bad_use_exits_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    assert run(["drift", *words, "--out", str(tmp_path / "out")]) == 2
    assert told in capsys.readouterr().err
