"""Numerics of a stream (SpO2, respiration, pressures …): what monitors show, and trends."""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ingest.frames import MISSING_ADU, Frame, Lead

NUMERICS_FS = 10.0
"""Highest sampling frequency of numerics, Hz; what is faster is a waveform."""
MOST_CHANNELS = 16
"""Channels kept of one stream."""
TREND_S = 5.0
"""Time between two points of the trends, s."""
MOST_TRENDS = 2880
"""Points of the trends kept: four hours."""
MOST_POINTS = 480
"""Points of a trend that a page is given; of more, every second, third …"""
HELD_S = 5.0
"""How long the last value of a channel stands, s; but never less than two frames."""
HELD_CUFF_S = 1800.0
"""The same of a pressure that a cuff measures now and then, s."""

_PART = re.compile(r"^(.+?)[\s_-]+(sys|dia|mean|map)\w*$", re.IGNORECASE)
_CUFF = re.compile(r"^ni?bp", re.IGNORECASE)
_CALLED = (
    (re.compile(r"^(spo2|sao2|sat)\b", re.IGNORECASE), "SpO₂", 0),
    (re.compile(r"^(resp|rr|rf)\b", re.IGNORECASE), "RR", 1),
    (re.compile(r"^(pulse|pr)\b", re.IGNORECASE), "Pulse", 3),
    (re.compile(r"^etco2\b", re.IGNORECASE), "etCO₂", 4),
    (re.compile(r"^hr\b", re.IGNORECASE), "HR", 6),
)
_PRESSURE_RANK, _OTHER_RANK = 2, 5
_UNITS = {"pm": "/min", "NU": "", "degC": "°C"}
_WHOLE = ("bpm", "pm", "%", "mmHg")


@dataclass(frozen=True, slots=True)
class Group:
    """What is shown as one: a channel, or systolic, diastolic and mean of one pressure."""

    label: str
    """As monitors call it."""
    unit: str
    """Unit in words."""
    rank: int
    """Place among the others, the least first."""
    rows: tuple[int, ...]
    """Channels: one, or those of systolic, diastolic and mean, -1 where there is none."""
    held_s: float = HELD_S
    """How long a value stands, s."""


def groups_of(leads: tuple[Lead, ...]) -> tuple[Group, ...]:
    """Put channels together as monitors show them.

    Parameters
    ----------
    leads : tuple of Lead
        Channels of the stream.

    Examples
    --------
    >>> names = ("HR", "SpO2", "ABP SYS", "ABP DIAS", "ABP MEAN")
    >>> [(group.label, group.rows) for group in groups_of(tuple(Lead(n, "%") for n in names))]
    [('SpO₂', (1,)), ('ABP', (2, 3, 4)), ('HR', (0,))]
    """
    found: list[Group] = []
    pressures: dict[str, dict[str, int]] = {}
    for row, lead in enumerate(leads):
        name, unit = lead.name.strip(), _UNITS.get(lead.unit, lead.unit)
        if part := _PART.match(name):
            kind = {"map": "mean"}.get(part[2].lower(), part[2].lower())
            pressures.setdefault(part[1].upper(), {})[kind] = row
            continue
        label, rank = next(
            ((label, rank) for form, label, rank in _CALLED if form.match(name)),
            (name, _OTHER_RANK),
        )
        found.append(Group(label, unit, rank, (row,), HELD_CUFF_S if _CUFF.match(name) else HELD_S))
    for name, parts in pressures.items():
        unit = leads[next(iter(parts.values()))].unit
        rows = tuple(parts.get(kind, -1) for kind in ("sys", "dia", "mean"))
        held_s = HELD_CUFF_S if _CUFF.match(name) else HELD_S
        found.append(Group(name, _UNITS.get(unit, unit), _PRESSURE_RANK, rows, held_s))
    return tuple(sorted(found, key=lambda group: group.rank))


