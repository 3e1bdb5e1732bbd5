"""Drifts that are planted into recordings, to see whether and when they are found."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from inference.limits import Limits
from inference.streams import UV_PER_UNIT
from ingest.frames import ECG_UNITS, MISSING_ADU
from ingest.recording import Recording

NOISE_UV = 50.0
"""RMS of the planted noise, uV."""
FASTER = 1.2
"""How much faster hearts beat in the planted change of rate."""
GAIN = 0.5
"""Share of the amplitude that is left in the planted change of gain."""
TEMPERATURE = 1.5
"""What logits of the classes' probabilities are divided by in the planted change of scores."""


@dataclass(frozen=True, slots=True)
class Plant:
    """One drift."""

    name: str
    """Its name."""
    text: str
    """What was done, in words."""
    change: Callable[[Recording], Recording] = lambda recording: recording
    """What is done to a recording."""
    limits: Limits = field(default_factory=Limits)
    """Alarm limits in force."""
    seen: Callable[[float], float] = lambda probability: probability
    """What is done to the probability of a beat's class."""
    families: tuple[str, ...] = ()
    """Families of figures in which it must be found; empty: nothing is planted."""


def less_gain(recording: Recording) -> Recording:
    """Make the signal smaller while the header says what it said."""
    return replace(recording, samples=_each(recording, lambda adu: adu * GAIN))


def noisier(recording: Recording) -> Recording:
    """Add even noise to the electrical leads."""
    rng = np.random.default_rng(zlib.crc32(recording.name.encode()))
    samples = recording.samples.copy()
    for row, lead in enumerate(recording.leads):
        if lead.unit in ECG_UNITS:
            adu = NOISE_UV / UV_PER_UNIT[lead.unit] * abs(lead.adc_gain)
            noise = rng.normal(0.0, adu, recording.n_samples)
            missing = samples[row] == MISSING_ADU
            samples[row] = np.clip(np.rint(samples[row] + noise), -32767, 32767)
            samples[row, missing] = MISSING_ADU
    return replace(recording, samples=samples)


def faster(recording: Recording) -> Recording:
    """Say that the same samples took less time."""
    return replace(recording, fs=round(recording.fs * FASTER))


def exchanged(recording: Recording) -> Recording:
    """Exchange the first two electrical leads; turn the only one upside down."""
    rows = [i for i, lead in enumerate(recording.leads) if lead.unit in ECG_UNITS]
    samples = recording.samples.copy()
    if len(rows) > 1:
        samples[rows[:2]] = samples[rows[1::-1]]
    else:
        lead = recording.leads[rows[0]]
        own = samples[rows[0]].astype(np.int64)
        turned = np.clip(2 * lead.baseline - own, -32767, 32767)
        samples[rows[0]] = np.where(own == MISSING_ADU, MISSING_ADU, turned)
    return replace(recording, samples=samples)


def flatter(probability: float) -> float:
    """Take some certainty from a probability.

    Examples
    --------
    >>> round(flatter(0.99), 3)
    0.955
    """
    clipped = min(max(probability, 1e-6), 1 - 1e-6)
    return float(1 / (1 + np.exp(-np.log(clipped / (1 - clipped)) / TEMPERATURE)))


def _each(recording: Recording, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Change the electrical leads about their baselines; what is missing stays so."""
    samples = recording.samples.copy()
    for row, lead in enumerate(recording.leads):
        if lead.unit in ECG_UNITS:
            own = samples[row].astype(float) - lead.baseline
            changed = np.clip(np.rint(change(own) + lead.baseline), -32767, 32767)
            samples[row] = np.where(samples[row] == MISSING_ADU, MISSING_ADU, changed)
    return samples


NARROWER = Limits(bradycardia_bpm=70.0, tachycardia_bpm=85.0, vebs_per_min=1, irregular_share=0.2)
"""Alarm limits that alarm more often."""

PLANTS = (
    Plant("none", "nothing is changed"),
    Plant("gain", f"{GAIN:.0%} of the amplitude, the header as it was", less_gain,
          families=("signal",)),
    Plant("noise", f"even noise of {NOISE_UV:g} uV RMS", noisier, families=("signal",)),
    Plant("rate", f"hearts {FASTER - 1:.0%} faster", faster, families=("signal",)),
    Plant("leads", "the first two leads exchanged, an only one upside down", exchanged,
          families=("signal",)),
    Plant("scores", f"logits of the classes divided by {TEMPERATURE:g}", seen=flatter,
          families=("scores",)),
    Plant("burden", "narrower limits of rate, ectopy and irregularity", limits=NARROWER,
          families=("burden",)),
)  # fmt: skip
"""All of them, the first nothing."""
