"""A worker that finds no broker tries again, for a stated time, with waits that grow."""

from __future__ import annotations

import pytest

from deploy.services.waiting import AwayError, made_when_there
from ingest.errors import InputError


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now_s += seconds


def broker(away_until_s: float, clock: Clock) -> str:
    if clock.now_s < away_until_s:
        raise AwayError("no Kafka answers at b:1")
    return "made"


def test_a_broker_that_comes_is_found(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    made = made_when_there(lambda: broker(100, clock), 300, sleep=clock.sleep, clock=clock)
    assert made == "made"
    assert clock.waits == [1, 2, 4, 8, 16, 30, 30, 30]
    assert "try 1: no Kafka answers at b:1; tried again in 1 s, and for 300 s more" in caplog.text


def test_the_time_that_is_stated_is_the_longest() -> None:
    clock = Clock()
    with pytest.raises(AwayError, match="no Kafka answers"):
        made_when_there(lambda: broker(1e9, clock), 10, sleep=clock.sleep, clock=clock)
    assert clock.now_s == 10


def test_what_waiting_does_not_mend_is_raised_at_once() -> None:
    clock = Clock()

    def make() -> None:
        raise InputError("there is no topic 'x'")

    with pytest.raises(InputError, match="no topic"):
        made_when_there(make, 300, sleep=clock.sleep, clock=clock)
    assert clock.waits == []