@dataclass(slots=True)
class Numerics:
    """The last values of one stream's channels, and their trends."""

    leads: tuple[Lead, ...] = ()
    """Channels that are kept."""
    groups: tuple[Group, ...] = ()
    """How they are shown."""
    trend: deque[list[float | None]] = field(default_factory=lambda: deque(maxlen=MOST_TRENDS))
    """Points: UTC in ms, then a value a channel."""
    _values: list[float | None] = field(default_factory=list)
    _known_s: list[float] = field(default_factory=list)
    _frame_s: float = 0.0

    def take(self, frame: Frame, now_s: float) -> None:
        """Take a frame of numerics.

        Parameters
        ----------
        frame : Frame
            Numerics, behind those before.
        now_s : float
            Monotonic time at which it was heard, s.
        """
        leads, self._frame_s = frame.leads[:MOST_CHANNELS], frame.n_samples / frame.fs
        if leads != self.leads:
            self.leads, self.groups = leads, groups_of(leads)
            self.trend.clear()
            self._values, self._known_s = [None] * len(leads), [-math.inf] * len(leads)
        for row, lead in enumerate(leads):
            known = np.flatnonzero(frame.samples[row] != MISSING_ADU)
            if len(known) and math.isfinite(lead.adc_gain) and lead.adc_gain:
                adu = int(frame.samples[row, known[-1]])
                self._values[row] = (adu - lead.baseline) / lead.adc_gain
                self._known_s[row] = now_s - (frame.n_samples - 1 - int(known[-1])) / frame.fs
        at_ms = frame.start_unix_ns / 1e6 + 1000 * frame.n_samples / frame.fs
        last_ms = self.trend[-1][0] if self.trend else None
        if last_ms is None or not 0 <= at_ms - last_ms < TREND_S * 1000:
            self.trend.append([round(at_ms), *self._now(now_s, HELD_S)])

    def _now(self, now_s: float, held_s: float) -> list[float | None]:
        """Return the value of each channel, None where the last is too old."""
        held_s = max(held_s, 2 * self._frame_s)
        return [
            None if value is None or now_s - known_s > held_s else round(value, 2)
            for value, known_s in zip(self._values, self._known_s, strict=True)
        ]

    def shown(self, now_s: float) -> list[list[Any]]:
        """Return what monitors show: label, value in words (None unknown), unit, channels' names.

        Parameters
        ----------
        now_s : float
            Monotonic time, s.
        """
        found = []
        for group in self.groups:
            values = self._now(now_s, group.held_s)
            told = [None if row < 0 else values[row] for row in group.rows]
            names = [self.leads[row].name for row in group.rows if row >= 0]
            unit = self.leads[next(row for row in group.rows if row >= 0)].unit
            found.append([group.label, in_words(told, unit), group.unit, names])
        return found

    def rate_bpm(self, now_s: float) -> float | None:
        """Return the heart's or else the pulses' rate that the device tells, bpm."""
        values = self._now(now_s, HELD_S) if self.leads else []
        rates = {g.label: values[g.rows[0]] for g in self.groups if g.label in ("HR", "Pulse")}
        return rates.get("HR", rates.get("Pulse"))

    def trends(self) -> list[Mapping[str, Any]]:
        """Return the trend of each group: label, unit, and points of UTC in ms and values."""
        every = max(1, math.ceil(len(self.trend) / MOST_POINTS))
        chosen = list(self.trend)[::-1][::every][::-1]
        return [
            {
                "label": group.label,
                "unit": group.unit,
                "points": [
                    [point[0], *(None if row < 0 else point[1 + row] for row in group.rows)]
                    for point in chosen
                ],
            }
            for group in self.groups
        ]


def in_words(values: list[float | None], unit: str) -> str | None:
    """Write one value, or a pressure's three; None where nothing is known.

    Parameters
    ----------
    values : list of float or None
        One value; or systolic, diastolic and mean.
    unit : str
        Unit of the channel.

    Examples
    --------
    >>> in_words([97.4], "%"), in_words([36.61], "degC"), in_words([None], "%")
    ('97', '36.6', None)
    >>> in_words([121.0, 80.2, 93.0], "mmHg"), in_words([121.0, None, None], "mmHg")
    ('121/80 (93)', '121/–')
    """
    largest = max((abs(value) for value in values if value is not None), default=0.0)
    digits = 0 if unit in _WHOLE or largest >= 100 else 1
    told = ["–" if value is None else f"{value:.{digits}f}" for value in values]
    if all(value is None for value in values):
        return None
    if len(values) == 1:
        return told[0]
    mean = "" if values[2] is None else f" ({told[2]})"
    pair = values[0] is None and values[1] is None
    return mean.strip() if pair else f"{told[0]}/{told[1]}{mean}"
