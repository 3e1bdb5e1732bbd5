"""Simulated numerics follow the heart that they are told of."""

from __future__ import annotations

import numpy as np

from ingest.frames import MISSING_ADU
from ingest.simulator.numerics import ARREST_MMHG, GAIN, numerics_beside
from ingest.simulator.record import SimulatedRecord, simulate
from ingest.simulator.script import Script, Segment, asystole, lead_off, sinus

LAST_S = 100


def record(*segments: Segment) -> SimulatedRecord:
    return simulate(Script("p", segments, note=""), 250.0, float(LAST_S), 3)


def test_while_the_heart_stands_still_there_is_no_pulse_and_hardly_a_pressure() -> None:
    found = numerics_beside(record(sinus(50.0, 72.0), asystole(30.0), sinus(20.0, 72.0)), line=True)
    pulse, _, saturation, systolic, _, _ = found.samples
    assert (pulse[60:78] == MISSING_ADU).all()
    assert (saturation[60:78] == MISSING_ADU).all()
    assert (systolic[60:78] == ARREST_MMHG[0] * GAIN).all()
    assert np.abs(pulse[10:48] / GAIN - 72).max() < 8
    assert systolic[10:48].min() / GAIN > 90
    assert (pulse[90:] != MISSING_ADU).all(), "it is back"


def test_a_lead_that_is_off_hides_beats_and_no_pulse() -> None:
    found = numerics_beside(record(sinus(40.0, 76.0), lead_off(20.0), sinus(40.0, 76.0)))
    assert (found.samples[0, 5:] != MISSING_ADU).all()


def test_who_desaturates_does_and_others_do_not() -> None:
    calm = record(sinus(100.0, 70.0))
    low = [numerics_beside(calm, desaturates=d).samples[2, 5:].min() / GAIN for d in (True, False)]
    assert low[0] < 89
    assert low[1] > 93


def test_the_same_seed_gives_the_same() -> None:
    one = record(sinus(100.0, 70.0))
    first, same, other = (numerics_beside(one, seed=seed, line=True) for seed in (1, 1, 2))
    assert (first.samples == same.samples).all()
    assert (first.samples != other.samples).any()
