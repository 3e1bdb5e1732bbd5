"""The watch: the error rate, the delay, groups, one odd patient, and what it shows."""

from __future__ import annotations

import json
import threading

import numpy as np
from prometheus_client import CollectorRegistry, generate_latest

from deploy.drift.declaration import DriftDeclaration
from deploy.drift.exposition import DriftCollector
from deploy.drift.page import page
from deploy.drift.patient import PatientFigures
from deploy.drift.reading import SCHEMA, in_words, reading
from deploy.drift.watch import DriftWatch
from tests.deploy.drift.patients import figures, patient

SMALL = DriftDeclaration(reference=40, group_reference=30, most_groups=4)


def test_alerts_on_lives_without_drift_are_rarer_than_alpha() -> None:
    loose = DriftDeclaration(alpha=0.4, reference=20, group_reference=20, most_groups=2)
    alerted = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        watch = DriftWatch(loose)
        for i in range(60):
            watch.add(patient(seed * 1000 + i, rng))
        alerted += bool(watch.alerts)
    assert alerted <= 8 + 4  # alpha of 20 lives, and two standard deviations


def test_a_drift_of_one_figure_is_found_in_that_figure_and_soon() -> None:
    rng = np.random.default_rng(3)
    watch = DriftWatch(SMALL)
    for i in range(120):
        watch.add(patient(i, rng, shift=2.5 if i >= 80 else 0.0))
    alert = next(alert for alert in watch.alerts if alert.by == "all")
    assert {one.figure for one in watch.alerts} == {"amplitude_uv"}
    assert (alert.figure, alert.direction) == ("amplitude_uv", "up")
    assert 40 < alert.found_after <= 80
    assert "amplitude_uv of all patients (up)" in in_words(alert)


def test_a_drift_of_one_device_is_told_of_that_device() -> None:
    rng = np.random.default_rng(4)
    watch = DriftWatch(SMALL)
    for i in range(240):
        device = "AB"[i % 2]
        watch.add(patient(i, rng, 3.0 if device == "B" and i >= 100 else 0.0, device))
    told = {(alert.figure, alert.by, alert.group) for alert in watch.alerts}
    assert ("amplitude_uv", "device", "B") in told
    assert ("amplitude_uv", "device", "A") not in told


def test_one_odd_patient_is_no_drift_however_often_it_comes() -> None:
    rng = np.random.default_rng(5)
    watch = DriftWatch(SMALL)
    for i in range(60):
        watch.add(patient(i, rng))
    odd = PatientFigures("odd", 0.0, {"amplitude_uv": 1e6})
    for _ in range(100):
        watch.add(odd)
    assert not watch.alerts
    assert watch.ignored["figure of a patient that was counted"] == 99


def test_groups_beyond_the_declared_number_are_not_tested_but_counted_in_all() -> None:
    rng = np.random.default_rng(6)
    watch = DriftWatch(DriftDeclaration(reference=20, most_groups=3))
    for i in range(30):
        watch.add(patient(i, rng, device=f"d{i}"))
    groups = {(cell.by, cell.group) for cell in watch.cells.values() if cell.by != "all"}
    assert len(groups) == 3
    assert watch.cells["amplitude_uv", "all", ""].test.n == 30


def test_the_same_patients_give_the_same_reading() -> None:
    def told() -> str:
        rng = np.random.default_rng(7)
        watch = DriftWatch(SMALL)
        for i in range(70):
            watch.add(patient(i, rng, device="A"))
        return json.dumps(reading(watch))

    assert told() == told()


def test_nothing_that_is_shown_names_a_patient() -> None:
    rng = np.random.default_rng(8)
    watch = DriftWatch(SMALL)
    for i in range(80):
        shift = 4.0 if i > 50 else 0.0
        watch.add(PatientFigures(f"secret-{i}", i, figures(rng, shift), "ward 7", "D-12"))
    registry = CollectorRegistry()
    registry.register(DriftCollector(watch, threading.Lock()))
    shown = [json.dumps(reading(watch)), page(reading(watch)), generate_latest(registry).decode()]
    assert watch.alerts
    for each in shown:
        assert "secret" not in each
        assert "ward 7" in each
    assert reading(watch)["schema"] == SCHEMA
    assert 'vigil_drift_state{by="all",figure="amplitude_uv",group=""} 2.0' in shown[2]
