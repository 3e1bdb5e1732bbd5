"""What is gathered of one patient until the figures are taken."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from deploy.drift.figures import UNSURE_BELOW
from deploy.drift.look import LOOK_S, SETTLE_S, Look, look_at
from inference.streams import choose_lead
from ingest.errors import InputError
from ingest.frames import Frame

LOOK_EVERY_S = 60.0
"""From one look to the next, s of the stream's time."""
LEAST_BEATS = 30
"""Beats below which nothing is said of scores and rate."""
LEAST_LOOKS = 2
"""Looks below which nothing is said of the signal."""


@dataclass(slots=True)
class Judged:
    """An alarm that may be judged."""

    score: float | None
    """Its score, 0 to 1, where it has one."""
    is_true: bool | None = None
    """What was said of it last; None where nothing was."""


@dataclass(slots=True)
class Stay:
    """The first part of one patient's stay."""

    begin_s: float
    """UTC of the first frame, s since 1970."""
    now_s: float = 0.0
    """UTC that the frames have reached, s since 1970."""
    beaten_s: float = 0.0
    """UTC that the beats have reached, s since 1970."""
    heard_s: float = 0.0
    """Signal that came, s."""
    looks: list[Look] = field(default_factory=list)
    """What was seen of the signal."""
    rr_ms: list[int] = field(default_factory=list)
    """RR intervals, ms."""
    classes: Counter[str] = field(default_factory=Counter)
    """Beats by AAMI class."""
    n_unsure: int = 0
    """Beats of a low probability."""
    confidence: float = 0.0
    """Sum of the beats' probabilities."""
    leads: Counter[str] = field(default_factory=Counter)
    """Beats by the lead that they were found in."""
    alarms: Counter[str] = field(default_factory=Counter)
    """Alarms raised: ``"physiological"``, ``"technical"``, and ``"high"`` of the former."""
    judged: dict[str, Judged] = field(default_factory=dict)
    """Physiological alarms by id."""
    _next_look_s: float = 0.0
    _held: list[Frame] = field(default_factory=list)

    def hear(self, frame: Frame) -> None:
        """Take a frame of the window; looks are taken once a minute."""
        length_s = frame.n_samples / frame.fs
        self.now_s = max(self.now_s, frame.start_unix_ns / 1e9 + length_s)
        self.heard_s += length_s
        if self.heard_s < self._next_look_s or not frame.n_samples:
            return
        held = self._held
        follows = held and (held[-1].session, held[-1].end_sample) == (
            frame.session,
            frame.first_sample,
        )
        self._held = [*held, frame] if follows else [frame]
        n_wanted = round((SETTLE_S + LOOK_S) * frame.fs)
        if self._held[-1].end_sample - self._held[0].first_sample >= n_wanted:
            self._look(n_wanted)

    def beat(self, aami: str, rr_ms: int | None, confidence: float, lead: str) -> None:
        """Take a beat."""
        self.classes[aami] += 1
        self.leads[lead] += 1
        self.confidence += confidence
        self.n_unsure += confidence < UNSURE_BELOW
        if rr_ms:
            self.rr_ms.append(rr_ms)

    def alarm(self, alarm_id: str, kind: str, priority: str, score: float | None) -> None:
        """Take an alarm that was raised."""
        self.alarms[kind] += 1
        if kind == "physiological":
            self.alarms["high"] += priority == "high"
            self.judged[alarm_id] = Judged(score)

    def figures(self) -> dict[str, float | str]:
        """Return the figures but those of calibration; what is not known is left out."""
        found: dict[str, float | str | None] = {}
        if len(self.looks) >= LEAST_LOOKS:
            for name in ("quality", "unreadable"):
                found[name] = float(np.mean([getattr(look, name) for look in self.looks]))
            for name in ("amplitude_uv", "median_frequency_hz", "fast_share", "uprightness"):
                seen = [getattr(look, name) for look in self.looks]
                known = [value for value in seen if value is not None]
                found[name] = float(np.median(known)) if known else None
        n_beats = self.classes.total()
        if n_beats >= LEAST_BEATS:
            found["lead"] = self.leads.most_common(1)[0][0] or None
            found["confidence"] = self.confidence / n_beats
            found["unsure"] = self.n_unsure / n_beats
            found["ventricular"] = self.classes["V"] / n_beats
            found["supraventricular"] = self.classes["S"] / n_beats
        if len(self.rr_ms) >= LEAST_BEATS:
            found["heart_rate_bpm"] = 60_000 / float(np.median(self.rr_ms))
        if self.heard_s > 0:
            hours = self.heard_s / 3600
            found["alarms_per_h"] = self.alarms["physiological"] / hours
            found["high_alarms_per_h"] = self.alarms["high"] / hours
            found["technical_per_h"] = self.alarms["technical"] / hours
        return {name: value for name, value in found.items() if value is not None}

    def calibration(self) -> dict[str, float | str]:
        """Return the figures of calibration; empty where no alarm was judged."""
        judged = [one for one in self.judged.values() if one.is_true is not None]
        if not judged:
            return {}
        found: dict[str, float | str] = {
            "false_alarms": float(np.mean([not one.is_true for one in judged]))
        }
        gaps = [one.score - float(bool(one.is_true)) for one in judged if one.score is not None]
        if gaps:
            found["overconfidence"] = float(np.mean(gaps))
        return found

    def _look(self, n_wanted: int) -> None:
        """Look at the frames that are held, in the lead that is scored."""
        first = self._held[0]
        try:
            row = choose_lead(first.leads, None)
        except InputError:
            row = None
        if row is not None:
            whole = np.concatenate([frame.samples[row] for frame in self._held])[:n_wanted]
            self.looks.append(look_at(whole.astype(np.int16), first.fs, first.leads[row]))
        self._held = []
        self._next_look_s = self.heard_s + LOOK_EVERY_S
