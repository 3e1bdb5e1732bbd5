"""What the console keeps of one patient, all of it bounded."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deploy.console.board import Board
from deploy.console.limits import ToldLimits
from deploy.console.numerics import NUMERICS_FS, Numerics
from deploy.console.waves import MISSING, THINNINGS, Thinning, Wave, to_steps
from inference.streams import choose_lead, is_calibrated
from ingest.frames import ECG_UNITS, Frame, Lead

MOST_LEADS = 12
"""Leads shown."""
MOST_PULSES = 4
"""Other waveforms shown: plethysmogram, pressures, respiration."""
MOST_BEATS = 12_000
"""Beats kept: about two hours."""
MOST_ALARMS = 500
"""Changes of alarms kept."""
TREND_S = 5.0
"""Time between two points of the trends, s."""
MOST_TRENDS = 2880
"""Points of the trends kept: four hours."""
STALE_S = 5.0
"""Age of the last beat beyond which a rate made of beats is unknown, s."""
MOST_GAP_S = 30.0
"""A longer gap is not filled: what is kept begins anew behind it, s."""


@dataclass(slots=True)
class Vitals:
    """What is told of a patient now."""

    heart_rate_bpm: float | None = None
    """Mean rate, bpm; None unknown."""
    rhythm: str = ""
    """Rhythm in a word or two; empty unknown."""
    quality: float | None = None
    """Signal quality, 0 to 1; None unknown."""


@dataclass(slots=True)
class Patient:
    """The last minutes of one stream."""

    stream_id: str
    """Pseudonym."""
    bed: str
    """Bed, or a short name."""
    index: int
    """Number in blocks of waveforms."""
    keep_s: float
    """Signal kept, s."""
    session: str = ""
    """Session of its device."""
    fs: float = 0.0
    """Sampling frequency, Hz."""
    origin_ms: int = 0
    """UTC of sample 0, ms since 1970."""
    leads: tuple[str, ...] = ()
    """Names of the leads kept."""
    pulses: tuple[Lead, ...] = ()
    """Other waveforms that are kept."""
    main: int = 0
    """Row of the lead on the wall."""
    steps: NDArray[np.int16] = field(default_factory=lambda: np.zeros((0, 0), np.int16))
    """Array of shape (n_leads + n_pulses, n_kept): ring of the last samples, of leads in steps of
    5 µV, of other waveforms in adu."""
    end: int = 0
    """Index one past the last sample."""
    begin: int = 0
    """Index of the first sample of this session that was heard."""
    vitals: Vitals = field(default_factory=Vitals)
    """What is told now."""
    board: Board = field(default_factory=Board)
    """Alarm signals."""
    beats: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=MOST_BEATS))
    """Beats: sample, class, confidence, RR."""
    alarms: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=MOST_ALARMS))
    """Changes of alarms as they came, newest last."""
    told_limits: ToldLimits = field(default_factory=ToldLimits)
    """What alarms told of their limits."""
    trend: deque[list[float | None]] = field(default_factory=lambda: deque(maxlen=MOST_TRENDS))
    """Points: UTC in ms, heart rate, quality, V beats a minute."""
    numerics: Numerics = field(default_factory=Numerics)
    """Values of a stream of numerics."""
    of: str = ""
    """Stream of the same bed with the ECG that these numerics are shown beside; empty: none."""
    companions: list[Patient] = field(default_factory=list)
    """Streams of the same bed that are shown with this one."""
    given_vitals: bool = False
    """Somebody who knows tells the vital signs; else they are made of beats and alarms."""
    _frame_leads: tuple[Lead, ...] = ()
    _rows: tuple[int, ...] = ()
    _thin: dict[int, Thinning] = field(default_factory=dict)

    def take(self, frame: Frame, now_s: float = 0.0) -> dict[int, Wave] | None:
        """Take a frame; return what is new of the main lead by thinning, and under 0 all leads.

        Repeats are dropped, a short gap is filled with missing samples. None where nothing is new.

        Parameters
        ----------
        frame : Frame
            What a device sent.
        now_s : float
            Monotonic time at which it was heard, s.
        """
        if not frame.n_samples:
            return None
        if not self._fits(frame):
            if frame.fs <= NUMERICS_FS and frame.end_sample > self.end:
                self.end = frame.end_sample
                self.numerics.take(frame, now_s)
            return None
        known = self.end - frame.first_sample
        if known >= frame.n_samples:
            return None
        steps = to_steps(frame.samples[list(self._rows)], [frame.leads[i] for i in self._rows])
        if known > 0:
            steps = steps[:, known:]
        elif known < 0:
            if -known > MOST_GAP_S * self.fs:
                self._restart(frame)
            else:
                gap = np.full((len(self._rows), -known), MISSING, np.int16)
                steps = np.concatenate([gap, steps], axis=1)
        return self._keep(steps)

    def _fits(self, frame: Frame) -> bool:
        """Begin anew where device, leads or frequency changed; False without a waveform."""
        if frame.leads is not self._frame_leads and frame.leads != self._frame_leads:
            electrical = [
                i
                for i, lead in enumerate(frame.leads)
                if lead.unit in ECG_UNITS and is_calibrated(lead)
            ]
            best = choose_lead(frame.leads, None)
            leads = electrical[:MOST_LEADS]
            others = [i for i, lead in enumerate(frame.leads) if lead.unit not in ECG_UNITS]
            pulses = others[:MOST_PULSES] if frame.fs > NUMERICS_FS else []
            self._rows = (*leads, *pulses)
            self.main = leads.index(best) if best in leads else 0
            self.leads = tuple(frame.leads[i].name for i in leads)
            self.pulses = tuple(frame.leads[i] for i in pulses)
            self.session = ""
        self._frame_leads = frame.leads
        if frame.session != self.session or frame.fs != self.fs:
            self._restart(frame)
        return bool(self._rows)

    def _restart(self, frame: Frame) -> None:
        if frame.session != self.session:
            self.beats.clear()
        self.session, self.fs = frame.session, frame.fs
        self.begin = self.end = frame.first_sample
        first_ms = frame.start_unix_ns // 1_000_000
        self.origin_ms = first_ms - round(1000 * frame.first_sample / frame.fs)
        self.steps = np.full((len(self._rows), int(self.keep_s * frame.fs)), MISSING, np.int16)
        self._thin = {n: Thinning(n) for n in THINNINGS}

    def _keep(self, steps: NDArray[np.int16]) -> dict[int, Wave]:
        first, n = self.end, steps.shape[1]
        size = self.steps.shape[1]
        kept = steps[:, -size:]
        self.steps[:, np.arange(first + n - kept.shape[1], first + n) % size] = kept
        self.end = first + n
        found = {0: Wave(self.index, first, self.fs, steps)}
        for number, thinning in self._thin.items():
            begin, thin = thinning.push(first, steps[self.main])
            fs = self.fs if number == 1 else self.fs * 2 / number
            if len(thin):
                found[number] = Wave(self.index, begin, fs, thin[None])
        return found

    def stretch(self, first: int, n_samples: int) -> tuple[int, NDArray[np.int16]]:
        """Return the first one's index, and samples of shape (n_leads + n_pulses, n)."""
        oldest = max(self.begin, self.end - self.steps.shape[1], 0)
        first = min(max(first, oldest), self.end)
        last = min(first + max(n_samples, 0), self.end)
        if last <= first:
            return first, np.zeros((len(self._rows), 0), np.int16)
        return first, self.steps[:, np.arange(first, last) % self.steps.shape[1]]

    def note_beat(self, beat: Mapping[str, Any]) -> dict[str, Any] | None:
        """Keep a beat; return it as browsers get it, or None where it is of another session."""
        if self.session and beat["session"] != self.session:
            return None
        kept = {
            "sample": beat["sample"],
            "aami": beat["aami"],
            "confidence": beat.get("confidence"),
            "rr_ms": beat.get("rr_ms"),
        }
        self.beats.append(kept)
        return kept

    def note_alarm(self, alarm: dict[str, Any]) -> None:
        """Keep a change of an alarm."""
        self.alarms.append(alarm)
        self.told_limits.take(alarm)

    def now_ms(self) -> int:
        """UTC of the last sample, ms since 1970."""
        return self.origin_ms + round(1000 * self.end / self.fs) if self.fs else 0

    def make_vitals(self, now_s: float = 0.0) -> None:
        """Make the vital signs of beats and signals, where nobody tells them.

        Parameters
        ----------
        now_s : float
            Monotonic time, s.
        """
        if self.given_vitals or not self.fs:
            return
        if not self._rows:
            self.vitals = Vitals(self.numerics.rate_bpm(now_s), "", None)
            return
        last = self.beats[-1] if self.beats else None
        fresh = last is not None and self.end - last["sample"] < STALE_S * self.fs
        rr_ms = [b["rr_ms"] for b in list(self.beats)[-8:] if b["rr_ms"]] if fresh else []
        rate = 60_000 * len(rr_ms) / sum(rr_ms) if rr_ms else None
        on = [line.condition for line in self.board.lines.values() if line.phase != "latched"]
        rhythm = next((word for name, word in _RHYTHMS if name in on), "")
        self.vitals = Vitals(rate, rhythm or ("regular rate" if rate else ""), None)

    def note_trend(self) -> None:
        """Add a point to the trends where it is time."""
        if not self.fs:
            return
        now_ms = self.now_ms()
        last = self.trend[-1][0] if self.trend else None
        if last is not None and 0 <= now_ms - last < TREND_S * 1000:
            return
        since = self.end - 60 * self.fs
        n_v = 0
        for beat in reversed(self.beats):
            if beat["sample"] < since:
                break
            n_v += beat["aami"] == "V"
        rate, quality = self.rate_bpm, self.vitals.quality
        self.trend.append([now_ms, _known(rate), _known(quality, 3), n_v])

    def to_dict(self, now_s: float = 0.0) -> dict[str, Any]:
        """Give what a browser must know to show the patient.

        Parameters
        ----------
        now_s : float
            Monotonic time, s.
        """
        return {
            "stream_id": self.stream_id,
            "bed": self.bed,
            "index": self.index,
            "session": self.session,
            "fs": self.fs,
            "origin_ms": self.origin_ms,
            "leads": list(self.leads),
            "pulses": [asdict(lead) for lead in self.pulses],
            "of": self.of,
            "main": self.main,
            "end_sample": self.end,
            "board": self.board.to_dict(),
            "vitals": self.vitals_list(now_s),
        }

    @property
    def rate_bpm(self) -> float | None:
        """Heart rate that is shown, bpm: none while the heart fibrillates or stands still."""
        lines = self.board.lines
        called = (lines[name].phase for name in PULSELESS if name in lines)
        if self.vitals.rhythm in PULSELESS.values() or any(phase != "latched" for phase in called):
            return None
        return self.vitals.heart_rate_bpm

    def vitals_list(self, now_s: float = 0.0) -> list[Any]:
        """Heart rate, rhythm, quality and numerics: as blocks tell them.

        Parameters
        ----------
        now_s : float
            Monotonic time, s.
        """
        v = self.vitals
        numerics = [each for p in (self, *self.companions) for each in p.numerics.shown(now_s)]
        return [_known(self.rate_bpm), v.rhythm, _known(v.quality, 2), numerics]


PULSELESS = {"ventricular_fibrillation": "VF", "asystole": "asystole"}
"""Conditions in which no heart rate is shown, and the words of their rhythms."""
_RHYTHMS = (
    ("ventricular_fibrillation", "VF"),
    ("asystole", "asystole"),
    ("ventricular_tachycardia", "VT"),
    ("atrial_fibrillation", "AF"),
    ("extreme_bradycardia", "bradycardia"),
    ("bradycardia", "bradycardia"),
    ("extreme_tachycardia", "tachycardia"),
    ("tachycardia", "tachycardia"),
)


def _known(value: float | None, digits: int = 0) -> float | None:
    """Round a number; None where it is unknown.

    Examples
    --------
    >>> _known(71.6), _known(float("nan")), _known(0.876, 2)
    (72.0, None, 0.88)
    """
    return None if value is None or not math.isfinite(value) else round(float(value), digits)
