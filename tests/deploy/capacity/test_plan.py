"""A plan's arithmetic by hand, and what it refuses."""

from __future__ import annotations

import dataclasses

import pytest

from deploy.capacity.plan import Assumed, Measured, plan
from ingest.errors import InputError

MEASURED = Measured(
    patients_a_core=10_000,
    state_bytes=9_000,
    frame_bytes=600,
    alarm_bytes=500,
    alarms_an_hour=7.2,
    worker_bytes=1e8,
)


def test_a_million_patients_by_hand() -> None:
    made = plan(1_000_000, MEASURED, Assumed(utilisation=0.5, zones=3, streams_a_partition=500))
    assert made.workers == 201  # 200, in three equal zones
    assert made.partitions == 2000
    assert made.in_bytes_s == 6e8
    assert made.snapshot_bytes_s == 1.5e8
    assert made.alarm_bytes_s == pytest.approx(1e6)
    assert made.written_bytes_s == pytest.approx(3 * 7.51e8)
    assert made.brokers % 3 == 0
    # Each worker of the two zones that are left: 1,000,000 / 134 patients.
    assert made.worker_bytes == pytest.approx(1e8 + 1_000_000 / 134 * 9_000)


@pytest.mark.parametrize("copies", [1, 2, 3])
def test_what_is_kept_and_written_grows_with_the_copies(copies: int) -> None:
    one = plan(50_000, MEASURED, Assumed(replication=1))
    many = plan(50_000, MEASURED, Assumed(replication=copies))
    assert many.disk_bytes == pytest.approx(copies * one.disk_bytes)
    assert many.written_bytes_s == pytest.approx(copies * one.written_bytes_s)


def test_no_worker_is_given_more_patients_than_its_share() -> None:
    for patients in (1, 999, 5_000, 5_001, 123_456):
        made = plan(patients, MEASURED, Assumed(utilisation=0.5))
        assert patients / made.workers <= 0.5 * MEASURED.patients_a_core
        assert made.partitions >= made.workers


@pytest.mark.parametrize(
    ("patients", "change", "named"),
    [
        (0, {}, "patients"),
        (10, {"zones": 1}, "zones"),
        (10, {"utilisation": 0.67}, "utilisation"),
        (10, {"utilisation": 0.0}, "utilisation"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(
    patients: int, change: dict[str, float], named: str
) -> None:
    with pytest.raises(InputError, match=named):
        plan(patients, MEASURED, dataclasses.replace(Assumed(), **change))  # type: ignore[arg-type]
