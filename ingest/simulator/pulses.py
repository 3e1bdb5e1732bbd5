"""Pulse leads beside a simulated ECG: what a finger clip or an arterial line would show.

A pulse is a steep rise and a slow fall with a dicrotic wave on it: two Gaussians in time after
Goswami et al. (2010), the sum of which stands between the beats. Amplitudes follow the filling:
a beat that comes early is weaker. A heart that does not beat lets the signal run down.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from ingest.frames import Lead
from ingest.simulator.record import SimulatedRecord, simulate
from ingest.simulator.script import Script, asystole, sinus
from ingest.simulator.textures import FloatArray

PLETH = Lead("PLETH", "NU", 8000.0, 0)
"""Plethysmogram, about one unit high."""
PRESSURE = Lead("ABP", "mmHg", 100.0, 0)
"""Arterial pressure."""
DELAY_S = {PLETH: 0.32, PRESSURE: 0.12}
"""From the R-peak to the foot of the pulse, s."""
REST = {PLETH: 0.0, PRESSURE: 22.0}
"""Where the signal runs down to."""
HEIGHT = {PLETH: 1.0, PRESSURE: 52.0}
"""Height of a usual pulse over what it stands on."""
TAU_S = {PLETH: 0.5, PRESSURE: 0.9}
"""How slowly it runs down, s."""
RISE_S = 0.045
"""Spread of the rise, s: its steepest part lasts about 0.15 s."""
DICROTIC, DICROTIC_S = 0.22, 0.30
"""Height of the dicrotic wave over the pulse's, and its delay, s."""


def pulse_signal(beats_s: FloatArray, fs: float, n: int, lead: Lead) -> FloatArray:
    """Draw a pulse lead.

    Parameters
    ----------
    beats_s : array of shape (n_beats,), s
        Times of the R-peaks, rising.
    fs : float
        Sampling frequency, Hz.
    n : int
        Samples.
    lead : Lead
        :data:`PLETH` or :data:`PRESSURE`.

    Returns
    -------
    array of shape (n,)
        In the lead's unit.

    Examples
    --------
    >>> pressure = pulse_signal(np.arange(0.0, 10.0, 0.8), 125.0, 1250, PRESSURE)
    >>> bool(60 < pressure[500:].min() < 90), bool(100 < pressure[500:].max() < 160)
    (True, True)
    """
    inflow = np.zeros(n)
    rr_s = np.diff(beats_s, prepend=beats_s[:1] - 0.8)
    t_s = np.arange(n) / fs
    for beat_s, filling_s in zip(beats_s.tolist(), rr_s.tolist(), strict=True):
        weight = HEIGHT[lead] * min(max(filling_s / 0.7, 0.2), 1.2)
        for share, delay_s in ((1.0, 0.0), (DICROTIC, DICROTIC_S)):
            centre_s = beat_s + DELAY_S[lead] + 2 * RISE_S + delay_s
            first, end = (int((centre_s + k * RISE_S) * fs) for k in (-5, 5))
            part = slice(max(first, 0), min(max(end, 0), n))
            z = (t_s[part] - centre_s) / RISE_S
            inflow[part] += share * weight * np.exp(-0.5 * z * z) / (RISE_S * np.sqrt(2 * np.pi))
    signal = np.empty(n)
    kept, level = np.exp(-1.0 / (fs * TAU_S[lead])), 0.0
    for i, more in enumerate((inflow / fs).tolist()):
        level = level * kept + more
        signal[i] = level
    return REST[lead] + signal


def with_pulses(
    record: SimulatedRecord,
    leads: tuple[Lead, ...] = (PLETH,),
    *,
    beats_s: FloatArray | None = None,
    seed: int = 0,
) -> SimulatedRecord:
    """Put pulse leads beside a record's ECG.

    Parameters
    ----------
    record : SimulatedRecord
        The ECG.
    leads : tuple of Lead
        :data:`PLETH`, :data:`PRESSURE` or both.
    beats_s : array of shape (n_beats,), s
        Beats that eject blood; those of the record's truth where not given. Others let the ECG
        lie: a loose electrode over a beating heart.
    seed : int
        Seed of the noise.
    """
    n = record.samples.shape[1]
    beats = record.truth.r_peaks / record.fs if beats_s is None else np.asarray(beats_s, float)
    rng = np.random.default_rng([seed, 71])
    rows: list[NDArray[np.int16]] = [record.samples]
    for lead in leads:
        signal = pulse_signal(beats, record.fs, n, lead)
        signal += rng.normal(0.0, 0.004 * HEIGHT[lead], n)
        adu = np.clip(np.rint(signal * lead.adc_gain), -32767, 32767)
        rows.append(adu.astype(np.int16)[np.newaxis])
    return SimulatedRecord(
        record.name, record.fs, (*record.leads, *leads), np.concatenate(rows), record.truth
    )


def loose_electrode(duration_s: float, fs: float = 250.0, seed: int = 0) -> SimulatedRecord:
    """Simulate a patient whose ECG falls silent now and then while the pulses go on.

    Parameters
    ----------
    duration_s : float
        How long, s.
    fs : float
        Sampling frequency, Hz.
    seed : int
        Seed of beats and noise.

    Examples
    --------
    >>> [lead.name for lead in loose_electrode(30.0).leads]
    ['II', 'PLETH']
    """
    segments = (sinus(13.0, 74.0), asystole(9.0), sinus(38.0, 74.0))
    record = simulate(Script("dipper", segments, note="loose electrode"), fs, duration_s, seed)
    seen_s = record.truth.r_peaks / fs
    beats_s = [seen_s[:1]]
    for last_s, next_s in itertools.pairwise([*seen_s.tolist(), duration_s + 0.8]):
        n = max(round((next_s - last_s) / 0.81), 1)
        beats_s.append(np.linspace(last_s, next_s, n + 1)[1:])
    return with_pulses(record, beats_s=np.concatenate(beats_s), seed=seed)
