"""Alarms against the reference's episodes: found, missed, false, and how late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from training.alarm_scoring.reference import Episode, ReferenceRecord, finds
from training.alarm_scoring.told import ToldAlarm


@dataclass(frozen=True, slots=True)
class Missed:
    """An episode that no alarm told in time."""

    record: str
    """Record."""
    episode: Episode
    """The episode."""
    told_after_s: float | None
    """When an alarm came after all, s from the onset; None: never."""


@dataclass(frozen=True, slots=True)
class RecordCounts:
    """One condition in one record."""

    record: str
    """Record."""
    patient: str
    """Patient."""
    duration_s: float
    """Length of the record, s."""
    delays_s: tuple[float, ...]
    """Time from onset to alarm of each episode that was found, s; 0 where it was up already."""
    missed: tuple[Missed, ...]
    """Episodes that were not."""
    n_alarms: int
    """Alarms of the condition."""
    n_false: int
    """Alarms that touch no episode."""


def count(
    reference: ReferenceRecord,
    alarms: Sequence[ToldAlarm],
    condition: str,
    *,
    within_s: float,
    grace_s: float,
) -> RecordCounts:
    """Compare the alarms of one condition with the episodes of one record.

    Parameters
    ----------
    reference : ReferenceRecord
        The record.
    alarms : sequence of ToldAlarm
        Its alarms, of all conditions.
    condition : str
        Condition of the reference.
    within_s : float
        An episode is found where an alarm is up during it, raised at most so long
        behind its onset, s.
    grace_s : float
        An alarm is not false where its condition, widened by this much on both
        sides, touches an episode, s: reference onsets are not exact to the beat.
    """
    own = [a for a in alarms if a.condition in finds(condition)]
    episodes = [e for e in reference.episodes if e.condition == condition]
    delays_s: list[float] = []
    missed: list[Missed] = []
    for episode in episodes:
        late_s = first_delay_s(episode, own)
        if late_s is not None and late_s <= within_s:
            delays_s.append(late_s)
        else:
            missed.append(Missed(reference.record, episode, late_s))
    told = [e for e in (*reference.episodes, *reference.short) if e.condition == condition]
    false = [a for a in own if not any(_touches(a, e, grace_s) for e in told)]
    return RecordCounts(
        reference.record,
        reference.patient,
        reference.duration_s,
        tuple(delays_s),
        tuple(missed),
        len(own),
        len(false),
    )


def first_delay_s(episode: Episode, alarms: Sequence[ToldAlarm]) -> float | None:
    """Time from an episode's onset until an alarm is up, s; None where none was of it.

    An alarm is of the episode where its condition overlaps it; it may be told
    behind the episode's end, since its evidence takes its time.

    Examples
    --------
    >>> alarm = ToldAlarm("100", "asystole", "high", 11.0, 15.2, 20.0)
    >>> first_delay_s(Episode("asystole", 10.0, 18.0), [alarm])
    5.199999999999999
    """
    delays_s = [
        max(alarm.told_s - episode.onset_s, 0.0)
        for alarm in alarms
        if alarm.onset_s < episode.offset_s and alarm.over_s > episode.onset_s
    ]
    return min(delays_s, default=None)


def _touches(alarm: ToldAlarm, episode: Episode, grace_s: float) -> bool:
    return alarm.onset_s - grace_s < episode.offset_s and alarm.over_s + grace_s > episode.onset_s
