"""Scoring of alarms: against episodes of a reference, and by the Challenge of 2015."""

from training.alarm_scoring.challenge2015 import (
    TABLE,
    Case,
    TypeScore,
    Verdicts,
    confirmed,
    read_cases,
    score_types,
    tally,
)
from training.alarm_scoring.export import challenge_to_dict, score_to_dict
from training.alarm_scoring.intervals import Interval, patient_interval
from training.alarm_scoring.matching import Missed, RecordCounts, count
from training.alarm_scoring.reference import (
    Episode,
    ReferenceRecord,
    annotated_record,
    make_record,
    read_reference,
)
from training.alarm_scoring.summary import AlarmScore, ConditionScore, Measured, score_alarms
from training.alarm_scoring.told import SUFFIX, ToldAlarm, read_alarms, spans

__all__ = [
    "SUFFIX",
    "TABLE",
    "AlarmScore",
    "Case",
    "ConditionScore",
    "Episode",
    "Interval",
    "Measured",
    "Missed",
    "RecordCounts",
    "ReferenceRecord",
    "ToldAlarm",
    "TypeScore",
    "Verdicts",
    "annotated_record",
    "challenge_to_dict",
    "confirmed",
    "count",
    "make_record",
    "patient_interval",
    "read_alarms",
    "read_cases",
    "read_reference",
    "score_alarms",
    "score_to_dict",
    "score_types",
    "spans",
    "tally",
]
