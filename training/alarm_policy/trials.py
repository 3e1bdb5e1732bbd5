"""Stretches of records, and what each choice costs in them by the reference's beats.

What should be told is what the same rules say of the reference's beats with the usual limits,
where it goes on long enough to be worth a look. A signal that touches nothing of the kind is a
nuisance; what is told late or never costs too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.conditions import CONDITIONS, Code
from training.alarm_policy.choices import CHOICES, DECIDED
from training.alarm_scoring import ToldAlarm

STRETCH_S = 300.0
"""A choice holds for so long, s."""
WORTH_S = 60.0
"""From this length on ectopy and irregularity are worth telling, s; they end 30 s behind the last
of it, so that a single couplet is not."""
WORTH_RATE_S = 15.0
"""From this length on a slow or fast rate is, s."""
GRACE_S = 5.0
"""A signal this far from what is worth telling still counts as of it, s."""
NUISANCE = 1.0
"""Cost of a signal that tells nothing worth telling."""
MISSED = 3.0
"""Cost of something worth telling that is never told, in nuisances; half of it a minute late."""
LATE_S = 60.0
"""Delay that costs half of what missing it does, s."""
FEATURES = (
    "rate", "rate_spread", "ectopic", "supraventricular", "irregular",
    "nuisances", "signals", "one",
)  # fmt: skip
"""What is known of a patient before a stretch: rate (bpm/100) and its spread, shares of V and S
beats and of uneven RR intervals in the stretch before, nuisances and signals told so far a
stretch under the choices logged, a constant."""
_RATES = (Code.BRADYCARDIA, Code.TACHYCARDIA)
_NAMES = {CONDITIONS[code].name: code for code in DECIDED}


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What was found in one record, by step of the limits, and what the reference says."""

    record: str
    """Name, with its database."""
    patient: str
    """The person."""
    duration_s: float
    """Length, s."""
    told: dict[str, tuple[ToldAlarm, ...]]
    """Alarms of the engine, by step of the limits."""
    reference: tuple[ToldAlarm, ...]
    """What the rules say of the reference's beats, usual limits."""
    r_s: NDArray[np.float64]
    """Array of shape (n_beats,): beats that the engine found, s."""
    aami: NDArray[np.int8]
    """Array of shape (n_beats,): their class codes."""


def worth_telling(reference: Sequence[ToldAlarm], duration_s: float) -> list[ToldAlarm]:
    """Choose what goes on long enough to be told."""
    kept = []
    for each in reference:
        if each.condition not in _NAMES:
            continue
        least_s = WORTH_RATE_S if _NAMES[each.condition] in _RATES else WORTH_S
        if min(each.over_s, duration_s) - each.onset_s >= least_s:
            kept.append(each)
    return kept


def costs(heard: Heard, missed: float = MISSED) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Work out what each choice costs in each stretch of a record.

    Parameters
    ----------
    heard : Heard
        The record.
    missed : float
        Cost of something worth telling that is not told, in nuisances.

    Returns
    -------
    cost : array of shape (n_stretches, n_choices)
        Nuisances, and what is missed or late in their unit.
    counts : array of shape (n_stretches, n_choices, 4)
        Nuisances, signals, things worth telling, and how many of these were missed.
    """
    n = max(1, int(heard.duration_s // STRETCH_S))
    wanted = worth_telling(heard.reference, heard.duration_s)
    cost = np.zeros((n, len(CHOICES)))
    counts = np.zeros((n, len(CHOICES), 4))
    for number, choice in enumerate(CHOICES):
        signals = [
            (each, each.told_s + choice.delay_of(each.condition))
            for each in heard.told[choice.step]
            if each.condition in _NAMES
        ]
        signals = [(each, at_s) for each, at_s in signals if each.over_s >= at_s]
        for each, at_s in signals:
            at = min(int(at_s // STRETCH_S), n - 1)
            counts[at, number, 1] += 1
            if not any(_of(each, at_s, want) for want in wanted):
                counts[at, number, 0] += 1
                cost[at, number] += NUISANCE
        for want in wanted:
            at = min(int(want.onset_s // STRETCH_S), n - 1)
            late_s = min((s - want.told_s for e, s in signals if _of(e, s, want)), default=np.inf)
            counts[at, number, 2] += 1
            counts[at, number, 3] += late_s == np.inf
            cost[at, number] += missed * min(1.0, max(late_s, 0.0) / (2 * LATE_S))
    return cost, counts


def _of(alarm: ToldAlarm, at_s: float, want: ToldAlarm) -> bool:
    """Tell whether a signal is of something worth telling."""
    return (
        alarm.condition == want.condition
        and alarm.onset_s - GRACE_S < want.over_s
        and alarm.over_s + GRACE_S > want.onset_s
        and at_s <= want.over_s + GRACE_S
    )


def features(
    heard: Heard, chosen: NDArray[np.intp], counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Tell what was known before each stretch.

    Parameters
    ----------
    heard : Heard
        The record.
    chosen : array of shape (n_stretches,)
        Choices that were in force; only those of stretches before count.
    counts : array of shape (n_stretches, n_choices, 4)
        As :func:`costs` gives them.

    Returns
    -------
    array of shape (n_stretches, len(FEATURES))
    """
    n = len(chosen)
    found = np.zeros((n, len(FEATURES)))
    found[:, -1] = 1.0
    seen = counts[np.arange(n), chosen]
    for at in range(1, n):
        begin, end = np.searchsorted(heard.r_s, ((at - 1) * STRETCH_S, at * STRETCH_S))
        rr_s, aami = np.diff(heard.r_s[begin:end]), heard.aami[begin:end]
        if len(rr_s) > 2:
            rate = 60 / np.clip(rr_s, 0.2, 4.0)
            uneven = np.abs(np.diff(rr_s)) > rr_s[1:] / 8
            found[at, :5] = (
                np.median(rate) / 100,
                (np.quantile(rate, 0.9) - np.quantile(rate, 0.1)) / 100,
                (aami == 2).mean(),
                (aami == 1).mean(),
                uneven.mean(),
            )
        found[at, 5] = np.log1p(seen[:at, 0].mean())
        found[at, 6] = np.log1p(seen[:at, 1].mean())
    return found
