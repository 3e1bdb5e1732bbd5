"""A circulation that stops while the ECG goes on: told by an arterial line alone.

The rule: regular pulses stood in the line, then none for ``pulseless_s``, and the mean pressure
has fallen below what an arrest leaves. What else makes a line lose its pulses is told from that
by the pressure: a flush and an open tap lie outside what can be read, a clotted or kinked line
keeps its mean, a line that comes off or is zeroed falls in a step, and one that is closed rests
flat. Where a plethysmogram goes on with its pulses, the line is at fault.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.corroboration import (
    ARREST_MMHG,
    LEAST_RATE_PULSES,
    TRANSIT_MS,
    Finding,
    Verdict,
)
from inference.limits import Limits
from inference.pulse_leads import PulseKind
from inference.pulse_train import LOOK_BACK_MS, PulseTrain
from inference.ticks import TICK_MS

REGULAR_SHARE, SPREAD = 0.5, 0.3
"""Share of intervals that must lie within 30 % of the median one before the pulses stop."""
STEP_MMHG, STEP_TICKS = 35.0, 3
"""Fall of the mean within so many ticks that no circulation makes behind the last pulse: a full
aorta runs off with a time constant of 1.5 to 2 s, mmHg."""
RUN_OFF, RUN_OFF_TICKS = 0.35, 5
"""Share of the mean before that is left so many ticks behind the last pulse, at least."""
BEFORE_TICKS = 15
"""Ticks before the last pulse that its mean is taken of."""
BACK_PULSES, BACK_MS = 3, 4000
"""So many strong pulses within so long, and the circulation is back, ms."""


def stopped_ms(train: PulseTrain, limits: Limits) -> int | None:
    """Tell since when a pressure line has shown no pulse, where that means an arrest.

    Parameters
    ----------
    train : PulseTrain
        The line at one moment.
    limits : Limits
        Limits in force.

    Returns
    -------
    int or None
        Time of the last pulse, ms; None where pulses go on, were not regular before, or the line
        itself explains their absence.
    """
    strong = train.between(train.now_ms - LOOK_BACK_MS, train.known_ms).only_strong()
    if train.kind is not PulseKind.PRESSURE or len(strong) < LEAST_RATE_PULSES:
        return None
    last_ms = int(strong.at_ms[-1])
    if train.known_ms - last_ms < round(limits.pulseless_s * 1000):
        return None
    intervals = np.diff(strong.at_ms)
    alike = np.abs(intervals - np.median(intervals)) <= SPREAD * np.median(intervals)
    n_ticks = (train.now_ms - last_ms) // TICK_MS
    levels, before = train.levels[-n_ticks:], train.levels[-n_ticks - BEFORE_TICKS : -n_ticks]
    if not (alike.mean() >= REGULAR_SHARE and train.readable(last_ms) and len(before)):
        return None
    return last_ms if levels[-1] < ARREST_MMHG and runs_off(levels, float(before.mean())) else None


def runs_off(levels: NDArray[np.float32], before: float) -> bool:
    """Tell whether pressure falls as it does where a heart stops, and in no step.

    Parameters
    ----------
    levels : array of shape (n_ticks,), mmHg
        Mean of each tick from the last pulse on.
    before : float
        Mean before it, mmHg.

    Examples
    --------
    >>> since_s = np.arange(25) * 0.2
    >>> runs_off(20 + 70 * np.exp(-since_s / 1.7), 90.0)
    True
    >>> runs_off(np.where(since_s < 0.4, 90.0, 12.0), 90.0)
    False
    """
    later = levels[STEP_TICKS:]
    if len(levels) <= RUN_OFF_TICKS or levels[RUN_OFF_TICKS] < RUN_OFF * before:
        return False
    falls = later[:-STEP_TICKS] - later[STEP_TICKS:]
    return bool(falls.max(initial=0.0) < STEP_MMHG)


def arrest(trains: Sequence[PulseTrain], limits: Limits) -> Finding | None:
    """Tell of an arrest that the arterial line shows and no plethysmogram contradicts.

    Parameters
    ----------
    trains : sequence of PulseTrain
        The pulse leads of a stream at one moment.
    limits : Limits
        Limits in force.

    Returns
    -------
    Finding or None
        What says so, from the last pulse on.
    """
    for train in trains:
        since_ms = stopped_ms(train, limits)
        if since_ms is None:
            continue
        others = [each for each in trains if each.kind is not train.kind]
        if not any(_goes_on(each, since_ms) for each in others):
            return Finding(
                Verdict.CONFIRMED, "no_pulse", train.kind, 0, None, since_ms, train.known_ms
            )
    return None


def is_back(trains: Sequence[PulseTrain]) -> bool:
    """Tell whether pulses have come back, or the line has been lost for as long as is known."""
    lines = [train for train in trains if train.kind is PulseKind.PRESSURE]
    back = any(
        len(train.between(train.now_ms - BACK_MS, train.known_ms).only_strong()) >= BACK_PULSES
        for train in lines
    )
    return back or all(bool(train.off.all()) for train in lines)


def _goes_on(train: PulseTrain, since_ms: int) -> bool:
    """Tell whether another lead shows pulses behind the last one of the line."""
    later = train.between(since_ms + TRANSIT_MS, train.known_ms)
    return train.readable(since_ms) and len(later.only_strong()) >= 2
