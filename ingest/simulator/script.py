"""What happens to a simulated patient: a script of segments, gone through again and again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from ingest.errors import InputError
from ingest.simulator.morphology import Morphology, make_morphology


class Rhythm(StrEnum):
    """What the heart, or the electrode, does in a segment."""

    SINUS = "sinus"
    BRADYCARDIA = "bradycardia"
    TACHYCARDIA = "tachycardia"
    AF = "af"
    VT = "vt"
    VF = "vf"
    ASYSTOLE = "asystole"
    PAUSE = "pause"
    LEAD_OFF = "lead_off"


QUIET = frozenset({Rhythm.VF, Rhythm.ASYSTOLE, Rhythm.PAUSE})
"""Rhythms without QRS complexes."""


@dataclass(frozen=True, slots=True)
class Ectopy:
    """Premature beats among conducted ones."""

    origin: str = "V"
    """AAMI class of the beats: ``"V"`` ventricular or ``"S"`` atrial."""
    probability: float = 0.1
    """Chance that a conducted beat is followed by premature ones, 0 to 1."""
    every: int = 0
    """If not 0, instead of chance: after this many conducted beats (1 is bigeminy)."""
    group: int = 1
    """Premature beats in a row: 1 single, 2 couplet, 3 and more a run."""
    prematurity: float = 0.6
    """Coupling interval as a fraction of the RR interval."""
    rate_bpm: float = 150.0
    """Rate within a group, bpm."""


@dataclass(frozen=True, slots=True)
class Noise:
    """What is added to the heart's signal, as standard deviations in mV."""

    emg_mv: float = 0.008
    """Muscle and amplifier noise, 20 Hz and up."""
    wander_mv: float = 0.04
    """Baseline wander by breathing and drift, below 0.6 Hz."""
    motion_mv: float = 0.0
    """Electrode motion, in bursts, 0.8 to 10 Hz."""
    mains_mv: float = 0.004
    """Amplitude of the mains hum at 50 Hz (not its standard deviation)."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of one rhythm."""

    rhythm: Rhythm
    """What the heart does."""
    duration_s: float
    """How long, s."""
    rate_bpm: float = 72.0
    """Ventricular rate, bpm; of a quiet rhythm, the rate of its P waves (0 for none)."""
    from_bpm: float = 0.0
    """Rate from which ``rate_bpm`` is reached gradually, bpm; 0 for at once."""
    ramp_s: float = 0.0
    """Time that the change of rate takes, s."""
    variability: float = 0.04
    """Standard deviation of RR over its mean."""
    ectopy: tuple[Ectopy, ...] = ()
    """Premature beats."""
    noise: Noise = field(default_factory=Noise)
    """Noise."""
    noisy: bool = False
    """The noise is an episode of its own in the truth."""
    level_mv: float = 0.0
    """Of a lead-off: the constant level, mV; beyond the converter's range it stands at a rail."""

    def __post_init__(self) -> None:
        """Raise :class:`~ingest.errors.InputError` for what cannot be simulated."""
        if not self.duration_s > 0.0:
            raise InputError(f"segment duration_s must be above 0, not {self.duration_s}")
        if self.rhythm not in QUIET and not 15.0 <= self.rate_bpm <= 300.0:
            raise InputError(f"segment rate_bpm must be 15 to 300, not {self.rate_bpm}")


@dataclass(frozen=True, slots=True)
class Script:
    """A simulated patient."""

    name: str
    """Pseudonym."""
    segments: tuple[Segment, ...]
    """Gone through in order, then again from the first."""
    morphology: Morphology = field(default_factory=make_morphology)
    """Shape of the beats."""
    note: str = ""
    """What is to be seen, for people."""

    def __post_init__(self) -> None:
        """Raise :class:`~ingest.errors.InputError` for a script without segments."""
        if not self.segments:
            raise InputError(f"script {self.name!r} has no segments")


def sinus(duration_s: float, rate_bpm: float = 72.0, *, variability: float = 0.04) -> Segment:
    """Return normal sinus rhythm."""
    return Segment(Rhythm.SINUS, duration_s, rate_bpm, variability=variability)


def bradycardia(duration_s: float, rate_bpm: float = 36.0) -> Segment:
    """Return sinus bradycardia, reached over 3 s."""
    return Segment(Rhythm.BRADYCARDIA, duration_s, rate_bpm, 60.0, 3.0, 0.03)


def tachycardia(
    duration_s: float, rate_bpm: float = 145.0, *, from_bpm: float = 90.0, ramp_s: float = 10.0
) -> Segment:
    """Return sinus tachycardia with a gradual onset; the episode begins at its end."""
    return Segment(Rhythm.TACHYCARDIA, duration_s, rate_bpm, from_bpm, ramp_s, 0.015)


def atrial_fibrillation(duration_s: float, rate_bpm: float = 105.0) -> Segment:
    """Return atrial fibrillation: irregular RR, no P, a fibrillating baseline."""
    return Segment(Rhythm.AF, duration_s, rate_bpm, variability=0.22)


def ventricular_tachycardia(duration_s: float, rate_bpm: float = 175.0) -> Segment:
    """Return monomorphic ventricular tachycardia with dissociated P waves."""
    return Segment(Rhythm.VT, duration_s, rate_bpm, variability=0.015)


def ventricular_fibrillation(duration_s: float) -> Segment:
    """Return ventricular fibrillation, coarse at first and finer as it lasts."""
    return Segment(Rhythm.VF, duration_s, 0.0)


def asystole(duration_s: float, *, p_rate_bpm: float = 0.0) -> Segment:
    """Return asystole; with ``p_rate_bpm``, ventricular standstill with P waves."""
    return Segment(Rhythm.ASYSTOLE, duration_s, p_rate_bpm, noise=Noise(0.006, 0.05, 0.0, 0.004))


def pause(duration_s: float) -> Segment:
    """Return sinus arrest: the RR interval is ``duration_s`` longer than its neighbours."""
    return Segment(Rhythm.PAUSE, duration_s, 0.0)


def lead_off(duration_s: float, *, level_mv: float = 0.0) -> Segment:
    """Return a signal that does not move; beats are neither to be seen nor in the truth."""
    return Segment(Rhythm.LEAD_OFF, duration_s, level_mv=level_mv)


def with_ectopy(segment: Segment, *ectopy: Ectopy) -> Segment:
    """Return a segment with premature beats."""
    return replace(segment, ectopy=segment.ectopy + ectopy)


def with_noise(
    segment: Segment,
    *,
    emg_mv: float = 0.008,
    wander_mv: float = 0.04,
    motion_mv: float = 0.0,
    mains_mv: float = 0.004,
) -> Segment:
    """Return a segment whose noise, in mV as in :class:`Noise`, is an episode of the truth."""
    return replace(segment, noise=Noise(emg_mv, wander_mv, motion_mv, mains_mv), noisy=True)
