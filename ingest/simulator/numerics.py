"""Numerics beside a simulated ECG: what a bedside monitor would tell once a second.

They follow the heart: while nothing pumps, the finger clip finds no pulse and tells neither rate
nor saturation, and the arterial line shows what is left of the pressure. Saturation and breathing
swing slowly; one patient desaturates now and then.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from ingest.frames import MISSING_ADU, Lead
from ingest.recording import Recording
from ingest.simulator.record import SimulatedRecord
from ingest.simulator.textures import FloatArray

GAIN = 10.0
"""Tenths are told, adu/unit."""
CHANNELS = tuple(
    Lead(name, unit, GAIN, 0) for name, unit in (("PULSE", "bpm"), ("RESP", "pm"), ("SpO2", "%"))
)
"""What a finger clip and the breathing tell."""
LINE = tuple(Lead(f"ABP {part}", "mmHg", GAIN, 0) for part in ("SYS", "DIAS", "MEAN"))
"""What an arterial line tells."""
LEAST_BEATS, WITHIN_S = 3, 5.0
"""Beats within so many seconds that a rate is made of; with fewer the last one stands."""
PULSELESS = ("vf", "asystole")
"""Episodes in which nothing pumps."""
FINDS_OUT_S = 3.0
"""How long the finger clip goes on when pulses have gone, and waits when they are back, s."""
SUFFIX = "-n"
"""What stands behind a patient's pseudonym in that of its numerics."""
ARREST_MMHG = (24.0, 18.0, 20.0)
"""Pressures while nothing pumps."""
DESATURATION_EVERY_S, DESATURATION_S, DESATURATION = 150.0, 40.0, 12.0
"""How often, how long and how deep one desaturates, s, s, %."""


def numerics_beside(
    record: SimulatedRecord, *, seed: int = 0, line: bool = False, desaturates: bool = False
) -> Recording:
    """Make the numerics of a simulated patient.

    Parameters
    ----------
    record : SimulatedRecord
        The ECG with its truth.
    seed : int
        Seed of what swings.
    line : bool
        Whether there is an arterial line.
    desaturates : bool
        Whether saturation falls now and then.

    Returns
    -------
    Recording
        At 1 Hz, as long as the ECG; its name ends with :data:`SUFFIX`.

    Examples
    --------
    >>> from ingest.simulator.ward import demo_ward
    >>> found = numerics_beside(demo_ward(1)[0])
    >>> found.name, [lead.name for lead in found.leads], found.samples.shape
    ('heron-n', ['PULSE', 'RESP', 'SpO2'], (3, 120))
    """
    second = np.arange(int(record.duration_s), dtype=np.float64)
    rng = np.random.default_rng([seed, 97, zlib.crc32(record.name.encode())])
    rate = _pulse_rate(record.truth.r_peaks / record.fs, second, _standing(record, second))
    pumps = np.isfinite(rate)
    breaths = 15 + rng.uniform(-2, 3) + _swing(second, rng, 1.2)
    saturation = np.minimum(97 + rng.uniform(-1, 1) + _swing(second, rng, 0.6), 100.0)
    if desaturates:
        at = (second % DESATURATION_EVERY_S) / DESATURATION_S
        saturation -= DESATURATION * np.where(at < 1, np.sin(np.pi * at) ** 2, 0.0)
    rows = [rate, breaths, np.where(pumps, saturation, np.nan)]
    if line:
        mean = 88 + rng.uniform(-8, 8) + _swing(second, rng, 3.0)
        told = (1.32 * mean, 0.84 * mean, mean)
        rows += [np.where(pumps, p, low) for p, low in zip(told, ARREST_MMHG, strict=True)]
    whole = np.round(np.stack(rows))
    samples = np.where(np.isnan(whole), MISSING_ADU, np.nan_to_num(whole) * GAIN)
    leads = (*CHANNELS, *LINE) if line else CHANNELS
    return Recording(f"{record.name}{SUFFIX}", 1.0, leads, samples.astype(np.int16))


def _standing(record: SimulatedRecord, second: FloatArray) -> NDArray[np.bool_]:
    """Tell the seconds in which nothing pumps; a lead that is off only hides the beats."""
    found = np.zeros(len(second), np.bool_)
    for episode in record.truth.episodes:
        if episode.kind in PULSELESS:
            begin, end = episode.onset_sample / record.fs, episode.offset_sample / record.fs
            found |= (second >= begin + FINDS_OUT_S) & (second < end + FINDS_OUT_S)
    return found


def _pulse_rate(beats_s: FloatArray, second: FloatArray, standing: NDArray[np.bool_]) -> FloatArray:
    """Mean rate of the beats of the last seconds, bpm; NaN where nothing pumps."""
    found, rate = np.full(len(second), np.nan), np.nan
    for i, end_s in enumerate((second + 1).tolist()):
        near = beats_s[(beats_s > end_s - WITHIN_S) & (beats_s <= end_s)]
        if len(near) >= LEAST_BEATS:
            rate = 60 * (len(near) - 1) / (near[-1] - near[0])
        found[i] = np.nan if standing[i] else rate
    return found


def _swing(second: FloatArray, rng: np.random.Generator, height: float) -> FloatArray:
    """Two slow waves and a little noise."""
    found = np.zeros(len(second))
    for period_s in rng.uniform(25, 140, 2).tolist():
        found += 0.6 * height * np.sin(2 * np.pi * (second / period_s + rng.uniform()))
    return found + rng.normal(0, 0.25 * height, len(second))
