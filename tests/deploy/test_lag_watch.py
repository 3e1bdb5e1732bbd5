"""A worker that falls behind says so once, and once when it has caught up."""

from __future__ import annotations

import json

import pytest
from prometheus_client import CollectorRegistry

from deploy.notify import Notice
from deploy.services.lag_watch import LagWatch
from inference.recovery_metrics import RecoveryMetrics


def test_lag_is_raised_above_its_limit_and_ended_below_half_of_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    registry, told = CollectorRegistry(), list[Notice]()
    watch = LagWatch(10.0, RecoveryMetrics(registry), "w1", told.append, lambda: 1.5)
    states = []
    for lag_s in (0.0, 10.0, 10.1, 60.0, 6.0, 11.0, 5.0, 4.9, 0.0, 12.0):
        watch.note(lag_s)
        states.append(registry.get_sample_value("vigil_behind"))

    assert states == [0, 0, 1, 1, 1, 1, 1, 0, 0, 1]
    bodies = [json.loads(notice.body) for notice in told]
    assert [(b["state"], b["lag_s"]) for b in bodies] == [
        ("raised", 10.1),
        ("ended", 4.9),
        ("raised", 12.0),
    ]
    assert bodies[0] == {
        "schema": "vigil.technical/1",
        "stream_id": "*",
        "condition": "lag",
        "priority": "high",
        "state": "raised",
        "worker": "w1",
        "at_ms": 1500,
        "lag_s": 10.1,
    }
    assert sum("behind" in record.message for record in caplog.records) == 2


def test_without_anybody_to_tell_it_is_still_counted() -> None:
    registry = CollectorRegistry()
    LagWatch(1.0, RecoveryMetrics(registry), "w1").note(2.0)
    assert registry.get_sample_value("vigil_behind") == 1
