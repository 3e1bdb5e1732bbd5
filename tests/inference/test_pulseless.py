"""An arterial line tells of an arrest that the ECG does not show; a line at fault does not."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from inference.alarm_json import ModelRef, render, schema
from inference.conditions import Code
from inference.limits import Limits
from inference.pipeline import Pipeline
from inference.time_to_alarm import time_to_alarm_s
from ingest.frames import Lead
from ingest.simulator import sinus
from ingest.simulator.pulses import PLETH, PRESSURE
from tests.inference.patients import cut
from tests.inference.test_corroborated import alarms, decided_s, of, tape

FS = 250
STOP_S = 24.0
BEATS = np.arange(0.4, STOP_S, 0.8)
"""Beats that eject, until the heart only makes an ECG, s."""
GOING_ON = np.arange(0.4, 60.0, 0.8)


def stream(beats_s=GOING_ON, leads=(PRESSURE,), spoil=None, seconds=45.0):
    """A sinus rhythm with an arterial line, which something befalls."""
    made = tape("p", sinus(seconds, 75.0), beats_s=beats_s, leads=leads, end=False)
    chunk = made.items[0]
    samples = chunk.samples.copy()
    if spoil is not None:
        mmhg = samples[1].astype(float) / PRESSURE.adc_gain
        spoil(mmhg)
        samples[1] = np.clip(np.rint(mmhg * PRESSURE.adc_gain), -32767, 32767).astype(np.int16)
    return replace(chunk, samples=samples)


def told(chunk, pipeline=None):
    return alarms([chunk], pipeline)


def test_pulses_that_stop_under_a_usual_ecg_are_pulseless_within_the_time_stated():
    changes = told(stream(BEATS))
    raised = [c for c in changes if c["condition"] == "pulseless"]

    assert [c["state"] for c in raised] == ["raised"]
    assert raised[0]["priority"] == "high"
    assert raised[0]["corroboration"]["reason"] == "no_pulse"
    bound_s = time_to_alarm_s(Code.PULSELESS, Limits(), 0)
    onset_s = raised[0]["onset"]["sample"] / FS
    assert BEATS[-1] < onset_s < BEATS[-1] + 0.6
    assert decided_s(changes, "pulseless", "raised") - onset_s <= bound_s


def test_the_selected_time_without_pulses_holds():
    early, late = (
        decided_s(
            told(stream(BEATS), Pipeline(limits=Limits(pulseless_s=s))), "pulseless", "raised"
        )
        for s in (3.0, 7.0)
    )
    assert 3.6 <= late - early <= 4.4


def test_it_ends_where_pulses_come_back_and_latches():
    beats = np.concatenate([BEATS, np.arange(36.0, 60.0, 0.8)])
    states = [state for state, _ in of(told(stream(beats, seconds=50.0)), "pulseless")]
    assert states == ["raised", "latched"]


def flush(mmhg):
    mmhg[24 * FS : 34 * FS] = 300.0


def zeroed(mmhg):
    mmhg[24 * FS : 36 * FS] = 0.0


def off_the_patient(mmhg):
    n = 12 * FS
    mmhg[24 * FS : 24 * FS + n] = 14.0 + np.random.default_rng(1).normal(0, 0.4, n)


def closed_tap(mmhg):
    mmhg[24 * FS : 36 * FS] = 52.0


def clotted(mmhg):
    part = mmhg[24 * FS :]
    part[:] = 85.0 + (part - part.mean()) * 0.02


def slipped_slowly_then_off(mmhg):
    noise = np.random.default_rng(2).normal(0, 0.4, 12 * FS)
    mmhg[24 * FS : 36 * FS] = np.where(np.arange(12 * FS) < 2 * FS, 88.0, 15.0) + noise


@pytest.mark.parametrize(
    "fault", [flush, zeroed, off_the_patient, closed_tap, clotted, slipped_slowly_then_off]
)
def test_a_line_at_fault_is_no_arrest(fault):
    assert of(told(stream(spoil=fault)), "pulseless") == []


def test_a_line_that_never_pulsed_and_a_circulation_that_goes_on_say_nothing():
    assert of(told(stream(np.empty(0))), "pulseless") == []
    assert of(told(stream()), "pulseless") == []


def test_a_plethysmogram_alone_is_not_asked_and_one_that_goes_on_contradicts():
    assert of(told(stream(BEATS, leads=(PLETH,))), "pulseless") == []
    arrested, fine = stream(BEATS, (PRESSURE, PLETH)), stream(GOING_ON, (PRESSURE, PLETH))
    samples = arrested.samples.copy()
    samples[2] = fine.samples[2]
    assert of(told(replace(arrested, samples=samples)), "pulseless") == []
    assert of(told(arrested), "pulseless")[0][0] == "raised"


def test_a_venous_line_is_not_asked():
    chunk = stream(BEATS)
    leads = (chunk.leads[0], Lead("CVP", "mmHg", PRESSURE.adc_gain, 0))
    assert of(told(replace(chunk, leads=leads)), "pulseless") == []


@pytest.mark.parametrize("seed", range(3))
def test_any_cut_tells_the_same(seed):
    chunk = stream(np.concatenate([BEATS, np.arange(36.0, 60.0, 0.8)]), seconds=50.0)
    rng, pipeline, model = np.random.default_rng(seed), Pipeline(), ModelRef("m", "1", "0" * 64)
    lengths = iter(lambda: int(rng.integers(1, 3 * FS)), None)
    found = [
        json.loads(render(c.transition, c.stream.source, model, Limits()))
        for part in cut([chunk], lengths)
        for c in pipeline.push([part]).alarms
    ]
    assert found == told(chunk)
    assert [c["condition"] for c in found if c["state"] == "latched"] == ["pulseless"]


def test_the_schema_knows_it():
    assert "pulseless" in schema()["properties"]["condition"]["enum"]
