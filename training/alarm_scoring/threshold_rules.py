"""Plain threshold rules: the Challenge's definitions on the beats that wfdb's xqrs finds.

What a system without classes or quality would say, to compare with. It knows
the times of QRS complexes only: of ventricular tachycardia it sees the rate,
of fibrillation that no regular QRS is there.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.streams import UV_PER_UNIT, choose_lead
from ingest.errors import InputError
from ingest.frames import MISSING_ADU
from ingest.wfdb_replay import open_recording
from training.alarm_scoring.challenge2015 import ALARM_S, WINDOW_S, Case

HEARD_S = 60.0
"""Signal before the alarm that the detector sees: it learns its threshold from it, s."""

Rule = Callable[[NDArray[np.float64]], bool]
"""Tells from the times of beats, s before the alarm (negative), whether the alarm is true."""


def silence(beats_s: NDArray[np.float64], least_s: float = 4.0) -> bool:
    """Tell whether there is no QRS for so long within the window.

    Examples
    --------
    >>> silence(np.arange(-60.0, -4.5, 0.5)), silence(np.arange(-60.0, -3.0, 0.5))
    (True, False)
    """
    edges = np.concatenate([[-HEARD_S], beats_s, [0.0]])
    ends, gaps_s = edges[1:], np.diff(edges)
    return bool(((ends > -WINDOW_S) & (gaps_s >= least_s)).any())


def rate(n_beats: int, *, above_bpm: float = 0.0, below_bpm: float = np.inf) -> Rule:
    """Make the rule of a mean rate over so many beats, the last of them in the window.

    Examples
    --------
    >>> slow = rate(5, below_bpm=40)
    >>> slow(np.arange(-20.0, 0.0, 2.0)), slow(np.arange(-20.0, 0.0, 1.0))
    (True, False)
    """

    def rule(beats_s: NDArray[np.float64]) -> bool:
        last, first = beats_s[n_beats - 1 :], beats_s[: max(len(beats_s) - n_beats + 1, 0)]
        bpm = 60.0 * (n_beats - 1) / np.maximum(last - first, 1e-3)
        return bool(((last > -WINDOW_S) & (bpm > above_bpm) & (bpm < below_bpm)).any())

    return rule


def fibrillation(beats_s: NDArray[np.float64]) -> bool:
    """Tell whether 4 s of the window hold one QRS at most, or more than 250 a minute.

    Examples
    --------
    >>> fibrillation(np.arange(-60.0, 0.0, 0.8)), fibrillation(np.arange(-60.0, 0.0, 0.2))
    (False, True)
    """
    return silence(beats_s) or rate(17, above_bpm=250.0)(beats_s)


RULES: dict[str, Rule] = {
    "Asystole": silence,
    "Bradycardia": rate(5, below_bpm=40.0),
    "Tachycardia": rate(17, above_bpm=140.0),
    "Ventricular_Tachycardia": rate(5, above_bpm=100.0),
    "Ventricular_Flutter_Fib": fibrillation,
}
"""The Challenge's definitions, as far as the times of QRS complexes can tell them."""


def said_true(folder: Path, case: Case) -> bool:
    """Say whether an alarm was true by the rule of its type.

    Raises
    ------
    InputError
        If the record cannot be read, or has no ECG.
    """
    return RULES[case.alarm](beat_times_s(folder / case.record))


def beat_times_s(record: Path) -> NDArray[np.float64]:
    """Find QRS complexes in the minute before the alarm, and nothing behind it.

    Returns
    -------
    array of shape (n_beats,)
        Times before the alarm, s, negative.

    Raises
    ------
    InputError
        If the record cannot be read, has no ECG, or ends before the alarm.
    """
    recording = open_recording(record)
    row = choose_lead(recording.leads, None)
    if row is None:
        raise InputError(f"record {recording.name} has no ECG")
    lead, fs = recording.leads[row], recording.fs
    end, first = round(ALARM_S * fs), round((ALARM_S - HEARD_S) * fs)
    if recording.n_samples < end:
        raise InputError(f"record {recording.name} ends before its alarm at {ALARM_S:g} s")
    adu = np.asarray(recording.samples[row, first:end])
    scale_mv = UV_PER_UNIT[lead.unit] / 1000 / lead.adc_gain
    mv = np.where(adu == MISSING_ADU, 0.0, (adu.astype(np.float64) - lead.baseline) * scale_mv)
    if np.ptp(mv) == 0:
        return np.zeros(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # wfdb 4.3 with pandas 3
        processing = importlib.import_module("wfdb.processing")
        found = processing.xqrs_detect(mv, fs=fs, verbose=False)
    return np.asarray(found, np.float64) / fs - HEARD_S
