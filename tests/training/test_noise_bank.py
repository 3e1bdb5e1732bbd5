"""What is taken for noise, the two parts of it, and tracks strung together."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from ingest.errors import InputError
from tests.training.databases import NAMES, patient
from training.noise_bank import (
    MOST_REGULAR,
    NoiseSegment,
    level,
    load_noise,
    noise_track,
    part_of,
    patients_kept_apart,
    regularity,
)

FS = 250


def motion(seed: int, n: int) -> np.ndarray:
    """Make irregular electrode motion with muscle noise, mV."""
    rng = np.random.default_rng(seed)
    noise = 0.1 * rng.standard_normal(n)
    for at in rng.integers(0, n, n // 100):
        width = int(rng.integers(10, 60))
        noise[at : at + width] += rng.uniform(-1, 1)
    return noise


def write(folder: Path, name: str, mv: np.ndarray) -> None:
    import wfdb

    wfdb.wrsamp(
        name,
        fs=FS,
        units=["mV"],
        sig_name=["ECG"],
        d_signal=np.rint(mv * 1000).astype(np.int64)[:, None],
        fmt=["16"],
        adc_gain=[1000.0],
        baseline=[0],
        write_dir=str(folder),
    )


@pytest.fixture(scope="module")
def noisy_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Challenge records of class ~: noise, a plain ECG, a flat line, and one of class N."""
    data = tmp_path_factory.mktemp("noisy")
    folder = data / "cinc2017"
    folder.mkdir()
    ecg = patient(0, FS, 30.0).samples[0] / 200
    n = 30 * FS
    records = {
        "A00002": motion(1, n),
        "A00004": ecg[:n],
        "A00006": np.zeros(n),
        "A00003": motion(2, n),
        "A00008": motion(3, n),
    }
    for name, mv in records.items():
        write(folder, name, mv)
    classes = dict.fromkeys(records, "~") | {"A00008": "N"}
    with (folder / "REFERENCE.csv").open("w", newline="") as file:
        csv.writer(file).writerows(classes.items())
    return data


def test_only_noise_of_its_own_part_is_taken(noisy_data: Path) -> None:
    test, training = (load_noise(noisy_data, part, 360) for part in ("test", "training"))  # type: ignore[arg-type]
    assert {s.patient for s in test} == {"cinc2017/A00002"}
    assert {s.patient for s in training} == {"cinc2017/A00003"}
    for segment in (*test, *training):
        assert len(segment.noise) == 8 * 360
        assert level(segment.noise, 360) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("seed", range(len(NAMES)))
def test_a_heart_is_regular_and_noise_is_not(seed: int) -> None:
    ecg = patient(seed, FS, 20.0).samples[0][: 8 * FS] / 200
    assert regularity(ecg, FS) > 1.6 * MOST_REGULAR
    assert regularity(motion(seed, 8 * FS), FS) < 1.4 * MOST_REGULAR
    assert regularity(np.zeros(8 * FS), FS) == 0


@pytest.mark.data
def test_no_patient_is_in_both_parts(data_dir: Path) -> None:
    parts = {part: load_noise(data_dir, part, 125) for part in ("training", "test")}  # type: ignore[arg-type]
    patients = {part: {s.patient for s in found} for part, found in parts.items()}
    assert not patients["training"] & patients["test"]
    apart = patients_kept_apart(data_dir)
    assert patients["test"] <= apart
    assert not patients["training"] & apart
    for part, names in patients.items():
        assert {name.split("/")[0] for name in names} == {"vfdb", "cinc2017"}
        assert {part_of(name.split("/")[1]) for name in names} == {part}


def test_a_track_is_as_long_and_as_loud_as_asked_and_seeded() -> None:
    segments = [
        NoiseSegment(
            f"x/{i}", 0.0, np.random.default_rng(i).standard_normal(800).astype(np.float32)
        )
        for i in range(3)
    ]
    tracks = [noise_track(segments, 5000, 100, np.random.default_rng(seed)) for seed in (7, 7, 8)]
    assert {len(track) for track in tracks} == {5000}
    assert np.array_equal(tracks[0], tracks[1])
    assert not np.array_equal(tracks[0], tracks[2])
    for track in tracks:
        assert level(track, 100) == pytest.approx(1.0, abs=0.1)
        assert (np.abs(track[:10]) > 0).all(), "the first samples are faded in"


def test_who_is_kept_apart_is_named_whether_a_stretch_was_taken_or_not(noisy_data: Path) -> None:
    assert patients_kept_apart(noisy_data) == {f"cinc2017/A0000{n}" for n in (2, 4, 6)}


def test_a_folder_without_noise_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="vfdb or cinc2017"):
        load_noise(tmp_path, "test", 360)
