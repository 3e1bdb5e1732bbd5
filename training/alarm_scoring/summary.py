"""Figures of one condition over many records: sensitivity, false alarms an hour, delay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.alarm_scoring.intervals import RESAMPLES, Interval, patient_interval
from training.alarm_scoring.matching import Missed, RecordCounts, count
from training.alarm_scoring.reference import ReferenceRecord
from training.alarm_scoring.told import ToldAlarm

Counts = Sequence[RecordCounts]
Figure = Callable[[Counts], float | None]


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure with its interval."""

    value: float | None
    """None where it is not defined."""
    interval: Interval | None
    """95 %, patients drawn; None with fewer than two patients, or where all draws agree."""


@dataclass(frozen=True, slots=True)
class ConditionScore:
    """One condition over all records."""

    condition: str
    """Name."""
    n_episodes: int
    """Episodes of the reference."""
    n_patients: int
    """Patients that have any."""
    n_alarms: int
    """Alarms of it."""
    n_false: int
    """Alarms that touch no episode."""
    sensitivity: Measured
    """Episodes found, percent."""
    false_per_hour: Measured
    """False alarms an hour of signal."""
    delay_median_s: Measured
    """Time from onset to alarm of those found, s: median."""
    delay_p95_s: Measured
    """And its 95th percentile, s."""
    missed: tuple[Missed, ...]
    """Episodes that were not found."""


@dataclass(frozen=True, slots=True)
class AlarmScore:
    """All that is said of a set of records."""

    hours: float
    """Length of all records, h."""
    n_records: int
    """Records."""
    n_patients: int
    """Patients."""
    within_s: float
    """An alarm must be raised so soon behind the onset, s."""
    grace_s: float
    """An alarm so near to an episode is not false, s."""
    conditions: tuple[ConditionScore, ...]
    """Those that the reference judges."""
    unjudged: Mapping[str, int]
    """Alarms of conditions that the reference does not tell of: neither true nor false."""


def sensitivity(counts: Counts) -> float | None:
    """Share of the episodes that were found, percent."""
    found = sum(len(c.delays_s) for c in counts)
    whole = found + sum(len(c.missed) for c in counts)
    return 100 * found / whole if whole else None


def false_per_hour(counts: Counts) -> float | None:
    """Give the false alarms an hour of signal."""
    hours = sum(c.duration_s for c in counts) / 3600
    return sum(c.n_false for c in counts) / hours if hours else None


def delay_s(percentile: float) -> Figure:
    """Make the figure of a percentile of the time to alarm, s."""

    def figure(counts: Counts) -> float | None:
        delays_s = [delay for c in counts for delay in c.delays_s]
        return float(np.percentile(delays_s, percentile)) if delays_s else None

    return figure


def score_alarms(
    references: Sequence[ReferenceRecord],
    alarms: Mapping[str, Sequence[ToldAlarm]],
    *,
    within_s: float = 10.0,
    grace_s: float = 5.0,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> AlarmScore:
    """Score alarms against a reference.

    Parameters
    ----------
    references : sequence of ReferenceRecord
        Records.
    alarms : mapping
        Their alarms by record.
    within_s, grace_s : float
        As in :func:`~training.alarm_scoring.matching.count`.
    resamples, seed : int
        Of the intervals.
    """
    judged = sorted({condition for each in references for condition in each.judged})
    scores, seen = [], set()
    for condition in judged:
        counts = [
            count(each, alarms.get(each.record, ()), condition, within_s=within_s, grace_s=grace_s)
            for each in references
            if condition in each.judged
        ]
        scores.append(_score(condition, counts, resamples, seed))
        seen |= {condition}
    left = Counter(
        alarm.condition
        for each in references
        for alarm in alarms.get(each.record, ())
        if alarm.condition not in seen
    )
    return AlarmScore(
        hours=sum(each.duration_s for each in references) / 3600,
        n_records=len(references),
        n_patients=len({each.patient for each in references}),
        within_s=within_s,
        grace_s=grace_s,
        conditions=tuple(scores),
        unjudged=dict(sorted(left.items())),
    )


def _score(condition: str, counts: Counts, resamples: int, seed: int) -> ConditionScore:
    def whose(each: RecordCounts) -> str:
        return each.patient

    def measured(figure: Figure, of: Counts) -> Measured:
        drawn = patient_interval(of, whose, figure, resamples=resamples, seed=seed)
        return Measured(figure(of), drawn)

    with_any = [c for c in counts if c.delays_s or c.missed]
    return ConditionScore(
        condition=condition,
        n_episodes=sum(len(c.delays_s) + len(c.missed) for c in counts),
        n_patients=len({c.patient for c in with_any}),
        n_alarms=sum(c.n_alarms for c in counts),
        n_false=sum(c.n_false for c in counts),
        sensitivity=measured(sensitivity, with_any),
        false_per_hour=measured(false_per_hour, counts),
        delay_median_s=measured(delay_s(50), with_any),
        delay_p95_s=measured(delay_s(95), with_any),
        missed=tuple(m for c in counts for m in c.missed),
    )
