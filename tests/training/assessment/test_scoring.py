"""Reference R-peaks go through the very windows that serve."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inference.ticks import TICK_MS
from ingest.wfdb_replay import open_recording
from tests.training.databases import NAMES
from training.assessment.scoring import FoundBeats, find_beats, score_database


@pytest.fixture(scope="module")
def found(data: Path) -> dict[str, FoundBeats]:
    return find_beats({name: open_recording(data / "simdb" / name) for name in NAMES[:3]})


def test_peaks_given_as_detected_give_the_same_classes(
    data: Path, found: dict[str, FoundBeats]
) -> None:
    recordings = {name: open_recording(data / "simdb" / name) for name in NAMES[:3]}
    peaks = {name: np.array(beats.sample, np.int64) for name, beats in found.items()}
    given = find_beats(recordings, peaks=peaks)
    for name in recordings:
        assert len(found[name].sample) > 30
        assert given[name].sample == found[name].sample
        assert given[name].aami == found[name].aami
    assert {aami for beats in found.values() for aami in beats.aami} >= {"N", "V"}


def test_every_given_peak_is_classified_even_two_within_a_tick(data: Path) -> None:
    recording = open_recording(data / "simdb" / NAMES[0])
    near = round(0.9 * TICK_MS * recording.fs / 1000)
    last = recording.n_samples - 1
    peaks = np.array([3, 500, 500 + near, 500 + 2 * near, 900, last], np.int64)
    given = find_beats({"r": recording}, peaks={"r": peaks})["r"]
    assert given.sample == peaks.tolist()
    assert len(given.aami) == len(peaks)


def test_reference_peaks_leave_no_error_of_detection(data: Path) -> None:
    for one in score_database(data / "simdb", NAMES[:2], reference_peaks=True):
        assert one.comparison.beats.qrs.fn == one.comparison.beats.qrs.fp == 0
        assert one.row == 0
