"""A ward for the demonstration: patients to each of whom something of their own happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ingest.errors import InputError
from ingest.simulator.morphology import make_morphology, random_morphology
from ingest.simulator.record import SimulatedRecord, simulate
from ingest.simulator.script import (
    Ectopy,
    Noise,
    Script,
    Segment,
    asystole,
    atrial_fibrillation,
    bradycardia,
    lead_off,
    pause,
    sinus,
    tachycardia,
    ventricular_fibrillation,
    ventricular_tachycardia,
    with_ectopy,
    with_noise,
)

Segments = tuple[Segment, ...]
"""Segments of one script."""


def demo_scripts(n: int, seed: int = 0) -> tuple[Script, ...]:
    """Return the scripts of a ward.

    To every ill patient something happens within the first 20 s, and again within
    2 minutes. After the last of the ``len(CASES)`` cases the first comes again, in another body.

    Parameters
    ----------
    n : int
        Number of patients, at least 1.
    seed : int
        Seed of the patients' morphologies.

    Returns
    -------
    tuple of Script
        One a patient, with names that differ.

    Examples
    --------
    >>> [script.name for script in demo_scripts(3)]
    ['heron', 'wren', 'swift']
    """
    if n < 1:
        raise InputError(f"a ward needs at least 1 patient, not {n}")
    scripts = []
    for bed in range(n):
        name, note, segments = CASES[bed % len(CASES)]
        around = bed // len(CASES)
        rng = np.random.default_rng([seed, 43, bed])
        script = Script(name if not around else f"{name}-{around + 1}", segments(), note=note)
        body = make_morphology() if bed == 0 else random_morphology(rng)
        scripts.append(replace(script, morphology=body))
    return tuple(scripts)


def demo_ward(
    n: int, seed: int = 0, *, fs: float = 250.0, duration_s: float = 120.0
) -> tuple[SimulatedRecord, ...]:
    """Simulate a ward.

    Parameters
    ----------
    n : int
        Number of patients, at least 1.
    seed : int
        Seed of morphologies, beats and noise.
    fs : float
        Sampling frequency, Hz.
    duration_s : float
        How long, s.

    Returns
    -------
    tuple of SimulatedRecord
        One a patient, in the order of the beds.
    """
    return tuple(
        simulate(script, fs, duration_s, seed * 1009 + bed)
        for bed, script in enumerate(demo_scripts(n, seed))
    )


def _fibrillating() -> Segments:
    return (
        with_ectopy(sinus(9.0, 84.0), Ectopy(probability=0.25)),
        ventricular_fibrillation(22.0),
        asystole(2.0),
        tachycardia(20.0, 112.0, from_bpm=52.0, ramp_s=6.0),
        sinus(50.0, 92.0),
    )


def _runs() -> Segments:
    beats = Ectopy(probability=0.12, prematurity=0.55)
    return (
        with_ectopy(sinus(6.0, 78.0), beats),
        ventricular_tachycardia(6.0, 165.0),
        with_ectopy(sinus(26.0, 80.0), beats, Ectopy(every=14, group=4, rate_bpm=140.0)),
        ventricular_tachycardia(16.0, 182.0),
        with_ectopy(sinus(40.0, 88.0), beats),
    )


def _ectopic() -> Segments:
    return (
        with_ectopy(sinus(25.0, 74.0), Ectopy(every=1, prematurity=0.58)),
        with_ectopy(sinus(30.0, 70.0), Ectopy(probability=0.12), Ectopy(probability=0.07, group=2)),
    )


def _arresting() -> Segments:
    return (
        bradycardia(8.0, 42.0),
        asystole(11.0, p_rate_bpm=58.0),
        sinus(35.0, 66.0),
        asystole(8.0),
        sinus(30.0, 58.0),
    )


def _slow() -> Segments:
    return sinus(5.0, 56.0), bradycardia(40.0, 34.0), sinus(40.0, 58.0)


def _fast() -> Segments:
    return tachycardia(40.0, 148.0, from_bpm=96.0, ramp_s=7.0), sinus(35.0, 98.0)


def _detached() -> Segments:
    return (
        sinus(10.0, 76.0),
        lead_off(9.0, level_mv=99.0),
        sinus(35.0, 78.0),
        lead_off(8.0),
        sinus(30.0, 76.0),
    )


def _restless() -> Segments:
    loud = with_noise(sinus(14.0, 82.0), emg_mv=0.5, wander_mv=0.3, motion_mv=0.7, mains_mv=0.03)
    return sinus(8.0, 78.0), loud, sinus(40.0, 80.0)


def _pausing() -> Segments:
    return sinus(9.0, 62.0), pause(2.4), sinus(24.0, 60.0), pause(2.7), sinus(30.0, 64.0)


def _paroxysmal() -> Segments:
    premature = Ectopy("S", probability=0.2, prematurity=0.62)
    return (
        with_ectopy(sinus(10.0, 72.0), premature),
        atrial_fibrillation(60.0, 128.0),
        with_ectopy(sinus(25.0, 76.0), premature),
    )


def _breathing() -> Segments:
    return (replace(sinus(60.0, 60.0, variability=0.07), noise=Noise(wander_mv=0.18)),)


CASES: tuple[tuple[str, str, Callable[[], Segments]], ...] = (
    ("heron", "sinus rhythm", lambda: (sinus(60.0, 72.0),)),
    ("wren", "ventricular fibrillation", _fibrillating),
    ("swift", "ventricular runs and tachycardia", _runs),
    ("plover", "bigeminy and couplets", _ectopic),
    ("dunlin", "asystole, once with P waves", _arresting),
    ("siskin", "bradycardia", _slow),
    ("merlin", "sinus tachycardia", _fast),
    ("avocet", "lead off", _detached),
    ("linnet", "noise and electrode motion", _restless),
    ("godwit", "atrial fibrillation", lambda: (atrial_fibrillation(60.0, 112.0),)),
    ("curlew", "pauses", _pausing),
    ("petrel", "premature atrial beats, paroxysmal fibrillation", _paroxysmal),
    ("osprey", "sinus rhythm, baseline wander", _breathing),
    (
        "pipit",
        "premature atrial beats",
        lambda: (with_ectopy(sinus(60.0, 68.0), Ectopy("S", probability=0.15, prematurity=0.65)),),
    ),
)
"""Pseudonym, what is to be seen, and the segments, in the order of the beds."""
