"""The limits that a user may select, and what makes a set of them contradictory.

What each limit is for stands in :mod:`inference.conditions`. Numbers cited as
"Challenge 2015" are those of the PhysioNet/Computing in Cardiology Challenge
2015 (Clifford et al., "The PhysioNet/Computing in Cardiology Challenge 2015:
Reducing False Arrhythmia Alarms in the ICU"). Where no source is named the
default is Vigil's own choice.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingest.errors import InputError

MAX_BEATS = 20
"""Most beats a definition may look back on: the length of the beat history kept a stream."""
SUSPEND_WINDOW_S = 30
"""Stretch of which so much must be unreadable for arrhythmia calling to be suspended, s."""
FLAT_LINE_S = 2.0
"""A signal that has not moved for so long is flat, s."""


def _limit(default: float, low: float, high: float, *, by_patient: bool = True) -> Any:
    """Make a dataclass field with its default, the range allowed, and whether patients differ."""
    allowed = {"low": low, "high": high, "by_patient": by_patient}
    return dataclasses.field(default=default, metadata=allowed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """One selected set of alarm limits; refuses what is out of range or contradicts itself.

    Raises
    ------
    InputError
        Naming the limit and what is allowed.

    Examples
    --------
    >>> Limits().asystole_ms
    4000
    >>> Limits(pause_s=3.5, asystole_s=3.0)
    Traceback (most recent call last):
    ...
    ingest.errors.InputError: limit pause_s = 3.5 must be below asystole_s = 3.0
    """

    vf_s: float = _limit(4.0, 3.0, 8.0, by_patient=False)
    """Waveform of ventricular fibrillation that is called so, s (Challenge 2015)."""
    asystole_s: float = _limit(4.0, 2.5, 10.0)
    """Readable signal without a QRS that is asystole, s (Challenge 2015)."""
    pause_s: float = _limit(3.0, 1.5, 5.0)
    """RR interval that is a pause, s (2018 ACC/AHA/HRS bradycardia guideline: over 3 s)."""
    pulseless_s: float = _limit(5.0, 3.0, 7.0)
    """Time without a pulse in an arterial line that is an arrest of the circulation, s."""
    extreme_bradycardia_bpm: float = _limit(40.0, 15.0, 100.0)
    """Mean rate below which bradycardia is extreme, bpm (Challenge 2015)."""
    extreme_bradycardia_beats: int = _limit(5, 3, MAX_BEATS)
    """Consecutive beats over which that rate is taken (Challenge 2015)."""
    extreme_tachycardia_bpm: float = _limit(140.0, 80.0, 300.0)
    """Mean rate above which tachycardia is extreme, bpm (Challenge 2015)."""
    extreme_tachycardia_beats: int = _limit(17, 3, MAX_BEATS)
    """Consecutive beats over which that rate is taken (Challenge 2015)."""
    bradycardia_bpm: float = _limit(50.0, 15.0, 150.0)
    """Mean rate below which there is bradycardia, bpm."""
    bradycardia_beats: int = _limit(8, 3, MAX_BEATS)
    """Consecutive beats over which that rate is taken."""
    tachycardia_bpm: float = _limit(120.0, 60.0, 300.0)
    """Mean rate above which there is tachycardia, bpm."""
    tachycardia_beats: int = _limit(8, 3, MAX_BEATS)
    """Consecutive beats over which that rate is taken."""
    rate_margin_bpm: float = _limit(5.0, 0.0, 30.0)
    """How far inside its limit a rate must return before the episode can end, bpm."""
    rate_end_beats: int = _limit(3, 1, 10)
    """Consecutive RR intervals back inside that end a rate episode."""
    vt_bpm: float = _limit(100.0, 60.0, 250.0)
    """Mean rate above which a ventricular run is tachycardia, bpm (Challenge 2015)."""
    vt_beats: int = _limit(5, 3, MAX_BEATS)
    """Consecutive ventricular beats that make it (Challenge 2015)."""
    vt_end_beats: int = _limit(3, 1, 10)
    """Consecutive beats of other classes that end it: one fusion or capture beat does not."""
    vt_sustained_s: float = _limit(30.0, 10.0, 120.0)
    """Length from which it is sustained, s (2017 AHA/ACC/HRS guideline: over 30 s)."""
    v_run_beats: int = _limit(3, 3, MAX_BEATS)
    """Consecutive ventricular beats that make a run (three: the usual definition)."""
    v_run_max_rr_s: float = _limit(2.0, 0.6, 4.0)
    """Ventricular beats this far apart are no run; silence of this length ends one, s."""
    stale_s: float = _limit(10.0, 5.0, 60.0, by_patient=False)
    """Without a beat, or unreadable, for this long: what is open can be upheld no longer, s."""
    af_beats: int = _limit(32, 16, 64, by_patient=False)
    """Beats over which atrial fibrillation is judged: about the 30 s from which it is called so
    (2020 ESC guideline)."""
    sv_run_beats: int = _limit(3, 3, MAX_BEATS)
    """Consecutive supraventricular ectopic beats that make a run (three: the usual definition)."""
    sv_run_bpm: float = _limit(100.0, 60.0, 300.0)
    """Mean rate above which they do, bpm."""
    r_on_t_share: float = _limit(1 / 3, 0.2, 0.6)
    """Share of the mean RR interval below which a ventricular beat falls on a T wave (Edan)."""
    bigeminy_cycles: int = _limit(3, 2, 6)
    """Cycles of one other and one ventricular beat that are bigeminy (Mindray)."""
    trigeminy_cycles: int = _limit(3, 2, 6)
    """Cycles of two others and one ventricular beat that are trigeminy (Mindray)."""
    vebs_per_min: int = _limit(10, 1, 60)
    """Ventricular beats in a minute that are frequent."""
    missed_beat_share: float = _limit(1.75, 1.5, 2.5)
    """RR interval over the mean one from which a beat is missed (Mindray)."""
    irregular_beats: int = _limit(20, 8, MAX_BEATS)
    """Beats over which irregularity is judged."""
    irregular_share: float = _limit(0.5, 0.2, 0.9)
    """Share of their successive RR intervals above which it is called."""
    burden_end_s: float = _limit(30.0, 5.0, 300.0)
    """Time without any more of it that ends ectopy or irregularity, s."""
    lead_off_s: float = _limit(2.0, 0.4, 30.0, by_patient=False)
    """Signal stuck at the converter's limit that is a lead off, s."""
    signal_gap_s: float = _limit(2.0, 0.4, 30.0, by_patient=False)
    """Missing samples that are a signal gap, s."""
    noise_s: float = _limit(5.0, 1.0, 60.0, by_patient=False)
    """Unreadable signal, without a good stretch, that is noise, s."""
    technical_clear_s: float = _limit(1.0, 0.2, 10.0, by_patient=False)
    """Good signal that ends a technical condition, s."""
    flat_line_s: float = _limit(2.0, 0.4, 30.0, by_patient=False)
    """Flat signal, behind the 2 s that make it flat, that is a flat line, s."""
    saturation_s: float = _limit(3.0, 0.4, 60.0, by_patient=False)
    """Signal that hits the converter's limit, without a good stretch, that is saturation, s."""
    suspend_s: int = _limit(20, 10, 30, by_patient=False)
    """Unreadable seconds among the last 30 that suspend arrhythmia calling."""
    resume_s: int = _limit(10, 3, 30, by_patient=False)
    """Readable seconds in a row that end its suspension."""
    switch_s: float = _limit(3.0, 0.6, 10.0, by_patient=False)
    """Unreadable signal, of the last 10 s, from which another lead is scored if it is better, s."""
    return_s: float = _limit(10.0, 3.0, 60.0, by_patient=False)
    """Readable signal without a break from which the first lead is scored again, s."""
    late_s: float = _limit(5.0, 1.0, 300.0, by_patient=False)
    """Age of the newest sample from which a stream is late, s."""
    lost_s: float = _limit(10.0, 2.0, 3600.0, by_patient=False)
    """Silence of a device from which it is lost, s."""
    clock_jump_s: float = _limit(2.0, 0.1, 3600.0, by_patient=False)
    """Change of a device's clock against its count of samples that is told, s."""

    def __post_init__(self) -> None:
        for key in dataclasses.fields(self):
            _check_range(key, getattr(self, key.name))
        self._check_rates()
        self._check_below("pause_s", "asystole_s")
        self._check_below("v_run_beats", "vt_beats", or_equal=True)
        if 60.0 / self.extreme_bradycardia_bpm >= self.asystole_s:
            raise InputError(
                f"limit extreme_bradycardia_bpm = {self.extreme_bradycardia_bpm} must be above "
                f"{60.0 / self.asystole_s:g}: slower than that is asystole "
                f"(asystole_s = {self.asystole_s})"
            )
        if 60.0 / self.vt_bpm >= self.v_run_max_rr_s:
            raise InputError(
                f"limit v_run_max_rr_s = {self.v_run_max_rr_s} must be above "
                f"{60.0 / self.vt_bpm:g}, the RR interval at vt_bpm = {self.vt_bpm}"
            )

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Limits:
        """Build from the keys of a configuration file, defaults for those not given.

        Raises
        ------
        InputError
            Also for a key that is no limit.
        """
        known = [key.name for key in dataclasses.fields(cls)]
        for key in values:
            if key not in known:
                raise InputError(f"limit {key!r} is unknown; known are {', '.join(known)}")
        return cls(**values)

    def changed(self, values: Mapping[str, Any]) -> Limits:
        """Select some limits anew for one patient; all of them, or none.

        Raises
        ------
        InputError
            If one is unknown, out of range, contradicts another, or is the same for all streams
            of a worker: what models and the signal are judged by is set where it starts.

        Examples
        --------
        >>> Limits().changed({"tachycardia_bpm": 130.0}).tachycardia_bpm
        130.0
        >>> Limits().changed({"noise_s": 9.0})
        Traceback (most recent call last):
        ...
        ingest.errors.InputError: limit 'noise_s' is the same for all streams of a worker
        """
        changed = Limits.from_mapping({**dataclasses.asdict(self), **values})
        for key in dataclasses.fields(self):
            if not key.metadata["by_patient"] and getattr(self, key.name) != getattr(
                changed, key.name
            ):
                raise InputError(f"limit {key.name!r} is the same for all streams of a worker")
        return changed

    @property
    def asystole_ms(self) -> int:
        """``asystole_s`` in ms."""
        return round(self.asystole_s * 1000)

    @property
    def pause_ms(self) -> int:
        """``pause_s`` in ms."""
        return round(self.pause_s * 1000)

    def _check_rates(self) -> None:
        """Refuse an extreme limit inside the ordinary one, and limits that leave no room."""
        self._check_below("extreme_bradycardia_bpm", "bradycardia_bpm")
        self._check_below("tachycardia_bpm", "extreme_tachycardia_bpm")
        low, high = self.bradycardia_bpm, self.tachycardia_bpm
        if low + self.rate_margin_bpm > high - self.rate_margin_bpm:
            raise InputError(
                f"limits bradycardia_bpm = {low} and tachycardia_bpm = {high} must lie apart by "
                f"at least twice rate_margin_bpm = {self.rate_margin_bpm}"
            )

    def _check_below(self, low: str, high: str, *, or_equal: bool = False) -> None:
        """Refuse ``low`` above ``high``, or equal to it where that makes no sense."""
        a, b = getattr(self, low), getattr(self, high)
        if a > b or (a == b and not or_equal):
            word = "at most" if or_equal else "below"
            raise InputError(f"limit {low} = {a} must be {word} {high} = {b}")


def _check_range(key: dataclasses.Field[Any], value: object) -> None:
    """Refuse what is no number, no whole number where beats are counted, or out of range."""
    low, high = key.metadata["low"], key.metadata["high"]
    whole = isinstance(key.default, int)
    kind = "a whole number" if whole else "a number"
    fits = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if not fits or not low <= value <= high:  # nor is nan within
        raise InputError(f"limit {key.name} = {value!r} must be {kind} from {low} to {high}")
