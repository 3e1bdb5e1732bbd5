"""Reference R-peaks go through the very windows that serve."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from inference.ticks import TICK_MS
from ingest.frames import MISSING_ADU
from ingest.recording import Recording
from ingest.simulator import Script, asystole, simulate, sinus
from ingest.wfdb_replay import open_recording
from tests.training.databases import NAMES
from training.assessment.scoring import FoundBeats, find_beats, score_database
from training.qrs_thresholds import find_at


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


def two_leads(name: str) -> Recording:
    """A recording of two leads, the first of which is off for half a minute."""
    record = simulate(Script(name, (sinus(80.0, 75.0),)), 250.0, 80.0, 3)
    first = record.samples[0]
    samples = np.stack([first, first * 2 // 3]).astype(np.int16)
    samples[0, 5000:12500] = MISSING_ADU
    lead = record.leads[0]
    leads = (lead, dataclasses.replace(lead, name="V1"))
    return Recording(name, 250.0, leads, samples)


def test_peaks_are_given_and_found_across_a_change_of_lead() -> None:
    recording = two_leads("p")
    found = find_beats({"p": recording})["p"]
    peaks = np.arange(200, recording.n_samples - 200, 211)
    given = find_beats({"p": recording}, peaks={"p": peaks})["p"]
    assert len(found.sample) > 80
    assert given.sample == [r for r in peaks.tolist() if r in {*given.sample}]
    assert 0 < len(peaks) - len(given.sample) <= 4, (
        "but those whose windows were not whole at one of the two changes"
    )
    same = find_at({"p": recording}, [0.05, 0.5])
    assert len(same[0.05]["p"]) >= len(same[0.5]["p"]) > 80


def test_all_given_peaks_are_beats_however_small() -> None:
    script = (sinus(30.0, 75.0), asystole(20.0, p_rate_bpm=60.0), sinus(10.0, 75.0))
    recording = simulate(Script("p", script), 250.0, 60.0, 3).as_recording()
    peaks = np.arange(200, recording.n_samples - 200, 211)
    assert find_beats({"p": recording}, peaks={"p": peaks})["p"].sample == peaks.tolist()
