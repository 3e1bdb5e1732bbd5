"""A simulated recording: int16 samples, and what is true of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.errors import InputError
from ingest.frames import MAX_FS, MIN_FS, Lead
from ingest.recording import Recording
from ingest.simulator.render import (
    RAIL_MV,
    add_noise,
    continuous_activity,
    draw_beats,
    take_lead_off,
)
from ingest.simulator.script import Rhythm, Script
from ingest.simulator.textures import FloatArray
from ingest.simulator.timeline import AAMI_OF_ORIGIN, Timeline, make_timeline

LEAD = Lead("II", "mV", 200.0, 0)
"""The lead that is simulated, and its calibration."""


@dataclass(frozen=True, slots=True)
class Episode:
    """A rhythm or state of the signal with its place."""

    kind: str
    """``"sinus"``, ``"bradycardia"``, ``"tachycardia"``, ``"af"``, ``"vt"``, ``"run"``, ``"vf"``,
    ``"asystole"``, ``"pause"``, ``"lead_off"`` or ``"noise"``."""
    onset_sample: int
    """Sample at which it begins. A run and VT begin and end with their first and last R-peak;
    asystole and pause last from the R-peak before to the one after."""
    offset_sample: int
    """Sample at which it ends, or the end of the recording."""


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What is known of a simulated recording."""

    r_peaks: NDArray[np.int64]
    """Array of shape (n_beats,): samples of the R-peaks, rising. A ventricular beat's is that
    of its largest deflection. Beats that a lead-off hides are left out."""
    aami: NDArray[np.int8]
    """Array of shape (n_beats,): class of each beat, an index into ``"NSVFQ"``."""
    episodes: tuple[Episode, ...]
    """Episodes by onset; noise, lead-off and runs may lie within others."""


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedRecord:
    """A simulated recording of one patient in one lead."""

    name: str
    """Pseudonym."""
    fs: float
    """Sampling frequency, Hz."""
    leads: tuple[Lead, ...]
    """The lead and its calibration."""
    samples: NDArray[np.int16]
    """Array of shape (1, n_samples), adu."""
    truth: Truth
    """Beats and episodes."""

    @property
    def duration_s(self) -> float:
        """Length, s."""
        return float(self.samples.shape[1] / self.fs)

    def as_recording(self, start_unix_ns: int = 0) -> Recording:
        """Return samples and leads as what replay streams; the samples are shared."""
        return Recording(self.name, self.fs, self.leads, self.samples, start_unix_ns)


def simulate(script: Script, fs: float, duration_s: float, seed: int) -> SimulatedRecord:
    """Simulate a patient.

    The same arguments give the same samples, and a shorter run is a prefix of a
    longer one. The beats are at the same times at any ``fs``.

    Parameters
    ----------
    script : Script
        The patient; the script is gone through again and again.
    fs : float
        Sampling frequency, Hz.
    duration_s : float
        How long, s.
    seed : int
        Seed of all that varies, not negative.

    Returns
    -------
    SimulatedRecord
        Samples and truth.

    Raises
    ------
    InputError
        If ``fs``, ``duration_s`` or ``seed`` cannot be used.

    Examples
    --------
    >>> from ingest.simulator import sinus
    >>> record = simulate(Script("heron", (sinus(10.0, 60.0),)), 250.0, 20.0, seed=1)
    >>> record.samples.shape, record.truth.r_peaks.size
    ((1, 5000), 20)
    """
    if not MIN_FS <= fs <= MAX_FS:
        raise InputError(f"fs must be {MIN_FS:g} to {MAX_FS:g} Hz, not {fs}")
    if not (np.isfinite(duration_s) and duration_s > 0.0):
        raise InputError(f"duration_s must be above 0, not {duration_s}")
    if seed < 0:
        raise InputError(f"seed must not be negative, not {seed}")
    timeline = make_timeline(script, duration_s, seed)
    n = round(duration_s * fs)
    signal_mv = draw_mv(script, timeline, fs, n, seed)
    return SimulatedRecord(
        script.name, fs, (LEAD,), to_adu(signal_mv)[np.newaxis], make_truth(timeline, fs, n)
    )


def draw_mv(script: Script, timeline: Timeline, fs: float, n: int, seed: int) -> FloatArray:
    """Draw all of a patient's signal as an array of shape (n,), mV."""
    signal_mv = draw_beats(timeline, script.morphology, fs, n)
    signal_mv += continuous_activity(timeline.spans, seed, fs, n)
    add_noise(signal_mv, timeline.spans, seed, fs)
    take_lead_off(signal_mv, timeline.spans, fs)
    return signal_mv


def to_adu(signal_mv: FloatArray) -> NDArray[np.int16]:
    """Convert mV to adu of ``LEAD``, standing at the rails beyond the converter's range.

    Examples
    --------
    >>> to_adu(np.array([0.0, 1.0, -99.0])).tolist()
    [0, 200, -2040]
    """
    clipped = np.clip(signal_mv, -RAIL_MV, RAIL_MV)
    return np.rint(clipped * LEAD.adc_gain + LEAD.baseline).astype(np.int16)


def make_truth(timeline: Timeline, fs: float, n: int) -> Truth:
    """Return what is true of the first n samples."""
    sample = np.rint(timeline.t_s * fs).astype(np.int64)
    aami = AAMI_OF_ORIGIN[timeline.origin]
    seen = (aami >= 0) & (sample >= 0) & (sample < n)
    for span in timeline.spans:
        if span.segment.rhythm is Rhythm.LEAD_OFF:
            seen &= (timeline.t_s < span.start_s) | (timeline.t_s >= span.end_s)
    episodes = (
        Episode(str(e.kind), round(e.onset_s * fs), min(round(e.offset_s * fs), n))
        for e in timeline.episodes
    )
    return Truth(sample[seen], aami[seen], tuple(e for e in episodes if e.onset_sample < n))
