"""Scores of alarms as plain values, for JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from training.alarm_scoring.challenge2015 import Case, TypeScore
from training.alarm_scoring.intervals import Interval
from training.alarm_scoring.summary import AlarmScore, ConditionScore, Measured

UNITS = {
    "sensitivity": "percent",
    "false_per_hour": "1/h",
    "delay_median_s": "s",
    "delay_p95_s": "s",
}
"""Figures of a condition, and their units."""


def score_to_dict(score: AlarmScore) -> dict[str, Any]:
    """Write the score of a set of records."""
    return {
        "hours": round(score.hours, 4),
        "records": score.n_records,
        "patients": score.n_patients,
        "within_s": score.within_s,
        "grace_s": score.grace_s,
        "conditions": [_condition(each) for each in score.conditions],
        "not_judged": dict(score.unjudged),
    }


def challenge_to_dict(
    systems: Mapping[str, Sequence[TypeScore]],
    cases: Sequence[Case] = (),
    verdicts: Mapping[str, Mapping[str, bool]] | None = None,
) -> dict[str, Any]:
    """Write the Challenge's scores of several systems, and what each said of each record."""
    return {
        "records": [
            {
                "record": case.record,
                "alarm": case.alarm,
                "true": case.true,
                "said_true": {name: said[case.record] for name, said in (verdicts or {}).items()},
            }
            for case in cases
        ],
        "challenge": "PhysioNet/CinC 2015, real time, public records: not comparable with figures "
        "from its hidden set",
        "systems": {
            name: [
                {
                    "alarm": each.alarm,
                    **dataclasses.asdict(each.verdicts),
                    "score": _rounded(each.verdicts.score),
                    "score_interval": _interval(each.score),
                    "true_alarms_kept": _rounded(each.verdicts.tpr),
                    "false_alarms_suppressed": _rounded(each.verdicts.tnr),
                }
                for each in scores
            ]
            for name, scores in systems.items()
        },
    }


def _condition(each: ConditionScore) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for name in UNITS:
        measured: Measured = getattr(each, name)
        figures[name] = _rounded(measured.value)
        figures[f"{name}_interval"] = _interval(measured.interval)
    return {
        "condition": each.condition,
        "episodes": each.n_episodes,
        "patients": each.n_patients,
        "alarms": each.n_alarms,
        "false": each.n_false,
        **figures,
        "missed": [
            {
                "record": m.record,
                "onset_s": round(m.episode.onset_s, 3),
                "offset_s": round(m.episode.offset_s, 3),
                "told_after_s": _rounded(m.told_after_s),
            }
            for m in each.missed
        ],
    }


def _interval(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [round(interval.low, 3), round(interval.high, 3)]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
