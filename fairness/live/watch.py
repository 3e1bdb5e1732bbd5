"""The watch: alarms and feedback in, figures by group and alerts out."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field

import pandas as pd

from fairness.build import group_codes
from fairness.errors import AuditError
from fairness.live.declaration import WatchDeclaration
from fairness.live.drift import Drift
from fairness.live.events import Alarm, Event, Exposure, Feedback
from fairness.live.reading import Alert, Reading, State
from fairness.result import UNKNOWN
from fairness.tables import check_subjects

HOUR_S = 3600.0

Cell = tuple[str, str, str]
"""Condition, attribute, group."""


@dataclass(slots=True)
class _Stay:
    """One patient from the first alarm until their figure is taken."""

    alarms: dict[str, list[str]] = field(default_factory=dict)
    """Ids of the alarms by condition."""


class Watch:
    """Follows the share of false alarms by group, a patient at a time.

    A patient's figure is the share of false alarms among those that were raised and judged within
    ``close_after_h`` of their first one. It is taken once, in the order of first alarms: a patient
    counts once however many alarms they have, and who comes when does not depend on what is said.
    Of ``K`` groups each alerts at an evidence of ``K / alpha``, so that any false alert at all has
    a chance of at most ``alpha``, for ever.

    Parameters
    ----------
    declaration : WatchDeclaration
        What is watched.
    subjects : pandas.DataFrame
        A row a patient: ``patient``, which is the alarms' ``stream_id``, and attributes.

    Raises
    ------
    AuditError
        If the subjects cannot be used, or an attribute has fewer than two groups.
    """

    def __init__(self, declaration: WatchDeclaration, subjects: pd.DataFrame) -> None:
        self.declaration = declaration
        columns = tuple(group.attribute for group in declaration.groups)
        people, _ = check_subjects(subjects, columns)
        self._groups: dict[str, tuple[str, ...]] = {}
        self._of: dict[str, dict[str, str]] = {}
        for group in declaration.groups:
            code, names = group_codes(people[group.attribute], group)
            known = tuple(name for name in names if name != UNKNOWN)
            if len(known) < 2:
                raise AuditError(
                    f"subjects: {group.attribute} has fewer than two groups to compare"
                )
            self._groups[group.attribute] = (*known, UNKNOWN)
            self._of[group.attribute] = {
                patient: names[c] for patient, c in zip(people.index, code, strict=True)
            }
        self._drifts = {
            (condition, attribute, name): Drift(declaration.margin)
            for condition in declaration.conditions
            for attribute, names in self._groups.items()
            for name in names
        }
        tested = sum(len(names) - 1 for names in self._groups.values())
        self.limit = tested * len(declaration.conditions) / declaration.alpha
        """Evidence at which a group alerts."""
        self.now_s = -float("inf")
        """Time of the newest event, s since 1970."""
        self.alerts: list[Alert] = []
        """Every alert so far; a group alerts once."""
        self.ignored: Counter[str] = Counter()
        """What was not used, by reason."""
        self._alerted: set[Cell] = set()
        self._stays: dict[str, _Stay] = {}
        self._closing: list[tuple[float, str]] = []
        self._closed: set[str] = set()
        self._alarms: dict[str, Alarm] = {}
        self._order: deque[Alarm] = deque()
        self._verdicts: dict[str, bool] = {}
        self._false: Counter[Cell] = Counter()
        self._judged: Counter[Cell] = Counter()
        self._unjudged: Counter[Cell] = Counter()
        self._hours: defaultdict[tuple[str, str], float] = defaultdict(float)

    def add(self, event: Event) -> list[Alert]:
        """Take one event; events come in about the order of their time.

        Returns
        -------
        list of Alert
            Groups that alert now, having not done so before.
        """
        alerts = self.advance(event.at_s)
        if isinstance(event, Alarm):
            self._add_alarm(event)
        elif isinstance(event, Feedback):
            self._add_feedback(event)
        else:
            self._add_exposure(event)
        return alerts

    def advance(self, now_s: float) -> list[Alert]:
        """Let time pass: take the figures of patients that are due."""
        self.now_s = max(self.now_s, now_s)
        new: list[Alert] = []
        while self._closing and self._closing[0][0] <= self.now_s:
            at_s, patient = heapq.heappop(self._closing)
            new += self._close(patient, at_s)
        keep_s = self.declaration.close_after_h * HOUR_S
        while self._order and self._order[0].at_s + keep_s <= self.now_s:
            old = self._order.popleft()
            del self._alarms[old.alarm_id]
            self._verdicts.pop(old.alarm_id, None)
        return new

    def readings(self) -> list[Reading]:
        """Give the figures of every group; some may be too small to be shown."""
        return [self._reading(*cell) for cell in self._drifts]

    def _reading(self, condition: str, attribute: str, group: str) -> Reading:
        cell = condition, attribute, group
        drift = self._drifts[cell]
        hours = self._hours[attribute, group]
        few = min(drift.group.n, drift.rest.n) < self.declaration.min_patients
        if group == UNKNOWN:
            state = State.NOT_COMPARED
        elif cell in self._alerted:
            state = State.ALERT
        else:
            state = State.TOO_FEW if few else State.WATCHED
        return Reading(
            condition,
            attribute,
            group,
            patients=drift.group.n,
            unjudged_patients=self._unjudged[cell],
            judged_alarms=self._judged[cell],
            false_alarm_share=drift.group.mean,
            monitored_h=hours,
            false_alarms_per_h=self._false[cell] / hours if hours else float("nan"),
            difference=drift.difference if group != UNKNOWN else float("nan"),
            evidence=drift.evidence.value if group != UNKNOWN else float("nan"),
            state=state,
        )

    def _add_alarm(self, alarm: Alarm) -> None:
        if alarm.alarm_id in self._alarms:
            self.ignored["repeated alarm"] += 1
            return
        if alarm.at_s + self.declaration.close_after_h * HOUR_S <= self.now_s:
            self.ignored["alarm that came too late"] += 1
            return
        self._alarms[alarm.alarm_id] = alarm
        self._order.append(alarm)
        if alarm.patient in self._closed:
            return
        if alarm.patient not in self._stays:
            self._stays[alarm.patient] = _Stay()
            due_s = alarm.at_s + self.declaration.close_after_h * HOUR_S
            heapq.heappush(self._closing, (due_s, alarm.patient))
        for condition in self._conditions(alarm.condition):
            self._stays[alarm.patient].alarms.setdefault(condition, []).append(alarm.alarm_id)

    def _add_feedback(self, feedback: Feedback) -> None:
        alarm = self._alarms.get(feedback.alarm_id)
        if alarm is None:
            self.ignored["feedback on no alarm that is known"] += 1
            return
        is_false = feedback.verdict != "true"
        before = self._verdicts.get(feedback.alarm_id)
        self._verdicts[feedback.alarm_id] = is_false
        for condition in self._conditions(alarm.condition):
            for attribute in self._groups:
                cell = condition, attribute, self._group(attribute, alarm.patient)
                self._judged[cell] += before is None
                self._false[cell] += int(is_false) - int(before or False)

    def _add_exposure(self, exposure: Exposure) -> None:
        for attribute in self._groups:
            group = self._group(attribute, exposure.patient)
            self._hours[attribute, group] += exposure.monitored_s / HOUR_S

    def _close(self, patient: str, at_s: float) -> list[Alert]:
        """Take a patient's figures, and see who alerts."""
        stay = self._stays.pop(patient)
        self._closed.add(patient)
        new = []
        for condition, alarms in stay.alarms.items():
            judged = [self._verdicts[one] for one in alarms if one in self._verdicts]
            for attribute, names in self._groups.items():
                own = self._group(attribute, patient)
                if not judged:
                    self._unjudged[condition, attribute, own] += 1
                    continue
                share = sum(judged) / len(judged)
                for name in names:
                    if name == own or UNKNOWN not in (name, own):
                        self._drifts[condition, attribute, name].add(share, in_group=name == own)
                        new += self._judge((condition, attribute, name), at_s)
        return new

    def _judge(self, cell: Cell, at_s: float) -> list[Alert]:
        drift, least = self._drifts[cell], self.declaration.min_patients
        if (
            cell[2] == UNKNOWN
            or cell in self._alerted
            or min(drift.group.n, drift.rest.n) < least
            or drift.evidence.value < self.limit
        ):
            return []
        self._alerted.add(cell)
        self.alerts.append(Alert(at_s, self._reading(*cell), self.declaration.margin, self.limit))
        return self.alerts[-1:]

    def _conditions(self, condition: str) -> list[str]:
        return [one for one in self.declaration.conditions if one in ("all", condition)]

    def _group(self, attribute: str, patient: str) -> str:
        return self._of[attribute].get(patient, UNKNOWN)
