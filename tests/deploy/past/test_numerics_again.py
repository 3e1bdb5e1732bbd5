"""Alarms of numerics say the same bytes again, by the forecaster and the limits of then."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from prometheus_client import CollectorRegistry

from deploy.numerics_settings import NumericsSettings
from deploy.past.again import say_again
from deploy.past.in_force import Ledger, Options, course_of, of_alarm, read_in_force
from deploy.services.models import ModelChoice
from inference.metrics import Metrics
from inference.pipeline import Pipeline
from inference.worker import Sinks, Worker
from ingest.codec import encode
from ingest.frames import Frame
from ingest.memory import LogSource, MemoryLog
from ingest.sequence import Sequencer
from ingest.source import MemorySink
from ingest.wfdb_replay import frames
from tests.inference.numerics import recording, restless

ASKED = NumericsSettings(enabled=True, false_alarms_per_h=16.0)


@dataclass
class Past:
    """What a worker was sent, published and noted."""

    sent: list[Frame]
    messages: list[bytes]
    noted: list[bytes]


@pytest.fixture(scope="module")
def past() -> Past:
    pipeline, sequencer = Pipeline(), Sequencer()
    scorer = ModelChoice().scorer(pipeline, ASKED)
    noted, alarms = MemorySink(), MemorySink()
    options = Options(asked=ASKED.asked, share=ASKED.share)
    ledger = Ledger(noted, pipeline, sequencer, options, scorer.models)
    log, sent = MemoryLog(1), list(frames(recording(restless(0, n_s=170)), "n0", chunk_s=2.0))
    for frame in sent:
        log.append(frame.stream_id, encode([frame]))
    log.close()
    worker = Worker(
        LogSource(log), Sinks(alarms, MemorySink()), scorer, Metrics(CollectorRegistry()),
        sequencer=sequencer, overheard=ledger.hear,
    )  # fmt: skip
    while worker.turn(0.0):
        pass
    return Past(sent, [v for _, v in alarms.messages], [v for _, v in noted.messages])


def changes(past: Past) -> list[bytes]:
    """Messages of the first alarm."""
    first = json.loads(past.messages[0])["id"]
    return [each for each in past.messages if json.loads(each)["id"] == first]


def test_an_alarm_of_numerics_says_the_same_bytes_again(past: Past) -> None:
    known = [read_in_force(line) for line in past.noted]
    alarm = json.loads(past.messages[0])
    course = course_of(known, "n0", "0", alarm["decided"]["sample"])
    assert course is not None
    assert (course.begun.options.asked, course.begun.models[-1][0]) == ("16", "forecast")

    outcome = say_again(changes(past), course, past.sent, [])

    assert len(outcome.compared) == 2
    assert outcome.is_same


def test_with_another_limit_asked_for_it_is_not_the_same(past: Past) -> None:
    told = of_alarm(json.loads(past.messages[0]))  # nothing noted: the default is taken

    outcome = say_again(changes(past), told, past.sent, [])

    assert not outcome.is_same
