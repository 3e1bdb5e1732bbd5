from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import edfio
import numpy as np
import pytest

from ingest.errors import InputError
from ingest.wfdb_replay import open_recording

TIME_S = np.arange(10 * 250) / 250
MV = np.stack([np.sin(TIME_S), 0.3 * np.cos(3 * TIME_S)])


def signal(
    mv: Any, label: str, fs: float = 250.0, unit: str = "mV", kind: Any = edfio.EdfSignal
) -> Any:
    return kind(mv, fs, label=label, physical_dimension=unit, physical_range=(-3.2768, 3.2767))


def write(path: Path, signals: list[Any] | None = None) -> Path:
    signals = signals or [signal(MV[0], "ECG I"), signal(MV[1], "ECG II")]
    made = edfio.Edf(
        signals,
        recording=edfio.Recording(startdate=datetime.date(2024, 5, 6)),
        starttime=datetime.time(7, 8, 9),
    )
    made.write(path)
    return path


def mv_of(recording: Any) -> Any:
    baseline = np.array([[lead.baseline] for lead in recording.leads])
    gain = np.array([[lead.adc_gain] for lead in recording.leads])
    return (recording.samples.astype(float) - baseline) / gain


def test_digital_samples_calibration_and_start_are_kept(tmp_path: Path) -> None:
    path = write(tmp_path / "night.edf")

    recording = open_recording(path)

    expected = edfio.read_edf(path)
    assert (recording.samples == np.stack([s.digital for s in expected.signals])).all()
    assert (recording.name, recording.fs) == ("night", 250.0)
    assert [(x.name, x.unit) for x in recording.leads] == [("ECG I", "mV"), ("ECG II", "mV")]
    start = datetime.datetime(2024, 5, 6, 7, 8, 9, tzinfo=datetime.UTC)
    assert recording.start_unix_ns == int(start.timestamp()) * 10**9
    assert abs(mv_of(recording) - MV).max() < 0.0002


def test_leads_are_chosen_and_slower_ones_left_out(tmp_path: Path) -> None:
    slow = signal(MV[1][::250], "SpO2", fs=1.0, unit="%")
    path = write(tmp_path / "mixed.edf", [signal(MV[0], "ECG I"), slow])

    assert [x.name for x in open_recording(path).leads] == ["ECG I"]
    assert open_recording(path, ["spo2"]).fs == 1.0
    with pytest.raises(InputError, match="it has: ECG I, SpO2"):
        open_recording(path, ["ECG V9"])


def test_saturated_samples_are_not_taken_for_missing(tmp_path: Path) -> None:
    low = MV[0].copy()
    low[100:200] = -3.2768

    recording = open_recording(write(tmp_path / "low.edf", [signal(low, "ECG I")]))

    assert (recording.samples[0, 100:200] == -32767).all()


def test_the_24_bits_of_bdf_fit_with_an_honest_gain(tmp_path: Path) -> None:
    path = tmp_path / "wide.bdf"
    edfio.Bdf([signal(MV[0], "ECG I", kind=edfio.BdfSignal)]).write(path)

    recording = open_recording(path)

    assert abs(mv_of(recording)[0] - MV[0]).max() < 0.0001


def test_bad_files_are_bad_input(tmp_path: Path) -> None:
    path = write(tmp_path / "cut.edf")
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match="truncated"):
        open_recording(path)

    path.write_bytes(b"nothing like it" * 40)
    with pytest.raises(InputError, match="not an EDF file"):
        open_recording(path)

    path.write_bytes(b"")
    with pytest.raises(InputError, match="not an EDF file"):
        open_recording(path)

    with pytest.raises(InputError, match="no file"):
        open_recording(tmp_path / "gone.edf")


def test_a_frequency_that_is_not_allowed_is_bad_input(tmp_path: Path) -> None:
    fast = signal(np.zeros(10_000), "ECG", fs=10_000.0)

    with pytest.raises(InputError, match="10000 Hz"):
        open_recording(write(tmp_path / "fast.edf", [fast]))
