"""Noise at the level that is asked for, when it is asked for, and nothing else changed."""

from __future__ import annotations

import numpy as np
import pytest

from ingest.errors import InputError
from ingest.frames import MISSING_ADU, Lead
from ingest.recording import Recording
from training.ec57 import Annotations, make_annotations
from training.noise_bank import level
from training.stress.mix import PERIOD_S, QUIET_S, schedule, signal_power, with_noise

FS = 100.0
N = round(FS * (QUIET_S + 4 * PERIOD_S))


@pytest.fixture
def recording() -> Recording:
    """A square QRS of 1 mV a second, on the second of two leads."""
    samples = np.zeros((2, N), np.int16)
    samples[1, 50::100] = 200
    return Recording("r", FS, (Lead("V1"), Lead("MLII", "mV", 200.0, 0)), samples)


@pytest.fixture
def marks() -> Annotations:
    at = np.arange(50, N, 100)
    return make_annotations(at, ["N"] * len(at), FS)


@pytest.fixture
def track() -> np.ndarray:
    return (3 * np.random.default_rng(0).standard_normal(N)).astype(np.float32)


@pytest.mark.parametrize("snr_db", [24.0, 6.0, 0.0])
def test_the_snr_is_that_of_nst(
    recording: Recording, marks: Annotations, track: np.ndarray, snr_db: float
) -> None:
    noisy = with_noise(recording, 1, marks, track, snr_db)
    added = (noisy.samples[0].astype(float) - recording.samples[1]) / 200
    on = schedule(N, FS) == 1
    measured = 10 * np.log10((1.0**2 / 8) / level(added[on], FS) ** 2)
    assert measured == pytest.approx(snr_db, abs=0.2)


def test_noise_comes_after_five_minutes_and_every_other_two(
    recording: Recording, marks: Annotations, track: np.ndarray
) -> None:
    noisy = with_noise(recording, 1, marks, track, 0.0)
    changed = (noisy.samples[0] != recording.samples[1]).reshape(-1, round(PERIOD_S / 2 * FS))
    assert [bool(part.any()) for part in changed] == [False] * 5 + [True, True, False, False] * 2
    assert noisy.leads == (recording.leads[1],)


def test_without_a_level_nothing_is_added(
    recording: Recording, marks: Annotations, track: np.ndarray
) -> None:
    assert np.array_equal(
        with_noise(recording, 1, marks, track, None).samples[0], recording.samples[1]
    )


def test_what_is_missing_stays_missing_and_what_is_too_large_stands_at_the_limit(
    recording: Recording, marks: Annotations, track: np.ndarray
) -> None:
    recording.samples[1, -5:] = MISSING_ADU
    track[-1000:-5] = 1e6
    noisy = with_noise(recording, 1, marks, track, 0.0).samples[0]
    begin = round((QUIET_S + 2 * PERIOD_S) * FS) + 100
    assert (noisy[-5:] == MISSING_ADU).all()
    assert MISSING_ADU not in noisy[begin:-5]


def test_ectopic_beats_are_measured_only_where_there_are_no_normal_ones() -> None:
    mv = np.zeros(1000)
    mv[[200, 400]] = 2.0, 4.0
    both = make_annotations([200, 400], ["N", "V"], FS)
    assert signal_power(mv, both) == pytest.approx(0.5)
    assert signal_power(mv, make_annotations([400], ["V"], FS)) == pytest.approx(2.0)
    with pytest.raises(InputError, match="needs beats"):
        signal_power(mv, make_annotations([400], ["+"], FS))
