"""Numerics beside the heart rate: what is shown, for how long, and with whose ECG."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest

from deploy.console.hub import Hub
from deploy.console.numerics import HELD_S, MOST_POINTS, MOST_TRENDS, Numerics, groups_of
from deploy.console.waves import unpack
from ingest.frames import Frame, Lead
from tests.deploy.console.consoles import (
    LEADS,
    USUAL,
    alarm,
    frame,
    make_ward,
    numerics,
    serve,
    sign_in,
)


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


def together() -> tuple[Hub, Clock]:
    """A bed with an ECG and a stream of numerics, which came first."""
    clock = Clock()
    hub = Hub({"p": "3", "p-n": "3"}, clock_s=clock)
    hub.see([numerics("p-n", 0), frame("p", 0)])
    return hub, clock


def told_vitals(hub: Hub, clock: Clock) -> list:
    """What the next block tells of the ECG's stream."""
    clock.s += 1.5
    assert hub.turn()
    told: dict = unpack(hub.blocks[-1].wall(4))[2]
    return list(told["vitals"][str(hub.patients["p"].index)])


def test_numerics_are_told_with_the_ecg_of_their_bed() -> None:
    hub, clock = together()
    assert hub.patients["p-n"].of == "p"
    told = told_vitals(hub, clock)[3]
    assert [each[:3] for each in told] == [
        ["SpO₂", "97", "%"],
        ["RR", "16", "/min"],
        ["ABP", "121/79 (93)", "mmHg"],
        ["HR", "75", "bpm"],
    ]
    assert told[2][3] == ["ABP SYS", "ABP DIAS", "ABP MEAN"]


def test_browsers_are_told_when_an_ecg_comes_to_numerics() -> None:
    hub, _ = together()
    items = [json.loads(item) for item in hub.journal.since(0) or []]
    seen = [(i["patient"]["stream_id"], i["patient"]["of"]) for i in items if i["t"] == "patient"]
    assert seen[0] == ("p-n", "")
    assert ("p-n", "p") in seen


def test_a_stream_of_numerics_alone_has_a_tile_with_its_own_rate() -> None:
    clock = Clock()
    hub = Hub(clock_s=clock)
    hub.see([numerics("q", 0)])
    clock.s = 1.5
    assert hub.turn()
    assert hub.patients["q"].of == ""
    assert hub.patients["q"].vitals_list(clock.s)[0] == 75.0


def test_a_value_that_is_not_renewed_is_unknown_and_one_missing_is_at_once_old() -> None:
    hub, clock = together()
    clock.s += HELD_S + 1
    assert {each[1] for each in told_vitals(hub, clock)[3]} == {None}
    hub.see([numerics("p-n", 20, (None, *USUAL[1:]))])
    assert [each[1] for each in told_vitals(hub, clock)[3]][:2] == [None, "16"]


def test_a_pressure_of_a_cuff_stands_until_the_next() -> None:
    cuff = (Lead("NBP SYS", "mmHg", 1.0), Lead("NBP DIAS", "mmHg", 1.0))
    kept = Numerics()
    kept.take(Frame("p", "n", 0, 0, 1.0, cuff, np.array([[118], [71]], np.int16)), 0.0)
    assert kept.shown(600.0)[0][1] == "118/71"
    assert kept.shown(2000.0)[0][1] is None


def test_a_minute_a_frame_tells_its_last_value() -> None:
    kept = Numerics()
    lead = (Lead("SpO2", "%", 1.0),)
    samples = np.full((1, 60), 90, np.int16)
    samples[0, -1] = 88
    kept.take(Frame("p", "n", 0, 0, 1.0, lead, samples), 0.0)
    assert kept.shown(0.0)[0][1] == "88"
    assert kept.shown(100.0)[0][1] == "88", "the next minute is not overdue yet"
    assert kept.shown(130.0)[0][1] is None


def test_what_is_kept_of_numerics_is_bounded() -> None:
    kept = Numerics()
    one = numerics("p-n", 0)
    for i in range(MOST_TRENDS + 50):
        kept.take(replace(one, first_sample=5 * i, start_unix_ns=5 * i * 10**9), 5.0 * i)
    assert len(kept.trend) == MOST_TRENDS
    trends = kept.trends()
    assert {len(each["points"]) for each in trends} == {MOST_POINTS}
    assert trends[0]["points"][-1][:2] == [kept.trend[-1][0], 97.0]


def test_repeats_are_not_taken_again() -> None:
    hub, clock = together()
    hub.see([numerics("p-n", 1), numerics("p-n", 0, (50.0, *USUAL[1:]))])
    assert told_vitals(hub, clock)[3][0][1] == "97"


def test_channels_without_a_known_name_keep_it() -> None:
    found = groups_of((Lead("Temp Core", "degC"), Lead("CVP MEAN", "mmHg")))
    assert [(each.label, each.unit) for each in found] == [("CVP", "mmHg"), ("Temp Core", "°C")]


@pytest.mark.parametrize("condition", ["ventricular_fibrillation", "asystole"])
def test_no_heart_rate_is_told_while_nothing_pumps(tmp_path: Path, condition: str) -> None:
    ward = make_ward(tmp_path)
    patient = ward.hub.patients["p1"]
    patient.make_vitals()
    assert patient.vitals_list()[0] == 75.0
    ward.feed(alarm("p1", condition))
    patient.make_vitals()
    assert patient.vitals_list()[0] is None
    ward.hub.set_vitals({"p1": (0.0, "asystole" if condition == "asystole" else "VF", 0.9)})
    ward.feed(alarm("p1", condition, "ended"))
    assert patient.vitals_list()[0] is None, "by rhythm alone"
    ward.hub.set_vitals({"p1": (75.0, "regular rate", 0.9)})
    assert patient.vitals_list()[0] in (75.0, None)
    patient.board.lines.clear()
    assert patient.vitals_list()[0] == 75.0
    ward.console.audit.close()
    ward.database.close()


def test_pulses_beside_an_ecg_are_kept_as_they_came_and_given_with_their_calibration(
    tmp_path: Path,
) -> None:
    ward = make_ward(tmp_path, streams=())
    pleth = Lead("PLETH", "NU", 8000.0, -90_000)
    ecg = frame("p1", 0)
    samples = np.concatenate([ecg.samples, np.arange(50, dtype=np.int16)[None] - 30_000])
    ward.hub.see([replace(ecg, leads=(*LEADS, pleth), samples=samples)])
    assert ward.hub.patients["p1"].to_dict()["leads"] == ["II", "V1"]
    server = serve(ward.console)
    try:
        with httpx.Client(base_url=server.address, timeout=60.0) as client:
            sign_in(client, "viewer")
            query = "first_sample=0&n_samples=50"
            told = client.get(f"/api/patients/p1/signal?{query}").json()
    finally:
        server.stop()
    assert len(told["steps"]) == 2
    (pulse,) = told["pulses"]
    assert (pulse["name"], pulse["adc_gain"], pulse["baseline"]) == ("PLETH", 8000.0, -90_000)
    assert pulse["steps"] == list(range(-30_000, -29_950))
    ward.console.audit.close()
    ward.database.close()
